/* Moments as people and programs write them into requests.  Pure. */
#ifndef USPD_SMART_JSON_WHEN_H
#define USPD_SMART_JSON_WHEN_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/civil.h"
#include "src/base/err.h"

/* Unix seconds (milliseconds beyond 10^11), or ISO 8601 (smart-json.md 7.6): a date, or a date and
 * a time with 'T' or a blank between, seconds optional, their fraction dropped, offset Z, +03:00,
 * +0300, +03 or none (the zone).  A blank in place of the offset's '+' is understood: query strings
 * lose the plus.  E_INVALID. */
int when_parse(struct zone, const char *text, int64_t *utc) USPD_MUST_CHECK;

#endif
