/* Names of measures and tags of SMART-JSON, both dialects. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "smart-json/http.h"
#include "smart-json/smart_measure.h"
#include "src/model/tags.h"
#include "tests/unit/unit.h"

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* ---- names ---- */

static const struct {
	enum measure_source source;
	const char *text, *name;
	enum measure_job job;
	bool now;
	enum record_type electric, pulse, digital;
	unsigned journal;
} names[] = {
	{ MEASURES_ARCH, "ElDayEnergy", "ElDayEnergy", JOB_RECORDS, false, REC_EL_DAY },
	{ MEASURES_ARCH, "eldayenergy", "ElDayEnergy", JOB_RECORDS, false, REC_EL_DAY },
	{ MEASURES_ARCH, " El Day Energy", "ElDayEnergy", JOB_RECORDS, false, REC_EL_DAY },
	{ MEASURES_ARCH, "ElJrnlPwr", "ElJrnlPwr", JOB_RECORDS, false, REC_EL_JOURNAL, 0, 0, J_PWR },
	{ MEASURES_ARCH, "ElJnlLimFreqMax", "ElJrnlLimFreqMax", JOB_RECORDS, false, REC_EL_JOURNAL, 0,
	    0, J_LIM_F_MAX },
	{ MEASURES_ARCH, "ElJrnlRvr", "ElJrnlReverce", JOB_RECORDS, false, REC_EL_JOURNAL, 0, 0,
	    J_REVERSE },
	{ MEASURES_ARCH, "PlsJrnlTimeCorr", "PlsJrnlTimeCorr", JOB_RECORDS, false, 0, REC_PLS_JOURNAL },
	{ MEASURES_ARCH, "DigJournalState", "DigJournalState", JOB_RECORDS, false, 0, 0,
	    REC_DIG_JOURNAL },
	{ MEASURES_MOMENT, "ElMomentEnergy", "ElMomentEnergy", JOB_RECORDS, true,
	    REC_EL_MOMENT_ENERGY },
	{ MEASURES_MOMENT, "gettime", "GetTime", JOB_TIME, true },
	{ MEASURES_MOMENT, "PlsSerial", "PlsSerial", JOB_SERIAL, true },
	{ MEASURES_MOMENT, "DigGetRelay", "DigGetRelay", JOB_RELAY, true },
	{ MEASURES_MOMENT, "ElCalendarActivateTime", "ElCalendarActivateTime", JOB_CALENDAR, true },
	{ MEASURES_MOMENT, "SetTime", "", JOB_ORDER, true },
	{ MEASURES_MOMENT, "ElSetCalendarActivatePassive", "", JOB_ORDER, true },
	{ MEASURES_31, "aDay", "aDay", JOB_RECORDS, false, REC_EL_DAY, REC_PLS_DAY },
	{ MEASURES_31, "mEng", "mEng", JOB_RECORDS, true, REC_EL_MOMENT_ENERGY, REC_PLS_MOMENT,
	    REC_DIG_MOMENT },
	{ MEASURES_31, "AENG", "aEng", JOB_RECORDS, false, REC_EL_MOMENT_ENERGY, REC_PLS_MOMENT,
	    REC_DIG_MOMENT },
	{ MEASURES_31, "mTime", "mTime", JOB_TIME, true },
	{ MEASURES_31, "jrnlTimeCorr", "jrnlTimeCorr", JOB_RECORDS, false, REC_EL_JOURNAL,
	    REC_PLS_JOURNAL, 0, J_TIME_CORR },
	{ MEASURES_31, "jrnlRvr", "jrnlRvr", JOB_RECORDS, false, REC_EL_JOURNAL, 0, 0, J_REVERSE },
	{ MEASURES_31, "jrnlReverce", "jrnlRvr", JOB_RECORDS, false, REC_EL_JOURNAL, 0, 0, J_REVERSE },
	{ MEASURES_31, "jrnlLimPwrQM", "jrnlLimPwrQM", JOB_RECORDS, false, REC_EL_JOURNAL, 0, 0,
	    J_LIM_PWR_QM },
	{ MEASURES_31, "jrnlAnsw", "jrnlAnsw", JOB_LINK, false },
};

START_TEST(a_measure_is_known_by_its_names)
{
	struct measure m;

	ck_assert_int_eq(measure_find(names[_i].source, names[_i].text, false, &m), E_OK);
	ck_assert_str_eq(m.name, names[_i].name);
	ck_assert_int_eq(m.job, names[_i].job);
	ck_assert_int_eq(m.now, names[_i].now);
	ck_assert_int_eq(m.types[CLASS_ELECTRIC], names[_i].electric);
	ck_assert_int_eq(m.types[CLASS_PULSE], names[_i].pulse);
	ck_assert_int_eq(m.types[CLASS_DIGITAL], names[_i].digital);
	ck_assert_uint_eq(m.journal, names[_i].journal);
}
END_TEST

static const struct { enum measure_source source; const char *text; } strange[] = {
	{ MEASURES_ARCH, "" }, { MEASURES_ARCH, "ElDayTemperature" }, { MEASURES_ARCH, "aDay" },
	{ MEASURES_ARCH, "ElJrnl" }, { MEASURES_ARCH, "ElJrnlMagnet" }, { MEASURES_ARCH, "GetTime" },
	{ MEASURES_ARCH, "ElDayEnergyX" }, { MEASURES_MOMENT, "mTime" }, { MEASURES_31, "ElDayEnergy" },
	{ MEASURES_31, "jrnl" }, { MEASURES_31, "jrnlMagnet" }, { MEASURES_31, "SetTime" },
};

