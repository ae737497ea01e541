/* What a bus does next: the choice among its meters (poller.md 4.4, 5.3). */
#include "src/poll/poll_private.h"

#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"

enum {
	HALF_HOUR_US = 1800 * 1000000,
	IDLE_ASK_US = 2000000,		/* an idle bus asks again on common two-second marks */
	BACKFILL_SHARE = 5,		/* percent of bus time that gaps get at least */
	CLOCK_FRESH_S = 20 * 60,	/* a clock read since satisfies the check */
	SHARE_SETTLE_US = 60 * 1000000,
};

const enum record_type poll_series_type[SERIES_COUNT] = { REC_EL_PROFILE, REC_EL_DAY, REC_EL_MONTH };

bool
poll_clock_is_good(int64_t now)
{
	/* A dead battery starts in 1970 or 2000; system.md 5.2 refines this with the time sources. */
	return now > INT64_C(1704067200);
}

static bool
series_due(const struct poll *poll, const struct poll_meter *m, enum series s, int64_t now)
{
	struct grid grid;
	int64_t oldest, newest;

	return poll_series_span(&poll->settings, poll->zone, m, s, now, &grid, &oldest, &newest) &&
	    m->series[s].newest < newest && now >= m->series[s].retry_at;
}

static bool
slot_due(int64_t minutes, int64_t now, int64_t last_slot)
{
	return minutes > 0 && now / (minutes * 60) != last_slot;
}

static bool
clock_due(const struct poll *poll, const struct poll_meter *m, int64_t now)
{
	int64_t period = poll->settings.clock_check_min * 60;
	/* The marks lie halfway between the slice boundaries: minutes 15 and 45 (poller.md 7.1). */
	int64_t slot = (now - period / 2) / period;

	if (m->clock_verify_at != 0 && now >= m->clock_verify_at)
		return true;
	return m->clock_slot != slot && (m->clock_postponed || now - m->clock_read_at > CLOCK_FRESH_S);
}

unsigned
poll_meter_due(const struct poll *poll, const struct poll_meter *m, int64_t now)
{
	const struct settings *s = &poll->settings;
	uint32_t can = m->family->measures & ~m->state.refused;
	unsigned due = 0;

	if (m->state.config.serial[0] == '\0' || m->identified_day != day_start(poll->zone, now))
		due |= DUE_IDENTIFY;
	if (clock_due(poll, m, now))
		due |= DUE_CLOCK;
	if (series_due(poll, m, SERIES_PROFILE, now))
		due |= DUE_PROFILE;
	if (series_due(poll, m, SERIES_DAY, now))
		due |= DUE_DAY;
	if (series_due(poll, m, SERIES_MONTH, now))
		due |= DUE_MONTH;
	if ((can & REC_BIT(REC_EL_MOMENT_ENERGY)) && slot_due(s->poll_moment_min, now, m->moment_slot))
		due |= DUE_ENERGY;
	if ((can & REC_BIT(REC_EL_MOMENT_QUALITY)) &&
	    slot_due(s->poll_quality_min, now, m->quality_slot))
		due |= DUE_QUALITY;
	if ((can & REC_BIT(REC_EL_JOURNAL)) && slot_due(s->poll_journal_min, now, m->journal_slot))
		due |= DUE_JOURNALS;
	if (!m->backfill_done || now >= m->backfill_again)
		due |= DUE_BACKFILL;
	return due;
}

/* Order inside one class; smaller goes first. */
struct rank { int link; int foreign_settings; int stage; int64_t served_us; uint32_t id; };

