#include "src/transit/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "src/transit/header.h"

enum { OUT_FIRST = 4096, ESCAPED = 1024 };

const char *
client_end_name(enum client_end end)
{
	static const char *const names[] = {
#define ROW(id, name) [id] = name,
		CLIENT_ENDS(ROW)
#undef ROW
	};

	return names[end];
}

struct client *
client_new(const struct tcp_row *row, int fd)
{
	struct client *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->row = *row;
	c->fd = fd;
	c->is_header_past = row->proto != PROTO_LINE;
	return c;
}

void
client_free(struct client *c)
{
	if (c == NULL)
		return;
	free(c->out);
	free(c);
}

/* ---- towards the line ---- */

bool
client_wants_input(const struct client *c)
{
	return !c->is_eof && (c->row.proto == PROTO_RAW ? c->tx_n : c->raw_n) < CLIENT_IN;
}

enum client_end
client_receive(struct client *c, int64_t now_us)
{
	uint8_t *buffer = c->row.proto == PROTO_RAW ? c->tx : c->raw;
	size_t *used = c->row.proto == PROTO_RAW ? &c->tx_n : &c->raw_n;
	ssize_t got = recv(c->fd, buffer + *used, CLIENT_IN - *used, MSG_DONTWAIT);

	if (got > 0) {
		*used += (size_t)got;
		c->received_us = now_us;
		atomic_fetch_add_explicit(&c->from_client, (uint64_t)got, memory_order_relaxed);
		atomic_store_explicit(&c->active_us, now_us, memory_order_relaxed);
	} else if (got == 0) {
		c->is_eof = true;
		c->eof_us = now_us;
	} else if (errno != EAGAIN && errno != EINTR) {
		return END_RST;
	}
	return END_NONE;
}

static void
drop_raw(struct client *c, size_t n)
{
	c->raw_n -= n;
	memmove(c->raw, c->raw + n, c->raw_n);
}

static void
decode_header(struct client *c, int64_t now_us)
{
	size_t len = 0;

	switch (c->raw_n > 0 ? header_set(c->raw, c->raw_n, &c->ask.settings, &len) : HEADER_MORE) {
	case HEADER_WHOLE:
		c->ask.has_settings = true;
		drop_raw(c, len);
		c->is_header_past = true;
		break;
	case HEADER_NONE:
		c->is_header_past = true;
		break;
	case HEADER_MORE:
		c->is_header_past = c->is_eof || now_us - c->since_us >= CLIENT_HEADER_US;
		break;
	}
}

static void
decode_telnet(struct client *c, int64_t now_us)
{
	uint8_t answers[3 * CLIENT_IN];
	struct wr data = wr_init(c->tx, sizeof(c->tx)), reply = wr_init(answers, sizeof(answers));

	data.len = c->tx_n;
	drop_raw(c, rfc2217_take(&c->telnet, c->raw, c->raw_n, &data, &c->ask.com, &reply));
	c->tx_n = data.len;
	/* A connection that breaks here shows at the next turn. */
	if (reply.len > 0)
		(void)client_answer(c, answers, reply.len, now_us);
}

void
client_decode(struct client *c, int64_t now_us)
{
	if (c->is_asking || c->row.proto == PROTO_RAW || (c->raw_n == 0 && c->is_header_past))
		return;
	c->ask = (struct client_ask){ .com = { COM_NONE, 0 } };
	if (c->row.proto == PROTO_RFC2217)
		decode_telnet(c, now_us);
	else if (!c->is_header_past)
		decode_header(c, now_us);
	c->is_asking = c->ask.has_settings || c->ask.com.command != COM_NONE;
	if (c->row.proto == PROTO_LINE && c->is_header_past && !c->is_asking) {
		size_t n = c->raw_n < CLIENT_IN - c->tx_n ? c->raw_n : CLIENT_IN - c->tx_n;

		memcpy(c->tx + c->tx_n, c->raw, n);
		c->tx_n += n;
		drop_raw(c, n);
	}
}

void
client_consume(struct client *c, size_t n)
{
	c->tx_n -= n;
	if (c->tx_n > 0)
		memmove(c->tx, c->tx + n, c->tx_n);
}

/* ---- towards the client ---- */

static bool
make_room(struct client *c, size_t n)
{
	size_t size = c->out_size > 0 ? c->out_size : OUT_FIRST;
	uint8_t *more;

	if (c->out_at > 0 && c->out_at + c->out_n + n > c->out_size) {
		memmove(c->out, c->out + c->out_at, c->out_n);
		c->out_at = 0;
	}
	if (c->out_n + n <= c->out_size)
		return true;
	while (size < c->out_n + n)
		size *= 2;
	if (size > CLIENT_OUT_MOST || (more = realloc(c->out, size)) == NULL)
		return false;
	c->out = more;
	c->out_size = size;
	return true;
}

static enum client_end
keep(struct client *c, const uint8_t *bytes, size_t n, int64_t now_us)
{
	if (!make_room(c, n)) {
		atomic_fetch_add(&c->lost, n);
		return END_STALL;
	}
	memcpy(c->out + c->out_at + c->out_n, bytes, n);
	if (c->out_n == 0)
		c->stuck_us = now_us;
	c->out_n += n;
	return END_NONE;
}

/* How many left; -1: the connection broke. */
static ssize_t
push(struct client *c, const uint8_t *bytes, size_t n)
{
	ssize_t sent = send(c->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1;
	atomic_fetch_add_explicit(&c->to_client, (uint64_t)sent, memory_order_relaxed);
	return sent;
}

enum client_end
client_flush(struct client *c, int64_t now_us)
{
	ssize_t sent;

	if (c->out_n == 0 || c->is_suspended)
		return END_NONE;
	sent = push(c, c->out + c->out_at, c->out_n);
	if (sent < 0)
		return END_RST;
	if (sent > 0)
		c->stuck_us = now_us;
	c->out_at += (size_t)sent;
	c->out_n -= (size_t)sent;
	if (c->out_n == 0) {
		c->out_at = 0;
		c->stuck_us = 0;
		if (c->out_size > OUT_FIRST) {
			free(c->out);
			c->out = NULL;
			c->out_size = 0;
		}
	}
	return END_NONE;
}

static enum client_end
pass(struct client *c, const uint8_t *bytes, size_t n, bool send_now, int64_t now_us)
{
	ssize_t sent = 0;

	if (send_now && c->out_n == 0) {
		sent = push(c, bytes, n);
		if (sent < 0)
			return END_RST;
	}
	return (size_t)sent < n ? keep(c, bytes + sent, n - (size_t)sent, now_us) : END_NONE;
}

enum client_end
client_hear(struct client *c, const uint8_t *bytes, size_t n, bool send_now, int64_t now_us)
{
	enum client_end end = END_NONE;

	send_now = send_now && !c->is_suspended;
	atomic_store_explicit(&c->active_us, now_us, memory_order_relaxed);
	if (c->row.proto != PROTO_RFC2217) {
		end = pass(c, bytes, n, send_now, now_us);
	} else {
		uint8_t escaped[2 * ESCAPED];

		for (size_t at = 0; at < n && end == END_NONE; at += ESCAPED) {
			struct wr w = wr_init(escaped, sizeof(escaped));

			rfc2217_put(&w, bytes + at, n - at < ESCAPED ? n - at : ESCAPED);
			end = pass(c, escaped, w.len, send_now, now_us);
		}
	}
	return end == END_NONE && send_now ? client_flush(c, now_us) : end;
}

enum client_end
client_answer(struct client *c, const uint8_t *bytes, size_t n, int64_t now_us)
{
	return pass(c, bytes, n, true, now_us);
}
