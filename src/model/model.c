#include "src/model/model.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct record_type_info record_types[REC_COUNT] = {
#define ROW(id, name, d31, values, bucket) [id] = { name, d31, VALUES_##values, BUCKET_##bucket },
	RECORD_TYPES(ROW)
#undef ROW
};

const struct record_type_info *
record_type_info(enum record_type type)
{
	return type > REC_NONE && type < REC_COUNT ? &record_types[type] : NULL;
}

enum record_type
record_type_by_name(const char *name)
{
	for (int type = REC_NONE + 1; type < REC_COUNT; type++)
		if (strcmp(name, record_types[type].name) == 0)
			return (enum record_type)type;
	return REC_NONE;
}

struct tag { const char *name, *unit; };

static const struct tag quality_tags[QUALITY_SLOTS] = {
#define ROW(id, tag, unit) { tag, unit },
	QUALITY_TAGS(ROW)
#undef ROW
};

static const struct tag quantity_tags[QUANTITY_SLOTS] = {
#define ROW(id, name, unit) { name, unit },
	QUANTITIES(ROW)
#undef ROW
};

#define TARIFF_TAGS(t) { "A+" #t, "Wh" }, { "A-" #t, "Wh" }, { "R+" #t, "varh" }, { "R-" #t, "varh" }
static const struct tag energy_tags[ENERGY_SLOTS] = {
	TARIFF_TAGS(0), TARIFF_TAGS(1), TARIFF_TAGS(2), TARIFF_TAGS(3), TARIFF_TAGS(4),
	TARIFF_TAGS(5), TARIFF_TAGS(6), TARIFF_TAGS(7), TARIFF_TAGS(8), TARIFF_TAGS(9),
	TARIFF_TAGS(10), TARIFF_TAGS(11), TARIFF_TAGS(12),
};

static const struct tag profile_tags[PROFILE_SLOTS] = {
	{ "P+", "W" }, { "P-", "W" }, { "Q+", "var" }, { "Q-", "var" },
};

static const struct tag journal_tags[JOURNAL_SLOTS] = { { "event", "" }, { "eventId", "" } };

#define EIGHT(p, a, b, c, d, e, f, g, h) \
	{ p #a, "" }, { p #b, "" }, { p #c, "" }, { p #d, "" }, \
	{ p #e, "" }, { p #f, "" }, { p #g, "" }, { p #h, "" }
#define CHANNEL_TAGS(p) \
	EIGHT(p, 1, 2, 3, 4, 5, 6, 7, 8), EIGHT(p, 9, 10, 11, 12, 13, 14, 15, 16), \
	EIGHT(p, 17, 18, 19, 20, 21, 22, 23, 24), EIGHT(p, 25, 26, 27, 28, 29, 30, 31, 32)
static const struct tag pulse_tags[CHANNEL_SLOTS] = { CHANNEL_TAGS("Pls") };
static const struct tag digital_tags[CHANNEL_SLOTS] = { CHANNEL_TAGS("Chnl") };

static const struct tag *
tags_of(enum record_type type, unsigned *n)
{
	const struct record_type_info *info = record_type_info(type);
	bool digital = type == REC_DIG_MOMENT || type == REC_DIG_JOURNAL;

	*n = 0;
	if (info == NULL)
		return NULL;
	switch (info->values) {
	case VALUES_CONFIG:     return NULL;
	case VALUES_ENERGY:     *n = ENERGY_SLOTS; return energy_tags;
	case VALUES_QUALITY:    *n = QUALITY_SLOTS; return quality_tags;
	case VALUES_PROFILE:    *n = PROFILE_SLOTS; return profile_tags;
	case VALUES_JOURNAL:    *n = JOURNAL_SLOTS; return journal_tags;
	case VALUES_CHANNELS:   *n = CHANNEL_SLOTS; return digital ? digital_tags : pulse_tags;
	case VALUES_QUANTITIES: *n = QUANTITY_SLOTS; return quantity_tags;
	}
	return NULL;
}

const char *
value_tag(enum record_type type, unsigned slot)
{
	unsigned n;
	const struct tag *tags = tags_of(type, &n);

	return slot < n ? tags[slot].name : NULL;
}

const char *
value_unit(enum record_type type, unsigned slot)
{
	unsigned n;
	const struct tag *tags = tags_of(type, &n);

	return slot < n ? tags[slot].unit : NULL;
}

unsigned
value_slots(enum record_type type)
{
	unsigned n;

	tags_of(type, &n);
	return n;
}

static const char *const journal_names[] = {
#define ROW(code, id, name) name,
	JOURNALS(ROW)
#undef ROW
};

const uint16_t journal_codes[JOURNAL_COUNT] = {
#define ROW(code, id, name) code,
	JOURNALS(ROW)
#undef ROW
};
_Static_assert(sizeof(journal_names) / sizeof(journal_names[0]) == JOURNAL_COUNT,
    "JOURNAL_COUNT counts the rows of JOURNALS");

static int
journal_index(unsigned code)
{
	for (int i = 0; i < JOURNAL_COUNT; i++)
		if (journal_codes[i] == code)
			return i;
	return -1;
}

const char *
journal_name(unsigned code)
{
	int i = journal_index(code);

	return i < 0 ? NULL : journal_names[i];
}

unsigned
journal_by_name(const char *name)
{
	if (strncmp(name, "ElJrnl", 6) == 0)
		name += 6;
	else if (strncmp(name, "jrnl", 4) == 0)
		name += 4;
	if (strcmp(name, "Rvr") == 0) /* the one D31 name that differs */
		return J_REVERSE;
	for (int i = 0; i < JOURNAL_COUNT; i++)
		if (strcmp(name, journal_names[i]) == 0)
			return journal_codes[i];
	return 0;
}

uint64_t
journal_bit(unsigned code)
{
	int i = journal_index(code);

	return i < 0 ? 0 : UINT64_C(1) << i;
}

const struct meter_type meter_types[] = {
#define ROW(id, name, class, rtu, rd, wr) { id, name, CLASS_##class, rtu, rd, wr },
	METER_TYPES(ROW)
#undef ROW
	{ 0, NULL, CLASS_ELECTRIC, 0, NULL, NULL }
};

const struct meter_type *
meter_type_by_id(unsigned id)
{
	for (const struct meter_type *t = meter_types; t->id != 0; t++)
		if (t->id == id)
			return t;
	return NULL;
}

/* Lower case without spaces, so that "Milur IC" and "MILURIC" are one name. */
static void
fold(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; *from != '\0' && n + 1 < size; from++)
		if (!isspace((unsigned char)*from))
			to[n++] = (char)tolower((unsigned char)*from);
	to[n] = '\0';
}

const struct meter_type *
meter_type_by_name(const char *name)
{
	char wanted[32], own[32];
	char *end;
	unsigned long id = strtoul(name, &end, 10);

	if (*name >= '0' && *name <= '9' && *end == '\0')
		return id <= UINT16_MAX ? meter_type_by_id((unsigned)id) : NULL;
	fold(wanted, sizeof(wanted), name);
	if (strcmp(wanted, "m23x") == 0)
		return meter_type_by_id(3);
	if (strncmp(wanted, "spodes", 6) == 0)
		return meter_type_by_id(36);
	for (const struct meter_type *t = meter_types; t->id != 0; t++) {
		fold(own, sizeof(own), t->name);
		if (strcmp(wanted, own) == 0)
			return t;
	}
	return NULL;
}
