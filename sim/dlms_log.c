/* Event logs of simulated СПОДЭС meters (meter-spodes-dlms.md 11).
 *
 * Event n of log N happens at n * P + hash(serial, 9000h + N, n) mod (P / 2) on the meter's clock, P
 * being the log's period; its code is the one at place n mod count of the log's list.  Supply failures
 * and what is done to the meter stand between them.  So another program can compute a log. */
#include "sim/dlms.h"

#include <stdlib.h>
#include <string.h>

#define CODES(...) \
	(const uint16_t[]){ __VA_ARGS__ }, sizeof((const uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t)

/* How the columns look and where the codes come from. */
enum form { EVENTS, CONNECTIONS, PROGRAMMING, WORDS, TANGENT, CORRECTIONS };
enum { EVENT_TIME = 0x9000, OLD_TIME = 0xA000, TANGENT_VALUE = 0xB000,	/* second arguments of hash */
	LOG_POWER = 2, POWER_OFF = 1, POWER_ON = 2, RESERVED = 120 };

static const struct log {
	uint8_t form;
	uint16_t period_h;
	uint8_t codes_to;		/* codes 1..codes_to, unless there is a list */
	const uint16_t *codes;
	uint8_t n_codes;
} logs[SIM_LOGS] = {
	[0] = { EVENTS, 40, 28, NULL, 0 },
	[1] = { EVENTS, 60, 38, NULL, 0 },
	/* Neither 1, 2 nor 29: those stand for the supply failures of the street. */
	[2] = { EVENTS, 300, 0, CODES(3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19,
	    20, 21, 22,
		23, 24, 25, 26, 27, 28) },
	[3] = { PROGRAMMING, 48, 150, NULL, 0 },
	[4] = { EVENTS, 700, 7, NULL, 0 },
	[5] = { CONNECTIONS, 100, 0, CODES(2, 1) },
	[6] = { CONNECTIONS, 900, 4, NULL, 0 },
	[7] = { EVENTS, 2000, 19, NULL, 0 },
	[8] = { EVENTS, 500, 2, NULL, 0 },
	[9] = { WORDS, 50, 0, CODES(0x01, 0, 0x08, 0, 0x10, 0, 0x20, 0, 0x40, 0, 0x80, 0, 0x4000,
	    0, 0x8000,
		0) },
	[10] = { WORDS, 400, 0, CODES(0x0001, 0x0003, 0x0103, 0x0102) },
	[12] = { TANGENT, 800, 0, NULL, 0 },
	[13] = { CORRECTIONS, 1000, 0, NULL, 0 },
};

struct list {
	const struct sim_meter *m;
	struct sim_dlms_moment *at;
	size_t n, size;
};

static int64_t
begins(const struct sim_meter *m, unsigned log, int64_t n)
{
	int64_t period = logs[log].period_h * 3600LL;

	return n * period +
	    (int64_t)(sim_hash(m->load.serial, EVENT_TIME + log, (uint64_t)n) % (uint64_t)(period / 2));
}

/* The reserved code is passed over. */
static uint32_t
code_of(const struct sim_meter *m, unsigned log, int64_t n)
{
	const struct log *l = &logs[log];
	uint32_t code;

	if (l->form == TANGENT)
		return (uint32_t)(sim_hash(m->load.serial, TANGENT_VALUE, (uint64_t)n) % 1000);
	if (l->codes != NULL)
		return l->codes[n % l->n_codes];
	if (l->codes_to == 0)
		return 0;
	code = (uint32_t)(n % l->codes_to) + 1;
	return log == 3 && code == RESERVED ? RESERVED + 1 : code;
}

static void
add(struct list *list, struct sim_dlms_moment row, int64_t t)
{
	if (list->n == list->size || row.t > t)
		return;
	row.stamp = row.t;
	list->at[list->n++] = row;
}

static void
add_made(struct list *list, unsigned log, int64_t t)
{
	const struct sim_meter *m = list->m;
	int64_t last = t / (logs[log].period_h * 3600LL), epoch = sim_epoch(m->load.serial);
	int64_t depth = m->u.dlms->k.log_depth;

	for (int64_t n = last - depth; n <= last; n++) {
		struct sim_dlms_moment row;
		int64_t at = n >= 0 ? begins(m, log, n) : INT64_MIN;

		if (at < epoch)
			continue;
		row = sim_dlms_now(m, at);
		row.code = code_of(m, log, n);
		row.old_t = at - 1 - (int64_t)(sim_hash(m->load.serial, OLD_TIME, (uint64_t)n) % 20);
		add(list, row, t);
	}
}

static void
add_outages(struct list *list, int64_t t)
{
	const struct sim_load *load = &list->m->load;

	for (unsigned i = 0; i < load->n_outages; i++) {
		struct sim_dlms_moment row = sim_dlms_now(list->m, load->outages[i].from);

		row.code = POWER_OFF;
		add(list, row, t);
		row = sim_dlms_now(list->m, load->outages[i].to);
		row.code = POWER_ON;
		add(list, row, t);
	}
}

static void
add_done(struct list *list, unsigned log, int64_t t)
{
	const struct sim_dlms *d = list->m->u.dlms;

	for (unsigned i = 0; i < d->n_events && i < SIM_EVENTS; i++) {
		struct sim_dlms_moment row = sim_dlms_now(list->m, d->events[i].t);

		if (d->events[i].log != log)
			continue;
		row.code = d->events[i].code;
		row.old_t = d->events[i].old_t;
		row.channel = d->events[i].channel;
		row.client = d->events[i].client;
		add(list, row, t);
	}
}

static int
by_time(const void *a, const void *b)
{
	const struct sim_dlms_moment *x = a, *y = b;

	if (x->t != y->t)
		return x->t < y->t ? -1 : 1;
	return (x->code > y->code) - (x->code < y->code);
}

struct sim_dlms_moment *
sim_dlms_log_rows(const struct sim_meter *m, unsigned log, int64_t t, size_t *n)
{
	size_t depth = (size_t)m->u.dlms->k.log_depth;
	struct list list = { .m = m, .size = depth + 2 + 2 * SIM_OUTAGES + SIM_EVENTS };

	*n = 0;
	list.at = calloc(list.size, sizeof(*list.at));
	if (list.at == NULL || log >= SIM_LOGS || logs[log].period_h == 0)
		return list.at;
	add_made(&list, log, t);
	if (log == LOG_POWER)
		add_outages(&list, t);
	add_done(&list, log, t);
	qsort(list.at, list.n, sizeof(*list.at), by_time);
	*n = list.n < depth ? list.n : depth;
	memmove(list.at, list.at + (list.n - *n), *n * sizeof(*list.at));
	return list.at;
}

/* Keeps the last 64 things done to the meter; a time correction moves nothing already written. */
void
sim_dlms_note(struct sim_dlms_call *call, unsigned log, unsigned code, int64_t old_t)
{
	struct sim_dlms *d = call->d;

	d->events[d->n_events++ % SIM_EVENTS] = (struct sim_dlms_event){
		.t = sim_meter_time(call->m, call->now_us),
		.old_t = old_t,
		.code = (uint16_t)code,
		.log = (uint8_t)log,
		.channel = 0x12,
		.client = call->client,
	};
}

/* ---- columns ---- */

static const struct sim_dlms_object first_code = { { 0, 0, 96, 11, 0, 255 }, SIM_CLASS_DATA,
	SIM_DATA_CODE, 0, false };
static const struct sim_dlms_object voltage = { { 1, 0, 12, 7, 0, 255 }, SIM_CLASS_REGISTER,
	SIM_OPERATING, 1, false };
static const struct sim_dlms_object deviation = { { 1, 0, 12, 7, 4, 255 }, SIM_CLASS_REGISTER,
	SIM_OPERATING, 1, false };
static const struct sim_dlms_object duration = { { 0, 0, 96, 8, 10, 255 }, SIM_CLASS_REGISTER,
	SIM_OPERATING, 0, false };

static void
put_column(struct sim_dlms_columns *to, const struct sim_dlms_object *named,
    const struct sim_dlms_object *value)
{
	if (named != NULL && value != NULL && to->n < SIM_COLUMNS_MAX)
		to->at[to->n++] = (struct sim_dlms_column){ named, value, 2 };
}

static const struct sim_dlms_object *
find(const struct sim_meter *m, unsigned c, unsigned d, unsigned e)
{
	const uint8_t name[SIM_NAME_SIZE] = { 0, 0, (uint8_t)c, (uint8_t)d, (uint8_t)e, 255 };

	return sim_dlms_find(m, name);
}

void
sim_dlms_log_columns(const struct sim_meter *m, unsigned log, struct sim_dlms_columns *to)
{
	const struct sim_dlms_keys *k = &m->u.dlms->k;
	const struct sim_dlms_object *clock = find(m, 1, 0, 0), *code = find(m, 96, 11, log);
	const struct sim_dlms_object *operating = find(m, 96, 8, 0);
	static const uint8_t tangent_name[SIM_NAME_SIZE] = { 1, 0, 131, 27, 0, 255 };

	to->n = 0;
	put_column(to, clock, clock);
	if (logs[log].form == WORDS)
		put_column(to, find(m, 96, log == 9 ? 5 : 3, log == 9 ? 4 : 0),
		    find(m, 96, log == 9 ? 5 : 3, log == 9 ? 4 : 0));
	else if (logs[log].form == TANGENT)
		put_column(to, sim_dlms_find(m, tangent_name), sim_dlms_find(m, tangent_name));
	else if (logs[log].form == CORRECTIONS)
		put_column(to, find(m, 1, 0, 1), find(m, 1, 0, 1));
	else
		put_column(to, k->wrong_log_names && log >= 1 && log <= 4 ? &first_code : code, code);
	if (log == 0 && k->log_extra) {
		put_column(to, &voltage, &voltage);
		put_column(to, &deviation, &deviation);
		put_column(to, &duration, &duration);
	}
	if (logs[log].form == CONNECTIONS || logs[log].form == PROGRAMMING)
		put_column(to, find(m, 96, 12, 4), find(m, 96, 12, 4));
	if (logs[log].form == CONNECTIONS)
		put_column(to, find(m, 96, 12, 6), find(m, 96, 12, 6));
	put_column(to, operating, operating);
}
