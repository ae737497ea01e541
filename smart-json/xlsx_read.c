#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/meter_sheet.h"
#include "smart-json/xlsx.h"
#include "smart-json/xlsx_package.h"

enum { PATH_SIZE = 256, STRINGS_MOST = 1 << 20, ROWS_MOST = 1 << 20, DIGITS_KEPT = 15 };
/* Of a longer string so much is kept that it stays too long, should all of it be _xHHHH_. */
enum { RAW_MOST = 7 * (SHEET_CELL_MAX + 1) };

/* What the value of a cell means (its attribute "t"). */
enum cell_kind { CELL_NUMBER, CELL_SHARED, CELL_INLINE, CELL_TEXT, CELL_TRUTH, CELL_ERROR };

struct strings {
	struct text all;	/* each with its terminator */
	uint32_t *at;
	size_t n, size;
};

struct book {
	struct package package;
	char book[PATH_SIZE], sheet[PATH_SIZE], strings_path[PATH_SIZE];
	char sheet_rel[64];	/* id of the relation that leads to the first sheet */
	struct strings strings;
	struct sheet table;

	/* While a part is read. */
	bool collects, phonetic;
	struct text value;
	unsigned line;
	size_t column, n_cells;
	enum cell_kind kind;
	bool inside;		/* of a row */
	struct text cells[SHEET_COLUMNS_MAX];
	const char *faults[SHEET_COLUMNS_MAX];
	bool too_many;
};

static bool
ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* ---- relations: which part is what ---- */

/* A target is relative to the folder of the part that refers to it. */
static void
resolve(struct book *b, char to[static PATH_SIZE], const char *base, const char *target)
{
	const char *slash = strrchr(base, '/');
	int folder = *target == '/' || slash == NULL ? 0 : (int)(slash - base) + 1;

	if (strstr(target, "..") != NULL || strchr(target, ':') != NULL)
		package_stop(&b->package, E_INVALID, "the workbook refers to other files");
	else if (snprintf(to, PATH_SIZE, "%.*s%s", folder, base, target + (*target == '/')) >=
	    PATH_SIZE)
		package_stop(&b->package, E_INVALID, "the name of a part is too long");
}

static void
relation(void *arg, const char *name, const char **attributes)
{
	struct book *b = arg;
	const char *type = package_attribute(attributes, "Type");
	const char *target = package_attribute(attributes, "Target");
	const char *id = package_attribute(attributes, "Id");
	const char *mode = package_attribute(attributes, "TargetMode");
	bool root = *b->book == '\0';

	if (strcmp(name, "Relationship") != 0 || type == NULL || target == NULL)
		return;
	if ((mode != NULL && strcmp(mode, "External") == 0) || ends_with(type, "/externalLink"))
		package_stop(&b->package, E_INVALID,
		    "the workbook refers to other files; save a copy with values only");
	else if (root && ends_with(type, "/officeDocument") && *b->sheet == '\0')
		resolve(b, b->sheet, "", target);
	else if (!root && ends_with(type, "/sharedStrings"))
		resolve(b, b->strings_path, b->book, target);
	else if (!root && id != NULL && strcmp(id, b->sheet_rel) == 0)
		resolve(b, b->sheet, b->book, target);
}

static void
ignore_end(void *arg, const char *name)
{
	(void)arg;
	(void)name;
}

static void
book_part(void *arg, const char *name, const char **attributes)
{
	struct book *b = arg;
	const char *id = package_attribute(attributes, "id");

	if (strcmp(name, "externalReference") == 0)
		package_stop(&b->package, E_INVALID,
		    "the workbook refers to other files; save a copy with values only");
	if (strcmp(name, "sheet") == 0 && *b->sheet_rel == '\0' && id != NULL)
		snprintf(b->sheet_rel, sizeof(b->sheet_rel), "%s", id);
}

/* ---- strings ---- */

static void
collect(void *arg, const char *text, size_t len)
{
	struct book *b = arg;
	size_t room = RAW_MOST - b->value.len;

	if (!b->collects || b->phonetic)
		return;
	text_add(&b->value, text, len < room ? len : room);
	if (b->value.failed)
		package_stop(&b->package, E_NOMEM, "out of memory");
}

static void
add_utf8(struct text *t, unsigned u)
{
	char out[3];
	size_t n = 0;

	if (u >= 0x800) {
		out[n++] = (char)(0xe0 | u >> 12);
		out[n++] = (char)(0x80 | (u >> 6 & 0x3f));
	} else if (u >= 0x80) {
		out[n++] = (char)(0xc0 | u >> 6);
	}
	out[n] = (char)(n > 0 ? 0x80 | (u & 0x3f) : u);
	text_add(t, out, n + 1);
}

