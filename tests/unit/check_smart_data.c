/* Meter data of SMART-JSON over a real store, from outside: requests in every form that clients are
 * known to send, answers byte for byte.  The archive is that of vectors/smart-json.jsonl. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/http_help.h"
#include "tests/unit/smart_help.h"
#include "tests/unit/unit.h"

#define ARCH "/meter/data/arch"
#define NOW "/meter/data/moment"
#define DATA "/meter/data"
#define TIME "/meter/settings/time"
#define RELAY "/meter/settings/relay"
#define CALENDAR "/meter/settings/calendar/"

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

/* Tables are easier to read with 'these' quotes. */
static char *
quoted(const char *s)
{
	char *made = strdup(s);

	ck_assert_ptr_nonnull(made);
	for (char *p = made; *p != '\0'; p++)
		*p = *p == '\'' ? '"' : *p;
	return made;
}

static struct http_answer
ask(int dialect, const char *path, const char *body)
{
	char *sent = quoted(body);
	struct http_answer a = http_ask_with("POST", path, sent, strlen(sent),
	    dialect_fields[dialect == 40]);

	free(sent);
	without_newlines(&a.body);
	return a;
}

#define HEAD6 "{'id':6,'deviceIdx':1,'meterId':6,'serial':'08873213'," \
	"'model':'Mercury 230ART-01','vals':"
#define DAY_1(...) "{'ts':1717189200,'diff':-2,'tags':[" __VA_ARGS__ "]}"
#define DAY_2(...) "{'ts':1717275600,'diff':-2,'tags':[" __VA_ARGS__ "]}"
#define AP(v) "{'tag':'A+0','val':" #v "}"
#define ANSWER(measure, devices) \
	"{'measures':[{'measure':'" measure "','devices':[" devices "]}]}"
#define BOTH ANSWER("ElDayEnergy", HEAD6 "[" DAY_1(AP(1415644)) "," DAY_2(AP(1421090)) "]}")
#define FIRST ANSWER("ElDayEnergy", HEAD6 "[" DAY_1(AP(1415644)) "]}")
#define SECOND ANSWER("ElDayEnergy", HEAD6 "[" DAY_2(AP(1421090)) "]}")
#define NEITHER ANSWER("ElDayEnergy", HEAD6 "null}")
#define DAYS(rest) "{'ids':[6],'measures':['ElDayEnergy'],'tags':['A+0']" rest "}"
#define WINDOW(start, end) DAYS(",'time':[{'start':" start ",'end':" end "}]")

