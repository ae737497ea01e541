/* The tariff calendar: class 20, active and passive (17). */
#include "meters/dlms/spodes.h"

#include <string.h>

enum { ACTIVE_FIRST = 2, PASSIVE_FIRST = 6, ACTIVATION = 10, ACTIVATE_METHOD = 1, DATA_MAX = 4096,
	TIME_OF_DAY_LEN = 4, SCRIPT_LEN = 6, WEEK_DAYS = 7, ANY_YEAR = 0xffff };

/* Attributes of the parts, counted from the name's. */
static const int8_t part_offset[] = {
	[CALENDAR_NAME] = 0, [CALENDAR_SEASONS] = 1, [CALENDAR_WEEKS] = 2, [CALENDAR_DAYS] = 3,
};

static struct cosem
calendar(int index)
{
	return COSEM(CLASS_CALENDAR, 0, 0, 13, 0, 0, (int8_t)index);
}

static struct cosem
part_object(enum calendar_part part, bool passive)
{
	if (part == CALENDAR_TIME || part == CALENDAR_ACTIVATE)
		return calendar(ACTIVATION);
	return calendar((passive ? PASSIVE_FIRST : ACTIVE_FIRST) + part_offset[part]);
}

/* ---- reading ---- */

static int
take_text(struct axdr *a, struct calendar_text *t)
{
	struct axdr_value v;
	int rc = axdr_next(a, &v);

	if (rc < 0)
		return rc;
	if ((v.tag != AXDR_OCTETS && v.tag != AXDR_VISIBLE) || v.len > sizeof(t->p))
		return E_FRAME;
	*t = (struct calendar_text){ .len = (uint8_t)v.len };
	memcpy(t->p, v.p, v.len);
	return E_OK;
}

static int
take_number(struct axdr *a, int64_t most, int64_t *n)
{
	struct axdr_value v;
	int rc = axdr_next(a, &v);

	if (rc < 0)
		return rc;
	return axdr_int(&v, n) && *n >= 0 && *n <= most ? E_OK : E_FRAME;
}

/* A recurring start has no year: it is told for the year of the meter's last answer. */
static int
take_start(struct meter_session *s, struct axdr *a, struct calendar_season *season)
{
	uint8_t octets[COSEM_TIME_LEN];
	struct cosem_time t;
	struct axdr_value v;
	struct civil now;
	int rc = axdr_next(a, &v);

	if (rc < 0)
		return rc;
	if (v.len != sizeof(octets))
		return E_FRAME;
	memcpy(octets, v.p, sizeof(octets));
	season->has_year = octets[0] != 0xff || octets[1] != 0xff;
	if (!season->has_year) {
		now = civil_from_utc(s->zone, line_times(s->line).done_us / 1000000);
		octets[0] = (uint8_t)(now.year >> 8);
		octets[1] = (uint8_t)now.year;
	}
	rc = cosem_time_parse(octets, &t);
	season->start = rc == E_OK ? cosem_time_utc(&t, s->zone) : 0;
	return rc == E_NODATA ? E_OK : rc;
}

static int
take_seasons(struct meter_session *s, struct axdr *a, struct calendar *c)
{
	uint32_t n, fields;
	int rc = axdr_enter(a, AXDR_ARRAY, &n);

	if (rc == E_OK && n > CALENDAR_SEASONS_MAX)
		return E_LIMIT;
	for (c->n_seasons = 0; rc == E_OK && c->n_seasons < n; c->n_seasons++) {
		struct calendar_season *season = &c->seasons[c->n_seasons];

		rc = axdr_enter(a, AXDR_STRUCT, &fields);
		if (rc == E_OK)
			rc = take_text(a, &season->name);
		if (rc == E_OK)
			rc = take_start(s, a, season);
		if (rc == E_OK)
			rc = take_text(a, &season->week);
		if (rc == E_OK)
			rc = axdr_leave(a, 1);
	}
	return rc;
}

static int
take_weeks(struct axdr *a, struct calendar *c)
{
	uint32_t n, fields;
	int64_t day;
	int rc = axdr_enter(a, AXDR_ARRAY, &n);

	if (rc == E_OK && n > CALENDAR_WEEKS_MAX)
		return E_LIMIT;
	for (c->n_weeks = 0; rc == E_OK && c->n_weeks < n; c->n_weeks++) {
		struct calendar_week *week = &c->weeks[c->n_weeks];

		rc = axdr_enter(a, AXDR_STRUCT, &fields);
		if (rc == E_OK)
			rc = take_text(a, &week->name);
		for (int i = 0; i < WEEK_DAYS && rc == E_OK; i++) {
			rc = take_number(a, UINT8_MAX, &day);
			week->day[i] = (uint8_t)day;
		}
		if (rc == E_OK)
			rc = axdr_leave(a, 1);
	}
	return rc;
}

