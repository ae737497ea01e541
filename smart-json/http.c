#include "smart-json/http.h"

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
#include <unistd.h>

#include "smart-json/http_private.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/system/address.h"

/* Listening, the number of connections, and their deadlines (smart-json.md 19). */

enum {
	IDLE_MS = 30000,
	BODY_LEAST_RATE = 1024,		/* bytes per second a body must come with on average */
	INPUT_MOST = 65536,
	WRITE_STALL_S = 60,
	NEWCOMER_US = 1000000,		/* nobody makes room who has only just come */
};

void
http_accept_again(struct http *http)
{
	if (!http->full || http->n_conns > HTTP_CONNECTIONS)
		return;
	http->full = false;
	evconnlistener_enable(http->listener);
}

static void
on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	conn_arrived(arg);
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

/* ---- room ---- */

/* The connection that has been longest without a whole request; of one address, or (NULL) of all. */
static struct conn *
longest_waiting(struct http *http, const char *peer)
{
	int64_t limit_us = clock_mono_us() - NEWCOMER_US;
	struct conn *conn, *oldest = NULL;

	LIST_FOREACH(conn, &http->conns, next)
		if (conn->state != CONN_BUSY && conn->state != CONN_EVENTS &&
		    conn->waiting_us <= limit_us && (peer == NULL || strcmp(conn->peer, peer) == 0) &&
		    (oldest == NULL || conn->waiting_us < oldest->waiting_us))
			oldest = conn;
	return oldest;
}

/* The newest takes the place of the one waiting longest; when all are at work, those who knock wait
 * in front of the door. */
static void
keep_room(struct http *http)
{
	struct conn *conn;

	if (http->n_conns <= HTTP_CONNECTIONS)
		return;
	if ((conn = longest_waiting(http, NULL)) != NULL) {
		conn_free(conn);
		return;
	}
	http->full = true;
	evconnlistener_disable(http->listener);
}

/* Many from one address take the place of each other.  Those of a proxy on this machine are
 * counted by the proxy. */
static bool
room_for_peer(struct http *http, const char *peer)
{
	struct conn *conn;
	unsigned n = 0;

	LIST_FOREACH(conn, &http->conns, next)
		n += strcmp(conn->peer, peer) == 0;
	if (n < HTTP_CONNECTIONS_PEER)
		return true;
	if ((conn = longest_waiting(http, peer)) == NULL)
		return false;
	conn_free(conn);
	return true;
}

/* ---- accepting ---- */

