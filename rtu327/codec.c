#include "rtu327/codec.h"

#include <string.h>

#include "src/base/checksum.h"

const char *const rtu327_channel_names[RTU327_CHANNELS] = { "A+", "A-", "R+", "R-" };

const char *
rtu327_command_name(unsigned code)
{
	switch (code) {
#define ROW(id, number, name, layout) case number: return name;
	RTU327_COMMANDS(ROW)
#undef ROW
	}
	return "?";
}

const char *
rtu327_result_text(unsigned code)
{
	switch (code) {
#define ROW(id, number, text) case number: return text;
	RTU327_RESULTS(ROW)
#undef ROW
	}
	return "unknown result";
}

enum rtu327_result
rtu327_result_of(enum uspd_err err)
{
	switch (err) {
	case E_OK:
		return RTU327_OK;
	case E_NODATA:
		return RTU327_NO_MORE_DATA;
	case E_NOTFOUND:
		return RTU327_NO_METER;
	case E_INVALID:
	case E_FRAME:
		return RTU327_BAD_PARAMETERS;
	case E_UNSUPPORTED:
		return RTU327_BAD_COMMAND;
	case E_CHECKSUM:
		return RTU327_BAD_CRC;
	case E_TIMEOUT:
	case E_BUSY:
	case E_IO:
	case E_FULL:
	case E_READONLY:
	case E_CORRUPT:
	case E_VERSION:
		return RTU327_DATABASE_ERROR;
	case E_DENIED:
	case E_FOREIGN:
	case E_REFUSED:
	case E_METER:
	case E_LOST:
	case E_PREEMPTED:
	case E_STOPPED:
	case E_NODRIVER:
	case E_EXISTS:
	case E_LIMIT:
	case E_NOMEM:
	case E_INTERNAL:
		return RTU327_SERVER_ERROR;
	}
	return RTU327_SERVER_ERROR;
}

/* ---- frames ---- */

int
rtu327_frame_open(const uint8_t *body, size_t len, struct rtu327_frame *frame)
{
	struct rd r = rd_init(body, len);

	*frame = (struct rtu327_frame){ 0 };
	rd_bytes(&r, frame->number, sizeof(frame->number));
	rd_bytes(&r, frame->password, sizeof(frame->password));
	rd_bytes(&r, frame->reserved, sizeof(frame->reserved));
	frame->code = rd_u8(&r);
	frame->len = rd_left(&r);
	frame->data = rd_take(&r, frame->len);
	return rd_failed(&r) ? E_FRAME : E_OK;
}

int
rtu327_frame_read(const uint8_t *bytes, size_t len, bool crc_unsigned,
    struct rtu327_frame *frame, size_t *used)
{
	struct rd r = rd_init(bytes, len);
	uint8_t start = rd_u8(&r);
	size_t n = rd_u16_be(&r);
	const uint8_t *body;
	uint16_t sum;
	int rc;

	*used = RTU327_PREFIX;
	if (len > 0 && start != RTU327_START)
		return E_FRAME;
	if (rd_failed(&r))
		return E_NODATA;
	if (n < RTU327_HEADER)
		return E_FRAME;
	*used = n + RTU327_OVERHEAD;
	body = rd_take(&r, n);
	sum = rd_u16_be(&r);
	if (rd_failed(&r))
		return E_NODATA;
	rc = rtu327_frame_open(body, n, frame);
	if (rc == E_OK && crc16_rtu327(body, n, !crc_unsigned) != sum)
		rc = E_CHECKSUM;
	return rc;
}

size_t
rtu327_frame_begin(struct wr *w, const struct rtu327_frame *frame)
{
	size_t at = w->len;

	wr_u8(w, RTU327_START);
	wr_u16_be(w, 0);
	wr_bytes(w, frame->number, sizeof(frame->number));
	wr_bytes(w, frame->password, sizeof(frame->password));
	wr_bytes(w, frame->reserved, sizeof(frame->reserved));
	wr_u8(w, frame->code);
	return at;
}

void
rtu327_frame_end(struct wr *w, size_t at, bool crc_unsigned)
{
	struct wr length;
	size_t n;

	if (!wr_ok(w))
		return;
	n = w->len - at - RTU327_PREFIX;
	if (n > RTU327_BODY_MOST) {
		w->failed = true;
		return;
	}
	length = wr_init(w->buf + at + 1, 2);
	wr_u16_be(&length, (uint16_t)n);
	wr_u16_be(w, crc16_rtu327(w->buf + at + RTU327_PREFIX, n, !crc_unsigned));
}

/* ---- requests ---- */

unsigned
rtu327_channels(uint8_t mask)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RTU327_CHANNELS; i++)
		n += mask >> i & 1;
	return n;
}

/* BCD5, most significant digits first.  A digit above 9 fails the reader. */
static void
get_serial(struct rd *r, char serial[RTU327_DIGITS + 1])
{
	for (size_t i = 0; i < RTU327_DIGITS; i += 2) {
		int pair = bcd_decode(rd_u8(r));

		if (pair < 0) {
			r->failed = true;
			pair = 0;
		}
		serial[i] = (char)('0' + pair / 10);
		serial[i + 1] = (char)('0' + pair % 10);
	}
	serial[RTU327_DIGITS] = '\0';
}

static bool
is_serial(const char *serial)
{
	size_t digits = strlen(serial);

	return digits <= RTU327_DIGITS && strspn(serial, "0123456789") == digits;
}

