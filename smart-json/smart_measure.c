#include "smart-json/smart_measure.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define EL CLASS_BIT(CLASS_ELECTRIC)
#define PLS CLASS_BIT(CLASS_PULSE)
#define DIG CLASS_BIT(CLASS_DIGITAL)
#define HUB CLASS_BIT(CLASS_HUB)
#define GEN CLASS_BIT(CLASS_GENERIC)
#define EVERY (EL | PLS | DIG | HUB | GEN)

/* Jobs of dialect 40; the serial ones have no "Get" in their class forms. */
static const struct { const char *name; enum measure_job job; unsigned classes; } jobs[] = {
	{ "GetTime", JOB_TIME, EVERY }, { "ElGetTime", JOB_TIME, EL },
	{ "PlsGetTime", JOB_TIME, PLS }, { "DigGetTime", JOB_TIME, DIG },
	{ "GetRelay", JOB_RELAY, EVERY & ~HUB }, { "ElGetRelay", JOB_RELAY, EL },
	{ "PlsGetRelay", JOB_RELAY, PLS }, { "DigGetRelay", JOB_RELAY, DIG },
	{ "GetSerial", JOB_SERIAL, EVERY }, { "ElSerial", JOB_SERIAL, EL },
	{ "PlsSerial", JOB_SERIAL, PLS }, { "DigSerial", JOB_SERIAL, DIG },
};

/* Parts of tariff calendars, of the active one and the passive one. */
static const struct { const char *name; enum calendar_part part; bool active; } calendars[] = {
	{ "ElCalendarNameActive", CALENDAR_NAME, true },
	{ "ElCalendarNamePassive", CALENDAR_NAME, false },
	{ "ElCalendarSeasonActive", CALENDAR_SEASONS, true },
	{ "ElCalendarSeasonPassive", CALENDAR_SEASONS, false },
	{ "ElCalendarWeekActive", CALENDAR_WEEKS, true },
	{ "ElCalendarWeekPassive", CALENDAR_WEEKS, false },
	{ "ElCalendarDayActive", CALENDAR_DAYS, true },
	{ "ElCalendarDayPassive", CALENDAR_DAYS, false },
	{ "ElCalendarActivateTime", CALENDAR_TIME, false },
};

static const char *const orders[] = {
	"SetTime", "ElSetTime", "PlsSetTime", "DigSetTime",
	"SyncTime", "ElSyncTime", "PlsSyncTime", "DigSyncTime",
	"SetRelay", "ElSetRelay", "PlsSetRelay", "DigSetRelay",
};
#define ORDER_CALENDAR "ElSetCalendar"	/* and whatever follows */

/* Dialect 31: electric, pulse, digital. */
static const struct {
	const char *name;
	enum measure_job job;
	bool now;
	enum record_type types[CLASS_DIGITAL + 1];
} measures31[] = {
	{ "mEng", JOB_RECORDS, true, { REC_EL_MOMENT_ENERGY, REC_PLS_MOMENT, REC_DIG_MOMENT } },
	{ "mQual", JOB_RECORDS, true, { REC_EL_MOMENT_QUALITY } },
	{ "mRelay", JOB_RELAY, true, { REC_NONE } },
	{ "mTime", JOB_TIME, true, { REC_NONE } },
	{ "aCfg", JOB_RECORDS, false, { REC_EL_CONFIG, REC_PLS_CONFIG, REC_DIG_CONFIG } },
	{ "aEng", JOB_RECORDS, false, { REC_EL_MOMENT_ENERGY, REC_PLS_MOMENT, REC_DIG_MOMENT } },
	{ "aQual", JOB_RECORDS, false, { REC_EL_MOMENT_QUALITY } },
	{ "aDay", JOB_RECORDS, false, { REC_EL_DAY, REC_PLS_DAY } },
	{ "aDayCons", JOB_RECORDS, false, { REC_EL_DAY_CONS } },
	{ "aMonth", JOB_RECORDS, false, { REC_EL_MONTH, REC_PLS_MONTH } },
	{ "aMonthCons", JOB_RECORDS, false, { REC_EL_MONTH_CONS } },
	{ "aCons", JOB_RECORDS, false, { REC_EL_PROFILE } },
	{ "aHour", JOB_RECORDS, false, { REC_NONE, REC_PLS_HOUR } },
	{ "jrnlAnsw", JOB_LINK, false, { REC_NONE } },
};

/* What clients write instead (smart-json.md 10.6). */
static const struct { enum measure_source from, to; const char *alias, *name; } aliases[] = {
	{ MEASURES_ARCH, MEASURES_MOMENT, "ElJnlLimFreqMax", "ElJrnlLimFreqMax" },
	{ MEASURES_ARCH, MEASURES_MOMENT, "ElJrnlRvr", "ElJrnlReverce" },
	{ MEASURES_31, MEASURES_31, "jrnlReverce", "jrnlRvr" },
};

enum { N_JOBS = sizeof(jobs) / sizeof(jobs[0]), N_CALENDARS = sizeof(calendars) / sizeof(calendars[0]),
	N_ORDERS = sizeof(orders) / sizeof(orders[0]),
	N_31 = sizeof(measures31) / sizeof(measures31[0]),
	N_ALIASES = sizeof(aliases) / sizeof(aliases[0]), FIRST_OWN_JOURNAL = 101 };

