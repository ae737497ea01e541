#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/http_fields.h"
#include "smart-json/http_gzip.h"
#include "smart-json/http_private.h"
#include "smart-json/http_words.h"
#include "src/base/log.h"

/* What goes back to the client: heads, bodies, pieces, refusals. */

enum { SLOW_LISTENER_BYTES = 65536, GZIP_LEAST = 1024, RETRY_S = 2 };

static const char *
reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 204: return "No Content";
	case 301: return "Moved Permanently";
	case 302: return "Found";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 409: return "Conflict";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 422: return "Unprocessable Content";
	case 423: return "Locked";
	case 429: return "Too Many Requests";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	case 507: return "Insufficient Storage";
	default:  return "Error";
	}
}

static bool
has_body(int status)
{
	return status != 204 && status != 304;
}

/* ---- heads ---- */

/* web-ui.md 7. */
static const char guards[] = "X-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n"
			     "Referrer-Policy: no-referrer\r\n"
			     "Content-Security-Policy: default-src 'self'\r\n";

static void
add_field(struct evbuffer *out, const char *name, const char *value)
{
	if (value != NULL && *value != '\0')
		evbuffer_add_printf(out, "%s: %s\r\n", name, value);
}

static void
send_head(struct exchange *ex, const char *body_field)
{
	const struct http_call *call = &ex->call;
	bool keep = conn_keeps(ex->conn) && (!ex->streaming || ex->head.minor == 1);
	struct evbuffer *out = bufferevent_get_output(ex->conn->bev);
	unsigned retry_s = call->retry_after_s;

	if (call->status == 503 && retry_s == 0)
		retry_s = RETRY_S;
	evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", call->status, reason(call->status));
	if (has_body(call->status)) {
		add_field(out, "Content-Type", call->type);
		evbuffer_add_printf(out, "%s", body_field);
	}
	if (ex->gzipped)
		add_field(out, "Content-Encoding", "gzip");
	if (ex->gzipped || ex->cache != NULL)
		add_field(out, "Vary", "Accept-Encoding");
	add_field(out, "Cache-Control", ex->cache != NULL ? ex->cache : "no-store");
	add_field(out, "ETag", ex->etag);
	add_field(out, "Location", ex->location);
	evbuffer_add(out, guards, sizeof(guards) - 1);
	add_field(out, "Connection", keep ? "keep-alive" : "close");
	if (call->events) /* nginx would gather them */
		add_field(out, "X-Accel-Buffering", "no");
	add_field(out, "Allow", call->allow);
	add_field(out, "Content-Disposition", call->disposition);
	add_field(out, "Set-Cookie", call->cookie);
	if (retry_s != 0)
		evbuffer_add_printf(out, "Retry-After: %u\r\n", retry_s);
	evbuffer_add(out, "\r\n", 2);
	ex->started = true;
	if (!keep)
		ex->head.keep_alive = false;
}

/* ---- bodies ---- */

static void
release(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	free(arg);
}

/* Hands the text's memory to the connection. */
static void
send_text(struct exchange *ex, struct text *text)
{
	struct evbuffer *out = bufferevent_get_output(ex->conn->bev);

	if (text->len == 0)
		return;
	if (evbuffer_add_reference(out, text->p, text->len, release, text->p) != 0)
		return;
	memset(text, 0, sizeof(*text));
}

void
exchange_send_chunk(struct exchange *ex, struct text *text)
{
	struct evbuffer *out = bufferevent_get_output(ex->conn->bev);
	bool chunked = ex->head.minor == 1;

	if (text->len == 0)
		return;
	if (chunked)
		evbuffer_add_printf(out, "%zx\r\n", text->len);
	send_text(ex, text);
	if (chunked)
		evbuffer_add(out, "\r\n", 2);
}

void
exchange_answer(struct exchange *ex)
{
	struct http_call *call = &ex->call;
	char field[64];

	if (call->out.failed) {
		text_free(&call->out);
		ex->gzipped = false;
		http_fail(call, 503, NULL, "out of memory; try again later");
	}
	if (call->out.len == 0 && call->status == 200)
		text_str(&call->out, "{\"res\":0}\n");
	snprintf(field, sizeof(field), "Content-Length: %zu\r\n", call->out.len);
	ex->last = true;
	send_head(ex, field);
	if (ex->head.method != HTTP_HEAD && has_body(call->status))
		send_text(ex, &call->out);
}

