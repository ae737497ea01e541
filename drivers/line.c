/* The line as an object: opening and losing its device, settings, gaps, counters, tap.
 * The exchange itself is in line_exchange.c. */
#include "drivers/line_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"

/* poller.md 2.2 */
static const struct line_settings default_settings = { 9600, 8, PARITY_NONE, 1 };

enum { GAP_HALF_CHARS = 7 };	/* 3.5 characters (poller.md 2.4) */
/* What a UART may hide in its FIFO, and the longest time granted for it. */
enum { FIFO_CHARS = 64 };
static const int64_t fifo_most_us = 100000;
/* Without a good answer for so long the device is opened anew (poller.md 5.6). */
static const int64_t refresh_us = 60 * INT64_C(1000000);
/* Input that lasts so long without a request is noise; then a pause (poller.md 5.6). */
static const int64_t babble_us = 2000000, babble_pause_us = 1000000;
/* How often the name of the device is compared with what is open. */
static const int64_t check_us = 1000000;
enum { TRIES_MOST = 10 };

static void
set_echo(struct line *line, enum line_kind kind, enum line_echo echo)
{
	if (echo == ECHO_AUTO && kind == LINE_CAN)
		echo = ECHO_ON;
	line->echo.is_auto = echo == ECHO_AUTO;
	if (echo != ECHO_AUTO)
		line->echo.belief = echo == ECHO_ON ? ECHO_PRESENT : ECHO_ABSENT;
}

int
line_new(struct line **out, const struct line_backend *backend, const struct line_options *options)
{
	struct line *line = calloc(1, sizeof(*line));

	*out = NULL;
	if (line == NULL)
		return E_NOMEM;
	line->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (line->wake_fd < 0) {
		free(line);
		return E_IO;
	}
	line->backend = backend;
	line->fd = -1;
	snprintf(line->name, sizeof(line->name), "%s", options->name != NULL ? options->name : "line");
	line->kind = options->kind;
	line->direction = options->direction;
	line->gap_min_option_ms = options->gap_min_ms;
	line->latency_timer_ms = options->latency_timer_ms != 0 ? options->latency_timer_ms : 1;
	line->gap_min_ms = options->gap_min_ms != 0 ? options->gap_min_ms : backend->gap_min_ms;
	line->settings = default_settings;
	line->char_ns = line_char_ns(&line->settings);
	set_echo(line, options->kind, options->echo);
	pthread_mutex_init(&line->lock, NULL);
	*out = line;
	return E_OK;
}

void
line_close(struct line *line)
{
	if (line == NULL)
		return;
	line->backend->shut(line);
	line->backend->free(line);
	close(line->wake_fd);
	pthread_mutex_destroy(&line->lock);
	free(line);
}

/* ---- the device comes and goes ---- */

/* Says it once, and not while an immediate retry may still mend it. */
static void
report_loss(struct line *line)
{
	if (line->is_loss_logged || (line->backend->pause_us != NULL && line->failures < 2))
		return;
	line->is_loss_logged = true;
	log_warn("line", "line=%s: %s; its meters wait until it is back", line->name, line->reason);
}

static void
postpone(struct line *line)
{
	int64_t at;

	line->failures++;
	if (line->backend->pause_us == NULL)
		return;
	at = clock_mono_us() + line->backend->pause_us(line->failures);
	if (at > line->reopen_at_us)
		line->reopen_at_us = at;
}

void
line_lost(struct line *line, bool blame)
{
	line->backend->shut(line);
	line->is_open = false;
	if (!blame)
		return;
	postpone(line);
	report_loss(line);
}

static void
silence_begins(struct line *line)
{
	line->last_byte_us = clock_mono_us();
	line->hold_us = 0;
}

static int
open_device(struct line *line)
{
	int64_t now = clock_mono_us();
	int rc;

	if (now < line->reopen_at_us)
		return E_LOST;
	line->reopen_at_us = now + line->backend->reopen_us;
	rc = line->backend->open(line);
	if (rc == E_OK)
		rc = line->backend->configure(line, &line->settings);
	if (rc == E_INVALID)
		snprintf(line->reason, sizeof(line->reason), "the device refuses its line settings");
	if (rc < 0) {
		line->backend->shut(line);
		if (rc == E_STOPPED)
			return rc;
		postpone(line);
		report_loss(line);
		return rc;
	}
	line->is_open = true;
	line->count.reopens += line->was_open;
	line->was_open = true;
	if (line->is_loss_logged)
		log_info("line", "line=%s: device is back", line->name);
	line->is_loss_logged = false;
	line->in_vain = 0;
	line->fresh_us = line->check_at_us = now;
	silence_begins(line);
	return E_OK;
}

