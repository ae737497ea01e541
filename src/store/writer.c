/* The writer thread: groups what is queued into transactions (storage.md 2.7).
 *
 * The archive is committed with synchronous NORMAL, which does not wait for the disk; only when
 * somebody waits in store_sync() is the commit a FULL one: one fsync of the write-ahead log makes it
 * and all commits before it durable (each commit adds a row to ring_log, so none is empty and skipped
 * by SQLite).  A checkpoint would do the same with two fsyncs and the random
 * page writes that the log is there to put off. */
#include "src/store/store_private.h"

#include <stdio.h>
#include <string.h>

#include "src/base/log.h"

enum { GROUP_MS = 2000, BATCH_ITEMS_MAX = 1000 };

int
writer_begin(struct store *s)
{
	s->putter.sequence = (int64_t)atomic_load(&s->sequence);
	s->putter.fold = false;
	s->putter.zone = (struct zone){ (int32_t)s->settings.tz_min * 60, s->settings.dst != 0 };
	return db_exec(s->archive.db, "BEGIN IMMEDIATE");
}

void
writer_rollback(struct store *s)
{
	archive_reset(&s->archive);
	if (!sqlite3_get_autocommit(s->archive.db))
		db_exec_quiet(s->archive.db, "ROLLBACK");
	put_undo(&s->putter);
}

int
writer_commit(struct store *s)
{
	int rc = put_finish(&s->putter);

	archive_reset(&s->archive);
	if (rc == E_OK)
		rc = db_exec(s->archive.db, "COMMIT");
	if (rc < 0) {
		writer_rollback(s);
		return rc;
	}
	put_kept(&s->putter);
	atomic_store(&s->span_least, s->putter.span.least);
	atomic_store(&s->span_most, s->putter.span.most);
	s->checkpoint_pending = true;
	s->written_ms = store_now_ms();
	return E_OK;
}

struct batch {
	uint64_t from, upto;
	size_t items;
	unsigned records;
	bool full;
	int64_t sequence;
};

static int
apply_items(struct store *s, struct batch *b, bool *config_begun)
{
	static const int fatal[] = { E_FULL, E_IO, E_BUSY, E_NOMEM, E_READONLY, E_CORRUPT, E_INTERNAL };
	uint8_t item[QUEUE_ITEM_MAX];
	int rc;

	b->upto = b->from;
	b->records = 0;
	for (size_t i = 0; i < b->items; i++) {
		size_t len = queue_peek(&s->queue, &b->upto, item);

		rc = order_apply(s, item, len, config_begun, &b->records);
		for (size_t k = 0; k < sizeof(fatal) / sizeof(fatal[0]); k++)
			if (rc == fatal[k])
				return rc;
		if (rc < 0) {
			log_error("store", "order=%u not stored: %s", item[0], uspd_strerror(rc));
			atomic_fetch_add(&s->lost, 1);
		}
	}
	return E_OK;
}

static int
commit_archive(struct store *s, struct batch *b)
{
	b->sequence = s->putter.sequence += b->records > 0;
	return writer_commit(s);
}

/* config.db is committed after the archive: should it fail, the batch comes again, and records
 * written twice change nothing while journal rows would be there twice. */
