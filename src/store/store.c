#include "src/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/store/store_private.h"

enum { PATH_SIZE = 600, UPKEEP_FIRST_MS = 1000, SMALL_ARCHIVE = 16 << 20 };

int64_t
store_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool
store_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms)
{
	struct timespec ts = { .tv_sec = (time_t)(until_ms / 1000),
	    .tv_nsec = (long)(until_ms % 1000) * 1000000 };

	if (until_ms == INT64_MAX) {
		pthread_cond_wait(cond, lock);
		return true;
	}
	pthread_cond_timedwait(cond, lock, &ts);
	return store_now_ms() < until_ms;
}

char *
store_path(const struct store *s, const char *name, char *to, size_t size)
{
	snprintf(to, size, "%s/%s", s->dir, name);
	return to;
}

bool
store_is_removed(struct store *s, uint16_t dev)
{
	return (atomic_load(&s->removed[dev / 8]) >> dev % 8 & 1) != 0;
}

void
store_mark_removed(struct store *s, uint16_t dev, bool removed)
{
	unsigned char bit = (unsigned char)(1 << dev % 8);

	if (removed)
		atomic_fetch_or(&s->removed[dev / 8], bit);
	else
		atomic_fetch_and(&s->removed[dev / 8], (unsigned char)~bit);
}

uint32_t
store_depth(const struct settings *settings, enum record_type type)
{
	switch (type) {
	case REC_EL_MOMENT_ENERGY:
	case REC_EL_MOMENT_QUALITY:
	case REC_PLS_MOMENT:
	case REC_DIG_MOMENT:
	case REC_GEN_MOMENT:
		return (uint32_t)settings->depth_moment;
	case REC_EL_DAY:
	case REC_EL_DAY_CONS:
	case REC_PLS_DAY:
	case REC_GEN_DAY:
		return (uint32_t)settings->depth_day;
	case REC_EL_MONTH:
	case REC_EL_MONTH_CONS:
	case REC_PLS_MONTH:
	case REC_GEN_MONTH:
		return (uint32_t)settings->depth_month;
	case REC_EL_PROFILE:
		return (uint32_t)settings->depth_profile;
	case REC_PLS_HOUR:
	case REC_GEN_HOUR:
		return (uint32_t)settings->depth_hour;
	case REC_EL_JOURNAL:
	case REC_PLS_JOURNAL:
	case REC_DIG_JOURNAL:
		return (uint32_t)settings->depth_journal;
	case REC_EL_CONFIG:
	case REC_PLS_CONFIG:
	case REC_DIG_CONFIG:
	case REC_GEN_CONFIG:
	case REC_NONE:
	case REC_COUNT:
		break;
	}
	return 1;
}

void
store_ring(struct store *s, uint16_t dev, enum record_type type, uint16_t journal,
    struct store_ring *ring)
{
	struct store_ring one;

	rings_get_committed(s->rings, ring_key(dev, type, journal), ring);
	for (int i = 0; i < JOURNAL_COUNT && type == REC_EL_JOURNAL && journal == 0; i++) {
		rings_get_committed(s->rings, ring_key(dev, type, journal_codes[i]), &one);
		if (one.count == 0)
			continue;
		if (ring->count == 0 || one.oldest < ring->oldest)
			ring->oldest = one.oldest;
		if (ring->count == 0 || one.newest > ring->newest)
			ring->newest = one.newest;
		ring->count += one.count;
	}
}

uint64_t
store_sequence(struct store *s)
{
	return atomic_load(&s->sequence);
}

void
store_listen(struct store *s, const struct store_listener *listener)
{
	unsigned n = atomic_load(&s->n_listeners);

	if (n == LISTENERS_MAX) {
		log_error("store", "more than %d listeners: one is left out", LISTENERS_MAX);
		return;
	}
	s->listeners[n] = *listener;
	atomic_store(&s->n_listeners, n + 1);
}

void
store_stats(struct store *s, struct store_stats *to)
{
	*to = (struct store_stats){ .commits = atomic_load(&s->commits),
	    .records = atomic_load(&s->records), .refused_full = atomic_load(&s->refused_full),
	    .salvaged = atomic_load(&s->salvaged), .lost = atomic_load(&s->lost) };
	pthread_mutex_lock(&s->queue_lock);
	to->queued = s->queue.items;
	to->write_trouble = s->trouble.code < 0;
	memcpy(to->trouble, s->trouble.text, sizeof(to->trouble));
	pthread_mutex_unlock(&s->queue_lock);
}

