/* Recorded sessions through the whole client: it must send what was recorded, octet by octet, and find
 * its way through segments, blocks and refusals. */
#include <stdio.h>
#include <string.h>

#include "meters/dlms/dlms.h"
#include "meters/dlms/wrapper_codec.h"
#include "tests/vectors/play_dlms.h"

enum { STEPS_MAX = 80, NAMES_MAX = 32, LLC_LEN = 3, INVOKE_AT = 2 };

struct request {
	struct octets apdu;
	bool is_end;		/* DISC */
};

static struct play_octets tx[STEPS_MAX], rx[STEPS_MAX];
static uint8_t apdu_area[PLAY_DLMS_MAX], frame_area[4096];

/* ---- what was recorded ---- */

/* The APDU a frame of ours carries; empty for RR, SNRM. */
static struct request
request_of(const struct play_octets *o, bool is_wrapper, struct hdlc_frame *f)
{
	struct request r = { .is_end = false };
	struct wrapper w;
	size_t used;

	if (is_wrapper) {
		if (wrapper_parse(o->p, o->len, &w) == E_OK)
			r.apdu = (struct octets){ w.apdu, w.len };
		return r;
	}
	if (hdlc_parse(o->p, o->len, &used, f) < 0)
		return r;
	r.is_end = f->kind == HDLC_DISC;
	if (f->kind == HDLC_I && f->info_len > LLC_LEN)
		r.apdu = (struct octets){ f->info + LLC_LEN, f->info_len - LLC_LEN };
	return r;
}

/* Who the recorded client was.  False: this session cannot be ours. */
static bool
take_association(struct dlms *d, struct octets aarq, const struct hdlc_frame *f)
{
	struct initiate i;
	struct acse a;

	if (acse_parse(aarq.p, aarq.len, &a) < 0 || a.apdu != APDU_AARQ || a.context != CONTEXT_PLAIN ||
	    initiate_parse(a.user, &i) < 0 || a.value.len > sizeof(d->secret))
		return false;
	d->conformance = i.conformance;
	d->max_pdu = i.max_pdu;
	d->mechanism = a.mechanism;
	d->context = a.context;
	if (d->transport == DLMS_HDLC) {
		d->server = f->to;
		d->client = f->from.octets[0] >> 1;
	}
	if (mechanism_is_high(a.mechanism) && a.value.len <= sizeof(d->challenge)) {
		memcpy(d->challenge, a.value.p, a.value.len);
		d->challenge_len = (uint8_t)a.value.len;
	} else if (a.value.len > 0) {
		memcpy(d->secret, a.value.p, a.value.len);
		d->secret_len = (uint8_t)a.value.len;
	}
	return true;
}

/* From the beginning of the session to its AARQ; the number of steps until then, 0: not ours. */
static size_t
take_opening(struct dlms *d, size_t n)
{
	struct wrapper w;
	struct hdlc_frame f;
	struct request r;

	for (size_t i = 0; i < n; i++) {
		r = request_of(&tx[i], d->transport == DLMS_WRAPPER, &f);
		if (d->transport == DLMS_WRAPPER && wrapper_parse(tx[i].p, tx[i].len, &w) == E_OK) {
			d->client = (uint8_t)w.from;
			d->logical = w.to;
		}
		if (r.apdu.len > 0)
			return take_association(d, r.apdu, &f) &&
				(i > 0 || d->transport == DLMS_WRAPPER) ?
			    i + 1 :
			    0;
		if (i == 0 && r.is_end)
			d->disc_first = true;
		if (!r.is_end && f.kind == HDLC_SNRM) {
			d->plain_limits = f.info_len == 0;
			if (hdlc_parse_limits(f.info, f.info_len, &d->propose) < 0)
				return 0;
		}
	}
	return 0;
}

/* ---- asking the same again ---- */

static int
pass(void *arg, size_t i, int result, struct axdr *value)
{
	(void)arg;
	(void)i;
	(void)result;
	(void)value;
	return E_OK;
}

static void
ask_list(struct dlms *d, struct rd *r)
{
	struct cosem names[NAMES_MAX];
	uint32_t n = axdr_length(r);

	for (uint32_t i = 0; i < n && i < NAMES_MAX; i++) {
		names[i] = cosem_take(r);
		rd_skip(r, 1);
	}
	(void)!dlms_get_many(d, names, n < NAMES_MAX ? n : NAMES_MAX, pass, NULL);
}

