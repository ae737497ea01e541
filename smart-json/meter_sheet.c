#include "smart-json/meter_sheet.h"

#include <ctype.h>
#include <string.h>

void
sheet_trim(struct text *cell)
{
	size_t blank = 0;

	while (cell->len > 0 && isspace((unsigned char)cell->p[cell->len - 1]))
		cell->p[--cell->len] = '\0';
	while (blank < cell->len && isspace((unsigned char)cell->p[blank]))
		blank++;
	if (blank > 0)
		memmove(cell->p, cell->p + blank, (cell->len -= blank) + 1);
}

bool
sheet_is_guarded(char c)
{
	return c != '\0' && strchr("=+-@'", c) != NULL;
}

static void
read_header(struct sheet *sheet, unsigned line, const struct sheet_cell *cells, size_t n)
{
	static const enum meter_column needed[] = { COL_ID, COL_TYPE, COL_ADDR, COL_IFACE };
	struct meter_import *import = sheet->import;
	unsigned seen = 0;

	sheet->headed = true;
	sheet->n = n;
	for (size_t i = 0; i < n; i++) {
		enum meter_column c = meter_column_by_name(cells[i].text);

		if ((int)c >= COL_FILE_COUNT) {
			c = COL_COUNT;
			if (*cells[i].text != '\0')
				import_note(import, false, line, COL_COUNT,
				    "column \"%.40s\" is not known and ignored", cells[i].text);
		} else if ((seen & COL_BIT(c)) != 0) {
			import_note(import, true, line, c, "column %s stands twice",
			    meter_column_name(c));
		} else {
			seen |= COL_BIT(c);
		}
		sheet->column[i] = c;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if ((seen & COL_BIT(needed[i])) == 0)
			import_note(import, true, line, needed[i], "column %s (%s) is missing",
			    meter_column_name(needed[i]), meter_column_russian(needed[i]));
	sheet->refused = import->n_errors > 0;
}

/* "1,41E+08": a long number as spreadsheets ruin it; its digits are lost. */
static bool
is_ruined(const char *s)
{
	size_t n = strspn(s, "0123456789");

	if (n == 0)
		return false;
	s += n;
	if (*s == ',' || *s == '.')
		s += 1 + strspn(s + 1, "0123456789");
	if ((*s != 'E' && *s != 'e') || (s[1] != '+' && s[1] != '-'))
		return false;
	return s[2] != '\0' && strspn(s + 2, "0123456789") == strlen(s + 2);
}

static void
take_cell(struct meter_import *import, struct import_row *row, enum meter_column c,
    const struct sheet_cell *cell)
{
	static const unsigned keeps_when_empty = COL_PASSWORDS | COL_BIT(COL_ID);
	const char *text = cell->text;
	char why[96];

	if (text[0] == '\'' && sheet_is_guarded(text[1]))
		text++;
	if (*text == '\0' && cell->fault == NULL && (keeps_when_empty & COL_BIT(c)) != 0)
		return;
	if (cell->fault != NULL)
		import_note(import, true, row->line, c, "%s", cell->fault);
	else if (c != COL_NOTE && c != COL_GROUP && is_ruined(text))
		import_note(import, true, row->line, c,
		    "\"%.24s\": the spreadsheet has rounded this number; make the column text", text);
	else if (meter_column_set(&row->row, c, text, why, sizeof(why)) < 0)
		import_note(import, true, row->line, c, "%s", why);
	row->given |= COL_BIT(c);
}

int
sheet_row(struct sheet *sheet, unsigned line, const struct sheet_cell *cells, size_t n)
{
	static const struct sheet_cell none = { .text = "" };
	struct meter_import *import = sheet->import;
	struct import_row *row;
	bool empty = true;

	if (!sheet->headed) {
		read_header(sheet, line, cells, n);
		return E_OK;
	}
	for (size_t i = 0; i < n; i++)
		empty = empty && *cells[i].text == '\0' && cells[i].fault == NULL;
	if (empty)
		return E_OK;
	if (import->n >= IMPORT_ROWS_MAX) {
		import_note(import, true, line, COL_COUNT, "more than %d meters", IMPORT_ROWS_MAX);
		sheet->refused = true;
		return E_OK;
	}
	if ((row = import_add(import, line)) == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < sheet->n; i++)
		if (sheet->column[i] != COL_COUNT && sheet->column[i] != COL_SERIAL)
			take_cell(import, row, sheet->column[i], i < n ? &cells[i] : &none);
	for (size_t i = sheet->n; i < n; i++)
		if (*cells[i].text != '\0' || cells[i].fault != NULL)
			import_note(import, true, line, COL_COUNT,
			    "more cells than columns: is a separator inside of a text without quotes?");
	return E_OK;
}

void
sheet_end(struct sheet *sheet)
{
	if (!sheet->headed)
		import_note(sheet->import, true, 0, COL_COUNT, "the file is empty");
}
