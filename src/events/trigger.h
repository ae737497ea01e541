/* Triggers: what a discrete input or a measured value must do to be an event (event-model.md 4).
 *
 * A trigger is fed with levels or samples and says what they amount to.  Time is given: `now_us` is
 * monotonic, `utc` the moment the source names.  Pure; nothing is allocated. */
#ifndef USPD_EVENTS_TRIGGER_H
#define USPD_EVENTS_TRIGGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- discrete ---- */

enum { LEVEL_CLOSED, LEVEL_OPEN, LEVEL_UNKNOWN };	/* замкнут, разомкнут (4.1) */
enum digital_edge { EDGE_BOTH, EDGE_TO_OPEN, EDGE_TO_CLOSED };
struct digital_rule {
	enum digital_edge edge;
	bool ignore_at_start;
	int64_t debounce_us;	/* a level counts when it has stayed so long */
	int64_t hold_us;	/* after an event no other for so long */
};
/* Limits against a chattering contact and a loop of events. */
enum { CHATTER_CHANGES = 60, CHATTER_WINDOW_S = 60, CHATTER_REST_S = 600 };

struct digital {
	struct digital_rule rule;
	int stable, reported, raw;	/* LEVEL_*; `reported` survives a restart by digital_init() */
	bool pending;			/* raw has left the stable level and not settled since */
	int64_t raw_us, edge_utc;	/* of the newest edge; of the first edge of this change */
	int64_t hold_until_us, rest_until_us;
	int64_t window_us;		/* chatter is counted from here */
	unsigned changes, dropped;
};
struct digital_event {
	bool raised, at_start;
	int level;
	int64_t utc;
	bool began_rest;	/* too many changes: no events for CHATTER_REST_S */
	unsigned dropped;	/* a rest has ended: changes meanwhile */
};

void digital_init(struct digital *, const struct digital_rule *, int last_level);
/* The level as read now; every edge should be told. */
void digital_level(struct digital *, int level, int64_t now_us, int64_t utc);
/* To be called after levels and when digital_wake_us() is reached; true: *event says something. */
bool digital_tick(struct digital *, int64_t now_us, struct digital_event *event);
int64_t digital_wake_us(const struct digital *);	/* INT64_MAX: nothing waits */

/* ---- analog ---- */

enum analog_zone { ZONE_UNKNOWN, ZONE_NORMAL, ZONE_LOW, ZONE_HIGH };
enum analog_edge { ANALOG_BOTH, ANALOG_ENTER, ANALOG_LEAVE };
struct analog_rule {
	enum analog_edge edge;
	bool has_low, has_high;
	int64_t low, high;		/* thousandths, as the samples */
	int64_t hyst_low, hyst_high;	/* how far inside a value is normal again */
	int64_t delay_us;		/* a new zone counts when it has lasted so long */
	int64_t stale_us;		/* without a sample for so long the zone is unknown; 0 never */
};
struct analog {
	struct analog_rule rule;
	enum analog_zone zone, next;
	int64_t next_since_us, sample_us;
	bool sampled;
};
struct analog_event { bool enters; enum analog_zone zone; };	/* zone entered or left */

/* E_INVALID is the caller's to find: low below high, margins not negative. */
void analog_init(struct analog *, const struct analog_rule *);
/* What a good sample amounts to: 0, 1, or 2 events in their order. */
size_t analog_sample(struct analog *, int64_t value, int64_t now_us, struct analog_event out[static 2]);

#endif
