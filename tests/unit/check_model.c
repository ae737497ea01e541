/* The vocabulary: names, lookups and settings agree with each other. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "src/model/meter.h"
#include "src/model/model.h"
#include "src/model/settings.h"
#include "tests/unit/unit.h"

START_TEST(every_record_type_is_found_by_its_name)
{
	for (int type = REC_NONE + 1; type < REC_COUNT; type++) {
		ck_assert_int_eq(record_type_by_name(record_type_info((enum record_type)type)->name),
		    type);
		ck_assert_uint_le(value_slots((enum record_type)type), VALUE_SLOTS);
	}
	ck_assert_ptr_null(record_type_info(REC_NONE));
	ck_assert_ptr_null(record_type_info(REC_COUNT));
	ck_assert_int_eq(record_type_by_name("ElJrnlPwr"), REC_NONE);
}
END_TEST

START_TEST(tags_stand_in_protocol_order)
{
	ck_assert_str_eq(value_tag(REC_EL_DAY, energy_slot(0, A_PLUS)), "A+0");
	ck_assert_str_eq(value_tag(REC_EL_DAY, energy_slot(12, R_MINUS)), "R-12");
	ck_assert_str_eq(value_tag(REC_EL_MOMENT_QUALITY, Q_FREQ), "Freq");
	ck_assert_str_eq(value_tag(REC_EL_PROFILE, Q_MINUS), "Q-");
	ck_assert_str_eq(value_tag(REC_PLS_DAY, 31), "Pls32");
	ck_assert_str_eq(value_tag(REC_DIG_MOMENT, 0), "Chnl1");
	ck_assert_str_eq(value_tag(REC_GEN_DAY, QT_VOLUME), "volume");
	ck_assert_ptr_null(value_tag(REC_EL_DAY, ENERGY_SLOTS));
	ck_assert_ptr_null(value_tag(REC_EL_CONFIG, 0));
}
END_TEST

START_TEST(journals_are_found_by_every_spelling)
{
	for (int i = 0; i < JOURNAL_COUNT; i++) {
		char name[32];

		ck_assert(i == 0 || journal_codes[i] > journal_codes[i - 1]);
		snprintf(name, sizeof(name), "ElJrnl%s", journal_name(journal_codes[i]));
		ck_assert_uint_eq(journal_by_name(name), journal_codes[i]);
		ck_assert(journal_bit(journal_codes[i]) != 0);
	}
	ck_assert_uint_eq(journal_by_name("jrnlRvr"), J_REVERSE);
	ck_assert_uint_eq(journal_by_name("jrnlPwr"), J_PWR);
	ck_assert_uint_eq(journal_by_name("nothing"), 0);
	ck_assert(journal_bit(43) == 0);
}
END_TEST

START_TEST(meter_types_are_found_by_name_number_and_alias)
{
	ck_assert_uint_eq(meter_type_by_name("mercury23X")->id, 3);
	ck_assert_uint_eq(meter_type_by_name("M23x")->id, 3);
	ck_assert_uint_eq(meter_type_by_name("MILURIC")->id, 94);
	ck_assert_uint_eq(meter_type_by_name("SPODES_M2XX")->id, 36);
	ck_assert_uint_eq(meter_type_by_name("5")->id, 5);
	ck_assert_ptr_null(meter_type_by_name("7"));
	ck_assert_ptr_null(meter_type_by_name("99999999999"));
	ck_assert_ptr_null(meter_type_by_name(""));
}
END_TEST

START_TEST(interfaces_are_found_regardless_of_case)
{
	ck_assert_int_eq(meter_iface_by_name("iface 3"), IFACE_3);
	ck_assert_int_eq(meter_iface_by_name("ETHERNET"), IFACE_ETHERNET);
	ck_assert_int_eq(meter_iface_by_name("Iface5"), IFACE_NONE);
}
END_TEST

START_TEST(settings_keep_their_limits)
{
	struct settings s;
	char text[300];

	settings_defaults(&s);
	ck_assert_int_eq(s.tz_min, 180);
	ck_assert_str_eq(s.rtu_version, "020102");
	ck_assert_int_eq(settings_set(&s, "time.tz_min", "841"), E_INVALID);
	ck_assert_int_eq(settings_set(&s, "time.tz_min", "12x"), E_INVALID);
	ck_assert_int_eq(settings_set(&s, "time.tz_min", ""), E_INVALID);
	ck_assert_int_eq(settings_set(&s, "time.tz_min", "-60"), E_OK);
	ck_assert_int_eq(settings_set(&s, "rtu.version", "1234567"), E_INVALID);
	ck_assert_int_eq(settings_set(&s, "no.such", "1"), E_NOTFOUND);
	ck_assert_int_eq(settings_get(&s, "time.tz_min", text, sizeof(text)), E_OK);
	ck_assert_str_eq(text, "-60");
	ck_assert_int_eq(settings_get(&s, "rtu.version", text, 3), E_LIMIT);
}
END_TEST

START_TEST(every_default_passes_its_own_check)
{
	struct settings s;
	char text[300];

	settings_defaults(&s);
	for (size_t i = 0; settings_key(i) != NULL; i++) {
		ck_assert_int_eq(settings_get(&s, settings_key(i), text, sizeof(text)), E_OK);
		ck_assert_msg(settings_set(&s, settings_key(i), text) == E_OK, "%s", settings_key(i));
		ck_assert_ptr_nonnull(settings_help(i));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("model");
	TCase *t = tcase_create("model");

	tcase_add_test(t, every_record_type_is_found_by_its_name);
	tcase_add_test(t, tags_stand_in_protocol_order);
	tcase_add_test(t, journals_are_found_by_every_spelling);
	tcase_add_test(t, meter_types_are_found_by_name_number_and_alias);
	tcase_add_test(t, interfaces_are_found_regardless_of_case);
	tcase_add_test(t, settings_keep_their_limits);
	tcase_add_test(t, every_default_passes_its_own_check);
	suite_add_tcase(suite, t);
	return unit_main(suite);
}
