/* Bodies of the orders to meters: what members they must have (smart-json.md 11). */
#ifndef USPD_SMART_JSON_SMART_METER_BODY_H
#define USPD_SMART_JSON_SMART_METER_BODY_H

#include <jansson.h>
#include <stdbool.h>

#include "smart-json/http.h"
#include "src/model/calendar.h"

struct body_shape;
extern const struct body_shape body_meter_time, body_meter_relay;
/* activate, name, season, week, day, time; NULL when it is none of them. */
const struct body_shape *body_calendar(const char *name, enum calendar_part *);

/* false: the refusal is made, naming the member. */
bool body_check(struct http_call *, const json_t *body, const struct body_shape *);
/* A member that was checked to be a number; clients may write it as text. */
json_int_t body_number(const json_t *, const char *name);

#endif
