/* SMART-JSON: the protocol's own endpoints, both dialects (smart-json.md).  smart.c is the table of
 * routes, chapter by chapter; handlers live in one file per subject. */
#ifndef USPD_SMART_JSON_SMART_H
#define USPD_SMART_JSON_SMART_H

#include <jansson.h>
#include <stdbool.h>

#include "smart-json/http.h"

extern const struct http_space smart_space;

/* res codes (smart-json.md 5). */
enum smart_res {
	RES_OK, RES_INTERNAL, RES_NOT_FOUND, RES_DUPLICATE, RES_IN_USE, RES_RANGE, RES_TYPE,
	RES_MISSING, RES_BUSY, RES_NO_HARDWARE, RES_FULL, RES_NOT_UNDERSTOOD = 74
};

/* 3 login: smart_auth.c */
http_handler smart_auth, smart_logoff, smart_main_index;
/* 8, 9, 16 settings tables: smart_rows.c with the descriptions of view*.c */
http_handler smart_rows_get, smart_rows_write;
/* 10 data: smart_data.c, smart_moment.c */
http_handler smart_arch, smart_moment, smart_data31;
/* 11 meter management: smart_meter.c */
http_handler smart_meter_time, smart_meter_relay, smart_meter_calendar;
/* 12 actions: smart_action.c */
http_handler smart_restart, smart_time_set, smart_time_sync, smart_storage_sync;
/* 13 state: smart_state.c */
http_handler smart_state_time, smart_state_dout, smart_state_system, smart_state_din,
    smart_state_ain, smart_state_schdl, smart_state_uart, smart_state_network, smart_state_socket,
    smart_state_dataflash, smart_state_file_system, smart_state_modem, smart_state_os,
    smart_state_meter_table;
/* 14 journals: smart_journal.c */
http_handler smart_journal;
/* 15 firmware: smart_firmware.c */
http_handler smart_firmware_post, smart_firmware_get, smart_firmware_log;
/* ours: api_metrics.c */
http_handler smart_metrics;

/* ---- helpers of the handlers (smart.c) ---- */

/* The body as a JSON object (BOM skipped, depth limited); NULL: the refusal is made (400). */
json_t *smart_body(struct http_call *);
void smart_ok(struct http_call *);			/* {"res": 0} */
/* {"NAME": rows}; NULL or empty rows: null or [] as http.empty_null says.  Takes the reference. */
void smart_list(struct http_call *, const char *name, json_t *rows);

#endif
