#include "smart-json/csv.h"

#include <stdlib.h>
#include <string.h>

#include "smart-json/meter_sheet.h"

/* ---- characters ---- */

/* Windows-1251, 0x80..0xBF; 0xC0..0xFF are U+0410..U+044F. */
static const uint16_t cp1251[64] = {
	0x0402, 0x0403, 0x201A, 0x0453, 0x201E, 0x2026, 0x2020, 0x2021,
	0x20AC, 0x2030, 0x0409, 0x2039, 0x040A, 0x040C, 0x040B, 0x040F,
	0x0452, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
	0xFFFD, 0x2122, 0x0459, 0x203A, 0x045A, 0x045C, 0x045B, 0x045F,
	0x00A0, 0x040E, 0x045E, 0x0408, 0x00A4, 0x0490, 0x00A6, 0x00A7,
	0x0401, 0x00A9, 0x0404, 0x00AB, 0x00AC, 0x00AD, 0x00AE, 0x0407,
	0x00B0, 0x00B1, 0x0406, 0x0456, 0x0491, 0x00B5, 0x00B6, 0x00B7,
	0x0451, 0x2116, 0x0454, 0x00BB, 0x0458, 0x0405, 0x0455, 0x0457,
};

static void
add_1251(struct text *t, unsigned char c)
{
	unsigned u = c < 0x80 ? c : c < 0xc0 ? cp1251[c - 0x80] : 0x0410u + c - 0xc0;
	unsigned char out[3];

	if (u < 0x80) {
		out[0] = (unsigned char)u;
		text_add(t, out, 1);
	} else if (u < 0x800) {
		out[0] = (unsigned char)(0xc0 | u >> 6);
		out[1] = (unsigned char)(0x80 | (u & 0x3f));
		text_add(t, out, 2);
	} else {
		out[0] = (unsigned char)(0xe0 | u >> 12);
		out[1] = (unsigned char)(0x80 | (u >> 6 & 0x3f));
		out[2] = (unsigned char)(0x80 | (u & 0x3f));
		text_add(t, out, 3);
	}
}

/* ---- cells ---- */

struct reader {
	const char *p, *end;
	char separator;
	unsigned line;			/* row of the spreadsheet */
	struct text cells[SHEET_COLUMNS_MAX];
	size_t n_cells;
	bool too_many, too_long, unclosed;
};

static void
add_cell_byte(struct reader *r, struct text *cell, char c)
{
	if (cell->len >= SHEET_CELL_MAX)
		r->too_long = true;
	else
		text_add(cell, &c, 1);
}

/* One quoted cell; the reader stands after its first quote. */
static void
read_quoted(struct reader *r, struct text *cell)
{
	for (; r->p < r->end; r->p++) {
		if (*r->p == '"' && (r->p + 1 == r->end || r->p[1] != '"')) {
			r->p++;
			return;
		}
		r->p += *r->p == '"';
		add_cell_byte(r, cell, *r->p);
	}
	r->unclosed = true;
}

/* The next row into r->cells; false at the end. */
static bool
read_row(struct reader *r)
{
	struct text spare = { 0 };

	r->n_cells = 0;
	r->too_many = r->too_long = r->unclosed = false;
	if (r->p >= r->end)
		return false;
	r->line++;
	for (;;) {
		struct text *cell = r->n_cells < SHEET_COLUMNS_MAX ? &r->cells[r->n_cells] : &spare;

		text_clear(cell);
		if (r->p < r->end && *r->p == '"') {
			r->p++;
			read_quoted(r, cell);
		}
		while (r->p < r->end && *r->p != r->separator && *r->p != '\n' && *r->p != '\r')
			add_cell_byte(r, cell, *r->p++);
		sheet_trim(cell);
		r->too_many |= cell == &spare && cell->len > 0;
		r->n_cells += cell != &spare;
		if (r->p >= r->end || *r->p != r->separator)
			break;
		r->p++;
	}
	if (r->end - r->p >= 2 && r->p[0] == '\r' && r->p[1] == '\n')
		r->p++;
	if (r->p < r->end)
		r->p++;
	text_free(&spare);
	return true;
}

/* ---- the file ---- */