static const struct { int dialect; const char *path, *body, *answer; } answers[] = {
	/* windows */
	{ 40, ARCH, DAYS(""), BOTH },
	{ 40, ARCH, DAYS(",'time':[]"), BOTH },
	{ 40, ARCH, DAYS(",'time':null,'flags':null"), BOTH },
	{ 40, ARCH, WINDOW("1717189200", "1717275600"), BOTH },
	{ 40, ARCH, WINDOW("1717189200", "1717189200"), FIRST },
	{ 40, ARCH, WINDOW("1717189201", "1717275600"), SECOND },
	{ 40, ARCH, WINDOW("1717189200", "1717275599"), FIRST },
	{ 40, ARCH, WINDOW("1717275600", "1717189200"), NEITHER },
	{ 40, ARCH, WINDOW("'1717189200'", "'1717189200'"), FIRST },
	{ 40, ARCH, WINDOW("1717189200000", "1717189200999"), FIRST },
	{ 40, ARCH, WINDOW("1717189200.0", "1717189200.9"), FIRST },
	{ 40, ARCH, WINDOW("'2024-06-01T00:00:00+03:00'", "'2024-06-01 23:59'"), FIRST },
	{ 40, ARCH, WINDOW("'2024-05-31T21:00:00Z'", "'2024-06-01'"), FIRST },
	{ 40, ARCH, WINDOW("''", "null"), BOTH },
	{ 40, ARCH, WINDOW("-5", "99999999999"), BOTH },
	{ 40, ARCH, DAYS(",'time':[{'start':1717200000}]"), SECOND },
	{ 40, ARCH, DAYS(",'time':[{'end':1717200000}]"), FIRST },
	{ 40, ARCH, DAYS(",'time':{'end':1717200000}"), FIRST },
	{ 40, ARCH, DAYS(",'time':[{}]"), BOTH },
	{ 40, ARCH,
	    DAYS(",'time':[{'start':1717275600},{'end':1717189200},{'end':1717189201}]"), BOTH },
	{ 40, ARCH,
	    DAYS(",'time':[{'start':1717275600,'end':1717275600},{'start':9,'end':8}]"), SECOND },
	/* the newest */
	{ 40, ARCH, DAYS(",'flags':['lastTime']"), SECOND },
	{ 40, ARCH, DAYS(",'flags':'lasttime','time':[{'end':1717275599}]"), FIRST },
	{ 40, ARCH,
	    DAYS(",'flags':['lastTime'],'time':[{'end':1717189200},{'start':1717300000}]"), FIRST },
	/* measures and tags */
	{ 40, ARCH, "{'ids':[6],'measure':'ElDayEnergy','tags':'A+0'}", BOTH },
	{ 40, ARCH, "{'ids':[6],'measure':['ELDAYENERGY'],'tags':['A+0']}", BOTH },
	{ 40, ARCH, "{'ids':[6],'measures':'ElDayEnergy','tags':['a+0','UA']}",
	    BOTH },
	{ 40, ARCH,
	    "{'ids':[6],'measures':['ElDayConsEnergy','ElDayEnergy'],'tags':['A+0'],"
	    "'time':[{'start':1717189200,'end':1717189200}]}",
	    "{'measures':[{'measure':'ElDayConsEnergy','devices':[" HEAD6 "[" DAY_1(AP(5446)) "]}]},"
	    "{'measure':'ElDayEnergy','devices':[" HEAD6 "[" DAY_1(AP(1415644)) "]}]}]}" },
	{ 40, ARCH, "{'ids':[6],'measures':['ElMonthEnergy'],'tags':[]}",
	    ANSWER("ElMonthEnergy", HEAD6 "null}") },
	{ 40, ARCH, "{'ids':[6],'measures':['PlsDayPulse']}",
	    ANSWER("PlsDayPulse", "") },
	{ 40, ARCH,
	    "{'ids':[6],'measures':['ElArr1ConsPower'],"
	    "'time':[{'start':1717189200,'end':1717190999}]}",
	    ANSWER("ElArr1ConsPower",
		HEAD6 "[" DAY_1("{'tag':'cTime','val':30},{'tag':'P+','val':412.5},"
				"{'tag':'P-','val':0},{'tag':'Q+','val':96.2},{'tag':'Q-','val':0},"
				"{'tag':'isPart','val':false},{'tag':'isOvfl','val':false},"
				"{'tag':'isSummer','val':false}") "]}") },
	{ 40, ARCH, "{'ids':[6],'measures':['ElJrnlPwr'],'tags':[]}",
	    ANSWER("ElJrnlPwr",
		HEAD6 "[{'ts':1717243215,'diff':-2,'tags':[{'tag':'event','val':0},"
		      "{'tag':'eventId','val':4}]},"
		      "{'ts':1717243377,'diff':-2,'tags':[{'tag':'event','val':1},"
		      "{'tag':'eventId','val':5}]}]}") },
	{ 40, ARCH, "{'ids':[6],'measures':['ElConfig'],'tags':[]}",
	    ANSWER("ElConfig",
		HEAD6 "[{'ts':1717150000,'diff':0,'tags':[{'tag':'serial','val':'08873213'},"
		      "{'tag':'model','val':'Mercury 230ART-01'},{'tag':'cArrays','val':1},"
		      "{'tag':'isDst','val':false},{'tag':'isClock','val':true},"
		      "{'tag':'isTrf','val':true},{'tag':'isAm','val':false},"
		      "{'tag':'isRm','val':false},{'tag':'isRp','val':true},"
		      "{'tag':'kI','val':1},{'tag':'kU','val':1},{'tag':'const','val':1000}]}]}") },
	/* a marker, NULLs, negative thousandths, a meter that never told its number */
	{ 40, ARCH, "{'ids':[7],'measures':['ElDayEnergy']}",
	    ANSWER("ElDayEnergy",
		"{'id':7,'deviceIdx':2,'meterId':7,'serial':null,'vals':["
		"{'ts':1717362000,'diff':0,'tags':[]}]}") },
	{ 40, ARCH,
	    "{'ids':[7],'measures':['ElMomentQuality'],'tags':['Freq','UA','UB','kPS']}",
	    ANSWER("ElMomentQuality",
		"{'id':7,'deviceIdx':2,'meterId':7,'serial':null,'vals':["
		"{'ts':1717189205,'diff':0,'tags':[{'tag':'UA','val':230.125},"
		"{'tag':'UB','val':null},{'tag':'kPS','val':-0.5},{'tag':'Freq','val':50}]}]}") },
	/* which meters */
	{ 40, ARCH, "{'ids':[999],'measures':['ElDayEnergy']}",
	    ANSWER("ElDayEnergy", "") },
	{ 40, ARCH,
	    "{'ids':['6',999,-1,99999999999],'measures':['ElDayEnergy'],'tags':['A+0']}", BOTH },
	{ 40, ARCH,
	    "{'ids':[],'devices':[1,77],'measures':['ElDayEnergy'],'tags':['A+0']}", BOTH },
	{ 40, ARCH,
	    "{'serials':['7321'],'measures':['ElDayEnergy'],'tags':['A+0']}", BOTH },
	{ 40, ARCH,
	    "{'serial':'08873213','measures':['ElDayEnergy'],'tags':['A+0']}", BOTH },
	{ 40, ARCH, "{'serial':'nobody','measures':['ElDayEnergy']}",
	    ANSWER("ElDayEnergy", "") },
	/* dialect 31 */
	{ 31, DATA,
	    "{'ids':[1],'measures':['aDay'],'tags':['A+0'],'time':["
	    "{'start':'2024-06-01T00:00:00+03:00','end':'2024-06-01T23:59:59+03:00'}]}",
	    ANSWER("aDay",
		"{'id':1,'serial':'02553417','vals':[{'ts':'2024-06-01T00:00:00+03:00',"
		"'diff':1,'tags':[{'tag':'A+0','val':2204510}]}]}") },
	{ 31, DATA,
	    "{'ids':[1],'measures':['aCons'],'tags':['P+','isMeas'],"
	    "'time':[{'start':1717189200,'end':1717190999}]}",
	    ANSWER("aCons",
		"{'id':1,'serial':'02553417','vals':[{'ts':'2024-06-01T00:00:00+03:00',"
		"'diff':1,'tags':[{'tag':'P+','val':180},{'tag':'isMeas','val':true}]}]}") },
	{ 31, DATA,
	    "{'ids':[9],'measures':['aEng'],'tags':['Chnl3','Chnl1','Chnl2','Chnl4']}",
	    ANSWER("aEng",
		"{'id':9,'serial':'1','vals':[{'ts':'2024-06-01T10:00:00+03:00','diff':0,"
		"'tags':[{'tag':'Chnl1','val':true},{'tag':'Chnl2','val':false},"
		"{'tag':'Chnl3','val':false},{'tag':'Chnl4','val':null}]}]}") },
	{ 31, DATA, "{'ids':[1],'measures':['aMonth']}",
	    ANSWER("aMonth", "{'id':1,'serial':'02553417','vals':[]}") },
	{ 31, DATA, "{'ids':[1],'tags':[]}", "{'measures':[]}" },
	{ 31, DATA,
	    "{'ids':[1],'measures':['aCfg']}",
	    ANSWER("aCfg",
		"{'id':1,'serial':'02553417','vals':[{'ts':'2024-05-31T13:06:40+03:00',"
		"'diff':0,'tags':[{'tag':'kU','val':1},{'tag':'kI','val':1},"
		"{'tag':'Const','val':1000},{'tag':'cTime','val':null},"
		"{'tag':'isDst','val':false},{'tag':'isCons','val':null},"
		"{'tag':'isClock','val':true},{'tag':'isTrf','val':true},"
		"{'tag':'isAm','val':false},{'tag':'isRm','val':false},"
		"{'tag':'isRp','val':true},{'tag':'serial','val':'02553417'},"
		"{'tag':'cArrays','val':1}]}]}") },
};

