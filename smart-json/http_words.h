/* What the server says to people, in their language (smart-json.md 5).  Programmers write English;
 * the Russian of a text or a format stands beside it in one table.  Pure. */
#ifndef USPD_SMART_JSON_HTTP_WORDS_H
#define USPD_SMART_JSON_HTTP_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* The Russian text, which takes the same arguments or the first of them; the English one when that is
 * wanted, or the table has no other. */
const char *http_word(bool english, const char *text) __attribute__((format_arg(2)));

struct http_word { const char *english, *russian; };
extern const struct http_word http_words[];	/* ended by english NULL */

#endif