/* The separator that occurs most in the header line, outside of quotes. */
static char
find_separator(const char *p, const char *end)
{
	static const char candidates[] = ";,\t";
	size_t n[3] = { 0 }, best = 0;
	bool quoted = false;

	for (; p < end && (quoted || (*p != '\n' && *p != '\r')); p++) {
		const char *which = *p != '\0' ? strchr(candidates, *p) : NULL;

		quoted ^= *p == '"';
		if (!quoted && which != NULL)
			n[which - candidates]++;
	}
	for (size_t i = 1; i < 3; i++)
		if (n[i] > n[best])
			best = i;
	return candidates[best];
}

/* One row of the file; what is wrong with it as a row of text is noted here. */
static int
take_row(struct reader *r, struct sheet *sheet)
{
	struct sheet_cell cells[SHEET_COLUMNS_MAX];

	if (r->unclosed || r->too_long || r->too_many) {
		import_note(sheet->import, true, r->line, COL_COUNT, "%s",
		    r->unclosed	    ? "a quote is not closed" :
			r->too_long ? "a cell is too long" :
				      "too many cells");
		return E_OK;
	}
	for (size_t i = 0; i < r->n_cells; i++)
		cells[i] = (struct sheet_cell){ .text = r->cells[i].len > 0 ? r->cells[i].p : "" };
	return sheet_row(sheet, r->line, cells, r->n_cells);
}

static int
read_table(struct reader *r, struct meter_import *import)
{
	struct sheet sheet = { .import = import };
	int rc = E_OK;

	if (r->end - r->p > 5 && strncmp(r->p, "sep=", 4) == 0) {
		r->separator = r->p[4];
		read_row(r);
	} else {
		r->separator = find_separator(r->p, r->end);
	}
	while (rc == E_OK && !sheet.refused && read_row(r))
		rc = take_row(r, &sheet);
	sheet_end(&sheet);
	return rc;
}

int
csv_read(struct meter_import *import, const char *data, size_t len)
{
	struct reader *r = calloc(1, sizeof(*r));
	struct text text = { 0 };
	int rc = E_NOMEM;

	if (r == NULL)
		return E_NOMEM;
	if (len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
		data += 3;
		len -= 3;
	}
	if (memchr(data, '\0', len) != NULL) {
		import_note(import, true, 0, COL_COUNT, "not a CSV file: save it as \"CSV UTF-8\"");
		rc = E_OK;
		goto out;
	}
	if (!utf8_valid(data, len)) {
		for (size_t i = 0; i < len; i++)
			add_1251(&text, (unsigned char)data[i]);
		if (text.failed)
			goto out;
		data = text.p;
		len = text.len;
	}
	r->p = data;
	r->end = data + len;
	rc = read_table(r, import);
out:
	for (size_t i = 0; i < SHEET_COLUMNS_MAX; i++)
		text_free(&r->cells[i]);
	text_free(&text);
	free(r);
	return rc;
}

/* ---- writing ---- */

static void
write_cell(struct text *t, const char *s)
{
	bool quoted = strpbrk(s, ";\"\r\n") != NULL;

	if (quoted)
		text_str(t, "\"");
	if (sheet_is_guarded(*s))
		text_str(t, "'");
	for (; *s != '\0'; s++) {
		if (*s == '"')
			text_str(t, "\"");
		text_add(t, s, 1);
	}
	if (quoted)
		text_str(t, "\"");
}

void
csv_write_header(struct text *t, bool russian)
{
	text_str(t, "\xef\xbb\xbf");
	for (int c = 0; c < COL_FILE_COUNT; c++) {
		if (c > 0)
			text_str(t, ";");
		write_cell(t,
		    russian ? meter_column_russian((enum meter_column)c) :
			      meter_column_name((enum meter_column)c));
	}
	text_str(t, "\r\n");
}

void
csv_write_row(struct text *t, const struct meter_row *row, const char *serial, bool passwords)
{
	char buf[COL_TEXT_SIZE];

	for (int c = 0; c < COL_FILE_COUNT; c++) {
		if (c > 0)
			text_str(t, ";");
		if (c == COL_SERIAL)
			write_cell(t, serial);
		else if (passwords || (COL_PASSWORDS & COL_BIT(c)) == 0)
			write_cell(t, meter_column_print(row, (enum meter_column)c, buf));
	}
	text_str(t, "\r\n");
}
