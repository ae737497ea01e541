/* The time check of one meter: read, decide, correct, read again, journal (poller.md 7.1). */
#include "src/poll/poll_private.h"

#include <stdio.h>
#include <stdlib.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum {
	SECOND_US = 1000000, MEASUREMENTS = 3, RTT_MAX_US = SECOND_US, SLEW_MARGIN_S = 3,
	LEAD_US = 20000,
};

static int
get_clock(struct conversation *c, void *arg)
{
	return c->meter->family->clock_get(c->session, arg);
}

static int
measure(struct conversation *c, struct timecheck *check, struct timecheck_result *result)
{
	int rc;

	for (int i = 0; i < MEASUREMENTS; i++) {
		struct exchange_times times;

		rc = conversation_ask(c, "clock", get_clock, &check->meter_utc);
		if (rc < 0)
			return rc;
		times = line_times(c->line);
		check->sent_us = times.sent_us;
		check->answered_us = times.first_us;
		*result = timecheck_decide(check);
		if (result->action != TIMECHECK_REPEAT)
			break;
	}
	return E_OK;
}

static void
note_diff(struct conversation *c, int64_t diff_us)
{
	struct poll_meter *m = c->meter;

	pthread_mutex_lock(&c->poll->lock);
	m->diff_us = diff_us;
	m->diff_s = timecheck_round_s(diff_us);
	m->diff_known = true;
	pthread_mutex_unlock(&c->poll->lock);
}

static void
remember(struct conversation *c, const struct timecheck_result *result)
{
	struct poll_meter *m = c->meter;
	int64_t now = clock_utc(), period = c->settings.clock_check_min * 60;

	note_diff(c, result->diff_us);
	pthread_mutex_lock(&c->poll->lock);
	m->clock_read_at = now;
	m->clock_slot = (now - period / 2) / period;
	m->clock_postponed = result->action == TIMECHECK_POSTPONE;
	pthread_mutex_unlock(&c->poll->lock);
}

/* after_us NULL: the meter is still slewing. */
static void
journal(struct conversation *c, int64_t before_us, int correction_s, const int64_t *after_us,
    const char *result)
{
	char json[240], after[32] = "null";

	if (after_us != NULL)
		snprintf(after, sizeof(after), "%.3f", (double)*after_us / SECOND_US);
	snprintf(json, sizeof(json),
	    "{\"idMeter\":%u,\"serial\":\"%s\",\"diffBefore\":%.3f,"
	    "\"correction\":%d,\"diffAfter\":%s,\"result\":\"%s\"}",
	    c->meter->row.id, c->meter->state.config.serial, (double)before_us / SECOND_US,
	    correction_s, after, result);
	if (store_journal_add(c->poll->store, DJ_METER_TIME, clock_utc(), json) < 0)
		log_warn("poll", "meter=%u: clock correction not journalled", c->meter->row.id);
}

/* Sends a time (by the correction command or the setting one) so that the second it names begins
 * when the frame ends. */
static int
send_time(struct conversation *c, int (*send)(struct meter_session *, int64_t utc), int64_t diff_us,
    int correction_s)
{
	const struct meter_family *family = c->meter->family;
	int64_t frame_us = (int64_t)family->clock_frame * line_char_ns(&c->meter->settings) / 1000;
	int64_t now_us = clock_utc_us();
	int64_t end_us = (now_us + frame_us + LEAD_US) / SECOND_US * SECOND_US + SECOND_US;
	int64_t target_us = end_us + diff_us + (int64_t)correction_s * SECOND_US;

	int rc;

	/* A damaged answer must not send it twice: what was done is read back instead. */
	if ((rc = conversation_configure(c, true, 1)) < 0)
		return rc;
	clock_sleep_until_us(clock_mono_us() + end_us - frame_us - now_us);
	rc = send(c->session, (target_us + SECOND_US / 2) / SECOND_US);
	return conversation_configure(c, true, c->attempts) < 0 ? E_LOST : rc;
}

