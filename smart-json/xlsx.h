/* The meter table as an XLSX file, both ways (web-ui.md 6); see csv.h for what is common to both.
 *
 * Reading: the first sheet of the workbook; shared and inline strings; of a formula the value it had
 * when the file was saved.  Hostile files are refused (xlsx_package.h), and so are workbooks that
 * refer to others.  A number a spreadsheet could not keep whole is an error, never guessed.
 * Writing: row by row, in memory that does not grow with their number; texts are text cells. */
#ifndef USPD_SMART_JSON_XLSX_H
#define USPD_SMART_JSON_XLSX_H

#include "smart-json/meter_import.h"

/* Appends the rows of a file to *import; what is wrong is noted there.  E_NOMEM. */
int xlsx_read(struct meter_import *, const char *data, size_t len) USPD_MUST_CHECK;

struct xlsx_writer;
/* Makes the file `path` with its header, in English or Russian; needs room for a temporary file
 * beside it.  E_NOMEM, E_IO. */
int xlsx_begin(struct xlsx_writer **, const char *path, bool russian) USPD_MUST_CHECK;
int xlsx_row(struct xlsx_writer *, const struct meter_row *, const char *serial, bool passwords)
    USPD_MUST_CHECK;
/* Writes the file and frees the writer, also after an error. */
int xlsx_end(struct xlsx_writer *) USPD_MUST_CHECK;

#endif
