#include "meters/dlms/wrapper_codec.h"

enum { VERSION = 1, DATA_NOTIFICATION = 0x0f, EVENT_NOTIFICATION = 0xc2 };

void
wrapper_put(struct wr *w, uint16_t from, uint16_t to, const uint8_t *apdu, size_t len)
{
	if (len > UINT16_MAX) {
		w->failed = true;
		return;
	}
	wr_u16_be(w, VERSION);
	wr_u16_be(w, from);
	wr_u16_be(w, to);
	wr_u16_be(w, (uint16_t)len);
	wr_bytes(w, apdu, len);
}

int
wrapper_parse(const uint8_t *p, size_t len, struct wrapper *out)
{
	struct rd r = rd_init(p, len);
	uint16_t version = rd_u16_be(&r);

	out->from = rd_u16_be(&r);
	out->to = rd_u16_be(&r);
	out->len = rd_u16_be(&r);
	out->apdu = rd_take(&r, out->len);
	return rd_done(&r) && version == VERSION ? E_OK : E_FRAME;
}

struct framing
wrapper_framer(const void *hint, const uint8_t *rx, size_t len)
{
	const struct wrapper_expect *e = hint;
	struct wrapper w;
	size_t whole;

	if (len < WRAPPER_HEAD)
		return (struct framing){ FRAME_MORE, WRAPPER_HEAD - len };
	if (rx[0] != 0 || rx[1] != VERSION)
		return (struct framing){ FRAME_NOISE, 1 };
	whole = WRAPPER_HEAD + ((size_t)rx[6] << 8 | rx[7]);
	if (len < whole)
		return (struct framing){ FRAME_MORE, whole - len };
	if (wrapper_parse(rx, whole, &w) < 0 || w.len == 0)
		return (struct framing){ FRAME_NOISE, 1 };
	if (w.from != e->from || w.to != e->to || w.apdu[0] == DATA_NOTIFICATION ||
	    w.apdu[0] == EVENT_NOTIFICATION)
		return (struct framing){ FRAME_FOREIGN, whole };
	return (struct framing){ FRAME_WHOLE, whole };
}