/* A device whose name means another one now, or that was dumb for a minute, is opened anew. */
static bool
needs_reopening(struct line *line)
{
	int64_t now = clock_mono_us();

	if (line->backend->is_stale != NULL && now - line->check_at_us >= check_us) {
		line->check_at_us = now;
		if (line->backend->is_stale(line))
			return true;
	}
	return line->is_refreshable && line->in_vain > 0 && now - line->fresh_us > refresh_us;
}

int
line_ready(struct line *line)
{
	int rc = E_OK;

	if (line->is_open && needs_reopening(line))
		line_lost(line, false);
	/* The second attempt is the immediate one that TCP allows (poller.md 5.2). */
	for (int i = 0; i < 2 && !line->is_open && (rc == E_OK || rc == E_LOST); i++)
		rc = open_device(line);
	return rc;
}

/* ---- silence ---- */

int64_t
line_wire_us(const struct line *line, size_t bytes)
{
	return (int64_t)((uint64_t)bytes * line->char_ns / 1000);
}

static int64_t
longest(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t
gap_of_timing(const struct line *line)
{
	int64_t chars = (int64_t)line->char_ns * GAP_HALF_CHARS / 2000;

	return longest((int64_t)line->timing.gap_ms * 1000, chars);
}

int64_t
line_silence_us(const struct line *line)
{
	return longest(gap_of_timing(line), (int64_t)line->gap_min_ms * 1000);
}

/* On TCP gap_min only tells when a frame has ended: behind the connection there is no turn-around
 * to protect beyond what the meter itself asks for, and 300 ms per request would be wasted. */
int64_t
line_gap_us(const struct line *line)
{
	return line->backend->keeps_gap_min ? line_silence_us(line) : gap_of_timing(line);
}

/* A UART hands on its FIFO in portions, up to 64 characters, although they arrive evenly; a hole
 * that short is not a lost frame.  The happy path never waits for this. */
int64_t
line_lost_us(const struct line *line)
{
	int64_t fifo = line_wire_us(line, FIFO_CHARS);

	if (line->timing.lost_ms != 0)
		return longest((int64_t)line->timing.lost_ms * 1000, line_silence_us(line));
	return longest(line_silence_us(line), fifo < fifo_most_us ? fifo : fifo_most_us);
}

int
line_take(struct line *line, uint8_t *bytes, size_t size, size_t *n)
{
	int rc = line->backend->read(line, bytes, size, n);

	if (rc < 0 || *n == 0)
		return rc;
	line->last_byte_us = clock_mono_us();
	line->count.rx_bytes += *n;
	line_tapped(line, TAP_RECEIVED, line->last_byte_us, bytes, *n);
	return E_OK;
}

static int
discard_chunk(struct line *line, bool is_stray)
{
	uint8_t chunk[LINE_CHUNK];
	size_t n;
	int rc = line_take(line, chunk, sizeof(chunk), &n);

	if (rc == E_OK && is_stray)
		line->count.stray_bytes += n;
	return rc;
}

static int
rest_from_noise(struct line *line)
{
	int rc;

	log_warn("line", "line=%s: noise, input does not end; pausing", line->name);
	rc = line->backend->wait_wake(line, clock_mono_us() + babble_pause_us);
	return rc < 0 ? rc : discard_chunk(line, true);
}

static int
await_gap(struct line *line, bool is_stray, int64_t start)
{
	for (;;) {
		int64_t until = longest(line->hold_us, line->last_byte_us + line_gap_us(line));
		int rc = line->backend->wait(line, until);

		if (rc == WAIT_TIME)
			return E_OK;
		if (rc == WAIT_READY)
			rc = discard_chunk(line, is_stray);
		if (rc == E_OK && clock_mono_us() - start > babble_us)
			return rest_from_noise(line);
		if (rc < 0)
			return rc;
	}
}

int
line_keep_gap(struct line *line, bool is_stray)
{
	int64_t start = clock_mono_us();
	int rc;

	if (line->is_raw_used)
		silence_begins(line);
	line->is_raw_used = false;
	rc = await_gap(line, is_stray, start);
	line->count.gap_us += (uint64_t)(clock_mono_us() - start);
	if (rc == E_LOST)
		line_lost(line, false);
	return rc;
}

int
line_silence(struct line *line, uint32_t ms)
{
	int64_t until = line->last_byte_us + (int64_t)ms * 1000;
	int rc;

	do {
		rc = line->is_open ? line->backend->wait(line, until) :
				     line->backend->wait_wake(line, until);
		if (rc == WAIT_READY && discard_chunk(line, true) < 0)
			rc = E_LOST;
	} while (rc == WAIT_READY && clock_mono_us() < until);
	if (rc == E_LOST)
		line_lost(line, false);
	line_publish(line);
	return rc < 0 ? rc : E_OK;
}

/* ---- settings ---- */

static void
use_settings(struct line *line, const struct line_settings *settings)
{
	line->settings = *settings;
	line->char_ns = line_char_ns(settings);
}

/* One gap at the old speed, the change, one gap at the new speed (poller.md 2.2). */
static int
change_settings(struct line *line, const struct line_settings *settings)
{
	int rc = line_keep_gap(line, true);

	if (rc < 0)
		return rc;
	rc = line->backend->configure(line, settings);
	if (rc == E_LOST)
		line_lost(line, true);
	if (rc < 0)
		return rc;
	use_settings(line, settings);
	silence_begins(line);
	return line_keep_gap(line, true);
}

int
line_configure(struct line *line, const struct line_settings *settings,
    const struct line_timing *timing, enum soft_parity soft)
{
	struct line_settings before = line->settings;
	int rc = E_OK;

	if (settings == NULL || timing == NULL || !line_settings_valid(settings) ||
	    timing->tries > TRIES_MOST || (unsigned)soft > SOFT_AUTO)
		return E_INVALID;
	line->timing = *timing;
	line->soft = soft;
	/* Each meter is met with parity at first: another one's habit tells nothing. */
	line->is_soft_off = false;
	if (line->is_open && line_settings_equal(settings, &before))
		return E_OK;
	if (line->is_open) {
		rc = change_settings(line, settings);
	} else {
		use_settings(line, settings);
		rc = line_ready(line);
		if (rc == E_INVALID)
			use_settings(line, &before);
	}
	line_publish(line);
	return rc;
}

/* ---- watching ---- */

void
line_publish(struct line *line)
{
	pthread_mutex_lock(&line->lock);
	line->shown = line->count;
	pthread_mutex_unlock(&line->lock);
}

void
line_counters(const struct line *line, struct line_counters *counters)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&line->lock;

	pthread_mutex_lock(lock);
	*counters = line->shown;
	pthread_mutex_unlock(lock);
}

