/* One head-end's connection: bytes, back-pressure, time limits (rtu-327.md 8.1 .. 8.3). */
#include "rtu327/server_private.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"

enum {
	OUTPUT_MOST = 128 * 1024,	/* rtu-327.md 8.2: no more is read beyond */
	SEND_CHUNK = 16 * 1024,
};

int64_t
rtu327_now_ms(void)
{
	return clock_mono_us() / 1000;
}

static size_t
waiting_out(const struct connection *c)
{
	return evbuffer_get_length(c->out);
}

static const struct settings *
settings_of(const struct connection *c)
{
	return c->server->context != NULL ? &c->server->context->settings : NULL;
}

/* ---- ending ---- */

void
connection_close(struct connection *c, const char *why)
{
	struct rtu327 *server = c->server;

	log_info("rtu327", "client=%s server=%s in=%llu out=%llu frames=%llu errors=%llu: closed, %s",
	    c->peer, c->local, (unsigned long long)c->bytes_in, (unsigned long long)c->bytes_out,
	    (unsigned long long)c->frames, (unsigned long long)c->errors, why);
	if (!c->served && c->bytes_in > 0)
		log_warn("rtu327",
		    "client=%s: not one valid frame; is it set to RTU-325, or to the "
		    "other checksum (rtu.crc_unsigned)?",
		    c->peer);
	if (c->question != NULL)
		service_forget(c->question);
	LIST_REMOVE(c, next);
	server->counters.clients--;
	event_free(c->readable);
	event_free(c->writable);
	event_free(c->timer);
	evbuffer_free(c->out);
	close(c->fd);
	free(c);
}

/* ---- work ---- */

static void
too_much_garbage(struct connection *c)
{
	service_journal(c->server, "RTU-327: connection closed, too much garbage", c->peer);
	c->closing = true;
}

/* Serves the requests that are there, in order, until a worker or the peer has to be waited for. */
static void
serve(struct connection *c)
{
	int64_t now = rtu327_now_ms();
	const uint8_t *body;
	size_t len;

	if (c->paused)
		rtu327_receiver_resume(&c->receiver, now);
	while (!c->closing && c->question == NULL && waiting_out(c) <= OUTPUT_MOST &&
	    c->server->context != NULL) {
		switch (rtu327_receiver_next(&c->receiver, now, &body, &len)) {
		case RTU327_MORE:
			c->drained = true;
			return;
		case RTU327_FRAME:
			c->served = true;
			c->valid_ms = now;
			c->frames++;
			c->server->counters.frames++;
			service_frame(c, body, len);
			break;
		case RTU327_CORRUPT:
			service_corrupt(c, body, len);
			break;
		case RTU327_GARBAGE:
			too_much_garbage(c);
			break;
		}
	}
}

/* false: the connection is lost. */
static bool
flush(struct connection *c)
{
	size_t left;

	while ((left = waiting_out(c)) > 0) {
		size_t chunk = left < SEND_CHUNK ? left : SEND_CHUNK;
		const unsigned char *bytes = evbuffer_pullup(c->out, (ev_ssize_t)chunk);
		ssize_t sent;

		if (bytes == NULL)
			return false;
		sent = send(c->fd, bytes, chunk, MSG_NOSIGNAL);
		if (sent < 0)
			return errno == EAGAIN || errno == EINTR;
		evbuffer_drain(c->out, (size_t)sent);
		c->bytes_out += (uint64_t)sent;
		c->server->counters.bytes_out += (uint64_t)sent;
		c->progress_ms = rtu327_now_ms();
	}
	return true;
}

static void
earliest(int64_t *deadline, int64_t other)
{
	if (other < *deadline)
		*deadline = other;
}

/* When something has to happen although nothing comes; INT64_MAX: never. */
static int64_t
deadline_of(const struct connection *c)
{
	const struct settings *s = settings_of(c);
	int64_t deadline = INT64_MAX, frame = rtu327_receiver_deadline(&c->receiver);

	if (s == NULL)
		return deadline;
	if (waiting_out(c) > 0)
		earliest(&deadline, c->progress_ms + s->rtu_write_timeout_s * 1000);
	else if (c->question == NULL && s->rtu_idle_timeout_s > 0)
		earliest(&deadline, c->valid_ms + s->rtu_idle_timeout_s * 1000);
	if (frame >= 0 && c->question == NULL && !c->paused)
		earliest(&deadline, frame);
	return deadline;
}

