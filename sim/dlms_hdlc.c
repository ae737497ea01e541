#include "sim/dlms_hdlc.h"

#include <string.h>

enum { TYPE = 0xA0, TYPE_MASK = 0xF0, SEGMENT = 0x08, LEAST = 7 };

/* CRC-16/X-25 (3.2). */
static uint16_t
check_sum(const uint8_t *p, size_t n)
{
	unsigned crc = 0xFFFF;

	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc & 1) != 0 ? crc >> 1 ^ 0x8408 : crc >> 1;
	}
	return (uint16_t)(crc ^ 0xFFFF);
}

/* An address of 1, 2 or 4 octets; 0: none. */
static uint8_t
take_address(struct rd *r, uint8_t address[4])
{
	uint8_t n = 0;

	do
		address[n++] = rd_u8(r);
	while (n < 4 && (address[n - 1] & 1) == 0);
	return rd_failed(r) || (address[n - 1] & 1) == 0 || n == 3 ? 0 : n;
}

/* Between the flags: `body` of n octets, FCS proven. */
static bool
take_apart(const uint8_t *body, size_t n, struct sim_hdlc *f)
{
	struct rd r = rd_init(body + 2, n - 4);
	size_t head;

	f->more = (body[0] & SEGMENT) != 0;
	f->destination_n = take_address(&r, f->destination);
	f->source_n = take_address(&r, f->source);
	f->control = rd_u8(&r);
	if (rd_failed(&r) || f->destination_n == 0 || f->source_n == 0)
		return false;
	f->info_n = 0;
	f->info = NULL;
	if (rd_left(&r) == 0)
		return true;
	head = (size_t)(r.p - body);
	if (rd_u16_le(&r) != check_sum(body, head) || rd_failed(&r))
		return false;
	f->info_n = rd_left(&r);
	f->info = rd_take(&r, f->info_n);
	return true;
}

bool
sim_hdlc_next(const uint8_t *p, size_t n, size_t *at, struct sim_hdlc *f)
{
	for (size_t i = *at; i + LEAST + 2 <= n; i++) {
		size_t length;

		if (p[i] != SIM_HDLC_FLAG || (p[i + 1] & TYPE_MASK) != TYPE)
			continue;
		length = (size_t)(p[i + 1] & 7) << 8 | p[i + 2];
		if (length < LEAST || i + length + 2 > n || p[i + length + 1] != SIM_HDLC_FLAG)
			continue;
		if (check_sum(p + i + 1, length - 2) !=
			(uint16_t)(p[i + length - 1] | p[i + length] << 8) ||
		    !take_apart(p + i + 1, length, f))
			continue;
		*at = i + length + 1;
		return true;
	}
	return false;
}

void
sim_hdlc_put(struct wr *w, const struct sim_hdlc *f)
{
	size_t body = w->len + 1;
	size_t length = 2U + f->destination_n + f->source_n + 1U + 2U +
	    (f->info_n > 0 ? 2U + f->info_n : 0);

	wr_u8(w, SIM_HDLC_FLAG);
	wr_u16_be(w, (uint16_t)(TYPE << 8 | (f->more ? SEGMENT << 8 : 0) | (length & 0x7FF)));
	wr_bytes(w, f->destination, f->destination_n);
	wr_bytes(w, f->source, f->source_n);
	wr_u8(w, f->control);
	if (!wr_ok(w))
		return;
	if (f->info_n > 0) {
		wr_u16_le(w, check_sum(w->buf + body, w->len - body));
		wr_bytes(w, f->info, f->info_n);
	}
	if (!wr_ok(w))
		return;
	wr_u16_le(w, check_sum(w->buf + body, w->len - body));
	wr_u8(w, SIM_HDLC_FLAG);
}

void
sim_hdlc_numbers(const uint8_t *address, unsigned n, unsigned *upper, unsigned *lower)
{
	*upper = address[0] >> 1;
	*lower = n > 1 ? address[1] >> 1 : 0;
	if (n == 4) {
		*upper = *upper << 7 | *lower;
		*lower = (unsigned)(address[2] >> 1) << 7 | address[3] >> 1;
	}
}

void
sim_hdlc_address(unsigned upper, unsigned lower, unsigned n, uint8_t *address)
{
	memset(address, 0, 4);
	if (n == 1) {
		address[0] = (uint8_t)(upper << 1);
	} else if (n == 2) {
		address[0] = (uint8_t)(upper << 1);
		address[1] = (uint8_t)(lower << 1);
	} else {
		address[0] = (uint8_t)(upper >> 7 << 1);
		address[1] = (uint8_t)((upper & 0x7F) << 1);
		address[2] = (uint8_t)(lower >> 7 << 1);
		address[3] = (uint8_t)((lower & 0x7F) << 1);
	}
	address[n - 1] |= 1;
}

bool
sim_hdlc_ends(const uint8_t *p, size_t n)
{
	struct sim_hdlc f;
	size_t at = 0;
	bool any = false;

	while (sim_hdlc_next(p, n, &at, &f))
		any = true;
	return any && at + 1 == n;
}
