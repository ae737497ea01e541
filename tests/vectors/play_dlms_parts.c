/* Single frames and values: dlms-frame, dlms-axdr. */
#include <stdio.h>
#include <string.h>

#include "meters/dlms/dlms.h"
#include "tests/vectors/play.h"
#include "tests/vectors/play_dlms.h"

enum { POLLING_CLIENT = 32, METER_LOGICAL = 1, METER_PHYSICAL = 16 };

/* ---- frames ---- */

static json_t *
limits_json(const struct hdlc_limits *l)
{
	return json_pack("{s:i,s:i,s:i,s:i}", "max_info_tx", l->info_tx, "max_info_rx", l->info_rx,
	    "window_tx", l->window_tx, "window_rx", l->window_rx);
}

static void
numbers(json_t *out, const struct hdlc_frame *f)
{
	struct hdlc_address again;
	unsigned logical;
	int physical;

	hdlc_address_numbers(&f->to, &logical, &physical);
	play_dlms_set_int(out, "client", f->from.octets[0] >> 1);
	play_dlms_set_int(out, "server_logical", logical);
	play_dlms_set(out, "server_physical",
	    physical == HDLC_NO_PHYSICAL ? json_null() : json_integer(physical));
	play_dlms_set_int(out, "server_octets", f->to.len);
	if (hdlc_address(&again, logical, physical, f->to.len) < 0 ||
	    !hdlc_address_equal(&again, &f->to))
		play_dlms_set(out, "server_octets", json_null());
}

static void
number_received(json_t *out, unsigned n)
{
	json_t *all = json_object_get(out, "N(R)");

	if (all == NULL) {
		play_dlms_set_int(out, "N(R)", n);
		return;
	}
	if (!json_is_array(all)) {
		all = json_pack("[O]", all);
		json_object_set(out, "N(R)", all);
		json_decref(all);
	}
	json_array_append_new(all, json_integer(n));
}

static void
put_reject(json_t *out, const struct hdlc_frame *f)
{
	struct hdlc_reject why;

	if (hdlc_reject(f, &why) < 0)
		return;
	play_dlms_set(out, "rejected_control", json_sprintf("%02X", why.control));
	play_dlms_set_int(out, "VS", why.vs);
	play_dlms_set_int(out, "VR", why.vr);
	play_dlms_set(out, "reason",
	    json_pack("{s:i,s:i,s:i,s:i}", "W", why.unknown_control, "X", why.no_info_allowed, "Y",
		why.too_long, "Z", why.bad_number));
}

