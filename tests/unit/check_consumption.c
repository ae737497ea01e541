#include <check.h>

#include "src/base/err.h"
#include "src/store/consumption.h"
#include "tests/unit/unit.h"

/* A register of six digits of kWh, in thousandths of Wh. */
#define REGISTER INT64_C(1000000000000)

static const struct end_case {
	int64_t start, end, limit;
	int rc;
	int64_t used;
} cases[] = {
	{ 1000, 2500, 0, E_OK, 1500 },
	{ 2500, 2500, 0, E_OK, 0 },
	{ 2500, 2499, 0, E_NODATA, 0 },
	{ REGISTER - 10, 15, REGISTER, E_OK, 25 },
	{ REGISTER - 10, 15, 0, E_NODATA, 0 },				/* no limit is known */
	{ REGISTER / 2, 15, REGISTER, E_NODATA, 0 },			/* not from above 90 % */
	{ REGISTER - 10, REGISTER / 2, REGISTER, E_NODATA, 0 },		/* not to below 10 % */
	{ REGISTER + 10, 15, REGISTER, E_NODATA, 0 },			/* the limit is wrong */
	{ INT64_MIN, INT64_MAX, 0, E_NODATA, 0 },
};

START_TEST(difference_of_two_readings)
{
	const struct end_case *c = &cases[_i];
	int64_t used = 0;

	ck_assert_int_eq(consumption_of(c->start, c->end, c->limit, &used), c->rc);
	if (c->rc == E_OK)
		ck_assert_int_eq(used, c->used);
}
END_TEST

static struct record
reading(int64_t ts, int64_t a_plus, int64_t r_plus)
{
	struct record r = { .type = REC_EL_DAY, .valid = true, .ts = ts };

	record_set(&r, energy_slot(0, A_PLUS), a_plus);
	record_set(&r, energy_slot(0, R_PLUS), r_plus);
	return r;
}

START_TEST(tag_that_went_back_is_absent_and_the_others_count)
{
	struct record start = reading(0, 5000, 100), end = reading(86400, 6000, 50), made;
	uint64_t back;

	ck_assert(consumption_record(REC_EL_DAY_CONS, &start, &end, 0, 0, &made, &back));
	ck_assert_int_eq(made.v[A_PLUS], 1000);
	ck_assert(!record_has(&made, R_PLUS));
	ck_assert_uint_eq(back, 1 << R_PLUS);
	ck_assert_int_eq(made.type, REC_EL_DAY_CONS);
	ck_assert_int_eq(made.ts, 0);
}
END_TEST

START_TEST(tag_at_one_end_only_is_absent)
{
	struct record start = reading(0, 5000, 100), end = reading(86400, 6000, 150), made;

	end.present &= ~(UINT64_C(1) << R_PLUS);
	ck_assert(consumption_record(REC_EL_DAY_CONS, &start, &end, 0, 0, &made, NULL));
	ck_assert_uint_eq(made.present, 1 << A_PLUS);
}
END_TEST

START_TEST(nothing_in_common_gives_no_record)
{
	struct record start = reading(0, 5000, 100), end = reading(86400, 4000, 50), made;

	ck_assert(!consumption_record(REC_EL_DAY_CONS, &start, &end, 0, 0, &made, NULL));
	end.valid = false;
	ck_assert(!consumption_record(REC_EL_DAY_CONS, &start, &end, 0, 0, &made, NULL));
}
END_TEST

START_TEST(serial_changed_inside_the_period_gives_no_record)
{
	struct record start = reading(1000, 0, 0), end = reading(87400, 100, 100), made;

	ck_assert(!consumption_record(REC_EL_DAY_CONS, &start, &end, 1001, 0, &made, NULL));
	ck_assert(!consumption_record(REC_EL_DAY_CONS, &start, &end, 87400, 0, &made, NULL));
	ck_assert(consumption_record(REC_EL_DAY_CONS, &start, &end, 1000, 0, &made, NULL));
	ck_assert(consumption_record(REC_EL_DAY_CONS, &start, &end, 87401, 0, &made, NULL));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("consumption");
	TCase *tc = tcase_create("consumption");

	tcase_add_loop_test(tc, difference_of_two_readings, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, tag_that_went_back_is_absent_and_the_others_count);
	tcase_add_test(tc, tag_at_one_end_only_is_absent);
	tcase_add_test(tc, nothing_in_common_gives_no_record);
	tcase_add_test(tc, serial_changed_inside_the_period_gives_no_record);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