void
exchange_start_stream(struct exchange *ex)
{
	const char *field = ex->head.minor == 1 ? "Transfer-Encoding: chunked\r\n" : "";

	ex->streaming = true;
	send_head(ex, field);
	if (ex->head.method == HTTP_HEAD)
		ex->last = true;
	else
		exchange_send_chunk(ex, &ex->call.out);
	if (ex->call.events && !ex->last)
		ex->conn->state = CONN_EVENTS;
}

/* Whole answers when they are long, streamed ones from their first piece on. */
void
exchange_compress(struct exchange *ex)
{
	struct http_call *call = &ex->call;
	bool streamed = call->more != NULL && call->status == 200;
	bool last = !streamed || (ex->started && ex->result <= 0);

	if (!ex->started) {
		if (ex->gzipped || ex->cache != NULL || call->events || call->out.failed ||
		    (!streamed && call->out.len <= GZIP_LEAST) || !gzip_pays(call->type) ||
		    !http_coding_taken(http_head_field(&ex->head, "Accept-Encoding"), "gzip") ||
		    (ex->gzip = gzip_open()) == NULL)
			return;
		ex->gzipped = true;
	}
	if (ex->gzip != NULL)
		gzip_text(ex->gzip, &call->out, last);
}

/* ---- for handlers ---- */

/* Result codes of smart-json.md 5. */
static int
res_of_status(int status)
{
	switch (status) {
	case 404: case 405: return 2;
	case 409: return 3;
	case 422: return 5;
	case 501: return 9;
	case 423: case 503: return 8;
	case 507: return 10;
	case 500: return 1;
	default:  return 74;
	}
}

__attribute__((format(printf, 5, 0))) static void
fail(struct http_call *call, int status, int res, const char *where, const char *fmt, va_list ap)
{
	char said[512];

	vsnprintf(said, sizeof(said), http_word(call->english, fmt), ap);
	call->status = status;
	call->type = "application/json";
	call->disposition = NULL;
	call->cookie = NULL;
	call->more = NULL;
	text_clear(&call->out);
	text_printf(&call->out, "{\"res\":%d,\"error\":", res);
	text_json(&call->out, said);
	if (where != NULL) {
		text_str(&call->out, ",\"where\":");
		text_json(&call->out, where);
	}
	text_str(&call->out, "}\n");
}

void
http_fail(struct http_call *call, int status, const char *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(call, status, res_of_status(status), where, fmt, ap);
	va_end(ap);
}

void
http_fail_res(struct http_call *call, int status, int res, const char *where, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail(call, status, res, where, fmt, ap);
	va_end(ap);
}

void
http_fail_err(struct http_call *call, int err, const char *where, const char *what)
{
	int status = 500;

	switch ((enum uspd_err)err) {
	case E_NOTFOUND:
		status = 404;
		break;
	case E_EXISTS:
		status = 409;
		break;
	case E_INVALID: case E_UNSUPPORTED: case E_NODRIVER:
		status = 422;
		break;
	case E_BUSY: case E_LIMIT: case E_NOMEM: case E_STOPPED: case E_PREEMPTED: case E_TIMEOUT:
		status = 503;
		break;
	case E_FULL: case E_READONLY:
		status = 507;
		break;
	case E_OK: case E_CHECKSUM: case E_FRAME: case E_FOREIGN: case E_DENIED: case E_NODATA:
	case E_REFUSED: case E_METER: case E_LOST: case E_IO: case E_CORRUPT: case E_VERSION:
	case E_INTERNAL:
		break;
	}
	if (status == 500)
		log_error("http", "path=%s: %s: %s", call->head->path, what, uspd_strerror(err));
	http_fail(call, status, where, "%s: %s", http_word(call->english, what),
	    http_word(call->english, uspd_strerror(err)));
}

void
http_event(struct http_call *call, const char *data, size_t len)
{
	struct exchange *ex = (struct exchange *)call;
	struct text text = { 0 };

	if (ex->conn == NULL || ex->conn->state != CONN_EVENTS)
		return;
	if (evbuffer_get_length(bufferevent_get_output(ex->conn->bev)) > SLOW_LISTENER_BYTES) {
		conn_free(ex->conn);
		return;
	}
	text_add(&text, data, len);
	if (!text.failed)
		exchange_send_chunk(ex, &text);
	text_free(&text);
}
