/* A simulated СПОДЭС meter from the keys of a street file. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "sim/dlms.h"

enum { ALL_LOGS = 0x23FF /* 0..9 and 13 */, ADDRESS_MOST = 16381, SERIAL_OFFSET = 16, CHOICE_MAX = 16 };

const char *const sim_dlms_keys[] = {
#define ROW(name, ...) #name,
	SIM_DLMS_NUMBERS(ROW)
	SIM_DLMS_FLAGS(ROW)
	SIM_DLMS_CHOICES(ROW)
	SIM_DLMS_OCTETS(ROW)
	SIM_DLMS_TEXTS(ROW)
#undef ROW
	"load_columns",
	"day_columns",
	"month_columns",
	"now_columns",
	"logs",
	NULL,
};
static const char *const column_keys[SIM_PROFILES] = { "load_columns", "day_columns", "month_columns",
	"now_columns" };

#define AT(name) offsetof(struct sim_dlms_keys, name)
static const struct number {
	const char *key;
	size_t at;
	int64_t least, most, given;
} numbers[] = {
#define ROW(name, from, to, otherwise) { #name, AT(name), from, to, otherwise },
	SIM_DLMS_NUMBERS(ROW)
#undef ROW
};
static const struct flag {
	const char *key;
	size_t at;
	bool given;
} flags[] = {
#define ROW(name, otherwise) { #name, AT(name), otherwise },
	SIM_DLMS_FLAGS(ROW)
#undef ROW
};
static const struct words {
	const char *key;
	size_t at;
	const char *given, *all;
} choices[] = {
#define ROW(name, otherwise, words) { #name, AT(name), otherwise, words },
	SIM_DLMS_CHOICES(ROW)
#undef ROW
};
static const struct given {
	const char *key;
	size_t at;
	const char *given;
} octets[] = {
#define ROW(name, otherwise) { #name, AT(name), otherwise },
	SIM_DLMS_OCTETS(ROW)
#undef ROW
}, texts[] = {
#define ROW(name, otherwise) { #name, AT(name), otherwise },
	SIM_DLMS_TEXTS(ROW)
#undef ROW
};
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/* The place of a word in a list of words, -1 none. */
static int
choose(const char *all, const char *word)
{
	size_t n = strlen(word);
	int at = 0;

	for (const char *p = all; n > 0 && p != NULL; p = strchr(p, ' '), at++) {
		p += *p == ' ';
		if (strncmp(p, word, n) == 0 && (p[n] == ' ' || p[n] == '\0'))
			return at;
	}
	return -1;
}

static bool
parse_octets(const char *text, struct sim_octets *to)
{
	size_t n = strlen(text);
	unsigned byte;

	if (strncmp(text, "hex:", 4) != 0) {
		to->n = (uint8_t)n;
		memcpy(to->v, text, n < sizeof(to->v) ? n : sizeof(to->v));
		return n <= sizeof(to->v);
	}
	text += 4;
	n -= 4;
	if (n % 2 != 0 || n / 2 > sizeof(to->v) || strspn(text, "0123456789abcdefABCDEF") != n)
		return false;
	to->n = (uint8_t)(n / 2);
	for (size_t i = 0; i < n / 2; i++) {
		(void)sscanf(text + 2 * i, "%2x", &byte);
		to->v[i] = (uint8_t)byte;
	}
	return true;
}

static bool
parse_text(const char *text, char *to)
{
	size_t n = strlen(text);

	if (n >= SIM_DLMS_TEXT_MAX)
		return false;
	memcpy(to, text, n + 1);
	return true;
}

static void
fill_in(struct sim_dlms_keys *k)
{
	char *base = (char *)k;

	for (size_t i = 0; i < COUNT(numbers); i++)
		*(int32_t *)(void *)(base + numbers[i].at) = (int32_t)numbers[i].given;
	for (size_t i = 0; i < COUNT(flags); i++)
		*(bool *)(base + flags[i].at) = flags[i].given;
	for (size_t i = 0; i < COUNT(choices); i++)
		*(uint8_t *)(base + choices[i].at) = (uint8_t)choose(choices[i].all, choices[i].given);
	for (size_t i = 0; i < COUNT(octets); i++)
		(void)parse_octets(octets[i].given, (struct sim_octets *)(void *)(base + octets[i].at));
	for (size_t i = 0; i < COUNT(texts); i++)
		(void)parse_text(texts[i].given, base + texts[i].at);
}

/* A key that is a text: "" when absent; NULL when it is something else. */
static const char *
word(const json_t *keys, const char *key)
{
	const json_t *value = json_object_get(keys, key);

	return value == NULL ? "" : json_string_value(value);
}

/* The key that has a wrong value, NULL: none has. */
static const char *
take_words(struct sim_dlms_keys *k, const json_t *keys)
{
	char *base = (char *)k;
	const char *text;

	for (size_t i = 0; i < COUNT(choices); i++) {
		text = word(keys, choices[i].key);
		if (text == NULL || (*text != '\0' && choose(choices[i].all, text) < 0))
			return choices[i].key;
		if (*text != '\0')
			*(uint8_t *)(base + choices[i].at) = (uint8_t)choose(choices[i].all, text);
	}
	for (size_t i = 0; i < COUNT(octets); i++) {
		text = word(keys, octets[i].key);
		if (text == NULL ||
		    (*text != '\0' &&
			!parse_octets(text, (struct sim_octets *)(void *)(base + octets[i].at))))
			return octets[i].key;
	}
	for (size_t i = 0; i < COUNT(texts); i++) {
		text = word(keys, texts[i].key);
		if (text == NULL || (*text != '\0' && !parse_text(text, base + texts[i].at)))
			return texts[i].key;
	}
	return NULL;
}

