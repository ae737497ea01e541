#include "meters/dlms/cosem_codec.h"

#include <stdio.h>
#include <string.h>

#include "src/base/text.h"

bool
cosem_name_is(const uint8_t name[6], uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t e)
{
	return name[0] == a && name[1] == b && name[2] == c && name[3] == d && name[4] == e;
}

void
cosem_put(struct wr *w, const struct cosem *c)
{
	wr_u16_be(w, c->class);
	wr_bytes(w, c->name, sizeof(c->name));
	wr_u8(w, (uint8_t)c->index);
}

struct cosem
cosem_take(struct rd *r)
{
	struct cosem c = { .class = rd_u16_be(r) };

	rd_bytes(r, c.name, sizeof(c.name));
	c.index = (int8_t)rd_u8(r);
	return c;
}

static bool
next_int(struct axdr *a, int64_t *n)
{
	struct axdr_value v;

	return axdr_next(a, &v) == E_OK && axdr_int(&v, n);
}

int
cosem_captured(struct axdr *a, struct cosem *c, uint16_t *data_index)
{
	struct axdr_value name;
	int64_t class, index, part = 0;
	unsigned depth;
	uint32_t n;
	int rc = axdr_enter(a, AXDR_STRUCT, &n);

	if (rc < 0)
		return rc;
	if (n < 3)
		return E_FRAME;
	depth = a->depth - 1u;
	if (!next_int(a, &class) || axdr_next(a, &name) < 0 || name.tag != AXDR_OCTETS ||
	    name.len != 6 || !next_int(a, &index) || (n > 3 && !next_int(a, &part)))
		return E_FRAME;
	*c = (struct cosem){ .class = (uint16_t) class, .index = (int8_t)index };
	memcpy(c->name, name.p, sizeof(c->name));
	*data_index = (uint16_t)part;
	return axdr_leave(a, depth);
}

void
cosem_put_captured(struct wr *w, const struct cosem *c)
{
	axdr_put_struct(w, 4);
	axdr_put_u16(w, c->class);
	axdr_put_octets(w, c->name, sizeof(c->name));
	axdr_put_i8(w, c->index);
	axdr_put_u16(w, 0);
}

/* ---- date and time ---- */

static int
specified(uint8_t octet)
{
	return octet == COSEM_ANY ? 0 : octet;
}

int
cosem_time_parse(const uint8_t *p, struct cosem_time *out)
{
	struct rd r = rd_init(p, COSEM_TIME_LEN);
	uint16_t year = rd_u16_be(&r);
	uint8_t month = rd_u8(&r), day = rd_u8(&r);

	*out = (struct cosem_time){ .t = { .year = year, .month = month, .day = day } };
	out->weekday = rd_u8(&r);
	out->t.hour = specified(rd_u8(&r));
	out->t.minute = specified(rd_u8(&r));
	out->t.second = specified(rd_u8(&r));
	out->hundredths = rd_u8(&r);
	out->deviation = (int16_t)rd_u16_be(&r);
	out->status = rd_u8(&r);
	if (year == 0xffff || month >= 0xfd || day >= 0xfd)
		return E_NODATA;
	return civil_valid(&out->t) ? E_OK : E_FRAME;
}

int
cosem_time_of(const struct axdr_value *v, struct cosem_time *out)
{
	if ((v->tag != AXDR_OCTETS && v->tag != AXDR_DATETIME) || v->len != COSEM_TIME_LEN)
		return E_FRAME;
	return cosem_time_parse(v->p, out);
}

void
cosem_put_time(struct wr *w, const struct cosem_time *t)
{
	wr_u16_be(w, (uint16_t)t->t.year);
	wr_u8(w, (uint8_t)t->t.month);
	wr_u8(w, (uint8_t)t->t.day);
	wr_u8(w, t->weekday);
	wr_u8(w, (uint8_t)t->t.hour);
	wr_u8(w, (uint8_t)t->t.minute);
	wr_u8(w, (uint8_t)t->t.second);
	wr_u8(w, t->hundredths);
	wr_u16_be(w, (uint16_t)t->deviation);
	wr_u8(w, t->status);
}

bool
cosem_time_invalid(const struct cosem_time *t)
{
	return t->status != COSEM_NO_STATUS && (t->status & COSEM_INVALID) != 0;
}

bool
cosem_time_summer(const struct cosem_time *t)
{
	return t->status != COSEM_NO_STATUS && (t->status & COSEM_SUMMER) != 0;
}

int64_t
cosem_time_utc(const struct cosem_time *t, struct zone zone)
{
	enum season season = t->status == COSEM_NO_STATUS ? SEASON_UNKNOWN :
	    cosem_time_summer(t)			  ? SEASON_SUMMER :
							    SEASON_WINTER;

	return civil_to_utc(zone, &t->t, season);
}

struct cosem_time
cosem_time_at(struct zone zone, int64_t utc)
{
	struct cosem_time t = {
		.t = civil_from_utc(zone, utc), .deviation = COSEM_NO_DEVIATION,
	};
	int weekday = civil_weekday(civil_days(t.t.year, t.t.month, t.t.day));

	t.weekday = (uint8_t)(weekday == 0 ? 7 : weekday);
	if (zone_is_summer(zone, utc))
		t.status = COSEM_SUMMER;
	return t;
}

