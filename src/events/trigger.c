#include "src/events/trigger.h"

#define SECOND INT64_C(1000000)

/* ---- discrete ---- */

void
digital_init(struct digital *d, const struct digital_rule *rule, int last_level)
{
	*d = (struct digital){ .rule = *rule, .stable = LEVEL_UNKNOWN, .reported = last_level,
		.raw = LEVEL_UNKNOWN };
}

void
digital_level(struct digital *d, int level, int64_t now_us, int64_t utc)
{
	if (level == d->raw)
		return;
	d->raw = level;
	d->raw_us = now_us;
	if (!d->pending)
		d->edge_utc = utc; /* of the event, however long it bounces from here (4.1) */
	d->pending = true;
}

/* Does a change to this level make an event of this row? */
static bool
edge_fits(const struct digital *d, int level)
{
	return d->rule.edge == EDGE_BOTH ||
	    d->rule.edge == (level == LEVEL_OPEN ? EDGE_TO_OPEN : EDGE_TO_CLOSED);
}

/* A change has settled: is it one too many? */
static void
count_change(struct digital *d, int64_t now_us, struct digital_event *event)
{
	if (now_us - d->window_us >= CHATTER_WINDOW_S * SECOND) {
		d->window_us = now_us;
		d->changes = 0;
	}
	d->changes++;
	if (d->rest_until_us != 0)
		d->dropped++;
	else if (d->changes > CHATTER_CHANGES) {
		d->rest_until_us = now_us + CHATTER_REST_S * SECOND;
		d->dropped = 1;
		event->began_rest = true;
	}
}

static bool
settle(struct digital *d, int64_t now_us, struct digital_event *event)
{
	bool first = d->stable == LEVEL_UNKNOWN;

	if (!d->pending || now_us - d->raw_us < d->rule.debounce_us)
		return false;
	d->pending = false;
	if (d->raw == d->stable)
		return false; /* it only bounced */
	d->stable = d->raw;
	if (!first) {
		count_change(d, now_us, event);
		return false;
	}
	/* At start: a level never seen before is no change. */
	if (d->reported == LEVEL_UNKNOWN || d->rule.ignore_at_start)
		d->reported = d->stable;
	return d->reported != d->stable;
}

bool
digital_tick(struct digital *d, int64_t now_us, struct digital_event *event)
{
	*event = (struct digital_event){ .level = LEVEL_UNKNOWN };
	event->at_start = settle(d, now_us, event);
	if (d->rest_until_us != 0 && now_us >= d->rest_until_us) {
		event->dropped = d->dropped;
		d->rest_until_us = 0;
		d->dropped = d->changes = 0;
	}
	if (d->stable != LEVEL_UNKNOWN && d->stable != d->reported && d->rest_until_us == 0 &&
	    now_us >= d->hold_until_us) {
		d->reported = d->stable;
		event->raised = edge_fits(d, d->stable);
		event->level = d->stable;
		event->utc = d->edge_utc;
		if (event->raised)
			d->hold_until_us = now_us + d->rule.hold_us;
	}
	return event->raised || event->began_rest || event->dropped > 0;
}

int64_t
digital_wake_us(const struct digital *d)
{
	int64_t wake = d->pending ? d->raw_us + d->rule.debounce_us : INT64_MAX;
	int64_t end = d->rest_until_us != 0			   ? d->rest_until_us :
	    d->stable != LEVEL_UNKNOWN && d->stable != d->reported ? d->hold_until_us :
								     INT64_MAX;

	return wake < end ? wake : end;
}

/* ---- analog ---- */

void
analog_init(struct analog *a, const struct analog_rule *rule)
{
	*a = (struct analog){ .rule = *rule };
}

/* The zone a value lies in, coming from the present one. */
static enum analog_zone
zone_of(const struct analog *a, int64_t value)
{
	const struct analog_rule *r = &a->rule;

	if (r->has_high && value > r->high)
		return ZONE_HIGH;
	if (r->has_low && value < r->low)
		return ZONE_LOW;
	if (a->zone == ZONE_HIGH && value >= r->high - r->hyst_high)
		return ZONE_HIGH;
	if (a->zone == ZONE_LOW && value <= r->low + r->hyst_low)
		return ZONE_LOW;
	return ZONE_NORMAL;
}

static size_t
add(const struct analog *a, struct analog_event *out, size_t n, bool enters, enum analog_zone zone)
{
	if (a->rule.edge == (enters ? ANALOG_LEAVE : ANALOG_ENTER))
		return n;
	out[n] = (struct analog_event){ enters, zone };
	return n + 1;
}

size_t
analog_sample(struct analog *a, int64_t value, int64_t now_us, struct analog_event out[static 2])
{
	enum analog_zone zone, before;
	size_t n = 0;

	if (a->sampled && a->rule.stale_us > 0 && now_us - a->sample_us > a->rule.stale_us)
		a->zone = a->next = ZONE_UNKNOWN;
	a->sampled = true;
	a->sample_us = now_us;
	zone = zone_of(a, value);
	if (zone == a->zone || zone != a->next) {
		a->next = zone;
		a->next_since_us = now_us;
	}
	/* Out of the unknown nothing need last: the first sample sets the zone (4.3). */
	if (zone == a->zone ||
	    (a->zone != ZONE_UNKNOWN && now_us - a->next_since_us < a->rule.delay_us))
		return 0;
	before = a->zone;
	a->zone = zone;
	if (before == ZONE_LOW || before == ZONE_HIGH)
		n = add(a, out, n, false, before);
	if (zone == ZONE_LOW || zone == ZONE_HIGH)
		n = add(a, out, n, true, zone);
	return n;
}
