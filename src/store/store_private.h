/* What the files of this room share.  Who may touch what:
 *   snapshot_lock   settings, meters, tables
 *   queue_lock      queue, positions, requests, trouble, stop
 *   readers.lock    which reader is taken
 *   flood_lock      floods
 *   nothing         what belongs to the writer thread alone */
#ifndef USPD_STORE_STORE_PRIVATE_H
#define USPD_STORE_STORE_PRIVATE_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/store/archive.h"
#include "src/store/put.h"
#include "src/store/queue.h"
#include "src/store/ring.h"
#include "src/store/store.h"

/* Page caches: the daemon has 24 MiB in all (design.md, budgets). */
enum { WRITER_CACHE_KIB = 2048, READER_CACHE_KIB = 512, CONFIG_CACHE_KIB = 256 };
enum { GROUP_RECORDS = 100 };	/* commit at once when so many are queued (storage.md 2.7) */
enum { READERS = 3, LISTENERS_MAX = 4, DEVICE_JOURNAL_TEXT_MAX = 4000 };
/* After the patience callers are told that the disk takes nothing. */
enum { TROUBLE_PATIENCE_MS = 5000, TROUBLE_RETRY_MS = 3000 };

struct reader {
	struct archive archive;
	sqlite3 *config;
	bool taken;
	int64_t deadline_us;
};

struct readers {
	pthread_mutex_t lock;
	pthread_cond_t given;
	struct reader reader[READERS];
	bool paused;
};

/* Work that is done in the writer thread while its caller waits. */
struct request {
	int (*run)(struct store *, void *arg);
	void *arg;
	struct request *next;
	int result;
	bool done;
};

struct trouble {
	int code;		/* E_OK: none */
	int64_t since_ms, retry_ms;
	char text[96];
	uint64_t refused;	/* records refused meanwhile */
};

/* Rows of one journal and code within the present minute, and those not stored. */
enum { FLOOD_CODES = 8 };
struct flood { int64_t since_ms, first_ms; unsigned rows, folded; };

struct store {
	char *dir;
	int lock_fd;
	struct store_listener listeners[LISTENERS_MAX];
	_Atomic unsigned n_listeners;

	pthread_mutex_t snapshot_lock;
	struct settings settings;
	const struct meter_table *meters;
	const struct table_rows *tables[TABLE_COUNT];

	pthread_mutex_t queue_lock;
	pthread_cond_t work, progress;	/* to the writer; from it */
	struct queue queue;
	uint64_t committed, durable, wanted;	/* positions in the queue */
	int64_t first_queued_ms;
	struct request *requests;
	struct trouble trouble;
	int64_t patience_ms, retry_ms;	/* TROUBLE_*; tests shorten them */
	bool stop;

	pthread_mutex_t flood_lock;
	struct flood floods[DJ_COUNT][FLOOD_CODES];

	struct rings *rings;
	struct readers readers;
	_Atomic int32_t span_least, span_most;	/* copies for readers */
	_Atomic uint64_t sequence, commits, records, refused_full, salvaged, lost;
	_Atomic uint64_t journal_last[DJ_COUNT];
	_Atomic unsigned char removed[65536 / 8];	/* devices whose archive is being removed */
	atomic_bool damaged;		/* archive.db answered that it is */

	/* The writer's own. */
	pthread_t writer_thread;
	bool writer_runs;
	struct archive archive;
	sqlite3 *config;
	struct putter putter;
	json_t *factory[TABLE_COUNT];	/* texts of the factory's rows, whose keys are 1, 2, ... */
	uint64_t journal_next[DJ_COUNT];	/* ids given, perhaps not committed yet */
	bool trim_pending, purge_pending, backup_pending, checkpoint_pending;
	_Atomic bool checkpoint_asked;	/* store_checkpoint(): do not wait for silence */
	int64_t upkeep_ms, written_ms, backup_ms;

	pthread_t checker_thread;
	pthread_cond_t checker_wake;	/* with queue_lock */
	bool checker_runs, checker_stops;
};

/* store.c */
int64_t store_now_ms(void);	/* monotonic, never replaced: for waits */
/* Waits on a condition until store_now_ms() reaches `until_ms`; false when it has. */
bool store_wait(pthread_cond_t *, pthread_mutex_t *, int64_t until_ms);
char *store_path(const struct store *, const char *name, char *to, size_t size);
bool store_is_removed(struct store *, uint16_t dev);
void store_mark_removed(struct store *, uint16_t dev, bool);
int store_archive_open(struct store *, char *why, size_t why_size) USPD_MUST_CHECK;
void store_archive_close(struct store *);

/* orders.c: what travels in the queue */
enum order { ORDER_RECORD, ORDER_CONFIG, ORDER_STATE, ORDER_DEVICE_JOURNAL,
	ORDER_NOTE };
/* Does what an item says, inside the transactions.  *config_begun: config.db's was begun. */
int order_apply(struct store *, const uint8_t *item, size_t len, bool *config_begun, unsigned *records)
    USPD_MUST_CHECK;

/* Into the queue, any thread; waits for room. */
int order_push(struct store *, const struct wr *) USPD_MUST_CHECK;

/* notes.c; inside a transaction of config.db */
int note_apply(struct store *, struct rd *) USPD_MUST_CHECK;

