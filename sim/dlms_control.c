/* What clients change in a simulated СПОДЭС meter: clock, relay, limits, archives
 * (meter-spodes-dlms.md 15, 16). */
#include "sim/dlms.h"

#include <string.h>

enum {
	SHIFT_MOST_S = 900, ON = 2, OFF = 1, RESET = 1, CAPTURE = 2, SHIFT = 6, REPLY_TO_HLS = 1,
	ACTIVATE = 1,
	LOG_RELAY = 2, LOG_PROGRAM = 3, LOG_CORRECTION = 13,
	REMOTE_OFF = 3, REMOTE_ON = 4, REMOTE_PERMISSION = 5,
	CODE_TIME_SET = 3, CODE_METERING_POINT = 15, CODE_RELAY_MODE = 50, CODE_TIME_SHIFTED = 68,
	CODE_MONTHS_CLEARED = 35, CODE_DAYS_CLEARED = 36, CODE_LOAD_CLEARED = 46, CODE_LIMIT = 19,
};

static void
note_correction(struct sim_dlms_call *call, unsigned code, int64_t old_t)
{
	call->m->counters.clock_writes++;
	sim_dlms_note(call, LOG_PROGRAM, code, old_t);
	sim_dlms_note(call, LOG_CORRECTION, 0, old_t);
}

static int
set_clock(struct sim_dlms_call *call, struct rd *r)
{
	int64_t t;
	int deviation;

	if (!sim_ax_take_stamp(r, &t, &deviation) || t == INT64_MIN)
		return SIM_DAR_TYPE_WRONG;
	sim_clock_set(&call->m->clock, call->now_us, t * 1000000);
	note_correction(call, CODE_TIME_SET, call->t);
	return SIM_DAR_DONE;
}

static int
shift_clock(struct sim_dlms_call *call, struct rd *r)
{
	struct sim_dlms *d = call->d;
	int64_t by;

	if (!sim_ax_take_int(r, &by))
		return SIM_DAR_TYPE_WRONG;
	if (by < -SHIFT_MOST_S || by > SHIFT_MOST_S ||
	    (d->k.shift_daily && d->shift_day == sim_day(call->t)))
		return SIM_DAR_DENIED;
	d->shift_day = sim_day(call->t);
	sim_clock_set(&call->m->clock, call->now_us,
	    sim_clock_us(&call->m->clock, call->now_us) + by * 1000000);
	note_correction(call, CODE_TIME_SHIFTED, call->t);
	return SIM_DAR_DONE;
}

/* Modes 2 and 4 switch on from afar; 1, 3, 5 and 6 wait for the button (16). */
static int
switch_relay(struct sim_dlms_call *call, bool on)
{
	struct sim_dlms *d = call->d;
	bool at_once = d->k.relay_mode == 2 || d->k.relay_mode == 4;

	if (d->k.relay_mode == 0)
		return SIM_DAR_DENIED;
	call->m->counters.switchings++;
	if (!on) {
		d->relay_off = true;
		d->relay_ready = false;
		sim_dlms_note(call, LOG_RELAY, REMOTE_OFF, 0);
	} else if (d->relay_off) {
		d->relay_off = !at_once;
		d->relay_ready = !at_once;
		sim_dlms_note(call, LOG_RELAY, at_once ? REMOTE_ON : REMOTE_PERMISSION, 0);
	}
	return SIM_DAR_DONE;
}

static int
set_limit(struct sim_dlms_call *call, const struct sim_dlms_object *o, unsigned attribute, struct rd *r)
{
	int64_t value;

	if (attribute < 4 || attribute > 7)
		return SIM_DAR_DENIED;
	if (!sim_ax_take_int(r, &value) || value < 0 || value > UINT32_MAX)
		return SIM_DAR_TYPE_WRONG;
	call->d->limits[o->x][attribute - 4] = (uint32_t)value;
	sim_dlms_note(call, LOG_PROGRAM, CODE_LIMIT, 0);
	return SIM_DAR_DONE;
}

static int
set_relay_mode(struct sim_dlms_call *call, struct rd *r)
{
	int64_t mode;

	if (!sim_ax_take_int(r, &mode) || mode < 0 || mode > 6)
		return SIM_DAR_TYPE_WRONG;
	call->d->k.relay_mode = (int32_t)mode;
	sim_dlms_note(call, LOG_PROGRAM, CODE_RELAY_MODE, 0);
	return SIM_DAR_DONE;
}

