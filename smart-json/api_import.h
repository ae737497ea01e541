/* The common end of every change of the meter table through /api/v1: rows that came as JSON or in a
 * file are planned, answered with, and unless it is a dry run applied (api_import.c). */
#ifndef USPD_SMART_JSON_API_IMPORT_H
#define USPD_SMART_JSON_API_IMPORT_H

#include <jansson.h>
#include <stdbool.h>

#include "smart-json/http.h"
#include "smart-json/meter_import.h"

enum import_form {
	FROM_LIST,	/* notes point to members of a list: "/3/addr" */
	FROM_OBJECT,	/* of one object: "/addr" */
	FROM_BULK,	/* to ids and to the values for all of them: "/ids/3", "/set/addr" */
	FROM_FILE,	/* to rows and columns of a spreadsheet */
};
struct import_source {
	enum import_form form;
	bool dry, replace;
	bool backup;		/* the configuration is kept in a file before it is changed */
	const char *what;	/* for the audit journal */
};

/* Arguments of the query that imports have: dry, mode.  false: the refusal is made. */
bool import_source_args(struct http_call *, struct import_source *);
/* Checks, applies and answers.  `import` may have notes of faults already. */
void import_finish(struct http_call *, struct meter_import *, const struct import_source *);
/* Notes a member of a row that came as JSON. */
void import_member(struct meter_import *, struct import_row *, const char *name, const json_t *value);
/* After a large change: gives the memory it took back to the system, which the C library would keep. */
void import_trim(void);
/* A row of the table as the audit journal shows it, without passwords. */
json_t *import_row_json(const struct meter_row *);

#endif
