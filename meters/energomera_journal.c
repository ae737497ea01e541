/* Reading the journals of Энергомера classic (meter-iec61107.md 3.3).
 *
 * A ring comes whole, up to 1 KB, and several journals of ours live in one: it is kept for the
 * rest of the conversation.  Four rings have a pointer to their newest record; when it has not moved
 * since the ring was read, the ring is not read again.  Not every meter keeps that pointer (one
 * implementation always answers 01), so it is used only once it has shown where the newest is. */
#include "meters/energomera.h"

#include <string.h>

static int
ask_pointer(struct meter_session *s, enum energomera_name name, unsigned *pointer)
{
	struct iec_text body, text;
	uint32_t v = 0;
	int rc;

	*pointer = 0;
	if (name == EN_COUNT || energomera_refuses(s, name))
		return E_OK;
	rc = energomera_ask(s, name, "", &body);
	if (rc == E_OK)
		rc = energomera_text(body, energomera_name(name), &text);
	if (rc == E_OK && iec_number(text, UINT8_MAX - 1, &v) == E_OK)
		*pointer = v + 1;
	return energomera_is_link_trouble(rc) ? rc : E_OK;
}

/* Is the cell the newest by time? */
static bool
is_newest(const struct energomera_ring *ring, unsigned cell)
{
	int32_t newest = INT32_MIN, of_cell = INT32_MIN;

	for (size_t i = 0; i < ring->n; i++) {
		if (ring->record[i].minute > newest)
			newest = ring->record[i].minute;
		if (ring->record[i].cell == cell)
			of_cell = ring->record[i].minute;
	}
	return ring->n > 0 && of_cell == newest;
}

/* Cell of the newest record by the pointer (as kept in memory, + 1), counted from 1 or from 0;
 * -1 when the pointer does not point at it. */
static int
newest_cell(const struct energomera_ring *ring, unsigned pointer)
{
	if (pointer >= 2 && is_newest(ring, pointer - 2))
		return (int)pointer - 2;
	if (pointer >= 1 && is_newest(ring, pointer - 1))
		return (int)pointer - 1;
	return -1;
}

/* Of a sorted ring: does no other record share the minute of the newest? */
static bool
has_one_newest(const struct energomera_ring *ring)
{
	size_t n = ring->n;

	return n < 2 || ring->record[n - 1].minute != ring->record[n - 2].minute;
}

/* Hands the events of a sorted ring to the sink; *found counts all, also those not asked for. */
static int
emit_events(struct meter_session *s, const struct energomera_ring *ring,
    const struct energomera_journal *j, const struct query *q, struct sink *sink, size_t *found)
{
	int32_t minute = INT32_MIN;
	int64_t sequence = 0;
	int rc = E_OK;

	*found = 0;
	for (size_t i = 0; i < ring->n && rc == E_OK; i++) {
		struct record r = { .type = REC_EL_JOURNAL, .journal = j->journal, .valid = true };
		int32_t m = ring->record[i].minute;
		struct civil at = civil_from_utc((struct zone){ 0, false }, (int64_t)m * 60);
		unsigned event;

		/* The oldest record has lost its predecessor; what it changed was read before. */
		if (i == 0 && j->rule == TAKES_BIT && q->known != NULL)
			continue;
		if (!energomera_ring_event(ring, i, j, &event))
			continue;
		++*found;
		sequence = m == minute ? sequence + 1 : 0;
		minute = m;
		r.ts = civil_to_utc(s->zone, &at, SEASON_UNKNOWN);
		record_set(&r, J_EVENT, event);
		record_set(&r, J_EVENT_ID, sequence);
		if (r.ts >= q->from)
			rc = sink->put(sink, &r);
	}
	return rc;
}

/* A pointer is believed when it was seen to follow the newest record, or when it names exactly that
 * cell and is not the constant 01. */
