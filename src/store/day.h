/* The profile slices of one meter and local day in memory: merged from the rows of all its periods,
 * ascending by time, one slice per time stamp. */
#ifndef USPD_STORE_DAY_H
#define USPD_STORE_DAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/store/archive.h"
#include "src/store/pack.h"

/* A meter is re-programmed now and then, not several times a day. */
enum { DAY_PERIODS_MAX = 8 };

struct day {
	bool open, dirty;
	uint16_t dev;
	int64_t bucket;
	struct slice *slices;
	size_t n, size;
	uint16_t periods[DAY_PERIODS_MAX];	/* rows the table has */
	unsigned n_periods;
};

void day_free(struct day *);
/* Starts an empty day. */
void day_begin(struct day *, uint16_t dev, int64_t bucket);
/* Adds a row of that day; a damaged row is logged and left out. */
int day_add_row(struct day *, const struct row *) USPD_MUST_CHECK;
/* All rows of the day from the table. */
int day_load(struct day *, struct archive *, uint16_t dev, int64_t bucket) USPD_MUST_CHECK;
/* Index of the first slice at or after ts. */
size_t day_find(const struct day *, int64_t ts);
/* E_LIMIT: more slices or periods than a day has room for. */
int day_insert(struct day *, size_t at, const struct slice *) USPD_MUST_CHECK;
void day_drop_before(struct day *, int64_t ts);
/* Writes a row per period and removes rows of periods without slices; not when clean. */
int day_flush(struct day *, struct archive *) USPD_MUST_CHECK;

void slice_from_record(struct slice *, const struct record *);
void slice_to_record(const struct slice *, struct record *);

#endif
