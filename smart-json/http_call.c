#include "smart-json/http_private.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/base/loop.h"

enum { SLOW_LISTENER_BYTES = 65536 };

struct exchange *
exchange_new(struct conn *conn)
{
	struct exchange *ex = calloc(1, sizeof(*ex));

	if (ex == NULL)
		return NULL;
	ex->http = conn->http;
	ex->conn = conn;
	ex->call.server = &conn->http->options;
	ex->call.head = &ex->head;
	ex->call.status = 200;
	ex->call.type = "application/json";
	ex->call.body = "";
	LIST_INSERT_HEAD(&conn->http->exchanges, ex, next);
	conn->exchange = ex;
	return ex;
}

void
exchange_free(struct exchange *ex)
{
	if (ex->call.gone != NULL)
		ex->call.gone(&ex->call);
	if (ex->call.job_free != NULL)
		ex->call.job_free(ex->call.job);
	LIST_REMOVE(ex, next);
	ex->http->body_bytes -= ex->body.len;
	text_free(&ex->call.out);
	text_free(&ex->body);
	free(ex->head_text);
	free(ex);
}

/* ---- answers ---- */

static const char *
reason(int status)
{
	switch (status) {
	case 200: return "OK";
	case 204: return "No Content";
	case 400: return "Bad Request";
	case 401: return "Unauthorized";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 409: return "Conflict";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 422: return "Unprocessable Content";
	case 431: return "Request Header Fields Too Large";
	case 500: return "Internal Server Error";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	case 507: return "Insufficient Storage";
	default:  return "Error";
	}
}

static void
send_head(struct exchange *ex, const char *body_field)
{
	const struct http_call *call = &ex->call;
	bool keep = conn_keeps(ex->conn) && (!ex->streaming || ex->head.minor == 1);
	struct evbuffer *out = bufferevent_get_output(ex->conn->bev);

	evbuffer_add_printf(out, "HTTP/1.1 %d %s\r\n", call->status, reason(call->status));
	if (call->status != 204)
		evbuffer_add_printf(out, "Content-Type: %s\r\n%s", call->type, body_field);
	evbuffer_add_printf(out,
	    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
	    "Connection: %s\r\n",
	    keep ? "keep-alive" : "close");
	if (call->allow != NULL)
		evbuffer_add_printf(out, "Allow: %s\r\n", call->allow);
	if (call->disposition != NULL)
		evbuffer_add_printf(out, "Content-Disposition: %s\r\n", call->disposition);
	if (call->status == 503)
		evbuffer_add_printf(out, "Retry-After: 2\r\n");
	evbuffer_add(out, "\r\n", 2);
	ex->started = true;
	if (!keep)
		ex->head.keep_alive = false;
}

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

static void
send_chunk(struct exchange *ex, struct text *text)
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
		call->type = "application/json";
		http_fail(call, 503, NULL, "out of memory; try again later");
	}
	if (call->out.len == 0 && call->status == 200)
		text_str(&call->out, "{\"res\":0}\n");
	snprintf(field, sizeof(field), "Content-Length: %zu\r\n", call->out.len);
	ex->last = true;
	send_head(ex, field);
	if (ex->head.method != HTTP_HEAD && call->status != 204)
		send_text(ex, &call->out);
}

static void
start_stream(struct exchange *ex)
{
	const char *field = ex->head.minor == 1 ? "Transfer-Encoding: chunked\r\n" : "";

	ex->streaming = true;
	send_head(ex, field);
	if (ex->head.method == HTTP_HEAD)
		ex->last = true;
	else
		send_chunk(ex, &ex->call.out);
	if (ex->call.events && !ex->last)
		ex->conn->state = CONN_EVENTS;
}

/* ---- running ---- */

static void run_again(struct exchange *ex);

/* After the handler, or more(), has run; in the loop. */
static void
after_run(struct exchange *ex)
{
	if (ex->conn == NULL) {
		exchange_free(ex);
		return;
	}
	if (!ex->started) {
		if ((ex->call.more != NULL || ex->call.events) && ex->call.status == 200)
			start_stream(ex);
		else
			exchange_answer(ex);
		return;
	}
	if (ex->result < 0 || ex->call.out.failed) {
		/* No end mark: the client sees that the answer is cut. */
		conn_free(ex->conn);
		return;
	}
	ex->last = ex->result == 0;
	if (!ex->last && ex->call.out.len == 0) {
		run_again(ex);
		return;
	}
	send_chunk(ex, &ex->call.out);
	if (ex->last && ex->head.minor == 1)
		evbuffer_add(bufferevent_get_output(ex->conn->bev), "0\r\n\r\n", 5);
	else if (ex->last && evbuffer_get_length(bufferevent_get_output(ex->conn->bev)) == 0)
		conn_finished(ex->conn);
}

static void
work_run(void *arg)
{
	struct exchange *ex = arg;

	if (!ex->started)
		ex->route->handler(&ex->call);
	else
		ex->result = ex->call.more(&ex->call);
}

static void
work_done(void *arg)
{
	struct exchange *ex = arg;

	ex->working = false;
	after_run(ex);
}

static int
to_worker(struct exchange *ex)
{
	int rc = loop_work(ex->http->options.loop, work_run, work_done, ex);

	ex->working = rc == E_OK;
	return rc;
}

static void
run_again(struct exchange *ex)
{
	if (to_worker(ex) < 0)
		conn_free(ex->conn);
}

void
exchange_run(struct exchange *ex)
{
	ex->call.body = ex->body.p != NULL ? ex->body.p : "";
	ex->call.body_len = ex->body.len;
	if (ex->route->place == IN_LOOP) {
		ex->route->handler(&ex->call);
		after_run(ex);
	} else if (to_worker(ex) < 0) {
		http_fail(&ex->call, 503, NULL, "too many requests wait; try again later");
		exchange_answer(ex);
	}
}

void
exchange_drained(struct exchange *ex)
{
	if (ex->last)
		conn_finished(ex->conn);
	else if (!ex->working)
		run_again(ex);
}

/* ---- for handlers ---- */

const char *
http_arg(const struct http_call *call, const char *name)
{
	return http_head_arg(call->head, name);
}

/* Result codes of smart-json.md 5. */
static int
res_of_status(int status)
{
	switch (status) {
	case 404: case 405: return 2;
	case 409: return 3;
	case 422: return 5;
	case 501: return 9;
	case 503: return 8;
	case 507: return 10;
	case 500: return 1;
	default:  return 74;
	}
}

static void
fail(struct http_call *call, int status, int res, const char *where, const char *fmt, va_list ap)
{
	char said[512];

	vsnprintf(said, sizeof(said), fmt, ap);
	call->status = status;
	call->type = "application/json";
	call->disposition = NULL;
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
	http_fail(call, status, where, "%s: %s", what, uspd_strerror(err));
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
		send_chunk(ex, &text);
	text_free(&text);
}