static void
remember_pointer(struct energomera_memory *m, size_t row, const struct energomera_ring *ring,
    unsigned pointer, bool points_at_newest)
{
	if (!points_at_newest)
		m->pointer_proved[row] = 0;
	else if ((m->pointer[row] != 0 && m->pointer[row] != pointer) ||
	    (pointer > 2 && has_one_newest(ring)))
		m->pointer_proved[row] = 1;
	m->pointer[row] = points_at_newest ? (uint8_t)pointer : 0;
}

static bool
is_unchanged(const struct energomera_memory *m, size_t row, unsigned pointer, const struct query *q)
{
	return pointer > 0 && m->pointer_proved[row] == 1 && m->pointer[row] == pointer &&
	    (q->known != NULL || m->ring_empty[row] == 1);
}

static void
keep_ring(struct meter_session *s, enum energomera_name name, unsigned pointer, struct iec_text body)
{
	struct energomera_memory *m = energomera_memory(s);

	m->ring = 0;
	if (body.len > ENERGOMERA_RING_TEXT)
		return;
	if (body.len > 0)
		memcpy(s->rx + ENERGOMERA_RING_AT, body.p, body.len);
	m->ring = (uint8_t)(name + 1);
	m->ring_pointer = (uint8_t)pointer;
	m->ring_len[0] = (uint8_t)(body.len & 0xFF);
	m->ring_len[1] = (uint8_t)(body.len >> 8);
}

static bool
kept_ring(struct meter_session *s, enum energomera_name name, unsigned *pointer, struct iec_text *body)
{
	const struct energomera_memory *m = energomera_memory(s);
	size_t len = (size_t)(m->ring_len[0] | m->ring_len[1] << 8);

	if (m->ring != name + 1 || len > ENERGOMERA_RING_TEXT)
		return false;
	*pointer = m->ring_pointer;
	*body = (struct iec_text){ s->rx + ENERGOMERA_RING_AT, len };
	return true;
}

/* The text of the ring and its pointer.  E_EXISTS: it was read before and has not changed. */
static int
ask_ring(struct meter_session *s, const struct energomera_journal *j, size_t row, const struct query *q,
    unsigned *pointer, struct iec_text *body)
{
	int rc;

	if (kept_ring(s, j->ring, pointer, body))
		return E_OK;
	rc = ask_pointer(s, j->pointer, pointer);
	if (rc < 0)
		return rc;
	if (is_unchanged(energomera_memory(s), row, *pointer, q))
		return E_EXISTS;
	/* A refusal is the caller's to remember: asked again, the meter is asked again. */
	energomera_forget_refusal(s, j->ring);
	rc = energomera_ask(s, j->ring, "", body);
	if (rc == E_NODATA)
		*body = (struct iec_text){ NULL, 0 };
	if (rc == E_OK || rc == E_NODATA)
		keep_ring(s, j->ring, *pointer, *body);
	return rc == E_NODATA ? E_OK : rc;
}

int
energomera_read_journal(struct meter_session *s, const struct query *q, struct sink *sink)
{
	const struct energomera_journal *j = energomera_journal_of(q->journal);
	struct energomera_memory *m = energomera_memory(s);
	struct energomera_ring ring;
	struct iec_text body;
	unsigned pointer;
	size_t row, found = 0;
	int newest, rc;

	if (j == NULL)
		return E_UNSUPPORTED;
	row = (size_t)(j - energomera_journals);
	rc = ask_ring(s, j, row, q, &pointer, &body);
	if (rc == E_OK)
		rc = energomera_ring(body, energomera_name(j->ring), &ring);
	if (rc == E_EXISTS || rc == E_NODATA)
		return E_OK; /* nothing new; or an empty ring: nothing ever happened */
	if (rc < 0)
		return rc == E_INVALID ? E_UNSUPPORTED : rc;
	newest = newest_cell(&ring, pointer);
	energomera_ring_sort(&ring, newest);
	rc = emit_events(s, &ring, j, q, sink, &found);
	if (rc == E_OK) {
		remember_pointer(m, row, &ring, pointer, newest >= 0);
		m->ring_empty[row] = found == 0;
	}
	return rc;
}
