/* The store: config.db (settings, meters, device journals) and archive.db (records, journals of
 * meters, state), specs/storage.md.  SQLite stays behind this header.
 *
 * All writes go through one writer thread that groups what has queued into one transaction (100
 * records or 2 s; at once when somebody waits).  Reads borrow one of a few read-only connections
 * and see what is committed.  Every function may be called from any thread unless said otherwise. */
#ifndef USPD_STORE_STORE_H
#define USPD_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/civil.h"
#include "src/base/err.h"
#include "src/model/meter.h"
#include "src/model/record.h"
#include "src/model/settings.h"
#include "src/model/tables.h"

struct store;

/* ---- opening ---- */

/* Opens or creates both files in `dir` (created when missing, mode 0750).  Migrates; checks; an
 * archive that fails its check is salvaged row by row into a new file and a system journal row
 * says what was lost.  E_VERSION (written by a newer program), E_READONLY, E_IO, E_FULL,
 * E_CORRUPT (config.db beyond repair and no nightly copy); `why` (>= 256 bytes) tells a person. */
int store_open(struct store **, const char *dir, char *why, size_t why_size) USPD_MUST_CHECK;
void store_close(struct store *);	/* drains the queue; durable afterwards; NULL allowed */

/* ---- settings and meters (config.db) ---- */

void store_settings(struct store *, struct settings *);		/* copy of the current ones */
/* Validated whole, one transaction, durable on return.  E_NOTFOUND, E_INVALID. */
int store_setting_put(struct store *, const char *key, const char *text) USPD_MUST_CHECK;
struct zone store_zone(struct store *);

/* The current table; release it with meter_table_release(). */
const struct meter_table *store_meters(struct store *);
void meter_table_release(const struct meter_table *);

struct meter_change { bool remove; struct meter_row row; };	/* remove: only row.id counts */
/* Adds, replaces (by id; keeps dev and thereby the archive) and removes rows: all or nothing,
 * durable on return.  On error *failed is the index of the change and `why` says the reason.
 * Removing a meter purges its archive in the background. */
int store_meters_change(struct store *, const struct meter_change *, size_t n,
    size_t *failed, char *why, size_t why_size) USPD_MUST_CHECK;

/* ---- tables of rows (config.db; model/tables.h) ---- */

/* A row: its key, the number it got when it was added (never given twice in a table; kept when the
 * row is rewritten), and the JSON text of its object. */
struct table_row { const char *key; int64_t number; const char *json; };
/* An immutable copy of one table in its order; shared between threads. */
struct table_rows {
	_Atomic unsigned *refs;
	size_t n;
	uint64_t version;	/* grows with each change of this table */
	bool factory;		/* never written, or cleared back to the factory's rows */
	struct table_row rows[];
};
/* From memory, in any thread, never blocks on the disk.  Release with table_rows_release(). */
const struct table_rows *store_table(struct store *, enum table);
void table_rows_release(const struct table_rows *);	/* NULL allowed */
/* Other factory rows than table_factory(): a JSON array, copied; keys are the texts of the
 * numbers 1, 2, ... in order.  Before threads start.  E_INVALID. */
int store_table_factory(struct store *, enum table, const char *json) USPD_MUST_CHECK;

/* One change of the configuration.  Everything pointed to is borrowed during store_edit(). */
struct store_edit {
	enum {
		EDIT_SETTING,		/* key, text */
		EDIT_METER,		/* meter: added, or replaces the row with its id */
		EDIT_METER_REMOVE,	/* meter->id */
		EDIT_ROW,		/* table, key, text (JSON): added at the end, or replaces */
		EDIT_ROW_REMOVE,	/* table, key; absent: nothing */
		EDIT_TABLE_EMPTY,	/* table: no row */
		EDIT_TABLE_FACTORY,	/* table: as never written */
	} kind;
	enum table table;
	const char *key, *text;
	const struct meter_row *meter;
};
/* A key has 1 to TABLE_KEY_MOST bytes; TABLE_TEXT_MOST: keys and texts of a whole table. */
enum { TABLE_ROWS_MOST = 20000, TABLE_ROW_TEXT_MOST = 256 * 1024, TABLE_KEY_MOST = 255,
	TABLE_TEXT_MOST = 16 << 20 };
