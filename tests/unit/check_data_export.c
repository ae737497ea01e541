/* Records of meters as files, and how complete they are, over HTTP. */
#include <check.h>
#include <string.h>

#include "tests/unit/http_help.h"
#include "tests/unit/smart_help.h"
#include "tests/unit/unit.h"

static void
expect_text(const char *path, long status, const char *text)
{
	struct http_answer a = http_ask("GET", path, NULL);

	ck_assert_msg(a.status == status && a.body.p != NULL && strstr(a.body.p, text) != NULL,
	    "%s: %ld %s", path, a.status, a.body.p != NULL ? a.body.p : "");
	http_forget(&a);
}

START_TEST(records_are_exported_for_spreadsheets)
{
	expect_text("/api/v1/data.csv?type=ElDayEnergy&meter=6&tags=A%2B0,A%2B2", 200,
	    "\xef\xbb\xbfПрибор;Заводской номер;Время;ts;Расхождение часов, с;A+0;A+2\r\n"
	    "6;08873213;2024-06-01 00:00:00;1717189200;-2;1415644;\r\n"
	    "6;08873213;2024-06-02 00:00:00;1717275600;-2;1421090;\r\n");
	expect_text("/api/v1/data.csv?type=ElArr1ConsPower&meters=1,6&lang=en&to=1717189200", 200,
	    "\xef\xbb\xbfmeter;serial;time;ts;diff;cTime;P+;P-;Q+;Q-;isPart;isOvfl;isSummer;isMeas\r\n"
	    "1;02553417;2024-06-01 00:00:00;1717189200;1;30;180;0;0;0;0;0;0;1\r\n"
	    "6;08873213;2024-06-01 00:00:00;1717189200;-2;30;412.5;0;96.2;0;0;0;0;1\r\n");
	expect_text("/api/v1/data.csv?type=ElArr1ConsPower&serial=08873213&to=1717189200", 200,
	    ";30;412,5;0;96,2;0;0;0;0;1\r\n");
	expect_text("/api/v1/data.csv?type=ElJrnl&meter=6&lang=en", 200, "1717243377;-2;Pwr;1;5\r\n");
	expect_text("/api/v1/data.csv?type=ElConfig&meter=6&tags=model,kI", 200,
	    ";Mercury 230ART-01;1\r\n");
	expect_text("/api/v1/data.csv?type=ElDayEnergy&meter=7&markers=1&tags=A%2B0", 200,
	    "7;;2024-06-03 00:00:00;1717362000;0;\r\n");
	expect_text("/api/v1/data.csv?type=PlsDayPulse", 200, "Pls32\r\n");
	expect_text("/api/v1/data.csv", 422, "type");
	expect_text("/api/v1/data.csv?type=ElDayEnergy&tags=UA", 422, "tags");
	expect_text("/api/v1/data.csv?type=ElDayEnergy&meters=6,x", 422, "meters");
	expect_text("/api/v1/data.csv?type=ElDayEnergy&meter=99", 404, "99");
	expect_text("/api/v1/data.csv?type=ElDayEnergy&serial=11111", 404, "no meter");
	expect_text("/api/v1/data.xlsx?type=nothing", 422, "type");
}
END_TEST

START_TEST(a_workbook_is_made)
{
	struct http_answer a = http_ask("GET", "/api/v1/data.xlsx?type=ElDayEnergy&lang=en", NULL);

	ck_assert_int_eq(a.status, 200);
	ck_assert_uint_gt(a.body.len, 2000);
	ck_assert_mem_eq(a.body.p, "PK\3\4", 4);
	http_forget(&a);
}
END_TEST

START_TEST(completeness_is_a_share_of_what_should_be_there)
{
	for (int i = 1; i <= 36; i++)
		smart_put_slice(2, SMART_DAY + (int64_t)i * 1800, 0, 1, 1);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	expect_text("/api/v1/completeness?type=ElDayEnergy&from=2024-06-01&to=2024-06-03", 200,
	    "{\"type\":\"ElDayEnergy\",\"step\":\"day\",\"columns\":[\"2024-06-01\",\"2024-06-02\","
	    "\"2024-06-03\"],\"meters\":[\n{\"id\":1,\"share\":[100,0,0]},\n{\"id\":6,"
	    "\"share\":[100,100,0]},\n{\"id\":7,\"share\":[0,0,0]}]}\n");
	expect_text("/api/v1/completeness?type=ElDayConsEnergy&from=2024-06-01&to=2024-06-01&meter=6",
	    200, "\"share\":[100]");
	expect_text(
	    "/api/v1/completeness?type=ElArr1ConsPower&from=2024-05-31&to=2024-06-01&meters=6,7", 200,
	    "{\"id\":6,\"share\":[2,2]},\n{\"id\":7,\"share\":[0,75]}");
	expect_text("/api/v1/completeness?type=ElMonthEnergy&meter=6&from=2024-06-01&to=2024-07-15",
	    200, "\"step\":\"month\",\"columns\":[\"2024-06-01\",\"2024-07-01\"]");
	expect_text("/api/v1/completeness?type=ElDayEnergy&meter=6", 200, "\"share\":[0,");
	expect_text("/api/v1/completeness?type=ElJrnlPwr", 422, "grid");
	expect_text("/api/v1/completeness?type=ElDayEnergy&from=2020-01-01&to=2024-01-01", 422, "from");
	expect_text("/api/v1/completeness?type=ElDayEnergy&from=2024-06-02&to=2024-06-01", 422, "from");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("data export");
	TCase *t = tcase_create("over HTTP");

	tcase_add_checked_fixture(t, smart_setup, http_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, records_are_exported_for_spreadsheets);
	tcase_add_test(t, a_workbook_is_made);
	tcase_add_test(t, completeness_is_a_share_of_what_should_be_there);
	suite_add_tcase(s, t);
	return unit_main(s);
}
