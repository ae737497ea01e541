#include "src/model/tags.h"

#include <ctype.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { PUBLIC_TARIFFS = 4 };

/* ---- configuration (data-model.md 3.6) ---- */

enum field_kind { FIELD_TEXT, FIELD_FACT, FIELD_U8, FIELD_U16, FIELD_U32, FIELD_CONS, FIELD_NONE };
#define AT(member) offsetof(struct meter_config, member)
static const struct field { const char *name; enum field_kind kind; size_t at; } fields[] = {
	{ "serial", FIELD_TEXT, AT(serial) },
	{ "model", FIELD_TEXT, AT(model) },
	{ "cArrays", FIELD_U8, AT(profile_arrays) },
	{ "isDst", FIELD_FACT, AT(is_dst) },
	{ "isClock", FIELD_FACT, AT(is_clock) },
	{ "isTrf", FIELD_FACT, AT(is_tariff) },
	{ "isAm", FIELD_FACT, AT(is_a_minus) },
	{ "isRm", FIELD_FACT, AT(is_r_minus) },
	{ "isRp", FIELD_FACT, AT(is_r_plus) },
	{ "kI", FIELD_U32, AT(ratio_i) },
	{ "kU", FIELD_U32, AT(ratio_u) },
	{ "const", FIELD_U32, AT(constant) },
	{ "Const", FIELD_U32, AT(constant) },
	{ "cTime", FIELD_U16, AT(period_min) },
	{ "isCons", FIELD_CONS, 0 },
	{ "VarConsDepth", FIELD_U32, AT(profile_depth) },
	{ "MonDepth", FIELD_U32, AT(month_depth) },
	{ "MonConsDepth", FIELD_U32, AT(month_cons_depth) },
	{ "DayDepth", FIELD_U32, AT(day_depth) },
	{ "DayConsDepth", FIELD_U32, AT(day_cons_depth) },
	/* No family tells the channels of its meter. */
	{ "chnl", FIELD_NONE, 0 },
	{ "chnlIn", FIELD_NONE, 0 },
	{ "chnlOut", FIELD_NONE, 0 },
};
#undef AT
enum { N_FIELDS = sizeof(fields) / sizeof(fields[0]) };

/* Order of output.  Behind the bar: where the meter tells them, or a client names them. */
static const struct { enum record_type type; unsigned dialects; const char *names; } orders[] = {
	{ REC_EL_CONFIG, DIALECT_40,
	    "serial model cArrays isDst isClock isTrf isAm isRm isRp kI kU const |"
	    " cTime isCons VarConsDepth MonDepth MonConsDepth DayDepth DayConsDepth" },
	{ REC_EL_CONFIG, DIALECT_31,
	    "kU kI Const cTime isDst isCons isClock isTrf isAm isRm isRp |"
	    " serial model cArrays VarConsDepth MonDepth MonConsDepth DayDepth DayConsDepth" },
	{ REC_PLS_CONFIG, DIALECT_ANY, "serial model chnl isDst" },
	{ REC_DIG_CONFIG, DIALECT_ANY, "serial model chnlIn chnlOut isDst" },
	{ REC_GEN_CONFIG, DIALECT_ANY, "serial model isDst" },
};

static const void *
field_of(const struct field *f, const struct record *r)
{
	return (const char *)r->config + f->at;
}

/* Zero where the meter does not tell. */
static uint32_t
field_number(const struct field *f, const struct record *r)
{
	switch (f->kind) {
	case FIELD_U8:  return *(const uint8_t *)field_of(f, r);
	case FIELD_U16: return *(const uint16_t *)field_of(f, r);
	case FIELD_U32: return *(const uint32_t *)field_of(f, r);
	case FIELD_TEXT: case FIELD_FACT: case FIELD_CONS: case FIELD_NONE: break;
	}
	return 0;
}

