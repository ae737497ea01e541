#include "meters/iec61107.h"

#include <string.h>

#include "src/base/checksum.h"

uint8_t
iec_bcc(enum iec_bcc mode, const uint8_t *data, size_t len)
{
	return mode == IEC_BCC_XOR ? xor7(data, len) : sum7(data, len);
}

static bool
bcc_matches(enum iec_bcc mode, const uint8_t *data, size_t len, uint8_t got)
{
	return (mode != IEC_BCC_XOR && sum7(data, len) == got) ||
	    (mode != IEC_BCC_ADD && xor7(data, len) == got);
}

struct iec_text
iec_text(const char *s)
{
	return (struct iec_text){ (const uint8_t *)s, strlen(s) };
}

bool
iec_text_is(struct iec_text t, const char *s)
{
	return strlen(s) == t.len && (t.len == 0 || memcmp(t.p, s, t.len) == 0);
}

void
iec_text_copy(struct iec_text t, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < t.len && n + 1 < size; i++)
		if (t.p[i] >= 0x20 && t.p[i] < 0x7F)
			to[n++] = (char)t.p[i];
	if (size > 0)
		to[n] = '\0';
}

/* ---- building ---- */

void
iec_put_sign_on(struct wr *w, const char *address)
{
	wr_text(w, "/?");
	wr_text(w, address);
	wr_text(w, "!\r\n");
}

void
iec_put_option(struct wr *w, char baud, char mode)
{
	wr_u8(w, IEC_ACK);
	wr_u8(w, '0');
	wr_u8(w, (uint8_t)baud);
	wr_u8(w, (uint8_t)mode);
	wr_text(w, "\r\n");
}

/* Ends the telegram that began with SOH at `start`. */
static void
put_tail(struct wr *w, enum iec_bcc mode, size_t start)
{
	wr_u8(w, IEC_ETX);
	if (wr_ok(w))
		wr_u8(w, iec_bcc(mode, w->buf + start + 1, w->len - start - 1));
}

void
iec_put_command(struct wr *w, enum iec_bcc mode, const char *command, struct iec_text text)
{
	size_t start = w->len;

	wr_u8(w, IEC_SOH);
	wr_text(w, command);
	wr_u8(w, IEC_STX);
	wr_bytes(w, text.p, text.len);
	put_tail(w, mode, start);
}

void
iec_put_break(struct wr *w, enum iec_bcc mode)
{
	size_t start = w->len;

	wr_u8(w, IEC_SOH);
	wr_text(w, "B0");
	put_tail(w, mode, start);
}

void
iec_put_sessionless(struct wr *w, enum iec_bcc mode, const char *address, const char *command,
    struct iec_text text)
{
	wr_text(w, "/?");
	wr_text(w, address);
	wr_text(w, "!");
	iec_put_command(w, mode, command, text);
}

/* ---- taking apart ---- */

