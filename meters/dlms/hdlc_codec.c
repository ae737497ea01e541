#include "meters/dlms/hdlc_codec.h"

#include <string.h>

enum { FORMAT_TYPE = 0xa0, FORMAT_TYPE_MASK = 0xf0, FORMAT_SEGMENT = 0x08, LENGTH_HIGH = 0x07 };
enum { LENGTH_LEAST = 7, LENGTH_MOST = 0x7ff, CRC_LEN = 2, POLL = 0x10 };
enum { LIMITS_FORMAT = 0x81, LIMITS_GROUP = 0x80 };
enum { INFO_TX = 5, INFO_RX = 6, WINDOW_TX = 7, WINDOW_RX = 8 };

const struct hdlc_limits hdlc_limits_plain = { HDLC_INFO_PLAIN, HDLC_INFO_PLAIN, 1, 1 };

uint16_t
hdlc_crc(const uint8_t *p, size_t len)
{
	uint16_t crc = 0xffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0x8408 : crc >> 1);
	}
	return crc ^ 0xffff;
}

/* ---- addresses ---- */

int
hdlc_address(struct hdlc_address *a, unsigned logical, int physical, unsigned octets)
{
	unsigned lower = physical < 0 ? 0 : (unsigned)physical;
	bool is_long = logical > 0x7f || lower > 0x7f;

	if (octets == 0)
		octets = physical < 0 ? 1 : is_long ? 4 : 2;
	if (logical > 0x3fff || lower > 0x3fff || (is_long && octets != 4))
		return E_INVALID;
	*a = (struct hdlc_address){ .len = (uint8_t)octets };
	switch (octets) {
	case 1:
		a->octets[0] = (uint8_t)(logical << 1);
		break;
	case 2:
		a->octets[0] = (uint8_t)(logical << 1);
		a->octets[1] = (uint8_t)(lower << 1);
		break;
	case 4:
		a->octets[0] = (uint8_t)(logical >> 7 << 1);
		a->octets[1] = (uint8_t)(logical << 1 & 0xfe);
		a->octets[2] = (uint8_t)(lower >> 7 << 1);
		a->octets[3] = (uint8_t)(lower << 1 & 0xfe);
		break;
	default:
		return E_INVALID;
	}
	a->octets[octets - 1] |= 1;
	return E_OK;
}

bool
hdlc_address_equal(const struct hdlc_address *a, const struct hdlc_address *b)
{
	return a->len == b->len && memcmp(a->octets, b->octets, a->len) == 0;
}

void
hdlc_address_numbers(const struct hdlc_address *a, unsigned *logical, int *physical)
{
	const uint8_t *o = a->octets;

	*logical = o[0] >> 1;
	*physical = HDLC_NO_PHYSICAL;
	if (a->len == 2)
		*physical = o[1] >> 1;
	if (a->len == 4) {
		*logical = (unsigned)(o[0] >> 1) << 7 | o[1] >> 1;
		*physical = (o[2] >> 1) << 7 | o[3] >> 1;
	}
}

static bool
take_address(struct rd *r, struct hdlc_address *a)
{
	*a = (struct hdlc_address){ .len = 0 };
	while (a->len < sizeof(a->octets) && rd_left(r) > 0) {
		a->octets[a->len] = rd_u8(r);
		if (a->octets[a->len++] & 1)
			return a->len != 3;
	}
	return false;
}

/* ---- control octet (3.4) ---- */

static const struct { uint8_t value; enum hdlc_kind kind; } unnumbered[] = {
	{ 0x83, HDLC_SNRM }, { 0x43, HDLC_DISC }, { 0x63, HDLC_UA }, { 0x0f, HDLC_DM },
	{ 0x87, HDLC_FRMR }, { 0x03, HDLC_UI },
};
static const struct { uint8_t value; enum hdlc_kind kind; } supervisory[] = {
	{ 0x01, HDLC_RR }, { 0x05, HDLC_RNR }, { 0x09, HDLC_REJ },
};
enum { UNNUMBERED = sizeof(unnumbered) / sizeof(*unnumbered) };
enum { SUPERVISORY = sizeof(supervisory) / sizeof(*supervisory) };

static uint8_t
control_of(const struct hdlc_frame *f)
{
	uint8_t c = f->final ? POLL : 0;

	if (f->kind == HDLC_I)
		return (uint8_t)(c | f->nr << 5 | f->ns << 1);
	for (size_t i = 0; i < SUPERVISORY; i++)
		if (supervisory[i].kind == f->kind)
			return (uint8_t)(c | f->nr << 5 | supervisory[i].value);
	for (size_t i = 0; i < UNNUMBERED; i++)
		if (unnumbered[i].kind == f->kind)
			return c | unnumbered[i].value;
	return c;
}

