/* A growing string for answers, and the little UTF-8 that tables of meters need.
 *
 * Once memory runs out a text remembers it (`failed`) and takes no more; whoever sends it looks
 * once.  Not thread-safe; a text belongs to one job. */
#ifndef USPD_BASE_TEXT_H
#define USPD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *p;		/* NUL-terminated when len > 0; NULL at first */
	size_t len, size;
	bool failed;
};

void text_add(struct text *, const void *, size_t);
void text_str(struct text *, const char *);
void text_printf(struct text *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; NULL gives null.  Bytes that are no UTF-8 become U+FFFD. */
void text_json(struct text *, const char *);
/* Thousandths as an exact decimal without trailing zeros: 1234567 gives 1234.567. */
void text_milli(struct text *, int64_t thousandths);
void text_clear(struct text *);		/* empties, keeps the memory */
void text_free(struct text *);

bool utf8_valid(const char *, size_t);
/* Latin and Russian letters in lower case; cuts at `size` without splitting a letter. */
void utf8_fold(char *to, size_t size, const char *from);
/* `needle` must be folded already; the empty one is found everywhere. */
bool utf8_contains(const char *hay, const char *needle);

#endif
