/* Values of COSEM attributes as the vectors write them: octet strings by what they look like. */
#include "tests/vectors/play_dlms.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { NAME_LEN = 6, TEXT_MOST = 64 };

bool
play_dlms_hex(const json_t *text, struct play_octets *out)
{
	const char *hex = json_is_string(text) ? json_string_value(text) : "";
	size_t digits = strlen(hex);

	out->len = digits / 2;
	if (digits % 2 != 0 || out->len > sizeof(out->p))
		return false;
	for (size_t i = 0; i < out->len; i++) {
		unsigned b;

		if (sscanf(hex + 2 * i, "%2x", &b) != 1)
			return false;
		out->p[i] = (uint8_t)b;
	}
	return true;
}

json_t *
play_dlms_hex_json(const uint8_t *p, size_t len)
{
	static char text[2 * PLAY_DLMS_MAX + 1];

	text[0] = '\0';
	for (size_t i = 0; i < len && i < PLAY_DLMS_MAX; i++)
		snprintf(text + 2 * i, 3, "%02X", p[i]);
	return json_string(text);
}

void
play_dlms_set(json_t *to, const char *key, json_t *value)
{
	json_object_set_new(to, key, value);
}

void
play_dlms_set_int(json_t *to, const char *key, json_int_t n)
{
	play_dlms_set(to, key, json_integer(n));
}

enum play_result
play_dlms_finish(const struct play_dlms *p, json_t *out, json_t **made, char *why, size_t why_size)
{
	if (p->fault[0] != '\0') {
		snprintf(why, why_size, "%s", p->fault);
		json_decref(out);
		return PLAY_DIFFERED;
	}
	*made = out;
	return PLAY_DECODED;
}

void
play_dlms_fault(struct play_dlms *p, const char *fmt, ...)
{
	va_list args;

	if (p->fault[0] != '\0')
		return;
	va_start(args, fmt);
	vsnprintf(p->fault, sizeof(p->fault), fmt, args);
	va_end(args);
}

json_t *
play_dlms_name(const uint8_t n[6])
{
	return json_sprintf("%u.%u.%u.%u.%u.%u", n[0], n[1], n[2], n[3], n[4], n[5]);
}

json_t *
play_dlms_cosem(const struct cosem *c)
{
	json_t *name = play_dlms_name(c->name);
	json_t *text = json_sprintf("%u/%s/%d", c->class, json_string_value(name), c->index);

	json_decref(name);
	return text;
}

json_t *
play_dlms_civil(const struct civil *t)
{
	return json_sprintf("%04d-%02d-%02d %02d:%02d:%02d", t->year, t->month, t->day, t->hour,
	    t->minute, t->second);
}

static json_t *
time_json(const struct cosem_time *t)
{
	return json_sprintf("%d-%d-%d %d:%d:%d.%u dow%u dev%d st%02x", t->t.year, t->t.month, t->t.day,
	    t->t.hour, t->t.minute, t->t.second, t->hundredths, t->weekday, t->deviation, t->status);
}

static bool
is_printable(const struct axdr_value *v)
{
	for (size_t i = 0; i < v->len; i++)
		if (!isprint(v->p[i]))
			return false;
	return v->len <= TEXT_MOST;
}

/* CP1251 shows by two neighbours above 7F that are no UTF-8 (not looked for in short strings). */
static json_t *
octets_json(const struct axdr_value *v)
{
	bool is_text = is_printable(v);
	struct cosem_time t;
	char text[256];

	if (!is_text && cosem_time_of(v, &t) == E_OK)
		return time_json(&t);
	if (v->len == NAME_LEN && !is_text)
		return play_dlms_name(v->p);
	if (v->len == 9 && v->p[0] >= 0xc0 && v->p[1] >= 0xc0 && cosem_text(v, text, sizeof(text)))
		return json_string(text);
	if (is_text && cosem_text(v, text, sizeof(text)))
		return json_string(text);
	return play_dlms_hex_json(v->p, v->len);
}

static json_t *
bits_json(const struct axdr_value *v)
{
	char bits[257] = "";

	for (uint32_t i = 0; i < v->count && i < 256; i++) {
		bits[i] = v->p[i / 8] & 0x80 >> i % 8 ? '1' : '0';
		bits[i + 1] = '\0';
	}
	return json_pack("{s:s}", "bits", bits);
}

static json_t *
container_json(struct axdr *a, const struct axdr_value *v)
{
	json_t *all = json_array();

	for (uint32_t i = 0; i < v->count; i++) {
		json_t *item = play_dlms_value(a);

		if (item == NULL) {
			json_decref(all);
			return NULL;
		}
		json_array_append_new(all, item);
	}
	return all;
}

static json_t *
scalar_json(const struct axdr_value *v)
{
	struct cosem_time t;
	char text[256];
	int64_t n;

	switch (v->tag) {
	case AXDR_NULL: case AXDR_DONT_CARE:
		return json_null();
	case AXDR_BOOL:
		return json_boolean(v->p[0] != 0);
	case AXDR_BITS:
		return bits_json(v);
	case AXDR_BCD:
		return json_pack("{s:o}", "bcd", play_dlms_hex_json(v->p, v->len));
	case AXDR_OCTETS:
		return octets_json(v);
	case AXDR_VISIBLE: case AXDR_UTF8:
		return cosem_text(v, text, sizeof(text)) ? json_string(text) : NULL;
	case AXDR_DATETIME:
		if (cosem_time_of(v, &t) < 0)
			return NULL;
		return json_sprintf("%04d-%02d-%02d %02d:%02d:%02d deviation %s", t.t.year, t.t.month,
		    t.t.day, t.t.hour, t.t.minute, t.t.second,
		    t.deviation == COSEM_NO_DEVIATION ? "unused" : "used");
	case AXDR_DATE:
		return json_sprintf("%04d-%02d-%02d", v->p[0] << 8 | v->p[1], v->p[2], v->p[3]);
	case AXDR_TIME:
		return json_sprintf("%02d:%02d:%02d", v->p[0], v->p[1], v->p[2]);
	default:
		if (axdr_is_float(v))
			return json_real(axdr_float(v));
		return axdr_int(v, &n) ? json_integer(n) : NULL;
	}
}

json_t *
play_dlms_value(struct axdr *a)
{
	struct axdr_value v;

	if (axdr_next(a, &v) < 0)
		return NULL;
	return axdr_is_container(&v) ? container_json(a, &v) : scalar_json(&v);
}

json_t *
play_dlms_value_of(const uint8_t *p, size_t len)
{
	struct axdr a = axdr_init(p, len);

	return play_dlms_value(&a);
}
