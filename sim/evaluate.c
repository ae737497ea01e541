#include "sim/evaluate.h"

#include <inttypes.h>
#include <string.h>

bool
sim_evaluate(const struct sim_load *load, const char *kind, int64_t from, int64_t to, FILE *out)
{
	static const char names[SIM_KINDS][3] = { "A+", "A-", "R+", "R-" };
	int which = -1;

	for (int i = 0; i < SIM_KINDS; i++)
		if (strncmp(kind, names[i], 2) == 0)
			which = i;
	if (which < 0)
		return false;
	kind += 2;
	if (strcmp(kind, "profile") == 0) {
		for (int64_t end = (from / SIM_SLOT_S + 1) * SIM_SLOT_S; end <= to; end += SIM_SLOT_S)
			fprintf(out, "%" PRId64 " %" PRIu32 " %" PRId64 "\n", end,
			    sim_slot(load, (enum sim_kind)which, end),
			    sim_off_seconds(load, end - SIM_SLOT_S, end));
		return true;
	}
	if (kind[0] < '0' || kind[0] > '4' || kind[1] != '\0')
		return false;
	fprintf(out, "%" PRId64 " %" PRIu64 "\n", from,
	    sim_counter(load, (enum sim_kind)which, (unsigned)(kind[0] - '0'), from));
	fprintf(out, "%" PRId64 " %" PRIu64 "\n", to,
	    sim_counter(load, (enum sim_kind)which, (unsigned)(kind[0] - '0'), to));
	return true;
}
