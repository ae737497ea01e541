#include "smart-json/http_fields.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char cookie_name[] = "sessionid=";
enum { NAME_LEN = sizeof(cookie_name) - 1, WEIGHT_WHOLE = 1000 };

const char *
http_cookie_ticket(const char **at)
{
	while (**at != '\0') {
		const char *p = *at + strspn(*at, " \t;,");
		size_t len = strcspn(p, ";,");

		*at = p + len;
		while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t'))
			len--;
		if (len == NAME_LEN + TICKET_DIGITS && memcmp(p, cookie_name, NAME_LEN) == 0 &&
		    strspn(p + NAME_LEN, "0123456789") >= TICKET_DIGITS)
			return p + NAME_LEN;
	}
	return NULL;
}

/* Thousandths of "0.5", "1", "1.000"; broken ones count as 1. */
static int
parse_weight(const char *p, const char *end)
{
	int weight = 0, unit = WEIGHT_WHOLE;

	for (; p < end && unit > 0; p++) {
		if (*p == '.')
			continue;
		if (*p < '0' || *p > '9')
			break;
		weight += (*p - '0') * unit;
		unit /= 10;
	}
	return unit == WEIGHT_WHOLE || weight > WEIGHT_WHOLE ? WEIGHT_WHOLE : weight;
}

static int
item_weight(const char *item, const char *end)
{
	const char *p = item;

	while ((p = memchr(p, ';', (size_t)(end - p))) != NULL) {
		p++;
		while (p < end && (*p == ' ' || *p == '\t'))
			p++;
		if (end - p > 2 && (*p == 'q' || *p == 'Q') && p[1] == '=')
			return parse_weight(p + 2, end);
	}
	return WEIGHT_WHOLE;
}

/* The highest weight given to a name (or, with a '-', to its kinds: en, en-GB), else that of "*",
 * else -1. */
static int
weight_of(const char *list, const char *name)
{
	size_t n = strlen(name);
	int own = -1, any = -1;

	if (list == NULL)
		return -1;
	while (*list != '\0') {
		const char *item = list + strspn(list, " \t,"), *end = item + strcspn(item, ",");
		size_t len = strcspn(item, "-;, \t");
		int weight = item_weight(item, end);

		if (len == n && strncasecmp(item, name, n) == 0)
			own = weight > own ? weight : own;
		else if (len == 1 && *item == '*')
			any = weight;
		list = end;
	}
	return own >= 0 ? own : any;
}

bool
http_coding_taken(const char *accept, const char *coding)
{
	return weight_of(accept, coding) > 0;
}

bool
http_english_preferred(const char *accept)
{
	return weight_of(accept, "en") > weight_of(accept, "ru");
}
