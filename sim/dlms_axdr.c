#include "sim/dlms_axdr.h"

#include <string.h>

#include "sim/consumption.h"
#include "src/base/civil.h"

enum { DEPTH_MOST = 8 };

void
sim_ax_byte(struct text *to, unsigned value)
{
	uint8_t octet = (uint8_t)value;

	text_add(to, &octet, 1);
}

void
sim_ax_be(struct text *to, uint64_t value, unsigned octets)
{
	while (octets-- > 0)
		sim_ax_byte(to, (unsigned)(value >> 8 * octets & 0xFF));
}

void
sim_ax_length(struct text *to, size_t n)
{
	unsigned octets = n < 0x80 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2 : 4;

	if (octets == 0) {
		sim_ax_byte(to, (unsigned)n);
		return;
	}
	sim_ax_byte(to, 0x80 | octets);
	sim_ax_be(to, n, octets);
}

size_t
sim_ax_fixed(uint8_t tag)
{
	switch (tag) {
	case AX_BOOLEAN:
	case AX_BCD:
	case AX_I8:
	case AX_U8:
	case AX_ENUM:
		return 1;
	case AX_I16:
	case AX_U16:
		return 2;
	case AX_I32:
	case AX_U32:
	case AX_F32:
	case AX_TIME:
		return 4;
	case AX_DATE:
		return 5;
	case AX_I64:
	case AX_U64:
	case AX_F64:
		return 8;
	case AX_DATE_TIME:
		return AX_STAMP_SIZE;
	default:
		return 0;
	}
}

void
sim_ax_number(struct text *to, uint8_t tag, int64_t value)
{
	sim_ax_byte(to, tag);
	sim_ax_be(to, (uint64_t)value, (unsigned)sim_ax_fixed(tag));
}

void
sim_ax_count(struct text *to, uint8_t tag, size_t n)
{
	sim_ax_byte(to, tag);
	sim_ax_length(to, n);
}

void
sim_ax_octets(struct text *to, const void *octets, size_t n)
{
	sim_ax_count(to, AX_OCTETS, n);
	text_add(to, octets, n);
}

void
sim_ax_stamp(struct text *to, int64_t t, int deviation_min, uint8_t status)
{
	struct civil c = civil_from_utc((struct zone){ 0, false }, t);
	int weekday = civil_weekday(civil_days(c.year, c.month, c.day));

	sim_ax_be(to, (uint64_t)c.year, 2);
	sim_ax_byte(to, (unsigned)c.month);
	sim_ax_byte(to, (unsigned)c.day);
	sim_ax_byte(to, weekday == 0 ? 7 : (unsigned)weekday);
	sim_ax_byte(to, (unsigned)c.hour);
	sim_ax_byte(to, (unsigned)c.minute);
	sim_ax_byte(to, (unsigned)c.second);
	sim_ax_byte(to, 0);
	sim_ax_be(to, (uint64_t)deviation_min, 2);
	sim_ax_byte(to, status);
}

size_t
sim_ax_take_length(struct rd *r)
{
	size_t n = rd_u8(r);
	unsigned octets = n & 0x7F;

	if (n < 0x80)
		return n;
	n = 0;
	if (octets == 0 || octets > 4) {
		r->failed = true;
		return 0;
	}
	while (octets-- > 0)
		n = n << 8 | rd_u8(r);
	if (n > rd_left(r))
		r->failed = true;
	return rd_failed(r) ? 0 : n;
}

bool
sim_ax_skip(struct rd *r, unsigned depth)
{
	uint8_t tag = rd_u8(r);
	size_t n;

	if (depth > DEPTH_MOST)
		return false;
	switch (tag) {
	case AX_NULL:
		break;
	case AX_ARRAY:
	case AX_STRUCTURE:
		for (n = sim_ax_take_length(r); n > 0 && !rd_failed(r); n--)
			if (!sim_ax_skip(r, depth + 1))
				return false;
		break;
	case AX_BITS:
		n = rd_u8(r);
		rd_skip(r, (n + 7) / 8);
		break;
	case AX_OCTETS:
	case AX_VISIBLE:
	case AX_UTF8:
		rd_skip(r, sim_ax_take_length(r));
		break;
	default:
		n = sim_ax_fixed(tag);
		if (n == 0)
			return false;
		rd_skip(r, n);
	}
	return !rd_failed(r);
}

