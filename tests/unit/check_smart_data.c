/* Meter data of SMART-JSON over a real store, from outside: requests in every form that clients are
 * known to send, answers byte for byte.  The archive is that of vectors/smart-json.jsonl. */
#include <check.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/smart_measure.h"
#include "smart-json/smart_measure_tags.h"
#include "tests/unit/http_help.h"
#include "tests/unit/unit.h"

#define DAY1 INT64_C(1717189200)	/* 2024-06-01 00:00 +03:00 */
#define DAY2 (DAY1 + 86400)

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
	{ MEASURES_ARCH, "ElJnlLimFreqMax", "ElJrnlLimFreqMax", JOB_RECORDS, false, REC_EL_JOURNAL, 0, 0,
	    J_LIM_F_MAX },
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
			ck_assert_int_eq(measure_find(MEASURES_ARCH, record_type_info(type)->name, false,
					     &m),
			    E_OK);
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
	    "UA UB UC IA IB IC PS PA PB PC QS QA QB QC SS SA SB SC AngAB AngBC AngAC kPS kPA kPB kPC Freq" },
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
	struct tag_list list;

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
	struct tag_list list;

	tag_list_make(&list, REC_PLS_DAY, &choice);
	ck_assert_uint_eq(list.n, CHANNEL_SLOTS);
	ck_assert_str_eq(list.tag[31].name, "Pls32");
}
END_TEST

/* ---- the archive of the vectors ---- */

static void
put(uint16_t dev, const struct record *r)
{
	ck_assert_int_eq(store_put(http_store, dev, r, 1), E_OK);
}

static void
put_energy(uint16_t dev, enum record_type type, int64_t ts, int32_t diff, int64_t sum, int64_t first)
{
	struct record r = { .type = type, .valid = true, .ts = ts, .diff_s = diff };

	record_set(&r, energy_slot(0, A_PLUS), sum);
	if (first >= 0)
		record_set(&r, energy_slot(1, A_PLUS), first);
	put(dev, &r);
}

static void
put_slice(uint16_t dev, int64_t ts, int32_t diff, int64_t p, int64_t q)
{
	struct record r = { .type = REC_EL_PROFILE, .valid = true, .ts = ts, .diff_s = diff,
		.period_min = 30, .flags = PROFILE_MEASURED };

	record_set(&r, P_PLUS, p);
	record_set(&r, P_MINUS, 0);
	record_set(&r, Q_PLUS, q);
	record_set(&r, Q_MINUS, 0);
	put(dev, &r);
}

static void
put_event(uint16_t dev, uint16_t journal, int64_t ts, int event, int number)
{
	struct record r = { .type = REC_EL_JOURNAL, .journal = journal, .valid = true, .ts = ts,
		.diff_s = -2 };

	record_set(&r, J_EVENT, event);
	record_set(&r, J_EVENT_ID, number);
	put(dev, &r);
}

static void
put_config(uint16_t dev, enum record_type type, const char *serial, const char *model)
{
	struct meter_config c = { .is_dst = 0, .is_clock = 1, .is_tariff = 1, .is_a_minus = 0,
		.is_r_plus = 1, .is_r_minus = 0, .profile_arrays = 1, .ratio_i = 1, .ratio_u = 1,
		.constant = 1000 };
	struct record r = { .type = type, .valid = true, .ts = 1717150000, .config = &c };

	snprintf(c.serial, sizeof(c.serial), "%s", serial);
	snprintf(c.model, sizeof(c.model), "%s", model);
	put(dev, &r);
}

static void
put_rest(void)
{
	struct record marker = { .type = REC_EL_DAY, .ts = DAY2 + 86400 };
	struct record channels = { .type = REC_DIG_MOMENT, .valid = true, .ts = DAY1 + 36000 };
	struct record quality = { .type = REC_EL_MOMENT_QUALITY, .valid = true, .ts = DAY1 + 5 };

	record_set(&marker, 0, DAY2 + 90000);
	put(2, &marker);
	record_set(&channels, 0, 1000);
	record_set(&channels, 1, 0);
	record_set(&channels, 2, 0);
	put(5, &channels);
	record_set(&quality, Q_UA, 230125);
	record_set(&quality, Q_KPS, -500);
	record_set(&quality, Q_FREQ, 50000);
	put(2, &quality);
}

static void
setup(void)
{
	http_setup();
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":6,\"type\":3,\"addr\":\"72\",\"iface\":\"Iface1\"}]", NULL);
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":7,\"type\":5,\"addr\":\"141227285\",\"iface\":\"Iface2\"}]", NULL);
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":1,\"type\":3,\"addr\":\"15\",\"iface\":\"Iface1\"}]", NULL);
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":8,\"type\":93,\"addr\":\"8\",\"iface\":\"Iface1\"}]", NULL);
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":9,\"type\":192,\"addr\":\"9\",\"iface\":\"Iface1\"}]", NULL);
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":10,\"type\":91,\"addr\":\"10\",\"iface\":\"Iface1\"}]", NULL);
	put_config(1, REC_EL_CONFIG, "08873213", "Mercury 230ART-01");
	put_config(3, REC_EL_CONFIG, "02553417", "");
	put_config(5, REC_DIG_CONFIG, "1", "");
	put_energy(1, REC_EL_DAY, DAY1, -2, 1415644000, 1002511000);
	put_energy(1, REC_EL_DAY, DAY2, -2, 1421090000, 1006380000);
	put_energy(3, REC_EL_DAY, DAY1, 1, 2204510000, -1);
	put_slice(1, DAY1, -2, 412500, 96200);
	put_slice(1, DAY1 + 1800, -2, 300000, 0);
	put_slice(3, DAY1, 1, 180000, 0);
	put_event(1, J_PWR, 1717243215, 0, 4);
	put_event(1, J_PWR, 1717243377, 1, 5);
	put_rest();
	ck_assert_int_eq(store_sync(http_store), E_OK);
}