static int
take_switch(struct axdr *a, uint8_t day, struct calendar *c)
{
	struct calendar_switch *sw = &c->switches[c->n_switches];
	struct axdr_value time, script;
	uint32_t fields;
	int64_t selector;
	int rc;

	if (c->n_switches == CALENDAR_SWITCHES_MAX)
		return E_LIMIT;
	rc = axdr_enter(a, AXDR_STRUCT, &fields);
	if (rc == E_OK)
		rc = axdr_next(a, &time);
	if (rc == E_OK)
		rc = axdr_next(a, &script);
	if (rc == E_OK)
		rc = take_number(a, UINT16_MAX, &selector);
	if (rc < 0)
		return rc;
	if (time.len != TIME_OF_DAY_LEN || script.len != SCRIPT_LEN)
		return E_FRAME;
	*sw = (struct calendar_switch){ .day = day, .hour = time.p[0], .minute = time.p[1],
		.second = time.p[2] == COSEM_ANY ? 0 : time.p[2], .selector = (uint16_t)selector };
	memcpy(sw->script, script.p, SCRIPT_LEN);
	if (sw->hour > 23 || sw->minute > 59 || sw->second > 59)
		return E_FRAME;
	c->n_switches++;
	return axdr_leave(a, 3);
}

static int
take_days(struct axdr *a, struct calendar *c)
{
	uint32_t n, fields, switches;
	int64_t day;
	int rc = axdr_enter(a, AXDR_ARRAY, &n);

	c->n_switches = 0;
	for (; rc == E_OK && n > 0; n--) {
		rc = axdr_enter(a, AXDR_STRUCT, &fields);
		if (rc == E_OK)
			rc = take_number(a, UINT8_MAX, &day);
		if (rc == E_OK)
			rc = axdr_enter(a, AXDR_ARRAY, &switches);
		for (; rc == E_OK && switches > 0; switches--)
			rc = take_switch(a, (uint8_t)day, c);
		if (rc == E_OK)
			rc = axdr_leave(a, 1);
	}
	return rc;
}

static int
take_activation(struct meter_session *s, struct axdr *a, struct calendar *c)
{
	struct cosem_time t;
	struct axdr_value v;
	int rc = axdr_next(a, &v);

	c->activate = 0;
	if (rc < 0)
		return rc;
	rc = cosem_time_of(&v, &t);
	if (rc == E_OK)
		c->activate = cosem_time_utc(&t, s->zone);
	return rc == E_NODATA ? E_OK : rc;
}

int
spodes_calendar_get(struct meter_session *s, enum calendar_part part, bool passive, struct calendar *c)
{
	const struct cosem object = part_object(part, passive);
	struct octets data;
	struct axdr a;
	int rc;

	if (part > CALENDAR_TIME)
		return E_INVALID;
	rc = spodes_get(s, &object, (struct octets){ NULL, 0 }, &data);
	if (rc < 0)
		return rc;
	a = axdr_init(data.p, data.len);
	switch (part) {
	case CALENDAR_NAME:
		return take_text(&a, &c->name);
	case CALENDAR_SEASONS:
		return take_seasons(s, &a, c);
	case CALENDAR_WEEKS:
		return take_weeks(&a, c);
	case CALENDAR_DAYS:
		return take_days(&a, c);
	default:
		return take_activation(s, &a, c);
	}
}

/* ---- writing ---- */

static void
put_text(struct wr *w, const struct calendar_text *t)
{
	axdr_put_octets(w, t->p, t->len);
}

/* Time of the day is kept; the year only where the season does not come again. */
static void
put_start(struct wr *w, struct zone zone, const struct calendar_season *season)
{
	struct cosem_time t = cosem_time_at(zone, season->start);

	if (!season->has_year)
		t.t.year = ANY_YEAR;
	t.weekday = COSEM_ANY;
	t.status = 0;
	wr_u8(w, AXDR_OCTETS);
	wr_u8(w, COSEM_TIME_LEN);
	cosem_put_time(w, &t);
}

static void
put_seasons(struct wr *w, struct zone zone, const struct calendar *c)
{
	axdr_put_array(w, c->n_seasons);
	for (unsigned i = 0; i < c->n_seasons; i++) {
		axdr_put_struct(w, 3);
		put_text(w, &c->seasons[i].name);
		put_start(w, zone, &c->seasons[i]);
		put_text(w, &c->seasons[i].week);
	}
}

