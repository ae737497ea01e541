/* Journal rings of Энергомера classic (meter-iec61107.md 3.3): one record per line,
 * d-m-yy-h-m-value without leading zeros, `/` instead of `-` in JCORT.  A mask is the state AFTER
 * the event, so the event is its difference from the record before. */
#include "meters/energomera_codec.h"

#include <string.h>

enum { PHASE_ALL_PRESENT = 0x47 };	/* bits 0, 1, 2 phases, 6 meter powered */

const struct energomera_journal energomera_journals[ENERGOMERA_JOURNALS] = {
	{ J_PWR_A, EN_PHASE, EN_PPHAS, TAKES_BIT, 0, PHASE_ALL_PRESENT },
	{ J_PWR_B, EN_PHASE, EN_PPHAS, TAKES_BIT, 1, PHASE_ALL_PRESENT },
	{ J_PWR_C, EN_PHASE, EN_PPHAS, TAKES_BIT, 2, PHASE_ALL_PRESENT },
	{ J_PWR, EN_PHASE, EN_PPHAS, TAKES_BIT, 6, PHASE_ALL_PRESENT },
	{ J_LIM_UA_MIN, EN_JOVER, EN_COUNT, TAKES_BIT, 0, 0 },
	{ J_LIM_UB_MIN, EN_JOVER, EN_COUNT, TAKES_BIT, 1, 0 },
	{ J_LIM_UC_MIN, EN_JOVER, EN_COUNT, TAKES_BIT, 2, 0 },
	{ J_LIM_UA_MAX, EN_JOVER, EN_COUNT, TAKES_BIT, 3, 0 },
	{ J_LIM_UB_MAX, EN_JOVER, EN_COUNT, TAKES_BIT, 4, 0 },
	{ J_LIM_UC_MAX, EN_JOVER, EN_COUNT, TAKES_BIT, 5, 0 },
	{ J_TIME_CORR, EN_JCORT, EN_COUNT, TAKES_ALL, 0, 0 },
	{ J_UNAUTH, EN_DENIA, EN_PDENI, TAKES_ALL, 0, 0 },
	{ J_OPEN, EN_ELOCK, EN_PLOCK, TAKES_ALL, 0, 0 },
	/* The two codes of ACCES with a journal of their own; every other one is programming. */
	{ J_TRF_CORR, EN_ACCES, EN_PACCE, TAKES_CODE, 8, 0 },
	{ J_RESET, EN_ACCES, EN_PACCE, TAKES_CODE, 32, 0 },
	{ J_PROG, EN_ACCES, EN_PACCE, TAKES_OTHER_CODES, 0, 0 },
};

const struct energomera_journal *
energomera_journal_of(unsigned journal)
{
	for (size_t i = 0; i < ENERGOMERA_JOURNALS; i++)
		if (energomera_journals[i].journal == journal)
			return &energomera_journals[i];
	return NULL;
}

static bool
is_code_of_its_own(uint16_t code)
{
	return code == 8 || code == 32;
}

/* The n-th number of a record: digits up to a separator.  -1 at the end, -2 when malformed. */
static int
next_number(struct rd *r, bool is_first)
{
	int v = -1;

	if (rd_left(r) == 0)
		return -1;
	if (!is_first) {
		uint8_t separator = rd_u8(r);

		if (separator != '-' && separator != '/')
			return -2;
	}
	while (rd_left(r) > 0 && r->p[0] >= '0' && r->p[0] <= '9') {
		v = (v < 0 ? 0 : v) * 10 + (rd_u8(r) - '0');
		if (v > UINT16_MAX)
			return -2;
	}
	return v < 0 ? -2 : v;
}