static int
compare(const struct rank *a, const struct rank *b)
{
	if (a->link != b->link)
		return a->link < b->link ? -1 : 1;
	if (a->stage != b->stage)
		return a->stage < b->stage ? -1 : 1;
	if (a->foreign_settings != b->foreign_settings)
		return a->foreign_settings < b->foreign_settings ? -1 : 1;
	if (a->served_us != b->served_us)
		return a->served_us < b->served_us ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

static struct rank
rank_of(const struct poll_bus *bus, const struct poll_meter *m, enum bus_class class)
{
	static const int order[] = { [LINK_NEW] = 0, [LINK_OK] = 1, [LINK_DOUBT] = 2, [LINK_SILENT] = 3,
		[LINK_AUTH] = 3, [LINK_HOLD] = 3, [LINK_BLOCKED] = 4, [LINK_NO_DRIVER] = 5 };

	return (struct rank){
		.link = order[m->link],
		.stage = class == BUS_BACKFILL_CLASS ? m->backfill_stage : 0,
		.foreign_settings = !line_settings_equal(&m->settings, &bus->current),
		.served_us = m->served_us,
		.id = m->row.id,
	};
}

/* May this meter be tried now, apart from what is due? */
static bool
approachable(const struct poll *poll, const struct poll_bus *bus, const struct poll_meter *m,
    int64_t mono_us)
{
	if (m->family == NULL || m->visiting || m->removed)
		return false;
	if (m->probe_at_us > mono_us)
		return false;
	if (m->link != LINK_SILENT)
		return true;
	/* Silent meters take turns within their share of the bus (poller.md 5.3). */
	return bus->probe_us * 100 <= poll->settings.poll_probe_share * (mono_us - bus->window_us) ||
	    bus->n_meters == 1;
}

struct choice { struct poll_meter *meter; unsigned due; struct rank rank; };

static void
consider(struct choice *best, struct poll_bus *bus, struct poll_meter *m, enum bus_class class,
    unsigned due)
{
	struct rank rank = rank_of(bus, m, class);

	if (best->meter == NULL || compare(&rank, &best->rank) < 0)
		*best = (struct choice){ m, due, rank };
}

/* The oldest run that still wants a meter of this bus. */
static struct poll_run *
pick_order(struct poll *poll, struct poll_bus *bus, struct poll_meter **meter)
{
	struct poll_run *best = NULL;

	for (size_t r = 0; r < MAX_RUNS; r++) {
		struct poll_run *run = &poll->runs[r];

		if (run->number == 0 || run->progress.finished ||
		    (best != NULL && best->number < run->number))
			continue;
		for (size_t i = 0; i < bus->n_meters; i++) {
			struct poll_meter *m = bus->meters[i];

			if (!(run->pending[m->row.dev / 8] >> m->row.dev % 8 & 1) || m->visiting)
				continue;
			best = run;
			*meter = m;
			break;
		}
	}
	return best;
}

static void
start_window(struct poll_bus *bus, int64_t mono_us)
{
	if (bus->window_us != 0 && mono_us - bus->window_us < HALF_HOUR_US)
		return;
	bus->window_us = mono_us;
	bus->backfill_us = bus->probe_us = 0;
	bus->turned_silent = 0;
	bus->silence_journalled = false;
}

static enum bus_class
choose(struct poll *poll, struct poll_bus *bus, int64_t now, int64_t mono_us, struct choice *out)
{
	struct choice best[BUS_CLASSES] = { 0 };
	enum bus_class class;

	for (size_t i = 0; i < bus->n_meters; i++) {
		struct poll_meter *m = bus->meters[i];
		unsigned due;

		if (!approachable(poll, bus, m, mono_us))
			continue;
		due = poll_meter_due(poll, m, now);
		if (due & DUE_FRESH)
			consider(&best[BUS_FRESH_CLASS], bus, m, BUS_FRESH_CLASS, due & DUE_FRESH);
		if (due & DUE_SCHEDULED)
			consider(&best[BUS_SCHEDULED_CLASS], bus, m, BUS_SCHEDULED_CLASS,
			    due & DUE_SCHEDULED);
		if (due & DUE_BACKFILL)
			consider(&best[BUS_BACKFILL_CLASS], bus, m, BUS_BACKFILL_CLASS, DUE_BACKFILL);
	}
	class = best[BUS_FRESH_CLASS].meter != NULL ? BUS_FRESH_CLASS :
	    best[BUS_SCHEDULED_CLASS].meter != NULL ? BUS_SCHEDULED_CLASS :
						      BUS_BACKFILL_CLASS;
	if (best[BUS_BACKFILL_CLASS].meter != NULL && mono_us - bus->window_us > SHARE_SETTLE_US &&
	    bus->backfill_us * 100 < BACKFILL_SHARE * (mono_us - bus->window_us))
		class = BUS_BACKFILL_CLASS;
	*out = best[class];
	return class;
}

void
conversation_init(struct conversation *c, struct poll_bus *bus, struct poll_meter *m,
    enum bus_class class)
{
	c->visit.class = class;
	c->visit.run = conversation_run;
	c->visit.done = conversation_done;
	c->poll = bus->poll;
	c->bus = bus;
	c->meter = m;
	c->settings = bus->poll->settings;
	c->zone = bus->poll->zone;
	m->visiting = true;
	if (bus->span_us == 0)
		bus->span_us = clock_mono_us();
	bus->state = BUS_POLLING;
	bus->meter = m->row.id;
}

static struct visit *
make_visit(struct poll_bus *bus, struct poll_meter *m, enum bus_class class, unsigned due,
    uint64_t run)
{
	struct conversation *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	conversation_init(c, bus, m, class);
	c->due = due;
	c->run = run;
	return &c->visit;
}

/* Work of the plan and runs by hand.  A run lasts for minutes, so it gives way to questions. */
static struct visit *
planned(struct poll *poll, struct poll_bus *bus, int64_t mono_us)
{
	struct choice choice = { 0 };
	struct poll_meter *ordered;
	struct poll_run *run = pick_order(poll, bus, &ordered);
	enum bus_class class;

	if (run != NULL)
		return make_visit(bus, ordered, BUS_FRESH_CLASS, DUE_ORDER, run->number);
	if (!poll->settings.poll_enabled)
		return NULL;
	class = choose(poll, bus, clock_utc(), mono_us, &choice);
	return choice.meter != NULL ? make_visit(bus, choice.meter, class, choice.due, 0) : NULL;
}

struct visit *
poll_next(void *arg, struct bus *unused, int64_t *again_us)
{
	struct poll_bus *bus = arg;
	struct poll *poll = bus->poll;
	int64_t mono_us = clock_mono_us();
	struct visit *visit = NULL;

	(void)unused;
	*again_us = (mono_us / IDLE_ASK_US + 1) * IDLE_ASK_US;
	pthread_mutex_lock(&poll->lock);
	start_window(bus, mono_us);
	if (!poll->stopping && !poll->paused && bus->leases == 0) {
		visit = ask_next(poll, bus); /* is told of a lost device rather than to wait for it */
		if (visit == NULL && bus->lost_until_us > mono_us)
			*again_us = bus->lost_until_us;
		else if (visit == NULL && bus->scans == 0)
			visit = planned(poll, bus, mono_us);
	}
	if (visit == NULL && bus->state != BUS_NO_DEVICE)
		bus->state = BUS_IDLE;
	if (visit == NULL) {
		bus->meter = 0;
		bus->job = "";
		bus->working_since_us = bus->span_us = 0;
	}
	pthread_mutex_unlock(&poll->lock);
	return visit;
}