static int64_t
meter_day(const struct conversation *c, int64_t meter_utc)
{
	return day_start(c->zone, meter_utc);
}

/* A slewing meter is looked at again when it must have arrived. */
static void
verify_later(struct conversation *c, const struct timecheck_result *decided)
{
	struct poll_meter *m = c->meter;

	pthread_mutex_lock(&c->poll->lock);
	m->clock_before_us = decided->diff_us;
	m->clock_correction_s = decided->correction_s;
	m->clock_verify_at = clock_utc() + abs(decided->correction_s) + SLEW_MARGIN_S;
	pthread_mutex_unlock(&c->poll->lock);
	journal(c, decided->diff_us, decided->correction_s, NULL, "slewing");
}

static void
verify(struct conversation *c, int64_t diff_us)
{
	struct poll_meter *m = c->meter;

	if (m->clock_verify_at == 0 || clock_utc() < m->clock_verify_at)
		return;
	m->clock_verify_at = 0;
	journal(c, m->clock_before_us, m->clock_correction_s, &diff_us,
	    llabs(diff_us) <= c->settings.clock_limit_ms * 1000 ? "done" : "not reached");
}

static int
correct(struct conversation *c, struct timecheck *check, const struct timecheck_result *decided)
{
	struct poll_meter *m = c->meter;
	struct timecheck_result after = *decided;
	int rc = send_time(c, m->family->clock_correct, decided->diff_us, decided->correction_s);

	log_info("poll", "bus=%s meter=%u: clock off by %.1f s, corrected by %d s: %s", c->bus->name,
	    m->row.id, (double)decided->diff_us / SECOND_US, decided->correction_s, uspd_strerror(rc));
	if (rc == E_OK || rc == E_REFUSED) {
		m->state.corrected_day = meter_day(c, check->meter_utc);
		c->state_changed = true;
	}
	if (rc == E_OK && m->family->clock_slews) {
		verify_later(c, decided);
		return E_OK;
	}
	if (rc == E_OK && (rc = measure(c, check, &after)) == E_OK)
		remember(c, &after);
	journal(c, decided->diff_us, decided->correction_s, &after.diff_us,
	    rc == E_OK ? "done" : uspd_strerror(rc));
	/* A refused correction is no fault of the link. */
	return poll_is_link_trouble(rc) || rc == E_STOPPED || rc == E_PREEMPTED ? rc : E_OK;
}

static int32_t
soft_max(const struct conversation *c)
{
	uint16_t enforced = c->meter->family->clock_soft_max_s;

	return enforced != 0 && enforced < c->settings.clock_soft_max_s ?
	    enforced :
	    (int32_t)c->settings.clock_soft_max_s;
}

static struct timecheck
prepare(const struct conversation *c)
{
	const struct poll_meter *m = c->meter;
	const struct settings *s = &c->settings;
	unsigned period_min = m->state.config.period_min;

	return (struct timecheck){
		.zone = c->zone,
		.device_good = poll_clock_is_good(clock_utc()),
		.limit_us = s->clock_limit_ms * 1000,
		.rtt_max_us = RTT_MAX_US,
		.soft_max_s = soft_max(c),
		.period_s = (int32_t)(period_min != 0 ? period_min : 30) * 60,
		.guard_s = (int32_t)s->clock_guard_s,
		.day_guard_s = (int32_t)s->clock_day_guard_s,
		.partial = s->clock_partial != 0,
		.once_per_day = s->clock_once_per_day != 0,
		.corrected_today = m->state.corrected_day == meter_day(c, clock_utc()),
	};
}

int
poll_check_clock(struct conversation *c)
{
	struct poll_meter *m = c->meter;
	struct timecheck check = prepare(c);
	struct timecheck_result result;
	int rc;

	if ((rc = measure(c, &check, &result)) < 0)
		return rc;
	remember(c, &result);
	verify(c, result.diff_us);
	if (result.action == TIMECHECK_ALARM && m->clock_alarm_day != day_start(c->zone, clock_utc())) {
		m->clock_alarm_day = day_start(c->zone, clock_utc());
		poll_journal(c->poll, "warn", c->bus->name, "meter %u: clock out of range by %d s (%s)",
		    m->row.id, timecheck_round_s(result.diff_us), result.reason);
	}
	if (result.action == TIMECHECK_SOFT && c->settings.clock_correct &&
	    m->family->clock_correct != NULL)
		return correct(c, &check, &result);
	return E_OK;
}