static int
commit_batch(struct store *s, struct batch *b)
{
	bool config_begun = false;
	int rc;

	db_exec_quiet(s->archive.db,
	    b->full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
	rc = writer_begin(s);
	if (rc < 0)
		return rc;
	rc = apply_items(s, b, &config_begun);
	if (rc < 0)
		writer_rollback(s);
	else
		rc = commit_archive(s, b);
	if (rc == E_OK && config_begun)
		rc = db_exec(s->config, "COMMIT");
	if (rc == E_OK)
		journal_kept(s);
	else {
		if (config_begun && !sqlite3_get_autocommit(s->config))
			db_exec_quiet(s->config, "ROLLBACK");
		journal_undo(s);
	}
	return rc;
}

static void
note_trouble(struct store *s, int rc)
{
	struct trouble *t = &s->trouble;
	int64_t now = store_now_ms();

	if (t->code == E_OK) {
		t->since_ms = now;
		t->refused = 0;
		log_error("store", "writing fails: %s; retried every %lld s", uspd_strerror(rc),
		    (long long)s->retry_ms / 1000);
	}
	t->code = rc;
	t->retry_ms = now + s->retry_ms;
	snprintf(t->text, sizeof(t->text), "%s", uspd_strerror(rc));
	pthread_cond_broadcast(&s->progress);
}

static void
end_trouble(struct store *s)
{
	struct trouble was = s->trouble;

	s->trouble = (struct trouble){ 0 };
	pthread_mutex_unlock(&s->queue_lock);
	atomic_fetch_add(&s->lost, was.refused);
	log_info("store", "writing works again, records refused meanwhile: %llu",
	    (unsigned long long)was.refused);
	journal_system(s, "warn", was.code == E_FULL ? "disk_full" : "write_trouble",
	    "writing failed for %lld s (%s); records refused meanwhile: %llu",
	    (long long)(store_now_ms() - was.since_ms) / 1000, was.text,
	    (unsigned long long)was.refused);
	pthread_mutex_lock(&s->queue_lock);
}

static void
tell_committed(struct store *s, const struct batch *b)
{
	for (unsigned i = 0; i < s->n_listeners && b->records > 0; i++)
		if (s->listeners[i].committed != NULL)
			s->listeners[i].committed(s->listeners[i].arg, (uint64_t)b->sequence);
}

/* With the queue locked; lets go of it while writing. */
static void
run_batch(struct store *s)
{
	struct batch b = { .from = s->queue.head, .full = s->wanted > s->durable };
	int rc;

	b.items = s->queue.items < BATCH_ITEMS_MAX ? s->queue.items : BATCH_ITEMS_MAX;
	pthread_mutex_unlock(&s->queue_lock);
	rc = commit_batch(s, &b);
	if (rc == E_CORRUPT && (rc = salvage_running(s)) == E_OK)
		rc = commit_batch(s, &b);
	if (rc == E_OK) {
		atomic_store(&s->sequence, (uint64_t)b.sequence);
		atomic_fetch_add(&s->commits, 1);
		atomic_fetch_add(&s->records, b.records);
	}
	pthread_mutex_lock(&s->queue_lock);
	if (rc < 0) {
		note_trouble(s, rc);
		return;
	}
	queue_drop(&s->queue, b.upto, b.items);
	s->committed = b.upto;
	if (b.full)
		s->durable = b.upto;
	s->first_queued_ms = store_now_ms();
	if (s->trouble.code < 0)
		end_trouble(s);
	pthread_cond_broadcast(&s->progress);
	pthread_mutex_unlock(&s->queue_lock);
	tell_committed(s, &b);
	pthread_mutex_lock(&s->queue_lock);
}

/* When the next batch is due; INT64_MAX: not before something comes. */
static int64_t
batch_due_ms(const struct store *s)
{
	if (s->queue.items == 0 && s->wanted <= s->durable)
		return INT64_MAX;
	if (s->trouble.code < 0 && !s->stop)
		return s->trouble.retry_ms;
	if (s->queue.items >= GROUP_RECORDS || s->wanted > s->durable || s->stop)
		return 0;
	return s->first_queued_ms + GROUP_MS;
}

static void
run_request(struct store *s)
{
	struct request *r = s->requests;

	s->requests = r->next;
	pthread_mutex_unlock(&s->queue_lock);
	r->result = r->run(s, r->arg);
	pthread_mutex_lock(&s->queue_lock);
	r->done = true;
	pthread_cond_broadcast(&s->progress);
}

static void
run_upkeep(struct store *s)
{
	int64_t pause;

	pthread_mutex_unlock(&s->queue_lock);
	if (atomic_exchange(&s->damaged, false))
		pause = salvage_running(s) < 0 ? s->retry_ms : 0;
	else
		pause = upkeep_step(s);
	pthread_mutex_lock(&s->queue_lock);
	s->upkeep_ms = store_now_ms() + pause;
}

/* The last try at stopping has failed: what is queued is lost, and somebody should know. */
static void
give_up(struct store *s)
{
	log_error("store", "stopping: queued=%zu orders are lost: %s", s->queue.items, s->trouble.text);
	atomic_fetch_add(&s->lost, s->queue.items);
	queue_drop(&s->queue, s->queue.tail, s->queue.items);
	s->wanted = s->durable;
}

/* At the end the rings are all in their table, for those who look with SQL. */
static void
fold_rings(struct store *s)
{
	if (writer_begin(s) < 0)
		return;
	s->putter.fold = true;
	if (writer_commit(s) < 0)
		log_warn("store", "rings stay in their log");
}

static void *
writer_main(void *arg)
{
	struct store *s = arg;

	pthread_mutex_lock(&s->queue_lock);
	for (;;) {
		int64_t now = store_now_ms(), due = batch_due_ms(s);

		if (s->requests != NULL)
			run_request(s);
		else if (due <= now) {
			run_batch(s);
			if (s->stop && s->trouble.code < 0)
				give_up(s);
		} else if (s->stop)
			break;
		else if (s->upkeep_ms <= now && s->trouble.code == E_OK)
			run_upkeep(s);
		else
			store_wait(&s->work, &s->queue_lock,
			    due < s->upkeep_ms || s->trouble.code < 0 ? due : s->upkeep_ms);
	}
	pthread_mutex_unlock(&s->queue_lock);
	flood_report(s, true);
	fold_rings(s);
	return NULL;
}

int
writer_start(struct store *s)
{
	if (pthread_create(&s->writer_thread, NULL, writer_main, s) != 0)
		return E_NOMEM;
	s->writer_runs = true;
	return E_OK;
}

void
writer_stop(struct store *s)
{
	if (!s->writer_runs)
		return;
	pthread_mutex_lock(&s->queue_lock);
	s->stop = true;
	if (s->queue.tail > s->wanted)
		s->wanted = s->queue.tail;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->queue_lock);
	pthread_join(s->writer_thread, NULL);
	s->writer_runs = false;
}

int
writer_call(struct store *s, int (*fn)(struct store *, void *), void *arg)
{
	struct request request = { .run = fn, .arg = arg }, **end;

	pthread_mutex_lock(&s->queue_lock);
	for (end = &s->requests; *end != NULL; end = &(*end)->next)
		;
	*end = &request;
	pthread_cond_signal(&s->work);
	while (!request.done)
		pthread_cond_wait(&s->progress, &s->queue_lock);
	pthread_mutex_unlock(&s->queue_lock);
	return request.result;
}