/* Characters that XML cannot hold are written _xHHHH_ in strings; done in place, as it only shrinks. */
static void
unescape(struct text *t)
{
	struct text done = { 0 };
	const char *p = t->p, *mark;

	if (t->len == 0 || strstr(p, "_x") == NULL)
		return;
	while ((mark = strstr(p, "_x")) != NULL) {
		bool is_mark = strspn(mark + 2, "0123456789abcdefABCDEF") >= 4 && mark[6] == '_';
		unsigned u = is_mark ?
		    (unsigned)strtoul((char[5]){ mark[2], mark[3], mark[4], mark[5] }, NULL, 16) :
		    0;

		text_add(&done, p, (size_t)(mark - p));
		if (is_mark)
			add_utf8(&done, u == 0 || (u >= 0xd800 && u < 0xe000) ? 0xfffd : u);
		else
			text_add(&done, mark, 2);
		p = mark + (is_mark ? 7 : 2);
	}
	text_str(&done, p);
	text_free(t);
	*t = done;
}

static void
keep_string(struct book *b)
{
	struct strings *s = &b->strings;
	uint32_t at = (uint32_t)s->all.len;

	if (s->n == s->size) {
		size_t size = s->size != 0 ? s->size * 2 : 1024;
		uint32_t *more = s->n < STRINGS_MOST ? realloc(s->at, size * sizeof(*more)) : NULL;

		if (more == NULL) {
			package_stop(&b->package, s->n < STRINGS_MOST ? E_NOMEM : E_INVALID,
			    "the file has too many strings");
			return;
		}
		s->at = more;
		s->size = size;
	}
	unescape(&b->value);
	if (b->value.len > SHEET_CELL_MAX + 1)
		b->value.p[b->value.len = SHEET_CELL_MAX + 1] = '\0';
	text_add(&s->all, b->value.len > 0 ? b->value.p : "", b->value.len + 1);
	if (s->all.failed || b->value.failed)
		package_stop(&b->package, E_NOMEM, "out of memory");
	s->at[s->n++] = at;
}

static void
string_begin(void *arg, const char *name, const char **attributes)
{
	struct book *b = arg;

	(void)attributes;
	if (strcmp(name, "si") == 0)
		text_clear(&b->value);
	else if (strcmp(name, "t") == 0)
		b->collects = true;
	else if (strcmp(name, "rPh") == 0) /* how it is spoken */
		b->phonetic = true;
}

static void
string_end(void *arg, const char *name)
{
	struct book *b = arg;

	if (strcmp(name, "si") == 0)
		keep_string(b);
	else if (strcmp(name, "t") == 0)
		b->collects = false;
	else if (strcmp(name, "rPh") == 0)
		b->phonetic = false;
}

/* ---- the sheet ---- */

static void
begin_row(struct book *b, const char *number)
{
	unsigned long line = number != NULL ? strtoul(number, NULL, 10) : b->line + 1ul;

	if (line <= b->line || line > ROWS_MOST) {
		package_stop(&b->package, E_INVALID, "the rows of the sheet are out of order");
		return;
	}
	b->line = (unsigned)line;
	b->column = b->n_cells = 0;
	b->too_many = false;
	b->inside = true;
}

/* "AB12": the column, from 0; or the next one when it is not told. */
static size_t
column_of(const struct book *b, const char *place)
{
	size_t column = 0, i = 0;

	if (place == NULL)
		return b->column;
	for (; i < 3 && place[i] >= 'A' && place[i] <= 'Z'; i++)
		column = column * 26 + (size_t)(place[i] - 'A' + 1);
	return i > 0 ? column - 1 : b->column;
}

static enum cell_kind
kind_of(const char *type)
{
	static const struct { const char *name; enum cell_kind kind; } kinds[] = {
		{ "n", CELL_NUMBER }, { "s", CELL_SHARED }, { "inlineStr", CELL_INLINE },
		{ "b", CELL_TRUTH }, { "e", CELL_ERROR },
	};

	for (size_t i = 0; type != NULL && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, type) == 0)
			return kinds[i].kind;
	return type == NULL ? CELL_NUMBER : CELL_TEXT;
}

/* A number is told by its digits, as it would stand in a CSV file.  Spreadsheets keep 15 of them. */
static const char *
number_fault(struct text *value)
{
	size_t whole, digits = 0;
	char *point;

	for (const char *p = value->p; *p != '\0'; p++)
		digits += *p >= '0' && *p <= '9';
	if (strpbrk(value->p, "eE") != NULL || digits > DIGITS_KEPT)
		return "the spreadsheet has rounded this number; make the column text";
	point = strchr(value->p, '.');
	if (point != NULL && point[1 + strspn(point + 1, "0")] == '\0') {
		whole = (size_t)(point - value->p);
		value->p[whole] = '\0';
		value->len = whole;
	}
	return NULL;
}

static void
add_all(struct text *to, const char *from)
{
	text_clear(to);
	text_str(to, from);
}

/* Brings the value of a cell to what its kind means; NULL or what is wrong with it. */
static const char *
cell_value(struct book *b, struct text *cell)
{
	unsigned long index;

	text_clear(cell);
	text_add(cell, b->value.len > 0 ? b->value.p : "", b->value.len);
	switch (b->kind) {
	case CELL_SHARED:
		index = strtoul(cell->p, NULL, 10);
		if (index >= b->strings.n)
			return "its text is missing in the file";
		add_all(cell, b->strings.all.p + b->strings.at[index]);
		break;
	case CELL_NUMBER:
		return number_fault(cell);
	case CELL_TRUTH:
		add_all(cell, strcmp(cell->p, "0") == 0 ? "FALSE" : "TRUE");
		break;
	case CELL_ERROR:
		return "the spreadsheet shows an error here";
	case CELL_INLINE:
	case CELL_TEXT:
		unescape(cell);
		break;
	}
	return cell->len > SHEET_CELL_MAX ? "the cell is too long" : NULL;
}