/* ---- requests and answers ---- */

static const char *const dialect_fields[] = { "X-Protocol-USPD: 31", "X-Protocol-USPD: 40" };

static void
without_newlines(struct text *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->len; i++)
		if (t->p[i] != '\n')
			t->p[n++] = t->p[i];
	if (t->p != NULL)
		t->p[n] = '\0';
	t->len = n;
}

static struct http_answer
ask(int dialect, const char *path, const char *body)
{
	struct http_answer a = http_ask_with("POST", path, body, strlen(body),
	    dialect_fields[dialect == 40]);

	without_newlines(&a.body);
	return a;
}

#define HEAD6 "{\"id\":6,\"deviceIdx\":1,\"meterId\":6,\"serial\":\"08873213\"," \
	"\"model\":\"Mercury 230ART-01\",\"vals\":"
#define DAY_1(...) "{\"ts\":1717189200,\"diff\":-2,\"tags\":[" __VA_ARGS__ "]}"
#define DAY_2(...) "{\"ts\":1717275600,\"diff\":-2,\"tags\":[" __VA_ARGS__ "]}"
#define AP(v) "{\"tag\":\"A+0\",\"val\":" #v "}"
#define ANSWER(measure, devices) \
	"{\"measures\":[{\"measure\":\"" measure "\",\"devices\":[" devices "]}]}"
#define BOTH ANSWER("ElDayEnergy", HEAD6 "[" DAY_1(AP(1415644)) "," DAY_2(AP(1421090)) "]}")
#define FIRST ANSWER("ElDayEnergy", HEAD6 "[" DAY_1(AP(1415644)) "]}")
#define SECOND ANSWER("ElDayEnergy", HEAD6 "[" DAY_2(AP(1421090)) "]}")
#define NEITHER ANSWER("ElDayEnergy", HEAD6 "null}")
#define DAYS(rest) "{\"ids\":[6],\"measures\":[\"ElDayEnergy\"],\"tags\":[\"A+0\"]" rest "}"
#define WINDOW(start, end) DAYS(",\"time\":[{\"start\":" start ",\"end\":" end "}]")

