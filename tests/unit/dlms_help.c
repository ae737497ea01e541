#include "tests/unit/dlms_help.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "meters/dlms/wrapper_codec.h"

enum { FRAME_SIZE = 4096, APDU_SIZE = 16 * 1024 };

static uint8_t sent[DLMS_STEPS_MAX][FRAME_SIZE], given[DLMS_STEPS_MAX][FRAME_SIZE];
static uint8_t answers[APDU_SIZE], frames[FRAME_SIZE];

size_t
dlms_hex(uint8_t *to, size_t size, const char *hex)
{
	size_t n = 0;
	unsigned byte;

	for (; *hex != '\0'; hex += *hex == ' ' ? 1 : 2)
		if (*hex != ' ') {
			ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
			ck_assert_uint_lt(n, size);
			to[n++] = (uint8_t)byte;
		}
	return n;
}

struct octets
dlms_octets(const char *hex)
{
	static uint8_t bufs[8][FRAME_SIZE];
	static unsigned next;
	uint8_t *buf = bufs[next++ % 8];

	return (struct octets){ buf, dlms_hex(buf, FRAME_SIZE, hex) };
}

void
dlms_script_begin(struct dlms_script *s)
{
	memset(s, 0, sizeof(*s));
	s->client = (struct hdlc_address){ { 32 << 1 | 1 }, 1 };
	s->info = 128;
	ck_assert_int_eq(hdlc_address(&s->server, 1, 16, 0), E_OK);
}

static void
add(struct dlms_script *s, const struct wr *tx, const struct wr *rx)
{
	struct script_step *step = &s->steps[s->n++];

	ck_assert_uint_lt(s->n, DLMS_STEPS_MAX);
	ck_assert(wr_ok(tx) && wr_ok(rx));
	*step = (struct script_step){ .tx = tx->buf,
		.tx_len = tx->len,
		.rx = rx->buf,
		.rx_len = rx->len };
}

static struct wr
tx_writer(struct dlms_script *s)
{
	return wr_init(sent[s->n], FRAME_SIZE);
}

static struct wr
rx_writer(struct dlms_script *s)
{
	return wr_init(given[s->n], FRAME_SIZE);
}

void
dlms_script_raw(struct dlms_script *s, const char *tx, const char *rx)
{
	struct wr t = tx_writer(s), r = rx_writer(s);

	t.len = dlms_hex(t.buf, t.size, tx);
	r.len = dlms_hex(r.buf, r.size, rx);
	add(s, &t, &r);
}

static void
ours(struct dlms_script *s, struct wr *w, enum hdlc_kind kind, struct octets info, bool segmented)
{
	struct hdlc_frame f = { .to = s->server, .from = s->client, .kind = kind, .final = true,
		.ns = s->vs, .nr = s->vr, .info = info.p, .info_len = info.len,
		.segmented = segmented };

	hdlc_put(w, &f);
}

static void
theirs(struct dlms_script *s, struct wr *w, enum hdlc_kind kind, struct octets info, bool segmented)
{
	struct hdlc_frame f = { .to = s->client, .from = s->server, .kind = kind, .final = true,
		.ns = s->vr, .nr = s->vs, .info = info.p, .info_len = info.len,
		.segmented = segmented };

	hdlc_put(w, &f);
}

void
dlms_script_connect(struct dlms_script *s, bool plain)
{
	const struct hdlc_limits ours_limits = { 128, 1024, 1, 1 };
	struct wr t = tx_writer(s), r = rx_writer(s);
	uint8_t info[32];
	struct wr w = wr_init(info, sizeof(info));

	if (!plain)
		hdlc_put_limits(&w, &ours_limits);
	s->vs = s->vr = 0;
	ours(s, &t, HDLC_SNRM, (struct octets){ info, w.len }, false);
	theirs(s, &r, HDLC_UA, (struct octets){ 0 }, false);
	add(s, &t, &r);
}

void
dlms_script_disconnect(struct dlms_script *s)
{
	dlms_script_turn(s, HDLC_DISC, NULL, HDLC_UA);
}

static struct octets
with_llc(const char *hex, uint8_t middle)
{
	static uint8_t bufs[2][FRAME_SIZE];
	static unsigned next;
	uint8_t *buf = bufs[next++ % 2];

	buf[0] = 0xe6;
	buf[1] = middle;
	buf[2] = 0x00;
	return (struct octets){ buf, 3 + dlms_hex(buf + 3, FRAME_SIZE - 3, hex) };
}