void
line_tap_set(struct line *line, line_tap *tap, void *arg)
{
	pthread_mutex_lock(&line->lock);
	line->tap = tap;
	line->tap_arg = arg;
	pthread_mutex_unlock(&line->lock);
}

/* The lock is held during the call, so that after line_tap_set() the old tap is never running. */
void
line_tapped(struct line *line, enum tap_direction way, int64_t mono_us, const uint8_t *bytes, size_t n)
{
	pthread_mutex_lock(&line->lock);
	if (line->tap != NULL)
		line->tap(line->tap_arg, way, mono_us + clock_utc_us() - clock_mono_us(), bytes, n);
	pthread_mutex_unlock(&line->lock);
}

void
line_wake(struct line *line)
{
	atomic_store(&line->is_woken, true);
	if (eventfd_write(line->wake_fd, 1) != 0)
		log_error("line", "line=%s: cannot wake its thread", line->name);
}

void
line_wake_clear(struct line *line)
{
	eventfd_t ignored;

	atomic_store(&line->is_woken, false);
	(void)!eventfd_read(line->wake_fd, &ignored);
}

void
line_gate_set(struct line *line, int (*gate)(void *arg), void *arg)
{
	line->gate = gate;
	line->gate_arg = arg;
}

int
line_fd(struct line *line)
{
	line->is_raw_used = true;
	return line->fd;
}

struct exchange_times
line_times(const struct line *line)
{
	return line->times;
}

unsigned
line_station_limit(const struct line *line)
{
	return line->kind == LINE_CAN ? CAN_STATIONS : RS485_STATIONS;
}

const char *
line_name(const struct line *line)
{
	return line->name;
}
