/* Work on a bus by hand (web-ui.md 4.8): what its handlers share. */
#ifndef USPD_SMART_JSON_API_BUS_H
#define USPD_SMART_JSON_API_BUS_H

#include <jansson.h>
#include <stdbool.h>

#include "smart-json/api.h"
#include "src/poll/ask.h"

/* What is open or was done on each bus; of struct api. */
struct api_buses;
int api_buses_open(struct api_buses **) USPD_MUST_CHECK;
/* After the poller has stopped. */
void api_buses_close(struct api_buses *);	/* NULL allowed */

/* 1..4 of the path; 0: the refusal is made (404). */
unsigned api_bus_number(struct http_call *);
/* Refuses as the poller did: 404 no such bus, 422, 423 with the holder of the bus, 501, 503. */
void api_bus_refuse(struct http_call *, unsigned bus, int rc);

/* Members of a body; false: the refusal is made (422, naming the member). */
bool api_member_number(struct http_call *, const json_t *body, const char *name, int64_t least,
    int64_t most, uint32_t *value);		/* absent: *value stays */
bool api_member_text(struct http_call *, const json_t *body, const char *name, char *to, size_t size);
bool api_member_type(struct http_call *, const json_t *body, uint16_t *type);	/* id or name */
bool api_member_settings(struct http_call *, const char *where, const json_t *value,
    char to[static 16]);
/* The body as an object, or NULL and the refusal made; an absent one is empty. */
json_t *api_member_body(struct http_call *);

/* One scan and one trace of each bus: api_scan.c, api_trace.c. */
struct api_scans;
struct api_traces;
struct api_buses { struct api_scans *scans; struct api_traces *traces; };
int api_scans_open(struct api_scans **) USPD_MUST_CHECK;
void api_scans_close(struct api_scans *);
int api_traces_open(struct api_traces **) USPD_MUST_CHECK;
void api_traces_close(struct api_traces *);

#endif