static const char *
skip_blanks(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

/* Compares as far as `prefix` goes; the rest of `text`, or NULL. */
static const char *
after_prefix(const char *text, const char *prefix)
{
	for (;; text++, prefix++) {
		text = skip_blanks(text);
		prefix = skip_blanks(prefix);
		if (*prefix == '\0')
			return text;
		if (tolower((unsigned char)*text) != tolower((unsigned char)*prefix))
			return NULL;
	}
}

bool
measure_same_name(const char *a, const char *b)
{
	const char *rest = after_prefix(a, b);

	return rest != NULL && *rest == '\0';
}

static enum meter_class
class_of_type(enum record_type type)
{
	if (type >= REC_GEN_CONFIG)
		return CLASS_GENERIC;
	if (type >= REC_DIG_CONFIG)
		return CLASS_DIGITAL;
	return type >= REC_PLS_CONFIG ? CLASS_PULSE : CLASS_ELECTRIC;
}

static void
set_name(struct measure *m, const char *prefix, const char *name)
{
	snprintf(m->name, sizeof(m->name), "%s%s", prefix, name);
}

static void
set_type(struct measure *m, enum record_type type)
{
	enum meter_class class = class_of_type(type);

	m->classes |= CLASS_BIT(class);
	m->types[class] = type;
}

/* The journal of a meter named by `suffix`; the name that differs in dialect 31 is `reverse`. */
static int
find_journal(const char *prefix, const char *suffix, const char *reverse, bool own, struct measure *m)
{
	for (int i = 0; i < JOURNAL_COUNT; i++) {
		uint16_t code = journal_codes[i];
		const char *name = code == J_REVERSE ? reverse : journal_name(code);

		if (!measure_same_name(suffix, name) || (code >= FIRST_OWN_JOURNAL && !own))
			continue;
		set_name(m, prefix, name);
		set_type(m, REC_EL_JOURNAL);
		m->journal = code;
		return E_OK;
	}
	return E_NOTFOUND;
}

static int
find_archive(const char *text, bool own_journals, struct measure *m)
{
	const char *suffix = after_prefix(text, record_type_info(REC_EL_JOURNAL)->name);

	if (suffix != NULL)
		return find_journal("ElJrnl", suffix, journal_name(J_REVERSE), own_journals, m);
	for (enum record_type type = REC_NONE + 1; type < REC_COUNT; type++) {
		if (!measure_same_name(text, record_type_info(type)->name))
			continue;
		set_name(m, "", record_type_info(type)->name);
		set_type(m, type);
		return E_OK;
	}
	return E_NOTFOUND;
}

static int
find_job(const char *text, struct measure *m)
{
	for (int i = 0; i < N_JOBS; i++) {
		if (!measure_same_name(text, jobs[i].name))
			continue;
		set_name(m, "", jobs[i].name);
		m->job = jobs[i].job;
		m->classes = jobs[i].classes;
		return E_OK;
	}
	for (int i = 0; i < N_CALENDARS; i++) {
		if (!measure_same_name(text, calendars[i].name))
			continue;
		set_name(m, "", calendars[i].name);
		m->job = JOB_CALENDAR;
		m->classes = EL;
		m->part = calendars[i].part;
		m->active = calendars[i].active;
		return E_OK;
	}
	m->job = JOB_ORDER;
	for (int i = 0; i < N_ORDERS; i++)
		if (measure_same_name(text, orders[i]))
			return E_OK;
	return after_prefix(text, ORDER_CALENDAR) != NULL ? E_OK : E_NOTFOUND;
}

static int
find_31(const char *text, bool own_journals, struct measure *m)
{
	const char *suffix;

	for (int i = 0; i < N_31; i++) {
		if (!measure_same_name(text, measures31[i].name))
			continue;
		set_name(m, "", measures31[i].name);
		m->job = measures31[i].job;
		m->now = measures31[i].now;
		for (int class = 0; class <= CLASS_DIGITAL; class ++)
			if (measures31[i].types[class] != REC_NONE)
				set_type(m, measures31[i].types[class]);
		if (m->job != JOB_RECORDS)
			m->classes = m->job == JOB_RELAY ? EVERY & ~HUB : EVERY;
		return E_OK;
	}
	if ((suffix = after_prefix(text, "jrnl")) == NULL ||
	    find_journal("jrnl", suffix, "Rvr", own_journals, m) < 0)
		return E_NOTFOUND;
	if (m->journal == J_TIME_CORR)
		set_type(m, REC_PLS_JOURNAL);
	return E_OK;
}

int
measure_find(enum measure_source source, const char *text, bool own_journals, struct measure *m)
{
	*m = (struct measure){ .now = source == MEASURES_MOMENT };
	for (int i = 0; i < N_ALIASES; i++)
		if (source >= aliases[i].from && source <= aliases[i].to &&
		    measure_same_name(text, aliases[i].alias))
			text = aliases[i].name;
	if (source == MEASURES_31)
		return find_31(text, own_journals, m);
	if (find_archive(text, own_journals, m) == E_OK)
		return E_OK;
	return source == MEASURES_MOMENT ? find_job(text, m) : E_NOTFOUND;
}

enum meter_class
measure_class(const struct meter_row *row)
{
	const struct meter_type *type = meter_type_by_id(row->type);

	return type != NULL ? type->class : CLASS_ELECTRIC;
}

enum record_type
measure_type(const struct measure *m, const struct meter_row *row)
{
	return m->types[measure_class(row)];
}

bool
measure_fits(const struct measure *m, const struct meter_row *row)
{
	return (m->classes & CLASS_BIT(measure_class(row))) != 0;
}