START_TEST(other_names_are_no_measures)
{
	struct measure m;

	ck_assert_int_eq(measure_find(strange[_i].source, strange[_i].text, false, &m), E_NOTFOUND);
}
END_TEST

START_TEST(own_journals_are_measures_when_they_are_wanted)
{
	struct measure m;

	ck_assert_int_eq(measure_find(MEASURES_ARCH, "ElJrnlMagnet", true, &m), E_OK);
	ck_assert_uint_eq(m.journal, J_MAGNET);
	ck_assert_int_eq(measure_find(MEASURES_31, "jrnlMagnet", true, &m), E_OK);
}
END_TEST

START_TEST(every_archive_type_and_journal_is_a_measure)
{
	struct measure m;
	char name[48];

	for (enum record_type type = REC_NONE + 1; type < REC_COUNT; type++)
		if (type != REC_EL_JOURNAL)
			ck_assert_int_eq(
			    measure_find(MEASURES_ARCH, record_type_info(type)->name, false, &m), E_OK);
	for (int i = 0; i < JOURNAL_COUNT; i++) {
		snprintf(name, sizeof(name), "ElJrnl%s", journal_name(journal_codes[i]));
		ck_assert_int_eq(measure_find(MEASURES_ARCH, name, true, &m), E_OK);
		ck_assert_str_eq(m.name, name);
	}
}
END_TEST

/* ---- tags ---- */

static const struct {
	enum record_type type;
	unsigned dialect;
	bool measured;
	const char *asked;	/* JSON */
	const char *tags;
} tags[] = {
	{ REC_EL_DAY, DIALECT_40, false, "[]",
	    "A+0 A+1 A+2 A+3 A+4 A-0 A-1 A-2 A-3 A-4 R+0 R+1 R+2 R+3 R+4 R-0 R-1 R-2 R-3 R-4" },
	{ REC_EL_DAY, DIALECT_40, false, "[\"R+1\",\"A+5\",\"a+0\",\"UA\",\"A + 12\"]",
	    "A+0 A+5 A+12 R+1" },
	{ REC_EL_DAY, DIALECT_40, false, "[\"UA\",\"Pls1\"]", "" },
	{ REC_EL_MOMENT_QUALITY, DIALECT_31, false, "[]",
	    "UA UB UC IA IB IC PS PA PB PC QS QA QB QC SS SA SB SC AngAB AngBC AngAC kPS kPA kPB kPC "
	    "Freq" },
	{ REC_EL_PROFILE, DIALECT_40, false, "[]", "cTime P+ P- Q+ Q- isPart isOvfl isSummer" },
	{ REC_EL_PROFILE, DIALECT_40, true, "[]", "cTime P+ P- Q+ Q- isPart isOvfl isSummer isMeas" },
	{ REC_EL_PROFILE, DIALECT_40, false, "[\"isMeas\",\"Q+\"]", "Q+ isMeas" },
	{ REC_EL_PROFILE, DIALECT_31, false, "[]", "cTime P+ P- Q+ Q- isPart isOvfl isSummer isMeas" },
	{ REC_EL_JOURNAL, DIALECT_40, false, "[]", "event eventId" },
	{ REC_DIG_MOMENT, DIALECT_31, false, "[\"Chnl3\",\"Chnl1\",\"Chnl2\"]", "Chnl1 Chnl2 Chnl3" },
	{ REC_EL_CONFIG, DIALECT_40, false, "[\"Const\",\"serial\"]", "serial const" },
	{ REC_EL_CONFIG, DIALECT_31, false, "[\"const\",\"kU\",\"cArrays\"]", "kU Const cArrays" },
	{ REC_PLS_CONFIG, DIALECT_31, false, "[]", "serial model chnl isDst" },
	{ REC_DIG_CONFIG, DIALECT_40, false, "[]", "serial model chnlIn chnlOut isDst" },
};

START_TEST(tags_come_in_the_order_of_the_vocabulary)
{
	json_t *asked = json_loads(tags[_i].asked, 0, NULL);
	const struct tag_choice choice = { tags[_i].dialect, tags[_i].measured, asked };
	char got[512] = "";
	struct tag_list list = { .n = 0 };

	tag_list_make(&list, tags[_i].type, &choice);
	for (size_t i = 0; i < list.n; i++) {
		strncat(got, i > 0 ? " " : "", sizeof(got) - strlen(got) - 1);
		strncat(got, list.tag[i].name, sizeof(got) - strlen(got) - 1);
	}
	ck_assert_str_eq(got, tags[_i].tags);
	json_decref(asked);
}
END_TEST

START_TEST(all_channels_come_when_none_is_named)
{
	const struct tag_choice choice = { DIALECT_40, false, NULL };
	struct tag_list list = { .n = 0 };

	tag_list_make(&list, REC_PLS_DAY, &choice);
	ck_assert_uint_eq(list.n, CHANNEL_SLOTS);
	ck_assert_str_eq(list.tag[31].name, "Pls32");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("smart measures");
	TCase *t = tcase_create("names");

	tcase_add_loop_test(t, a_measure_is_known_by_its_names, 0, COUNT(names));
	tcase_add_loop_test(t, other_names_are_no_measures, 0, COUNT(strange));
	tcase_add_test(t, own_journals_are_measures_when_they_are_wanted);
	tcase_add_test(t, every_archive_type_and_journal_is_a_measure);
	suite_add_tcase(s, t);
	t = tcase_create("tags");
	tcase_add_loop_test(t, tags_come_in_the_order_of_the_vocabulary, 0, COUNT(tags));
	tcase_add_test(t, all_channels_come_when_none_is_named);
	suite_add_tcase(s, t);
	return unit_main(s);
}