static const char *
take_keys(struct sim_dlms_keys *k, const json_t *keys)
{
	char *base = (char *)k;

	for (size_t i = 0; i < COUNT(numbers); i++) {
		int32_t *to = (int32_t *)(void *)(base + numbers[i].at);
		int64_t value = *to;

		if (!sim_json_int(keys, numbers[i].key, numbers[i].least, numbers[i].most, &value))
			return numbers[i].key;
		*to = (int32_t)value;
	}
	for (size_t i = 0; i < COUNT(flags); i++)
		if (!sim_json_bool(keys, flags[i].key, (bool *)(base + flags[i].at)))
			return flags[i].key;
	return take_words(k, keys);
}

static bool
take_logs(struct sim_dlms *d, const json_t *list)
{
	json_t *one;
	size_t i;

	if (list == NULL)
		return true;
	if (!json_is_array(list))
		return false;
	d->logs = 0;
	json_array_foreach((json_t *)list, i, one) {
		json_int_t n = json_integer_value(one);

		if (!json_is_integer(one) || n < 0 || n > 13 || n == 11)
			return false;
		d->logs |= 1U << n;
	}
	return true;
}

/* Lists of columns and logs; needs the keys, for they decide which objects there are. */
static const char *
take_lists(struct sim_meter *m, const json_t *preset, const json_t *keys)
{
	if (!take_logs(m->u.dlms, json_object_get(keys, "logs")))
		return "logs";
	for (int i = 0; i < SIM_PROFILES; i++) {
		const json_t *list = json_object_get(keys, column_keys[i]);

		if (list == NULL && preset != NULL)
			list = json_object_get(preset, column_keys[i]);
		if ((list != NULL && !json_is_array(list)) ||
		    !sim_dlms_parse_columns(m, (enum sim_dlms_profile)i, list))
			return column_keys[i];
	}
	return NULL;
}

static void
as_delivered(struct sim_meter *m)
{
	struct sim_dlms *d = m->u.dlms;
	uint64_t ten = 1;

	for (int i = 0; i < d->k.serial_digits; i++)
		ten *= 10;
	if (ten > 1)
		m->address = (uint16_t)(m->load.serial % ten + SERIAL_OFFSET);
	d->serial = m->load.serial;
	d->as.role = SIM_NOBODY;
	d->counter_seen = (uint32_t)d->k.counter_seen;
	d->counter_own = (uint32_t)d->k.counter_own;
	d->locked_day = d->shift_day = -1;
	for (int i = 0; i < SIM_LIMITERS; i++)
		d->limits[i][0] = d->limits[i][1] = 10000U * (unsigned)(i + 1);
	sim_dlms_fill_calendar(d);
}

bool
sim_dlms_configure(struct sim_meter *m, const struct sim_type *type, const json_t *keys, char *why,
    size_t why_size)
{
	json_t *preset = type->preset != NULL ? json_loads(type->preset, 0, NULL) : NULL;
	struct sim_dlms *d = calloc(1, sizeof(*d));
	const char *wrong = "memory";

	m->u.dlms = d;
	if (d != NULL) {
		d->logs = ALL_LOGS;
		fill_in(&d->k);
		wrong = preset != NULL ? take_keys(&d->k, preset) : NULL;
	}
	if (wrong == NULL)
		wrong = take_keys(&d->k, keys);
	if (wrong == NULL)
		wrong = take_lists(m, preset, keys);
	if (wrong == NULL)
		as_delivered(m);
	if (wrong == NULL &&
	    (m->address > ADDRESS_MOST || d->k.address_size == 3 ||
		(d->k.address_size == 1 && m->address > 127) ||
		(d->k.address_size == 2 && m->address > 125) ||
		m->load.serial > UINT64_C(9999999999999)))
		wrong = "address";
	json_decref(preset);
	if (wrong == NULL)
		return true;
	snprintf(why, why_size, "key \"%s\" of a %s has a wrong value", wrong, type->name);
	sim_dlms_release(m);
	return false;
}

void
sim_dlms_release(struct sim_meter *m)
{
	struct sim_dlms *d = m->u.dlms;

	if (d == NULL)
		return;
	text_free(&d->request);
	text_free(&d->answer);
	text_free(&d->get.data);
	text_free(&d->set.data);
	for (int i = 0; i < 2 * SIM_CALENDAR_PARTS; i++)
		text_free(&d->calendar[i / SIM_CALENDAR_PARTS][i % SIM_CALENDAR_PARTS]);
	text_free(&d->special_days);
	free(d);
	m->u.dlms = NULL;
}

static void
put_hex(char *to, size_t size, const struct sim_octets *from)
{
	*to = '\0';
	for (size_t i = 0; i < from->n && 2 * i + 3 <= size; i++)
		snprintf(to + 2 * i, size - 2 * i, "%02x", from->v[i]);
}

/* 20, 2:20, 1:16/4, and the bare 1 that means one octet (19.1). */
void
sim_dlms_table(const struct sim_meter *m, char *addr, char *rd, char *wr, size_t size)
{
	const struct sim_dlms_keys *k = &m->u.dlms->k;

	if (k->address_size == 1 && m->address == 1)
		snprintf(addr, size, "1");
	else if (k->address_size == 1)
		snprintf(addr, size, "%u:%u/1", m->address, m->address);
	else if (k->address_size != 0 || k->logical != 1 || m->address == 1)
		snprintf(addr, size, "%d:%u%s", (int)k->logical, m->address,
		    k->address_size == 4     ? "/4" :
			k->address_size == 2 ? "/2" :
					       "");
	else
		snprintf(addr, size, "%u", m->address);
	put_hex(rd, size, &k->password);
	put_hex(wr, size, &k->secret);
}
