/* Journals of the Energomera meters (3.3): rings of 20 lines, and pointers to the newest.
 *
 * Event n of a journal begins at n * P + hash(serial, 6000h + journal, n) mod (P / 2) on the meter's
 * clock and, where it has an end, lasts 120 + hash(serial, 7000h + journal, n) mod 3000 seconds.
 * Supply failures stand in PHASE too.  Line q of a journal's history is kept in place q mod 20. */
#include "sim/energomera.h"

#include <string.h>

enum { RING = 20, CANDIDATES = 2 * (RING + SIM_OUTAGES), ALL_PHASES = 7, POWERED = 64 };
enum journal_code { PHASE, JOVER, JCORT, DENIA, ELOCK, ACCES };

static const struct journal {
	const char *name, *pointer;
	uint16_t period_h;
} journals[] = {
	[PHASE] = { "PHASE", "PPHAS", 480 },
	[JOVER] = { "JOVER", NULL, 96 },
	[JCORT] = { "JCORT", NULL, 0 },
	[DENIA] = { "DENIA", "PDENI", 2200 },
	[ELOCK] = { "ELOCK", "PLOCK", 1500 },
	[ACCES] = { "ACCES", "PACCE", 700 },
};
enum { JOURNALS = sizeof(journals) / sizeof(journals[0]) };

/* A line before it is written out. */
struct entry {
	int64_t at;
	int value;		/* -1: none */
};

static int64_t
begins(const struct sim_meter *m, unsigned j, int64_t n)
{
	int64_t period = journals[j].period_h * 3600LL;

	return n * period +
	    (int64_t)(sim_hash(m->load.serial, 0x6000U + j, (uint64_t)n) % (uint64_t)(period / 2));
}

static int64_t
lasts(const struct sim_meter *m, unsigned j, int64_t n)
{
	return 120 + (int64_t)(sim_hash(m->load.serial, 0x7000U + j, (uint64_t)n) % 3000);
}

static unsigned
choice(const struct sim_meter *m, unsigned j, int64_t n)
{
	return (unsigned)(sim_hash(m->load.serial, 0x8000U + j, (uint64_t)n) >> 32);
}

/* The value lines of event n carry at its beginning and end; false: it has no end line. */
static bool
values(const struct sim_meter *m, unsigned j, int64_t n, int *begin, int *end)
{
	static const int access_codes[4] = { 1, 8, 2, 32 };
	unsigned draw = choice(m, j, n);

	*begin = *end = -1;
	switch (j) {
	case PHASE:
		*begin = POWERED | (ALL_PHASES & ~(1 << draw % 3));
		*end = POWERED | ALL_PHASES;
		return true;
	case JOVER:
		*begin = 1 << draw % 6;
		*end = 0;
		return true;
	case ACCES:
		*begin = access_codes[draw % 4];
		return false;
	default:
		return false;
	}
}

static void
insert(struct entry *list, size_t *n, int64_t at, int value)
{
	size_t i = (*n)++;

	for (; i > 0 && list[i - 1].at > at; i--)
		list[i] = list[i - 1];
	list[i] = (struct entry){ at, value };
}

/* The newest lines, oldest first; *total counts all that were ever written. */
static size_t
collect(const struct sim_iec_call *call, unsigned j, struct entry list[CANDIDATES], int64_t *total)
{
	const struct sim_load *load = &call->m->load;
	int64_t last = call->t / (journals[j].period_h * 3600LL), lines = 1;
	size_t n = 0;

	if (begins(call->m, j, last) > call->t)
		last--;
	for (int64_t e = last - RING + 1; e <= last; e++) {
		int begin, end;
		bool has_end = values(call->m, j, e, &begin, &end);

		insert(list, &n, begins(call->m, j, e), begin);
		if (has_end && begins(call->m, j, e) + lasts(call->m, j, e) <= call->t)
			insert(list, &n, begins(call->m, j, e) + lasts(call->m, j, e), end);
		lines = has_end ? 2 : 1;
	}
	*total = (last - RING + 1) * lines + (int64_t)n;
	for (unsigned i = 0; i < load->n_outages && j == PHASE; i++) {
		if (load->outages[i].from > call->t)
			break;
		insert(list, &n, load->outages[i].from, ALL_PHASES);
		insert(list, &n, load->outages[i].to, POWERED | ALL_PHASES);
		*total += 2;
	}
	return n;
}

static void
put_line(struct sim_iec_call *call, const struct entry *e, char between)
{
	struct civil c = sim_civil(e->at);

	sim_iec_put(call->w, "%s(%d%c%d%c%02d%c%d%c%d", call->name, c.day, between, c.month, between,
	    c.year % 100, between, c.hour, between, c.minute);
	if (e->value >= 0)
		sim_iec_put(call->w, "%c%d", between, e->value);
	wr_text(call->w, ")\r\n");
}

static int
clock_journal(struct sim_iec_call *call)
{
	const struct sim_energomera *me = &call->m->u.iec;
	unsigned n = me->n_clock_log < 10 ? me->n_clock_log : 10;

	for (unsigned i = 0; i < n; i++) {
		struct entry e = { me->clock_log[i].at, me->clock_log[i].second };

		put_line(call, &e, '/');
	}
	if (n == 0)
		wr_text(call->w, "JCORT()\r\n");
	return SIM_IEC_DATA;
}

static int
ring(struct sim_iec_call *call, unsigned j)
{
	struct entry list[CANDIDATES];
	int64_t total;
	size_t n = collect(call, j, list, &total);
	const struct entry *newest = &list[n - RING];

	/* Place p holds the line q of the newest twenty with q mod 20 = p. */
	for (int64_t p = 0; p < RING; p++)
		put_line(call, &newest[((p - total) % RING + RING) % RING], '-');
	return SIM_IEC_DATA;
}

static int
pointer(struct sim_iec_call *call, unsigned j)
{
	struct entry list[CANDIDATES];
	int64_t total;

	collect(call, j, list, &total);
	sim_iec_put(call->w, "%s(%02d)\r\n", call->name, (int)((total - 1) % RING) + 1);
	return SIM_IEC_DATA;
}

bool
sim_iec_is_journal(const char *name)
{
	for (unsigned j = 0; j < JOURNALS; j++)
		if (strcmp(name, journals[j].name) == 0 ||
		    (journals[j].pointer != NULL && strcmp(name, journals[j].pointer) == 0))
			return true;
	return false;
}

int
sim_iec_journal(struct sim_iec_call *call)
{
	for (unsigned j = 0; j < JOURNALS; j++) {
		if (j == JCORT && strcmp(call->name, "JCORT") == 0)
			return clock_journal(call);
		if (strcmp(call->name, journals[j].name) == 0)
			return ring(call, j);
		if (journals[j].pointer != NULL && strcmp(call->name, journals[j].pointer) == 0)
			return pointer(call, j);
	}
	return SIM_IEC_ERR_PARAMETER;
}
