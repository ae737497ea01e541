/* What the answers of Энергомера classic hold, decoded by our codec and shown under the names the
 * vectors use, plausible synonyms included. */
#include "tests/vectors/play_energomera.h"

#include <stdio.h>
#include <string.h>

#include "src/base/cursor.h"

bool
play_fail(struct play *p, const char *why)
{
	snprintf(p->why, sizeof p->why, "%s", why);
	return false;
}

json_t *
play_real(const struct energomera_values *v, unsigned i)
{
	return (v->present >> i & 1) != 0 ? json_real((double)v->v[i] / 1e9) : json_null();
}

/* One value stands alone, several are a list. */
json_t *
play_reals(const struct energomera_values *v, unsigned from, unsigned n)
{
	json_t *list;

	if (n == 1)
		return play_real(v, from);
	list = json_array();
	for (unsigned i = 0; i < n; i++)
		json_array_append_new(list, play_real(v, from + i));
	return list;
}

/* Puts one value under all names of a "a|b|c" list. */
void
play_put(struct play *p, const char *names, json_t *value)
{
	char copy[256], *save = NULL;

	snprintf(copy, sizeof copy, "%s", names);
	for (char *name = strtok_r(copy, "|", &save); name != NULL; name = strtok_r(NULL, "|", &save))
		json_object_set(p->made, name, value);
	json_decref(value);
}

void
play_put_text(struct play *p, const char *names, const char *text)
{
	play_put(p, names, json_string(text));
}

/* ---- dates of requests ---- */

struct argument {
	struct civil date;
	unsigned slot, n;		/* 0: not in the argument */
	bool is_month;
};

/* Reads dd.mm.yy[.s[.n]] or mm.yy and writes it again with the codec. */
static bool
read_argument(const char *text, bool is_month, struct argument *a)
{
	char again[ENERGOMERA_ARG];
	int end = 0, more = 0;
	unsigned d = 1, m, y;

	memset(a, 0, sizeof *a);
	a->is_month = is_month;
	if (is_month ? sscanf(text, "%2u.%2u%n", &m, &y, &end) < 2 :
		       sscanf(text, "%2u.%2u.%2u%n", &d, &m, &y, &end) < 3)
		return false;
	a->date = (struct civil){ .year = 2000 + (int)y, .month = (int)m, .day = (int)d };
	if (!civil_valid(&a->date))
		return false;
	if (!is_month && sscanf(text + end, ".%4u%n", &a->slot, &more) == 1 &&
	    sscanf(text + end + more, ".%4u", &a->n) != 1)
		a->n = 1;
	if (is_month)
		energomera_month_argument(again, &a->date);
	else if (a->slot == 0)
		energomera_day_argument(again, &a->date);
	else
		energomera_slot_argument(again, &a->date, a->slot, a->n);
	return strcmp(again, text) == 0;
}

static void
day_text(char *to, size_t size, struct civil c, int days)
{
	struct zone utc = { 0, false };
	struct civil day = { .year = c.year, .month = c.month, .day = c.day };

	c = civil_from_utc(utc, day_add(utc, civil_to_utc(utc, &day, SEASON_UNKNOWN), days));
	snprintf(to, size, "%04d-%02d-%02d", c.year, c.month, c.day);
}

static void
month_text(char *to, size_t size, struct civil c, int months)
{
	struct zone utc = { 0, false };
	int64_t t = civil_to_utc(utc, &c, SEASON_UNKNOWN);

	c = civil_from_utc(utc, month_add(utc, t, months));
	snprintf(to, size, "%04d-%02d", c.year, c.month);
}

/* ---- energy ---- */

static const struct {
	const char *suffix, *tag, *unit;
} kinds[] = {
	{ "PE", "A+", "kWh" }, { "PI", "A-", "kWh" }, { "QE", "R+", "kvarh" }, { "QI", "R-", "kvarh" },
};

static int
kind_of(const char *name)
{
	for (int i = 0; i < 4; i++)
		if (strlen(name) == 5 && strcmp(name + 3, kinds[i].suffix) == 0)
			return i;
	return -1;
}

