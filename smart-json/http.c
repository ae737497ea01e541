#include "smart-json/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "smart-json/http_private.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"

enum {
	IDLE_MS = 60000,
	BODY_LEAST_RATE = 1024,		/* bytes per second a body must come with on average */
	BODIES_MOST = 24 << 20,		/* bodies in memory at once */
	LINGER_MS = 2000, LINGER_BYTES = 1 << 20,	/* smart-json.md 19 */
	BODY_IGNORED = 65536,
	INPUT_MOST = 65536,
	WRITE_STALL_S = 60,
	BACKLOG = 64,
};

static void
conn_enter(struct conn *conn, enum conn_state state)
{
	conn->state = state;
	conn->since_us = clock_mono_us();
}

void
conn_free(struct conn *conn)
{
	struct exchange *ex = conn->exchange;

	conn->exchange = NULL;
	LIST_REMOVE(conn, next);
	conn->http->n_conns--;
	bufferevent_free(conn->bev);
	free(conn);
	if (ex == NULL)
		return;
	ex->conn = NULL;
	if (!ex->working)
		exchange_free(ex);
}

bool
conn_keeps(const struct conn *conn)
{
	return !conn->unread && !conn->eof && conn->exchange->head.keep_alive;
}

/* ---- reading ---- */

/* Answers without having read the rest of the request. */
static void
refuse(struct conn *conn, int status, const char *text)
{
	if (status != 0)
		http_fail(&conn->exchange->call, status, NULL, "%s", text);
	conn_enter(conn, CONN_BUSY);
	exchange_answer(conn->exchange);
}

static const char *
refusal_text(int status)
{
	switch (status) {
	case 404: return "no such path";
	case 413: return "the body is too large for this path";
	case 414: return "the request line is longer than 8 KiB";
	case 431: return "the head of the request is longer than 16 KiB or has too many fields";
	case 501: return "this transfer coding is not supported";
	case 503: return "too many large requests at once; try again later";
	case 505: return "only HTTP/1.0 and HTTP/1.1 are spoken here";
	default:  return "the request is no proper HTTP";
	}
}

/* A body where none is expected is read and ignored (smart-json.md 2). */
static uint64_t
body_most(const struct exchange *ex)
{
	return ex->route->body_most != 0 ? ex->route->body_most : BODY_IGNORED;
}

static int
check_body(struct conn *conn)
{
	const struct exchange *ex = conn->exchange;

	if (ex->head.length > body_most(ex))
		return 413;
	return conn->http->body_bytes + ex->head.length > BODIES_MOST ? 503 : 0;
}

