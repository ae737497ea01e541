/* Tables of settings over SMART-JSON: reading, writing, removing rows. */
#ifndef USPD_TOOLS_CTL_ROWS_H
#define USPD_TOOLS_CTL_ROWS_H

#include "tools/ctl.h"
#include "tools/ctl_tables.h"

/* NULL: there is none of this name. */
const struct ctl_table_row *rows_table(const char *name);
/* The answer as given, and in *rows (borrowed from it) its list; a row without a list alone: NULL. */
int rows_get(const struct ctl *, const struct ctl_table_row *, bool full, json_t **answer,
    json_t **rows);
/* Sends a document: what a GET gave, a list of rows, or one row.  `args` is "" or "?mode=replace". */
int rows_send(const struct ctl *, const struct ctl_table_row *, const char *method, const char *args,
    json_t *document);
/* The row that NAME=VALUE words make of what the table holds.  With `merge` the row with that key is
 * changed, else a new one is made.  NULL: told on stderr. */
json_t *rows_edit(const struct ctl *, const struct ctl_table_row *, bool merge, int n, char **words);
/* Columns are the members of all rows. */
void rows_print(const json_t *rows);

#endif
