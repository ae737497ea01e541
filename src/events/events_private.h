/* Inside the engine.  All of it belongs to the loop but what `lock` covers: answers of the poller, and
 * what others watch (rules.plan.schedules, stats; the loop takes the lock to change them).
 *
 * What must outlive a crash is written as notes of the store by one worker at a time, in the order
 * it came (`writes`): a binding that waits, then that it has begun, then its row in the journal in
 * place of the note.  An action begins only when it is durable that it has: so none begins twice. */
#ifndef USPD_EVENTS_EVENTS_PRIVATE_H
#define USPD_EVENTS_EVENTS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "src/events/events.h"
#include "src/model/settings.h"
#include "src/poll/ask.h"
#include "src/poll/poll.h"
#include "src/store/store.h"

enum job_state {
	JOB_WAITING,		/* for its time, for the one before it, or for polls of its event */
	JOB_WRITING,		/* that it begins is being made durable */
	JOB_RUNNING,
	JOB_ENDED
};

/* One binding carried out, or about to be. */
struct job {
	TAILQ_ENTRY(job) link;	/* in order of coming */
	LIST_ENTRY(job) same;	/* bucket of its row */
	uint64_t number;
	struct binding binding;
	enum job_state state;
	int64_t moment;		/* newest event it stands for, UTC */
	unsigned folded;	/* events besides */
	int64_t queued_us, start_us;	/* monotonic */
	uint64_t flush;		/* JOB_WRITING: the flush that makes it durable */
	int64_t started;	/* UTC; 0 not yet */
	bool tried;		/* the poller had no place for it yet */
	uint64_t run;		/* of the poller; 0 none */
	unsigned asked;		/* questions without an answer yet */
	uint32_t ok, failed;	/* meters */
	bool messages;		/* a sender has it */
	enum events_result result;
	char note[120];
};
TAILQ_HEAD(jobs, job);
LIST_HEAD(job_bucket, job);
enum { JOB_BUCKETS = 512, JOBS_MOST = 4096 };

/* An answer of poll_ask(), on its way to the loop. */
struct answer {
	STAILQ_ENTRY(answer) link;
	struct events *events;
	uint64_t job;		/* 0: of a monitor between two firings */
	uint32_t meter;
	int rc;
};
STAILQ_HEAD(answers, answer);

struct write {
	STAILQ_ENTRY(write) link;
	char key[NOTE_KEY_MOST + 1];
	char *text;		/* NULL: the note goes */
	char *json;		/* with it comes this row of DJ_ACTION; NULL */
	int64_t ts;
};
STAILQ_HEAD(writes, write);

/* A monitor that goes on until it is fired again. */
enum { MONITORS_MOST = 64 };
struct monitor { int64_t action, period_us, next_us, until_us; };

/* Raises of one event within a minute: more are a loop, and it rests (event-model.md 4.1). */
enum { RAISE_GUARDS = 64 };
struct raise_guard {
	struct event_ref event;
	int64_t window_us, rest_until_us;
	unsigned raised, dropped;
};

struct sender { events_send *send; void *arg; };

struct events {
	struct events_options options;
	struct poll *poll;		/* NULL until events_start() */
	struct settings settings;
	struct rules rules;
	struct plan_due *due;		/* room for plan_due_most() */
	struct loop_timer *timer;
	int64_t start_us;

	struct jobs jobs;
	struct job_bucket buckets[JOB_BUCKETS];
	size_t n_jobs;
	uint64_t next_job;
	struct sender senders[ACTION_TYPE_COUNT];
	struct monitor monitors[MONITORS_MOST];
	struct raise_guard guards[RAISE_GUARDS];

	struct writes writes;		/* not yet given to the worker */
	bool sync_wanted;		/* something waits until they are durable */
	struct {
		struct writes writes;
		bool busy, sync;
		uint64_t number;	/* of the running one, or of the last */
	} flush;
	uint64_t flushed;		/* all up to this flush is durable, or cannot be */

	struct { bool busy; uint64_t job; int rc; } time_sync;
	struct watch *watch;		/* watch.c */
	atomic_bool look_posted, records_posted;

	pthread_mutex_t lock;
	struct answers answers;
	struct events_stats stats;
};

/* events.c */
void events_pump(struct events *);	/* goes on with everything that can go on; sets the timer */

/* jobs.c */
/* A binding is to be carried out from start_us (monotonic) on; folds into one that waits. */
void job_add(struct events *, const struct binding *, int64_t moment, unsigned folded,
    int64_t start_us);
struct job *job_find(struct events *, uint64_t number);
void job_end(struct job *, enum events_result, const char *note);
void jobs_advance(struct events *);	/* begins what may begin, finishes what has ended */
int64_t jobs_wake_us(const struct events *);
/* What was going on when the daemon ended. */
int jobs_restore(struct events *) USPD_MUST_CHECK;
/* The daemon ends: what runs is interrupted. */
void jobs_stop(struct events *);
void jobs_free(struct events *);

/* writes.c */
void events_write(struct events *, const char *key, const char *text, const char *json, int64_t ts);
/* Number of the flush that takes what is written now. */
uint64_t events_flush_number(const struct events *);
void events_flush(struct events *);	/* gives what is written to the worker, if that is free */
void events_flush_now(struct events *);	/* the loop has ended */
void events_writes_free(struct events *);

/* actions.c */
/* Begins it; when it has ended at once its state is JOB_ENDED.  E_BUSY: to be tried again. */
int action_begin(struct events *, struct job *) USPD_MUST_CHECK;
void action_look(struct events *, struct job *);	/* of a running one: has it ended? */
void actions_take_answers(struct events *);
void actions_take_sync(void *events);	/* the time servers were asked */

/* actions_ask.c */
int action_monitor(struct events *, struct job *, const char *json) USPD_MUST_CHECK;
int action_relay(struct events *, struct job *, const char *json) USPD_MUST_CHECK;
void monitors_advance(struct events *);
int64_t monitors_wake_us(const struct events *);

/* watch.c: triggers on what is read from devices */
int watch_open(struct events *) USPD_MUST_CHECK;
void watch_close(struct events *);
void watch_records(void *events);	/* records were committed, or triggers changed */

#endif
