/* The pool of read-only connections. */
#include "src/store/store_private.h"

#include <stdio.h>

#include "src/base/clock.h"
#include "src/base/log.h"

/* A progress call costs little; so many steps of SQLite take well under a millisecond. */
enum { PROGRESS_STEPS = 2000, TAKE_MAX_MS = 10000, PATH_SIZE = 600 };

void
readers_init(struct store *s)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->readers.lock, NULL);
	pthread_cond_init(&s->readers.given, &attr);
	pthread_condattr_destroy(&attr);
}

static void
close_reader(struct reader *r)
{
	archive_close(&r->archive);
	db_close(&r->config);
}

void
readers_close(struct store *s)
{
	for (int i = 0; i < READERS; i++)
		close_reader(&s->readers.reader[i]);
	pthread_mutex_destroy(&s->readers.lock);
	pthread_cond_destroy(&s->readers.given);
}

bool
reader_late(const struct reader *r)
{
	return r->deadline_us != 0 && clock_mono_us() > r->deadline_us;
}

static int
interrupt_when_late(void *reader)
{
	return reader_late(reader);
}

static int
open_reader(struct store *s, struct reader *r)
{
	const struct db_options readonly = { .cache_kib = READER_CACHE_KIB };
	char path[PATH_SIZE];
	int rc;

	if (r->archive.db != NULL)
		return E_OK;
	rc = db_open(&r->archive.db, store_path(s, "archive.db", path, sizeof(path)), readonly);
	if (rc < 0)
		return rc;
	r->archive.renews = true;
	sqlite3_progress_handler(r->archive.db, PROGRESS_STEPS, interrupt_when_late, r);
	return E_OK;
}

int
reader_config(struct store *s, struct reader *r)
{
	const struct db_options readonly = { .cache_kib = CONFIG_CACHE_KIB };
	char path[PATH_SIZE];

	if (r->config != NULL)
		return E_OK;
	return db_open(&r->config, store_path(s, "config.db", path, sizeof(path)), readonly);
}

/* Prefers a connection that is open already. */
static struct reader *
free_reader(struct readers *rs)
{
	struct reader *found = NULL;

	for (int i = 0; i < READERS && !rs->paused; i++)
		if (!rs->reader[i].taken && (found == NULL || found->archive.db == NULL))
			found = &rs->reader[i];
	return found;
}

int
reader_take(struct store *s, uint32_t deadline_ms, struct reader **taken)
{
	struct readers *rs = &s->readers;
	int64_t give_up = store_now_ms() + (deadline_ms > 0 ? deadline_ms : TAKE_MAX_MS);
	int64_t deadline_us = deadline_ms > 0 ? clock_mono_us() + (int64_t)deadline_ms * 1000 : 0;
	struct reader *r;
	int rc;

	pthread_mutex_lock(&rs->lock);
	while ((r = free_reader(rs)) == NULL && store_wait(&rs->given, &rs->lock, give_up))
		;
	if (r != NULL)
		r->taken = true;
	pthread_mutex_unlock(&rs->lock);
	if (r == NULL)
		return E_BUSY;
	r->deadline_us = deadline_us;
	rc = open_reader(s, r);
	if (rc < 0) {
		reader_give(s, r);
		return reader_error(s, rc);
	}
	*taken = r;
	return E_OK;
}

void
reader_give(struct store *s, struct reader *r)
{
	r->deadline_us = 0;
	pthread_mutex_lock(&s->readers.lock);
	r->taken = false;
	pthread_cond_broadcast(&s->readers.given);
	pthread_mutex_unlock(&s->readers.lock);
}

void
readers_pause(struct store *s)
{
	struct readers *rs = &s->readers;

	pthread_mutex_lock(&rs->lock);
	rs->paused = true;
	for (int i = 0; i < READERS; i++) {
		while (rs->reader[i].taken)
			pthread_cond_wait(&rs->given, &rs->lock);
		close_reader(&rs->reader[i]);
	}
	pthread_mutex_unlock(&rs->lock);
}

void
readers_resume(struct store *s)
{
	pthread_mutex_lock(&s->readers.lock);
	s->readers.paused = false;
	pthread_cond_broadcast(&s->readers.given);
	pthread_mutex_unlock(&s->readers.lock);
}

int
reader_error(struct store *s, int rc)
{
	if (rc != E_CORRUPT)
		return rc;
	pthread_mutex_lock(&s->queue_lock);
	if (!atomic_exchange(&s->damaged, true))
		log_error("store", "archive.db is damaged: it will be checked and salvaged");
	s->upkeep_ms = 0;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->queue_lock);
	return rc;
}