/* writer.c */
int writer_start(struct store *) USPD_MUST_CHECK;
void writer_stop(struct store *);	/* drains the queue */
/* Runs fn in the writer thread and waits for it. */
int writer_call(struct store *, int (*fn)(struct store *, void *), void *arg) USPD_MUST_CHECK;
int writer_begin(struct store *) USPD_MUST_CHECK;	/* transaction of archive.db */
int writer_commit(struct store *) USPD_MUST_CHECK;	/* rolls back when it fails */
void writer_rollback(struct store *);

/* upkeep.c: one small piece of background work; milliseconds until the next. */
int64_t upkeep_step(struct store *);

/* config.c */
int config_open(struct store *, char *why, size_t why_size) USPD_MUST_CHECK;
int config_backup(struct store *) USPD_MUST_CHECK;
void config_changed(struct store *);	/* tells the listeners */
int config_load(struct store *, char *why, size_t why_size) USPD_MUST_CHECK;
int config_restore(struct store *, char *why, size_t why_size) USPD_MUST_CHECK;
int config_write_setting(struct store *, const char *key, const char *text) USPD_MUST_CHECK;

/* meters.c; the edits inside a transaction of config.db */
int meters_load(struct store *) USPD_MUST_CHECK;
struct meters_edit {
	bool changed;
	sqlite3_stmt *insert, *dev_of;
	uint8_t used[65536 / 8];	/* devs of meters and of archives being purged */
};
/* A fault that a person can mend is named. */
int meters_put(struct store *, struct meters_edit *, const struct meter_row *, const char **fault)
    USPD_MUST_CHECK;
int meters_remove(struct store *, struct meters_edit *, uint32_t id, const char **fault)
    USPD_MUST_CHECK;
/* Does the meter hang on itself? */
int meters_check_circle(struct store *, struct meters_edit *, uint32_t id, const char **fault)
    USPD_MUST_CHECK;
void meters_edit_end(struct meters_edit *);
int meters_read(struct store *, struct meter_table **) USPD_MUST_CHECK;
/* After COMMIT: what left the table is purged. */
void meters_follow(struct store *, const struct meter_table *before, const struct meter_table *after);

/* rows.c; the edits inside a transaction of config.db */
int rows_load(struct store *) USPD_MUST_CHECK;
struct rows_edit {
	sqlite3_stmt *find, *insert, *update;
	struct rows_state {
		bool known, written, changed;
		int64_t last, n, bytes;
	} tables[TABLE_COUNT];
};
int rows_put(struct store *, struct rows_edit *, enum table, const char *key, const char *json,
    const char **fault) USPD_MUST_CHECK;
int rows_remove(struct store *, struct rows_edit *, enum table, const char *key) USPD_MUST_CHECK;
/* Takes all rows away; factory: those of the factory come back. */
int rows_clear(struct store *, struct rows_edit *, enum table, bool factory) USPD_MUST_CHECK;
/* Writes what is known of the changed tables: before COMMIT. */
int rows_edit_finish(struct store *, struct rows_edit *) USPD_MUST_CHECK;
void rows_edit_end(struct rows_edit *);
int rows_read(struct store *, enum table, struct table_rows **) USPD_MUST_CHECK;

/* devjournal.c; writer thread */
int journal_load(struct store *) USPD_MUST_CHECK;
/* Inside a transaction of config.db. */
int journal_insert(struct store *, enum device_journal, int64_t ts, const char *json) USPD_MUST_CHECK;
void journal_kept(struct store *);
void journal_undo(struct store *);
/* A row of the system journal (system.md 11), committed at once; a failure is only logged. */
void journal_system(struct store *, const char *level, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* flood.c */
/* Is this row one too many?  Then it is counted and not to be stored.  Any thread. */
bool flood_folds(struct store *, enum device_journal, const char *json);
/* Journals what was folded a minute ago, or `all`; writer thread. */
void flood_report(struct store *, bool all);

/* reader.c */
void readers_init(struct store *);
void readers_close(struct store *);
/* E_BUSY when none is free until the deadline (0: some seconds). */
int reader_take(struct store *, uint32_t deadline_ms, struct reader **) USPD_MUST_CHECK;
void reader_give(struct store *, struct reader *);
int reader_config(struct store *, struct reader *) USPD_MUST_CHECK;
bool reader_late(const struct reader *);
/* Waits until no reader is in use and closes them; until resumed nobody gets one. */
void readers_pause(struct store *);
void readers_resume(struct store *);
/* Passes an error on; one that says the file is damaged also starts the repair. */
int reader_error(struct store *, int rc);

/* salvage.c: what can be read of archive.db goes into a new one; the old one is kept aside. */
struct salvage { uint64_t kept, lost; char aside[64]; };
int salvage_archive(struct store *, struct salvage *, char *why, size_t why_size) USPD_MUST_CHECK;
/* The same while the store runs, in the writer thread. */
int salvage_running(struct store *) USPD_MUST_CHECK;
void salvage_report(struct store *, const struct salvage *, const char *why);

/* check.c: integrity checks in the background */
int checker_start(struct store *) USPD_MUST_CHECK;
void checker_stop(struct store *);

#endif