/* All edits in their order or none; one transaction, durable on return; listeners are told once.
 * On error *failed is the index of the edit (0 when it is the disk's fault) and `why` says the
 * reason; both may be NULL.  The first EDIT_ROW of a table in factory state keeps the factory's
 * other rows.  E_INVALID, E_NOTFOUND, E_EXISTS, E_LIMIT, E_FULL, E_IO. */
int store_edit(struct store *, const struct store_edit *, size_t n, size_t *failed, char *why,
    size_t why_size) USPD_MUST_CHECK;

/* Called in the writer thread after settings, meters or tables changed / records were committed. */
struct store_listener {
	void (*changed)(void *arg);
	void (*committed)(void *arg, uint64_t sequence);
	void *arg;
};
void store_listen(struct store *, const struct store_listener *);	/* before threads start */

/* ---- records (archive.db) ---- */

/* Queues copies of records of one meter (at most 64 at once).  Blocks while the queue is full.
 * E_FULL or E_IO: the disk does not take them for a long time; they are not stored. */
int store_put(struct store *, uint16_t dev, const struct record *, size_t n) USPD_MUST_CHECK;
/* Waits until everything queued before is durable. */
int store_sync(struct store *) USPD_MUST_CHECK;
uint64_t store_sequence(struct store *);	/* number of the last committed batch */
/* Folds what is in the write-ahead logs into the databases at the writer's next pause (within 10 s),
 * instead of after half a minute of silence. */
void store_checkpoint(struct store *);

struct store_range {
	enum record_type type;
	uint16_t journal;	/* REC_EL_JOURNAL: one code, or 0 = all journals merged by time */
	int64_t from, to;	/* UTC seconds, inclusive */
	size_t limit;		/* 0 = all */
	bool newest_first;
	bool markers;		/* also valid = false records (their slot 0: when the mark was made) */
	uint32_t deadline_ms;	/* E_BUSY when it takes longer; 0 = none */
};
/* A negative return ends the walk and is passed on; a positive one ends it with E_OK. */
typedef int store_each(void *arg, uint16_t dev, const struct record *);

/* Records of one meter, in order of time.  Day and month consumption are derived from the
 * readings where both ends are there and the serial number did not change (storage.md 2.6). */
int store_read(struct store *, uint16_t dev, const struct store_range *, store_each *, void *arg)
    USPD_MUST_CHECK;
/* The same for all meters, by bucket of time, then meter. */
int store_read_all(struct store *, const struct store_range *, store_each *, void *arg)
    USPD_MUST_CHECK;

/* What is stored, from memory: no disk access. */
struct store_ring { uint32_t count; int64_t oldest, newest; };
void store_ring(struct store *, uint16_t dev, enum record_type, uint16_t journal, struct store_ring *);
/* Depth of the ring of a record type by the settings. */
uint32_t store_depth(const struct settings *, enum record_type);

/* Labels stored of one meter and grid type in [from, to], ascending: at most `max`; *n counts. */
struct store_label { int64_t ts; bool valid; int64_t marked; };
int store_labels(struct store *, uint16_t dev, enum record_type, int64_t from, int64_t to,
    struct store_label *, size_t max, size_t *n) USPD_MUST_CHECK;

/* ---- state of a meter (archive.db, kept over restarts) ---- */

struct meter_state {
	struct meter_config config;	/* newest; serial "" = never identified */
	int64_t config_ts;
	int64_t serial_since;		/* labels older than this belong to another device; 0 */
	uint8_t link;			/* the poller's own */
	int64_t link_since, last_answer, corrected_day;
	uint32_t refused;		/* REC_BIT of record types the meter refused */
	uint64_t refused_journals;
	int64_t refused_at;
	uint8_t memory_version;
	uint8_t memory[768];		/* struct meter_session.memory */
};
/* Zeroed state when none is kept (E_OK). */
int store_state_get(struct store *, uint16_t dev, struct meter_state *) USPD_MUST_CHECK;
/* Queued. */
int store_state_put(struct store *, uint16_t dev, const struct meter_state *) USPD_MUST_CHECK;

