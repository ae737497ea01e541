#include "src/store/json_text.h"

#include <stdint.h>
#include <string.h>

#include "src/base/text.h"

static const char *
skip_blanks(const char *p)
{
	return p + strspn(p, " \t\r\n");
}

/* Behind the string that begins here; NULL: none does. */
static const char *
skip_string(const char *p)
{
	if (*p++ != '"')
		return NULL;
	for (; *p != '"'; p++) {
		if ((unsigned char)*p < ' ')
			return NULL;
		if (*p != '\\')
			continue;
		if (*++p == '\0' || strchr("\"\\/bfnrtu", *p) == NULL)
			return NULL;
		if (*p == 'u' && strspn(p + 1, "0123456789abcdefABCDEF") < 4)
			return NULL;
	}
	return p + 1;
}

static const char *
skip_digits(const char *p)
{
	size_t n = strspn(p, "0123456789");

	return n > 0 ? p + n : NULL;
}

static const char *
skip_number(const char *p)
{
	p += *p == '-';
	if (p[0] == '0' && p[1] >= '0' && p[1] <= '9')
		return NULL;
	p = skip_digits(p);
	if (p != NULL && *p == '.')
		p = skip_digits(p + 1);
	if (p != NULL && (*p == 'e' || *p == 'E'))
		p = skip_digits(p + 1 + (p[1] == '+' || p[1] == '-'));
	return p;
}

static const char *
skip_scalar(const char *p)
{
	static const char *const words[] = { "true", "false", "null" };

	if (*p == '"')
		return skip_string(p);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strncmp(p, words[i], strlen(words[i])) == 0)
			return p + strlen(words[i]);
	return skip_number(p);
}

/* Name and colon of a member. */
static const char *
skip_name(const char *p)
{
	p = skip_string(skip_blanks(p));
	if (p == NULL)
		return NULL;
	p = skip_blanks(p);
	return *p == ':' ? skip_blanks(p + 1) : NULL;
}

/* Behind the value that begins here; NULL when it is not well-formed.  Without recursion: `open`
 * remembers the brackets that are not closed yet. */
static const char *
skip_value(const char *p)
{
	char open[JSON_TEXT_DEEPEST] = "";
	size_t deep = 0;

	for (;;) {
		/* A value is wanted. */
		if (*p == '{' || *p == '[') {
			if (deep == sizeof(open))
				return NULL;
			open[deep++] = *p == '{' ? '}' : ']';
			p = skip_blanks(p + 1);
			if (*p != open[deep - 1]) {
				if (open[deep - 1] == '}' && (p = skip_name(p)) == NULL)
					return NULL;
				continue;
			}
		} else {
			if ((p = skip_scalar(p)) == NULL)
				return NULL;
			if (deep == 0)
				return p;
			p = skip_blanks(p);
		}
		/* A comma or closing brackets are wanted. */
		while (*p == open[deep - 1]) {
			p++;
			if (--deep == 0)
				return p;
			p = skip_blanks(p);
		}
		if (*p != ',')
			return NULL;
		p = skip_blanks(p + 1);
		if (open[deep - 1] == '}' && (p = skip_name(p)) == NULL)
			return NULL;
	}
}

bool
json_text_is_object(const char *text)
{
	const char *p = skip_blanks(text);

	if (*p != '{' || !utf8_valid(text, strlen(text)))
		return false;
	p = skip_value(p);
	return p != NULL && *skip_blanks(p) == '\0';
}

size_t
json_text_objects(const char *array, struct json_span *to, size_t max)
{
	const char *p = skip_blanks(array), *end;
	size_t n = 0;

	if (*p != '[' || !utf8_valid(array, strlen(array)))
		return SIZE_MAX;
	p = skip_blanks(p + 1);
	while (*p != ']') {
		if (*p != '{' || (end = skip_value(p)) == NULL)
			return SIZE_MAX;
		if (n < max)
			to[n] = (struct json_span){ p, (size_t)(end - p) };
		n++;
		p = skip_blanks(end);
		if (*p == ',' && *(p = skip_blanks(p + 1)) == '{')
			continue;
		if (*p != ']' || end[strspn(end, " \t\r\n")] == ',')
			return SIZE_MAX;
	}
	return *skip_blanks(p + 1) == '\0' ? n : SIZE_MAX;
}
