/* /api/v1: the private interface of our own page and of uspdctl (web-ui.md 5, docs/api.md). */
#ifndef USPD_SMART_JSON_API_H
#define USPD_SMART_JSON_API_H

#include <jansson.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/queue.h>

#include "smart-json/http.h"
#include "smart-json/meter_import.h"
#include "src/poll/poll.h"
#include "src/store/store.h"

extern const struct http_space api_space;

enum { API_LISTENERS = 8, API_BUSES = 80 };

struct api_buses;
struct api_events;

/* The state of the space. */
struct api {
	const struct http_options *server;
	int64_t started_us;
	pthread_mutex_t lock;		/* of last_run: set by workers, read by the loop */
	uint64_t last_run;		/* started by POST poll; 0 none */
	struct api_events *events;	/* loop only */
	struct api_buses *buses;	/* api_bus.c */
};

/* ---- handlers, one file per subject ---- */

http_handler api_status;		/* api_status.c */
http_handler api_meters_list;		/* api_meters.c */
http_handler api_meters_post, api_meters_delete;	/* api_table.c */
http_handler api_meters_bulk;		/* api_bulk.c */
http_handler api_csv_get, api_csv_post, api_xlsx_get, api_xlsx_post;	/* api_files.c */
http_handler api_backup_get, api_backup_post, api_restore_post;		/* api_backup.c */
http_handler api_poll_post, api_poll_get;	/* api_poll.c */
http_handler api_data;			/* api_data.c */
http_handler api_data_csv, api_data_xlsx;	/* data_export_csv.c */
http_handler api_completeness;		/* api_completeness.c */
http_handler api_settings_get, api_settings_put;	/* api_settings.c */
http_handler api_journal, api_audit;	/* api_journal.c */
http_handler api_tickets_get, api_tickets_delete;	/* api_accounts.c */
http_handler api_bus_ping, api_bus_raw;	/* api_bus.c */
http_handler api_scan_post, api_scan_get, api_scan_delete;	/* api_scan.c */
http_handler api_trace_post, api_trace_get, api_trace_delete, api_trace_pcapng;	/* api_trace.c */
/* Gives listeners of events what traces have recorded; in the loop. */
void api_traces_tell(struct api *);
http_handler api_events;		/* api_events.c */
/* One event to all listeners of at least this level; in the loop. */
void api_events_tell(struct api_events *, const char *kind, const char *data, enum http_level);
http_handler api_log;			/* api_log.c */
void api_events_close(struct api_events *);	/* NULL allowed */

/* ---- helpers of the handlers (api.c) ---- */

/* Answers with a JSON document; takes the reference, NULL is out of memory. */
void api_reply(struct http_call *, json_t *);
/* The body as JSON; NULL: the refusal is made (400, naming line and column). */
json_t *api_body(struct http_call *);
/* Arguments of the query.  false: the refusal is made (422, naming the argument); an absent one
 * leaves *value as it was. */
bool api_arg_time(struct http_call *, const char *name, int64_t *value);
bool api_arg_count(struct http_call *, const char *name, size_t *value);
bool api_arg_flag(const struct http_call *, const char *name);	/* present and not "0" */
/* The poller, or NULL and the refusal made (503). */
struct poll *api_poller(struct http_call *);
/* "ElDayEnergy", or a journal "ElJrnlPwr": its bits are added to the masks.  false: unknown. */
bool api_record_type(const char *name, enum record_type *, unsigned *journal);

/* Forms shared by the snapshot and the events (api_status.c). */
json_t *api_bus_json(const struct poll_bus_status *);
json_t *api_totals_json(const struct poll_totals *);
json_t *api_progress_json(const struct poll_progress *);
/* Share done of `wanted`, in hundredths of a percent; 10000 only when nothing is missing. */
unsigned api_share(uint64_t wanted, uint64_t missing);

#endif
