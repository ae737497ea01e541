/* Requests, expected lengths and the framer (meter-mercury-set.md 1.2, 2.3). */
#include "meters/mercury230_codec.h"

#include <string.h>

#include "src/base/checksum.h"

enum { NO_ADDRESS = 0xff, TRAILING_NOISE = 2 };

size_t
mercury230_encode(const struct mercury230_request *q, uint8_t *buf, size_t size)
{
	struct wr w = wr_init(buf, size);

	if (q->n > M230_ARGS_MAX)
		return 0;
	wr_u8(&w, q->address);
	wr_u8(&w, q->code);
	wr_bytes(&w, q->args, q->n);
	wr_u16_le(&w, crc16_modbus(buf, wr_ok(&w) ? w.len : 0));
	return wr_ok(&w) ? w.len : 0;
}

/* How many argument bytes each code may have; writes and reads of parameters differ among
 * firmwares, their first byte is the parameter. */
static const struct form { uint8_t code, least, most; } forms[] = {
	{ M230_TEST, 0, 0 }, { M230_OPEN, 7, 7 }, { M230_CLOSE, 0, 0 },
	{ M230_WRITE, 1, M230_ARGS_MAX }, { M230_EVENTS, 1, 2 }, { M230_ENERGY, 2, 2 },
	{ M230_MEMORY, 4, 4 }, { M230_PARAM, 1, 4 }, { M230_LOSSES, 2, 2 }, { M230_RELATIVE, 4, 4 },
};

int
mercury230_parse_request(struct mercury230_request *q, const uint8_t *frame, size_t len)
{
	size_t n;

	if (len < 4 || len > M230_REQUEST_MAX)
		return E_FRAME;
	if (crc16_modbus(frame, len) != 0)
		return E_CHECKSUM;
	n = len - 4;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].code != frame[1] || n < forms[i].least || n > forms[i].most)
			continue;
		q->address = frame[0];
		q->code = frame[1];
		q->n = (uint8_t)n;
		memcpy(q->args, frame + 2, n);
		return E_OK;
	}
	return E_FRAME;
}

/* ---- lengths of answers ---- */

static void
expect(struct mercury230_expect *e, unsigned data)
{
	e->data[e->n++] = (uint16_t)data;
}

/* Reads of momentary values by BWRI: how many bytes (2.8). */
static void
expect_values(struct mercury230_expect *e, unsigned param, unsigned bwri)
{
	unsigned kind = bwri >> 4;
	static const uint8_t all_phases[] = { 12, 9, 9, 12, 3, 9, 6, 2 };

	if (kind == M230_LATCH_TIME)
		expect(e, 8);
	else if (kind == M230_LATCHED_ENERGY)
		expect(e, 16);
	else if (kind == M230_EVERYTHING && param == M230_LATCHED)
		expect(e, 178);
	else if (kind == M230_EVERYTHING) {
		expect(e, 78);
		expect(e, 86);
		e->is_loose = true;
	} else if (kind >= sizeof(all_phases))
		e->is_open = true;
	else if (param == M230_ONE_VALUE)
		expect(e, kind >= M230_HARMONIC ? 2 : 3);
	else if (param == M230_LATCHED && kind == M230_POWER)
		expect(e, 16);
	else
		expect(e, all_phases[kind]);
}

static void
expect_param(struct mercury230_expect *e, const struct mercury230_request *q)
{
	static const struct { uint8_t param, data[3]; } lengths[] = {
		{ 0x00, { 7 } }, { 0x02, { 4 } }, { 0x03, { 3 } }, { 0x04, { 2 } }, { 0x05, { 2 } },
		{ 0x09, { 2 } }, { 0x0a, { 4, 5, 6 } }, { 0x0b, { 4 } }, { 0x12, { 3, 4, 6 } },
		{ 0x13, { 9 } }, { 0x15, { 9 } }, { 0x17, { 2 } }, { 0x18, { 2 } }, { 0x19, { 3 } },
		{ 0x1a, { 4 } }, { 0x1d, { 2 } }, { 0x20, { 16 } }, { 0x21, { 2 } }, { 0x24, { 2 } },
		{ 0x26, { 2 } },
	};
	unsigned param = q->args[0];

	if (param == M230_ONE_VALUE || param == M230_LATCHED || param == M230_ALL_PHASES) {
		expect_values(e, param, q->n > 1 ? q->args[1] : 0);
		return;
	}
	if (param == M230_IDENTITY) {
		expect(e, q->n > 1 ? 24 : 16);
		return;
	}
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (int k = 0; k < 3 && lengths[i].param == param && lengths[i].data[k] != 0; k++)
			expect(e, lengths[i].data[k]);
	e->is_open = e->n == 0;
}

static void
expect_events(struct mercury230_expect *e, const struct mercury230_request *q)
{
	unsigned size, record;

	if (q->n < 2) {
		expect(e, 8); /* 04 00: the clock */
		return;
	}
	size = mercury230_journal_size(q->args[0]);
	record = q->args[1];
	if (size == 0)
		e->is_open = true;
	else if (record == M230_LAST_RECORD)
		expect(e, size + 1);
	else if (record < M230_PQ_DEPTH)
		expect(e, size);
	else if (mercury230_journal_depth(q->args[0]) == M230_PQ_DEPTH) {
		expect(e, size * M230_JOURNAL_DEPTH);
		expect(e, size * M230_PQ_BLOCK);
	} else
		expect(e, size * M230_JOURNAL_DEPTH);
}

