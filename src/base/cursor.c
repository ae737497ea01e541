#include "src/base/cursor.h"

#include <string.h>

struct rd
rd_init(const uint8_t *data, size_t len)
{
	return (struct rd){ .p = data, .end = len > 0 ? data + len : data };
}

const uint8_t *
rd_take(struct rd *r, size_t n)
{
	const uint8_t *at = r->p;

	if (n > rd_left(r)) {
		r->failed = true;
		r->p = r->end;
		return NULL;
	}
	if (n > 0)
		r->p += n;
	return at;
}

static uint64_t
little(struct rd *r, size_t n)
{
	const uint8_t *b = rd_take(r, n);
	uint64_t v = 0;

	while (b != NULL && n-- > 0)
		v = v << 8 | b[n];
	return v;
}

static uint64_t
big(struct rd *r, size_t n)
{
	const uint8_t *b = rd_take(r, n);
	uint64_t v = 0;

	for (size_t i = 0; b != NULL && i < n; i++)
		v = v << 8 | b[i];
	return v;
}

uint8_t  rd_u8(struct rd *r)     { return (uint8_t)little(r, 1); }
uint16_t rd_u16_le(struct rd *r) { return (uint16_t)little(r, 2); }
uint16_t rd_u16_be(struct rd *r) { return (uint16_t)big(r, 2); }
uint32_t rd_u24_be(struct rd *r) { return (uint32_t)big(r, 3); }
uint32_t rd_u32_le(struct rd *r) { return (uint32_t)little(r, 4); }
uint32_t rd_u32_be(struct rd *r) { return (uint32_t)big(r, 4); }
uint64_t rd_u64_le(struct rd *r) { return little(r, 8); }

double
rd_f64_le(struct rd *r)
{
	uint64_t bits = rd_u64_le(r);
	double v;

	memcpy(&v, &bits, sizeof(v));
	return v;
}

uint64_t
rd_varint(struct rd *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t b = rd_u8(r);

		v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return v;
	}
	r->failed = true;
	return 0;
}

int64_t
rd_zigzag(struct rd *r)
{
	uint64_t v = rd_varint(r);

	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

void
rd_bytes(struct rd *r, void *to, size_t n)
{
	const uint8_t *b = rd_take(r, n);

	if (b == NULL)
		memset(to, 0, n);
	else if (n > 0)
		memcpy(to, b, n);
}

void
rd_skip(struct rd *r, size_t n)
{
	rd_take(r, n);
}

size_t
rd_left(const struct rd *r)
{
	return (size_t)(r->end - r->p);
}

bool
rd_failed(const struct rd *r)
{
	return r->failed;
}

bool
rd_done(const struct rd *r)
{
	return !r->failed && r->p == r->end;
}

struct wr
wr_init(uint8_t *buf, size_t size)
{
	return (struct wr){ .buf = buf, .size = size };
}

void
wr_bytes(struct wr *w, const void *data, size_t n)
{
	if (n > w->size - w->len) {
		w->failed = true;
		return;
	}
	if (n > 0)
		memcpy(w->buf + w->len, data, n);
	w->len += n;
}

static void
put_little(struct wr *w, uint64_t v, size_t n)
{
	uint8_t b[8];

	for (size_t i = 0; i < n; i++, v >>= 8)
		b[i] = (uint8_t)v;
	wr_bytes(w, b, n);
}

static void
put_big(struct wr *w, uint64_t v, size_t n)
{
	uint8_t b[8];

	for (size_t i = n; i-- > 0; v >>= 8)
		b[i] = (uint8_t)v;
	wr_bytes(w, b, n);
}

void wr_u8(struct wr *w, uint8_t v)      { put_little(w, v, 1); }
void wr_u16_le(struct wr *w, uint16_t v) { put_little(w, v, 2); }
void wr_u16_be(struct wr *w, uint16_t v) { put_big(w, v, 2); }
void wr_u32_le(struct wr *w, uint32_t v) { put_little(w, v, 4); }
void wr_u32_be(struct wr *w, uint32_t v) { put_big(w, v, 4); }
void wr_u64_le(struct wr *w, uint64_t v) { put_little(w, v, 8); }

void
wr_f64_le(struct wr *w, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	wr_u64_le(w, bits);
}

void
wr_varint(struct wr *w, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		wr_u8(w, (uint8_t)(v | 0x80));
	wr_u8(w, (uint8_t)v);
}

void
wr_zigzag(struct wr *w, int64_t v)
{
	wr_varint(w, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

void
wr_text(struct wr *w, const char *text)
{
	wr_bytes(w, text, strlen(text));
}

bool
wr_ok(const struct wr *w)
{
	return !w->failed;
}
