#include "src/poll/grid.h"

bool
grid_of(enum record_type type, struct zone zone, unsigned period_min, struct grid *grid)
{
	grid->zone = zone;
	grid->label = GRID_POINT;
	grid->step_s = 0;
	switch (type) {
	case REC_EL_DAY:
	case REC_PLS_DAY:
	case REC_GEN_DAY:
		grid->unit = GRID_DAYS;
		return true;
	case REC_EL_MONTH:
	case REC_PLS_MONTH:
	case REC_GEN_MONTH:
		grid->unit = GRID_MONTHS;
		return true;
	case REC_EL_DAY_CONS:
		grid->unit = GRID_DAYS;
		grid->label = GRID_START;
		return true;
	case REC_EL_MONTH_CONS:
		grid->unit = GRID_MONTHS;
		grid->label = GRID_START;
		return true;
	case REC_EL_PROFILE:
		grid->unit = GRID_SECONDS;
		grid->label = GRID_END;
		grid->step_s = (period_min != 0 ? period_min : 30) * 60;
		return true;
	case REC_PLS_HOUR:
	case REC_GEN_HOUR:
		grid->unit = GRID_SECONDS;
		grid->step_s = 3600;
		return true;
	default:
		return false;
	}
}

int64_t
grid_step(const struct grid *grid, int64_t label, int n)
{
	switch (grid->unit) {
	case GRID_SECONDS: return label + n * grid->step_s;
	case GRID_DAYS:    return day_add(grid->zone, label, n);
	case GRID_MONTHS:  return month_add(grid->zone, label, n);
	}
	return label;
}

int64_t
grid_newest(const struct grid *grid, int64_t now)
{
	int64_t boundary = now, shift;

	switch (grid->unit) {
	case GRID_SECONDS:
		/* Slices are cut in local time; season changes are whole slices. */
		shift = grid->zone.offset_s;
		boundary = (now + shift) / grid->step_s * grid->step_s - shift;
		break;
	case GRID_DAYS:
		boundary = day_start(grid->zone, now);
		break;
	case GRID_MONTHS:
		boundary = month_start(grid->zone, now);
		break;
	}
	return grid->label == GRID_START ? grid_step(grid, boundary, -1) : boundary;
}

size_t
grid_missing(const struct grid *grid, int64_t oldest, int64_t newest, const int64_t *have,
    size_t n_have, struct grid_range *ranges, size_t max, size_t *missing)
{
	size_t n = 0;
	bool open = false;

	*missing = 0;
	for (int64_t label = newest; label >= oldest; label = grid_step(grid, label, -1)) {
		while (n_have > 0 && have[n_have - 1] > label)
			n_have--;
		if (n_have > 0 && have[n_have - 1] == label) {
			open = false;
			continue;
		}
		++*missing;
		if (!open && n == max)
			continue;
		if (!open)
			ranges[n++] = (struct grid_range){ label, label };
		else
			ranges[n - 1].from = label;
		open = true;
	}
	return n;
}
