#include "src/store/ring.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Open addressing; a key is never removed (a ring without records has count 0), so a probe ends at
 * the first empty place.  Key 0 is none: record types begin at 1. */
struct entry {
	uint32_t key;
	uint32_t count : 31, dirty : 1;
	int64_t oldest, newest;
};

struct rings {
	pthread_mutex_t lock;
	struct entry *entries;
	size_t size, used;	/* size is a power of two */
	struct entry *undo;	/* entries as they were, of those that are dirty */
	size_t n_undo, undo_size;
	sqlite3 *saved_in;	/* connection of the two statements */
	sqlite3_stmt *put, *drop;
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

int
rings_load(struct rings *r, sqlite3 *db)
{
	sqlite3_stmt *stmt = NULL;
	struct entry *e;
	int rc, step = SQLITE_DONE;

	pthread_mutex_lock(&r->lock);
	memset(r->entries, 0, r->size * sizeof(*r->entries));
	r->used = r->n_undo = 0;
	r->saved_in = NULL;
	rc = db_prepare(db, "SELECT k, count, oldest, newest FROM ring WHERE count > 0", &stmt);
	while (rc == E_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		uint32_t key = (uint32_t)sqlite3_column_int64(stmt, 0);

		if (record_type_info(ring_type(key)) == NULL)
			continue;
		if ((e = find_or_make(r, key)) == NULL) {
			rc = E_NOMEM;
			break;
		}
		e->count = (uint32_t)sqlite3_column_int64(stmt, 1) & INT32_MAX;
		e->oldest = sqlite3_column_int64(stmt, 2);
		e->newest = sqlite3_column_int64(stmt, 3);
	}
	if (rc == E_OK)
		rc = db_error(step);
	sqlite3_finalize(stmt);
	pthread_mutex_unlock(&r->lock);
	return rc;
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
		e->count = from->count & INT32_MAX;
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

/* Reads the entries without the lock: only this thread changes them. */
int
rings_save(struct rings *r, sqlite3 *db)
{
	int rc = E_OK;

	if (r->saved_in != db) {
		r->put = r->drop = NULL;
		if ((rc = db_prepare(db, "INSERT OR REPLACE INTO ring(k, count, oldest, newest)"
		    " VALUES(?1, ?2, ?3, ?4)", &r->put)) < 0 ||
		    (rc = db_prepare(db, "DELETE FROM ring WHERE k = ?1", &r->drop)) < 0)
			return rc;
		r->saved_in = db;
	}
	for (size_t i = 0; i < r->n_undo && rc == E_OK; i++)
		rc = save_one(r, find(r->entries, r->size, r->undo[i].key));
	return rc;
}

void
rings_keep(struct rings *r)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->n_undo; i++)
		find(r->entries, r->size, r->undo[i].key)->dirty = 0;
	r->n_undo = 0;
	pthread_mutex_unlock(&r->lock);
}

void
rings_undo(struct rings *r)
{
	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < r->n_undo; i++)
		*find(r->entries, r->size, r->undo[i].key) = r->undo[i];
	r->n_undo = 0;
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