/* ---- by order ---- */

int
poll_read_clock(struct conversation *c, int64_t *meter_utc)
{
	struct timecheck check = prepare(c);
	struct timecheck_result result;
	int rc = measure(c, &check, &result);

	if (rc < 0)
		return rc;
	note_diff(c, result.diff_us);
	*meter_utc = check.meter_utc;
	return E_OK;
}

/* A meter that refuses the correction (once a day, not near midnight) may still be set. */
static bool
is_refusal(int rc)
{
	return rc == E_REFUSED || rc == E_BUSY || rc == E_UNSUPPORTED || rc == E_METER;
}

/* *soft: the correction command did it. */
static int
order_time(struct conversation *c, int64_t diff_us, int32_t correction_s, bool *soft)
{
	const struct meter_family *family = c->meter->family;
	bool fits = family->clock_soft_max_s == 0 || abs(correction_s) <= family->clock_soft_max_s;
	int rc = E_UNSUPPORTED;

	*soft = false;
	if (family->clock_correct != NULL && fits) {
		rc = send_time(c, family->clock_correct, diff_us, correction_s);
		*soft = rc == E_OK;
		if (*soft || !is_refusal(rc) || family->clock_set == NULL)
			return rc;
	}
	if (family->clock_set != NULL)
		rc = send_time(c, family->clock_set, diff_us, correction_s);
	return rc;
}

/* What became of it; the answer to the command may have been lost. */
static int
read_back(struct conversation *c, struct timecheck *check, int64_t before_us, int32_t correction_s,
    int sent, bool slews)
{
	struct timecheck_result after;
	int rc = measure(c, check, &after);
	bool arrived;

	if (rc < 0) {
		journal(c, before_us, correction_s, NULL, uspd_strerror(sent < 0 ? sent : rc));
		return rc;
	}
	remember(c, &after);
	arrived = llabs(after.diff_us) <= check->limit_us;
	if (slews && !arrived)
		return E_OK; /* on its way; verify_later() has journalled that */
	journal(c, before_us, correction_s, &after.diff_us, arrived ? "set" : "not reached");
	return arrived ? E_OK : E_METER;
}

int
poll_sync_clock(struct conversation *c, int64_t *meter_utc)
{
	struct poll_meter *m = c->meter;
	struct timecheck check = prepare(c);
	struct timecheck_result result;
	bool soft, slews;
	int rc;

	if ((rc = measure(c, &check, &result)) < 0)
		return rc;
	remember(c, &result);
	*meter_utc = check.meter_utc;
	result.correction_s = -timecheck_round_s(result.diff_us);
	if (result.correction_s == 0)
		return E_OK;
	bus_hold(c->bus->bus, true);
	c->commanded = true;
	rc = order_time(c, result.diff_us, result.correction_s, &soft);
	log_info("poll", "bus=%s meter=%u: clock off by %.1f s, %s by order: %s", c->bus->name,
	    m->row.id, (double)result.diff_us / SECOND_US, soft ? "corrected" : "set",
	    uspd_strerror(rc));
	if (soft) {
		m->state.corrected_day = meter_day(c, check.meter_utc);
		c->state_changed = true;
	}
	slews = soft && m->family->clock_slews;
	if (slews)
		verify_later(c, &result);
	if (rc == E_OK || poll_is_link_trouble(rc))
		rc = read_back(c, &check, result.diff_us, result.correction_s, rc, slews);
	else
		journal(c, result.diff_us, result.correction_s, NULL, uspd_strerror(rc));
	bus_hold(c->bus->bus, false);
	*meter_utc = check.meter_utc;
	return rc;
}
