#include "tools/ctl_table.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void
table_open(struct table *table, size_t n_columns)
{
	memset(table, 0, sizeof(*table));
	table->n_columns = n_columns < TABLE_COLUMNS ? n_columns : TABLE_COLUMNS;
}

void
table_cell(struct table *table, const char *fmt, ...)
{
	va_list ap;
	char *cell;

	if (table->n_cells == table->size) {
		size_t size = table->size != 0 ? table->size * 2 : 256;
		char **cells = realloc(table->cells, size * sizeof(*cells));

		if (cells == NULL)
			return;
		table->cells = cells;
		table->size = size;
	}
	va_start(ap, fmt);
	if (vasprintf(&cell, fmt, ap) < 0)
		cell = NULL;
	va_end(ap);
	table->cells[table->n_cells++] = cell;
}

static const char *
text_of(const struct table *table, size_t i)
{
	return table->cells[i] != NULL ? table->cells[i] : "";
}

static size_t
letters(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static bool
is_number(const char *s)
{
	return *s == '\0' || strcmp(s, "-") == 0 || strspn(s, "+-0123456789. %") == strlen(s);
}

static void
measure(const struct table *table, size_t *width, bool *number)
{
	for (size_t c = 0; c < table->n_columns; c++) {
		width[c] = 0;
		number[c] = table->n_cells > table->n_columns;
	}
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t c = i % table->n_columns, n = letters(text_of(table, i));

		if (n > width[c])
			width[c] = n;
		if (i >= table->n_columns && !is_number(text_of(table, i)))
			number[c] = false;
	}
}

void
table_print(const struct table *table, FILE *f)
{
	size_t width[TABLE_COLUMNS];
	bool number[TABLE_COLUMNS];

	if (table->n_columns == 0)
		return;
	measure(table, width, number);
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t c = i % table->n_columns;
		const char *text = text_of(table, i);
		int pad = (int)(width[c] - letters(text));
		bool last = c + 1 == table->n_columns;

		if (last && *text == '\0')
			pad = 0;
		if (number[c])
			fprintf(f, "%*s%s", pad, "", text);
		else
			fprintf(f, "%s%*s", text, last ? 0 : pad, "");
		fputs(last ? "\n" : "  ", f);
	}
}

void
table_print_csv(const struct table *table, FILE *f)
{
	for (size_t i = 0; i < table->n_cells && table->n_columns > 0; i++) {
		const char *text = text_of(table, i);
		bool quoted = strpbrk(text, ",\"\r\n") != NULL;

		fputs(quoted ? "\"" : "", f);
		for (; *text != '\0'; text++)
			fprintf(f, *text == '"' ? "\"%c" : "%c", *text);
		fputs(quoted ? "\"" : "", f);
		fputs((i + 1) % table->n_columns == 0 ? "\n" : ",", f);
	}
}

void
table_free(struct table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	memset(table, 0, sizeof(*table));
}