static void
parse_control(uint8_t c, struct hdlc_frame *f)
{
	f->final = (c & POLL) != 0;
	f->kind = HDLC_UNKNOWN;
	if ((c & 1) == 0) {
		f->kind = HDLC_I;
		f->ns = c >> 1 & 7;
		f->nr = c >> 5;
		return;
	}
	for (size_t i = 0; i < SUPERVISORY; i++)
		if ((c & 0x0f) == supervisory[i].value) {
			f->kind = supervisory[i].kind;
			f->nr = c >> 5;
		}
	for (size_t i = 0; i < UNNUMBERED; i++)
		if ((c & ~POLL) == unnumbered[i].value)
			f->kind = unnumbered[i].kind;
}

/* ---- frames ---- */

void
hdlc_put(struct wr *w, const struct hdlc_frame *f)
{
	size_t length = 2u + f->to.len + f->from.len + 1 + CRC_LEN, start = w->len + 1;

	if (f->info_len > 0)
		length += f->info_len + CRC_LEN;
	if (length > LENGTH_MOST) {
		w->failed = true;
		return;
	}
	wr_u8(w, HDLC_FLAG);
	wr_u8(w, (uint8_t)(FORMAT_TYPE | (f->segmented ? FORMAT_SEGMENT : 0) | length >> 8));
	wr_u8(w, (uint8_t)length);
	wr_bytes(w, f->to.octets, f->to.len);
	wr_bytes(w, f->from.octets, f->from.len);
	wr_u8(w, control_of(f));
	if (f->info_len > 0) {
		if (wr_ok(w))
			wr_u16_le(w, hdlc_crc(w->buf + start, w->len - start));
		wr_bytes(w, f->info, f->info_len);
	}
	if (wr_ok(w))
		wr_u16_le(w, hdlc_crc(w->buf + start, w->len - start));
	wr_u8(w, HDLC_FLAG);
}

/* The octets between the flags, whose FCS is good. */
static int
parse_body(const uint8_t *p, size_t len, struct hdlc_frame *f)
{
	struct rd r = rd_init(p, len - CRC_LEN);
	size_t head;

	f->segmented = (rd_u8(&r) & FORMAT_SEGMENT) != 0;
	rd_skip(&r, 1);
	if (!take_address(&r, &f->to) || !take_address(&r, &f->from) || rd_left(&r) == 0)
		return E_FRAME;
	parse_control(rd_u8(&r), f);
	if (rd_left(&r) == 0)
		return E_OK;
	head = (size_t)(r.p - p);
	if (hdlc_crc(p, head) != rd_u16_le(&r) || rd_failed(&r))
		return E_CHECKSUM;
	f->info_len = rd_left(&r);
	f->info = rd_take(&r, f->info_len);
	return E_OK;
}

/* Length of the frame behind the flags at the beginning of p; 0: noise; `flags` of them stand there.
 * *need is how many bytes must be there to tell or to have it whole, the closing flag included. */
static size_t
frame_length(const uint8_t *p, size_t len, size_t *flags, size_t *need)
{
	size_t at = 0, length;

	while (at < len && p[at] == HDLC_FLAG)
		at++;
	*flags = at;
	*need = at + 2;
	if (at < len && (p[at] & FORMAT_TYPE_MASK) != FORMAT_TYPE)
		return 0;
	if (len < at + 2)
		return LENGTH_LEAST;
	length = (size_t)(p[at] & LENGTH_HIGH) << 8 | p[at + 1];
	*need = at + length + 1;
	return length < LENGTH_LEAST ? 0 : length;
}

int
hdlc_parse(const uint8_t *p, size_t len, size_t *used, struct hdlc_frame *f)
{
	size_t at = 0, flags, need, length;
	int rc;

	*f = (struct hdlc_frame){ .kind = HDLC_UNKNOWN };
	while (at < len && p[at] != HDLC_FLAG)
		at++;
	*used = at;
	if (at > 0)
		return E_FRAME;
	length = frame_length(p, len, &flags, &need);
	if (length == 0) {
		/* The flags may open another frame, but not the octet behind them. */
		*used = flags;
		return E_FRAME;
	}
	if (len < need)
		return E_NODATA;
	if (p[need - 1] != HDLC_FLAG) {
		*used = flags;
		return E_FRAME;
	}
	*used = need - 1;
	if (hdlc_crc(p + flags, length - CRC_LEN) !=
	    (p[flags + length - 2] | (unsigned)p[flags + length - 1] << 8))
		return E_CHECKSUM;
	rc = parse_body(p + flags, length, f);
	return rc;
}

int
hdlc_reject(const struct hdlc_frame *f, struct hdlc_reject *out)
{
	struct rd r = rd_init(f->info, f->info_len);
	uint8_t numbers, why;

	out->control = rd_u8(&r);
	numbers = rd_u8(&r);
	why = rd_u8(&r);
	out->vs = numbers >> 1 & 7;
	out->vr = numbers >> 5;
	out->unknown_control = why & 1;
	out->no_info_allowed = why >> 1 & 1;
	out->too_long = why >> 2 & 1;
	out->bad_number = why >> 3 & 1;
	return f->kind != HDLC_FRMR || rd_failed(&r) ? E_FRAME : E_OK;
}

/* ---- link parameters ---- */