/* Under "<name>_kWh" or "<name>_kvarh", under both for reactive energy. */
static void
put_energy(struct play *p, const char *names, int kind, json_t *values)
{
	char copy[256], full[96], *save = NULL;

	snprintf(copy, sizeof copy, "%s", names);
	for (char *name = strtok_r(copy, "|", &save); name != NULL; name = strtok_r(NULL, "|", &save)) {
		snprintf(full, sizeof full, "%s_%s", name, kinds[kind].unit);
		json_object_set(p->made, full, values);
		snprintf(full, sizeof full, "%s_kWh", name);
		json_object_set(p->made, full, values);
	}
	json_decref(values);
}

static const struct {
	const char *prefix;
	bool is_archive, is_month;
	int shift;
	const char *store_as, *names;
} energies[] = {
	{ "ET0", false, false, 0, "", "total|registers|energy" },
	{ "ECD", false, false, 0, "", "today|current_day|day_so_far" },
	{ "ECM", false, false, 0, "", "this_month|current_month|month_so_far" },
	{ "END", true, false, 1, "start of day", "register_at_end_of_day|registers_at_end_of_day" },
	{ "EAD", true, false, 0, "day consumption", "consumption_of_day|day_consumption|consumption|"
	    "consumption_day|consumption_in_day" },
	{ "ENM", true, true, 1, "start of month",
	    "register_at_end_of_month|registers_at_end_of_month" },
	{ "EAM", true, true, 0, "month consumption",
	    "consumption_of_month|month_consumption|consumption|"
	    "consumption_month|consumption_in_month" },
};
enum { ENERGIES = sizeof energies / sizeof *energies };

int
play_energy_of(const char *name)
{
	for (int i = 0; i < ENERGIES; i++)
		if (strncmp(name, energies[i].prefix, 3) == 0 && kind_of(name) >= 0)
			return i;
	return -1;
}

bool
play_period(struct play *p, int e, const char *argument)
{
	struct argument a;
	char text[16], stored[64];

	if (!energies[e].is_archive)
		return true;
	if (!read_argument(argument, energies[e].is_month, &a))
		return play_fail(p, "date of the request is not one we build");
	if (a.is_month) {
		month_text(text, sizeof text, a.date, 0);
		play_put_text(p, "month", text);
		month_text(text, sizeof text, a.date, energies[e].shift);
	} else {
		day_text(text, sizeof text, a.date, 0);
		play_put_text(p, "day|date", text);
		day_text(text, sizeof text, a.date, energies[e].shift);
	}
	snprintf(stored, sizeof stored, "%s %s", energies[e].store_as, text);
	play_put_text(p, "store_as", stored);
	return true;
}

static bool
put_energies(struct play *p, int e, const char *name, struct iec_text body)
{
	struct energomera_values v;
	int kind = kind_of(name);
	char tag[16];

	if (energomera_decimals(body, name, PLAY_DECIMALS, &v) < 0)
		return play_fail(p, "energy is not decimal");
	play_put_text(p, "kind|tag", kinds[kind].tag);
	play_put(p, name, play_reals(&v, 0, v.n));
	put_energy(p, energies[e].names, kind, play_reals(&v, 0, v.n));
	snprintf(tag, sizeof tag, "%s", kinds[kind].tag);
	put_energy(p, tag, kind, play_reals(&v, 0, v.n));
	return true;
}

/* ---- profile ---- */

static void
clock_text(char *to, size_t size, unsigned minutes)
{
	snprintf(to, size, "%02u:%02u", minutes / 60 % 100, minutes % 60);
}

static void
put_intervals(struct play *p, const struct argument *a, size_t lines)
{
	unsigned first = a->slot > 0 ? a->slot - 1 : 0;
	json_t *list = json_array();
	char day[16], from[8], to[8], text[64];

	for (unsigned i = 0; i < lines; i++) {
		clock_text(from, sizeof from, (first + i) * p->interval_min);
		clock_text(to, sizeof to, (first + i + 1) * p->interval_min);
		snprintf(text, sizeof text, "%s-%s", from, to);
		json_array_append_new(list, json_string(text));
		if (i == 0) {
			play_put_text(p, "interval", text);
			play_put_text(p, "start|from", from);
			play_put_text(p, "end|to", to);
		}
	}
	day_text(day, sizeof day, a->date, (int)((first + 1) * p->interval_min / 1440));
	clock_text(to, sizeof to, (first + 1) * p->interval_min % 1440);
	snprintf(text, sizeof text, "%sT%s", day, to);
	play_put_text(p, "interval_end|stored_at", text);
	snprintf(text, sizeof text, "profile slice ending %sT%s", day, to);
	play_put_text(p, "store_as", text);
	play_put(p, "intervals", list);
}