void
dlms_script_turn(struct dlms_script *s, enum hdlc_kind kind, const char *tx, enum hdlc_kind answer)
{
	struct wr t = tx_writer(s), r = rx_writer(s);

	ours(s, &t, kind, tx != NULL ? with_llc(tx, 0xe6) : (struct octets){ 0 }, false);
	theirs(s, &r, answer, (struct octets){ 0 }, false);
	add(s, &t, &r);
}

void
dlms_script_silence(struct dlms_script *s, enum hdlc_kind kind, const char *tx)
{
	struct wr t = tx_writer(s), r = rx_writer(s);

	ours(s, &t, kind, tx != NULL ? with_llc(tx, 0xe6) : (struct octets){ 0 }, false);
	add(s, &t, &r);
}

void
dlms_script_apdu(struct dlms_script *s, const char *tx, const char *rx)
{
	struct octets out = with_llc(tx, 0xe6), in = with_llc(rx, 0xe7);
	struct wr t = tx_writer(s), r;

	for (; out.len > 128; out.p += 128, out.len -= 128) {
		ours(s, &t, HDLC_I, (struct octets){ out.p, 128 }, true);
		s->vs = (s->vs + 1) & 7;
		r = rx_writer(s);
		theirs(s, &r, HDLC_RR, (struct octets){ 0 }, false);
		add(s, &t, &r);
		t = tx_writer(s);
	}
	ours(s, &t, HDLC_I, out, false);
	s->vs = (s->vs + 1) & 7;
	for (;;) {
		size_t n = in.len < s->info ? in.len : s->info;

		r = rx_writer(s);
		theirs(s, &r, HDLC_I, (struct octets){ in.p, n }, n < in.len);
		s->vr = (s->vr + 1) & 7;
		add(s, &t, &r);
		in.p += n;
		in.len -= n;
		if (in.len == 0)
			return;
		t = tx_writer(s);
		ours(s, &t, HDLC_RR, (struct octets){ 0 }, false);
	}
}

void
dlms_script_wrapped(struct dlms_script *s, const char *tx, const char *rx)
{
	struct wr t = tx_writer(s), r = rx_writer(s);
	uint8_t buf[FRAME_SIZE];

	wrapper_put(&t, 32, 1, buf, dlms_hex(buf, sizeof(buf), tx));
	if (rx != NULL)
		wrapper_put(&r, 1, 32, buf, dlms_hex(buf, sizeof(buf), rx));
	add(s, &t, &r);
}

void
dlms_script_reader(struct dlms_script *s, unsigned conformance, unsigned peer_pdu)
{
	char rx[128];

	snprintf(rx, sizeof(rx),
	    "6129A109060760857405080101A203020100A305A103020100BE10040E0800065F1F0400%06X%04X0007",
	    conformance, peer_pdu);
	dlms_script_apdu(s,
	    "6034A1090607608574050801018A0207808B0760857405080201AC088006313131313131"
	    "BE10040E01000000065F1F0400001A1D2000",
	    rx);
}

void
dlms_client_begin(struct dlms *d, struct line **line, struct dlms_script *s)
{
	static const struct line_settings settings = { 9600, 8, PARITY_NONE, 1 };
	static const struct line_timing timing = { .answer_ms = 100, .gap_ms = 5, .tries = 3 };

	ck_assert_int_eq(line_open_script(line, s->steps, s->n), E_OK);
	ck_assert_int_eq(line_configure(*line, &settings, &timing, SOFT_NONE), E_OK);
	*d = (struct dlms){
		.line = *line, .apdu = answers, .apdu_size = sizeof(answers), .frame = frames,
		.frame_size = sizeof(frames), .server = s->server, .logical = 1, .client = 32,
		.context = CONTEXT_PLAIN, .mechanism = MECHANISM_LLS, .secret = "111111",
		.secret_len = 6,
		.propose = { 128, 1024, 1, 1 }, .plain_limits = true,
		.conformance = DLMS_CONFORMANCE, .max_pdu = DLMS_MAX_PDU,
	};
}

void
dlms_client_finish(struct line *line, const struct dlms_script *s)
{
	ck_assert_msg(line_script_error(line) == NULL, "%s", line_script_error(line));
	ck_assert_uint_eq(line_script_played(line), s->n);
	line_close(line);
}
