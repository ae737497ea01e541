/* Tables for people: columns aligned by letters, not bytes; numbers to the right. */
#ifndef USPD_TOOLS_CTL_TABLE_H
#define USPD_TOOLS_CTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum { TABLE_COLUMNS = 64 };

struct table {
	size_t n_columns, n_cells, size;
	char **cells;		/* row by row, the header first */
};

/* The header's cells come first; each row has as many. */
void table_open(struct table *, size_t n_columns);
void table_cell(struct table *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_print(const struct table *, FILE *);
void table_print_csv(const struct table *, FILE *);
void table_free(struct table *);

#endif
