#include "src/store/ring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cursor.h"

/* Open addressing; a key is never removed (a ring without records has count 0), so a probe ends at
 * the first empty place.  Key 0 is none: record types begin at 1. */
struct entry {
	uint32_t key;
	uint32_t count : 30, dirty : 1, logged : 1;	/* changed now; in ring_log but not in ring */
	int64_t oldest, newest;
};
enum { COUNT_MASK = (1 << 30) - 1, LOG_BYTES_MAX = 64 * 1024, CHANGE_MAX = 5 + 5 + 10 + 10,
	LOG_ROW_BYTES = 16 };

struct rings {
	pthread_mutex_t lock;
	struct entry *entries;
	size_t size, used;	/* size is a power of two */
	struct entry *undo;	/* entries as they were, of those that are dirty */
	size_t n_undo, undo_size;
	size_t log_bytes, log_bytes_kept;	/* now; as committed */
	bool saved_folded;
	sqlite3 *saved_in;	/* connection of the statements */
	sqlite3_stmt *put, *drop, *append, *clear;
};

enum { SIZE_FIRST = 1024 };

static size_t
place_of(uint32_t key, size_t size)
{
	uint32_t h = key * UINT32_C(2654435761);

	return (h ^ h >> 15) & (size - 1);
}

static struct entry *
find(struct entry *entries, size_t size, uint32_t key)
{
	size_t i = place_of(key, size);

	while (entries[i].key != 0 && entries[i].key != key)
		i = (i + 1) & (size - 1);
	return &entries[i];
}

int
rings_open(struct rings **made)
{
	struct rings *r = calloc(1, sizeof(*r));

	*made = NULL;
	if (r == NULL)
		return E_NOMEM;
	r->entries = calloc(SIZE_FIRST, sizeof(*r->entries));
	if (r->entries == NULL) {
		free(r);
		return E_NOMEM;
	}
	r->size = SIZE_FIRST;
	pthread_mutex_init(&r->lock, NULL);
	*made = r;
	return E_OK;
}

void
rings_close(struct rings *r)
{
	if (r == NULL)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r->entries);
	free(r->undo);
	free(r);
}

static int
grow(struct rings *r)
{
	size_t size = r->size * 2;
	struct entry *bigger = calloc(size, sizeof(*bigger));

	if (bigger == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < r->size; i++)
		if (r->entries[i].key != 0)
			*find(bigger, size, r->entries[i].key) = r->entries[i];
	free(r->entries);
	r->entries = bigger;
	r->size = size;
	return E_OK;
}

/* The entry of a key, made when missing; NULL when out of memory. */
static struct entry *
find_or_make(struct rings *r, uint32_t key)
{
	struct entry *e = find(r->entries, r->size, key);

	if (e->key != 0)
		return e;
	if (r->used * 4 >= r->size * 3) {
		if (grow(r) < 0)
			return NULL;
		e = find(r->entries, r->size, key);
	}
	e->key = key;
	r->used++;
	return e;
}

/* Sets an entry while loading; unknown kinds are left out. */
static int
load_one(struct rings *r, uint32_t key, const struct store_ring *ring, bool logged)
{
	struct entry *e;

	if (record_type_info(ring_type(key)) == NULL)
		return E_OK;
	if ((e = find_or_make(r, key)) == NULL)
		return E_NOMEM;
	e->count = ring->count & COUNT_MASK;
	e->oldest = ring->oldest;
	e->newest = ring->newest;
	e->logged = logged;
	return E_OK;
}

static int
load_table(struct rings *r, sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	int step = SQLITE_DONE, rc = db_prepare(db, "SELECT k, count, oldest, newest FROM ring", &stmt);

	while (rc == E_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct store_ring ring = { (uint32_t)sqlite3_column_int64(stmt, 1),
		    sqlite3_column_int64(stmt, 2), sqlite3_column_int64(stmt, 3) };

		rc = load_one(r, (uint32_t)sqlite3_column_int64(stmt, 0), &ring, false);
	}
	sqlite3_finalize(stmt);
	return rc < 0 ? rc : db_error(step);
}