static bool
field_known(const struct field *f, const struct record *r)
{
	if (r->config == NULL)
		return false;
	switch (f->kind) {
	case FIELD_TEXT: return *(const char *)field_of(f, r) != '\0';
	case FIELD_FACT: return *(const int8_t *)field_of(f, r) >= 0;
	case FIELD_CONS: return r->config->day_cons_depth > 0 || r->config->month_cons_depth > 0;
	case FIELD_NONE: return false;
	case FIELD_U8: case FIELD_U16: case FIELD_U32: break;
	}
	return field_number(f, r) != 0;
}

static void
print_field(struct text *t, const struct field *f, const struct record *r)
{
	if (!field_known(f, r))
		text_str(t, "null");
	else if (f->kind == FIELD_TEXT)
		text_json(t, field_of(f, r));
	else if (f->kind == FIELD_FACT)
		text_str(t, *(const int8_t *)field_of(f, r) != 0 ? "true" : "false");
	else if (f->kind == FIELD_CONS)
		text_str(t, "true");
	else
		text_printf(t, "%" PRIu32, field_number(f, r));
}

/* ---- lists ---- */

struct maker { struct tag_list *list; const struct tag_choice *choice; };

/* Equal but for letter case and blanks. */
static bool
same_name(const char *a, const char *b)
{
	for (;; a++, b++) {
		a += strspn(a, " \t\n\v\f\r");
		b += strspn(b, " \t\n\v\f\r");
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (*a == '\0')
			return true;
	}
}

static bool
named(const struct maker *m, const char *tag)
{
	size_t i;
	json_t *name;

	json_array_foreach(m->choice->names, i, name)
		if (json_is_string(name) && same_name(json_string_value(name), tag))
			return true;
	return false;
}

/* rare: only where it is named, or (if_known) where there is a value. */
static void
add_tag(struct maker *m, const char *name, enum tag_kind kind, unsigned slot, bool rare, bool if_known)
{
	bool all = json_array_size(m->choice->names) == 0;
	struct tag *tag = &m->list->tag[m->list->n];
	int n;

	if (m->list->n == TAGS_MOST || (all ? rare && !if_known : !named(m, name)))
		return;
	*tag = (struct tag){ .name = name, .kind = (uint8_t)kind, .slot = (uint8_t)slot,
		.if_known = all && if_known };
	n = snprintf(tag->head, sizeof(tag->head), "{\"tag\":\"%s\",\"val\":", name);
	tag->head_len = (uint8_t)(n < (int)sizeof(tag->head) ? n : 0);
	m->list->n += tag->head_len > 0;
}

static void
add_energy(struct maker *m, enum record_type type)
{
	for (unsigned kind = 0; kind < ENERGY_KINDS; kind++)
		for (unsigned tariff = 0; tariff <= TARIFFS; tariff++) {
			unsigned slot = energy_slot(tariff, (enum energy_kind)kind);

			add_tag(m, value_tag(type, slot), TAG_VALUE, slot, tariff > PUBLIC_TARIFFS,
			    false);
		}
}

static void
add_profile(struct maker *m)
{
	add_tag(m, "cTime", TAG_PERIOD, 0, false, false);
	for (unsigned slot = 0; slot < PROFILE_SLOTS; slot++)
		add_tag(m, value_tag(REC_EL_PROFILE, slot), TAG_VALUE, slot, false, false);
	add_tag(m, "isPart", TAG_FLAG, PROFILE_PARTIAL, false, false);
	add_tag(m, "isOvfl", TAG_FLAG, PROFILE_OVERFLOW, false, false);
	add_tag(m, "isSummer", TAG_FLAG, PROFILE_SUMMER, false, false);
	add_tag(m, "isMeas", TAG_FLAG, PROFILE_MEASURED,
	    m->choice->dialect == DIALECT_40 && !m->choice->with_measured, false);
}

