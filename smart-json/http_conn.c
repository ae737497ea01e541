#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "smart-json/http_private.h"
#include "smart-json/http_words.h"
#include "src/base/clock.h"

/* Requests as they arrive on a connection; what is refused early is refused here. */

enum { BODIES_MOST = 24 << 20, BODY_IGNORED = 65536 };	/* bodies in memory at once */

void
conn_enter(struct conn *conn, enum conn_state state)
{
	conn->state = state;
	conn->since_us = conn->progress_us = clock_mono_us();
	if (state == CONN_HEAD)
		conn->waiting_us = conn->since_us;
}

void
conn_free(struct conn *conn)
{
	struct exchange *ex = conn->exchange;
	struct http *http = conn->http;

	conn->exchange = NULL;
	LIST_REMOVE(conn, next);
	http->n_conns--;
	bufferevent_free(conn->bev);
	free(conn);
	if (ex != NULL)
		exchange_leave(ex);
	http_accept_again(http);
}

bool
conn_keeps(const struct conn *conn)
{
	return !conn->unread && !conn->eof && conn->exchange->head.keep_alive;
}

static const char *
refusal_text(int status)
{
	switch (status) {
	case 404: return "no such path";
	case 413: return "the body is too large for this path";
	case 414: return "the request line is longer than 8 KiB";
	case 423: return "another upload is under way";
	case 431: return "the head of the request is longer than 32 KiB or has too many fields";
	case 501: return "this is not supported here";
	case 503: return "too many large requests at once; try again later";
	case 505: return "only HTTP/1.0 and HTTP/1.1 are spoken here";
	case 507: return "there is no space left for this body";
	default:  return "the request is no proper HTTP";
	}
}

void
conn_refuse(struct conn *conn, int status)
{
	struct http_call *call = &conn->exchange->call;

	if (status != 0)
		http_fail(call, status, NULL, "%s", http_word(call->english, refusal_text(status)));
	conn_enter(conn, CONN_BUSY);
	exchange_answer(conn->exchange);
}

/* ---- heads ---- */

/* A body where none is expected is read and ignored (smart-json.md 2). */
static uint64_t
body_most(const struct exchange *ex)
{
	return ex->route->body_most != 0 ? ex->route->body_most : BODY_IGNORED;
}

static int
check_body(struct conn *conn)
{
	struct exchange *ex = conn->exchange;

	if (ex->head.length > body_most(ex))
		return 413;
	if (ex->route->place == IN_WORKER_FILE)
		return upload_open(ex);
	return conn->http->body_bytes + ex->head.length > BODIES_MOST ? 503 : 0;
}

