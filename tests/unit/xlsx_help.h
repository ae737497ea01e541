/* XLSX files made part by part, good and bad ones. */
#ifndef USPD_TESTS_UNIT_XLSX_HELP_H
#define USPD_TESTS_UNIT_XLSX_HELP_H

#include <stdbool.h>
#include <stddef.h>

struct xlsx_part { const char *name, *text; };
/* Packs the parts; freed by the caller. */
char *xlsx_pack(const struct xlsx_part *, size_t n, size_t *len);
/* A workbook whose first sheet has these rows ("<row>…</row>…") and these shared strings
 * ("<si>…</si>…", or NULL). */
char *xlsx_book(const char *rows, const char *strings, size_t *len);

/* Its parts, for books with something else in them. */
extern const char xlsx_root_rels[], xlsx_book_rels[], xlsx_workbook[];

#endif
