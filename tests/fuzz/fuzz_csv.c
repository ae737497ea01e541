/* Any bytes as a file with meters: read, planned against a small table, written and read again. */
#include <stdlib.h>
#include <string.h>

#include "smart-json/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct meter_import import = { 0 }, again = { 0 };
	struct meter_table *now = calloc(1, sizeof(*now));
	struct import_plan plan = { 0 };
	struct text file = { 0 };

	if (now == NULL || csv_read(&import, (const char *)data, size) < 0)
		goto out;
	if (import_plan(&plan, &import, now, size % 2 == 0) < 0)
		goto out;
	csv_write_header(&file, size % 3 == 0);
	for (size_t i = 0; i < plan.n; i++)
		csv_write_row(&file, &plan.changes[i].row, "1", true);
	/* What was good once is good again. */
	if (csv_read(&again, file.p, file.len) < 0 || again.n_errors > 0 || again.n != plan.n)
		abort();
	for (size_t i = 0; i < again.n; i++)
		if (strcmp(again.rows[i].row.address, plan.changes[i].row.address) != 0 ||
		    strcmp(again.rows[i].row.note, plan.changes[i].row.note) != 0)
			abort();
out:
	import_plan_free(&plan);
	import_free(&import);
	import_free(&again);
	text_free(&file);
	free(now);
	return 0;
}