static void
begin(struct conn *conn, int status)
{
	struct exchange *ex = conn->exchange;

	conn->unread = status != 0 || ex->head.has_body;
	if (status != 0) {
		ex->head.keep_alive = false;
		conn_refuse(conn, status);
		return;
	}
	if (exchange_check(ex) != 0) {
		conn_refuse(conn, 0);
		return;
	}
	if (!ex->head.has_body) {
		conn_enter(conn, CONN_BUSY);
		exchange_run(ex);
		return;
	}
	if ((status = check_body(conn)) != 0) {
		conn_refuse(conn, status);
		return;
	}
	conn_enter(conn, CONN_BODY);
	conn->body_left = ex->head.length;
	conn->body_got = 0;
	memset(&conn->chunks, 0, sizeof(conn->chunks));
	if (ex->head.expects_continue)
		bufferevent_write(conn->bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
}

/* True when a body follows, which may be here already. */
static bool
read_head(struct conn *conn)
{
	struct evbuffer *in = bufferevent_get_input(conn->bev);
	size_t have = evbuffer_get_length(in), len;
	struct exchange *ex;
	const char *data;
	int status = 0;
	bool long_line;

	if (have == 0)
		return false;
	if (have > HTTP_HEAD_MAX)
		have = HTTP_HEAD_MAX;
	data = (const char *)evbuffer_pullup(in, (ev_ssize_t)have);
	len = data != NULL ? http_head_length(data, have) : 0;
	long_line = data != NULL && have > HTTP_LINE_MAX && memchr(data, '\n', HTTP_LINE_MAX) == NULL;
	if (len == 0 && !long_line && have < HTTP_HEAD_MAX)
		return false;
	if ((ex = exchange_new(conn)) == NULL || (ex->head_text = malloc(len + 1)) == NULL) {
		conn_free(conn);
		return false;
	}
	if (long_line || len == 0) {
		status = long_line ? 414 : 431;
	} else {
		evbuffer_remove(in, ex->head_text, len);
		ex->head_text[len] = '\0';
		status = http_head_parse(&ex->head, ex->head_text, len);
	}
	begin(conn, status);
	return conn->state == CONN_BODY;
}

/* ---- bodies ---- */

/* Takes n bytes of the body from the input.  False: refused or closed. */
static bool
take_body(struct conn *conn, const char *data, size_t n)
{
	struct exchange *ex = conn->exchange;
	int status = 0;

	if (conn->body_got + n > body_most(ex))
		status = 413;
	else if (conn->http->body_bytes + n > BODIES_MOST)
		status = 503;
	if (status != 0) {
		conn_refuse(conn, status);
		return false;
	}
	text_add(&ex->body, data, n);
	if (ex->body.failed) {
		conn_refuse(conn, 503);
		return false;
	}
	conn->http->body_bytes += n;
	conn->body_got += n;
	return true;
}

/* Reads one stretch of the body; 1 whole, 0 go on, -1 refused. */
static int
read_stretch(struct conn *conn, const char *data, size_t n, size_t *used)
{
	size_t body = n;
	int whole;

	if (conn->exchange->head.chunked) {
		whole = http_chunks_feed(&conn->chunks, data, n, used, &body);
		if (whole < 0) {
			http_fail(&conn->exchange->call, 400, NULL,
			    "the chunks of the body are broken");
			conn_refuse(conn, 0);
			return -1;
		}
	} else {
		*used = body = n < conn->body_left ? n : (size_t)conn->body_left;
		conn->body_left -= body;
		whole = conn->body_left == 0;
	}
	return take_body(conn, data + *used - body, body) ? whole : -1;
}

static void
body_whole(struct conn *conn)
{
	conn->unread = false;
	conn_enter(conn, CONN_BUSY);
	exchange_run(conn->exchange);
}

/* The connection rests while a piece goes to the file. */
static void
store_piece(struct conn *conn)
{
	int status = upload_store(conn->exchange);

	if (status != 0)
		conn_refuse(conn, status);
	else
		bufferevent_disable(conn->bev, EV_READ);
}

static void
read_body(struct conn *conn)
{
	struct evbuffer *in = bufferevent_get_input(conn->bev);
	struct exchange *ex = conn->exchange;
	size_t n, used;
	int whole = 0;

	while (whole == 0 && (n = evbuffer_get_contiguous_space(in)) > 0) {
		whole = read_stretch(conn, (const char *)evbuffer_pullup(in, (ev_ssize_t)n), n, &used);
		if (whole < 0)
			return;
		evbuffer_drain(in, used);
		if (ex->upload != NULL && ex->body.len >= UPLOAD_PIECE)
			break;
	}
	if (whole != 0)
		conn->unread = false;
	if (ex->upload != NULL && ex->body.len > 0 && (whole != 0 || ex->body.len >= UPLOAD_PIECE))
		store_piece(conn);
	else if (whole != 0)
		body_whole(conn);
}

void
conn_piece_stored(struct conn *conn, int status)
{
	bufferevent_enable(conn->bev, EV_READ);
	conn->progress_us = clock_mono_us();
	if (status != 0)
		conn_refuse(conn, status);
	else if (!conn->unread)
		body_whole(conn);
	else
		conn_arrived(conn);
}

static void
linger(struct conn *conn)
{
	struct evbuffer *in = bufferevent_get_input(conn->bev);

	conn->dropped += evbuffer_get_length(in);
	evbuffer_drain(in, evbuffer_get_length(in));
	if (conn->dropped > LINGER_BYTES)
		conn_free(conn);
}

void
conn_arrived(struct conn *conn)
{
	conn->progress_us = clock_mono_us();
	/* A body may have come together with its head. */
	if (conn->state == CONN_HEAD && !read_head(conn))
		return;
	if (conn->state == CONN_BODY && !conn->exchange->working)
		read_body(conn);
	else if (conn->state == CONN_LINGER)
		linger(conn);
}

void
conn_finished(struct conn *conn)
{
	bool keep = conn_keeps(conn);
	struct exchange *ex = conn->exchange;

	conn->exchange = NULL;
	ex->conn = NULL;
	exchange_free(ex);
	if (keep) {
		conn_enter(conn, CONN_HEAD);
		conn_arrived(conn);
	} else if (conn->unread && !conn->eof) {
		conn_enter(conn, CONN_LINGER);
		conn->dropped = 0;
		shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
		linger(conn);
	} else {
		conn_free(conn);
	}
}
