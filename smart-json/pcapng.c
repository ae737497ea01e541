#include "smart-json/pcapng.h"

#include <string.h>

#include "src/base/cursor.h"
#include "src/base/version.h"

enum {
	BLOCK_SECTION = 0x0A0D0D0A, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6,
	BYTE_ORDER = 0x1A2B3C4D,
	LINKTYPE_RTAC_SERIAL = 250, SERIAL_HEADER = 12, SERIAL_SENT = 1, SERIAL_RECEIVED = 2,
	OPTION_END = 0, SECTION_APPLICATION = 4, INTERFACE_NAME = 2, PACKET_FLAGS = 2,
	FLAGS_INBOUND = 1, FLAGS_OUTBOUND = 2,
	FRAME = 12,			/* type and the length at both ends */
	HEAD_MOST = 128, TEXT_MOST = 40,
};

static size_t
padding(size_t len)
{
	return (4 - len % 4) % 4;
}

/* Little-endian throughout, as the byte order mark says. */
static void
put_option(struct wr *w, uint16_t code, const void *value, size_t len)
{
	wr_u16_le(w, code);
	wr_u16_le(w, (uint16_t)len);
	wr_bytes(w, value, len);
	wr_bytes(w, "\0\0\0", padding(len));
}

static void
put_text(struct wr *w, uint16_t code, const char *text)
{
	size_t len = strlen(text);

	put_option(w, code, text, len < TEXT_MOST ? len : TEXT_MOST);
}

/* A block of what `body` holds and then `more`, padded, and `tail`. */
static void
add_block(struct text *out, uint32_t type, const struct wr *body, const uint8_t *more, size_t len,
    const struct wr *tail)
{
	uint8_t head[8], end[4];
	struct wr h = wr_init(head, sizeof(head)), e = wr_init(end, sizeof(end));
	uint32_t total = (uint32_t)(FRAME + body->len + len + padding(len) + tail->len);

	wr_u32_le(&h, type);
	wr_u32_le(&h, total);
	wr_u32_le(&e, total);
	text_add(out, head, sizeof(head));
	text_add(out, body->buf, body->len);
	text_add(out, more, len);
	text_add(out, "\0\0\0", padding(len));
	text_add(out, tail->buf, tail->len);
	text_add(out, end, sizeof(end));
}

void
pcapng_begin(struct text *out, const char *name)
{
	uint8_t buf[HEAD_MOST], none[1];
	struct wr w = wr_init(buf, sizeof(buf)), nothing = wr_init(none, sizeof(none));

	wr_u32_le(&w, BYTE_ORDER);
	wr_u16_le(&w, 1); /* version 1.0 */
	wr_u16_le(&w, 0);
	wr_u32_le(&w, UINT32_MAX); /* length of the section: not told */
	wr_u32_le(&w, UINT32_MAX);
	put_text(&w, SECTION_APPLICATION, "uspdd " USPD_VERSION);
	put_option(&w, OPTION_END, "", 0);
	add_block(out, BLOCK_SECTION, &w, NULL, 0, &nothing);

	w = wr_init(buf, sizeof(buf));
	wr_u16_le(&w, LINKTYPE_RTAC_SERIAL);
	wr_u16_le(&w, 0);
	wr_u32_le(&w, 0); /* nothing is cut */
	put_text(&w, INTERFACE_NAME, name);
	put_option(&w, OPTION_END, "", 0); /* times in microseconds, as without an option */
	add_block(out, BLOCK_INTERFACE, &w, NULL, 0, &nothing);
}

void
pcapng_packet(struct text *out, enum tap_direction way, int64_t utc_us, const uint8_t *bytes,
    size_t len)
{
	uint64_t us = utc_us > 0 ? (uint64_t)utc_us : 0;
	uint32_t captured = (uint32_t)(SERIAL_HEADER + len);
	uint8_t head[HEAD_MOST], end[32],
	    flags[4] = { way == TAP_SENT ? FLAGS_OUTBOUND : FLAGS_INBOUND };
	struct wr w = wr_init(head, sizeof(head)), tail = wr_init(end, sizeof(end));

	wr_u32_le(&w, 0); /* the interface */
	wr_u32_le(&w, (uint32_t)(us >> 32));
	wr_u32_le(&w, (uint32_t)us);
	wr_u32_le(&w, captured);
	wr_u32_le(&w, captured);
	/* The header of the link type is big-endian, and does not change the padding. */
	wr_u32_be(&w, (uint32_t)(us / 1000000));
	wr_u32_be(&w, (uint32_t)(us % 1000000));
	wr_u8(&w, way == TAP_SENT ? SERIAL_SENT : SERIAL_RECEIVED);
	wr_u8(&w, 0); /* control lines are not watched */
	wr_u16_le(&w, 0);
	put_option(&tail, PACKET_FLAGS, flags, sizeof(flags));
	put_option(&tail, OPTION_END, "", 0);
	add_block(out, BLOCK_PACKET, &w, bytes, len, &tail);
}