static int
replay_changes(struct rings *r, const uint8_t *changes, size_t len)
{
	struct rd in = rd_init(changes, len);
	int rc = E_OK;

	while (rc == E_OK && rd_left(&in) > 0) {
		uint32_t key = (uint32_t)rd_varint(&in);
		struct store_ring ring = { .count = (uint32_t)rd_varint(&in) };

		ring.oldest = rd_zigzag(&in);
		ring.newest = rd_zigzag(&in);
		rc = rd_failed(&in) ? E_CORRUPT : load_one(r, key, &ring, true);
	}
	return rc;
}

static int
replay_log(struct rings *r, sqlite3 *db, int64_t *sequence)
{
	sqlite3_stmt *stmt = NULL;
	int step = SQLITE_DONE, rc;

	rc = db_prepare(db, "SELECT sequence, changes FROM ring_log ORDER BY id", &stmt);
	while (rc == E_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		const uint8_t *changes = sqlite3_column_blob(stmt, 1);
		size_t len = changes != NULL ? (size_t)sqlite3_column_bytes(stmt, 1) : 0;

		if (sequence != NULL)
			*sequence = sqlite3_column_int64(stmt, 0);
		rc = replay_changes(r, changes, len);
		r->log_bytes += len + LOG_ROW_BYTES;
	}
	sqlite3_finalize(stmt);
	r->log_bytes_kept = r->log_bytes;
	return rc < 0 ? rc : db_error(step);
}

int
rings_load(struct rings *r, sqlite3 *db, int64_t *sequence)
{
	int rc;

	if (sequence != NULL)
		*sequence = 0;
	pthread_mutex_lock(&r->lock);
	memset(r->entries, 0, r->size * sizeof(*r->entries));
	r->used = r->n_undo = r->log_bytes = 0;
	r->saved_in = NULL;
	rc = load_table(r, db);
	if (rc == E_OK)
		rc = replay_log(r, db, sequence);
	pthread_mutex_unlock(&r->lock);
	return rc;
}

uint64_t
rings_total(struct rings *r)
{
	uint64_t total = 0;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->size; i++)
		total += r->entries[i].count;
	pthread_mutex_unlock(&r->lock);
	return total;
}

static void
take(const struct entry *e, struct store_ring *to)
{
	*to = (struct store_ring){ 0 };
	if (e->count > 0)
		*to = (struct store_ring){ e->count, e->oldest, e->newest };
}

void
rings_get(struct rings *r, uint32_t key, struct store_ring *to)
{
	pthread_mutex_lock(&r->lock);
	take(find(r->entries, r->size, key), to);
	pthread_mutex_unlock(&r->lock);
}

void
rings_get_committed(struct rings *r, uint32_t key, struct store_ring *to)
{
	const struct entry *e;

	pthread_mutex_lock(&r->lock);
	e = find(r->entries, r->size, key);
	/* A batch is short, so is the list of what it changed. */
	for (size_t i = 0; e->dirty && i < r->n_undo; i++)
		if (r->undo[i].key == key) {
			e = &r->undo[i];
			break;
		}
	take(e, to);
	pthread_mutex_unlock(&r->lock);
}

static int
remember(struct rings *r, struct entry *e)
{
	if (e->dirty)
		return E_OK;
	if (r->n_undo == r->undo_size) {
		size_t size = r->undo_size > 0 ? r->undo_size * 2 : 128;
		struct entry *bigger = realloc(r->undo, size * sizeof(*bigger));

		if (bigger == NULL)
			return E_NOMEM;
		r->undo = bigger;
		r->undo_size = size;
	}
	r->undo[r->n_undo++] = *e;
	e->dirty = 1;
	return E_OK;
}

int
rings_set(struct rings *r, uint32_t key, const struct store_ring *from)
{
	struct entry *e;
	int rc = E_NOMEM;

	pthread_mutex_lock(&r->lock);
	e = find_or_make(r, key);
	if (e != NULL && (rc = remember(r, e)) == E_OK) {
		e->count = from->count & COUNT_MASK;
		e->oldest = from->oldest;
		e->newest = from->newest;
	}
	pthread_mutex_unlock(&r->lock);
	return rc;
}

static int
save_one(struct rings *r, const struct entry *e)
{
	sqlite3_stmt *stmt = e->count > 0 ? r->put : r->drop;

	sqlite3_bind_int64(stmt, 1, e->key);
	if (e->count > 0) {
		sqlite3_bind_int64(stmt, 2, e->count);
		sqlite3_bind_int64(stmt, 3, e->oldest);
		sqlite3_bind_int64(stmt, 4, e->newest);
	}
	return db_run(stmt);
}

