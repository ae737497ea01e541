/* One exchange: request, echo, answer, verdicts of the framer, immediate repeats (poller.md 5.1). */
#include "drivers/line_private.h"

#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum { GO_ON = 1, TRIES = 3 };

/* T_total (poller.md 5.1) is the wait for the first byte, 1.5 times the longest answer and 200 ms;
 * noise and other stations alone may stretch the wait by 2 s. */
static const int64_t total_extra_us = 200000, noise_most_us = 2000000;

/* UARTs and their drivers hand bytes over in portions of up to so much time (USB: 16 ms), so what
 * has arrived is known no better. */
static const int64_t portion_us = 17000;

/* While n more bytes must come, the thread sleeps until the last portion of them instead of waking
 * for each; short naps are not worth it, long ones could overflow the kernel's 4 KiB. */
enum { NAP_LEAST_BYTES = 4, NAP_MOST_BYTES = 512 };

/* One attempt: a request on the wire and what has come of its answer. */
struct attempt {
	struct line *line;
	framer *frame;
	const void *hint;
	uint8_t *rx;
	size_t size, len;		/* of the answer so far, echo and parity removed */
	struct echo_filter echo;
	struct parity_tally parity;
	int64_t sent_us;		/* computed end of sending */
	int64_t first_us;		/* arrival of the answer's first byte; 0: none yet */
	int64_t deadline_us, cap_us;	/* for the first byte; for the whole */
	size_t silent;			/* FRAME_SILENT: these are the answer if silence follows */
	size_t need;			/* FRAME_MORE: at least so many more */
	bool is_noise_seen, is_foreign_seen;
};

