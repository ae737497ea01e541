#include "meters/dlms/axdr_codec.h"

#include <math.h>
#include <string.h>

#include "src/base/checksum.h"

enum { VARIABLE = -1, CONTAINER = -2, UNKNOWN = -3 };

/* Octets of the content of a type. */
static int
size_of(uint8_t tag)
{
	switch (tag) {
	case AXDR_NULL: case AXDR_DONT_CARE:
		return 0;
	case AXDR_BOOL: case AXDR_BCD: case AXDR_I8: case AXDR_U8: case AXDR_ENUM:
		return 1;
	case AXDR_I16: case AXDR_U16:
		return 2;
	case AXDR_I32: case AXDR_U32: case AXDR_F32: case AXDR_TIME:
		return 4;
	case AXDR_DATE:
		return 5;
	case AXDR_I64: case AXDR_U64: case AXDR_F64:
		return 8;
	case AXDR_DATETIME:
		return 12;
	case AXDR_BITS: case AXDR_OCTETS: case AXDR_VISIBLE: case AXDR_UTF8:
		return VARIABLE;
	case AXDR_ARRAY: case AXDR_STRUCT: case AXDR_COMPACT:
		return CONTAINER;
	default:
		return UNKNOWN;
	}
}

uint32_t
axdr_length(struct rd *r)
{
	uint8_t first = rd_u8(r);
	unsigned n = first & 0x7f;
	uint32_t v = 0;

	if (first < 0x80)
		return first;
	if (n == 0 || n > 4)
		r->failed = true;
	for (; n > 0 && !r->failed; n--)
		v = v << 8 | rd_u8(r);
	return r->failed ? 0 : v;
}

/* ---- shapes of compact arrays (8.3) ---- */

static bool
skip_shape(struct rd *shape, unsigned depth)
{
	uint8_t tag = rd_u8(shape);
	unsigned n = 0;

	if (rd_failed(shape) || depth >= AXDR_DEPTH)
		return false;
	if (tag == AXDR_ARRAY) {
		rd_skip(shape, 2);
		n = 1;
	} else if (tag == AXDR_STRUCT)
		n = rd_u8(shape);
	else if (tag == AXDR_COMPACT || size_of(tag) == UNKNOWN)
		return false;
	for (; n > 0; n--)
		if (!skip_shape(shape, depth + 1))
			return false;
	return !rd_failed(shape);
}

/* Passes one value of this shape in the contents; both cursors advance. */
static bool
skip_shaped(struct rd *shape, struct rd *contents, uint32_t *budget)
{
	uint8_t tag = rd_u8(shape);
	int size = size_of(tag);
	uint32_t n;

	if ((*budget)-- == 0 || rd_failed(shape))
		return false;
	if (size >= 0) {
		rd_skip(contents, (size_t)size);
	} else if (size == VARIABLE) {
		n = axdr_length(contents);
		rd_skip(contents, tag == AXDR_BITS ? (n + 7u) / 8 : n);
	} else if (tag == AXDR_STRUCT) {
		for (n = rd_u8(shape); n > 0; n--)
			if (!skip_shaped(shape, contents, budget))
				return false;
	} else {
		struct rd each;

		n = rd_u16_be(shape);
		each = *shape;
		if (n == 0 && !skip_shape(shape, 0))
			return false;
		for (; n > 0; n--) {
			*shape = each;
			if (!skip_shaped(shape, contents, budget))
				return false;
		}
	}
	return !rd_failed(contents) && !rd_failed(shape);
}

/* How many elements the contents of a compact array are; negative: not a whole number of them. */
static int64_t
count_shaped(struct rd shape, struct rd contents)
{
	uint32_t n = 0, budget = AXDR_VALUES_MAX;

	while (rd_left(&contents) > 0) {
		struct rd again = shape;
		size_t before = rd_left(&contents);

		if (!skip_shaped(&again, &contents, &budget) || rd_left(&contents) == before)
			return -1;
		n++;
	}
	return n;
}

/* ---- walking ---- */

struct axdr
axdr_init(const uint8_t *p, size_t len)
{
	return (struct axdr){ .r = rd_init(p, len) };
}

/* Leaves the containers whose elements were all read. */
static void
settle(struct axdr *a)
{
	while (a->depth > 0 && a->level[a->depth - 1].left == 0) {
		struct axdr_level *level = &a->level[--a->depth];

		a->is_compact = level->was_compact;
		if (level->each != NULL || level->was_compact)
			a->shape = level->shape_after;
	}
}