/* 1: *minute and *value are set; 0: an unused cell. */
static int
parse_record(struct iec_text t, bool needs_value, int32_t *minute, uint16_t *value)
{
	struct rd r = rd_init(t.p, t.len);
	struct civil c = { 0 };
	int v[6];

	if (t.len == 0)
		return 0;
	for (int i = 0; i < 6; i++)
		v[i] = next_number(&r, i == 0);
	for (int i = 0; i < 5; i++)
		if (v[i] < 0)
			return E_FRAME;
	if (needs_value && (v[5] < 0 || rd_left(&r) > 0))
		return E_FRAME;
	c = (struct civil){ 2000 + v[2], v[1], v[0], v[3], v[4], 0 };
	/* Cells never written hold year 0 or what the memory held when it was new. */
	if (v[2] == 0 || v[2] > 99 || !civil_valid(&c))
		return 0;
	*minute = (int32_t)(civil_days(c.year, c.month, c.day) * 1440 + c.hour * 60 + c.minute);
	*value = v[5] < 0 ? 0 : (uint16_t)v[5];
	return 1;
}

int
energomera_ring(struct iec_text body, const char *name, struct energomera_ring *ring)
{
	bool needs_value = strcmp(name, "PHASE") == 0 || strcmp(name, "JOVER") == 0 ||
	    strcmp(name, "ACCES") == 0;
	struct iec_walk w = iec_walk(body);
	struct iec_value v;
	int rc = energomera_answer(body, name);

	ring->n = ring->cells = 0;
	if (rc < 0)
		return rc;
	while ((rc = iec_next(&w, &v)) == 1) {
		if (!iec_text_is(v.name, name))
			return E_FRAME;
		if (ring->n == ENERGOMERA_RING_MAX)
			return E_LIMIT;
		rc = parse_record(v.text, needs_value, &ring->record[ring->n].minute,
		    &ring->record[ring->n].value);
		if (rc < 0)
			return rc;
		ring->record[ring->n].cell = (uint16_t)ring->cells++;
		ring->n += rc == 1;
	}
	return rc;
}

/* Is the ring, as sent, rather newest first?  A turn of the ring is one odd pair either way. */
static bool
runs_backwards(const struct energomera_ring *ring)
{
	size_t up = 0, down = 0;

	for (size_t i = 1; i < ring->n; i++) {
		up += ring->record[i].minute > ring->record[i - 1].minute;
		down += ring->record[i].minute < ring->record[i - 1].minute;
	}
	return down > up;
}

/* Where in the order of happening the cell stands, apart from its time. */
static size_t
ring_place(const struct energomera_ring *ring, size_t cell, size_t newest, bool backwards)
{
	if (backwards)
		return ring->cells - 1 - cell;
	return (cell + ring->cells - newest - 1) % ring->cells;
}

void
energomera_ring_sort(struct energomera_ring *ring, int newest_cell)
{
	bool backwards = newest_cell < 0 && runs_backwards(ring);
	size_t newest = newest_cell >= 0 && (size_t)newest_cell < ring->cells ? (size_t)newest_cell :
										ring->cells - 1;

	for (size_t i = 1; i < ring->n; i++) {
		struct energomera_ring_record moved = ring->record[i];
		size_t place = ring_place(ring, moved.cell, newest, backwards);
		size_t at = i;

		for (; at > 0; at--) {
			const struct energomera_ring_record *before = &ring->record[at - 1];

			if (before->minute < moved.minute ||
			    (before->minute == moved.minute &&
				ring_place(ring, before->cell, newest, backwards) < place))
				break;
			ring->record[at] = *before;
		}
		ring->record[at] = moved;
	}
}

bool
energomera_ring_event(const struct energomera_ring *ring, size_t i, const struct energomera_journal *j,
    unsigned *event)
{
	uint16_t value = ring->record[i].value;
	uint16_t before = i > 0 ? ring->record[i - 1].value : j->initial;

	*event = 0;
	switch (j->rule) {
	case TAKES_ALL:
		return true;
	case TAKES_CODE:
		return value == j->which;
	case TAKES_OTHER_CODES:
		return !is_code_of_its_own(value);
	case TAKES_BIT:
		*event = (unsigned)value >> j->which & 1U;
		return ((value ^ before) >> j->which & 1) != 0;
	}
	return false;
}
