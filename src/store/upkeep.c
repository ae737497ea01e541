/* Background work of the writer thread, in small pieces between batches: removing the archives of
 * removed meters, trimming rings after a depth was lowered, copying config.db, checkpoints. */
#include "src/store/store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum { PURGE_ROWS = 300, TRIM_ROWS = 300, SLICE_PAUSE_MS = 20, IDLE_PAUSE_MS = 10000 };
enum { CHECKPOINT_IDLE_MS = 30000, BACKUP_SETTLE_MS = 60000, PATH_SIZE = 600 };
/* Before this a device clock without a battery has not been set yet (2020-01-01). */
#define CLOCK_SANE INT64_C(1577836800)

static int
purge_slice(struct store *s)
{
	char sql[48];
	int64_t dev = 0;
	bool more = true;
	int rc = db_integer(s->config, "SELECT dev FROM purge LIMIT 1", &dev);

	if (rc < 0) {
		s->purge_pending = false;
		return rc == E_NODATA ? E_OK : rc;
	}
	if ((rc = writer_begin(s)) < 0)
		return rc;
	rc = put_purge(&s->putter, (uint16_t)dev, PURGE_ROWS, &more);
	if (rc < 0) {
		writer_rollback(s);
		return rc;
	}
	if ((rc = writer_commit(s)) < 0 || more)
		return rc;
	log_info("store", "dev=%lld: archive of the removed meter is gone", (long long)dev);
	snprintf(sql, sizeof(sql), "DELETE FROM purge WHERE dev = %lld", (long long)dev);
	return db_exec(s->config, sql);
}

static bool
is_too_long(void *settings, uint32_t key, const struct store_ring *ring)
{
	return ring->count > store_depth(settings, ring_type(key));
}

static int
trim_slice(struct store *s)
{
	uint32_t *keys = NULL;
	unsigned left = TRIM_ROWS;
	bool more = false;
	size_t n = 0;
	int rc = rings_list(s->rings, is_too_long, &s->settings, &keys, &n);

	s->trim_pending = n > 0;
	if (rc < 0 || n == 0 || (rc = writer_begin(s)) < 0) {
		free(keys);
		return rc;
	}
	for (size_t i = 0; i < n && left > 0 && rc == E_OK; i++) {
		struct store_ring before, after;

		rings_get(s->rings, keys[i], &before);
		rc = put_trim(&s->putter, keys[i], left, &more);
		rings_get(s->rings, keys[i], &after);
		left -= before.count - after.count;
	}
	if (rc < 0)
		writer_rollback(s);
	else
		rc = writer_commit(s);
	free(keys);
	return rc;
}

static bool
backup_is_due(struct store *s)
{
	struct civil c = civil_from_utc(store_zone(s), clock_utc());
	char name[64], path[PATH_SIZE];

	if (clock_utc() < CLOCK_SANE)
		return false;
	if (s->backup_pending)
		return store_now_ms() - s->backup_ms >= BACKUP_SETTLE_MS;
	snprintf(name, sizeof(name), "config.db.bak-%04d%02d%02d", c.year % 10000, c.month, c.day);
	return access(store_path(s, name, path, sizeof(path)), F_OK) < 0 &&
	    store_now_ms() - s->backup_ms >= BACKUP_SETTLE_MS;
}

static void
checkpoint(struct store *s)
{
	int frames = 0, done = 0;

	archive_reset(&s->archive);
	sqlite3_wal_checkpoint_v2(s->archive.db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, &done);
	sqlite3_wal_checkpoint_v2(s->config, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	s->checkpoint_pending = false;
	atomic_store(&s->checkpoint_asked, false);
	log_debug("store", "checkpoint: %d of %d pages", done, frames);
}

void
store_checkpoint(struct store *s)
{
	atomic_store(&s->checkpoint_asked, true);
}

int64_t
upkeep_step(struct store *s)
{
	int rc = E_OK;

	flood_report(s, false);
	if (s->purge_pending)
		rc = purge_slice(s);
	else if (s->trim_pending)
		rc = trim_slice(s);
	else if (backup_is_due(s)) {
		s->backup_pending = false;
		s->backup_ms = store_now_ms();
		return config_backup(s) < 0 ? IDLE_PAUSE_MS : 0;
	} else {
		if (s->checkpoint_pending &&
		    (atomic_load(&s->checkpoint_asked) ||
			store_now_ms() - s->written_ms >= CHECKPOINT_IDLE_MS))
			checkpoint(s);
		return IDLE_PAUSE_MS;
	}
	if (rc == E_CORRUPT)
		atomic_store(&s->damaged, true);
	else if (rc < 0)
		log_warn("store", "background work failed, tried again: %s", uspd_strerror(rc));
	return rc < 0 ? IDLE_PAUSE_MS : SLICE_PAUSE_MS;
}
