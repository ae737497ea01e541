/* Many threads on one store; to be run with the thread sanitizer as well. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/store_help.h"
#include "tests/unit/unit.h"

static struct fixture f;

static void setup(void) { fixture_open(&f); }
static void teardown(void) { fixture_close(&f); }

enum { D = 86400 };
#define DAY0 INT64_C(1718398800)

struct busy { uint16_t dev; atomic_int *stop; };
enum { BUSY_RECORDS = 400 };

static void *
putting_thread(void *arg)
{
	const struct busy *b = arg;

	for (int i = 0; i < BUSY_RECORDS; i++) {
		struct record r[3] = { fixture_energy(REC_EL_DAY, DAY0 + i % 100 * D, i),
		    fixture_energy(REC_EL_MOMENT_ENERGY, DAY0 + i, i),
		    { .type = REC_EL_PROFILE, .valid = true, .period_min = 30,
			.ts = DAY0 + i * 1800 } };
		struct store_ring ring;

		if (store_put(f.store, b->dev, r, 3) < 0)
			abort();
		if (i % 100 == 99 && store_sync(f.store) < 0)
			abort();
		if (i % 50 == 0 &&
		    store_journal_add(f.store, DJ_METER_ANSWER, DAY0, "{\"idMeter\":1}") < 0)
			abort();
		store_ring(f.store, b->dev, REC_EL_DAY, 0, &ring);
	}
	return NULL;
}

static int
count_each(void *arg, uint16_t dev, const struct record *r)
{
	(void)dev;
	(void)r;
	++*(unsigned *)arg;
	return E_OK;
}

static int
count_rows(void *arg, uint64_t id, int64_t ts, const char *json)
{
	(void)id;
	(void)ts;
	(void)json;
	++*(unsigned *)arg;
	return E_OK;
}

/* Rows come and are rewritten meanwhile: a snapshot is whole. */
static void
look_at_table(void)
{
	const struct table_rows *rows = store_table(f.store, TABLE_SNTP);

	for (size_t i = 0; i < rows->n; i++)
		if (rows->rows[i].json[0] != '{' || strlen(rows->rows[i].key) == 0)
			abort();
	table_rows_release(rows);
}

static void *
reading_thread(void *arg)
{
	static const enum record_type types[] = { REC_EL_DAY, REC_EL_DAY_CONS, REC_EL_PROFILE,
	    REC_EL_MOMENT_ENERGY };
	const struct busy *b = arg;
	unsigned n = 0;

	for (int i = 0; !atomic_load(b->stop); i++) {
		struct store_range range = { .type = types[i % 4],
			.to = INT64_MAX,
			.newest_first = i % 3 == 0 };
		struct meter_state state;

		look_at_table();
		if (store_read(f.store, b->dev, &range, count_each, &n) < 0 ||
		    store_read_all(f.store, &range, count_each, &n) < 0 ||
		    store_state_get(f.store, b->dev, &state) < 0 ||
		    store_journal_read(f.store, DJ_METER_ANSWER, 0, 5, true, count_rows, &n) < 0)
			abort();
	}
	return NULL;
}

static atomic_uint committed_calls, changed_calls;
static _Atomic uint64_t last_sequence;

static void
on_committed(void *arg, uint64_t sequence)
{
	(void)arg;
	if (sequence != atomic_load(&last_sequence) + 1)
		abort();
	atomic_store(&last_sequence, sequence);
	atomic_fetch_add(&committed_calls, 1);
}

static void
on_changed(void *arg)
{
	(void)arg;
	atomic_fetch_add(&changed_calls, 1);
}

START_TEST(many_threads_put_and_read)
{
	const struct store_listener listener = { on_changed, on_committed, NULL };
	struct busy busy[6];
	pthread_t threads[6];
	atomic_int stop = 0;

	store_listen(f.store, &listener);
	for (unsigned i = 0; i < 6; i++) {
		busy[i] = (struct busy){ (uint16_t)(i % 4 + 1), &stop };
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
				     i < 4 ? putting_thread : reading_thread, &busy[i]),
		    0);
	}
	for (int i = 0; i < 20; i++) {
		char text[16], key[16];
		const struct store_edit edits[] = {
			{ .kind = EDIT_SETTING, .key = "depth.hour", .text = text },
			{ .kind = EDIT_ROW, .table = TABLE_SNTP, .key = key, .text = "{}" },
		};
		struct settings settings;

		snprintf(text, sizeof(text), "%d", 1000 + i);
		snprintf(key, sizeof(key), "%d", i % 7);
		ck_assert_int_eq(store_edit(f.store, edits, 2, NULL, NULL, 0), E_OK);
		store_settings(f.store, &settings);
		ck_assert_int_eq(settings.depth_hour, 1000 + i);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&stop, 1);
	pthread_join(threads[4], NULL);
	pthread_join(threads[5], NULL);
	ck_assert_int_eq(store_sync(f.store), E_OK);
	for (uint16_t dev = 1; dev <= 4; dev++) {
		ck_assert_uint_eq(fixture_read_all(&f, dev, REC_EL_DAY, false), 100);
		ck_assert_uint_eq(fixture_read_all(&f, dev, REC_EL_MOMENT_ENERGY, false), BUSY_RECORDS);
		ck_assert_uint_eq(fixture_read_all(&f, dev, REC_EL_PROFILE, false), BUSY_RECORDS);
	}
	ck_assert_uint_eq(atomic_load(&changed_calls), 20);
	ck_assert_uint_gt(atomic_load(&committed_calls), 0);
	ck_assert_uint_eq(store_sequence(f.store), atomic_load(&last_sequence));
	fixture_reopen(&f);
	ck_assert_uint_eq(store_sequence(f.store), atomic_load(&last_sequence));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("store_threads");
	TCase *tc = tcase_create("threads");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, many_threads_put_and_read);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
