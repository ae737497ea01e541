/* The meter table as a CSV file, both ways (web-ui.md 6).  Pure.
 *
 * Reading: UTF-8 with or without BOM, or Windows-1251; separator ';', ',' or tab, found in the
 * header (or told by a first line "sep=;"); quotes doubled; any line ends.  The header names
 * columns in English or Russian, in any order; unknown ones are ignored with a warning.
 * Numbers a spreadsheet has ruined ("1,41E+08") are errors, never guessed.
 * Writing: BOM, ';', CRLF, for Russian Excel. */
#ifndef USPD_SMART_JSON_CSV_H
#define USPD_SMART_JSON_CSV_H

#include "smart-json/meter_import.h"
#include "src/base/text.h"

/* Appends the rows of a file to *import; what is wrong is noted there.  E_NOMEM. */
int csv_read(struct meter_import *, const char *data, size_t len) USPD_MUST_CHECK;

/* The header line, in English or Russian; and one row.  Passwords are left empty unless asked. */
void csv_write_header(struct text *, bool russian);
void csv_write_row(struct text *, const struct meter_row *, const char *serial, bool passwords);

#endif
