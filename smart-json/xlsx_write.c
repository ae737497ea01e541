#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xlsxwriter.h>

#include "smart-json/meter_sheet.h"
#include "smart-json/xlsx.h"

struct xlsx_writer {
	char folder[256];
	lxw_workbook *book;
	lxw_worksheet *sheet;
	lxw_format *text, *head;
	lxw_row_t rows;
};

static int
error_of(lxw_error error)
{
	return error == LXW_NO_ERROR ? E_OK : error == LXW_ERROR_MEMORY_MALLOC_FAILED ? E_NOMEM : E_IO;
}

static int
write_header(struct xlsx_writer *w, bool russian)
{
	lxw_error error = LXW_NO_ERROR;

	for (int c = 0; c < COL_FILE_COUNT && error == LXW_NO_ERROR; c++) {
		enum meter_column column = (enum meter_column)c;
		const char *name = russian ? meter_column_russian(column) : meter_column_name(column);

		/* The whole column is of text, so that what a person adds stays as it is typed. */
		error = worksheet_set_column(w->sheet, (lxw_col_t)c, (lxw_col_t)c, 18,
		    meter_column_is_number(column) ? NULL : w->text);
		if (error == LXW_NO_ERROR)
			error = worksheet_write_string(w->sheet, 0, (lxw_col_t)c, name, w->head);
	}
	worksheet_freeze_panes(w->sheet, 1, 0);
	w->rows = 1;
	return error_of(error);
}

int
xlsx_begin(struct xlsx_writer **made, const char *path, bool russian)
{
	struct xlsx_writer *w = calloc(1, sizeof(*w));
	const char *slash = strrchr(path, '/');
	lxw_workbook_options options = { .constant_memory = LXW_TRUE };
	int rc = E_NOMEM;

	*made = NULL;
	if (w == NULL)
		return E_NOMEM;
	snprintf(w->folder, sizeof(w->folder), "%.*s", slash != NULL ? (int)(slash - path) : 1,
	    slash != NULL ? path : ".");
	options.tmpdir = w->folder;
	w->book = workbook_new_opt(path, &options);
	if (w->book != NULL)
		w->sheet = workbook_add_worksheet(w->book, "meters");
	if (w->sheet != NULL) {
		w->text = workbook_add_format(w->book);
		w->head = workbook_add_format(w->book);
	}
	if (w->text == NULL || w->head == NULL)
		goto fail;
	format_set_num_format_index(w->text, 49); /* "@" */
	format_set_bold(w->head);
	if ((rc = write_header(w, russian)) < 0)
		goto fail;
	*made = w;
	return E_OK;
fail:
	if (xlsx_end(w) == E_OK)
		remove(path);
	return rc;
}

/* _xHHHH_ stands for a character in such files; where it is meant as it is, its first sign is written
 * so.  The library does this for shared strings only. */
static void
escape(char *to, size_t size, const char *from)
{
	static const char sign[] = "_x005F";
	size_t n = 0;

	for (; *from != '\0' && n + sizeof(sign) < size; from++) {
		bool is_mark = from[0] == '_' && from[1] == 'x' &&
		    strspn(from + 2, "0123456789abcdefABCDEF") >= 4 && from[6] == '_';

		if (is_mark) {
			memcpy(to + n, sign, sizeof(sign) - 1);
			n += sizeof(sign) - 1;
		}
		to[n++] = *from;
	}
	to[n] = '\0';
}

static lxw_error
write_text(struct xlsx_writer *w, int column, const char *text)
{
	char escaped[7 * COL_TEXT_SIZE + 2] = "'";
	size_t guard = sheet_is_guarded(*text) ? 1 : 0;

	if (*text == '\0')
		return LXW_NO_ERROR;
	escape(escaped + guard, sizeof(escaped) - guard, text);
	return worksheet_write_string(w->sheet, w->rows, (lxw_col_t)column, escaped, w->text);
}

int
xlsx_row(struct xlsx_writer *w, const struct meter_row *row, const char *serial, bool passwords)
{
	lxw_error error = LXW_NO_ERROR;
	char buf[COL_TEXT_SIZE];

	for (int c = 0; c < COL_FILE_COUNT && error == LXW_NO_ERROR; c++) {
		enum meter_column column = (enum meter_column)c;

		if (!passwords && (COL_PASSWORDS & COL_BIT(c)) != 0)
			continue;
		if (c == COL_SERIAL)
			error = write_text(w, c, serial);
		else if (meter_column_is_number(column))
			error = worksheet_write_number(w->sheet, w->rows, (lxw_col_t)c,
			    strtod(meter_column_print(row, column, buf), NULL), NULL);
		else
			error = write_text(w, c, meter_column_print(row, column, buf));
	}
	w->rows++;
	return error_of(error);
}

int
xlsx_end(struct xlsx_writer *w)
{
	int rc = w->book != NULL ? error_of(workbook_close(w->book)) : E_NOMEM;

	free(w);
	return rc;
}
