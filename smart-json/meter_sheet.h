/* A sheet with meters, whatever kind of file it comes from: a header row that names columns, then one
 * row per meter (web-ui.md 6).  CSV and XLSX files are read through this, so that both are judged
 * alike.  Pure. */
#ifndef USPD_SMART_JSON_METER_SHEET_H
#define USPD_SMART_JSON_METER_SHEET_H

#include <stdbool.h>
#include <stddef.h>

#include "smart-json/meter_import.h"
#include "src/base/text.h"

enum { SHEET_COLUMNS_MAX = 64, SHEET_CELL_MAX = 1024 };

struct sheet_cell {
	const char *text;	/* without blanks around it (sheet_trim) */
	const char *fault;	/* why its value cannot be taken, if the column counts; or NULL */
};

struct sheet {
	struct meter_import *import;
	enum meter_column column[SHEET_COLUMNS_MAX];
	size_t n;		/* columns the header names */
	bool headed;
	bool refused;		/* the header is at fault: no more rows are wanted */
};

/* One row in the order of the file, at most SHEET_COLUMNS_MAX cells; `line` is its number as a
 * spreadsheet shows it.  Empty rows are skipped; faults are noted in the import.  E_NOMEM. */
int sheet_row(struct sheet *, unsigned line, const struct sheet_cell *, size_t n) USPD_MUST_CHECK;
void sheet_end(struct sheet *);		/* after the last row */

void sheet_trim(struct text *);
/* Characters at which a spreadsheet takes a cell for a formula, and the mark against it. */
bool sheet_is_guarded(char);

#endif
