#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/pack.h"
#include "tests/unit/unit.h"

enum { BASE = 1718409600 };

static uint64_t seed = 88172645463325252u;

static uint64_t
rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

/* Values of every size, often multiples of a thousand, now and then the extremes. */
static int64_t
random_value(void)
{
	int64_t v = (int64_t)(rnd() >> (rnd() % 64));

	switch (rnd() % 8) {
	case 0: return INT64_MIN;
	case 1: return INT64_MAX;
	case 2: return 0;
	case 3: return -v;
	case 4: return v;
	default: return v / 1000 * 1000;
	}
}

static struct record
random_record(unsigned slots)
{
	struct record r = { .valid = rnd() % 8 != 0, .ts = BASE + (int64_t)(rnd() % 200000) - 100000 };

	if (rnd() % 2)
		r.ts = BASE + (int64_t)(rnd() % 96) * 900;
	if (rnd() % 3 == 0)
		r.diff_s = (int32_t)rnd();
	if (!r.valid) {
		record_set(&r, 0, (int64_t)(rnd() % 4000000000u));
		return r;
	}
	for (unsigned i = 0; i < slots; i++)
		if (rnd() % 3)
			record_set(&r, i, random_value());
	return r;
}

static void
assert_equal_records(const struct record *a, const struct record *b)
{
	ck_assert_int_eq(a->ts, b->ts);
	ck_assert_int_eq(a->valid, b->valid);
	ck_assert_int_eq(a->diff_s, b->diff_s);
	ck_assert_uint_eq(a->present, b->present);
	for (unsigned i = 0; i < VALUE_SLOTS; i++)
		if (record_has(a, i))
			ck_assert_int_eq(a->v[i], b->v[i]);
}

START_TEST(record_comes_back_as_it_was)
{
	uint8_t bytes[PACK_RECORD_MAX];

	for (int i = 0; i < 5000; i++) {
		struct record r = random_record(_i ? (unsigned)_i : VALUE_SLOTS), again;
		struct wr w = wr_init(bytes, sizeof(bytes));

		pack_record(&w, &r, BASE);
		ck_assert(wr_ok(&w));
		ck_assert_int_eq(unpack_record(bytes, w.len, BASE, &again), E_OK);
		assert_equal_records(&r, &again);
	}
}
END_TEST

START_TEST(largest_record_fits)
{
	uint8_t bytes[PACK_RECORD_MAX];
	struct wr w = wr_init(bytes, sizeof(bytes));
	struct record r = { .valid = true, .ts = INT64_MIN, .diff_s = INT32_MIN }, again;

	for (unsigned i = 0; i < VALUE_SLOTS; i++)
		record_set(&r, i, INT64_MAX);
	pack_record(&w, &r, INT64_MAX);
	ck_assert(wr_ok(&w));
	ck_assert_int_eq(unpack_record(bytes, w.len, INT64_MAX, &again), E_OK);
	assert_equal_records(&r, &again);
}
END_TEST

START_TEST(record_cut_anywhere_is_refused)
{
	uint8_t bytes[PACK_RECORD_MAX];

	for (int i = 0; i < 300; i++) {
		struct record r = random_record(20), again;
		struct wr w = wr_init(bytes, sizeof(bytes));

		pack_record(&w, &r, BASE);
		for (size_t cut = 0; cut < w.len; cut++)
			ck_assert_int_eq(unpack_record(bytes, cut, BASE, &again), E_CORRUPT);
	}
}
END_TEST

START_TEST(whole_watt_hours_take_less_than_thousandths)
{
	uint8_t bytes[PACK_RECORD_MAX];
	struct wr whole = wr_init(bytes, sizeof(bytes)), odd;
	struct record r = { .valid = true, .ts = BASE };
	size_t len;

	for (unsigned i = 0; i < 20; i++)
		record_set(&r, i, (int64_t)(12345678 + i) * 1000);
	pack_record(&whole, &r, BASE);
	len = whole.len;
	r.v[3]++;
	odd = wr_init(bytes, sizeof(bytes));
	pack_record(&odd, &r, BASE);
	ck_assert_uint_lt(len, odd.len);
	ck_assert_uint_le(len, 1 + 1 + 3 + 20 * 4);
}
END_TEST

static size_t
random_day(struct slice *s, uint16_t period, int64_t step)
{
	size_t n = 0;

	memset(s, 0, DAY_SLICES_MAX * sizeof(*s));
	for (int64_t ts = BASE - 10800 + step; ts <= BASE + 79200 && n < DAY_SLICES_MAX; ts += step) {
		struct slice *one = &s[n];

		if (rnd() % 10 == 0)
			continue;
		*one = (struct slice){ .ts = ts, .period_min = period, .valid = rnd() % 10 != 0,
		    .flags = rnd() % 4 ? 8 : rnd() % 16, .diff_s = rnd() % 4 ? 0 : (int32_t)rnd() };
		if (!one->valid)
			one->v[0] = (int64_t)(rnd() % 4000000000u);
		else {
			one->present = rnd() % 4 ? 15 : rnd() % 16;
			for (unsigned slot = 0; slot < PROFILE_SLOTS; slot++)
				if (one->present >> slot & 1)
					one->v[slot] = random_value();
		}
		n++;
	}
	return n;
}