/* ---- scaler and unit ---- */

int
cosem_scale(struct axdr *a, struct cosem_scale *s)
{
	int64_t scaler, unit;
	unsigned depth;
	uint32_t n;
	int rc = axdr_enter(a, AXDR_STRUCT, &n);

	if (rc < 0)
		return rc;
	depth = a->depth - 1u;
	if (n < 2 || !next_int(a, &scaler) || !next_int(a, &unit) || scaler < INT8_MIN ||
	    scaler > INT8_MAX || unit < 0 || unit > UINT8_MAX)
		return E_FRAME;
	*s = (struct cosem_scale){ .scaler = (int8_t)scaler, .unit = (uint8_t)unit };
	return axdr_leave(a, depth);
}

/* ---- text ---- */

/* Upper half of CP1251 as far as names of meters use it: letters and the number sign. */
static unsigned
from_cp1251(uint8_t c)
{
	if (c >= 0xc0)
		return 0x0410u + (c - 0xc0u);
	if (c == 0xa8)
		return 0x0401;
	if (c == 0xb8)
		return 0x0451;
	if (c == 0xb9)
		return 0x2116;
	return c < 0x80 ? c : '?';
}

static size_t
put_letter(char *to, size_t room, unsigned code)
{
	if (code < 0x80) {
		if (room < 1)
			return 0;
		to[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		if (room < 2)
			return 0;
		to[0] = (char)(0xc0 | code >> 6);
		to[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (room < 3)
		return 0;
	to[0] = (char)(0xe0 | code >> 12);
	to[1] = (char)(0x80 | (code >> 6 & 0x3f));
	to[2] = (char)(0x80 | (code & 0x3f));
	return 3;
}

static bool
is_control(uint8_t c)
{
	return c < 0x20 || c == 0x7f;
}

static void
copy_utf8(const uint8_t *p, size_t len, char *to, size_t size)
{
	size_t n = len < size - 1 ? len : size - 1;

	while (n < len && n > 0 && (p[n] & 0xc0) == 0x80)
		n--; /* not inside a letter */
	memcpy(to, p, n);
	to[n] = '\0';
}

bool
cosem_text(const struct axdr_value *v, char *to, size_t size)
{
	size_t at = 0, len = v->len;
	int64_t number;

	if (axdr_int(v, &number)) {
		snprintf(to, size, "%lld", (long long)number);
		return true;
	}
	if (v->tag != AXDR_OCTETS && v->tag != AXDR_VISIBLE && v->tag != AXDR_UTF8)
		return false;
	while (len > 0 && (v->p[len - 1] == '\0' || v->p[len - 1] == ' ' || v->p[len - 1] == 0xff))
		len--;
	for (size_t i = 0; i < len; i++)
		if (is_control(v->p[i]))
			return false;
	if (utf8_valid((const char *)v->p, len)) {
		copy_utf8(v->p, len, to, size);
		return true;
	}
	for (size_t i = 0; i < len; i++) {
		size_t n = put_letter(to + at, size - 1 - at, from_cp1251(v->p[i]));

		if (n == 0)
			break;
		at += n;
	}
	to[at] = '\0';
	return true;
}

/* ---- results ---- */

static const struct { uint8_t code; int8_t error; const char *name; } results[] = {
	{ RESULT_SUCCESS, E_OK, "success" },
	{ RESULT_HARDWARE, E_METER, "hardware-fault" },
	{ RESULT_TEMPORARY, E_METER, "temporary-failure" },
	{ RESULT_DENIED, E_REFUSED, "read-write-denied" },
	{ RESULT_UNDEFINED, E_UNSUPPORTED, "object-undefined" },
	{ RESULT_CLASS, E_UNSUPPORTED, "object-class-inconsistent" },
	{ RESULT_UNAVAILABLE, E_UNSUPPORTED, "object-unavailable" },
	{ RESULT_TYPE, E_INVALID, "type-unmatched" },
	{ RESULT_SCOPE, E_REFUSED, "scope-of-access-violated" },
	{ RESULT_NO_BLOCK, E_METER, "data-block-unavailable" },
	{ RESULT_LONG_GET, E_METER, "long-get-aborted" },
	{ RESULT_NO_LONG_GET, E_METER, "no-long-get-in-progress" },
	{ RESULT_LONG_SET, E_METER, "long-set-aborted" },
	{ RESULT_NO_LONG_SET, E_METER, "no-long-set-in-progress" },
	{ RESULT_BLOCK_NUMBER, E_METER, "data-block-number-invalid" },
	{ RESULT_OTHER, E_METER, "other-reason" },
};
enum { RESULTS = sizeof(results) / sizeof(*results) };

const char *
cosem_result_name(unsigned code)
{
	for (size_t i = 0; i < RESULTS; i++)
		if (results[i].code == code)
			return results[i].name;
	return "unknown";
}

int
cosem_result_error(unsigned code)
{
	for (size_t i = 0; i < RESULTS; i++)
		if (results[i].code == code)
			return results[i].error;
	return E_METER;
}