static void
end_cell(struct book *b)
{
	size_t i = b->column++;
	const char *fault;

	if (b->value.len == 0)
		return;
	if (i >= SHEET_COLUMNS_MAX) {
		b->too_many = true;
		return;
	}
	while (b->n_cells <= i) {
		text_clear(&b->cells[b->n_cells]);
		b->faults[b->n_cells++] = NULL;
	}
	fault = cell_value(b, &b->cells[i]);
	b->faults[i] = fault;
	sheet_trim(&b->cells[i]);
	if (b->cells[i].failed)
		package_stop(&b->package, E_NOMEM, "out of memory");
}

static void
end_row(struct book *b)
{
	struct sheet_cell cells[SHEET_COLUMNS_MAX];

	b->inside = false;
	if (b->too_many) {
		import_note(b->table.import, true, b->line, COL_COUNT, "too many cells");
		return;
	}
	for (size_t i = 0; i < b->n_cells; i++)
		cells[i] = (struct sheet_cell){ b->cells[i].len > 0 ? b->cells[i].p : "",
			b->faults[i] };
	if (b->n_cells > 0 && sheet_row(&b->table, b->line, cells, b->n_cells) < 0)
		package_stop(&b->package, E_NOMEM, "out of memory");
	if (b->table.refused)
		package_stop(&b->package, E_OK, "refused");
}

static void
sheet_begin(void *arg, const char *name, const char **attributes)
{
	struct book *b = arg;

	if (strcmp(name, "row") == 0) {
		begin_row(b, package_attribute(attributes, "r"));
	} else if (strcmp(name, "c") == 0 && b->inside) {
		b->column = column_of(b, package_attribute(attributes, "r"));
		b->kind = kind_of(package_attribute(attributes, "t"));
		text_clear(&b->value);
	} else if (strcmp(name, b->kind == CELL_INLINE ? "t" : "v") == 0) {
		b->collects = b->inside;
	} else if (strcmp(name, "rPh") == 0) {
		b->phonetic = true;
	}
}

static void
sheet_end_of(void *arg, const char *name)
{
	struct book *b = arg;

	if (strcmp(name, "row") == 0 && b->inside)
		end_row(b);
	else if (strcmp(name, "c") == 0 && b->inside)
		end_cell(b);
	else if (strcmp(name, "t") == 0 || strcmp(name, "v") == 0)
		b->collects = false;
	else if (strcmp(name, "rPh") == 0)
		b->phonetic = false;
}

/* ---- the whole ---- */

static int
read_relations(struct book *b, const char *of)
{
	const struct package_reader reader = { relation, ignore_end, NULL, b };
	const char *slash = strrchr(of, '/');
	int folder = slash != NULL ? (int)(slash - of) + 1 : 0;
	char path[PATH_SIZE + 16];

	snprintf(path, sizeof(path), "%.*s_rels/%s.rels", folder, of, of + folder);
	return package_read(&b->package, path, &reader);
}

static int
read_book(struct book *b)
{
	const struct package_reader book = { book_part, ignore_end, NULL, b };
	const struct package_reader strings = { string_begin, string_end, collect, b };
	const struct package_reader sheet = { sheet_begin, sheet_end_of, collect, b };
	int rc = read_relations(b, "");

	memcpy(b->book, b->sheet, sizeof(b->book));
	b->sheet[0] = '\0';
	if (rc == E_OK)
		rc = package_read(&b->package, b->book, &book);
	if (rc == E_OK)
		rc = read_relations(b, b->book);
	if (rc == E_OK && *b->strings_path != '\0')
		rc = package_read(&b->package, b->strings_path, &strings);
	if (rc == E_OK)
		rc = package_read(&b->package, b->sheet, &sheet);
	return rc;
}

int
xlsx_read(struct meter_import *import, const char *data, size_t len)
{
	struct book *b = calloc(1, sizeof(*b));
	int rc;

	if (b == NULL)
		return E_NOMEM;
	b->table.import = import;
	rc = package_open(&b->package, data, len);
	if (rc == E_OK)
		rc = read_book(b);
	if (rc == E_NOTFOUND)
		import_note(import, true, 0, COL_COUNT, "not an XLSX workbook: a part is missing");
	else if (rc == E_INVALID)
		import_note(import, true, 0, COL_COUNT, "%s", b->package.why);
	else if (rc == E_OK)
		sheet_end(&b->table);
	package_close(&b->package);
	for (size_t i = 0; i < SHEET_COLUMNS_MAX; i++)
		text_free(&b->cells[i]);
	text_free(&b->value);
	text_free(&b->strings.all);
	free(b->strings.at);
	free(b);
	return rc == E_NOMEM ? E_NOMEM : E_OK;
}
