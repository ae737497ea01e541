/* СПОДЭС objects: what a column or register is, rows of profiles, rows to values
 * (meter-spodes-dlms.md 8.2, 10, 13).  Pure functions. */
#ifndef USPD_METERS_DLMS_SPODES_CODEC_H
#define USPD_METERS_DLMS_SPODES_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/dlms/cosem_codec.h"
#include "src/model/record.h"

/* What a column holds, known by its object and never by its place.  One octet, so that the columns of
 * a meter can be remembered. */
enum spodes_what {
	WHAT_OTHER,		/* not needed here */
	WHAT_CLOCK, WHAT_OLD_TIME, WHAT_STATUS, WHAT_RUN_TIME, WHAT_CODE,
	WHAT_ENERGY = 16,	/* + energy_slot(): 1.0.C.8.E */
	WHAT_INTERVAL = WHAT_ENERGY + ENERGY_SLOTS,	/* + enum energy_kind: 1.0.C.29.0 */
	WHAT_QUALITY = WHAT_INTERVAL + ENERGY_KINDS,	/* + enum quality_slot */
	WHAT_END = WHAT_QUALITY + QUALITY_SLOTS
};
uint8_t spodes_what(const struct cosem *, uint16_t data_index);
bool spodes_is_scaled(uint8_t what);
/* The register of an energy slot. */
struct cosem spodes_energy(unsigned slot, int attribute);
/* The register of a quality value; `other` is the one meters have instead (single phase, other angle
 * numbers), class 0 when there is none. */
struct cosem spodes_quality(unsigned slot, int attribute, bool other);
/* Whether a unit belongs to such a value; UNIT_NONE always does. */
bool spodes_unit_fits(uint8_t what, uint8_t unit);

enum { SPODES_COLUMNS_MAX = 64, SPODES_NO_SCALER = 127 };
struct spodes_columns {
	const uint8_t *what;		/* enum spodes_what each */
	const int8_t *scaler;		/* NULL: nothing is scaled */
	unsigned n;
	uint32_t period_s;		/* for stamps left out */
	bool null_is_missing;		/* null is not "as in the row before" */
};

/* One row, and what the next one needs of it.  All zero before the first. */
struct spodes_row {
	bool has_time;			/* there is a stamp that can be a date */
	struct cosem_time time;
	int64_t ts;			/* of the stamp */
	struct cosem_time old_time;	/* WHAT_OLD_TIME */
	bool has_old_time;
	uint64_t present;		/* bit per column with a value */
	int64_t v[SPODES_COLUMNS_MAX];	/* thousandths of the unit; of unscaled columns the number */
};
/* The reader stands in the array of rows.  1: *row is the next; E_INVALID: another number of elements
 * than columns; E_FRAME. */
int spodes_row_next(struct axdr *, const struct spodes_columns *, struct zone, struct spodes_row *)
    USPD_MUST_CHECK;
/* Number of the column; -1 none. */
int spodes_column(const struct spodes_columns *, uint8_t what);

/* ---- rows to records ---- */

/* Energy registers of a row; false when it holds none. */
bool spodes_row_energy(const struct spodes_columns *, const struct spodes_row *, struct record *);
bool spodes_row_quality(const struct spodes_columns *, const struct spodes_row *, struct record *);

/* Slices are made of one row or of several: after a change of the clock or a restart a meter captures
 * in the middle of an interval too. */
struct spodes_slice {
	bool is_begun;
	int64_t label;			/* end of the slice */
	int64_t energy[ENERGY_KINDS];	/* mWh */
	uint8_t present, flags;
	bool is_split;			/* several rows, or one not on the border */
};
enum spodes_stamp { STAMP_END, STAMP_START };	/* of the interval */
/* End of the slice a row belongs to. */
int64_t spodes_slice_label(const struct spodes_row *, uint32_t period_s, struct zone,
    enum spodes_stamp);
/* Adds a row of that label; sums that overflow drop the value. */
void spodes_slice_add(struct spodes_slice *, const struct spodes_columns *, const struct spodes_row *);
void spodes_slice_record(const struct spodes_slice *, uint32_t period_s, struct record *);

#endif