static const char *
advice(int rc)
{
	switch (rc) {
	case E_FULL:
		return "no space left on this disk: free some and start again";
	case E_READONLY:
		return "cannot be written: check owner, mode and whether the file system is read-only";
	case E_CORRUPT:
		return "is not a readable database";
	case E_IO:
		return "cannot be opened or read: check the disk, owner and mode";
	case E_INVALID:
		return "is not a folder";
	default:
		return uspd_strerror(rc);
	}
}

static int
errno_error(int error)
{
	switch (error) {
	case EROFS:
	case EACCES:
	case EPERM:
		return E_READONLY;
	case ENOSPC:
	case EDQUOT:
		return E_FULL;
	case ENOTDIR:
		return E_INVALID;
	default:
		return E_IO;
	}
}

/* Makes the folder and those above it. */
static int
make_folder(const char *dir, char *why, size_t why_size)
{
	char path[PATH_SIZE];
	size_t len = strlen(dir);
	struct stat st;
	int rc = E_OK;

	if (len == 0 || len >= sizeof(path) - 64) {
		snprintf(why, why_size, "the path of the data folder is empty or too long");
		return E_INVALID;
	}
	memcpy(path, dir, len + 1);
	for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (access(path, F_OK) < 0)
			(void)mkdir(path, 0750);
		*slash = '/';
	}
	if (mkdir(path, 0750) < 0 && errno != EEXIST)
		rc = errno_error(errno);
	else if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		rc = errno_error(errno = ENOTDIR);
	else if (access(path, R_OK | W_OK | X_OK) < 0)
		rc = errno_error(errno);
	if (rc < 0)
		snprintf(why, why_size, "%s: %s (%s)", dir, advice(rc), strerror(errno));
	return rc;
}