static int
push(struct axdr *a, struct axdr_value *v, uint32_t count, struct axdr_level level)
{
	v->count = count;
	if (a->depth == AXDR_DEPTH)
		return E_LIMIT;
	level.left = count;
	a->level[a->depth++] = level;
	return E_OK;
}

/* Tag of the contents: their description, their length, and values without tags. */
static int
enter_compact(struct axdr *a, struct axdr_value *v)
{
	struct axdr_level level = { .was_compact = false };
	struct rd shape = a->r, contents;
	const uint8_t *each = a->r.p;
	int64_t n;
	size_t len;

	if (a->is_compact || !skip_shape(&a->r, 0))
		return E_FRAME;
	shape.end = a->r.p;
	len = axdr_length(&a->r);
	if (len > rd_left(&a->r))
		return E_FRAME;
	contents = rd_init(a->r.p, len);
	n = count_shaped(shape, contents);
	if (n < 0)
		return E_FRAME;
	v->tag = AXDR_ARRAY;
	level.each = each;
	level.shape_after = shape;
	a->is_compact = true;
	a->shape = shape;
	return push(a, v, (uint32_t)n, level);
}

static int
enter_container(struct axdr *a, struct axdr_value *v)
{
	struct axdr_level level = { .was_compact = a->is_compact };
	struct rd after;
	uint32_t n;

	if (v->tag == AXDR_COMPACT)
		return enter_compact(a, v);
	if (!a->is_compact) {
		n = axdr_length(&a->r);
		return rd_failed(&a->r) ? E_FRAME : push(a, v, n, level);
	}
	/* Compact mode: shape_after is where the tags go on behind this container. */
	if (v->tag == AXDR_STRUCT) {
		n = rd_u8(&a->shape);
		after = a->shape;
		for (uint32_t i = 0; i < n; i++)
			if (!skip_shape(&after, 0))
				return E_FRAME;
	} else {
		n = rd_u16_be(&a->shape);
		level.each = a->shape.p;
		after = a->shape;
		if (!skip_shape(&after, 0))
			return E_FRAME;
	}
	level.shape_after = after;
	return push(a, v, n, level);
}

static int
take_scalar(struct axdr *a, struct axdr_value *v, int size)
{
	if (size == VARIABLE) {
		v->count = axdr_length(&a->r);
		v->len = v->tag == AXDR_BITS ? (size_t)v->count / 8 + (v->count % 8 != 0) : v->count;
		if (v->tag != AXDR_BITS)
			v->count = 0;
	} else
		v->len = (size_t)size;
	v->p = rd_take(&a->r, v->len);
	return rd_failed(&a->r) ? E_FRAME : E_OK;
}

int
axdr_next(struct axdr *a, struct axdr_value *v)
{
	struct axdr_level *level;
	int size;

	settle(a);
	if (a->values++ >= AXDR_VALUES_MAX)
		return E_LIMIT;
	if (a->depth > 0) {
		level = &a->level[a->depth - 1];
		level->left--;
		if (a->is_compact && level->each != NULL)
			a->shape.p = level->each;
	}
	*v = (struct axdr_value){ .depth = a->depth };
	v->tag = rd_u8(a->is_compact ? &a->shape : &a->r);
	if (rd_failed(a->is_compact ? &a->shape : &a->r))
		return E_FRAME;
	size = size_of(v->tag);
	if (size == UNKNOWN)
		return E_FRAME;
	return size == CONTAINER ? enter_container(a, v) : take_scalar(a, v, size);
}

int
axdr_leave(struct axdr *a, unsigned depth)
{
	struct axdr_value v;
	int rc;

	for (;;) {
		settle(a);
		if (a->depth <= depth)
			return E_OK;
		rc = axdr_next(a, &v);
		if (rc < 0)
			return rc;
	}
}

int
axdr_skip(struct axdr *a, const struct axdr_value *v)
{
	return axdr_is_container(v) ? axdr_leave(a, v->depth) : E_OK;
}

int
axdr_enter(struct axdr *a, enum axdr_tag tag, uint32_t *n)
{
	struct axdr_value v;
	int rc = axdr_next(a, &v);

	*n = v.count;
	if (rc == E_OK && v.tag != tag)
		rc = E_FRAME;
	return rc;
}

uint32_t
axdr_left(struct axdr *a)
{
	settle(a);
	return a->depth > 0 ? a->level[a->depth - 1].left : 0;
}

/* ---- numbers ---- */