/* ---- journals of the device (config.db; system.md 11, smart-json.md 14) ---- */

#define DEVICE_JOURNALS(ROW) \
	ROW(DJ_ACTION, "action") ROW(DJ_TIME, "time") ROW(DJ_METER_ANSWER, "meter/answ") \
	ROW(DJ_AUTH, "auth/json") ROW(DJ_RESET, "reset") ROW(DJ_SRVCONN, "srvconn") \
	ROW(DJ_UPDATE, "update/version") ROW(DJ_SYSTEM, "system") ROW(DJ_METER_TIME, "meter/time") \
	ROW(DJ_METER_RELAY, "meter/relay") ROW(DJ_RTU, "rtu") ROW(DJ_AUDIT, "audit") \
	ROW(DJ_UPDATE_LOADER, "update/loader") ROW(DJ_PPP_CLIENT, "ppp/clconn") \
	ROW(DJ_PPP_SERVER, "ppp/srvconn") ROW(DJ_CALL, "call") ROW(DJ_SMS_GET, "sms/get") \
	ROW(DJ_DIN_SENS, "din/sens") ROW(DJ_DIN_LINE, "din/pwrline") ROW(DJ_DIN_POWER, "din/power") \
	ROW(DJ_DIN_CHARGE, "din/charge") ROW(DJ_DIN_OPEN, "din/open") ROW(DJ_MAIL_MSG, "mail/msg") \
	ROW(DJ_MAIL_SEND, "mail/send") ROW(DJ_SMS_MSG, "sms/msg") ROW(DJ_SMS_SEND, "sms/send") \
	ROW(DJ_MQTT_CONNECT, "mqtt/connect") ROW(DJ_MQTT_MESSAGE, "mqtt/message") \
	ROW(DJ_SELFTEST, "selftest")
enum device_journal {
#define ROW(id, name) id,
	DEVICE_JOURNALS(ROW)
#undef ROW
	DJ_COUNT
};
const char *store_journal_name(enum device_journal);
/* `json` is one object's members as text, without id and time: {"idMeter":6,...}. Queued.  Of a
 * flood the system journal gets the number instead (system.md 11). */
int store_journal_add(struct store *, enum device_journal, int64_t ts,
    const char *json) USPD_MUST_CHECK;
typedef int store_each_journal(void *arg, uint64_t id, int64_t ts, const char *json);
int store_journal_read(struct store *, enum device_journal, uint64_t after_id, size_t limit,
    bool newest_first, store_each_journal *, void *arg) USPD_MUST_CHECK;
uint64_t store_journal_last(struct store *, enum device_journal);	/* highest id ever; 0 */

/* ---- notes (config.db): small facts of other rooms ---- */

enum { NOTE_KEY_MOST = 63, NOTE_TEXT_MOST = 1000 };
struct store_note {
	const char *key, *text;		/* text NULL: the note goes */
	/* With json: this row of a device journal is added in the same transaction. */
	enum device_journal journal;
	int64_t ts;
	const char *json;
};
/* Queued, in the order of all that is queued; durable after store_sync().  E_LIMIT, E_INVALID. */
int store_note_put(struct store *, const struct store_note *) USPD_MUST_CHECK;
/* Walks the notes whose keys begin with `prefix`, by key: what is committed. */
typedef int store_each_note(void *arg, const char *key, const char *text);
int store_notes(struct store *, const char *prefix, store_each_note *, void *arg) USPD_MUST_CHECK;

/* ---- watching ---- */

struct store_stats {
	size_t queued;
	uint64_t commits, records, refused_full, salvaged, lost;
	bool write_trouble;		/* the last commit failed; being retried */
	char trouble[96];
};
void store_stats(struct store *, struct store_stats *);

#endif
