/* Bytes between the clients and the line (transit.md 3, 6). */
#include <inttypes.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "src/transit/tenant.h"

enum {
	CHUNK = 4096,
	QUEUE_LEAST = 256, QUEUE_MS = 20,	/* in the kernel towards the line (transit.md 3) */
	HOLD_BYTES = 256, GATHER_BYTES = 1024
};
static const int64_t gather_most_us = 20000, gather_modem_least_us = 1000;
static const int64_t shared_stuck_us = 30000000;

int64_t
pump_chars_us(const struct tenant *t, size_t chars)
{
	return (int64_t)chars * t->char_ns / 1000;
}

static int64_t
last_byte_us(const struct tenant *t)
{
	return t->heard_us > t->sent_us ? t->heard_us : t->sent_us;
}

/* ---- settings of the line ---- */

int
pump_settings(struct tenant *t, const struct line_settings *settings)
{
	static const struct line_timing timing = { 0 };
	static const struct line_settings safe = { 9600, 8, PARITY_NONE, 1 };
	char text[16];
	int rc = line_configure(t->line, settings, &timing, SOFT_NONE);

	if (rc == E_OK)
		t->settings = *settings;
	if (rc == E_INVALID) {
		line_settings_print(settings, text, sizeof(text));
		if (!t->is_refusal_told)
			journal_line(t->desk->options.store, t->desk->options.bus,
			    "the line does not take %s, the old settings stay", text);
		t->is_refusal_told = true;
		if (t->fd < 0 && line_configure(t->line, &safe, &timing, SOFT_NONE) == E_OK)
			t->settings = safe;
	}
	t->fd = line_fd(t->line);
	t->char_ns = line_char_ns(&t->settings);
	return rc;
}

/* Stored settings reach a session that has not set its own, once the line is idle. */
static int
follow_settings(struct tenant *t)
{
	int64_t idle = last_byte_us(t) + pump_chars_us(t, 4);

	if (!t->rules.is_live || line_settings_equal(&t->settings, &t->rules.uart))
		return E_OK;
	for (unsigned i = 0; i < t->n_served; i++)
		if (t->served[i]->has_settings || t->served[i]->tx_n > 0)
			return E_OK;
	if (t->now_us < idle) {
		tenant_wake(t, idle);
		return E_OK;
	}
	/* What is refused once is refused again: not asked at each turn. */
	t->rules.is_live = false;
	return pump_settings(t, &t->rules.uart) == E_LOST ? E_LOST : E_OK;
}

/* ---- to the line ---- */

/* The bus is lent to one client until the line has been silent after its last byte
 * (transit.md 4, shared); a client alone has it always. */
static void
choose_talker(struct tenant *t)
{
	struct client *before = t->talker;
	unsigned from = 0;
	int64_t free_us;

	if (t->n_served <= 1) {
		t->talker = t->n_served == 1 ? t->served[0] : NULL;
		return;
	}
	if (before != NULL) {
		free_us = last_byte_us(t) + (int64_t)before->row.share_quiet_ms * 1000;
		if (before->tx_n > 0 || before->raw_n > 0 || before->is_asking)
			return;
		if (t->now_us < free_us) {
			tenant_wake(t, free_us);
			return;
		}
	}
	/* The next in turn after the one that had it. */
	for (unsigned i = 0; i < t->n_served; i++)
		if (before != NULL && t->served[i] == before)
			from = i + 1;
	t->talker = NULL;
	for (unsigned i = 0; i < t->n_served && t->talker == NULL; i++) {
		struct client *c = t->served[(from + i) % t->n_served];

		if (c->tx_n > 0 || c->raw_n > 0)
			t->talker = c;
	}
}

/* Bytes that may be given to the kernel now; when none, *again_us says when to look. */
static size_t
room(const struct tenant *t, int64_t *again_us)
{
	size_t most = (size_t)(QUEUE_MS * INT64_C(1000000) / (t->char_ns > 0 ? t->char_ns : 1));
	int queued = 0;

	if (most < QUEUE_LEAST)
		most = QUEUE_LEAST;
	if (ioctl(t->fd, TIOCOUTQ, &queued) != 0 || queued < 0)
		queued = 0;
	if ((size_t)queued < most)
		return most - (size_t)queued;
	*again_us = t->now_us + pump_chars_us(t, (size_t)queued - most / 2);
	return 0;
}

