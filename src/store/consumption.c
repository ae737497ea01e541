#include "src/store/consumption.h"

#include "src/base/err.h"

int
consumption_of(int64_t start, int64_t end, int64_t limit, int64_t *used)
{
	if (end >= start) {
		/* Readings are not negative; a difference that does not fit is not a reading. */
		return __builtin_sub_overflow(end, start, used) ? E_NODATA : E_OK;
	}
	/* A roll-over goes from above 90 % to below 10 % of the register. */
	if (limit > 0 && end >= 0 && start <= limit && start > limit - limit / 10 && end < limit / 10) {
		*used = end + (limit - start);
		return E_OK;
	}
	return E_NODATA;
}

bool
consumption_record(enum record_type type, const struct record *start, const struct record *end,
    int64_t serial_since, int64_t limit, struct record *made, uint64_t *went_back)
{
	uint64_t both = start->present & end->present, back = 0;
	int64_t used;

	*made = (struct record){ .type = type, .valid = true, .ts = start->ts, .diff_s = end->diff_s };
	if (went_back != NULL)
		*went_back = 0;
	if (!start->valid || !end->valid || (serial_since > start->ts && serial_since <= end->ts))
		return false;
	for (unsigned slot = 0; slot < VALUE_SLOTS; slot++) {
		if ((both >> slot & 1) == 0)
			continue;
		if (consumption_of(start->v[slot], end->v[slot], limit, &used) == E_OK)
			record_set(made, slot, used);
		else
			back |= UINT64_C(1) << slot;
	}
	if (went_back != NULL)
		*went_back = back;
	return made->present != 0;
}