bool
sim_ax_take_int(struct rd *r, int64_t *value)
{
	uint8_t tag = rd_u8(r);
	size_t n = sim_ax_fixed(tag);
	bool is_signed = tag == AX_I8 || tag == AX_I16 || tag == AX_I32 || tag == AX_I64;
	uint64_t v = 0;

	if (!is_signed && tag != AX_U8 && tag != AX_U16 && tag != AX_U32 && tag != AX_U64 &&
	    tag != AX_ENUM && tag != AX_BOOLEAN)
		return false;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | rd_u8(r);
	if (is_signed && n < 8 && (v >> (8 * n - 1) & 1) != 0)
		v |= UINT64_MAX << 8 * n;
	*value = (int64_t)v;
	return !rd_failed(r);
}

bool
sim_ax_take_stamp(struct rd *r, int64_t *t, int *deviation_min)
{
	uint8_t tag = rd_u8(r);
	struct civil c;

	if (tag != AX_DATE_TIME && (tag != AX_OCTETS || rd_u8(r) != AX_STAMP_SIZE))
		return false;
	c.year = rd_u16_be(r);
	c.month = rd_u8(r);
	c.day = rd_u8(r);
	rd_skip(r, 1);
	c.hour = rd_u8(r);
	c.minute = rd_u8(r);
	c.second = rd_u8(r);
	rd_skip(r, 1);
	*deviation_min = (int16_t)rd_u16_be(r);
	rd_skip(r, 1);
	if (rd_failed(r))
		return false;
	*t = INT64_MIN;
	if (c.year == 0xFFFF)
		return true;
	c.hour = c.hour == 0xFF ? 0 : c.hour;
	c.minute = c.minute == 0xFF ? 0 : c.minute;
	c.second = c.second == 0xFF ? 0 : c.second;
	if (!civil_valid(&c))
		return false;
	*t = civil_days(c.year, c.month, c.day) * SIM_DAY_S + c.hour * 3600 + c.minute * 60 + c.second;
	return true;
}

static bool
take_octets(struct rd *r, char form)
{
	size_t n, wanted = form == 'C' ? 12 : form == 'o' ? 0 : (size_t)(form - '0');

	if (rd_u8(r) != AX_OCTETS)
		return false;
	n = sim_ax_take_length(r);
	rd_skip(r, n);
	return !rd_failed(r) && (wanted == 0 || n == wanted);
}

/* Moves past one form without reading anything. */
static void
skip_form(const char **form)
{
	int depth = 0;

	while (**form == 'a')
		(*form)++;
	do {
		depth += (**form == '(') - (**form == ')');
		(*form)++;
	} while (depth > 0 && **form != '\0');
}

/* An array: its element's form is read again for each, and once passed over. */
static bool
take_array(struct rd *r, const char **form)
{
	const char *element;
	size_t n;

	if (rd_u8(r) != AX_ARRAY)
		return false;
	for (n = sim_ax_take_length(r); n > 0; n--) {
		element = *form;
		if (rd_failed(r) || !sim_ax_take_form(r, &element))
			return false;
	}
	skip_form(form);
	return !rd_failed(r);
}

static bool
take_structure(struct rd *r, const char **form)
{
	size_t n;

	if (rd_u8(r) != AX_STRUCTURE)
		return false;
	for (n = sim_ax_take_length(r); n > 0; n--)
		if (rd_failed(r) || **form == ')' || !sim_ax_take_form(r, form))
			return false;
	return *(*form)++ == ')' && !rd_failed(r);
}

bool
sim_ax_take_form(struct rd *r, const char **form)
{
	char kind = *(*form)++;

	switch (kind) {
	case 'a':
		return take_array(r, form);
	case '(':
		return take_structure(r, form);
	case 'u':
		return rd_u8(r) == AX_U8 && (rd_skip(r, 1), !rd_failed(r));
	case 'w':
		return rd_u8(r) == AX_U16 && (rd_skip(r, 2), !rd_failed(r));
	default:
		return take_octets(r, kind);
	}
}
