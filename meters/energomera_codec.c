#include "meters/energomera_codec.h"

#include <stdio.h>
#include <string.h>

const char *
energomera_name(enum energomera_name name)
{
	static const char *const names[EN_COUNT] = {
#define ROW(id, text) [id] = text,
		ENERGOMERA_NAMES(ROW)
#undef ROW
	};

	return names[name];
}

/* ---- answers ---- */

unsigned
energomera_error(struct iec_text t)
{
	size_t skip = t.len > 3 && memcmp(t.p, "ERR", 3) == 0 ? 3 : t.len > 1 && t.p[0] == 'E' ? 1 : 0;
	uint32_t number;

	if (skip == 0)
		return 0;
	t.p += skip;
	t.len -= skip;
	return iec_number(t, 99, &number) == E_OK ? number : 0;
}

int
energomera_error_meaning(unsigned number)
{
	switch (number) {
	case 11: case 12:
		return E_UNSUPPORTED;
	case 13: case 17:
		return E_INVALID;
	case 15:
		return E_DENIED;
	case 18:
		return E_NODATA;
	case 19:
		return E_BUSY;
	case 22:
		return E_LIMIT;
	case 30: case 31: case 32: case 33:
		return E_METER;
	default:
		return E_REFUSED;
	}
}

int
energomera_answer(struct iec_text body, const char *name)
{
	struct iec_walk w = iec_walk(body);
	struct iec_value v;
	int rc = iec_next(&w, &v);
	unsigned error;

	if (rc <= 0)
		return rc == 0 ? E_NODATA : rc;
	error = energomera_error(v.text);
	if (!iec_text_is(v.name, name) && (error == 0 || v.name.len > 0))
		return E_FOREIGN;
	return error > 0 ? energomera_error_meaning(error) : E_OK;
}

/* The next value of an answer whose lines all carry one name. */
static int
next_of(struct iec_walk *w, const char *name, struct iec_value *v)
{
	int rc = iec_next(w, v);

	return rc == 1 && !iec_text_is(v->name, name) ? E_FRAME : rc;
}

int
energomera_decimals(struct iec_text body, const char *name, unsigned decimals,
    struct energomera_values *out)
{
	struct iec_walk w = iec_walk(body);
	struct iec_value v;
	int rc = energomera_answer(body, name);

	memset(out, 0, sizeof *out);
	if (rc < 0)
		return rc;
	while ((rc = next_of(&w, name, &v)) == 1) {
		if (out->n == sizeof out->v / sizeof *out->v)
			return E_FRAME;
		if (v.text.len > 0) {
			rc = iec_decimal(v.text, decimals, &out->v[out->n]);
			if (rc < 0)
				return rc;
			out->present |= UINT32_C(1) << out->n;
		}
		out->n++;
	}
	return rc;
}

int
energomera_profile(struct iec_text body, const char *name, int64_t *mw, size_t most, size_t *n)
{
	struct iec_walk w = iec_walk(body);
	struct iec_value v;
	int rc = energomera_answer(body, name);

	*n = 0;
	if (rc < 0)
		return rc;
	while ((rc = next_of(&w, name, &v)) == 1) {
		if (*n == most)
			return E_LIMIT;
		if (iec_decimal(v.text, 6, &mw[*n]) < 0 || mw[*n] < 0)
			mw[*n] = INT64_MIN;
		++*n;
	}
	return rc;
}

int
energomera_text(struct iec_text body, const char *name, struct iec_text *text)
{
	struct iec_walk w = iec_walk(body);
	struct iec_value v;
	int rc = energomera_answer(body, name);

	if (rc < 0)
		return rc;
	rc = next_of(&w, name, &v);
	if (rc == 1)
		*text = v.text;
	return rc == 1 ? E_OK : E_FRAME;
}

/* ---- dates ---- */

static unsigned
two_digits(int v)
{
	return (unsigned)v % 100;
}

void
energomera_day_argument(char to[ENERGOMERA_ARG], const struct civil *c)
{
	snprintf(to, ENERGOMERA_ARG, "%02u.%02u.%02u", two_digits(c->day), two_digits(c->month),
	    two_digits(c->year));
}

void
energomera_month_argument(char to[ENERGOMERA_ARG], const struct civil *c)
{
	snprintf(to, ENERGOMERA_ARG, "%02u.%02u", two_digits(c->month), two_digits(c->year));
}

void
energomera_slot_argument(char to[ENERGOMERA_ARG], const struct civil *c, unsigned slot, unsigned n)
{
	energomera_day_argument(to, c);
	if (n == 1)
		snprintf(to + 8, ENERGOMERA_ARG - 8, ".%u", slot % 10000);
	else
		snprintf(to + 8, ENERGOMERA_ARG - 8, ".%u.%u", slot % 10000, n % 10000);
}

void
energomera_time_argument(char to[ENERGOMERA_ARG], const struct civil *c)
{
	snprintf(to, ENERGOMERA_ARG, "%02u:%02u:%02u", two_digits(c->hour), two_digits(c->minute),
	    two_digits(c->second));
}

void
energomera_date_argument(char to[ENERGOMERA_ARG], const struct civil *c)
{
	int weekday = civil_weekday(civil_days(c->year, c->month, c->day));

	snprintf(to, ENERGOMERA_ARG, "%02u.%02u.%02u.%02u", two_digits(weekday), two_digits(c->day),
	    two_digits(c->month), two_digits(c->year));
}