static bool
is_letter(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool
is_printable(uint8_t c)
{
	return c >= 0x20 && c < 0x7F;
}

static bool
is_address_char(uint8_t c)
{
	return is_digit(c) || is_letter(c) || c == ' ';
}

/* Index of the first byte equal to a or b at or after i; len when none. */
static size_t
find(const uint8_t *p, size_t len, size_t i, uint8_t a, uint8_t b)
{
	while (i < len && p[i] != a && p[i] != b)
		i++;
	return i;
}

static bool
take_crlf(struct rd *r)
{
	uint8_t cr = rd_u8(r);
	uint8_t lf = rd_u8(r);

	return cr == '\r' && lf == '\n' && rd_done(r);
}

static int
parse_ident(struct rd *r, struct iec_telegram *t)
{
	size_t len;

	t->kind = IEC_KIND_IDENT;
	for (int i = 0; i < 3; i++) {
		t->vendor[i] = (char)rd_u8(r);
		if (!is_letter((uint8_t)t->vendor[i]))
			return E_FRAME;
	}
	t->baud = (char)rd_u8(r);
	while (rd_left(r) > 2 && r->p[0] == '\\') {
		rd_skip(r, 1);
		t->hdlc |= rd_u8(r) == '2';
	}
	if (rd_failed(r) || rd_left(r) < 2)
		return E_FRAME;
	len = rd_left(r) - 2;
	t->ident = (struct iec_text){ rd_take(r, len), len };
	for (size_t i = 0; i < len; i++)
		if (!is_printable(t->ident.p[i]))
			return E_FRAME;
	return take_crlf(r) ? E_OK : E_FRAME;
}

static int parse_command(struct rd *, enum iec_bcc, struct iec_telegram *);

static int
parse_sign_on(struct rd *r, enum iec_bcc mode, struct iec_telegram *t)
{
	size_t len = find(r->p, rd_left(r), 0, '!', '!');

	if (len > IEC_ADDRESS_MAX || len == rd_left(r))
		return E_FRAME;
	t->address = (struct iec_text){ rd_take(r, len), len };
	for (size_t i = 0; i < len; i++)
		if (!is_address_char(t->address.p[i]))
			return E_FRAME;
	rd_skip(r, 1);
	if (rd_left(r) > 2) {
		int rc = parse_command(r, mode, t);

		t->kind = IEC_KIND_SESSIONLESS;
		return rc;
	}
	t->kind = IEC_KIND_SIGN_ON;
	return take_crlf(r) ? E_OK : E_FRAME;
}

static int
parse_option(struct rd *r, struct iec_telegram *t)
{
	if (rd_left(r) == 0) {
		t->kind = IEC_KIND_ACK;
		return E_OK;
	}
	t->kind = IEC_KIND_OPTION;
	if (rd_u8(r) > '9')
		return E_FRAME;
	t->baud = (char)rd_u8(r);
	t->mode = (char)rd_u8(r);
	if (!is_digit((uint8_t)t->baud) || !is_digit((uint8_t)t->mode))
		return E_FRAME;
	return take_crlf(r) ? E_OK : E_FRAME;
}

/* From the byte after SOH or STX: checks the end and the checksum, leaves r on the text. */
static int
check_tail(struct rd *r, enum iec_bcc mode, struct iec_telegram *t)
{
	size_t len = rd_left(r);
	size_t end = find(r->p, len, 0, IEC_ETX, IEC_EOT);

	if (end + 2 != len)
		return E_FRAME;
	t->partial = r->p[end] == IEC_EOT;
	if (!bcc_matches(mode, r->p, end + 1, r->p[end + 1]))
		return E_CHECKSUM;
	r->end = r->p + end;
	return E_OK;
}

static int
parse_answer(struct rd *r, enum iec_bcc mode, struct iec_telegram *t)
{
	int rc = check_tail(r, mode, t);
	size_t len = rd_left(r);

	t->kind = IEC_KIND_ANSWER;
	if (rc == E_OK)
		t->body = (struct iec_text){ rd_take(r, len), len };
	return rc;
}

static int
parse_command(struct rd *r, enum iec_bcc mode, struct iec_telegram *t)
{
	int rc;
	size_t len;

	if (rd_u8(r) != IEC_SOH)
		return E_FRAME;
	rc = check_tail(r, mode, t);
	if (rc < 0)
		return rc;
	t->command[0] = (char)rd_u8(r);
	t->command[1] = (char)rd_u8(r);
	if (rd_failed(r) || t->partial)
		return E_FRAME;
	if (rd_left(r) == 0) {
		t->kind = IEC_KIND_BREAK;
		return memcmp(t->command, "B0", 2) == 0 ? E_OK : E_FRAME;
	}
	t->kind = IEC_KIND_COMMAND;
	if (rd_u8(r) != IEC_STX)
		return E_FRAME;
	len = rd_left(r);
	t->body = (struct iec_text){ rd_take(r, len), len };
	return E_OK;
}

int
iec_parse(const uint8_t *data, size_t len, enum iec_bcc mode, struct iec_telegram *t)
{
	struct rd r = rd_init(data, len);

	memset(t, 0, sizeof *t);
	if (len == 0 || len > IEC_FRAME_MAX)
		return E_FRAME;
	if (data[0] == IEC_SOH)
		return parse_command(&r, mode, t);
	switch (rd_u8(&r)) {
	case '/':
		if (rd_left(&r) > 0 && r.p[0] == '?') {
			rd_skip(&r, 1);
			return parse_sign_on(&r, mode, t);
		}
		return parse_ident(&r, t);
	case IEC_ACK:
		return parse_option(&r, t);
	case IEC_NAK:
		t->kind = IEC_KIND_NAK;
		return rd_done(&r) ? E_OK : E_FRAME;
	case IEC_STX:
		return parse_answer(&r, mode, t);
	default:
		return E_FRAME;
	}
}

/* ---- values ---- */

struct iec_walk
iec_walk(struct iec_text body)
{
	return (struct iec_walk){ .r = rd_init(body.p, body.len) };
}

int
iec_next(struct iec_walk *w, struct iec_value *value)
{
	size_t len, close;

	/* Line ends between values, and the `!` that ends a read-out, carry nothing. */
	while (rd_left(&w->r) > 0 && strchr("\r\n!", w->r.p[0]) != NULL && w->r.p[0] != '\0')
		rd_skip(&w->r, 1);
	if (rd_left(&w->r) == 0)
		return 0;
	len = find(w->r.p, rd_left(&w->r), 0, '(', ')');
	if (len == rd_left(&w->r) || w->r.p[len] != '(')
		return E_FRAME;
	if (len > 0)
		w->name = (struct iec_text){ rd_take(&w->r, len), len };
	rd_skip(&w->r, 1);
	close = find(w->r.p, rd_left(&w->r), 0, ')', ')');
	if (close == rd_left(&w->r))
		return E_FRAME;
	value->name = w->name;
	value->text = (struct iec_text){ rd_take(&w->r, close), close };
	rd_skip(&w->r, 1);
	return 1;
}

int
iec_decimal(struct iec_text t, unsigned decimals, int64_t *value)
{
	size_t i = t.len > 0 && t.p[0] == '-';
	size_t first = i, digits_after = 0;
	int64_t v = 0;
	bool point = false, up = false;

	for (; i < t.len; i++) {
		if (t.p[i] == '.' && !point && i > first && i + 1 < t.len) {
			point = true;
			continue;
		}
		if (!is_digit(t.p[i]))
			return E_FRAME;
		if (point && digits_after++ >= decimals) {
			if (digits_after == decimals + 1)
				up = t.p[i] >= '5';
			continue;
		}
		if (v > (INT64_MAX - 9) / 10)
			return E_FRAME;
		v = v * 10 + (t.p[i] - '0');
	}
	if (i == first)
		return E_FRAME;
	for (; digits_after < decimals; digits_after++) {
		if (v > INT64_MAX / 10)
			return E_FRAME;
		v *= 10;
	}
	v += up;
	*value = first > 0 ? -v : v;
	return E_OK;
}

int
iec_number(struct iec_text t, uint32_t most, uint32_t *value)
{
	uint64_t v = 0;

	if (t.len == 0 || t.len > 10)
		return E_FRAME;
	for (size_t i = 0; i < t.len; i++) {
		if (!is_digit(t.p[i]))
			return E_FRAME;
		v = v * 10 + (unsigned)(t.p[i] - '0');
	}
	if (v > most)
		return E_FRAME;
	*value = (uint32_t)v;
	return E_OK;
}

/* ---- framers ---- */

/* What of the text after `/` cannot be an identification ends it as noise at once. */
struct framing
iec_ident_framer(const void *hint, const uint8_t *rx, size_t len)
{
	size_t i;

	(void)hint;
	if (len == 0)
		return (struct framing){ FRAME_MORE, 7 };
	if (rx[0] != '/')
		return (struct framing){ FRAME_NOISE, find(rx, len, 1, '/', '/') };
	for (i = 1; i < len && rx[i] != '\n'; i++) {
		bool good = i <= 3 ? is_letter(rx[i]) : is_printable(rx[i]) || rx[i] == '\r';

		if (!good || i >= IEC_IDENT_MAX)
			return (struct framing){ FRAME_NOISE, find(rx, len, 1, '/', '/') };
	}
	if (i == len)
		return (struct framing){ FRAME_MORE, len < 6 ? 7 - len : 1 };
	if (i < 6 || rx[i - 1] != '\r')
		return (struct framing){ FRAME_NOISE, i + 1 };
	return (struct framing){ FRAME_WHOLE, i + 1 };
}

static bool
may_start(const struct iec_expect *e, uint8_t c)
{
	return (c == IEC_SOH && e->soh) || (c == IEC_STX && e->stx) || (c == IEC_ACK && e->ack) ||
	    (c == IEC_NAK && e->nak);
}

/* Has the answer between STX at 0 and ETX at `end` a name nobody asked for? */
static bool
is_foreign(const struct iec_expect *e, const uint8_t *rx, size_t end)
{
	struct iec_text name = { rx + 1, find(rx, end, 1, '(', '(') - 1 };

	return rx[0] == IEC_STX && e->name != NULL && name.len > 0 && !iec_text_is(name, e->name) &&
	    (e->or_name == NULL || !iec_text_is(name, e->or_name));
}

struct framing
iec_framer(const void *hint, const uint8_t *rx, size_t len)
{
	const struct iec_expect *e = hint;
	size_t skip = 0, end;

	if (len == 0)
		return (struct framing){ FRAME_MORE, 1 };
	while (skip < len && !may_start(e, rx[skip]))
		skip++;
	if (skip > 0)
		return (struct framing){ FRAME_NOISE, skip };
	if (rx[0] == IEC_ACK)
		return (struct framing){ FRAME_WHOLE, 1 };
	/* A lone NAK is an answer; one with something behind it was noise. */
	if (rx[0] == IEC_NAK)
		return (struct framing){ len == 1 ? FRAME_SILENT : FRAME_NOISE, 1 };
	end = find(rx, len, 1, IEC_ETX, IEC_EOT);
	if (end + 2 > IEC_FRAME_MAX)
		return (struct framing){ FRAME_NOISE, len };
	if (end + 2 > len)
		return (struct framing){ FRAME_MORE, end + 2 - len };
	if (!bcc_matches(e->bcc, rx + 1, end, rx[end + 1]))
		return (struct framing){ FRAME_DAMAGED, end + 2 };
	return (struct framing){ is_foreign(e, rx, end) ? FRAME_FOREIGN : FRAME_WHOLE, end + 2 };
}