/* Pauses inside a frame, as TCP over radio makes them, must not reach the line. */
static bool
is_held(struct tenant *t, struct client *c)
{
	int64_t until = c->received_us + (int64_t)c->row.frame_hold_ms * 1000;

	if (c->row.frame_hold_ms == 0 || c->is_releasing || c->is_eof)
		return false;
	if (t->now_us < until && c->tx_n < HOLD_BYTES) {
		tenant_wake(t, until);
		return true;
	}
	c->is_releasing = true;
	return false;
}

static int
feed(struct tenant *t, struct client *c)
{
	size_t n, wrote = 0;
	int rc;

	if (c->tx_n == 0 || t->is_full || t->break_until_us != 0 || is_held(t, c))
		return E_OK;
	n = room(t, &t->retry_us);
	if (n == 0) {
		tenant_wake(t, t->retry_us);
		return E_OK;
	}
	if (n > c->tx_n)
		n = c->tx_n;
	rc = line_raw_write(t->line, c->tx, n, &wrote);
	if (rc < 0)
		return rc;
	t->is_full = wrote < n;
	if (wrote > 0) {
		t->sent_us = (t->sent_us > t->now_us ? t->sent_us : t->now_us) +
		    pump_chars_us(t, wrote);
		atomic_store_explicit(&c->active_us, t->now_us, memory_order_relaxed);
		client_consume(c, wrote);
	}
	if (c->tx_n == 0)
		c->is_releasing = false;
	/* There is more to write, or the client has said all and its end is to be timed. */
	if ((c->tx_n > 0 && !t->is_full) || (c->tx_n == 0 && c->is_eof))
		tenant_wake(t, t->now_us);
	return E_OK;
}

static int
grant(struct tenant *t, struct client *c)
{
	int rc = E_OK;

	c->is_asking = false;
	if (c->ask.has_settings) {
		c->has_settings = true;
		rc = pump_settings(t, &c->ask.settings);
	}
	if (c->ask.com.command != COM_NONE)
		rc = com_port_obey(t, c, &c->ask.com);
	return rc == E_INVALID ? E_OK : rc;
}

/* What a protocol asks takes effect after the bytes before it have gone to the line. */
static int
listen_to(struct tenant *t, struct client *c)
{
	int rc;

	if (c->tx_n == 0)
		client_decode(c, t->now_us);
	rc = feed(t, c);
	if (rc < 0 || c->row.proto == PROTO_RAW)
		return rc;
	if (c->is_asking && c->tx_n == 0)
		rc = grant(t, c);
	if (c->tx_n == 0 && c->raw_n > 0 && c->is_header_past)
		tenant_wake(t, t->now_us);
	if (!c->is_header_past)
		tenant_wake(t, c->since_us + CLIENT_HEADER_US);
	return rc;
}

/* ---- to the clients ---- */

static int64_t
gather_us(const struct tenant *t, const struct client *c)
{
	int64_t gather = t->rules.gather_us;

	/* Over the modem a segment is expensive: two characters at least (specs/README.md 8). */
	if (gather == 0 && c->network == NETWORK_MODEM) {
		gather = pump_chars_us(t, 2);
		if (gather < gather_modem_least_us)
			gather = gather_modem_least_us;
	}
	return gather < gather_most_us ? gather : gather_most_us;
}

/* When what was gathered is due. */
static int64_t
flush_at(const struct tenant *t, const struct client *c)
{
	int64_t gather = gather_us(t, c), at = t->heard_us + gather;

	if (gather == 0 || c->out_n >= GATHER_BYTES)
		return 0;
	return at < c->stuck_us + gather_most_us ? at : c->stuck_us + gather_most_us;
}

bool
pump_wants_output(const struct tenant *t, const struct client *c)
{
	return c->out_n > 0 && !c->is_suspended && t->now_us >= flush_at(t, c);
}

bool
pump_wants_input(const struct tenant *t, const struct client *c)
{
	return client_wants_input(c) && (t->talker == NULL || t->talker == c);
}