/* Splits at separators into at most `most` pieces; the last piece keeps the rest.  Returns how many. */
static size_t
split(struct iec_text t, const char *separators, struct iec_text *piece, size_t most)
{
	size_t n = 1;

	piece[0] = (struct iec_text){ t.p, 0 };
	for (size_t i = 0; i < t.len; i++) {
		if (n < most && t.p[i] != '\0' && strchr(separators, t.p[i]) != NULL)
			piece[n++] = (struct iec_text){ t.p + i + 1, 0 };
		else
			piece[n - 1].len++;
	}
	return n;
}

/* Numbers separated by one character, exactly n of them. */
static int
numbers(struct iec_text t, const char *separators, int *to, size_t n)
{
	struct iec_text piece[6];
	uint32_t v;

	if (split(t, separators, piece, n) != n)
		return E_FRAME;
	for (size_t i = 0; i < n; i++) {
		if (piece[i].len > 4 || iec_number(piece[i], 9999, &v) < 0)
			return E_FRAME;
		to[i] = (int)v;
	}
	return E_OK;
}

int
energomera_time(struct iec_text t, struct energomera_clock *clock)
{
	int v[3];

	if (numbers(t, ":", v, 3) < 0 || v[0] > 23 || v[1] > 59 || v[2] > 59)
		return E_FRAME;
	clock->at.hour = v[0];
	clock->at.minute = v[1];
	clock->at.second = v[2];
	return E_OK;
}

int
energomera_date(struct iec_text t, struct energomera_clock *clock)
{
	int v[4];
	struct civil day = { 0 };

	if (numbers(t, ".", v, 4) < 0 || v[0] > 7 || v[3] > 99)
		return E_FRAME;
	day.day = v[1];
	day.month = v[2];
	day.year = 2000 + v[3];
	if (!civil_valid(&day))
		return E_FRAME;
	clock->at.year = day.year;
	clock->at.month = day.month;
	clock->at.day = day.day;
	clock->weekday = v[0] % 7;
	clock->season = SEASON_UNKNOWN;
	return E_OK;
}

int
energomera_watch(struct iec_text t, struct energomera_clock *clock)
{
	struct iec_text piece[3];
	size_t n = split(t, ",", piece, 3);

	if (n < 2 || energomera_time(piece[0], clock) < 0 || energomera_date(piece[1], clock) < 0)
		return E_FRAME;
	if (n == 3 && iec_text_is(piece[2], "0"))
		clock->season = SEASON_WINTER;
	else if (n == 3 && iec_text_is(piece[2], "1"))
		clock->season = SEASON_SUMMER;
	return E_OK;
}

/* ---- one-shot read ---- */

void
energomera_group_request(struct wr *w, const struct energomera_group_item *item, size_t n)
{
	char text[16];

	for (size_t i = 0; i < n; i++) {
		snprintf(text, sizeof text, "%04X(%X)", item[i].id, item[i].mask);
		wr_text(w, text);
	}
}

/* A single error may stand for all values of an item: then another id, or the end, follows. */
static bool
is_refused_whole(const struct iec_walk *w, const char *id)
{
	struct iec_walk ahead = *w;
	struct iec_value v;

	return iec_next(&ahead, &v) == 1 && iec_text_is(v.name, id) && energomera_error(v.text) > 0 &&
	    (iec_next(&ahead, &v) != 1 || !iec_text_is(v.name, id));
}

static int
group_item(struct iec_walk *w, const struct energomera_group_item *item, struct energomera_values *out)
{
	struct iec_value v;
	unsigned wanted = 0;
	char id[8];

	for (unsigned mask = item->mask; mask != 0; mask >>= 1)
		wanted += mask & 1;
	snprintf(id, sizeof id, "%04X", item->id);
	if (out->n + wanted > sizeof out->v / sizeof *out->v)
		return E_FRAME;
	if (is_refused_whole(w, id)) {
		out->n += wanted;
		return iec_next(w, &v) == 1 ? E_OK : E_FRAME;
	}
	for (; wanted > 0; wanted--, out->n++) {
		if (next_of(w, id, &v) != 1)
			return E_FRAME;
		if (v.text.len == 0 || energomera_error(v.text) > 0)
			continue;
		if (iec_decimal(v.text, item->decimals, &out->v[out->n]) < 0)
			return E_FRAME;
		out->present |= UINT32_C(1) << out->n;
	}
	return E_OK;
}

int
energomera_group_answer(struct iec_text body, const struct energomera_group_item *item, size_t n,
    struct energomera_values *out)
{
	struct iec_walk w = iec_walk(body);
	struct iec_value v;
	int rc;

	memset(out, 0, sizeof *out);
	for (size_t i = 0; i < n; i++) {
		rc = group_item(&w, &item[i], out);
		if (rc < 0)
			return rc;
	}
	return iec_next(&w, &v) == 0 ? E_OK : E_FRAME;
}

/* ---- apparent power ---- */

uint64_t
energomera_isqrt(uint64_t v)
{
	uint64_t root = 0;

	for (uint64_t bit = UINT64_C(1) << 62; bit > 0; bit >>= 2) {
		bool fits = v >= root + bit;

		if (fits)
			v -= root + bit;
		root = fits ? (root >> 1) + bit : root >> 1;
	}
	return root;
}

int64_t
energomera_apparent(int64_t p, int64_t q)
{
	uint64_t a = p < 0 ? 0 - (uint64_t)p : (uint64_t)p;
	uint64_t b = q < 0 ? 0 - (uint64_t)q : (uint64_t)q;
	unsigned shift = 0;

	/* Beyond 2 MW the squares no longer fit in 64 bits: lose bits nobody measures. */
	while ((a | b) >> 31 != 0) {
		a >>= 1;
		b >>= 1;
		shift++;
	}
	return (int64_t)(energomera_isqrt(a * a + b * b) << shift);
}
