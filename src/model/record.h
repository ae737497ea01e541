/* A record: one set of values of one meter at one moment; and what is asked and emitted.
 *
 * Identity: (meter, type, journal code, ts[, event id for journals]).  Writing it twice changes
 * nothing; a valid record replaces a marker, never the other way round (data-model.md 1, 6). */
#ifndef USPD_MODEL_RECORD_H
#define USPD_MODEL_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "src/model/model.h"

/* What a meter says of itself (data-model.md 3.6).  -1 / 0 / "" where the meter does not tell. */
struct meter_config {
	char serial[32];	/* text, leading zeros kept */
	char model[32];
	char firmware[24];
	int8_t is_dst, is_clock, is_tariff;		/* -1 unknown, 0, 1 */
	int8_t is_a_minus, is_r_plus, is_r_minus;	/* isAm, isRp, isRm */
	uint8_t profile_arrays, tariffs, relays;
	uint8_t phases;					/* 1 or 3; 0 unknown */
	uint16_t period_min;				/* cTime: integration period */
	uint32_t ratio_i, ratio_u;			/* kI, kU; 0 unknown */
	uint32_t constant;				/* imp/kWh; 0 unknown */
	uint32_t profile_depth, day_depth, day_cons_depth, month_depth, month_cons_depth;
};

struct record {
	enum record_type type;
	uint16_t journal;	/* code, for REC_EL_JOURNAL; else 0 */
	bool valid;		/* false: marker "the meter has no such record"; no values */
	uint8_t flags;		/* profile_flag bits; else 0 */
	uint16_t period_min;	/* profile: length of the slice; else 0 */
	int64_t ts;		/* UTC seconds; a profile slice is keyed by its end */
	int32_t diff_s;		/* meter clock - device clock in the poll that brought it */
	uint64_t present;	/* bit per value slot that holds a value */
	int64_t v[VALUE_SLOTS];	/* thousandths of the base unit; journal slots are plain integers */
	const struct meter_config *config;	/* REC_*_CONFIG only; borrowed */
};

static inline void
record_set(struct record *r, unsigned slot, int64_t value)
{
	r->present |= UINT64_C(1) << slot;
	r->v[slot] = value;
}

static inline bool
record_has(const struct record *r, unsigned slot)
{
	return (r->present >> slot & 1) != 0;
}

/* What a family is asked: one record type over one closed range of labels.
 *   grid types (day, month, profile, hour): every label in [from, to] that the meter keeps;
 *   moment types: one reading now, from and to ignored;
 *   journals: records of `journal` newer than or equal to `from`; `known`, when not NULL, is
 *   the newest one stored, so that a family may stop at it after the first exchange.  Records of
 *   other journals that came with them may be put too, when from is 0. */
struct query {
	enum record_type type;
	uint16_t journal;
	int64_t from, to;	/* UTC seconds, inclusive */
	uint16_t period_min;	/* profile: the meter's period when known, else 0 */
	const struct record *known;
};

/* Where a family puts what it has checked.  put() copies; a negative return stops the read and
 * is passed on.  Embed it and cast with the first-member rule. */
struct sink {
	int (*put)(struct sink *, const struct record *);
};

#endif