static void
begin(struct conn *conn, int status)
{
	struct exchange *ex = conn->exchange;

	conn->unread = status != 0 || ex->head.has_body;
	if (status != 0) {
		ex->head.keep_alive = false;
		refuse(conn, status, refusal_text(status));
		return;
	}
	if (exchange_admit(ex) != 0 || exchange_route(ex) != 0) {
		refuse(conn, 0, NULL);
		return;
	}
	if (!ex->head.has_body) {
		conn_enter(conn, CONN_BUSY);
		exchange_run(ex);
		return;
	}
	if ((status = check_body(conn)) != 0) {
		refuse(conn, status, refusal_text(status));
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

	if (have == 0)
		return false;
	if (have > HTTP_HEAD_MAX)
		have = HTTP_HEAD_MAX;
	data = (const char *)evbuffer_pullup(in, (ev_ssize_t)have);
	len = data != NULL ? http_head_length(data, have) : 0;
	if (len == 0 && have < HTTP_HEAD_MAX)
		return false;
	if ((ex = exchange_new(conn)) == NULL || (ex->head_text = malloc(len + 1)) == NULL) {
		conn_free(conn);
		return false;
	}
	if (len == 0) {
		status = memchr(data, '\n', have) == NULL ? 414 : 431;
	} else {
		evbuffer_remove(in, ex->head_text, len);
		ex->head_text[len] = '\0';
		status = http_head_parse(&ex->head, ex->head_text, len);
	}
	begin(conn, status);
	return conn->state == CONN_BODY;
}

/* Takes n bytes of the body from the input.  False: refused or closed. */
static bool
take_body(struct conn *conn, const char *data, size_t n)
{
	struct exchange *ex = conn->exchange;
	int status = 0;

	if (ex->body.len + n > body_most(ex))
		status = 413;
	else if (conn->http->body_bytes + n > BODIES_MOST)
		status = 503;
	if (status != 0) {
		refuse(conn, status, refusal_text(status));
		return false;
	}
	text_add(&ex->body, data, n);
	if (ex->body.failed) {
		refuse(conn, 503, refusal_text(503));
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
			refuse(conn, 400, "the chunks of the body are broken");
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
read_body(struct conn *conn)
{
	struct evbuffer *in = bufferevent_get_input(conn->bev);
	size_t n, used;
	int whole = 0;

	while (whole == 0 && (n = evbuffer_get_contiguous_space(in)) > 0) {
		whole = read_stretch(conn, (const char *)evbuffer_pullup(in, (ev_ssize_t)n), n, &used);
		if (whole < 0)
			return;
		evbuffer_drain(in, used);
	}
	if (whole == 0)
		return;
	conn->unread = false;
	conn_enter(conn, CONN_BUSY);
	exchange_run(conn->exchange);
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

static void
conn_read(struct conn *conn)
{
	/* A body may have come together with its head. */
	if (conn->state == CONN_HEAD && !read_head(conn))
		return;
	if (conn->state == CONN_BODY)
		read_body(conn);
	else if (conn->state == CONN_LINGER)
		linger(conn);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	conn_read(arg);
}

/* ---- writing and the end ---- */

void
conn_finished(struct conn *conn)
{
	bool keep = conn_keeps(conn);
	struct exchange *ex = conn->exchange;

	conn->exchange = NULL;
	exchange_free(ex);
	if (keep) {
		conn_enter(conn, CONN_HEAD);
		conn_read(conn);
	} else if (conn->unread && !conn->eof) {
		conn_enter(conn, CONN_LINGER);
		conn->dropped = 0;
		shutdown(bufferevent_getfd(conn->bev), SHUT_WR);
		linger(conn);
	} else {
		conn_free(conn);
	}
}

static void
on_drained(struct bufferevent *bev, void *arg)
{
	struct conn *conn = arg;

	(void)bev;
	if (conn->state == CONN_BUSY && conn->exchange != NULL && conn->exchange->started)
		exchange_drained(conn->exchange);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *conn = arg;

	(void)bev;
	/* A client may close its side once it has asked; it still wants the answer. */
	if ((what & BEV_EVENT_EOF) != 0 && conn->state == CONN_BUSY)
		conn->eof = true;
	else
		conn_free(conn);
}

/* ---- accepting ---- */

static struct conn *
longest_idle(struct http *http)
{
	struct conn *conn, *oldest = NULL;

	LIST_FOREACH(conn, &http->conns, next)
		if ((conn->state == CONN_HEAD || conn->state == CONN_LINGER) &&
		    (oldest == NULL || conn->since_us < oldest->since_us))
			oldest = conn;
	return oldest;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *peer, int len,
    void *arg)
{
	static const struct timeval stall = { .tv_sec = WRITE_STALL_S };
	struct http *http = arg;
	struct conn *conn;
	int on = 1;

	(void)listener;
	(void)len;
	if (http->n_conns >= HTTP_CONNECTIONS && (conn = longest_idle(http)) != NULL)
		conn_free(conn);
	if (http->n_conns >= HTTP_CONNECTIONS || (conn = calloc(1, sizeof(*conn))) == NULL) {
		evutil_closesocket(fd);
		return;
	}
	conn->bev = bufferevent_socket_new(loop_base(http->options.loop), fd, BEV_OPT_CLOSE_ON_FREE);
	if (conn->bev == NULL) {
		evutil_closesocket(fd);
		free(conn);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn->http = http;
	conn->local = http_peer_is_local(peer);
	conn_enter(conn, CONN_HEAD);
	LIST_INSERT_HEAD(&http->conns, conn, next);
	http->n_conns++;
	bufferevent_setcb(conn->bev, on_read, on_drained, on_event, conn);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, INPUT_MOST);
	bufferevent_set_timeouts(conn->bev, NULL, &stall);
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
}

static void
on_accept_failed(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	/* Out of descriptors: the next sweep tries again. */
	log_warn("http", "cannot accept a connection: %s", strerror(errno));
	evconnlistener_disable(listener);
}

static int64_t
deadline_us(const struct conn *conn)
{
	int64_t idle_us = (int64_t)conn->http->options.idle_ms * 1000;

	switch (conn->state) {
	case CONN_HEAD:
		return conn->since_us + idle_us;
	case CONN_BODY:
		return conn->since_us + idle_us + (int64_t)(conn->body_got * 1000000 / BODY_LEAST_RATE);
	case CONN_LINGER:
		return conn->since_us + LINGER_MS * 1000;
	case CONN_BUSY:
	case CONN_EVENTS:
		break;
	}
	return INT64_MAX;
}

static void
sweep(void *arg)
{
	struct http *http = arg;
	int64_t now = clock_mono_us();
	struct conn *conn, *next;

	for (conn = LIST_FIRST(&http->conns); conn != NULL; conn = next) {
		next = LIST_NEXT(conn, next);
		if (now >= deadline_us(conn))
			conn_free(conn);
	}
	evconnlistener_enable(http->listener);
}

/* ---- opening and closing ---- */

static int
listen_on(struct http *http)
{
	const char *bind = http->options.bind;
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(http->options.port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(http->options.port) };
	bool is_v4 = inet_pton(AF_INET, bind, &v4.sin_addr) == 1;
	int rc;

	if (!is_v4 && inet_pton(AF_INET6, bind, &v6.sin6_addr) != 1) {
		log_error("http", "bind=%s: not a literal address", bind);
		return E_INVALID;
	}
	http->listener = evconnlistener_new_bind(loop_base(http->options.loop), on_accept, http,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, BACKLOG,
	    is_v4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6,
	    is_v4 ? sizeof(v4) : sizeof(v6));
	if (http->listener == NULL) {
		rc = errno == EADDRINUSE ? E_EXISTS : E_IO;
		log_error("http",
		    "bind=%s port=%u: cannot listen: %s; choose another port or stop what holds it",
		    bind, http->options.port, strerror(errno));
		return rc;
	}
	evconnlistener_set_error_cb(http->listener, on_accept_failed);
	return E_OK;
}

int
http_open(struct http **out, const struct http_options *options)
{
	struct http *http = calloc(1, sizeof(*http));
	uint32_t sweep_ms;
	int rc = E_NOMEM;

	*out = NULL;
	if (http == NULL)
		return E_NOMEM;
	http->options = *options;
	if (http->options.bind == NULL || *http->options.bind == '\0')
		http->options.bind = "127.0.0.1";
	if (http->options.idle_ms == 0)
		http->options.idle_ms = IDLE_MS;
	sweep_ms = http->options.idle_ms < 2000 ? http->options.idle_ms / 2 + 1 : 1000;
	if (options->dir != NULL && (rc = http_token_load(options->dir, http->token)) < 0)
		goto fail;
	for (; http->n_states < http_n_spaces; http->n_states++) {
		rc = http_spaces[http->n_states]->open(&http->state[http->n_states], &http->options);
		if (rc < 0)
			goto fail;
	}
	if ((rc = listen_on(http)) < 0)
		goto fail;
	rc = E_NOMEM;
	if ((http->sweep = loop_timer(options->loop, sweep_ms, true, sweep, http)) == NULL)
		goto fail;
	log_info("http", "bind=%s port=%u: ready", http->options.bind, http_port(http));
	*out = http;
	return E_OK;
fail:
	http_close(http);
	return rc;
}

uint16_t
http_port(const struct http *http)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (getsockname(evconnlistener_get_fd(http->listener), (struct sockaddr *)&ss, &len) != 0)
		return 0;
	return ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port :
					       ((struct sockaddr_in6 *)&ss)->sin6_port);
}

void
http_close(struct http *http)
{
	struct conn *conn, *next_conn;
	struct exchange *ex, *next;

	if (http == NULL)
		return;
	loop_timer_free(http->sweep);
	if (http->listener != NULL)
		evconnlistener_free(http->listener);
	for (conn = LIST_FIRST(&http->conns); conn != NULL; conn = next_conn) {
		next_conn = LIST_NEXT(conn, next);
		conn_free(conn);
	}
	/* What is left was in the hands of workers. */
	for (ex = LIST_FIRST(&http->exchanges); ex != NULL; ex = next) {
		next = LIST_NEXT(ex, next);
		exchange_free(ex);
	}
	while (http->n_states > 0) {
		http->n_states--;
		http_spaces[http->n_states]->close(http->state[http->n_states]);
	}
	free(http);
}