/* Two writers with rings of their own would miscount each other's records. */
static int
lock_folder(struct store *s, char *why, size_t why_size)
{
	char path[PATH_SIZE];
	int rc;

	store_path(s, "store.lock", path, sizeof(path));
	s->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (s->lock_fd < 0) {
		rc = errno_error(errno);
		snprintf(why, why_size, "%s: %s (%s)", path, advice(rc), strerror(errno));
		return rc;
	}
	if (flock(s->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return E_OK;
	snprintf(why, why_size, "%s: another program has this store open", s->dir);
	return E_BUSY;
}

static int
load_archive(struct store *s)
{
	struct putter *p = &s->putter;
	int64_t sequence = 0, logged = 0, least, most;
	int rc;

	/* An empty span finds nothing, and the first record makes it a real one. */
	p->span = p->span_kept = (struct bucket_span){ INT32_MAX, INT32_MIN };
	if ((rc = archive_meta_get(&s->archive, "sequence", &sequence)) < 0 && rc != E_NODATA)
		return rc;
	if ((rc = archive_meta_get(&s->archive, "offset_least", &least)) == E_OK &&
	    (rc = archive_meta_get(&s->archive, "offset_most", &most)) == E_OK)
		p->span = p->span_kept = (struct bucket_span){ (int32_t)least, (int32_t)most };
	if (rc < 0 && rc != E_NODATA)
		return rc;
	p->archive = &s->archive;
	p->rings = s->rings;
	p->settings = &s->settings;
	p->open.open = p->old.open = false;
	atomic_store(&s->span_least, p->span.least);
	atomic_store(&s->span_most, p->span.most);
	rc = rings_load(s->rings, s->archive.db, &logged);
	if (logged > sequence)
		sequence = logged;
	if ((uint64_t)sequence > atomic_load(&s->sequence))
		atomic_store(&s->sequence, (uint64_t)sequence);
	return rc;
}

/* A small archive is checked at once; a large one in the background (storage.md 2.8). */
static int
check_small(struct store *s, const char *path, char *why, size_t why_size)
{
	struct stat st;

	if (stat(path, &st) < 0 || st.st_size > SMALL_ARCHIVE)
		return E_OK;
	return db_check(s->archive.db, false, why, why_size);
}

int
store_archive_open(struct store *s, char *why, size_t why_size)
{
	const struct db_options options = { .writable = true, .cache_kib = WRITER_CACHE_KIB };
	char path[PATH_SIZE], complaint[128] = "";
	int rc;

	store_path(s, "archive.db", path, sizeof(path));
	rc = db_open(&s->archive.db, path, options);
	if (rc == E_OK)
		rc = check_small(s, path, complaint, sizeof(complaint));
	if (rc < 0) {
		snprintf(why, why_size, "%s: %s%s%s", path, advice(rc), *complaint != '\0' ? ": " : "",
		    complaint);
		return rc;
	}
	rc = db_migrate(s->archive.db, path, archive_migrations, archive_version, why, why_size);
	if (rc == E_OK && (rc = load_archive(s)) < 0)
		snprintf(why, why_size, "%s: %s", path, advice(rc));
	return rc;
}

void
store_archive_close(struct store *s)
{
	archive_close(&s->archive);
}

static int
open_archive_or_salvage(struct store *s, char *why, size_t why_size)
{
	char damage[256];
	struct salvage result;
	int rc = store_archive_open(s, why, why_size);

	if (rc != E_CORRUPT)
		return rc;
	snprintf(damage, sizeof(damage), "%s", why);
	store_archive_close(s);
	rc = salvage_archive(s, &result, why, why_size);
	if (rc < 0)
		return rc;
	salvage_report(s, &result, damage);
	return store_archive_open(s, why, why_size);
}

static int
open_files(struct store *s, char *why, size_t why_size)
{
	int rc = config_open(s, why, why_size);

	if (rc == E_CORRUPT) {
		db_close(&s->config);
		rc = config_restore(s, why, why_size);
	}
	return rc < 0 ? rc : open_archive_or_salvage(s, why, why_size);
}

static struct store *
allocate(const char *dir)
{
	struct store *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;

	if (s == NULL)
		return NULL;
	s->dir = strdup(dir);
	s->lock_fd = -1;
	s->patience_ms = TROUBLE_PATIENCE_MS;
	s->retry_ms = TROUBLE_RETRY_MS;
	s->trim_pending = true;
	s->backup_ms = store_now_ms();
	s->upkeep_ms = store_now_ms() + UPKEEP_FIRST_MS;
	settings_defaults(&s->settings);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->snapshot_lock, NULL);
	pthread_mutex_init(&s->queue_lock, NULL);
	pthread_mutex_init(&s->flood_lock, NULL);
	pthread_cond_init(&s->work, &attr);
	pthread_cond_init(&s->progress, &attr);
	pthread_cond_init(&s->checker_wake, &attr);
	pthread_condattr_destroy(&attr);
	readers_init(s);
	if (s->dir == NULL || queue_open(&s->queue) < 0 || rings_open(&s->rings) < 0) {
		store_close(s);
		return NULL;
	}
	return s;
}

int
store_open(struct store **made, const char *dir, char *why, size_t why_size)
{
	struct store *s;
	int rc = make_folder(dir, why, why_size);

	*made = NULL;
	if (rc < 0)
		return rc;
	s = allocate(dir);
	if (s == NULL) {
		snprintf(why, why_size, "%s", uspd_strerror(E_NOMEM));
		return E_NOMEM;
	}
	if ((rc = lock_folder(s, why, why_size)) < 0 || (rc = open_files(s, why, why_size)) < 0)
		goto fail;
	if ((rc = writer_start(s)) < 0 || (rc = checker_start(s)) < 0) {
		snprintf(why, why_size, "a thread cannot be started");
		goto fail;
	}
	log_info("store", "dir=%s meters=%zu sequence=%llu ready", dir, s->meters->n,
	    (unsigned long long)store_sequence(s));
	*made = s;
	return E_OK;
fail:
	store_close(s);
	return rc;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	checker_stop(s);
	writer_stop(s);
	readers_close(s);
	putter_free(&s->putter);
	store_archive_close(s);
	db_close(&s->config);
	meter_table_release(s->meters);
	for (int t = 0; t < TABLE_COUNT; t++) {
		table_rows_release(s->tables[t]);
		json_decref(s->factory[t]);
	}
	rings_close(s->rings);
	queue_close(&s->queue);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->progress);
	pthread_cond_destroy(&s->checker_wake);
	pthread_mutex_destroy(&s->flood_lock);
	pthread_mutex_destroy(&s->queue_lock);
	pthread_mutex_destroy(&s->snapshot_lock);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free(s->dir);
	free(s);
}