static int
prepare_saving(struct rings *r, sqlite3 *db)
{
	int rc;

	if (r->saved_in == db)
		return E_OK;
	r->put = r->drop = r->append = r->clear = NULL;
	if ((rc = db_prepare(db,
		 "INSERT OR REPLACE INTO ring(k, count, oldest, newest)"
		 " VALUES(?1, ?2, ?3, ?4)",
		 &r->put)) < 0 ||
	    (rc = db_prepare(db, "DELETE FROM ring WHERE k = ?1", &r->drop)) < 0 ||
	    (rc = db_prepare(db, "INSERT INTO ring_log(sequence, changes) VALUES(?1, ?2)",
		 &r->append)) < 0 ||
	    (rc = db_prepare(db, "DELETE FROM ring_log", &r->clear)) < 0)
		return rc;
	r->saved_in = db;
	return E_OK;
}

/* Both read the entries without the lock: only this thread changes them. */
static int
fold_log(struct rings *r)
{
	int rc = db_run(r->clear);

	for (size_t i = 0; i < r->size && rc == E_OK; i++)
		if (r->entries[i].dirty || r->entries[i].logged)
			rc = save_one(r, &r->entries[i]);
	r->log_bytes = 0;
	return rc;
}

static int
append_changes(struct rings *r, int64_t sequence)
{
	size_t size = r->n_undo * CHANGE_MAX;
	uint8_t *bytes = malloc(size + 1);
	struct wr w = wr_init(bytes, size);
	int rc;

	if (bytes == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < r->n_undo; i++) {
		const struct entry *e = find(r->entries, r->size, r->undo[i].key);

		wr_varint(&w, e->key);
		wr_varint(&w, e->count);
		wr_zigzag(&w, e->oldest);
		wr_zigzag(&w, e->newest);
	}
	sqlite3_bind_int64(r->append, 1, sequence);
	sqlite3_bind_blob(r->append, 2, bytes, (int)w.len, SQLITE_STATIC);
	rc = wr_ok(&w) ? db_run(r->append) : E_INTERNAL;
	r->log_bytes += w.len + LOG_ROW_BYTES;
	free(bytes);
	return rc;
}

int
rings_save(struct rings *r, sqlite3 *db, int64_t sequence, bool fold, bool *folded)
{
	int rc = prepare_saving(r, db);

	*folded = r->saved_folded = fold || r->log_bytes + r->n_undo * CHANGE_MAX > LOG_BYTES_MAX;
	if (rc < 0)
		return rc;
	return *folded ? fold_log(r) : append_changes(r, sequence);
}

void
rings_keep(struct rings *r)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->size && r->saved_folded; i++)
		r->entries[i].dirty = r->entries[i].logged = 0;
	for (size_t i = 0; i < r->n_undo && !r->saved_folded; i++) {
		struct entry *e = find(r->entries, r->size, r->undo[i].key);

		e->dirty = 0;
		e->logged = 1;
	}
	r->n_undo = 0;
	r->log_bytes_kept = r->log_bytes;
	pthread_mutex_unlock(&r->lock);
}

void
rings_undo(struct rings *r)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->n_undo; i++)
		*find(r->entries, r->size, r->undo[i].key) = r->undo[i];
	r->n_undo = 0;
	r->log_bytes = r->log_bytes_kept;
	pthread_mutex_unlock(&r->lock);
}

static int
by_dev_then_kind(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	x = x << 16 | x >> 16;
	y = y << 16 | y >> 16;
	return x < y ? -1 : x > y;
}

int
rings_list(struct rings *r, rings_want *want, void *arg, uint32_t **keys, size_t *n)
{
	int rc = E_OK;

	*n = 0;
	pthread_mutex_lock(&r->lock);
	*keys = malloc((r->used + 1) * sizeof(**keys));
	if (*keys == NULL)
		rc = E_NOMEM;
	for (size_t i = 0; i < r->size && rc == E_OK; i++) {
		const struct entry *e = &r->entries[i];
		struct store_ring ring = { e->count, e->oldest, e->newest };

		if (e->key != 0 && e->count > 0 && want(arg, e->key, &ring))
			(*keys)[(*n)++] = e->key;
	}
	pthread_mutex_unlock(&r->lock);
	if (rc == E_OK)
		qsort(*keys, *n, sizeof(**keys), by_dev_then_kind);
	return rc;
}
