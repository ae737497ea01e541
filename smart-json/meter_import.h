/* From rows that came from outside (file, request, command line) to changes of the meter table:
 * checks between rows, next free ids, what is kept, added and removed.  Pure. */
#ifndef USPD_SMART_JSON_METER_IMPORT_H
#define USPD_SMART_JSON_METER_IMPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "smart-json/meter_columns.h"
#include "src/store/store.h"

enum { IMPORT_ROWS_MAX = 65535, IMPORT_NOTES_MAX = 200 };

enum { GIVEN_WIRE = COL_BIT(COL_COUNT) };
struct import_row {
	unsigned line;		/* row of the spreadsheet, or index + 1 in the request */
	unsigned given;		/* COL_BIT of the columns that came with a value; GIVEN_WIRE */
	struct meter_row row;
};

/* What a person must or should know. */
struct import_note {
	bool error;		/* else a warning */
	unsigned line;		/* 0: the whole file */
	enum meter_column column;	/* COL_COUNT: the whole row */
	char text[112];
};

struct meter_import {
	struct import_row *rows;
	size_t n, size;
	struct import_note *notes;	/* the first IMPORT_NOTES_MAX */
	size_t n_notes, n_errors, n_warnings;
};

/* A zeroed row with that line; NULL: out of memory or too many. */
struct import_row *import_add(struct meter_import *, unsigned line);
void import_note(struct meter_import *, bool error, unsigned line, enum meter_column, const char *fmt,
    ...)
    __attribute__((format(printf, 5, 6)));
void import_free(struct meter_import *);

struct import_plan {
	struct meter_change *changes;	/* as store_meters_change() takes them */
	unsigned *lines;		/* line each change comes from; 0: removal */
	size_t n, added, changed, removed, unchanged;
};
/* `replace`: meters not among the rows are removed.  E_INVALID: notes say why, nothing is planned;
 * E_NOMEM. */
int import_plan(struct import_plan *, struct meter_import *, const struct meter_table *now,
    bool replace)
    USPD_MUST_CHECK;
void import_plan_free(struct import_plan *);

#endif