int
pump_hear(struct tenant *t)
{
	uint8_t bytes[CHUNK];
	size_t n;
	int rc = line_raw_read(t->line, bytes, sizeof(bytes), &n);

	if (rc < 0 || n == 0)
		return rc;
	t->heard_us = t->now_us;
	if (t->phase != TENANT_SERVE)
		return E_OK;
	for (unsigned i = t->n_served; i-- > 0;) {
		struct client *c = t->served[i];
		enum client_end end = client_hear(c, bytes, n, gather_us(t, c) == 0, t->now_us);

		if (end != END_NONE)
			tenant_end(t, c, end);
	}
	return E_OK;
}

/* ---- ends ---- */

void
pump_open(struct tenant *t, struct client *c)
{
	atomic_store(&c->phase, TRANSIT_OPEN);
	atomic_store(&c->active_us, t->now_us);
	journal_opened(t->desk->options.store, c);
}

/* The client has said all: its answers still come until the line falls silent. */
static enum client_end
drain(struct tenant *t, struct client *c)
{
	int64_t quiet = last_byte_us(t) + t->rules.drain_quiet_us;
	int64_t most = c->eof_us + t->rules.drain_most_us;

	if (c->tx_n > 0 || c->raw_n > 0 || c->is_asking)
		return END_NONE;
	atomic_store(&c->phase, TRANSIT_DRAINING);
	if (quiet > most)
		quiet = most;
	if (atomic_load(&c->from_client) == 0 || t->now_us >= quiet)
		return END_FIN;
	tenant_wake(t, quiet);
	return END_NONE;
}

static enum client_end
idle(struct tenant *t, struct client *c)
{
	int64_t limit = c->row.idle_s >= 0 ? (int64_t)c->row.idle_s * 1000000 : t->rules.idle_us;
	int64_t since = t->rules.is_idle_client ? c->received_us : atomic_load(&c->active_us);

	if (limit == 0)
		return END_NONE;
	if (since == 0)
		since = c->since_us;
	if (t->now_us >= since + limit)
		return END_IDLE;
	tenant_wake(t, since + limit);
	return END_NONE;
}

static void
warn_of_length(struct tenant *t, struct client *c)
{
	if (t->rules.warn_us == 0 || c->is_warned)
		return;
	if (t->now_us < c->since_us + t->rules.warn_us) {
		tenant_wake(t, c->since_us + t->rules.warn_us);
		return;
	}
	c->is_warned = true;
	journal_line(t->desk->options.store, t->desk->options.bus,
	    "transit of %s lasts longer than %" PRId64 " h, meters are not polled", c->peer,
	    t->rules.warn_us / INT64_C(3600000000));
}

static enum client_end
due_end(struct tenant *t, struct client *c)
{
	int64_t limit = t->rules.max_session_us;

	warn_of_length(t, c);
	if (limit != 0 && t->now_us >= c->since_us + limit)
		return END_LIMIT;
	if (limit != 0)
		tenant_wake(t, c->since_us + limit);
	if (t->n_served > 1 && c->stuck_us != 0) {
		if (t->now_us >= c->stuck_us + shared_stuck_us)
			return END_STALL;
		tenant_wake(t, c->stuck_us + shared_stuck_us);
	}
	if (c->is_eof)
		return drain(t, c);
	return idle(t, c);
}

int
pump_turn(struct tenant *t)
{
	int rc;

	if (t->break_until_us != 0 && t->now_us >= t->break_until_us)
		com_port_break(t, false);
	if (t->break_until_us != 0)
		tenant_wake(t, t->break_until_us);
	for (unsigned i = t->n_served; i-- > 0;) {
		struct client *c = t->served[i];
		enum client_end end = due_end(t, c);

		if (end == END_NONE && pump_wants_output(t, c))
			end = client_flush(c, t->now_us);
		else if (end == END_NONE && c->out_n > 0 && !c->is_suspended)
			tenant_wake(t, flush_at(t, c));
		if (end != END_NONE)
			tenant_end(t, c, end);
	}
	choose_talker(t);
	rc = follow_settings(t);
	if (rc == E_OK && t->talker != NULL)
		rc = listen_to(t, t->talker);
	return rc;
}
