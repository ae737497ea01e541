/* The load profile of the Mercury 23x: a ring of 16-byte places in memory 3 (2.11).
 *
 * A place holds 15 bytes: STATE hh mm dd MM yy period, P+ P- Q+ Q- (u16, low byte first).  The ring
 * moves on by one place every half hour, with or without supply; where it began differs by serial. */
#include "sim/mercury.h"

#include <string.h>

#include "src/base/checksum.h"

enum {
	RECORD = 15, PLACE = 16, PERIOD_MIN = 30, RECORDS_MOST = 17,
	STATE_OVERFLOW = 0x01, STATE_INCOMPLETE = 0x02, STATE_WINTER = 0x08, STATE_BIT4 = 0x10,
	ERROR_MEMORY3 = 6,		/* E-07 */
};

static int64_t
ring_shift(const struct sim_meter *m)
{
	return (int64_t)(sim_hash(m->load.serial, 1000, 3) % m->u.mercury.ring);
}

static int64_t
place_of(const struct sim_meter *m, int64_t slot)
{
	int64_t ring = m->u.mercury.ring;

	return ((slot + ring_shift(m)) % ring + ring) % ring;
}

/* The newest formed slot (numbered by its end) that stands in a place of the ring. */
static int64_t
slot_at(const struct sim_meter *m, int64_t place, int64_t last)
{
	int64_t ring = m->u.mercury.ring;

	return last - ((place_of(m, last) - place) % ring + ring) % ring;
}

static bool
corrected_in(const struct sim_mercury *me, int64_t end)
{
	for (unsigned i = 0; i < me->n_slewed; i++)
		if (me->slewed_slot[i] == end)
			return true;
	return false;
}

/* When the supply was away at the end of the slot: the minute in which it failed, rounded up so
 * that the stamp still falls into the slot. */
static int64_t
stamp(const struct sim_load *load, int64_t end)
{
	for (unsigned i = 0; i < load->n_outages; i++)
		if (load->outages[i].from < end && load->outages[i].to >= end)
			return (load->outages[i].from + 59) / 60 * 60;
	return end;
}

static void
put_record(struct sim_mercury_call *call, int64_t slot)
{
	const struct sim_meter *m = call->m;
	int64_t end = slot * SIM_SLOT_S;
	int64_t off = sim_off_seconds(&m->load, end - SIM_SLOT_S, end);
	uint8_t state = STATE_WINTER, zeros[RECORD] = { 0 };
	struct civil c;

	if (end <= m->load.history_from || off == SIM_SLOT_S) {
		wr_bytes(call->w, zeros, RECORD);
		return;
	}
	if (off > 0 || corrected_in(&m->u.mercury, end))
		state |= STATE_INCOMPLETE;
	if (m->u.mercury.overflow)
		state |= STATE_OVERFLOW;
	c = sim_civil(stamp(&m->load, end));
	wr_u8(call->w, state);
	wr_u8(call->w, bcd_encode((unsigned)c.hour));
	wr_u8(call->w, bcd_encode((unsigned)c.minute));
	wr_u8(call->w, bcd_encode((unsigned)c.day));
	wr_u8(call->w, bcd_encode((unsigned)c.month));
	wr_u8(call->w, bcd_encode((unsigned)(c.year % 100)));
	wr_u8(call->w, PERIOD_MIN);
	for (int kind = 0; kind < SIM_KINDS; kind++)
		wr_u16_le(call->w,
		    !m->kinds[kind] ? 0xFFFF : (uint16_t)sim_slot(&m->load, (enum sim_kind)kind, end));
}