static void
put_serial(struct wr *w, const char *serial)
{
	size_t digits = strlen(serial);

	for (size_t i = 0; i < RTU327_DIGITS; i += 2) {
		unsigned pair = 0;

		for (size_t j = i; j < i + 2; j++)
			if (j + digits >= RTU327_DIGITS)
				pair = pair * 10 + (unsigned)(serial[j + digits - RTU327_DIGITS] - '0');
		wr_u8(w, bcd_encode(pair));
	}
}

static void
get_log_request(struct rd *r, struct rtu327_request *q)
{
	bool is_short = rd_left(r) == 9;
	struct rd big = *r;

	if (rd_u32_be(&big) == 1) {
		q->form = is_short ? RTU327_LOG_BE_SHORT : RTU327_LOG_BE;
		q->section = rd_u32_be(r);
		q->id = rd_u32_be(r);
		q->count = is_short ? rd_u8(r) : rd_u16_be(r);
	} else {
		q->form = is_short ? RTU327_LOG_LE_SHORT : RTU327_LOG_LE;
		q->section = rd_u32_le(r);
		q->id = rd_u32_le(r);
		q->count = is_short ? rd_u8(r) : rd_u16_le(r);
	}
}

static void
put_log_request(struct wr *w, const struct rtu327_request *q)
{
	bool big = q->form == RTU327_LOG_BE || q->form == RTU327_LOG_BE_SHORT;

	(big ? wr_u32_be : wr_u32_le)(w, q->section);
	(big ? wr_u32_be : wr_u32_le)(w, q->id);
	if (q->form == RTU327_LOG_LE_SHORT || q->form == RTU327_LOG_BE_SHORT)
		wr_u8(w, (uint8_t)q->count);
	else
		(big ? wr_u16_be : wr_u16_le)(w, q->count);
}

/* Letters of the parameters of a command, NULL when it is not one of ours. */
static const char *
layout_of(uint8_t command)
{
	switch (command) {
#define ROW(id, number, name, layout) case number: return layout;
	RTU327_COMMANDS(ROW)
#undef ROW
	}
	return NULL;
}

static void
get_field(struct rd *r, char field, struct rtu327_request *q)
{
	switch (field) {
	case 'N': get_serial(r, q->serial); break;
	case 'M': q->mask = rd_u8(r); break;
	case 'I': q->interval_min = rd_u8(r); break;
	case 't': q->time = rd_u32_le(r); break;
	case 'C': q->count = rd_u16_le(r); break;
	case 'c': q->count = rd_u8(r); break;
	case 'k': q->channel = rd_u8(r); break;
	case 's': q->section = rd_u8(r); break;
	case 'd': q->delta_s = (int32_t)rd_u32_le(r); break;
	case 'L': get_log_request(r, q); break;
	}
}

static void
put_field(struct wr *w, char field, const struct rtu327_request *q)
{
	switch (field) {
	case 'N': put_serial(w, q->serial); break;
	case 'M': wr_u8(w, q->mask); break;
	case 'I': wr_u8(w, q->interval_min); break;
	case 't': wr_u32_le(w, q->time); break;
	case 'C': wr_u16_le(w, q->count); break;
	case 'c': wr_u8(w, (uint8_t)q->count); break;
	case 'k': wr_u8(w, q->channel); break;
	case 's': wr_u8(w, (uint8_t)q->section); break;
	case 'd': wr_u32_le(w, (uint32_t)q->delta_s); break;
	case 'L': put_log_request(w, q); break;
	}
}

int
rtu327_decode_request(const struct rtu327_frame *frame, struct rtu327_request *out)
{
	const char *layout = layout_of(frame->code);
	struct rd r = rd_init(frame->data, frame->len);
	struct rtu327_request q = { .frame = *frame };

	*out = q;
	if (layout == NULL)
		return E_UNSUPPORTED;
	for (; *layout != '\0'; layout++)
		get_field(&r, *layout, &q);
	if (!rd_done(&r))
		return E_INVALID;
	*out = q;
	return E_OK;
}

bool
rtu327_request_sound(const struct rtu327_request *q)
{
	switch (q->frame.code) {
	case RTU327_GETMAXLOGID:
		return q->section == 1;
	case RTU327_GETLOG:
		return q->section == 1 && q->count > 0;
	case RTU327_GETPOK:
		return rtu327_channels(q->mask) > 0;
	case RTU327_GETLP:
	case RTU327_GETSHORTLP:
		return rtu327_channels(q->mask) > 0 && q->count > 0;
	case RTU327_GETAUTOREAD:
		return q->channel >= 1 && q->channel <= RTU327_CHANNELS && q->count > 0;
	case RTU327_GETTESTS:
	case RTU327_GETMTRLOG:
		return q->count > 0;
	default:
		return true;
	}
}

int
rtu327_encode_request(struct wr *w, const struct rtu327_request *q, bool crc_unsigned)
{
	const char *layout = layout_of(q->frame.code);
	size_t at = rtu327_frame_begin(w, &q->frame);

	if (layout == NULL)
		return E_UNSUPPORTED;
	if (*layout == 'N' && !is_serial(q->serial))
		return E_INVALID;
	for (; *layout != '\0'; layout++)
		put_field(w, *layout, q);
	rtu327_frame_end(w, at, crc_unsigned);
	return wr_ok(w) ? E_OK : E_LIMIT;
}
