/* Records of many meters as one table of rows, for files (docs/api.md, data.csv and data.xlsx). */
#ifndef USPD_SMART_JSON_DATA_EXPORT_H
#define USPD_SMART_JSON_DATA_EXPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "smart-json/http.h"
#include "src/model/tags.h"
#include "src/store/store.h"

/* Columns before the tags. */
enum export_column { EXPORT_METER, EXPORT_SERIAL, EXPORT_TIME, EXPORT_TS, EXPORT_DIFF, EXPORT_JOURNAL,
	EXPORT_COLUMNS };

struct export_row {
	const struct meter_row *meter;
	const char *serial;
	const struct record *record;
};

struct export {
	struct store *store;
	struct zone zone;
	bool english;
	struct store_range range;
	struct tag_list tags;
	const struct meter_table *table;
	uint32_t *meters;		/* rows of the table */
	size_t n_meters;

	/* Where it is. */
	size_t meter;
	int64_t from;
	struct meter_state state;
	bool in_meter;
};

/* The query of the call: type, meter= or meters= or serial= (none: all), from, to, tags, markers, lang.
 * NULL: the refusal is made. */
struct export *export_make(struct http_call *);
void export_free(struct export *);	/* NULL allowed */
/* Name of a column; NULL: this kind of record does without it. */
const char *export_heading(const struct export *, enum export_column);
/* Rows at most, by what the rings tell. */
size_t export_rows(const struct export *);

/* Gives rows until `each` returns 1 (full: that row counts as taken) or all are given: 1 more follow,
 * 0 the end; negative errors, also of `each`. */
typedef int export_each(void *arg, const struct export_row *);
int export_step(struct export *, export_each *, void *arg) USPD_MUST_CHECK;

/* Makes a workbook at `path`, temporary files beside it in `folder`.  E_LIMIT: more rows than
 * expected; E_NOMEM, E_IO. */
enum { EXPORT_XLSX_CELLS = 1500000, EXPORT_XLSX_ROWS = 250000 };
int export_write_xlsx(struct export *, const char *path, const char *folder) USPD_MUST_CHECK;

#endif