static bool
put_profile(struct play *p, const char *name, const char *argument, struct iec_text body)
{
	static int64_t mw[1440];
	struct argument a;
	size_t lines;
	int kind = kind_of(name);
	json_t *list = json_array();
	char text[32];

	if (!read_argument(argument, false, &a) ||
	    energomera_profile(body, name, mw, sizeof mw / sizeof *mw, &lines) < 0 || lines == 0)
		return play_fail(p, "profile request or answer not understood");
	day_text(text, sizeof text, a.date, 0);
	play_put_text(p, "date|day", text);
	play_put(p, "interval_min|TAVER_min", json_integer(p->interval_min));
	play_put(p, "lines|count|n", json_integer((json_int_t)lines));
	play_put(p, "slot|s", json_integer(a.slot > 0 ? a.slot : 1));
	play_put_text(p, "kind|tag", kinds[kind].tag);
	for (size_t i = 0; i < lines; i++)
		json_array_append_new(list,
		    mw[i] == INT64_MIN ? json_null() : json_real((double)mw[i] / 1e6));
	if (mw[0] != INT64_MIN) {
		snprintf(text, sizeof text, "%s_Wh_first|%s_varh_first", kinds[kind].tag,
		    kinds[kind].tag);
		play_put(p, text, json_real((double)mw[0] / 1e3 * p->interval_min / 60));
	}
	put_intervals(p, &a, lines);
	if (a.n == 1) {
		json_t *only = json_incref(json_array_get(list, 0));

		json_decref(list);
		list = only;
	}
	play_put(p, kind < 2 ? "P_kW|mean_kW" : "Q_kvar|P_kvar|P_kW|mean_kvar", json_incref(list));
	snprintf(text, sizeof text, "P%s_kW|%s_kW", kind % 2 == 0 ? "+" : "-", kinds[kind].tag);
	play_put(p, kind < 2 ? text : kind == 2 ? "Q+_kvar|R+_kvar" : "Q-_kvar|R-_kvar", list);
	return true;
}

/* ---- single parameters ---- */

static const struct {
	const char *name, *keys;
	const char *parts[4];		/* NAME_part of each value */
} numbers[] = {
	{ "VOLTA", "U_V", { "A", "B", "C" } },
	{ "CURRE", "I_A", { "A", "B", "C" } },
	{ "POWPP", "P_kW|P_phase_kW", { "A", "B", "C" } },
	{ "POWEP", "P_kW|PS_kW|P_sum_kW|P_total_kW", { "sum" } },
	{ "POWPQ", "Q_kvar|Q_phase_kvar", { "A", "B", "C" } },
	{ "POWEQ", "Q_kvar|QS_kvar|Q_sum_kvar|Q_total_kvar", { "sum" } },
	{ "COS_f", "cos|cos_phi|COS", { "sum", "A", "B", "C" } },
	{ "FREQU", "f_Hz|freq_Hz", { "f" } },
	{ "CORUU", "angles_deg|angle_deg|angle_UU_deg|CORUU_deg", { "AB", "BC", "CA" } },
	{ "CORIU", "angles_IU_deg|angle_IU_deg|CORIU_deg|angle_deg", { "A", "B", "C" } },
	{ "NGRAP", "NGRAP_days", { "days" } },
	{ "FCVOL", "kU|ratio_u|FCVOL", { "ratio" } },
	{ "FCCUR", "kI|ratio_i|FCCUR", { "ratio" } },
};
enum { NUMBERS = sizeof numbers / sizeof *numbers };

static bool
put_numbers(struct play *p, size_t row, struct iec_text body)
{
	struct energomera_values v;
	char key[32];

	if (energomera_decimals(body, numbers[row].name, PLAY_DECIMALS, &v) < 0)
		return play_fail(p, "not a decimal");
	play_put(p, numbers[row].keys, play_reals(&v, 0, v.n));
	for (unsigned i = 0; i < 4 && i < v.n && numbers[row].parts[i] != NULL; i++) {
		snprintf(key, sizeof key, "%s_%s", numbers[row].name, numbers[row].parts[i]);
		play_put(p, key, play_real(&v, i));
	}
	if (strcmp(numbers[row].name, "CORUU") == 0 && v.n == 3 && (v.present & 4) != 0)
		play_put(p, "AngAC", json_real(-(double)v.v[2] / 1e9));
	return true;
}