static void
ask_again(struct dlms *d, struct octets apdu)
{
	struct rd r = rd_init(apdu.p, apdu.len);
	uint8_t tag = rd_u8(&r), type = rd_u8(&r);
	struct octets rest;
	struct cosem c;
	bool more;

	rd_skip(&r, 1);
	if (tag == APDU_GET && type == 3) {
		ask_list(d, &r);
		return;
	}
	if (type != 1)
		return; /* the next block comes by itself */
	c = cosem_take(&r);
	more = rd_u8(&r) != 0;
	rest = (struct octets){ r.p, rd_left(&r) };
	if (tag == APDU_GET)
		(void)!dlms_get(d, &c, more ? rest : (struct octets){ 0 }, &rest);
	else if (tag == APDU_SET)
		(void)!dlms_set(d, &c, rest);
	else if (tag == APDU_ACTION && !(c.class == CLASS_ASSOCIATION && c.index == 1))
		(void)!dlms_action(d, &c, rest, NULL);
}

static void
replay(struct dlms *d, size_t from, size_t n)
{
	bool is_closed = false;
	struct hdlc_frame f;
	struct request r;

	if (dlms_open(d) < 0)
		return; /* and the link is closed again */
	for (size_t i = from; i < n && !is_closed; i++) {
		r = request_of(&tx[i], d->transport == DLMS_WRAPPER, &f);
		is_closed = r.is_end || (r.apdu.len > 0 && r.apdu.p[0] == APDU_RLRQ);
		d->release = r.apdu.len > 0 && r.apdu.p[0] == APDU_RLRQ;
		if (is_closed)
			dlms_close(d);
		else if (r.apdu.len > INVOKE_AT)
			ask_again(d, r.apdu);
	}
}

/* ---- the whole ---- */

static bool
is_invoked_as_ours(size_t n, bool is_wrapper)
{
	struct hdlc_frame f;

	for (size_t i = 0; i < n; i++) {
		struct request r = request_of(&tx[i], is_wrapper, &f);

		if (r.apdu.len > INVOKE_AT && r.apdu.p[0] >= APDU_GET && r.apdu.p[0] <= APDU_ACTION &&
		    r.apdu.p[INVOKE_AT] != XDLMS_INVOKE)
			return false;
	}
	return true;
}

const char *
play_dlms_replay(const json_t *vector, bool is_wrapper)
{
	static const struct line_settings settings = { 9600, 8, PARITY_NONE, 1 };
	static const struct line_timing timing = { .answer_ms = 100, .gap_ms = 5, .tries = 1 };
	static struct script_step steps[STEPS_MAX];
	static struct play_octets secret;
	const json_t *exchanges = json_object_get(vector, "exchange");
	size_t n = json_array_size(exchanges), from;
	static char why[256];
	struct line *line;
	struct dlms d = {
		.apdu = apdu_area, .apdu_size = sizeof(apdu_area), .frame = frame_area,
		.frame_size = sizeof(frame_area), .transport = is_wrapper ? DLMS_WRAPPER : DLMS_HDLC,
	};

	for (size_t i = 0; i < n && i < STEPS_MAX; i++) {
		const json_t *e = json_array_get(exchanges, i);

		if (!play_dlms_hex(json_object_get(e, "tx"), &tx[i]) ||
		    !play_dlms_hex(json_object_get(e, "rx"), &rx[i]))
			return NULL;
		steps[i] = (struct script_step){ .tx = tx[i].p, .tx_len = tx[i].len, .rx = rx[i].p,
			.rx_len = rx[i].len };
	}
	from = n <= STEPS_MAX ? take_opening(&d, n) : 0;
	if (from == 0 || !is_invoked_as_ours(n, is_wrapper))
		return NULL; /* no whole session, or one with choices that are not ours */
	if (play_dlms_hex(json_object_get(json_object_get(vector, "decoded"), "secret"), &secret) &&
	    secret.len > 0 && secret.len <= sizeof(d.secret)) {
		memcpy(d.secret, secret.p, secret.len);
		d.secret_len = (uint8_t)secret.len;
	}
	if (line_open_script(&line, steps, n) < 0)
		return "no script";
	why[0] = '\0';
	if (line_configure(line, &settings, &timing, SOFT_NONE) == E_OK) {
		d.line = line;
		replay(&d, from, n);
	}
	if (line_script_error(line) != NULL)
		snprintf(why, sizeof(why), "our client: %s", line_script_error(line));
	else if (line_script_played(line) != n)
		snprintf(why, sizeof(why), "our client stops after %zu of %zu",
		    line_script_played(line), n);
	line_close(line);
	return why[0] != '\0' ? why : NULL;
}
