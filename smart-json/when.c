#include "smart-json/when.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static const int64_t MILLISECONDS_FROM = 100000000000;	/* smart-json.md 7.6 */
static const int64_t LATEST = 13569465600;		/* the year 2400 */

/* Exactly n digits. */
static bool
digits(const char **p, int n, int *value)
{
	*value = 0;
	for (; n > 0; n--, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return false;
		*value = *value * 10 + (**p - '0');
	}
	return true;
}

static bool
accept_char(const char **p, char c)
{
	if (**p != c)
		return false;
	(*p)++;
	return true;
}

/* "Z", "+03:00", "+0300", "+03"; *offset_s is east positive. */
static bool
parse_offset(const char *p, int *offset_s)
{
	int hours, minutes = 0, sign;

	if ((*p == 'Z' || *p == 'z') && p[1] == '\0') {
		*offset_s = 0;
		return true;
	}
	sign = *p == '-' ? -1 : 1;
	if (*p != '+' && *p != '-' && *p != ' ')
		return false;
	p++;
	if (!digits(&p, 2, &hours))
		return false;
	if (*p != '\0') {
		accept_char(&p, ':');
		if (!digits(&p, 2, &minutes))
			return false;
	}
	*offset_s = sign * (hours * 3600 + minutes * 60);
	return *p == '\0' && hours <= 14 && minutes < 60;
}

/* What browsers write behind the second is dropped. */
static bool
parse_seconds(const char **p, int *second)
{
	if (!digits(p, 2, second))
		return false;
	if (!accept_char(p, '.'))
		return true;
	if (!isdigit((unsigned char)**p))
		return false;
	while (isdigit((unsigned char)**p))
		(*p)++;
	return true;
}

static int
parse_iso(struct zone zone, const char *p, int64_t *utc)
{
	struct civil c = { 0 };
	int offset_s;

	if (!digits(&p, 4, &c.year) || !accept_char(&p, '-') || !digits(&p, 2, &c.month) ||
	    !accept_char(&p, '-') || !digits(&p, 2, &c.day))
		return E_INVALID;
	if (*p != '\0') {
		if (*p != 'T' && *p != 't' && *p != ' ')
			return E_INVALID;
		p++;
		if (!digits(&p, 2, &c.hour) || !accept_char(&p, ':') || !digits(&p, 2, &c.minute))
			return E_INVALID;
		if (accept_char(&p, ':') && !parse_seconds(&p, &c.second))
			return E_INVALID;
	}
	if (!civil_valid(&c))
		return E_INVALID;
	if (*p == '\0') {
		*utc = civil_to_utc(zone, &c, SEASON_UNKNOWN);
		return E_OK;
	}
	if (!parse_offset(p, &offset_s))
		return E_INVALID;
	*utc = civil_to_utc((struct zone){ 0, false }, &c, SEASON_UNKNOWN) - offset_s;
	return E_OK;
}

int
when_parse(struct zone zone, const char *text, int64_t *utc)
{
	long long value;
	char *end;

	if (strlen(text) >= 5 && text[4] == '-')
		return parse_iso(zone, text, utc);
	if (!isdigit((unsigned char)*text))
		return E_INVALID;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (*end != '\0' || errno != 0)
		return E_INVALID;
	if (value > MILLISECONDS_FROM)
		value /= 1000;
	if (value > LATEST)
		return E_INVALID;
	*utc = value;
	return E_OK;
}