int
sim_mercury_last_record(struct sim_mercury_call *call, bool second_array)
{
	const struct sim_mercury *me = &call->m->u.mercury;
	int64_t last = call->t / SIM_SLOT_S;
	unsigned place = (unsigned)place_of(call->m, last);
	unsigned at = me->class234 ? place : place * PLACE;
	uint8_t state = STATE_WINTER;
	struct civil c = sim_civil(last * SIM_SLOT_S);

	if (second_array && !me->class234)
		return sim_mercury_unsupported(call);
	if (me->class234 ? second_array : at > 0xFFFF)
		state |= STATE_BIT4;
	if (me->overflow)
		state |= STATE_OVERFLOW;
	wr_u16_be(call->w, (uint16_t)at);
	wr_u8(call->w, state);
	wr_u8(call->w, bcd_encode((unsigned)c.hour));
	wr_u8(call->w, bcd_encode((unsigned)c.minute));
	wr_u8(call->w, bcd_encode((unsigned)c.day));
	wr_u8(call->w, bcd_encode((unsigned)c.month));
	wr_u8(call->w, bcd_encode((unsigned)(c.year % 100)));
	wr_u8(call->w, PERIOD_MIN);
	return SIM_REPLY_DATA;
}

static int
bad_read(struct sim_mercury_call *call)
{
	call->m->u.mercury.errors |= UINT64_C(1) << ERROR_MEMORY3;
	call->m->counters.bad_reads++;
	return SIM_BAD_COMMAND;
}

/* One kind of energy of up to eight consecutive records, without times. */
static int
read_one_kind(struct sim_mercury_call *call, unsigned kind, int64_t place, unsigned length)
{
	int64_t last = call->t / SIM_SLOT_S;

	if (kind > SIM_KINDS || length == 0 || length > 0x10 || length % 2 != 0)
		return bad_read(call);
	for (unsigned i = 0; i < length / 2; i++) {
		int64_t end = slot_at(call->m, (place + i) % call->m->u.mercury.ring, last) *
		    SIM_SLOT_S;

		if (!call->m->kinds[kind - 1])
			wr_u16_le(call->w, 0xFFFF);
		else
			wr_u16_le(call->w,
			    end <= call->m->load.history_from ?
				0 :
				(uint16_t)sim_slot(&call->m->load, (enum sim_kind)(kind - 1), end));
	}
	return SIM_REPLY_DATA;
}

int
sim_mercury_memory(struct sim_mercury_call *call)
{
	const struct sim_mercury *me = &call->m->u.mercury;
	unsigned memory, length, address, n;
	int64_t last = call->t / SIM_SLOT_S;

	if (call->n != 4)
		return SIM_REPLY_NONE;
	memory = call->p[0] & 0x0F;
	length = call->p[3];
	if (memory == 2)
		return sim_mercury_physical_energy(call);
	if (memory != 3 && !(memory == 5 && me->class234))
		return SIM_BAD_COMMAND;
	address = (call->p[0] & 0x80U) << 9 | (unsigned)call->p[1] << 8 | call->p[2];
	if (address % PLACE != 0 || address / PLACE >= me->ring)
		return bad_read(call);
	if ((call->p[0] >> 4 & 7) != 0)
		return read_one_kind(call, call->p[0] >> 4 & 7, address / PLACE, length);
	n = length / RECORD;
	if (n > 1 && !me->long_reads)
		return sim_mercury_unsupported(call);
	if (length % RECORD != 0 || n == 0 || n > RECORDS_MOST || address / PLACE + n > me->ring)
		return bad_read(call);
	for (unsigned i = 0; i < n; i++)
		put_record(call, slot_at(call->m, address / PLACE + i, last));
	return SIM_REPLY_DATA;
}

/* 16 03 OH OL n: n records ending `offset` before the last formed one, oldest first. */
int
sim_mercury_relative(struct sim_mercury_call *call)
{
	unsigned offset, n;
	int64_t last = call->t / SIM_SLOT_S;

	if (call->n != 4)
		return SIM_REPLY_NONE;
	if (!call->m->u.mercury.relative)
		return sim_mercury_unsupported(call);
	offset = (unsigned)call->p[1] << 8 | call->p[2];
	n = call->p[3];
	if ((call->p[0] != 0x03 && call->p[0] != 0x05) || n == 0 || n > RECORDS_MOST ||
	    offset + n > call->m->u.mercury.ring)
		return bad_read(call);
	for (unsigned i = n; i-- > 0;)
		put_record(call, last - offset - i);
	return SIM_REPLY_DATA;
}