START_TEST(an_answer_has_its_form)
{
	struct http_answer a = ask(answers[_i].dialect, answers[_i].path, answers[_i].body);
	char *wanted = quoted(answers[_i].answer);

	ck_assert_msg(a.status == 200 && a.body.p != NULL && strcmp(a.body.p, wanted) == 0,
	    "%s\n%ld %s\n    %s", answers[_i].body, a.status, a.body.p != NULL ? a.body.p : "", wanted);
	http_forget(&a);
	free(wanted);
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
		json_array_foreach(wanted, i, value)
			if (!contains(json_array_get(got, i), value, but))
				return false;
		return json_is_array(got);
	}
	if (!json_is_object(wanted))
		return json_equal(got, wanted) != 0;
	json_object_foreach((json_t *)wanted, name, value)
		if (strcmp(name, but) != 0 && !contains(json_object_get(got, name), value, but))
			return false;
	return json_is_object(got);
}

static bool
is_status(const json_t *response, long status)
{
	json_t *each;
	size_t i;

	json_array_foreach(json_object_get(response, "status_any"), i, each)
		if (json_integer_value(each) == status)
			return true;
	return json_number_of(response, "status") == status;
}

/* The clock difference of a configuration is not kept. */
static void
play(const json_t *vector)
{
	const json_t *request = json_object_get(vector, "request"),
		     *response = json_object_get(vector, "response");
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

		if (strncmp(json_string_of(request, "path"), DATA, 11) == 0 &&
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

static const struct {
	int dialect;
	const char *path, *body;
	long status;
	const char *text;
} refusals[] = {
	{ 40, ARCH, "", 400, "JSON" },
	{ 40, ARCH, "[]", 400, "объектом" },
	{ 40, ARCH, "{'ids':", 400, "JSON" },
	{ 40, ARCH, "{'ids':[6]}", 400, "/measures" },
	{ 40, ARCH, "{'ids':[6],'measures':[]}", 400, "/measures" },
	{ 40, ARCH, "{'ids':[6],'measures':[7]}", 400, "/measures/0" },
	{ 40, ARCH, "{'ids':[6],'measures':{}}", 400, "/measures" },
	{ 40, ARCH, "{'ids':[6],'measures':['ElDayEnergy','ElDayTemperature']}", 422,
	    "'where':'/measures/1'" },
	{ 40, ARCH, "{'ids':[6],'measures':['aDay']}", 422, "/measures/0" },
	{ 40, ARCH, "{'ids':[6],'measures':['GetTime']}", 422, "/measures/0" },
	{ 40, ARCH, "{'ids':[6],'measures':['ElJrnlMagnet']}", 422, "/measures/0" },
	{ 40, ARCH, "{'ids':'six','measures':['ElDayEnergy']}", 400, "'/ids'" },
	{ 40, ARCH, "{'ids':[6,true],'measures':['ElDayEnergy']}", 400, "/ids/1" },
	{ 40, ARCH, "{'ids':[[6]],'measures':['ElDayEnergy']}", 400, "/ids/0" },
	{ 40, ARCH, "{'ids':[6.5],'measures':['ElDayEnergy']}", 400, "/ids/0" },
	{ 40, ARCH, "{'ids':[1e400],'measures':['ElDayEnergy']}", 400, "JSON" },
	{ 40, ARCH, DAYS(",'time':[5]"), 400, "/time/0" },
	{ 40, ARCH, DAYS(",'time':'yesterday'"), 400, "/time" },
	{ 40, ARCH, DAYS(",'time':[{'start':'yesterday'}]"), 422, "/time/0/start" },
	{ 40, ARCH, DAYS(",'time':[{'start':1},{'end':[]}]"), 400, "/time/1/end" },
	{ 40, ARCH, DAYS(",'time':[{'end':'2024-02-30'}]"), 422, "/time/0/end" },
	{ 40, ARCH, DAYS(",'flags':['first']"), 422, "/flags/0" },
	{ 40, ARCH, DAYS(",'flags':[1]"), 400, "/flags/0" },
	{ 40, ARCH, "{'measures':['ElDayEnergy'],'tags':[1]}", 400, "/tags/0" },
	{ 40, ARCH, "{'measures':['ElDayEnergy'],'serials':[1]}", 400, "/serials/0" },
	{ 40, NOW, "{'ids':[6],'measures':['SetTime']}", 422, "/meter/settings" },
	{ 40, NOW, "{'ids':[6],'measures':['ElSetCalendarDay']}", 422,
	    "/meter/settings" },
	{ 40, NOW, "{'ids':[6],'measures':['GetTime']}", 503, "опрос не работает" },
	{ 31, DATA, "{'ids':[1],'measures':['ElDayEnergy']}", 422, "/measures/0" },
	{ 31, DATA, "{'ids':[1],'measures':['mTime']}", 503, "опрос не работает" },
	{ 31, ARCH, "{'ids':[1],'measures':['aDay']}", 405, "" },
	{ 40, DATA, "{'ids':[1],'measures':['aDay']}", 405, "" },
	/* 11 */
	{ 40, TIME, "{}", 400, "/id" },
	{ 40, TIME, "{'id':true}", 400, "/id" },
	{ 40, TIME, "{'id':0}", 422, "/id" },
	{ 40, TIME, "{'id':6}", 503, "опрос не работает" },
	{ 40, RELAY, "{'id':6,'relayId':1}", 400, "/relayState" },
	{ 40, RELAY, "{'id':6,'relayId':0,'relayState':1}", 422, "/relayId" },
	{ 40, RELAY, "{'id':6,'relayId':1,'relayState':2}", 422, "/relayState" },
	{ 40, RELAY, "{'id':6,'relayId':'x','relayState':1}", 400, "/relayId" },
	{ 40, CALENDAR "colour", "{'id':6}", 405, "" },
	{ 40, CALENDAR "name", "{'id':6,'settings':[]}", 400, "/type" },
	{ 40, CALENDAR "name", "{'id':6,'type':'Old','settings':[]}", 422, "/type" },
	{ 40, CALENDAR "name", "{'id':6,'type':'Active'}", 400, "/settings" },
	{ 40, CALENDAR "name",
	    "{'id':6,'type':'Active','settings':[{'CalendarName':'5'}]}", 422,
	    "/settings/0/CalendarName" },
	{ 40, CALENDAR "day",
	    "{'id':6,'type':'Active','settings':[{'dayId':1,'ScriptName':'00000A0064FF',"
	    "'ScriptSelector':65536,'hour':7,'minute':0,'second':0}]}",
	    422, "/settings/0/ScriptSelector" },
	{ 40, CALENDAR "day",
	    "{'id':6,'type':'Active','settings':[{'dayId':1,'ScriptName':'00000A0064',"
	    "'ScriptSelector':1,'hour':7,'minute':0,'second':0}]}",
	    422, "/settings/0/ScriptName" },
	{ 40, CALENDAR "week",
	    "{'id':6,'type':'Active','settings':[{'WeekName':'44','monday':1}]}", 400,
	    "/settings/0/tuesday" },
	{ 40, CALENDAR "time", "{'id':6,'settings':[7]}", 400, "/settings/0" },
	{ 40, CALENDAR "time", "{'id':6,'settings':[{'ActivateTime':'now'}]}", 400,
	    "/settings/0/ActivateTime" },
	{ 40, CALENDAR "time", "{'id':6,'settings':[{'ActivateTime':1735678800}]}",
	    503, "опрос не работает" },
};

START_TEST(a_bad_request_is_refused_by_name)
{
	struct http_answer a = ask(refusals[_i].dialect, refusals[_i].path, refusals[_i].body);
	char *text = quoted(refusals[_i].text);

	ck_assert_msg(a.status == refusals[_i].status && a.body.p != NULL &&
		strstr(a.body.p, text) != NULL,
	    "%s %s: %ld %s", refusals[_i].path, refusals[_i].body, a.status,
	    a.body.p != NULL ? a.body.p : "");
	http_forget(&a);
	free(text);
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
	a = ask(40, ARCH, body.p);
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
		smart_put_slice(3, SMART_DAY + (int64_t)i * 1800, 0, i * 1000, i);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	a = ask(40, ARCH, "{\"measures\":[\"ElArr1ConsPower\",\"ElArr1ConsPower\"]}");
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
	static const char slice[] =
	    "{\"ids\":[6],\"measures\":[\"ElArr1ConsPower\"],\"tags\":[\"P+\",\"isMeas\"],"
	    "\"time\":[{\"start\":1717187400,\"end\":1717189199}]}";
	static const char all[] = "{\"ids\":[6],\"measures\":[\"ElArr1ConsPower\"]}";
	struct http_answer a;

	set("http.profile_start", "1");
	a = ask(40, ARCH, slice);
	ck_assert_ptr_nonnull(strstr(a.body.p, "\"vals\":[{\"ts\":1717187400,"));
	ck_assert_uint_eq(count_of(a.body.p, "\"ts\":"), 1);
	http_forget(&a);
	set("http.profile_start", "0");
	a = ask(40, ARCH, slice);
	ck_assert_ptr_nonnull(strstr(a.body.p, "\"vals\":null"));
	http_forget(&a);
	set("http.meas_40", "1");
	a = ask(40, ARCH, all);
	ck_assert_uint_eq(count_of(a.body.p, "isMeas"), 2);
	http_forget(&a);
	set("http.ts31_unix", "1");
	a = ask(31, DATA, "{\"ids\":[1],\"measures\":[\"aDay\"]}");
	ck_assert_ptr_nonnull(strstr(a.body.p, "{\"ts\":1717189200,\"diff\":1,"));
	http_forget(&a);
	set("http.own_journals", "1");
	a = ask(40, ARCH, "{\"ids\":[6],\"measures\":[\"ElJrnlMagnet\"]}");
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
		a = ask(40, ARCH, body);
		json = json_loadb(a.body.p, a.body.len, 0, NULL);
		json_array_foreach(
		    json_object_get(json_array_get(json_object_get(json, "measures"), 0), "devices"), j,
		    device)
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
	char *wanted;

	ck_assert_int_eq(store_journal_add(http_store, DJ_METER_ANSWER, SMART_DAY,
			     "{\"idMeter\":1,\"answer\":false}"),
	    E_OK);
	ck_assert_int_eq(store_journal_add(http_store, DJ_METER_ANSWER, (SMART_DAY + 86400),
			     "{\"idMeter\":7,\"answer\":true}"),
	    E_OK);
	ck_assert_int_eq(store_journal_add(http_store, DJ_METER_ANSWER, (SMART_DAY + 86400),
			     "{\"idMeter\":1,\"answer\":true}"),
	    E_OK);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	a = ask(31, DATA, "{\"ids\":[1],\"measures\":[\"jrnlAnsw\"],\"tags\":[\"event\"]}");
	wanted = quoted(ANSWER("jrnlAnsw",
	    "{'id':1,'serial':'02553417','vals':["
	    "{'ts':'2024-06-01T00:00:00+03:00','diff':0,'tags':[{'tag':'event','val':0}]},"
	    "{'ts':'2024-06-02T00:00:00+03:00','diff':0,'tags':[{'tag':'event','val':1}]}]}"));
	ck_assert_str_eq(a.body.p, wanted);
	free(wanted);
	http_forget(&a);
}
END_TEST

/* ---- with a poller whose board has no lines ---- */

START_TEST(meters_that_cannot_be_asked_carry_an_error)
{
	struct http_answer a;
	json_t *json, *device;

	http_add_meters();
	a = ask(40, NOW, "{\"ids\":[7],\"tags\":[],\"measures\":[\"GetTime\",\"ElMomentEnergy\"]}");
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
	a = ask(31, DATA, "{\"ids\":[],\"measures\":[\"mEng\",\"aDay\"]}");
	ck_assert_int_eq(a.status, 200);
	ck_assert_uint_eq(count_of(a.body.p, "\"error\":"), 2);
	ck_assert_uint_eq(count_of(a.body.p, "\"vals\":[]"), 4);
	http_forget(&a);
	a = ask(40, NOW, "{\"ids\":[99],\"measures\":[\"GetTime\"]}");
	ck_assert_str_eq(a.body.p, "{\"measures\":[{\"measure\":\"GetTime\",\"devices\":[]}]}");
	http_forget(&a);
}
END_TEST

START_TEST(orders_to_meters_are_refused_by_reason)
{
	struct http_answer a;

	http_add_meters();
	a = ask(40, TIME, "{\"id\":99}");
	ck_assert_int_eq(a.status, 422);
	ck_assert_ptr_nonnull(strstr(a.body.p, "\"where\":\"/id\""));
	http_forget(&a);
	a = ask(31, RELAY, "{\"id\":\"6\",\"relayId\":1,\"relayState\":1}");
	ck_assert_int_ge(a.status, 422); /* the poller knows neither the meter nor its bus */
	http_forget(&a);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("smart data");
	TCase *t = tcase_create("over HTTP");

	tcase_add_checked_fixture(t, smart_setup, http_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, an_answer_has_its_form, 0, COUNT(answers));
	tcase_add_test(t, the_vectors_of_archives_are_answered);
	tcase_add_loop_test(t, a_bad_request_is_refused_by_name, 0, COUNT(refusals));
	tcase_add_test(t, lists_without_end_are_refused);
	tcase_add_test(t, a_long_answer_comes_whole);
	tcase_add_test(t, settings_change_the_form);
	tcase_add_test(t, meters_are_listed_by_their_class_and_in_order);
	tcase_add_test(t, lost_and_found_meters_are_a_journal_of_dialect_31);
	suite_add_tcase(s, t);
	t = tcase_create("with a poller");
	tcase_add_checked_fixture(t, http_setup_with_poller, http_teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, meters_that_cannot_be_asked_carry_an_error);
	tcase_add_test(t, orders_to_meters_are_refused_by_reason);
	suite_add_tcase(s, t);
	return unit_main(s);
}