static const struct { int dialect; const char *path, *body, *answer; } answers[] = {
	/* windows */
	{ 40, "/meter/data/arch", DAYS(""), BOTH },
	{ 40, "/meter/data/arch", DAYS(",\"time\":[]"), BOTH },
	{ 40, "/meter/data/arch", DAYS(",\"time\":null,\"flags\":null"), BOTH },
	{ 40, "/meter/data/arch", WINDOW("1717189200", "1717275600"), BOTH },
	{ 40, "/meter/data/arch", WINDOW("1717189200", "1717189200"), FIRST },
	{ 40, "/meter/data/arch", WINDOW("1717189201", "1717275600"), SECOND },
	{ 40, "/meter/data/arch", WINDOW("1717189200", "1717275599"), FIRST },
	{ 40, "/meter/data/arch", WINDOW("1717275600", "1717189200"), NEITHER },
	{ 40, "/meter/data/arch", WINDOW("\"1717189200\"", "\"1717189200\""), FIRST },
	{ 40, "/meter/data/arch", WINDOW("1717189200000", "1717189200999"), FIRST },
	{ 40, "/meter/data/arch", WINDOW("1717189200.0", "1717189200.9"), FIRST },
	{ 40, "/meter/data/arch", WINDOW("\"2024-06-01T00:00:00+03:00\"", "\"2024-06-01 23:59\""), FIRST },
	{ 40, "/meter/data/arch", WINDOW("\"2024-05-31T21:00:00Z\"", "\"2024-06-01\""), FIRST },
	{ 40, "/meter/data/arch", WINDOW("\"\"", "null"), BOTH },
	{ 40, "/meter/data/arch", WINDOW("-5", "99999999999"), BOTH },
	{ 40, "/meter/data/arch", DAYS(",\"time\":[{\"start\":1717200000}]"), SECOND },
	{ 40, "/meter/data/arch", DAYS(",\"time\":[{\"end\":1717200000}]"), FIRST },
	{ 40, "/meter/data/arch", DAYS(",\"time\":{\"end\":1717200000}"), FIRST },
	{ 40, "/meter/data/arch", DAYS(",\"time\":[{}]"), BOTH },
	{ 40, "/meter/data/arch",
	    DAYS(",\"time\":[{\"start\":1717275600},{\"end\":1717189200},{\"end\":1717189201}]"), BOTH },
	{ 40, "/meter/data/arch",
	    DAYS(",\"time\":[{\"start\":1717275600,\"end\":1717275600},{\"start\":9,\"end\":8}]"), SECOND },
	/* the newest */
	{ 40, "/meter/data/arch", DAYS(",\"flags\":[\"lastTime\"]"), SECOND },
	{ 40, "/meter/data/arch", DAYS(",\"flags\":\"lasttime\",\"time\":[{\"end\":1717275599}]"), FIRST },
	{ 40, "/meter/data/arch",
	    DAYS(",\"flags\":[\"lastTime\"],\"time\":[{\"end\":1717189200},{\"start\":1717300000}]"), FIRST },
	/* measures and tags */
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measure\":\"ElDayEnergy\",\"tags\":\"A+0\"}", BOTH },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measure\":[\"ELDAYENERGY\"],\"tags\":[\"A+0\"]}", BOTH },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":\"ElDayEnergy\",\"tags\":[\"a+0\",\"UA\"]}",
	    BOTH },
	{ 40, "/meter/data/arch",
	    "{\"ids\":[6],\"measures\":[\"ElDayConsEnergy\",\"ElDayEnergy\"],\"tags\":[\"A+0\"],"
	    "\"time\":[{\"start\":1717189200,\"end\":1717189200}]}",
	    "{\"measures\":[{\"measure\":\"ElDayConsEnergy\",\"devices\":[" HEAD6 "[" DAY_1(AP(5446)) "]}]},"
	    "{\"measure\":\"ElDayEnergy\",\"devices\":[" HEAD6 "[" DAY_1(AP(1415644)) "]}]}]}" },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":[\"ElMonthEnergy\"],\"tags\":[]}",
	    ANSWER("ElMonthEnergy", HEAD6 "null}") },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":[\"PlsDayPulse\"]}",
	    ANSWER("PlsDayPulse", "") },
	{ 40, "/meter/data/arch",
	    "{\"ids\":[6],\"measures\":[\"ElArr1ConsPower\"],"
	    "\"time\":[{\"start\":1717189200,\"end\":1717190999}]}",
	    ANSWER("ElArr1ConsPower",
		HEAD6 "[" DAY_1("{\"tag\":\"cTime\",\"val\":30},{\"tag\":\"P+\",\"val\":412.5},"
				"{\"tag\":\"P-\",\"val\":0},{\"tag\":\"Q+\",\"val\":96.2},{\"tag\":\"Q-\",\"val\":0},"
				"{\"tag\":\"isPart\",\"val\":false},{\"tag\":\"isOvfl\",\"val\":false},"
				"{\"tag\":\"isSummer\",\"val\":false}") "]}") },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":[\"ElJrnlPwr\"],\"tags\":[]}",
	    ANSWER("ElJrnlPwr",
		HEAD6 "[{\"ts\":1717243215,\"diff\":-2,\"tags\":[{\"tag\":\"event\",\"val\":0},"
		      "{\"tag\":\"eventId\",\"val\":4}]},"
		      "{\"ts\":1717243377,\"diff\":-2,\"tags\":[{\"tag\":\"event\",\"val\":1},"
		      "{\"tag\":\"eventId\",\"val\":5}]}]}") },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":[\"ElConfig\"],\"tags\":[]}",
	    ANSWER("ElConfig",
		HEAD6 "[{\"ts\":1717150000,\"diff\":0,\"tags\":[{\"tag\":\"serial\",\"val\":\"08873213\"},"
		      "{\"tag\":\"model\",\"val\":\"Mercury 230ART-01\"},{\"tag\":\"cArrays\",\"val\":1},"
		      "{\"tag\":\"isDst\",\"val\":false},{\"tag\":\"isClock\",\"val\":true},"
		      "{\"tag\":\"isTrf\",\"val\":true},{\"tag\":\"isAm\",\"val\":false},"
		      "{\"tag\":\"isRm\",\"val\":false},{\"tag\":\"isRp\",\"val\":true},"
		      "{\"tag\":\"kI\",\"val\":1},{\"tag\":\"kU\",\"val\":1},{\"tag\":\"const\",\"val\":1000}]}]}") },
	/* a marker, NULLs, negative thousandths, a meter that never told its number */
	{ 40, "/meter/data/arch", "{\"ids\":[7],\"measures\":[\"ElDayEnergy\"]}",
	    ANSWER("ElDayEnergy",
		"{\"id\":7,\"deviceIdx\":2,\"meterId\":7,\"serial\":null,\"vals\":["
		"{\"ts\":1717362000,\"diff\":0,\"tags\":[]}]}") },
	{ 40, "/meter/data/arch",
	    "{\"ids\":[7],\"measures\":[\"ElMomentQuality\"],\"tags\":[\"Freq\",\"UA\",\"UB\",\"kPS\"]}",
	    ANSWER("ElMomentQuality",
		"{\"id\":7,\"deviceIdx\":2,\"meterId\":7,\"serial\":null,\"vals\":["
		"{\"ts\":1717189205,\"diff\":0,\"tags\":[{\"tag\":\"UA\",\"val\":230.125},"
		"{\"tag\":\"UB\",\"val\":null},{\"tag\":\"kPS\",\"val\":-0.5},{\"tag\":\"Freq\",\"val\":50}]}]}") },
	/* which meters */
	{ 40, "/meter/data/arch", "{\"ids\":[999],\"measures\":[\"ElDayEnergy\"]}",
	    ANSWER("ElDayEnergy", "") },
	{ 40, "/meter/data/arch",
	    "{\"ids\":[\"6\",999,-1,99999999999],\"measures\":[\"ElDayEnergy\"],\"tags\":[\"A+0\"]}", BOTH },
	{ 40, "/meter/data/arch",
	    "{\"ids\":[],\"devices\":[1,77],\"measures\":[\"ElDayEnergy\"],\"tags\":[\"A+0\"]}", BOTH },
	{ 40, "/meter/data/arch",
	    "{\"serials\":[\"7321\"],\"measures\":[\"ElDayEnergy\"],\"tags\":[\"A+0\"]}", BOTH },
	{ 40, "/meter/data/arch",
	    "{\"serial\":\"08873213\",\"measures\":[\"ElDayEnergy\"],\"tags\":[\"A+0\"]}", BOTH },
	{ 40, "/meter/data/arch", "{\"serial\":\"nobody\",\"measures\":[\"ElDayEnergy\"]}",
	    ANSWER("ElDayEnergy", "") },
	/* dialect 31 */
	{ 31, "/meter/data",
	    "{\"ids\":[1],\"measures\":[\"aDay\"],\"tags\":[\"A+0\"],\"time\":["
	    "{\"start\":\"2024-06-01T00:00:00+03:00\",\"end\":\"2024-06-01T23:59:59+03:00\"}]}",
	    ANSWER("aDay",
		"{\"id\":1,\"serial\":\"02553417\",\"vals\":[{\"ts\":\"2024-06-01T00:00:00+03:00\","
		"\"diff\":1,\"tags\":[{\"tag\":\"A+0\",\"val\":2204510}]}]}") },
	{ 31, "/meter/data",
	    "{\"ids\":[1],\"measures\":[\"aCons\"],\"tags\":[\"P+\",\"isMeas\"],"
	    "\"time\":[{\"start\":1717189200,\"end\":1717190999}]}",
	    ANSWER("aCons",
		"{\"id\":1,\"serial\":\"02553417\",\"vals\":[{\"ts\":\"2024-06-01T00:00:00+03:00\","
		"\"diff\":1,\"tags\":[{\"tag\":\"P+\",\"val\":180},{\"tag\":\"isMeas\",\"val\":true}]}]}") },
	{ 31, "/meter/data",
	    "{\"ids\":[9],\"measures\":[\"aEng\"],\"tags\":[\"Chnl3\",\"Chnl1\",\"Chnl2\",\"Chnl4\"]}",
	    ANSWER("aEng",
		"{\"id\":9,\"serial\":\"1\",\"vals\":[{\"ts\":\"2024-06-01T10:00:00+03:00\",\"diff\":0,"
		"\"tags\":[{\"tag\":\"Chnl1\",\"val\":true},{\"tag\":\"Chnl2\",\"val\":false},"
		"{\"tag\":\"Chnl3\",\"val\":false},{\"tag\":\"Chnl4\",\"val\":null}]}]}") },
	{ 31, "/meter/data", "{\"ids\":[1],\"measures\":[\"aMonth\"]}",
	    ANSWER("aMonth", "{\"id\":1,\"serial\":\"02553417\",\"vals\":[]}") },
	{ 31, "/meter/data", "{\"ids\":[1],\"tags\":[]}", "{\"measures\":[]}" },
	{ 31, "/meter/data",
	    "{\"ids\":[1],\"measures\":[\"aCfg\"]}",
	    ANSWER("aCfg",
		"{\"id\":1,\"serial\":\"02553417\",\"vals\":[{\"ts\":\"2024-05-31T13:06:40+03:00\","
		"\"diff\":0,\"tags\":[{\"tag\":\"kU\",\"val\":1},{\"tag\":\"kI\",\"val\":1},"
		"{\"tag\":\"Const\",\"val\":1000},{\"tag\":\"cTime\",\"val\":null},"
		"{\"tag\":\"isDst\",\"val\":false},{\"tag\":\"isCons\",\"val\":null},"
		"{\"tag\":\"isClock\",\"val\":true},{\"tag\":\"isTrf\",\"val\":true},"
		"{\"tag\":\"isAm\",\"val\":false},{\"tag\":\"isRm\",\"val\":false},"
		"{\"tag\":\"isRp\",\"val\":true},{\"tag\":\"serial\",\"val\":\"02553417\"},"
		"{\"tag\":\"cArrays\",\"val\":1}]}]}") },
};

