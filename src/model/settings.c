#include "src/model/settings.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A TEXT row's `least` and `def_int` are unused, an INT row's `def_text`. */
static const struct setting {
	const char *key, *help, *def_text;
	size_t offset;
	bool is_text;
	int64_t def_int, least, most;
} settings[] = {
#define INT(field, key, def, least, most, help) \
	{ key, help, NULL, offsetof(struct settings, field), false, def, least, most },
#define TEXT(field, key, def, most, help) \
	{ key, help, def, offsetof(struct settings, field), true, 0, 0, most },
	SETTINGS(INT, TEXT)
#undef INT
#undef TEXT
};
enum { SETTING_COUNT = sizeof(settings) / sizeof(settings[0]) };

static int64_t *
int_field(struct settings *s, const struct setting *d)
{
	return (int64_t *)(void *)((char *)s + d->offset);
}

static const struct setting *
find(const char *key)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strcmp(settings[i].key, key) == 0)
			return &settings[i];
	return NULL;
}

void
settings_defaults(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *d = &settings[i];

		if (d->is_text)
			snprintf((char *)s + d->offset, (size_t)d->most + 1, "%s", d->def_text);
		else
			*int_field(s, d) = d->def_int;
	}
}

int
settings_set(struct settings *s, const char *key, const char *text)
{
	const struct setting *d = find(key);
	long long value;
	char *end;

	if (d == NULL)
		return E_NOTFOUND;
	if (d->is_text) {
		if (strlen(text) > (size_t)d->most)
			return E_INVALID;
		snprintf((char *)s + d->offset, (size_t)d->most + 1, "%s", text);
		return E_OK;
	}
	errno = 0;
	value = strtoll(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || value < d->least || value > d->most)
		return E_INVALID;
	*int_field(s, d) = value;
	return E_OK;
}

int
settings_get(const struct settings *s, const char *key, char *buf, size_t size)
{
	const struct setting *d = find(key);
	int n;

	if (d == NULL)
		return E_NOTFOUND;
	if (d->is_text)
		n = snprintf(buf, size, "%s", (const char *)s + d->offset);
	else
		n = snprintf(buf, size, "%lld",
		    (long long)*(const int64_t *)(const void *)((const char *)s + d->offset));
	return n >= 0 && (size_t)n < size ? E_OK : E_LIMIT;
}

const char *
settings_key(size_t i)
{
	return i < SETTING_COUNT ? settings[i].key : NULL;
}

const char *
settings_help(size_t i)
{
	return i < SETTING_COUNT ? settings[i].help : NULL;
}