bool
axdr_is_container(const struct axdr_value *v)
{
	return v->tag == AXDR_ARRAY || v->tag == AXDR_STRUCT;
}

bool
axdr_int(const struct axdr_value *v, int64_t *out)
{
	uint64_t bits = 0;
	unsigned unused;

	for (size_t i = 0; i < v->len && i < 8; i++)
		bits = bits << 8 | v->p[i];
	switch (v->tag) {
	case AXDR_I8: case AXDR_I16: case AXDR_I32: case AXDR_I64:
		unused = 64 - 8 * (unsigned)v->len;
		*out = (int64_t)(bits << unused) >> unused;
		return true;
	case AXDR_BOOL:
		*out = bits != 0;
		return true;
	case AXDR_BCD:
		*out = bcd_decode((uint8_t)bits);
		return *out >= 0;
	case AXDR_U8: case AXDR_U16: case AXDR_U32: case AXDR_U64: case AXDR_ENUM:
		*out = (int64_t)bits;
		return bits <= INT64_MAX;
	default:
		return false;
	}
}

bool
axdr_is_float(const struct axdr_value *v)
{
	return v->tag == AXDR_F32 || v->tag == AXDR_F64;
}

double
axdr_float(const struct axdr_value *v)
{
	uint64_t bits = 0;
	uint32_t half;
	double d;
	float f;

	if (!axdr_is_float(v))
		return NAN;
	for (size_t i = 0; i < v->len; i++)
		bits = bits << 8 | v->p[i];
	if (v->tag == AXDR_F32) {
		half = (uint32_t)bits;
		memcpy(&f, &half, sizeof(f));
		return (double)f;
	}
	memcpy(&d, &bits, sizeof(d));
	return d;
}

/* n * 10^power, rounded half away from zero. */
static bool
scale(int64_t n, int power, int64_t *out)
{
	int64_t unit = 1, rest;

	for (; power > 0 && n != 0; power--)
		if (__builtin_mul_overflow(n, 10, &n))
			return false;
	for (; power < 0 && unit <= INT64_MAX / 10; power++)
		unit *= 10;
	if (power < 0)
		return false;
	rest = n % unit;
	n /= unit;
	if (rest >= unit - rest)
		n++;
	else if (-rest >= unit + rest)
		n--;
	*out = n;
	return true;
}

bool
axdr_milli(const struct axdr_value *v, int scaler, int64_t *out)
{
	int64_t n;
	double d;

	if (axdr_is_float(v)) {
		d = axdr_float(v) * pow(10, scaler + 3);
		/* Also false for NaN; 2^63 itself is no int64. */
		if (!(d > -9.2e18 && d < 9.2e18))
			return false;
		*out = llround(d);
		return true;
	}
	return v->tag != AXDR_BOOL && axdr_int(v, &n) && scale(n, scaler + 3, out);
}

/* ---- writing ---- */

void
axdr_put_length(struct wr *w, size_t n)
{
	if (n >= 0x80) {
		wr_u8(w, n > UINT8_MAX ? 0x82 : 0x81);
		if (n > UINT16_MAX)
			w->failed = true;
	}
	if (n > UINT8_MAX)
		wr_u8(w, (uint8_t)(n >> 8));
	wr_u8(w, (uint8_t)n);
}

void
axdr_put_array(struct wr *w, size_t n)
{
	wr_u8(w, AXDR_ARRAY);
	axdr_put_length(w, n);
}

void
axdr_put_struct(struct wr *w, size_t n)
{
	wr_u8(w, AXDR_STRUCT);
	axdr_put_length(w, n);
}

void
axdr_put_octets(struct wr *w, const void *p, size_t n)
{
	wr_u8(w, AXDR_OCTETS);
	axdr_put_length(w, n);
	wr_bytes(w, p, n);
}

void
axdr_put_i8(struct wr *w, int8_t v)
{
	wr_u8(w, AXDR_I8);
	wr_u8(w, (uint8_t)v);
}

void
axdr_put_i16(struct wr *w, int16_t v)
{
	wr_u8(w, AXDR_I16);
	wr_u16_be(w, (uint16_t)v);
}

void
axdr_put_u8(struct wr *w, uint8_t v)
{
	wr_u8(w, AXDR_U8);
	wr_u8(w, v);
}

void
axdr_put_u16(struct wr *w, uint16_t v)
{
	wr_u8(w, AXDR_U16);
	wr_u16_be(w, v);
}

void
axdr_put_u32(struct wr *w, uint32_t v)
{
	wr_u8(w, AXDR_U32);
	wr_u32_be(w, v);
}