START_TEST(an_answer_has_its_form)
{
	struct http_answer a = ask(answers[_i].dialect, answers[_i].path, answers[_i].body);

	ck_assert_msg(a.status == 200 && a.body.p != NULL && strcmp(a.body.p, answers[_i].answer) == 0,
	    "%s\n%ld %s\n    %s", answers[_i].body, a.status, a.body.p != NULL ? a.body.p : "",
	    answers[_i].answer);
	http_forget(&a);
}
END_TEST

/* ---- the vectors of the specification ---- */

/* All of `wanted` is in `got`; objects may hold more. */
static bool
contains(const json_t *got, const json_t *wanted, const char *but)
{
	const char *name;
	json_t *value;
	size_t i;

	if (json_is_array(wanted)) {
		if (json_array_size(got) != json_array_size(wanted))
			return false;
		json_array_foreach (wanted, i, value)
			if (!contains(json_array_get(got, i), value, but))
				return false;
		return json_is_array(got);
	}
	if (!json_is_object(wanted))
		return json_equal(got, wanted) != 0;
	json_object_foreach ((json_t *)wanted, name, value)
		if (strcmp(name, but) != 0 && !contains(json_object_get(got, name), value, but))
			return false;
	return json_is_object(got);
}

static bool
is_status(const json_t *response, long status)
{
	json_t *each;
	size_t i;

	json_array_foreach (json_object_get(response, "status_any"), i, each)
		if (json_integer_value(each) == status)
			return true;
	return json_number_of(response, "status") == status;
}