static void
put_weeks(struct wr *w, const struct calendar *c)
{
	axdr_put_array(w, c->n_weeks);
	for (unsigned i = 0; i < c->n_weeks; i++) {
		axdr_put_struct(w, 1 + WEEK_DAYS);
		put_text(w, &c->weeks[i].name);
		for (int k = 0; k < WEEK_DAYS; k++)
			axdr_put_u8(w, c->weeks[i].day[k]);
	}
}

static void
put_switch(struct wr *w, const struct calendar_switch *sw)
{
	const uint8_t time[TIME_OF_DAY_LEN] = { sw->hour, sw->minute, sw->second, 0 };

	axdr_put_struct(w, 3);
	axdr_put_octets(w, time, sizeof(time));
	axdr_put_octets(w, sw->script, sizeof(sw->script));
	axdr_put_u16(w, sw->selector);
}

/* Entries of a plan stand together; each plan is one structure. */
static void
put_days(struct wr *w, const struct calendar *c)
{
	unsigned plans = 0;

	for (unsigned i = 0; i < c->n_switches; i++)
		plans += i == 0 || c->switches[i].day != c->switches[i - 1].day;
	axdr_put_array(w, plans);
	for (unsigned i = 0, n; i < c->n_switches; i += n) {
		for (n = 1; i + n < c->n_switches && c->switches[i + n].day == c->switches[i].day;)
			n++;
		axdr_put_struct(w, 2);
		axdr_put_u8(w, c->switches[i].day);
		axdr_put_array(w, n);
		for (unsigned k = 0; k < n; k++)
			put_switch(w, &c->switches[i + k]);
	}
}

static void
put_part(struct wr *w, struct zone zone, enum calendar_part part, const struct calendar *c)
{
	struct cosem_time t;

	switch (part) {
	case CALENDAR_NAME:
		put_text(w, &c->name);
		break;
	case CALENDAR_SEASONS:
		put_seasons(w, zone, c);
		break;
	case CALENDAR_WEEKS:
		put_weeks(w, c);
		break;
	case CALENDAR_DAYS:
		put_days(w, c);
		break;
	default:
		t = cosem_time_at(zone, c->activate);
		wr_u8(w, AXDR_OCTETS);
		wr_u8(w, COSEM_TIME_LEN);
		cosem_put_time(w, &t);
		break;
	}
}

/* Plans in the order of time (17).  Those that should begin at midnight and do not, the meter refuses:
 * a plan with one switch in all is the same at any time. */
static bool
are_days_good(const struct calendar *c)
{
	int before = 0;

	for (unsigned i = 0; i < c->n_switches; i++) {
		const struct calendar_switch *sw = &c->switches[i];
		int at = (sw->hour * 60 + sw->minute) * 60 + sw->second;
		bool is_first = i == 0 || sw->day != sw[-1].day;

		if (sw->hour > 23 || sw->minute > 59 || sw->second > 59 || (!is_first && at <= before))
			return false;
		before = at;
	}
	return true;
}

static bool
is_good(enum calendar_part part, const struct calendar *c)
{
	return c->n_seasons <= CALENDAR_SEASONS_MAX && c->n_weeks <= CALENDAR_WEEKS_MAX &&
	    c->n_switches <= CALENDAR_SWITCHES_MAX && (part != CALENDAR_DAYS || are_days_good(c));
}

/* What was written is read back and compared. */
static int
verify(struct meter_session *s, const struct cosem *object, struct octets written)
{
	struct octets data;
	int rc = spodes_get(s, object, (struct octets){ NULL, 0 }, &data);

	if (rc < 0)
		return rc;
	return data.len >= written.len && memcmp(data.p, written.p, written.len) == 0 ? E_OK : E_METER;
}

int
spodes_calendar_set(struct meter_session *s, enum calendar_part part, const struct calendar *c)
{
	static const uint8_t parameter[] = { AXDR_I8, 0 };
	const struct cosem activate = calendar(ACTIVATE_METHOD), object = part_object(part, true);
	uint8_t buf[DATA_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	int rc;

	if (part == CALENDAR_ACTIVATE)
		return spodes_action(s, &activate, (struct octets){ parameter, sizeof(parameter) });
	if (part > CALENDAR_ACTIVATE || !is_good(part, c))
		return E_INVALID;
	put_part(&w, s->zone, part, c);
	if (!wr_ok(&w))
		return E_LIMIT;
	rc = spodes_set(s, &object, (struct octets){ buf, w.len });
	/* The time that a meter has set need not come back octet by octet. */
	if (rc == E_OK && part != CALENDAR_TIME)
		rc = verify(s, &object, (struct octets){ buf, w.len });
	return rc == E_UNSUPPORTED ? E_REFUSED : rc;
}