static void
put_info(struct wr *w, uint8_t id, uint16_t value)
{
	wr_u8(w, id);
	wr_u8(w, 2);
	wr_u16_be(w, value);
}

static void
put_window(struct wr *w, uint8_t id, uint8_t value)
{
	wr_u8(w, id);
	wr_u8(w, 4);
	wr_u32_be(w, value);
}

void
hdlc_put_limits(struct wr *w, const struct hdlc_limits *l)
{
	wr_u8(w, LIMITS_FORMAT);
	wr_u8(w, LIMITS_GROUP);
	wr_u8(w, 20);
	put_info(w, INFO_TX, l->info_tx);
	put_info(w, INFO_RX, l->info_rx);
	put_window(w, WINDOW_TX, l->window_tx);
	put_window(w, WINDOW_RX, l->window_rx);
}

static uint32_t
clamp(uint32_t value, uint32_t least, uint32_t most)
{
	return value < least ? least : value > most ? most : value;
}

int
hdlc_parse_limits(const uint8_t *info, size_t len, struct hdlc_limits *l)
{
	struct rd r = rd_init(info, len);

	*l = hdlc_limits_plain;
	if (len == 0)
		return E_OK;
	if (rd_u8(&r) != LIMITS_FORMAT)
		return E_FRAME;
	rd_skip(&r, 2);
	while (rd_left(&r) > 0) {
		uint8_t id = rd_u8(&r), n = rd_u8(&r);
		uint32_t value = 0;

		if (n > 4)
			return E_FRAME;
		for (; n > 0; n--)
			value = value << 8 | rd_u8(&r);
		if (id == INFO_TX)
			l->info_tx = (uint16_t)clamp(value, HDLC_INFO_MIN, HDLC_INFO_MAX);
		else if (id == INFO_RX)
			l->info_rx = (uint16_t)clamp(value, HDLC_INFO_MIN, HDLC_INFO_MAX);
		else if (id == WINDOW_TX)
			l->window_tx = (uint8_t)clamp(value, 1, HDLC_WINDOW_MAX);
		else if (id == WINDOW_RX)
			l->window_rx = (uint8_t)clamp(value, 1, HDLC_WINDOW_MAX);
	}
	return rd_failed(&r) ? E_FRAME : E_OK;
}

struct hdlc_limits
hdlc_agree(const struct hdlc_limits *ours, const struct hdlc_limits *theirs)
{
	struct hdlc_limits l = *ours;

	if (theirs->info_rx < l.info_tx)
		l.info_tx = theirs->info_rx;
	if (theirs->info_tx < l.info_rx)
		l.info_rx = theirs->info_tx;
	if (theirs->window_rx < l.window_tx)
		l.window_tx = theirs->window_rx;
	if (theirs->window_tx < l.window_rx)
		l.window_rx = theirs->window_tx;
	return l;
}

/* ---- framer (3.7) ---- */

/* A damaged frame that still names us as its destination is worth an immediate repeat. */
static struct framing
damaged(const struct hdlc_expect *e, const uint8_t *rx, size_t used)
{
	size_t at = 0;

	while (at < used && rx[at] == HDLC_FLAG)
		at++;
	if (used - at > 2u + e->to.len && memcmp(rx + at + 2, e->to.octets, e->to.len) == 0)
		return (struct framing){ FRAME_DAMAGED, used };
	return (struct framing){ FRAME_NOISE, used };
}

struct framing
hdlc_framer(const void *hint, const uint8_t *rx, size_t len)
{
	const struct hdlc_expect *e = hint;
	struct hdlc_frame f;
	size_t at = 0, used, flags, need;

	for (;;) {
		int rc = hdlc_parse(rx + at, len - at, &used, &f);

		if (rc == E_NODATA && at == 0) {
			frame_length(rx, len, &flags, &need);
			return (struct framing){ FRAME_MORE, need - len };
		}
		if (rc == E_NODATA && len - at <= 1) /* the closing flag of what was approved so far */
			return (struct framing){ FRAME_SILENT, at + 1 };
		if (rc == E_NODATA) {
			frame_length(rx + at, len - at, &flags, &need);
			return (struct framing){ FRAME_MORE, need - (len - at) };
		}
		if (at > 0 && rc == E_FRAME)
			return (struct framing){ FRAME_SILENT, at + 1 };
		if (rc == E_FRAME)
			return (struct framing){ FRAME_NOISE, used > 0 ? used : 1 };
		if (rc == E_CHECKSUM)
			return at > 0 ? (struct framing){ FRAME_DAMAGED, at + used } :
					damaged(e, rx, used);
		if (!hdlc_address_equal(&f.to, &e->to) || !hdlc_address_equal(&f.from, &e->from) ||
		    f.kind == HDLC_UI)
			return (struct framing){ at > 0 ? FRAME_SILENT : FRAME_FOREIGN,
				at > 0 ? at + 1 : used };
		at += used;
		if (f.final)
			return (struct framing){ FRAME_WHOLE, at + 1 };
	}
}