/* The clock difference of a configuration is not kept. */
static void
play(const json_t *vector)
{
	const json_t *request = json_object_get(vector, "request"), *response = json_object_get(vector, "response");
	const char *dialect = json_string_of(json_object_get(request, "headers"), "X-Protocol-USPD");
	const char *name = json_string_of(vector, "case"), *but = "";
	char *body = json_dumps(json_object_get(request, "body"), 0);
	json_t *wanted = json_object_get(response, "body"), *got;
	struct http_answer a;

	if (strcmp(name, "arch-config") == 0)
		but = "diff";
	a = ask(atoi(dialect), json_string_of(request, "path"), body);
	ck_assert_msg(is_status(response, a.status), "%s: %ld %s", name, a.status, a.body.p);
	got = json_loadb(a.body.p, a.body.len, 0, NULL);
	ck_assert_msg(wanted == NULL || contains(got, wanted, but), "%s: %s", name, a.body.p);
	json_decref(got);
	http_forget(&a);
	free(body);
}

START_TEST(the_vectors_of_archives_are_answered)
{
	FILE *f = fopen("tests/vectors/smart-json.jsonl", "r");
	static char line[65536];
	int played = 0;

	ck_assert_msg(f != NULL, "run it from the root of the tree");
	while (fgets(line, sizeof(line), f) != NULL) {
		json_t *vector = json_loads(line, 0, NULL);
		const json_t *request = json_object_get(vector, "request");

		if (strncmp(json_string_of(request, "path"), "/meter/data", 11) == 0 &&
		    strcmp(json_string_of(request, "method"), "POST") == 0 &&
		    strncmp(json_string_of(vector, "case"), "moment-", 7) != 0) {
			play(vector);
			played++;
		}
		json_decref(vector);
	}
	fclose(f);
	ck_assert_int_ge(played, 15);
}
END_TEST

/* ---- refusals ---- */

static const struct { int dialect; const char *path, *body; long status; const char *text; } refusals[] = {
	{ 40, "/meter/data/arch", "", 400, "JSON" },
	{ 40, "/meter/data/arch", "[]", 400, "object" },
	{ 40, "/meter/data/arch", "{\"ids\":", 400, "JSON" },
	{ 40, "/meter/data/arch", "{\"ids\":[6]}", 400, "/measures" },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":[]}", 400, "/measures" },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":[7]}", 400, "/measures/0" },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":{}}", 400, "/measures" },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":[\"ElDayEnergy\",\"ElDayTemperature\"]}", 422,
	    "\"where\":\"/measures/1\"" },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":[\"aDay\"]}", 422, "/measures/0" },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":[\"GetTime\"]}", 422, "/measures/0" },
	{ 40, "/meter/data/arch", "{\"ids\":[6],\"measures\":[\"ElJrnlMagnet\"]}", 422, "/measures/0" },
	{ 40, "/meter/data/arch", "{\"ids\":\"six\",\"measures\":[\"ElDayEnergy\"]}", 400, "\"/ids\"" },
	{ 40, "/meter/data/arch", "{\"ids\":[6,true],\"measures\":[\"ElDayEnergy\"]}", 400, "/ids/1" },
	{ 40, "/meter/data/arch", "{\"ids\":[[6]],\"measures\":[\"ElDayEnergy\"]}", 400, "/ids/0" },
	{ 40, "/meter/data/arch", "{\"ids\":[6.5],\"measures\":[\"ElDayEnergy\"]}", 400, "/ids/0" },
	{ 40, "/meter/data/arch", "{\"ids\":[1e400],\"measures\":[\"ElDayEnergy\"]}", 400, "JSON" },
	{ 40, "/meter/data/arch", DAYS(",\"time\":[5]"), 400, "/time/0" },
	{ 40, "/meter/data/arch", DAYS(",\"time\":\"yesterday\""), 400, "/time" },
	{ 40, "/meter/data/arch", DAYS(",\"time\":[{\"start\":\"yesterday\"}]"), 422, "/time/0/start" },
	{ 40, "/meter/data/arch", DAYS(",\"time\":[{\"start\":1},{\"end\":[]}]"), 400, "/time/1/end" },
	{ 40, "/meter/data/arch", DAYS(",\"time\":[{\"end\":\"2024-02-30\"}]"), 422, "/time/0/end" },
	{ 40, "/meter/data/arch", DAYS(",\"flags\":[\"first\"]"), 422, "/flags/0" },
	{ 40, "/meter/data/arch", DAYS(",\"flags\":[1]"), 400, "/flags/0" },
	{ 40, "/meter/data/arch", "{\"measures\":[\"ElDayEnergy\"],\"tags\":[1]}", 400, "/tags/0" },
	{ 40, "/meter/data/arch", "{\"measures\":[\"ElDayEnergy\"],\"serials\":[1]}", 400, "/serials/0" },
	{ 40, "/meter/data/moment", "{\"ids\":[6],\"measures\":[\"SetTime\"]}", 422, "/meter/settings" },
	{ 40, "/meter/data/moment", "{\"ids\":[6],\"measures\":[\"ElSetCalendarDay\"]}", 422,
	    "/meter/settings" },
	{ 40, "/meter/data/moment", "{\"ids\":[6],\"measures\":[\"GetTime\"]}", 503, "poller" },
	{ 31, "/meter/data", "{\"ids\":[1],\"measures\":[\"ElDayEnergy\"]}", 422, "/measures/0" },
	{ 31, "/meter/data", "{\"ids\":[1],\"measures\":[\"mTime\"]}", 503, "poller" },
	{ 31, "/meter/data/arch", "{\"ids\":[1],\"measures\":[\"aDay\"]}", 405, "" },
	{ 40, "/meter/data", "{\"ids\":[1],\"measures\":[\"aDay\"]}", 405, "" },
	/* 11 */
	{ 40, "/meter/settings/time", "{}", 400, "/id" },
	{ 40, "/meter/settings/time", "{\"id\":true}", 400, "/id" },
	{ 40, "/meter/settings/time", "{\"id\":0}", 422, "/id" },
	{ 40, "/meter/settings/time", "{\"id\":6}", 503, "poller" },
	{ 40, "/meter/settings/relay", "{\"id\":6,\"relayId\":1}", 400, "/relayState" },
	{ 40, "/meter/settings/relay", "{\"id\":6,\"relayId\":0,\"relayState\":1}", 422, "/relayId" },
	{ 40, "/meter/settings/relay", "{\"id\":6,\"relayId\":1,\"relayState\":2}", 422, "/relayState" },
	{ 40, "/meter/settings/relay", "{\"id\":6,\"relayId\":\"x\",\"relayState\":1}", 400, "/relayId" },
	{ 40, "/meter/settings/calendar/colour", "{\"id\":6}", 405, "" },
	{ 40, "/meter/settings/calendar/name", "{\"id\":6,\"settings\":[]}", 400, "/type" },
	{ 40, "/meter/settings/calendar/name", "{\"id\":6,\"type\":\"Old\",\"settings\":[]}", 422, "/type" },
	{ 40, "/meter/settings/calendar/name", "{\"id\":6,\"type\":\"Active\"}", 400, "/settings" },
	{ 40, "/meter/settings/calendar/name",
	    "{\"id\":6,\"type\":\"Active\",\"settings\":[{\"CalendarName\":\"5\"}]}", 422,
	    "/settings/0/CalendarName" },
	{ 40, "/meter/settings/calendar/day",
	    "{\"id\":6,\"type\":\"Active\",\"settings\":[{\"dayId\":1,\"ScriptName\":\"00000A0064FF\","
	    "\"ScriptSelector\":65536,\"hour\":7,\"minute\":0,\"second\":0}]}",
	    422, "/settings/0/ScriptSelector" },
	{ 40, "/meter/settings/calendar/day",
	    "{\"id\":6,\"type\":\"Active\",\"settings\":[{\"dayId\":1,\"ScriptName\":\"00000A0064\","
	    "\"ScriptSelector\":1,\"hour\":7,\"minute\":0,\"second\":0}]}",
	    422, "/settings/0/ScriptName" },
	{ 40, "/meter/settings/calendar/week",
	    "{\"id\":6,\"type\":\"Active\",\"settings\":[{\"WeekName\":\"44\",\"monday\":1}]}", 400,
	    "/settings/0/tuesday" },
	{ 40, "/meter/settings/calendar/time", "{\"id\":6,\"settings\":[7]}", 400, "/settings/0" },
	{ 40, "/meter/settings/calendar/time", "{\"id\":6,\"settings\":[{\"ActivateTime\":\"now\"}]}", 400,
	    "/settings/0/ActivateTime" },
	{ 40, "/meter/settings/calendar/time", "{\"id\":6,\"settings\":[{\"ActivateTime\":1735678800}]}",
	    503, "poller" },
};

