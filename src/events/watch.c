/* Triggers on what is read from devices (event-model.md 4.2, 4.3): whenever records were committed,
 * those newer than what a trigger has seen are read by a worker and taken by the loop.
 *
 * The newest record that is there when a trigger comes sets where it stands and raises nothing. */
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/loop.h"
#include "src/events/events_private.h"

enum { SAMPLES_MOST = 64, ITEMS_MOST = 256 };

struct sample { int64_t ts, value; };
/* What one trigger is to be told. */
struct item {
	struct event_ref event;
	uint16_t dev;
	enum record_type types[2];	/* REC_NONE: none */
	unsigned slot;
	int64_t from, to;
	bool quiet;			/* it only learns where it stands */
	struct sample samples[SAMPLES_MOST];
	size_t n;
};
struct watch { struct item *items; size_t n; bool busy, again; };

static int
gather(void *arg, uint16_t dev, const struct record *r)
{
	struct item *item = arg;

	(void)dev;
	if (!r->valid || !record_has(r, item->slot))
		return E_OK;
	item->samples[item->n++] = (struct sample){ r->ts, r->v[item->slot] };
	return item->n == SAMPLES_MOST ? 1 : E_OK;
}

static int
by_time(const void *va, const void *vb)
{
	const struct sample *a = va, *b = vb;

	return a->ts < b->ts ? -1 : a->ts > b->ts;
}

static void
read_records(void *arg)
{
	struct events *e = arg;

	for (size_t i = 0; i < e->watch->n; i++) {
		struct item *item = &e->watch->items[i];

		for (int t = 0; t < 2 && item->n < SAMPLES_MOST; t++) {
			struct store_range range = { .type = item->types[t], .from = item->from,
				.to = item->to };

			if (item->types[t] != REC_NONE &&
			    store_read(e->options.store, item->dev, &range, gather, item) < 0)
				break;
		}
		if (item->n > 1)
			qsort(item->samples, item->n, sizeof(item->samples[0]), by_time);
	}
}

/* ---- triggers ---- */

static void
tell_input(struct events *e, struct input_trigger *t, const struct item *item)
{
	for (size_t i = 0; i < item->n; i++) {
		const struct sample *s = &item->samples[i];
		bool late = clock_utc() - s->ts > e->settings.events_age_s;
		struct digital_event event;

		digital_level(&t->state, s->value != 0 ? LEVEL_OPEN : LEVEL_CLOSED, s->ts * 1000000,
		    s->ts);
		if (digital_tick(&t->state, s->ts * 1000000, &event) && event.raised && !late &&
		    !item->quiet)
			events_raise(e, t->event, event.utc);
	}
}

static void
tell_value(struct events *e, struct value_trigger *t, const struct item *item)
{
	struct analog_event events[2];

	for (size_t i = 0; i < item->n; i++) {
		const struct sample *s = &item->samples[i];
		bool late = clock_utc() - s->ts > e->settings.events_age_s;
		size_t n = analog_sample(&t->state, s->value, s->ts * 1000000, events);

		for (size_t k = 0; k < n && !late && !item->quiet; k++)
			events_raise(e, t->event, s->ts);
	}
}

static int64_t
seen_upto(const struct item *item)
{
	return item->n == SAMPLES_MOST ? item->samples[SAMPLES_MOST - 1].ts : item->to;
}

static void
tell(struct events *e, const struct item *item)
{
	for (size_t i = 0; i < e->rules.n_inputs; i++) {
		struct input_trigger *t = &e->rules.inputs[i];

		if (t->event.type == item->event.type && t->event.id == item->event.id &&
		    t->seen < item->to) {
			tell_input(e, t, item);
			t->seen = seen_upto(item);
		}
	}
	for (size_t i = 0; i < e->rules.n_values; i++) {
		struct value_trigger *t = &e->rules.values[i];

		if (t->event.type == item->event.type && t->event.id == item->event.id &&
		    t->seen < item->to) {
			tell_value(e, t, item);
			t->seen = seen_upto(item);
		}
	}
}

static void
take_records(void *arg)
{
	struct events *e = arg;

	for (size_t i = 0; i < e->watch->n; i++)
		tell(e, &e->watch->items[i]);
	e->watch->busy = false;
	if (e->watch->again)
		watch_records(e);
	events_pump(e);
}

/* ---- what is new ---- */

static void
look_for(struct events *e, const struct meter_table *table, uint32_t meter, int64_t *seen,
    const struct item *what)
{
	const struct meter_row *row = meter_table_find(table, meter);
	struct watch *w = e->watch;
	int64_t newest = 0;

	if (row == NULL || w->n == ITEMS_MOST)
		return;
	for (int t = 0; t < 2; t++) {
		struct store_ring ring = { 0 };

		if (what->types[t] != REC_NONE)
			store_ring(e->options.store, row->dev, what->types[t], 0, &ring);
		if (ring.count > 0 && ring.newest > newest)
			newest = ring.newest;
	}
	/* Labels ahead of time are of a clock that was wrong (poller.md 6.5). */
	if (*seen > clock_utc() + 3600)
		*seen = 0;
	if (newest <= *seen) {
		*seen = *seen == 0 ? 1 : *seen; /* nothing yet: the first to come counts */
		return;
	}
	w->items[w->n] = *what;
	w->items[w->n].dev = row->dev;
	w->items[w->n].quiet = *seen == 0;
	w->items[w->n].from = *seen == 0 ? newest : *seen + 1;
	w->items[w->n++].to = newest;
}

void
watch_records(void *arg)
{
	struct events *e = arg;
	struct watch *w = e->watch;
	const struct meter_table *table;

	atomic_store(&e->records_posted, false);
	w->again = w->busy;
	if (w->busy || e->poll == NULL)
		return;
	w->n = 0;
	table = store_meters(e->options.store);
	for (size_t i = 0; i < e->rules.n_inputs; i++) {
		struct input_trigger *t = &e->rules.inputs[i];
		struct item item = { .event = t->event, .types = { REC_DIG_JOURNAL, REC_DIG_MOMENT },
			.slot = t->channel - 1 };

		if (t->meter != 0)
			look_for(e, table, t->meter, &t->seen, &item);
	}
	for (size_t i = 0; i < e->rules.n_values; i++) {
		struct value_trigger *t = &e->rules.values[i];
		struct item item = { .event = t->event, .types = { t->type, REC_NONE },
			.slot = t->slot };

		if (t->meter != 0)
			look_for(e, table, t->meter, &t->seen, &item);
	}
	meter_table_release(table);
	if (w->n > 0)
		w->busy = loop_work(e->options.loop, read_records, take_records, e) == E_OK;
}

int
watch_open(struct events *e)
{
	e->watch = calloc(1, sizeof(*e->watch));
	if (e->watch == NULL)
		return E_NOMEM;
	e->watch->items = calloc(ITEMS_MOST, sizeof(*e->watch->items));
	return e->watch->items != NULL ? E_OK : E_NOMEM;
}

void
watch_close(struct events *e)
{
	if (e->watch != NULL)
		free(e->watch->items);
	free(e->watch);
}