static int64_t
longer(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* ---- judging ---- */

/* The first byte came when the chunk's others had not yet, and began one character earlier
 * (poller.md 7.1); never before the request had left. */
static void
note_first(struct attempt *a, size_t n)
{
	if (a->first_us == 0 && n > 0)
		a->first_us = longer(a->sent_us, a->line->last_byte_us - line_wire_us(a->line, n));
}

static void
drop(struct attempt *a, size_t n)
{
	a->len -= n;
	memmove(a->rx, a->rx + n, a->len);
	a->silent = 0;
	a->need = 0;
	if (a->len > 0)
		return;
	a->first_us = 0;
	a->parity = (struct parity_tally){ 0 };
}

static bool
is_sane(const struct attempt *a, struct framing f)
{
	if (f.verdict == FRAME_MORE)
		return f.n >= 1;
	if (f.verdict == FRAME_DAMAGED)
		return f.n <= a->len;
	return (unsigned)f.verdict <= FRAME_DAMAGED && f.n >= 1 && f.n <= a->len;
}

static int
broken_framer(const struct attempt *a, struct framing f)
{
	log_error("line", "line=%s: framer says %d of %zu about %zu bytes; request given up",
	    a->line->name, (int)f.verdict, f.n, a->len);
	return E_INTERNAL;
}

static int
accept_frame(struct attempt *a, size_t n)
{
	a->line->count.stray_bytes += a->len - n;
	a->len = n;
	return E_OK;
}

/* Asks the framer until it wants more bytes or has decided. */
static int
judge(struct attempt *a)
{
	while (a->len > 0) {
		struct framing f = a->frame(a->hint, a->rx, a->len);

		if (!is_sane(a, f))
			return broken_framer(a, f);
		switch (f.verdict) {
		case FRAME_MORE:
			a->silent = 0;
			a->need = f.n;
			return f.n > a->size - a->len ? E_LIMIT : GO_ON;
		case FRAME_WHOLE:
			return accept_frame(a, f.n);
		case FRAME_SILENT:
			a->silent = f.n;
			a->need = 0;
			return GO_ON;
		case FRAME_NOISE:
			a->is_noise_seen = true;
			a->line->count.stray_bytes += f.n;
			drop(a, f.n);
			break;
		case FRAME_FOREIGN:
			a->is_foreign_seen = true;
			a->line->count.foreign++;
			drop(a, f.n);
			a->first_us = 0;
			note_first(a, a->len);
			break;
		case FRAME_DAMAGED:
			return E_CHECKSUM;
		}
	}
	return GO_ON;
}

/* ---- receiving ---- */

static int
append(struct attempt *a, const uint8_t *bytes, size_t n)
{
	if (n > a->size - a->len)
		return E_LIMIT;
	memcpy(a->rx + a->len, bytes, n);
	parity_decode(a->line, a->rx + a->len, n, &a->parity);
	a->len += n;
	return E_OK;
}

/* How much to read: what fits if it is the answer. */
static size_t
room_left(const struct attempt *a)
{
	if (a->echo.state != ECHO_COMPARING)
		return a->size - a->len;
	return a->size > a->echo.matched ? a->size - a->echo.matched : a->echo.len - a->echo.matched;
}

static int
take_chunk(struct attempt *a)
{
	struct line *line = a->line;
	uint8_t chunk[LINE_CHUNK];
	size_t room = room_left(a), n, skip, restore;
	int rc;

	if (room == 0)
		return E_LIMIT;
	rc = line_take(line, chunk, room < sizeof(chunk) ? room : sizeof(chunk), &n);
	if (rc < 0)
		return rc;
	/* A real UART cannot receive an answer before the request has left (a pty can). */
	if (line->is_uart && a->echo.matched == 0 && line->last_byte_us < a->sent_us)
		a->echo.is_sure = true;
	echo_strip(line, &a->echo, chunk, n, &skip, &restore);
	note_first(a, restore + n - skip);
	rc = append(a, line->raw, restore);
	if (rc == E_OK)
		rc = append(a, chunk + skip, n - skip);
	return rc < 0 ? rc : judge(a);
}

static bool
is_echo_partial(const struct attempt *a)
{
	return a->echo.state == ECHO_COMPARING && a->echo.matched > 0;
}

/* When the wait ends if no further byte comes. */
static int64_t
wait_limit(const struct attempt *a)
{
	const struct line *line = a->line;
	int64_t last = line->last_byte_us;

	if (is_echo_partial(a))
		return longer(last, a->sent_us) + line_lost_us(line);
	if (a->len > 0)
		return sooner(a->cap_us,
		    last + (a->silent > 0 ? line_silence_us(line) : line_lost_us(line)));
	if (a->is_noise_seen)
		return sooner(a->deadline_us + noise_most_us,
		    longer(a->deadline_us, last + line_silence_us(line)));
	return a->deadline_us;
}

/* The line fell silent after a copy of the request: an answer identical to it if the framer takes
 * the whole of it, else the echo of a request that nobody answered. */
static int
judge_copy(struct attempt *a, size_t held)
{
	struct line_counters before = a->line->count;
	int rc = judge(a);

	if (rc == GO_ON && a->silent > 0)
		rc = accept_frame(a, a->silent);
	if ((rc == E_OK && a->len == held) || rc == E_INTERNAL)
		return rc;
	a->line->count = before;
	a->line->count.echoes++;
	echo_vote(a->line, &a->echo, true);
	return E_TIMEOUT;
}

/* What was held back as a possible echo is given to the framer after all. */
static int
release_echo(struct attempt *a)
{
	bool is_copy = a->echo.state == ECHO_MATCHED;
	size_t held = echo_give_back(&a->echo);
	int rc;

	note_first(a, held);
	rc = append(a, a->line->raw, held);
	if (rc < 0)
		return rc;
	return is_copy ? judge_copy(a, held) : judge(a);
}

static int
give_up(const struct attempt *a)
{
	if (a->len > 0)
		return E_FRAME;
	return a->is_foreign_seen ? E_FOREIGN : E_TIMEOUT;
}

static int
on_silence(struct attempt *a)
{
	if (is_echo_partial(a) || a->echo.state == ECHO_MATCHED)
		return release_echo(a);
	if (a->silent > 0 && clock_mono_us() < a->cap_us)
		return accept_frame(a, a->silent);
	return give_up(a);
}

/* Sleeps while nothing that matters can arrive: our own echo, or the inside of a long frame. */
static int
nap(struct attempt *a)
{
	struct line *line = a->line;
	size_t bytes = a->need < NAP_MOST_BYTES ? a->need : NAP_MOST_BYTES;
	int64_t until;

	if (!line->backend->is_paced)
		return E_OK;
	if (a->len > 0 && bytes >= NAP_LEAST_BYTES)
		until = a->first_us + line_wire_us(line, a->len + bytes - 1) - portion_us;
	else if (line->echo.belief == ECHO_PRESENT && a->echo.matched == 0 && a->len == 0)
		until = a->sent_us - line_wire_us(line, 1);
	else
		return E_OK;
	a->need = 0;
	return clock_mono_us() < until ? line->backend->wait_wake(line, until) : E_OK;
}

/* Bytes keep coming, but no answer comes of them. */
static bool
is_overdue(const struct attempt *a)
{
	return clock_mono_us() > (a->len > 0 ? a->cap_us : a->deadline_us + noise_most_us);
}

static int
await_answer(struct attempt *a)
{
	struct line *line = a->line;
	int rc = GO_ON;

	while (rc == GO_ON) {
		rc = nap(a);
		if (rc < 0)
			break;
		rc = line->backend->wait(line, wait_limit(a));
		if (rc == WAIT_READY)
			rc = take_chunk(a);
		else if (rc == WAIT_TIME)
			rc = on_silence(a);
		if (rc == GO_ON && is_overdue(a))
			rc = give_up(a);
	}
	return rc;
}

/* ---- sending ---- */

/* The device is open and the line was silent for a gap.  A device found gone before anything was
 * sent is opened again at once if its backend allows. */
static int
prepare(struct line *line, bool is_repeat)
{
	int rc = E_LOST;

	for (int i = 0; i < 2 && rc == E_LOST; i++) {
		rc = line_ready(line);
		if (rc == E_LOST)
			break;
		if (rc == E_OK)
			rc = line_keep_gap(line, !is_repeat);
	}
	return rc == E_INVALID ? E_LOST : rc;
}

static int
send_request(struct attempt *a, const uint8_t *tx, size_t len)
{
	struct line *line = a->line;
	uint32_t answer_ms = line->timing.answer_ms != 0 ? line->timing.answer_ms :
							   line->backend->answer_ms;
	int64_t start = clock_mono_us();
	int rc;

	parity_encode(line, tx, len);
	line_tapped(line, TAP_SENT, start, line->raw, len);
	rc = line->backend->write(line, line->raw, len);
	line->count.exchanges++;
	line->count.tx_bytes += len;
	a->echo = echo_begin(line, len);
	a->sent_us = start + (line->backend->is_paced ? line_wire_us(line, len) : 0);
	a->deadline_us = a->sent_us + ((int64_t)answer_ms + line->timing.extra_reply_ms) * 1000;
	a->cap_us = a->deadline_us + line_wire_us(line, a->size) * 3 / 2 + total_extra_us;
	/* A TCP gateway still has the bytes to send when the connection has taken them. */
	line->last_byte_us = start + line_wire_us(line, len);
	line->hold_us = 0;
	return rc;
}

/* ---- the books ---- */

static void
note_answer(struct attempt *a)
{
	struct line *line = a->line;
	int64_t done = line->last_byte_us;

	line->count.answers++;
	line->count.wait_us += (uint64_t)(a->first_us - a->sent_us);
	line->answer_us = line->fresh_us = done;
	line->in_vain = 0;
	line->failures = 0;
	line->hold_us = done + line_gap_us(line);
	parity_settle(line, &a->parity);
	/* An answer identical to the request is no evidence. */
	if (a->echo.state == ECHO_REMOVED)
		echo_vote(line, &a->echo, true);
	else if (a->echo.matched < a->echo.len)
		echo_vote(line, &a->echo, false);
}

/* Late bytes of a failed exchange may still come: the long gap before anything is sent. */
static void
note_failure(struct attempt *a, int rc)
{
	struct line *line = a->line;
	struct line_counters *c = &line->count;
	int64_t now = clock_mono_us();

	line->in_vain++;
	line->hold_us = longer(now, line->last_byte_us) + line_silence_us(line);
	c->timeouts += rc == E_TIMEOUT;
	c->damaged += rc == E_CHECKSUM || rc == E_FRAME || rc == E_LIMIT;
	if (rc == E_LOST)
		line_lost(line, true);
	else if (line->backend->errors != NULL)
		c->parity_errors += line->backend->errors(line);
	echo_doubt(line, now);
}

static void
note_times(const struct attempt *a)
{
	struct line *line = a->line;
	int64_t to_utc = clock_utc_us() - clock_mono_us();
	int64_t first = a->first_us != 0 ? a->first_us : a->sent_us;

	line->times = (struct exchange_times){
		.sent_us = a->sent_us + to_utc,
		.first_us = first + to_utc,
		.done_us = longer(first, line->last_byte_us) + to_utc,
	};
}

static int
await_end_of_sending(const struct attempt *a)
{
	int rc = a->line->backend->is_paced ? a->line->backend->wait_wake(a->line, a->sent_us) : E_OK;

	return rc < 0 ? rc : E_OK;
}

static int
attempt_once(struct attempt *a, const uint8_t *tx, size_t tx_len, bool is_repeat)
{
	struct line *line = a->line;
	uint64_t received;
	int rc = prepare(line, is_repeat);

	if (rc < 0)
		return rc;
	received = line->count.rx_bytes;
	rc = send_request(a, tx, tx_len);
	if (rc == E_OK)
		rc = a->frame != NULL ? await_answer(a) : await_end_of_sending(a);
	note_times(a);
	if (rc < 0)
		note_failure(a, rc);
	else if (a->frame != NULL)
		note_answer(a);
	received = line->count.rx_bytes - received;
	line->count.wire_us += (uint64_t)line_wire_us(line, tx_len + (size_t)received);
	return rc;
}

static bool
is_worth_repeating(int rc)
{
	return rc == E_CHECKSUM || rc == E_FRAME || rc == E_LIMIT;
}

static int
attempt_all(struct attempt *fresh, const uint8_t *tx, size_t tx_len, size_t *rx_len)
{
	struct line *line = fresh->line;
	unsigned tries = line->timing.tries != 0 ? line->timing.tries : TRIES;
	bool may_resend = line->backend->is_resent && tries > 1;
	int rc;

	for (unsigned i = 1;; i++) {
		struct attempt a = *fresh;
		uint64_t sent = line->count.exchanges;

		rc = attempt_once(&a, tx, tx_len, i > 1);
		if (rc == E_OK && rx_len != NULL)
			*rx_len = a.len;
		if (rc == E_LOST && may_resend && line->count.exchanges > sent)
			may_resend = false;
		else if (!is_worth_repeating(rc) || i >= tries)
			return rc;
	}
}

int
line_exchange(struct line *line, const uint8_t *tx, size_t tx_len, framer *frame, const void *hint,
    uint8_t *rx, size_t rx_size, size_t *rx_len)
{
	struct attempt fresh = {
		.line = line, .frame = frame, .hint = hint, .rx = rx, .size = rx_size,
	};
	int64_t start = clock_mono_us(), spent;
	int rc;

	if (rx_len != NULL)
		*rx_len = 0;
	if (tx == NULL || tx_len == 0 || tx_len > LINE_TX_MAX)
		return E_INVALID;
	if (frame != NULL && (rx == NULL || rx_size == 0 || rx_len == NULL))
		return E_INVALID;
	if (line->gate != NULL && (rc = line->gate(line->gate_arg)) < 0)
		return rc;
	if (atomic_load(&line->is_woken))
		return E_STOPPED;
	rc = attempt_all(&fresh, tx, tx_len, rx_len);
	spent = clock_mono_us() - start;
	line->count.busy_us += (uint64_t)spent;
	if (rc < 0 && rc != E_STOPPED)
		line->count.lost_us += (uint64_t)spent;
	line_publish(line);
	return rc;
}