START_TEST(a_bad_request_is_refused_by_name)
{
	struct http_answer a = ask(refusals[_i].dialect, refusals[_i].path, refusals[_i].body);

	ck_assert_msg(a.status == refusals[_i].status && a.body.p != NULL &&
		strstr(a.body.p, refusals[_i].text) != NULL,
	    "%s %s: %ld %s", refusals[_i].path, refusals[_i].body, a.status,
	    a.body.p != NULL ? a.body.p : "");
	http_forget(&a);
}
END_TEST

/* A list of `n` texts after a beginning. */
static void
refused_list(const char *begin, const char *each, int n)
{
	struct http_answer a;
	struct text body = { 0 };

	text_str(&body, begin);
	for (int i = 0; i < n; i++) {
		text_str(&body, i > 0 ? "," : "");
		text_str(&body, each);
	}
	text_str(&body, "]}");
	a = ask(40, "/meter/data/arch", body.p);
	ck_assert_int_eq(a.status, 422);
	http_forget(&a);
	text_free(&body);
}

START_TEST(lists_without_end_are_refused)
{
	refused_list("{\"measures\":[", "\"ElDayEnergy\"", 257);
	refused_list("{\"measures\":[\"ElDayEnergy\"],\"time\":[", "{}", 1001);
	refused_list("{\"measures\":[\"ElDayEnergy\"],\"tags\":[", "\"A+0\"", 1001);
	refused_list("{\"measures\":[\"ElDayEnergy\"],\"serials\":[", "\"\"", 1001);
}
END_TEST

/* ---- long answers and settings ---- */

static size_t
count_of(const char *hay, const char *needle)
{
	size_t n = 0;

	while ((hay = strstr(hay, needle)) != NULL) {
		hay += strlen(needle);
		n++;
	}
	return n;
}