void
play_clock(struct play *p, const struct energomera_clock *c, bool has_date, bool has_time)
{
	char text[32];

	if (has_date) {
		day_text(text, sizeof text, c->at, 0);
		play_put_text(p, "date", text);
		play_put(p, "weekday", json_integer(c->weekday));
	}
	if (has_time) {
		snprintf(text, sizeof text, "%02d:%02d:%02d", c->at.hour % 100, c->at.minute % 100,
		    c->at.second % 100);
		play_put_text(p, "time", text);
	}
	if (has_date && has_time) {
		snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d", c->at.year % 10000,
		    c->at.month % 100, c->at.day % 100, c->at.hour % 100, c->at.minute % 100,
		    c->at.second % 100);
		play_put_text(p, "datetime|clock|local", text);
	}
	if (c->season != SEASON_UNKNOWN)
		play_put(p, "dst|season", json_integer(c->season == SEASON_SUMMER));
}

/* The parts of one text, separated by commas. */
static json_t *
fields(struct iec_text t)
{
	json_t *list = json_array();
	size_t start = 0;

	for (size_t i = 0; i <= t.len; i++)
		if (i == t.len || t.p[i] == ',') {
			json_array_append_new(list,
			    play_text((struct iec_text){ t.p + start, i - start }));
			start = i + 1;
		}
	return list;
}

static void
put_season_flag(struct play *p, struct iec_text t)
{
	bool on = false;

	for (size_t i = 0; i < t.len; i++)
		on |= t.p[i] != 0 && t.p[i] != '0';
	play_put(p, "TRSUM|isDst|dst_allowed|is_dst|season_change", json_integer(on));
}

static bool
put_named_text(struct play *p, const char *name, struct iec_text t)
{
	struct energomera_clock c;
	uint32_t number;

	memset(&c, 0, sizeof c);
	if (strcmp(name, "TRSUM") == 0) {
		put_season_flag(p, t);
		return true;
	}
	play_put(p, name, strcmp(name, "HELLO") == 0 ? fields(t) : play_text(t));
	if (name[0] == 'P' && iec_number(t, 255, &number) == E_OK)
		play_put(p, "pointer|index", json_integer(number));
	else if (strcmp(name, "SNUMB") == 0)
		play_put(p, "serial", play_text(t));
	else if (strcmp(name, "IDENT") == 0)
		play_put(p, "firmware", play_text(t));
	else if (strcmp(name, "STAT_") == 0)
		play_put(p, "status", play_text(t));
	else if (strcmp(name, "TAVER") == 0 && iec_number(t, 60, &number) == E_OK) {
		p->interval_min = number;
		play_put(p, "TAVER_min|interval_min", json_integer(number));
	} else if (strcmp(name, "WATCH") == 0 && energomera_watch(t, &c) == E_OK)
		play_clock(p, &c, true, true);
	else if ((strcmp(name, "DATE_") == 0 || strcmp(name, "DAT25") == 0) &&
	    energomera_date(t, &c) == E_OK)
		play_clock(p, &c, true, false);
	else if (strcmp(name, "TIME_") == 0 && energomera_time(t, &c) == E_OK)
		play_clock(p, &c, false, true);
	return true;
}

/* ---- any of them ---- */

bool
play_values(struct play *p, const char *name, const char *argument, struct iec_text body)
{
	int e = play_energy_of(name);
	struct iec_walk w = iec_walk(body);
	struct iec_value v;
	struct iec_text t;
	json_t *list;

	if (play_is_ring(name))
		return play_ring(p, name, body);
	if (strncmp(name, "GRA", 3) == 0 && kind_of(name) >= 0)
		return put_profile(p, name, argument, body);
	if (e >= 0)
		return put_energies(p, e, name, body) && play_period(p, e, argument);
	for (size_t i = 0; i < NUMBERS; i++)
		if (strcmp(numbers[i].name, name) == 0)
			return put_numbers(p, i, body);
	if (energomera_text(body, name, &t) < 0)
		return play_fail(p, "answer not understood");
	list = json_array();
	while (iec_next(&w, &v) == 1)
		json_array_append_new(list, play_text(v.text));
	if (json_array_size(list) == 1) {
		json_decref(list);
		return put_named_text(p, name, t);
	}
	play_put(p, name, list);
	return true;
}
