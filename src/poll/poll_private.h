/* Inside the poller.  One mutex guards everything here.  While a meter is `visiting`, only its visit
 * changes what is known of it: the visit reads that freely and takes the mutex to write what others
 * read (of `state`, the memory and corrected_day are read by nobody else).  A conversation belongs to
 * its bus thread.  The mutex is never held while the line talks. */
#ifndef USPD_POLL_POLL_PRIVATE_H
#define USPD_POLL_POLL_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>

#include "meters/meters.h"
#include "src/bus/bus.h"
#include "src/poll/ask.h"
#include "src/poll/grid.h"
#include "src/poll/poll.h"
#include "src/poll/timecheck.h"
#include "src/store/store.h"

/* What may be due at a meter, in the order of one conversation (poller.md 4.4). */
enum due {
	DUE_IDENTIFY = 1 << 0,
	DUE_CLOCK    = 1 << 1,
	DUE_PROFILE  = 1 << 2,
	DUE_DAY      = 1 << 3,
	DUE_MONTH    = 1 << 4,
	DUE_ENERGY   = 1 << 5,
	DUE_QUALITY  = 1 << 6,
	DUE_JOURNALS = 1 << 7,
	DUE_BACKFILL = 1 << 8,
	DUE_ORDER    = 1 << 9,

	DUE_FRESH = DUE_IDENTIFY | DUE_CLOCK | DUE_PROFILE | DUE_DAY | DUE_MONTH | DUE_ENERGY,
	DUE_SCHEDULED = DUE_QUALITY | DUE_JOURNALS,
};

/* The grid types every electric meter is polled for; consumption is derived by the store. */
enum series { SERIES_PROFILE, SERIES_DAY, SERIES_MONTH, SERIES_COUNT };
extern const enum record_type poll_series_type[SERIES_COUNT];

struct series_state {
	int64_t newest;		/* newest label stored or known to be absent; 0 */
	int64_t retry_at;	/* the newest label is not asked before, device time */
};

struct poll_bus;

struct poll_meter {
	struct meter_row row;
	const struct meter_family *family;	/* NULL: no driver */
	struct poll_bus *bus;			/* NULL: no such interface */
	struct line_settings settings;
	char link_address[64];
	uint16_t hubs;				/* transparent hubs on the way */
	struct meter_state state;
	uint8_t fleeting[METER_FLEETING_SIZE];	/* struct meter_session.fleeting */

	bool visiting, removed, row_changed;
	enum link_state link;
	unsigned probe_step;
	int64_t probe_at_us;			/* monotonic: silent, refused or held until then */
	int64_t served_us;			/* monotonic: last visit's end; 0 = head of its class */

	struct series_state series[SERIES_COUNT];
	int64_t identified_day;			/* local day of the last identification */
	int64_t clock_read_at, clock_slot;	/* device time; slot of the last decision */
	int64_t clock_alarm_day;		/* the alarm is journalled once a day */
	bool clock_postponed;
	int64_t clock_verify_at;		/* device time: a slewed correction is read back; 0 */
	int64_t clock_before_us;		/* what was corrected, for that row of the journal */
	int32_t clock_correction_s;
	int64_t moment_slot, quality_slot, journal_slot;
	int backfill_stage;			/* 0 days and months, n: profile of n-1 days ago */
	bool backfill_done, backfill_holes;
	int64_t backfill_again;			/* device time of the next sweep */
	int64_t serial_changes_at[3];		/* newest first */
	/* Where a run was interrupted at this meter: it goes on there (the visit's own). */
	uint64_t interrupted_run;
	enum series interrupted_series;
	int64_t interrupted_at;			/* newest label not read yet */

	int32_t diff_s;
	bool diff_known;
	int64_t diff_us;
	uint32_t refused_once;			/* REC_BIT: believed when it happens again */
	uint32_t reply_peak_us, replies;	/* adaptive wait (poller.md 5.1) */
	int last_error;
	int64_t last_try;
	uint32_t answers, failures;
	uint32_t wanted, missing;
	int64_t count_again;			/* device time: the next label becomes due */
};