START_TEST(a_long_answer_comes_whole)
{
	struct http_answer a;
	json_t *json;

	for (int i = 1; i <= 2000; i++)
		put_slice(3, DAY1 + (int64_t)i * 1800, 0, i * 1000, i);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	a = ask(40, "/meter/data/arch", "{\"measures\":[\"ElArr1ConsPower\",\"ElArr1ConsPower\"]}");
	ck_assert_int_eq(a.status, 200);
	json = json_loadb(a.body.p, a.body.len, 0, NULL);
	ck_assert_ptr_nonnull(json);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "measures")), 2);
	ck_assert_uint_eq(count_of(a.body.p, "\"ts\":"), (size_t)2 * (2001 + 2));
	ck_assert_uint_gt(a.body.len, 100000);
	json_decref(json);
	http_forget(&a);
}
END_TEST

static void
set(const char *key, const char *text)
{
	ck_assert_int_eq(store_setting_put(http_store, key, text), E_OK);
}

START_TEST(settings_change_the_form)
{
	static const char slice[] = "{\"ids\":[6],\"measures\":[\"ElArr1ConsPower\"],\"tags\":[\"P+\",\"isMeas\"],"
				    "\"time\":[{\"start\":1717187400,\"end\":1717189199}]}";
	static const char all[] = "{\"ids\":[6],\"measures\":[\"ElArr1ConsPower\"]}";
	struct http_answer a;

	set("http.profile_start", "1");
	a = ask(40, "/meter/data/arch", slice);
	ck_assert_ptr_nonnull(strstr(a.body.p, "\"vals\":[{\"ts\":1717187400,"));
	ck_assert_uint_eq(count_of(a.body.p, "\"ts\":"), 1);
	http_forget(&a);
	set("http.profile_start", "0");
	a = ask(40, "/meter/data/arch", slice);
	ck_assert_ptr_nonnull(strstr(a.body.p, "\"vals\":null"));
	http_forget(&a);
	set("http.meas_40", "1");
	a = ask(40, "/meter/data/arch", all);
	ck_assert_uint_eq(count_of(a.body.p, "isMeas"), 2);
	http_forget(&a);
	set("http.ts31_unix", "1");
	a = ask(31, "/meter/data", "{\"ids\":[1],\"measures\":[\"aDay\"]}");
	ck_assert_ptr_nonnull(strstr(a.body.p, "{\"ts\":1717189200,\"diff\":1,"));
	http_forget(&a);
	set("http.own_journals", "1");
	a = ask(40, "/meter/data/arch", "{\"ids\":[6],\"measures\":[\"ElJrnlMagnet\"]}");
	ck_assert_int_eq(a.status, 200);
	http_forget(&a);
}
END_TEST

START_TEST(meters_are_listed_by_their_class_and_in_order)
{
	static const struct { const char *measure, *ids; } classes[] = {
		{ "ElDayEnergy", "1 6 7 " }, { "PlsDayPulse", "8 " }, { "DigMomentState", "9 " },
		{ "ElJrnlOpen", "1 6 7 " }, { "GenDay", "" },
	};

	for (int i = 0; i < COUNT(classes); i++) {
		char body[96], got[64] = "";
		json_t *json, *device;
		struct http_answer a;
		size_t j;

		snprintf(body, sizeof(body), "{\"ids\":[],\"measures\":[\"%s\"]}", classes[i].measure);
		a = ask(40, "/meter/data/arch", body);
		json = json_loadb(a.body.p, a.body.len, 0, NULL);
		json_array_foreach (json_object_get(json_array_get(json_object_get(json, "measures"), 0),
					"devices"),
		    j, device)
			snprintf(got + strlen(got), sizeof(got) - strlen(got), "%d ",
			    (int)json_number_of(device, "id"));
		ck_assert_str_eq(got, classes[i].ids);
		json_decref(json);
		http_forget(&a);
	}
}
END_TEST

START_TEST(lost_and_found_meters_are_a_journal_of_dialect_31)
{
	struct http_answer a;

	ck_assert_int_eq(store_journal_add(http_store, DJ_METER_ANSWER, DAY1,
			     "{\"idMeter\":1,\"answer\":false}"),
	    E_OK);
	ck_assert_int_eq(store_journal_add(http_store, DJ_METER_ANSWER, DAY2,
			     "{\"idMeter\":7,\"answer\":true}"),
	    E_OK);
	ck_assert_int_eq(store_journal_add(http_store, DJ_METER_ANSWER, DAY2,
			     "{\"idMeter\":1,\"answer\":true}"),
	    E_OK);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	a = ask(31, "/meter/data", "{\"ids\":[1],\"measures\":[\"jrnlAnsw\"],\"tags\":[\"event\"]}");
	ck_assert_str_eq(a.body.p,
	    ANSWER("jrnlAnsw",
		"{\"id\":1,\"serial\":\"02553417\",\"vals\":["
		"{\"ts\":\"2024-06-01T00:00:00+03:00\",\"diff\":0,\"tags\":[{\"tag\":\"event\",\"val\":0}]},"
		"{\"ts\":\"2024-06-02T00:00:00+03:00\",\"diff\":0,\"tags\":[{\"tag\":\"event\",\"val\":1}]}]}"));
	http_forget(&a);
}
END_TEST