static const struct { uint16_t period; int64_t step; } grids[] = {
	{ 30, 1800 }, { 60, 3600 }, { 1, 60 }, { 3, 180 }, { 0, 60 }, { 30, 300 }, { 60, 3601 },
};

START_TEST(day_of_slices_comes_back_as_it_was)
{
	static struct slice day[DAY_SLICES_MAX], again[DAY_SLICES_MAX];
	static uint8_t bytes[DAY_SLICES_MAX * PACK_SLICE_MAX + 32];

	for (int i = 0; i < 200; i++) {
		size_t n = random_day(day, grids[_i].period, grids[_i].step), m;
		struct wr w = wr_init(bytes, sizeof(bytes));

		pack_slices(&w, day, n, BASE);
		ck_assert(wr_ok(&w));
		ck_assert_uint_eq(unpack_slices_count(bytes, w.len), n);
		ck_assert_int_eq(
		    unpack_slices(bytes, w.len, BASE, grids[_i].period, again, DAY_SLICES_MAX, &m),
		    E_OK);
		ck_assert_uint_eq(n, m);
		for (size_t k = 0; k < n; k++) {
			ck_assert_int_eq(day[k].ts, again[k].ts);
			ck_assert_int_eq(day[k].valid, again[k].valid);
			ck_assert_int_eq(day[k].flags, again[k].flags);
			ck_assert_int_eq(day[k].diff_s, again[k].diff_s);
			ck_assert_int_eq(day[k].present, again[k].present);
			ck_assert_mem_eq(day[k].v, again[k].v, sizeof(day[k].v));
		}
	}
}
END_TEST

START_TEST(day_cut_anywhere_is_refused_or_shorter)
{
	static struct slice day[DAY_SLICES_MAX], again[DAY_SLICES_MAX];
	static uint8_t bytes[DAY_SLICES_MAX * PACK_SLICE_MAX + 32];
	size_t n = random_day(day, 30, 1800), m;
	struct wr w = wr_init(bytes, sizeof(bytes));

	pack_slices(&w, day, n, BASE);
	for (size_t cut = 0; cut < w.len; cut++)
		if (unpack_slices(bytes, cut, BASE, 30, again, DAY_SLICES_MAX, &m) == E_OK)
			ck_assert_uint_lt(m, n);
}
END_TEST

/* 48 half-hours of two registers in whole watts: what storage.md 3 counts with. */
START_TEST(ordinary_day_of_half_hours_is_small)
{
	static struct slice day[48];
	static uint8_t bytes[48 * PACK_SLICE_MAX + 32];
	struct wr w = wr_init(bytes, sizeof(bytes));

	for (size_t i = 0; i < 48; i++)
		day[i] = (struct slice){ .ts = BASE - 10800 + (int64_t)(i + 1) * 1800, .period_min = 30,
		    .flags = 8, .valid = true, .present = 15,
		    .v = { (int64_t)(rnd() % 3000) * 1000, 0, (int64_t)(rnd() % 800) * 1000, 0 } };
	pack_slices(&w, day, 48, BASE);
	ck_assert_uint_le(w.len, 48 * 6 + 12);
}
END_TEST

START_TEST(configuration_comes_back_as_it_was)
{
	const struct meter_config c = { .is_dst = -1, .is_clock = 1, .is_tariff = 0, .is_a_minus = -1,
	    .is_r_plus = 1, .is_r_minus = 0, .profile_arrays = 2, .tariffs = 255, .relays = 1,
	    .period_min = 65535, .ratio_i = UINT32_MAX, .ratio_u = 100, .constant = 5000,
	    .profile_depth = UINT32_MAX, .day_depth = 1, .day_cons_depth = 2, .month_depth = 3,
	    .month_cons_depth = UINT32_MAX };
	struct meter_config again = { .serial = "" };
	uint8_t bytes[PACK_CONFIG_MAX];
	struct wr w = wr_init(bytes, sizeof(bytes));

	pack_config(&w, &c);
	ck_assert(wr_ok(&w));
	ck_assert_int_eq(unpack_config(bytes, w.len, &again), E_OK);
	ck_assert_mem_eq(&c, &again, sizeof(c));
	ck_assert_int_eq(unpack_config(bytes, w.len - 1, &again), E_CORRUPT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pack");
	TCase *tc = tcase_create("pack");

	tcase_add_loop_test(tc, record_comes_back_as_it_was, 0, 3);
	tcase_add_test(tc, largest_record_fits);
	tcase_add_test(tc, record_cut_anywhere_is_refused);
	tcase_add_test(tc, whole_watt_hours_take_less_than_thousandths);
	tcase_add_loop_test(tc, day_of_slices_comes_back_as_it_was, 0,
	    sizeof(grids) / sizeof(grids[0]));
	tcase_add_test(tc, day_cut_anywhere_is_refused_or_shorter);
	tcase_add_test(tc, ordinary_day_of_half_hours_is_small);
	tcase_add_test(tc, configuration_comes_back_as_it_was);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