static void
expect_energy(struct mercury230_expect *e, const struct mercury230_request *q)
{
	unsigned set = (q->args[0] & 0xf0) == M230_PER_PHASE ? 12 : 16;

	if (q->args[1] == M230_ALL_TARIFFS) {
		expect(e, 5 * set);
		expect(e, 6 * set); /* with losses */
	} else
		expect(e, set);
}

struct mercury230_expect
mercury230_expect_of(const struct mercury230_request *q)
{
	struct mercury230_expect e = { .address = q->address };

	switch (q->code) {
	case M230_EVENTS:
		expect_events(&e, q);
		break;
	case M230_ENERGY:
	case M230_LOSSES:
		expect_energy(&e, q);
		break;
	case M230_MEMORY:
		expect(&e, q->args[3]);
		break;
	case M230_RELATIVE:
		expect(&e, q->args[3] * (unsigned)M230_RECORD_LEN);
		break;
	case M230_PARAM:
		expect_param(&e, q);
		break;
	default:
		expect(&e, 1);
	}
	return e;
}

/* ---- framer ---- */

static bool
is_good(const uint8_t *p, size_t len)
{
	return len >= M230_STATUS_LEN && crc16_modbus(p, len) == 0;
}

/* The longest complete good frame of an expected length at p, 0 when there is none. */
static size_t
frame_at(const struct mercury230_expect *e, const uint8_t *p, size_t len)
{
	for (unsigned i = e->n; i-- > 0;) {
		size_t n = (size_t)e->data[i] + M230_OVERHEAD;

		if (n <= len && is_good(p, n))
			return n;
	}
	return len >= M230_STATUS_LEN && is_good(p, M230_STATUS_LEN) ? M230_STATUS_LEN : 0;
}

/* Where in the bytes a complete answer of the expected meter begins; 0 when nowhere. */
static size_t
find_answer(const struct mercury230_expect *e, const uint8_t *rx, size_t len)
{
	for (size_t k = 1; k + M230_STATUS_LEN <= len; k++)
		if (rx[k] == e->address && frame_at(e, rx + k, len - k) != 0)
			return k;
	return 0;
}

static struct framing
need_more(const struct mercury230_expect *e, size_t len)
{
	if (len < M230_STATUS_LEN)
		return (struct framing){ FRAME_MORE, M230_STATUS_LEN - len };
	for (unsigned i = 0; i < e->n; i++) {
		size_t n = (size_t)e->data[i] + M230_OVERHEAD;

		if (n > len)
			return (struct framing){ FRAME_MORE, n - len };
	}
	return (struct framing){ FRAME_MORE, 1 };
}

/* The bytes begin with the expected address. */
static struct framing
own_frame(const struct mercury230_expect *e, const uint8_t *rx, size_t len)
{
	size_t longest = e->is_open || e->n == 0 ? M230_FRAME_MAX :
						   (size_t)e->data[e->n - 1] + M230_OVERHEAD;
	size_t n = frame_at(e, rx, len), k;

	if (n == longest)
		return (struct framing){ FRAME_WHOLE, n };
	/* A shorter good frame may be an accident inside a longer one (1:65536): silence decides. */
	if (n != 0 && len - n <= TRAILING_NOISE)
		return (struct framing){ FRAME_SILENT, n };
	/* Where the lengths are known no other is an answer: a pause inside a long one, behind bytes
	 * whose checksum happens to fit, must not end it. */
	if ((e->is_open || e->is_loose) && len <= longest && is_good(rx, len))
		return (struct framing){ FRAME_SILENT, len };
	if (len < longest)
		return need_more(e, len);
	if ((k = find_answer(e, rx, len)) != 0)
		return (struct framing){ FRAME_NOISE, k };
	return (struct framing){ FRAME_DAMAGED, len };
}

struct framing
mercury230_framer(const void *hint, const uint8_t *rx, size_t len)
{
	const struct mercury230_expect *e = hint;
	size_t k, n;

	if (len == 0)
		return (struct framing){ FRAME_MORE, M230_STATUS_LEN };
	if (rx[0] == NO_ADDRESS) { /* a driver that has just been switched on */
		for (k = 1; k < len && rx[k] == NO_ADDRESS; k++)
			;
		return (struct framing){ FRAME_NOISE, k };
	}
	if (rx[0] == e->address)
		return own_frame(e, rx, len);
	if ((k = find_answer(e, rx, len)) != 0)
		return (struct framing){ FRAME_NOISE, k };
	if ((n = frame_at(e, rx, len)) != 0)
		return (struct framing){ FRAME_FOREIGN, n };
	if (len <= M230_FRAME_MAX && is_good(rx, len))
		return (struct framing){ FRAME_FOREIGN, len };
	if (len > M230_FRAME_MAX)
		return (struct framing){ FRAME_NOISE, len - M230_FRAME_MAX };
	return (struct framing){ FRAME_MORE, len < M230_STATUS_LEN ? M230_STATUS_LEN - len : 1 };
}
