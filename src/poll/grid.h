/* The grid: which labels an archive of one kind should hold now, and which of them are missing
 * (poller.md 6.1, 6.2).  Pure functions over calendar and numbers. */
#ifndef USPD_POLL_GRID_H
#define USPD_POLL_GRID_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/civil.h"
#include "src/model/model.h"

enum grid_label {
	GRID_POINT,	/* the boundary itself (start of day, start of month) */
	GRID_END,	/* the end of the interval (load profile) */
	GRID_START,	/* the start of the interval covered (consumption) */
};
enum grid_unit { GRID_SECONDS, GRID_DAYS, GRID_MONTHS };

struct grid {
	struct zone zone;
	enum grid_unit unit;
	enum grid_label label;
	int64_t step_s;		/* GRID_SECONDS only */
};

/* Grid of a record type; `period_min` counts for the profile (0 = 30). false: not a grid type. */
bool grid_of(enum record_type, struct zone, unsigned period_min, struct grid *);
/* Newest label whose interval is complete at `now` (delay already subtracted). */
int64_t grid_newest(const struct grid *, int64_t now);
/* The label n steps later (negative: earlier). */
int64_t grid_step(const struct grid *, int64_t label, int n);

struct grid_range { int64_t from, to; };	/* labels, inclusive */
/* Ranges of labels of [oldest, newest] that are not in have[] (ascending), newest range first;
 * at most `max` ranges.  *missing counts all missing labels.  Returns the number of ranges. */
size_t grid_missing(const struct grid *, int64_t oldest, int64_t newest, const int64_t *have,
    size_t n_have, struct grid_range *ranges, size_t max, size_t *missing);

#endif