static void
turn_away(evutil_socket_t fd)
{
	static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n"
				     "Content-Length: 0\r\nConnection: close\r\n\r\n";

	if (send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
		shutdown(fd, SHUT_WR);
	evutil_closesocket(fd);
}

static struct conn *
conn_new(struct http *http, evutil_socket_t fd)
{
	static const struct timeval stall = { .tv_sec = WRITE_STALL_S };
	struct conn *conn = calloc(1, sizeof(*conn));

	if (conn == NULL)
		return NULL;
	conn->bev = bufferevent_socket_new(loop_base(http->options.loop), fd, BEV_OPT_CLOSE_ON_FREE);
	if (conn->bev == NULL) {
		free(conn);
		return NULL;
	}
	conn->http = http;
	conn_enter(conn, CONN_HEAD);
	LIST_INSERT_HEAD(&http->conns, conn, next);
	http->n_conns++;
	bufferevent_setcb(conn->bev, on_read, on_drained, on_event, conn);
	bufferevent_setwatermark(conn->bev, EV_READ, 0, INPUT_MOST);
	bufferevent_set_timeouts(conn->bev, NULL, &stall);
	bufferevent_enable(conn->bev, EV_READ | EV_WRITE);
	return conn;
}

static void
on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
	struct http *http = arg;
	bool local = http_peer_is_local(sa);
	struct conn *conn;
	char peer[ADDRESS_TEXT];
	int on = 1;

	(void)listener;
	(void)len;
	address_host((const void *)sa, peer); /* libevent accepts into a whole storage */
	if (!local && !room_for_peer(http, peer)) {
		turn_away(fd);
		return;
	}
	if ((conn = conn_new(http, fd)) == NULL) {
		evutil_closesocket(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	conn->local = local;
	memcpy(conn->peer, peer, sizeof(peer));
	keep_room(http);
}

static void
on_accept_failed(struct evconnlistener *listener, void *arg)
{
	struct http *http = arg;

	/* Out of descriptors: the next sweep tries again. */
	log_warn("http", "cannot accept a connection: %s", strerror(errno));
	http->full = true;
	evconnlistener_disable(listener);
}

/* Something must come again and again, and all of it in a reasonable time. */
static int64_t
deadline_us(const struct conn *conn)
{
	int64_t idle_us = (int64_t)conn->http->options.idle_ms * 1000, quiet, whole;

	quiet = conn->progress_us + idle_us;
	switch (conn->state) {
	case CONN_HEAD:
		whole = conn->since_us + 2 * idle_us;
		return whole < quiet ? whole : quiet;
	case CONN_BODY:
		if (conn->exchange->working) /* its piece goes to the disk */
			return INT64_MAX;
		whole = conn->since_us + idle_us +
		    (int64_t)(conn->body_got * 1000000 / BODY_LEAST_RATE);
		return whole < quiet ? whole : quiet;
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
	keep_room(http);
	http_accept_again(http);
}

/* ---- opening and closing ---- */

static int
listen_on(struct http *http)
{
	const char *bind = http->options.bind;
	int fd, rc = address_listen(bind, http->options.port, &fd);

	if (rc < 0) {
		log_error("http",
		    "bind=%s port=%u: cannot listen: %s; choose another port or stop what holds it",
		    bind, http->options.port, uspd_strerror(rc));
		return rc;
	}
	http->listener = evconnlistener_new(loop_base(http->options.loop), on_accept, http,
	    LEV_OPT_CLOSE_ON_FREE, 0, fd);
	if (http->listener == NULL) {
		close(fd);
		return E_NOMEM;
	}
	evconnlistener_set_error_cb(http->listener, on_accept_failed);
	return E_OK;
}

/* Who may ask: without a data directory everybody. */
static int
open_guards(struct http *http)
{
	const char *dir = http->options.dir;
	int rc = E_OK;

	http->options.accounts = NULL;
	if (dir == NULL)
		return E_OK;
	upload_prepare(dir);
	if ((rc = http_token_load(dir, http->token)) < 0)
		return rc;
	return accounts_open(&http->options.accounts, http->options.store);
}

static int
open_spaces(struct http *http)
{
	const struct http_space *space;

	if (http->options.spaces == NULL)
		http->options.spaces = http_spaces;
	for (; (space = http->options.spaces[http->n_states]) != NULL; http->n_states++) {
		int rc = E_OK;

		if (http->n_states == SPACES_MAX)
			return E_LIMIT;
		if (space->open != NULL)
			rc = space->open(&http->state[http->n_states], &http->options);
		if (rc < 0)
			return rc;
	}
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
	if ((rc = open_guards(http)) < 0 || (rc = open_spaces(http)) < 0 || (rc = listen_on(http)) < 0)
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
	return address_bound_port(evconnlistener_get_fd(http->listener));
}

void
http_stop(struct http *http)
{
	struct conn *conn, *next_conn;
	struct exchange *ex, *next;

	if (http == NULL)
		return;
	loop_timer_free(http->sweep);
	http->sweep = NULL;
	http->full = false; /* nobody is let in any more */
	if (http->listener != NULL)
		evconnlistener_free(http->listener);
	http->listener = NULL;
	for (conn = LIST_FIRST(&http->conns); conn != NULL; conn = next_conn) {
		next_conn = LIST_NEXT(conn, next);
		conn_free(conn);
	}
	/* What is left was in the hands of workers, which have ended, or waits to be resumed. */
	for (ex = LIST_FIRST(&http->exchanges); ex != NULL; ex = next) {
		next = LIST_NEXT(ex, next);
		exchange_stop(ex);
	}
}

void
http_close(struct http *http)
{
	const struct http_space *space;
	struct exchange *ex, *next;

	if (http == NULL)
		return;
	http_stop(http);
	for (ex = LIST_FIRST(&http->exchanges); ex != NULL; ex = next) {
		next = LIST_NEXT(ex, next);
		exchange_free(ex);
	}
	while (http->n_states > 0) {
		http->n_states--;
		space = http->options.spaces[http->n_states];
		if (space->close != NULL)
			space->close(http->state[http->n_states]);
	}
	accounts_close(http->options.accounts);
	free(http);
}
