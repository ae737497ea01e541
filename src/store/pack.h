/* Packed rows: presence bitmap, then zig-zag varints (specs/storage.md 2.2).  One encoder and one
 * decoder per shape; both pure, lossless and fuzzed.
 *
 * A record:
 *
 *	head  offset  [diff]  valid:  bitmap  value ...	in thousandths / scale
 *	                      marker: made
 *
 *	head	bit 0 valid; bits 1-2 scale 1, 10, 100, 1000 (the largest that divides all values:
 *		meters count in whole Wh, so three digits of every value are zeros); bit 3 diff
 *		follows; bit 4 offset counts quarters of an hour instead of seconds
 *	offset	time - base of the bucket; so a row knows its own time stamp whatever the zone is now
 *	made	when the marker was made, from the base
 *
 * A day of profile slices of one period, in order of time:
 *
 *	head  first  run ...
 *	run = skip  count  attributes  [diff]  [bitmap]  values of each slice | made
 *
 *	head	bits 0-1 scale; bits 2-3 step between slots: 0 the period, 1 a minute, 2 a second
 *	first	end of the first slice from the base: minutes, with steps of a second: seconds
 *	skip	empty slots since the last run; count >= 1 slices follow each other
 *	attributes	bit 0 valid; bits 1-4 profile flags; bit 5 diff follows, bit 6 bitmap
 *		follows, else as in the run before (at first 0) */
#ifndef USPD_STORE_PACK_H
#define USPD_STORE_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/cursor.h"
#include "src/base/err.h"
#include "src/model/record.h"

/* Longest packed record: head, offset, diff, bitmap and 64 values of ten bytes. */
enum { PACK_RECORD_MAX = 1 + 3 * 10 + VALUE_SLOTS * 10 };

/* ts, valid, diff_s, present and v travel; the rest of the record is the row's key. */
void pack_record(struct wr *, const struct record *, int64_t base);
/* Fills the same members and zeroes all others; E_CORRUPT. */
int unpack_record(const uint8_t *, size_t, int64_t base, struct record *) USPD_MUST_CHECK;

/* A profile slice as the store keeps it: v[0] of a marker is when it was made. */
struct slice {
	int64_t ts;
	int64_t v[PROFILE_SLOTS];
	int32_t diff_s;
	uint16_t period_min;
	uint8_t flags, present;
	bool valid;
};

/* A day of 25 hours in minutes is 1500; the rest is room for stamps off the grid. */
enum { DAY_SLICES_MAX = 1600, PACK_SLICE_MAX = 64 };

/* `n` >= 1 slices of one period, ascending. */
void pack_slices(struct wr *, const struct slice *, size_t n, int64_t base);
/* How many slices a row holds, up to DAY_SLICES_MAX; 0 when it is damaged. */
size_t unpack_slices_count(const uint8_t *, size_t);
/* At most `max`; E_CORRUPT. */
int unpack_slices(const uint8_t *, size_t, int64_t base, uint16_t period_min, struct slice *,
    size_t max, size_t *n) USPD_MUST_CHECK;

/* Everything of a meter's configuration but its three texts. */
enum { PACK_CONFIG_MAX = 160 };
void pack_config(struct wr *, const struct meter_config *);
int unpack_config(const uint8_t *, size_t, struct meter_config *) USPD_MUST_CHECK;

#endif