/* ---- /api/v1 ---- */

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
		put_slice(2, DAY1 + (int64_t)i * 1800, 0, 1, 1);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	expect_text("/api/v1/completeness?type=ElDayEnergy&from=2024-06-01&to=2024-06-03", 200,
	    "{\"type\":\"ElDayEnergy\",\"step\":\"day\",\"columns\":[\"2024-06-01\",\"2024-06-02\","
	    "\"2024-06-03\"],\"meters\":[\n{\"id\":1,\"share\":[100,0,0]},\n{\"id\":6,"
	    "\"share\":[100,100,0]},\n{\"id\":7,\"share\":[0,0,0]}]}\n");
	expect_text("/api/v1/completeness?type=ElDayConsEnergy&from=2024-06-01&to=2024-06-01&meter=6", 200,
	    "\"share\":[100]");
	expect_text("/api/v1/completeness?type=ElArr1ConsPower&from=2024-05-31&to=2024-06-01&meters=6,7", 200,
	    "{\"id\":6,\"share\":[2,2]},\n{\"id\":7,\"share\":[0,75]}");
	expect_text("/api/v1/completeness?type=ElMonthEnergy&meter=6&from=2024-06-01&to=2024-07-15", 200,
	    "\"step\":\"month\",\"columns\":[\"2024-06-01\",\"2024-07-01\"]");
	expect_text("/api/v1/completeness?type=ElDayEnergy&meter=6", 200, "\"share\":[0,");
	expect_text("/api/v1/completeness?type=ElJrnlPwr", 422, "grid");
	expect_text("/api/v1/completeness?type=ElDayEnergy&from=2020-01-01&to=2024-01-01", 422, "from");
	expect_text("/api/v1/completeness?type=ElDayEnergy&from=2024-06-02&to=2024-06-01", 422, "from");
}
END_TEST

/* ---- with a poller whose board has no lines ---- */

START_TEST(meters_that_cannot_be_asked_carry_an_error)
{
	struct http_answer a;
	json_t *json, *device;

	http_add_meters();
	a = ask(40, "/meter/data/moment", "{\"ids\":[7],\"tags\":[],\"measures\":[\"GetTime\",\"ElMomentEnergy\"]}");
	ck_assert_int_eq(a.status, 200);
	json = json_loadb(a.body.p, a.body.len, 0, NULL);
	ck_assert_uint_eq(json_array_size(json_object_get(json, "measures")), 2);
	device = json_array_get(
	    json_object_get(json_array_get(json_object_get(json, "measures"), 1), "devices"), 0);
	ck_assert_int_eq(json_number_of(device, "meterId"), 7);
	ck_assert_int_gt(strlen(json_string_of(device, "error")), 0);
	ck_assert(json_is_null(json_object_get(device, "vals")));
	json_decref(json);
	http_forget(&a);
	a = ask(31, "/meter/data", "{\"ids\":[],\"measures\":[\"mEng\",\"aDay\"]}");
	ck_assert_int_eq(a.status, 200);
	ck_assert_uint_eq(count_of(a.body.p, "\"error\":"), 2);
	ck_assert_uint_eq(count_of(a.body.p, "\"vals\":[]"), 4);
	http_forget(&a);
	a = ask(40, "/meter/data/moment", "{\"ids\":[99],\"measures\":[\"GetTime\"]}");
	ck_assert_str_eq(a.body.p, ANSWER("GetTime", ""));
	http_forget(&a);
}
END_TEST

START_TEST(orders_to_meters_are_refused_by_reason)
{
	struct http_answer a;

	http_add_meters();
	a = ask(40, "/meter/settings/time", "{\"id\":99}");
	ck_assert_int_eq(a.status, 422);
	ck_assert_ptr_nonnull(strstr(a.body.p, "\"where\":\"/id\""));
	http_forget(&a);
	a = ask(31, "/meter/settings/relay", "{\"id\":\"6\",\"relayId\":1,\"relayState\":1}");
	ck_assert_int_ge(a.status, 422); /* the poller knows neither the meter nor its bus */
	http_forget(&a);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("smart data");
	int failed;
	TCase *t = tcase_create("pure");

	curl_global_init(CURL_GLOBAL_DEFAULT);

	tcase_add_loop_test(t, a_measure_is_known_by_its_names, 0, COUNT(names));
	tcase_add_loop_test(t, other_names_are_no_measures, 0, COUNT(strange));
	tcase_add_test(t, own_journals_are_measures_when_they_are_wanted);
	tcase_add_test(t, every_archive_type_and_journal_is_a_measure);
	tcase_add_loop_test(t, tags_come_in_the_order_of_the_vocabulary, 0, COUNT(tags));
	tcase_add_test(t, all_channels_come_when_none_is_named);
	suite_add_tcase(s, t);
	t = tcase_create("over HTTP");
	tcase_add_checked_fixture(t, setup, http_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, an_answer_has_its_form, 0, COUNT(answers));
	tcase_add_test(t, the_vectors_of_archives_are_answered);
	tcase_add_loop_test(t, a_bad_request_is_refused_by_name, 0, COUNT(refusals));
	tcase_add_test(t, lists_without_end_are_refused);
	tcase_add_test(t, a_long_answer_comes_whole);
	tcase_add_test(t, settings_change_the_form);
	tcase_add_test(t, meters_are_listed_by_their_class_and_in_order);
	tcase_add_test(t, lost_and_found_meters_are_a_journal_of_dialect_31);
	tcase_add_test(t, records_are_exported_for_spreadsheets);
	tcase_add_test(t, a_workbook_is_made);
	tcase_add_test(t, completeness_is_a_share_of_what_should_be_there);
	suite_add_tcase(s, t);
	t = tcase_create("with a poller");
	tcase_add_checked_fixture(t, http_setup_with_poller, http_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, meters_that_cannot_be_asked_carry_an_error);
	tcase_add_test(t, orders_to_meters_are_refused_by_reason);
	suite_add_tcase(s, t);
	failed = unit_main(s);
	curl_global_cleanup();
	return failed;
}