struct poll_bus {
	struct poll *poll;
	struct bus *bus;
	char name[32], endpoint[128];
	bool tcp;
	struct poll_meter **meters;		/* borrowed from poll->meters */
	size_t n_meters;
	struct line_settings current;		/* of the last visit: equal ones come first */
	enum bus_state state;
	uint32_t meter;				/* id being visited */
	const char *job;
	bool lost_logged;
	int64_t lost_until_us, last_good_us, working_since_us;
	int64_t span_us;			/* monotonic: work is counted from here; 0 idle */
	uint64_t worked_us;
	int64_t window_us, backfill_us, probe_us;	/* shares of the running half hour */
	unsigned turned_silent;			/* in this half hour */
	bool silence_journalled;
	unsigned leases;			/* ordered and not ended: nothing else starts */
	struct lease_visit *taking;		/* the first of them, while it waits for the bus */
	unsigned scans;				/* scheduled work waits for their end */
	char holder[64];
	int64_t holder_since;
};

/* A question from poll_ask() to its answer. */
struct question {
	TAILQ_ENTRY(question) link;
	struct ask ask;
	uint64_t number;		/* order of asking; a long one that gave way gets a new one */
	bool taken;			/* a visit is at it */
	bool cancelled;
	bool commanded;			/* a command may have reached the meter: not begun anew */
	bool begun;			/* ASK_READ: `rest` holds what is still to be read */
	struct query rest;
	uint64_t told;			/* records */
	struct told_mark { int64_t ts, event, id; } *marks;	/* of them, in journals */
	size_t n_marks;
	struct calendar *calendar;	/* ASK_CALENDAR*: what is written or was read */
	int rc;				/* on poll->ended: its answer */
};
TAILQ_HEAD(questions, question);
LIST_HEAD(scans, scan_visit);

enum { MAX_RUNS = 16 };
struct poll_run {
	uint64_t number;		/* 0: free */
	struct poll_order order;	/* without its pointers */
	uint8_t pending[65536 / 8];	/* bit per dev still to be visited */
	struct poll_progress progress;
};

struct poll {
	pthread_mutex_t lock;
	struct store *store;
	struct settings settings;
	struct zone zone;
	struct crew *serial_crews[SERIAL_BUSES], *tcp_crew;
	struct poll_bus *serial[SERIAL_BUSES];	/* NULL: the board has no such line */
	struct poll_bus **buses;
	size_t n_buses;
	struct poll_meter **meters;	/* sorted by id */
	size_t n_meters;
	struct poll_run runs[MAX_RUNS];
	uint64_t next_run;
	uint64_t records;
	struct questions questions;	/* waiting and taken, oldest first */
	struct questions ended;		/* to be answered by the manager */
	unsigned n_questions;		/* of both */
	uint64_t next_question;
	struct scans scans;
	uint64_t next_scan;
	pthread_t manager;		/* follows settings and the meter table; keeps deadlines */
	pthread_cond_t changed;
	bool started, stopping, paused, reload;
	bool reach_moved;		/* by a change of settings: gaps are looked for anew */
};

/* One visit to one meter. */
struct conversation {
	struct visit visit;
	struct poll *poll;
	struct poll_bus *bus;
	struct poll_meter *meter;
	unsigned due;
	uint64_t run;			/* 0: scheduled work, or questions */
	bool asked;			/* somebody waits for answers (ask.c) */
	/* Told of each record read; a negative return ends the read.  NULL: nobody. */
	int (*tell)(struct conversation *, const struct record *);
	bool tell_only;			/* the archive does not learn of it */
	bool commanded;			/* a command was sent */
	struct settings settings;	/* copies: a visit sees one snapshot */
	struct zone zone;
	struct line *line;
	struct meter_session *session;
	int64_t started_us;		/* monotonic */
	unsigned attempts;
	bool answered;			/* the meter said something in this visit */
	bool state_changed;
	uint64_t records;
};

/* pick.c */
struct visit *poll_next(void *arg, struct bus *, int64_t *again_us);
unsigned poll_meter_due(const struct poll *, const struct poll_meter *, int64_t now);
bool poll_clock_is_good(int64_t now);
/* Makes this the visit of a meter on its bus; lock held. */
void conversation_init(struct conversation *, struct poll_bus *, struct poll_meter *,
    enum bus_class);

/* poll.c; lock held.  Waits for poll->changed; keeps the deadlines of questions and leases. */
void poll_wait(struct poll *);

/* status.c; lock held */
struct poll_meter *poll_find_meter(struct poll *, uint32_t id);