static void
arm(struct connection *c)
{
	int64_t deadline, now = rtu327_now_ms();
	size_t room;

	rtu327_receiver_room(&c->receiver, &room);
	c->paused = room == 0 || waiting_out(c) > OUTPUT_MOST;
	deadline = deadline_of(c);
	if (c->paused || c->ended || c->closing)
		event_del(c->readable);
	else
		event_add(c->readable, NULL);
	if (waiting_out(c) > 0)
		event_add(c->writable, NULL);
	else
		event_del(c->writable);
	if (deadline == INT64_MAX) {
		event_del(c->timer);
	} else {
		/* One more, so that the time is over when the timer fires. */
		int64_t ms = deadline > now ? deadline - now + 1 : 1;
		struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

		event_add(c->timer, &tv);
	}
}

void
connection_run(struct connection *c)
{
	do {
		bool idle = waiting_out(c) == 0;

		c->drained = false;
		serve(c);
		if (idle)
			c->progress_ms = rtu327_now_ms();
		if (!flush(c)) {
			connection_close(c, "lost");
			return;
		}
	} while (!c->drained && !c->closing && c->question == NULL && waiting_out(c) <= OUTPUT_MOST &&
	    c->server->context != NULL);
	if (waiting_out(c) == 0 && c->question == NULL && (c->closing || (c->ended && c->drained))) {
		connection_close(c, c->closing ? "refused" : "by the client");
		return;
	}
	arm(c);
}

/* ---- events ---- */

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	size_t room;
	uint8_t *to = rtu327_receiver_room(&c->receiver, &room);
	ssize_t got = room > 0 ? recv(fd, to, room, 0) : -1;

	(void)what;
	if (got < 0 && room > 0 && errno != EAGAIN && errno != EINTR) {
		connection_close(c, strerror(errno));
		return;
	}
	if (got > 0) {
		c->bytes_in += (uint64_t)got;
		c->server->counters.bytes_in += (uint64_t)got;
		rtu327_receiver_fed(&c->receiver, (size_t)got, rtu327_now_ms());
	} else if (got == 0) {
		c->ended = true;
		rtu327_receiver_end(&c->receiver);
	}
	connection_run(c);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	connection_run(arg);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct connection *c = arg;
	const struct settings *s = settings_of(c);
	int64_t now = rtu327_now_ms();
	bool sending = waiting_out(c) > 0;

	(void)fd;
	(void)what;
	if (s != NULL && sending && now - c->progress_ms >= s->rtu_write_timeout_s * 1000)
		connection_close(c, "it does not read its replies");
	else if (s != NULL && !sending && c->question == NULL && s->rtu_idle_timeout_s > 0 &&
	    now - c->valid_ms >= s->rtu_idle_timeout_s * 1000)
		connection_close(c, "no request for a long time");
	else
		connection_run(c);
}

/* ---- beginning ---- */

static void
describe(struct connection *c, const struct sockaddr_storage *peer)
{
	struct sockaddr_storage local = { 0 };
	socklen_t len = sizeof(local);
	uint8_t own[16] = { 0 };
	char json[256];

	if (getsockname(c->fd, (struct sockaddr *)&local, &len) != 0)
		local.ss_family = AF_UNSPEC;
	address_text(peer, c->peer);
	address_text(&local, c->local);
	(void)address_bytes(&local, own);
	snprintf(json, sizeof(json), "{\"server\":\"%s\",\"client\":\"%s\",\"iface\":%u}", c->local,
	    c->peer, (unsigned)address_network(own));
	service_note(c->server, DJ_SRVCONN, clock_utc(), json);
}

static void
set_options(int fd)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void
connection_open(struct rtu327 *server, int fd, const struct sockaddr_storage *peer, uint16_t port)
{
	struct event_base *base = loop_base(server->options.loop);
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		close(fd);
		return;
	}
	c->server = server;
	c->fd = fd;
	c->port = port;
	c->valid_ms = c->progress_ms = rtu327_now_ms();
	c->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, c);
	c->writable = event_new(base, fd, EV_WRITE | EV_PERSIST, on_writable, c);
	c->timer = event_new(base, -1, 0, on_timer, c);
	c->out = evbuffer_new();
	if (c->readable == NULL || c->writable == NULL || c->timer == NULL || c->out == NULL)
		goto fail;
	rtu327_receiver_init(&c->receiver, &server->limits);
	set_options(fd);
	describe(c, peer);
	LIST_INSERT_HEAD(&server->connections, c, next);
	server->counters.clients++;
	arm(c);
	return;
fail:
	if (c->readable != NULL)
		event_free(c->readable);
	if (c->writable != NULL)
		event_free(c->writable);
	if (c->timer != NULL)
		event_free(c->timer);
	if (c->out != NULL)
		evbuffer_free(c->out);
	close(fd);
	free(c);
}