static int
set_point(struct sim_dlms_call *call, struct rd *r)
{
	uint8_t tag = rd_u8(r);
	size_t n = sim_ax_take_length(r);

	if ((tag != AX_OCTETS && tag != AX_VISIBLE) || n >= sizeof(call->d->point))
		return SIM_DAR_TYPE_WRONG;
	memset(call->d->point, 0, sizeof(call->d->point));
	rd_bytes(r, call->d->point, n);
	sim_dlms_note(call, LOG_PROGRAM, CODE_METERING_POINT, 0);
	return SIM_DAR_DONE;
}

int
sim_dlms_set(struct sim_dlms_call *call, const struct sim_dlms_object *o, unsigned attribute,
    struct rd *r)
{
	switch (o->what) {
	case SIM_CLOCK:
		return attribute == 2 ? set_clock(call, r) : SIM_DAR_DENIED;
	case SIM_RELAY:
		return attribute == 4 ? set_relay_mode(call, r) : SIM_DAR_DENIED;
	case SIM_LIMITER:
		return set_limit(call, o, attribute, r);
	case SIM_CALENDAR:
		return sim_dlms_set_calendar(call, attribute, r);
	case SIM_SPECIAL_DAYS:
		return attribute == 2 ? sim_dlms_set_special_days(call, r) : SIM_DAR_DENIED;
	case SIM_DATA_POINT:
		return attribute == 2 ? set_point(call, r) : SIM_DAR_DENIED;
	default:
		return SIM_DAR_DENIED;
	}
}

static int
act_on_profile(struct sim_dlms_call *call, const struct sim_dlms_object *o, unsigned method)
{
	static const uint8_t codes[] = { CODE_LOAD_CLEARED, CODE_DAYS_CLEARED, CODE_MONTHS_CLEARED };
	struct sim_dlms *d = call->d;

	if (o->what == SIM_PROFILE && o->x == SIM_PROFILE_NOW && method == CAPTURE) {
		d->captured_t = call->t;
		return SIM_DAR_DONE;
	}
	if (o->what != SIM_PROFILE || o->x >= SIM_PROFILE_NOW || method != RESET ||
	    d->as.role != SIM_CONFIGURATOR)
		return SIM_DAR_DENIED;
	d->cleared_t[o->x] = call->t;
	sim_dlms_note(call, LOG_PROGRAM, codes[o->x], 0);
	return SIM_DAR_DONE;
}

/* Pass 3 of high-level authentication: an octet string. */
static int
reply_to_challenge(struct sim_dlms_call *call, struct rd *r, struct text *to)
{
	size_t n;
	const uint8_t *at;

	if (rd_u8(r) != AX_OCTETS)
		return SIM_DAR_TYPE_WRONG;
	n = sim_ax_take_length(r);
	at = rd_take(r, n);
	return at != NULL ? sim_dlms_prove(call, at, n, to) : SIM_DAR_TYPE_WRONG;
}

int
sim_dlms_action(struct sim_dlms_call *call, const struct sim_dlms_object *o, unsigned method,
    struct rd *r,
    struct text *to)
{
	bool may = call->d->as.role == SIM_CONFIGURATOR;

	switch (o->what) {
	case SIM_ASSOCIATION:
		return method == REPLY_TO_HLS && o->x == 0 ? reply_to_challenge(call, r, to) :
							     SIM_DAR_DENIED;
	case SIM_CLOCK:
		return method == SHIFT && call->d->as.role != SIM_PUBLIC ? shift_clock(call, r) :
									   SIM_DAR_DENIED;
	case SIM_PROFILE:
	case SIM_LOG:
		return act_on_profile(call, o, method);
	case SIM_RELAY:
		return may && (method == ON || method == OFF) ? switch_relay(call, method == ON) :
								SIM_DAR_DENIED;
	case SIM_CALENDAR:
		if (!may || method != ACTIVATE)
			return SIM_DAR_DENIED;
		sim_dlms_activate_calendar(call);
		return SIM_DAR_DONE;
	default:
		return SIM_DAR_DENIED;
	}
}