/* ask.c; lock held */
struct visit *ask_next(struct poll *, struct poll_bus *);	/* NULL: no question waits there */
int64_t ask_expire(struct poll *, int64_t now_us);	/* returns the next deadline (monotonic) */
void ask_tell_ended(struct poll *);	/* lets go of the lock while it tells */
void ask_table_changed(struct poll *);
void ask_refuse_bus(struct poll *, struct poll_bus *, int rc);	/* all that wait on a bus */
bool ask_others_wait(struct poll *, const struct poll_bus *, uint32_t meter);
/* All questions, when no bus runs any more; without the lock. */
void ask_close(struct poll *);

/* ask_do.c: one question, in its visit.  Errors are those of the meter and of the line; E_PREEMPTED
 * keeps the question's progress. */
int ask_do(struct conversation *, struct question *, struct ask_answer *) USPD_MUST_CHECK;

/* lease.c */
struct poll_bus *poll_serial_bus(struct poll *, unsigned number);	/* 1..4; NULL: none */
/* Lock held. */
int64_t lease_expire(struct poll *, int64_t now_us);	/* returns the next end of patience */

/* visit.c: runs and ends a conversation */
int conversation_begin(struct conversation *, struct line *, struct meter_session *) USPD_MUST_CHECK;
void conversation_end(struct conversation *);
/* Closes the session, should the next meter or another level need that. */
void conversation_close(struct conversation *);
/* A session with a meter that need not be in the table. */
struct session_start {
	uint16_t type;
	const char *address, *password_read, *password_write;	/* "": the type's */
	struct zone zone;
};
void poll_session_start(struct meter_session *, struct line *, const struct session_start *);
int conversation_run(struct visit *, struct line *, struct meter_session *);
void conversation_done(struct visit *, int rc);
/* Line parameters and waits of this meter; full_wait ignores what was measured of its replies. */
int conversation_configure(struct conversation *, bool full_wait, unsigned tries) USPD_MUST_CHECK;
/* Runs one operation with the repeats of poller.md 5.2, opening the session when needed. */
typedef int operation(struct conversation *, void *arg);
int conversation_ask(struct conversation *, const char *job, operation *, void *arg) USPD_MUST_CHECK;
bool poll_is_link_trouble(int rc);
bool conversation_is_over(const struct conversation *);

/* read.c: one query, its records into the store, markers for what the meter does not have */
int poll_read_query(struct conversation *, const struct query *) USPD_MUST_CHECK;
/* For a question: query->from follows what was told.  E_NODATA when the meter has none of it. */
int poll_read_asked(struct conversation *, struct query *) USPD_MUST_CHECK;
int poll_read_newest(struct conversation *, enum series) USPD_MUST_CHECK;
int poll_read_missing(struct conversation *, enum record_type, int64_t from, int64_t to, bool again)
    USPD_MUST_CHECK;
int poll_read_journals(struct conversation *, uint64_t mask) USPD_MUST_CHECK;
int poll_read_backfill(struct conversation *) USPD_MUST_CHECK;
int poll_read_order(struct conversation *, const struct poll_order *) USPD_MUST_CHECK;

/* span.c: labels the archive should hold of one series now; false when the meter cannot have it. */
bool poll_series_span(const struct settings *, struct zone, const struct poll_meter *, enum series,
    int64_t now, struct grid *, int64_t *oldest, int64_t *newest);
void poll_count_missing(struct poll *, struct poll_meter *);

/* identity.c */
int poll_identify(struct conversation *) USPD_MUST_CHECK;

/* plausible.c: the last day that must be complete, compared with itself; once a day */
void poll_check_day(struct conversation *);

/* clockcheck.c */
int poll_check_clock(struct conversation *) USPD_MUST_CHECK;
/* Reads the clock, for diff; corrects nothing. */
int poll_read_clock(struct conversation *, int64_t *meter_utc) USPD_MUST_CHECK;
/* Corrects it by order: softly within what the family can, else sets it; *meter_utc: as read back. */
int poll_sync_clock(struct conversation *, int64_t *meter_utc) USPD_MUST_CHECK;

/* health.c: link states and their journals; called with the lock held */
void poll_link_answered(struct poll *, struct poll_meter *);
void poll_link_failed(struct poll *, struct poll_meter *, int rc);
void poll_bus_health(struct poll *, struct poll_bus *, int rc, bool answered);
void poll_journal(struct poll *, const char *level, const char *unit, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
