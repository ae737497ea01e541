/* Just enough JSON for the tables of rows: is a text one whole object, and where do the objects of
 * an array lie.  Rows are kept as the text they came as, so nothing is built from them here, and
 * this room needs no JSON library.  Pure. */
#ifndef USPD_STORE_JSON_TEXT_H
#define USPD_STORE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { JSON_TEXT_DEEPEST = 64 };

/* One well-formed object in valid UTF-8 with nothing but blanks around it. */
bool json_text_is_object(const char *text);

struct json_span { const char *at; size_t len; };
/* Number of the objects of a well-formed array of objects, the first `max` of them in `to`; SIZE_MAX:
 * the text is no such array. */
size_t json_text_objects(const char *array, struct json_span *to, size_t max);

#endif
