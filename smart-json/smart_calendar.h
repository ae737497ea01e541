/* Tariff calendars as clients write and read them (smart-json.md 10.6, 11).  Pure. */
#ifndef USPD_SMART_JSON_SMART_CALENDAR_H
#define USPD_SMART_JSON_SMART_CALENDAR_H

#include <jansson.h>
#include <stdbool.h>

#include "src/base/err.h"
#include "src/base/text.h"
#include "src/model/calendar.h"

/* A part out of a body that body_check() let pass.  E_INVALID: a value that no calendar has; E_LIMIT:
 * more rows than calendars have; *where then names the member. */
int calendar_take(struct calendar *, enum calendar_part, const json_t *body, const char **where)
    USPD_MUST_CHECK;

/* The tags of a part, comma between: those of a row stand together, rows follow each other as relays
 * do.  names: the tags wanted, an array; NULL or empty: all. */
void calendar_print(struct text *, enum calendar_part, const struct calendar *, const json_t *names);

#endif