static void
play_command(struct play_dlms *p, json_t *out, const struct play_octets *bytes, bool is_sent)
{
	static uint8_t buf[PLAY_DLMS_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct hdlc_limits limits;
	struct hdlc_frame f;
	size_t used;

	if (hdlc_parse(bytes->p, bytes->len, &used, &f) < 0)
		return;
	/* Of several frames only the first is built again. */
	hdlc_put(&w, &f);
	if (w.len > bytes->len || memcmp(buf, bytes->p, w.len) != 0)
		play_dlms_fault(p, "our codec builds another frame");
	if (is_sent)
		numbers(out, &f);
	if (f.kind == HDLC_RR || f.kind == HDLC_RNR || f.kind == HDLC_REJ)
		number_received(out, f.nr);
	if (f.kind == HDLC_RNR || f.kind == HDLC_REJ || f.kind == HDLC_FRMR)
		play_dlms_set(out, "frame",
		    json_string(f.kind == HDLC_RNR ? "RNR" :
			    f.kind == HDLC_REJ	   ? "REJ" :
						     "FRMR"));
	if (f.kind == HDLC_FRMR)
		put_reject(out, &f);
	if ((f.kind != HDLC_SNRM && f.kind != HDLC_UA) ||
	    hdlc_parse_limits(f.info, f.info_len, &limits) < 0)
		return;
	play_dlms_set(out, is_sent ? "request" : "answer", limits_json(&limits));
	if (is_sent) {
		json_t *l = limits_json(&limits);

		json_object_update(out, l);
		json_decref(l);
	}
}

static const char *
refusal(const struct framing *f, const uint8_t *p, size_t len)
{
	switch (f->verdict) {
	case FRAME_MORE:
		return "incomplete";
	case FRAME_FOREIGN:
		return "source address is not the polled meter";
	case FRAME_DAMAGED:
		/* One-octet client, two-octet meter: seven octets to the HCS. */
		return len > 9 && hdlc_crc(p + 1, 6) == (p[7] | p[8] << 8) ? "FCS" : "HCS and FCS";
	default:
		return "frame format type is not Ah";
	}
}

static void
play_ui(json_t *out, const uint8_t *p, size_t len)
{
	struct xdlms_answer a;
	struct cosem_time t;
	struct hdlc_frame f;
	size_t used;

	if (hdlc_parse(p, len, &used, &f) < 0 || f.kind != HDLC_UI || f.info_len < 3 ||
	    xdlms_parse(f.info + 3, f.info_len - 3, &a) < 0 || a.time.len != COSEM_TIME_LEN ||
	    cosem_time_parse(a.time.p, &t) < 0)
		return;
	play_dlms_set(out, "frame", json_string("UI"));
	play_dlms_set(out, "apdu",
	    json_pack("{s:s,s:o,s:o,s:o}", "apdu", "data-notification", "long_invoke",
		json_sprintf("%08X", a.counter), "time", play_dlms_civil(&t.t), "body",
		play_dlms_value_of(a.data.p, a.data.len)));
}

static void
put_apdu(json_t *out, const uint8_t *p, size_t len)
{
	static struct play_octets apdu;
	struct hdlc_frame f;
	size_t used;

	apdu.len = 0;
	for (; len > 1 && hdlc_parse(p, len, &used, &f) == E_OK; p += used, len -= used) {
		size_t skip = apdu.len == 0 && f.info_len > 3 ? 3 : 0;

		if (f.info_len > 0)
			memcpy(apdu.p + apdu.len, f.info + skip, f.info_len - skip);
		apdu.len += f.info_len > 0 ? f.info_len - skip : 0;
	}
	play_dlms_set(out, "apdu", play_dlms_hex_json(apdu.p, apdu.len));
}

/* What the framer of the line makes of it, polling meter 1/16 as client 32. */
static void
play_received(json_t *out, const struct play_octets *bytes)
{
	struct hdlc_expect expect = { .to = { { POLLING_CLIENT << 1 | 1 }, 1 } };
	const uint8_t *p = bytes->p;
	size_t len = bytes->len, flags = 0;
	struct framing f;
	bool ok;

	if (hdlc_address(&expect.from, METER_LOGICAL, METER_PHYSICAL, 0) < 0)
		return;
	f = hdlc_framer(&expect, p, len);
	while (f.verdict == FRAME_NOISE && f.n < len && p[f.n] == HDLC_FLAG && len - f.n > 1) {
		p += f.n;
		len -= f.n;
		f = hdlc_framer(&expect, p, len);
	}
	ok = f.verdict == FRAME_WHOLE || f.verdict == FRAME_SILENT;
	while (flags + 1 < len && p[flags + 1] == HDLC_FLAG)
		flags++;
	play_dlms_set(out, "skip", json_integer(p - bytes->p + (json_int_t)flags));
	play_dlms_set(out, "accept", json_boolean(ok));
	/* A second frame may share the flag that closes the first. */
	if (ok && hdlc_framer(&expect, p + f.n - 1, len - f.n + 1).verdict == FRAME_WHOLE)
		f.n = len;
	if (ok)
		put_apdu(out, p, f.n);
	else if (json_object_get(out, "reason") == NULL)
		play_dlms_set(out, "reason", json_string(refusal(&f, p, len)));
	if (f.verdict == FRAME_FOREIGN)
		play_ui(out, p, len);
}

enum play_result
play_dlms_frame(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	static struct play_octets bytes;
	static struct play_dlms session;
	struct play_dlms *p = &session;
	json_t *out = json_object(), *exchange;
	size_t i;

	memset(p, 0, sizeof(*p));
	json_array_foreach(json_object_get(vector, "exchange"), i, exchange) {
		if (play_dlms_hex(json_object_get(exchange, "tx"), &bytes) && bytes.len > 0)
			play_command(p, out, &bytes, true);
		if (play_dlms_hex(json_object_get(exchange, "rx"), &bytes) && bytes.len > 0) {
			play_command(p, out, &bytes, false);
			play_received(out, &bytes);
		}
	}
	return play_dlms_finish(p, out, made, why, why_size);
}

/* ---- values ---- */

/* null in the first column: one period after the row before (8.2). */
static json_t *
stamps_json(struct octets data, json_int_t period_s)
{
	struct axdr a = axdr_init(data.p, data.len);
	const struct zone utc = { 0, false };
	struct axdr_value row, stamp;
	json_t *all = json_array();
	struct cosem_time t;
	int64_t at = 0;
	uint32_t n;

	if (axdr_enter(&a, AXDR_ARRAY, &n) < 0)
		return all;
	for (; n > 0 && axdr_next(&a, &row) == E_OK && axdr_next(&a, &stamp) == E_OK; n--) {
		if (stamp.tag == AXDR_NULL)
			at += period_s;
		else if (cosem_time_of(&stamp, &t) == E_OK)
			at = cosem_time_utc(&t, utc);
		t.t = civil_from_utc(utc, at);
		json_array_append_new(all,
		    json_sprintf("%04d-%02d-%02d %02d:%02d", t.t.year, t.t.month, t.t.day, t.t.hour,
			t.t.minute));
		if (axdr_skip(&a, &row) < 0)
			break;
	}
	return all;
}

static void
put_time(json_t *out, struct octets data)
{
	struct axdr a = axdr_init(data.p, data.len);
	struct axdr_value v;
	struct cosem_time t;

	if (axdr_next(&a, &v) < 0 || cosem_time_of(&v, &t) < 0)
		return;
	play_dlms_set(out, "local", play_dlms_civil(&t.t));
	play_dlms_set(out, "deviation",
	    t.deviation == COSEM_NO_DEVIATION ? json_null() : json_integer(t.deviation));
	play_dlms_set(out, "status",
	    t.status == COSEM_NO_STATUS ? json_null() : json_integer(t.status));
	play_dlms_set(out, "valid", json_boolean(!cosem_time_invalid(&t)));
	play_dlms_set(out, "doubtful",
	    json_boolean(t.status != COSEM_NO_STATUS && (t.status & COSEM_DOUBTFUL)));
	play_dlms_set(out, "dst", json_boolean(cosem_time_summer(&t)));
}

enum play_result
play_dlms_axdr(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	static struct play_octets bytes;
	const json_t *exchange = json_array_get(json_object_get(vector, "exchange"), 0);
	const json_t *decoded = json_object_get(vector, "decoded"), *period;
	json_t *out, *value;
	struct octets data;

	if (!play_dlms_hex(json_object_get(exchange, "rx"), &bytes)) {
		snprintf(why, why_size, "not hex");
		return PLAY_DIFFERED;
	}
	data = (struct octets){ bytes.p, bytes.len };
	value = play_dlms_value_of(data.p, data.len);
	out = json_pack("{s:o}", "value", value != NULL ? value : json_string("(unreadable)"));
	put_time(out, data);
	period = json_object_get(decoded, "period_s"); /* facts of the profile, not of the wire */
	if (period != NULL) {
		json_object_set(out, "period_s", (json_t *)(uintptr_t)period);
		json_object_set(out, "columns", json_object_get(decoded, "columns"));
		play_dlms_set(out, "timestamps", stamps_json(data, json_integer_value(period)));
	}
	*made = out;
	return PLAY_DECODED;
}