static void
add_slots(struct maker *m, enum record_type type, enum tag_kind kind, bool if_known)
{
	for (unsigned slot = 0; slot < value_slots(type); slot++)
		add_tag(m, value_tag(type, slot), kind, slot, false, if_known);
}

/* "const" and "Const" are one (smart-json.md 10.7): it goes out as the dialect spells it. */
static void
add_field(struct maker *m, const char *word, size_t len, bool rare)
{
	for (unsigned i = 0; i < N_FIELDS; i++)
		if (strlen(fields[i].name) == len && memcmp(fields[i].name, word, len) == 0)
			add_tag(m, fields[i].name, TAG_CONFIG, i, rare, rare);
}

static void
add_config(struct maker *m, enum record_type type)
{
	const char *p = "";
	bool rare = false;

	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++)
		if (orders[i].type == type && (orders[i].dialects & m->choice->dialect) != 0)
			p = orders[i].names;
	while (*p != '\0') {
		size_t len = strcspn(p, " ");

		if (*p == '|')
			rare = true;
		else
			add_field(m, p, len, rare);
		p += len + (p[len] == ' ');
	}
}

void
tag_list_make(struct tag_list *list, enum record_type type, const struct tag_choice *choice)
{
	const struct record_type_info *info = record_type_info(type);
	struct maker m = { list, choice };

	list->n = 0;
	if (info == NULL)
		return;
	switch (info->values) {
	case VALUES_ENERGY:     add_energy(&m, type); break;
	case VALUES_QUALITY:    add_slots(&m, type, TAG_VALUE, false); break;
	case VALUES_PROFILE:    add_profile(&m); break;
	case VALUES_JOURNAL:    add_slots(&m, type, TAG_INTEGER, false); break;
	case VALUES_QUANTITIES: add_slots(&m, type, TAG_VALUE, true); break;
	case VALUES_CONFIG:     add_config(&m, type); break;
	case VALUES_CHANNELS:
		add_slots(&m, type,
		    type == REC_DIG_MOMENT || type == REC_DIG_JOURNAL ? TAG_BOOL : TAG_VALUE, false);
		break;
	}
}

/* ---- printing ---- */

bool
tag_has_value(const struct tag *tag, const struct record *r)
{
	switch ((enum tag_kind)tag->kind) {
	case TAG_VALUE: case TAG_INTEGER: case TAG_BOOL: return record_has(r, tag->slot);
	case TAG_CONFIG: return field_known(&fields[tag->slot], r);
	case TAG_PERIOD: return r->period_min != 0;
	case TAG_FLAG:   break;
	}
	return true;
}

void
tag_print_value(struct text *t, const struct tag *tag, const struct record *r)
{
	if (!tag_has_value(tag, r)) {
		text_str(t, "null");
		return;
	}
	switch ((enum tag_kind)tag->kind) {
	case TAG_VALUE:
		text_milli(t, r->v[tag->slot]);
		break;
	case TAG_INTEGER:
		text_printf(t, "%" PRId64, r->v[tag->slot]);
		break;
	case TAG_BOOL:
		text_str(t, r->v[tag->slot] != 0 ? "true" : "false");
		break;
	case TAG_PERIOD:
		text_printf(t, "%u", r->period_min);
		break;
	case TAG_FLAG:
		text_str(t, (r->flags & tag->slot) != 0 ? "true" : "false");
		break;
	case TAG_CONFIG:
		print_field(t, &fields[tag->slot], r);
		break;
	}
}

void
tag_list_print(struct text *t, const struct tag_list *list, const struct record *r)
{
	bool first = true;

	for (size_t i = 0; i < list->n; i++) {
		const struct tag *tag = &list->tag[i];

		if (tag->if_known && !tag_has_value(tag, r))
			continue;
		if (!first)
			text_add(t, ",", 1);
		text_add(t, tag->head, tag->head_len);
		tag_print_value(t, tag, r);
		text_add(t, "}", 1);
		first = false;
	}
}
