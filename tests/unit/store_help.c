#include "tests/unit/store_help.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/base/log.h"
#include "tests/unit/unit.h"

static void
open_store(struct fixture *f)
{
	char why[256] = "";
	int rc = store_open(&f->store, f->dir, why, sizeof(why));

	ck_assert_msg(rc == E_OK, "%s: %s", uspd_errname(rc), why);
}

void
fixture_open(struct fixture *f)
{
	log_setup(LOG_LEVEL_ERROR, NULL);
	memset(f, 0, sizeof(*f));
	unit_folder_make(f->dir);
	open_store(f);
}

void
fixture_reopen(struct fixture *f)
{
	store_close(f->store);
	open_store(f);
}

void
fixture_close(struct fixture *f)
{
	store_close(f->store);
	unit_folder_remove(f->dir);
}

void
fixture_queue(struct fixture *f, uint16_t dev, const struct record *r)
{
	ck_assert_int_eq(store_put(f->store, dev, r, 1), E_OK);
}

void
fixture_put(struct fixture *f, uint16_t dev, const struct record *r)
{
	fixture_queue(f, dev, r);
	ck_assert_int_eq(store_sync(f->store), E_OK);
}

static int
collect(void *arg, uint16_t dev, const struct record *r)
{
	struct fixture *f = arg;

	ck_assert_uint_lt(f->n, READ_MAX);
	f->devs[f->n] = dev;
	f->read[f->n++] = *r;
	if (r->config != NULL)
		f->config = *r->config;
	return E_OK;
}

size_t
fixture_read(struct fixture *f, int dev, const struct store_range *range)
{
	int rc;

	f->n = 0;
	rc = dev < 0 ? store_read_all(f->store, range, collect, f) :
		       store_read(f->store, (uint16_t)dev, range, collect, f);
	ck_assert_int_eq(rc, E_OK);
	return f->n;
}

size_t
fixture_read_all(struct fixture *f, int dev, enum record_type type, bool markers)
{
	const struct store_range range = { .type = type, .to = INT64_MAX, .markers = markers };

	return fixture_read(f, dev, &range);
}

size_t
fixture_read_range(struct fixture *f, int dev, enum record_type type, int64_t from, int64_t to)
{
	const struct store_range range = { .type = type, .from = from, .to = to };

	return fixture_read(f, dev, &range);
}

int
fixture_slow_each(void *arg, uint16_t dev, const struct record *r)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	(void)arg;
	(void)dev;
	(void)r;
	nanosleep(&pause, NULL);
	return E_OK;
}

struct store_ring
fixture_ring(struct fixture *f, uint16_t dev, enum record_type type, uint16_t journal)
{
	struct store_ring ring;

	store_ring(f->store, dev, type, journal, &ring);
	return ring;
}

void
fixture_wait_count(struct fixture *f, uint16_t dev, enum record_type type, uint16_t journal,
    uint32_t count)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	for (int i = 0; i < 5000 && fixture_ring(f, dev, type, journal).count != count; i++)
		nanosleep(&pause, NULL);
	ck_assert_uint_eq(fixture_ring(f, dev, type, journal).count, count);
}

void
fixture_assert_record(const struct record *is, const struct record *wanted)
{
	ck_assert_int_eq(is->type, wanted->type);
	ck_assert_uint_eq(is->journal, wanted->journal);
	ck_assert_int_eq(is->valid, wanted->valid);
	ck_assert_uint_eq(is->flags, wanted->flags);
	ck_assert_uint_eq(is->period_min, wanted->period_min);
	ck_assert_int_eq(is->ts, wanted->ts);
	ck_assert_int_eq(is->diff_s, wanted->diff_s);
	ck_assert_uint_eq(is->present, wanted->present);
	for (unsigned slot = 0; slot < VALUE_SLOTS; slot++)
		if (record_has(wanted, slot))
			ck_assert_int_eq(is->v[slot], wanted->v[slot]);
}

struct record
fixture_energy(enum record_type type, int64_t ts, int64_t value)
{
	struct record r = { .type = type, .valid = true, .ts = ts };

	record_set(&r, energy_slot(0, A_PLUS), value);
	return r;
}

static void run_sql(struct fixture *, const char *file, const char *sql, int64_t *value);

void
fixture_wait_purged(struct fixture *f, uint16_t dev)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	char sql[64];
	int64_t n = 1;

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM purge WHERE dev = %u", dev);
	for (int i = 0; i < 2000 && n > 0; i++) {
		run_sql(f, "config.db", sql, &n);
		nanosleep(&pause, NULL);
	}
	ck_assert_int_eq(n, 0);
}

static void
run_sql(struct fixture *f, const char *file, const char *sql, int64_t *value)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *stmt = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", f->dir, file);
	ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
	ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, "%s",
	    sqlite3_errmsg(db));
	if (sqlite3_step(stmt) == SQLITE_ROW && value != NULL)
		*value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
}

void
fixture_sql(struct fixture *f, const char *sql, int64_t *value)
{
	run_sql(f, "archive.db", sql, value);
}

void
fixture_sql_file(struct fixture *f, const char *file, const char *sql)
{
	run_sql(f, file, sql, NULL);
}
