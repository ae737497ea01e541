/* Whole sessions, frame by frame: dlms-hdlc and dlms-wrapper. */
#include "tests/vectors/play_dlms.h"

#include <stdio.h>
#include <string.h>

#include "meters/dlms/hdlc_codec.h"
#include "meters/dlms/wrapper_codec.h"
#include "tests/vectors/play.h"

enum { LLC_LEN = 3 };

static const char *const kinds[] = {
	[HDLC_I] = "I", [HDLC_RR] = "RR", [HDLC_RNR] = "RNR", [HDLC_REJ] = "REJ", [HDLC_SNRM] = "SNRM",
	[HDLC_DISC] = "DISC", [HDLC_UA] = "UA", [HDLC_DM] = "DM", [HDLC_FRMR] = "FRMR",
	[HDLC_UI] = "UI", [HDLC_UNKNOWN] = "?",
};

/* ---- frames ---- */

static bool
has_llc(const struct hdlc_frame *f)
{
	return f->info_len >= LLC_LEN && f->info[0] == 0xe6 && f->info[2] == 0x00;
}

static json_t *
frame_name(const struct hdlc_frame *f, bool is_first)
{
	json_t *info = play_dlms_hex_json(f->info, f->info_len), *name;

	if (f->kind == HDLC_I)
		name = json_sprintf("I(s%u,r%u%s)%s%s", f->ns, f->nr, f->final ? ",P/F" : "",
		    f->segmented ? " SEG" : "", is_first && !has_llc(f) ? " NOLLC" : "");
	else if (f->kind == HDLC_RR || f->kind == HDLC_RNR || f->kind == HDLC_REJ)
		name = json_sprintf("%s(r%u%s)", kinds[f->kind], f->nr, f->final ? ",P/F" : "");
	else
		name = json_sprintf("%s%s%s%s", kinds[f->kind], f->final ? "/P" : "",
		    f->info_len > 0 ? " info=" : "", json_string_value(info));
	json_decref(info);
	return name;
}

static void
rebuild(struct play_dlms *p, const struct hdlc_frame *f, const struct play_octets *bytes)
{
	static uint8_t buf[PLAY_DLMS_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	hdlc_put(&w, f);
	if (!wr_ok(&w) || w.len != bytes->len || memcmp(buf, bytes->p, w.len) != 0)
		play_dlms_fault(p, "our codec builds another frame");
}

static json_t *
play_frame(struct play_dlms *p, struct play_side *side, const struct play_octets *bytes)
{
	json_t *out = json_object();
	struct hdlc_frame f;
	size_t used, skip;
	bool is_first = side->joined.len == 0;

	if (hdlc_parse(bytes->p, bytes->len, &used, &f) < 0) {
		play_dlms_fault(p, "frame not understood");
		return out;
	}
	rebuild(p, &f, bytes);
	json_object_set_new(out, "frame", frame_name(&f, is_first));
	if (f.kind != HDLC_I)
		return out;
	skip = is_first && has_llc(&f) ? LLC_LEN : 0;
	memcpy(side->joined.p + side->joined.len, f.info + skip, f.info_len - skip);
	side->joined.len += f.info_len - skip;
	if (f.segmented)
		return out;
	json_object_set_new(out, "apdu",
	    side == &p->sent ? play_dlms_request(p, side->joined.p, side->joined.len) :
			       play_dlms_answer(p, side->joined.p, side->joined.len));
	side->joined.len = 0;
	return out;
}

static json_t *
play_wrapper_pdu(struct play_dlms *p, struct play_side *side, const struct play_octets *bytes)
{
	static uint8_t buf[PLAY_DLMS_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	json_t *out = json_object();
	struct wrapper x;

	if (wrapper_parse(bytes->p, bytes->len, &x) < 0) {
		play_dlms_fault(p, "wrapper not understood");
		return out;
	}
	wrapper_put(&w, x.from, x.to, x.apdu, x.len);
	if (w.len != bytes->len || memcmp(buf, bytes->p, w.len) != 0)
		play_dlms_fault(p, "our codec builds another wrapper");
	json_object_set_new(out, "frame",
	    json_sprintf("wpdu src=%u dst=%u len=%zu", x.from, x.to, x.len));
	json_object_set_new(out, "apdu",
	    side == &p->sent ? play_dlms_request(p, x.apdu, x.len) :
			       play_dlms_answer(p, x.apdu, x.len));
	/* For vectors of a single wrapper. */
	json_object_set_new(out, "source", json_integer(x.from));
	json_object_set_new(out, "destination", json_integer(x.to));
	json_object_set_new(out, "length", json_integer((json_int_t)x.len));
	json_object_set_new(out, "version", json_integer(1));
	return out;
}

/* ---- proofs ---- */

/* What our codec would send as pass 3, and whether it takes pass 4. */
static json_t *
check_proofs(struct play_dlms *p)
{
	const char *how = p->mechanism == MECHANISM_AES ? "AES-128-ECB" : "GMAC";
	const struct secret secret = { p->secret, p->secret_len };
	json_t *checked = json_array();
	struct cipher c = p->cipher;
	struct proof proof;

	if (p->mechanism == MECHANISM_GMAC && p->pass3.len >= 5)
		c.counter = (uint32_t)p->pass3.p[1] << 24 | (uint32_t)p->pass3.p[2] << 16 |
		    (uint32_t)p->pass3.p[3] << 8 | p->pass3.p[4];
	if (proof_make(&c, p->mechanism, secret, (struct octets){ p->stoc.p, p->stoc.len }, &proof) ==
		E_OK &&
	    proof.len == p->pass3.len && memcmp(proof.p, p->pass3.p, proof.len) == 0)
		json_array_append_new(checked, json_sprintf("pass3 %s", how));
	if (proof_check(&c, p->mechanism, secret, (struct octets){ p->ctos.p, p->ctos.len },
		(struct octets){ p->pass4.p, p->pass4.len }) == E_OK)
		json_array_append_new(checked, json_sprintf("pass4 %s", how));
	return checked;
}

/* Keys are no traffic: they are taken from the vector. */
static void
take_keys(struct play_dlms *p, const json_t *decoded)
{
	static struct play_octets o;
	const json_t *keys = json_object_get(decoded, "keys");

	if (play_dlms_hex(json_object_get(keys, "encryption_key"), &o) && o.len == CRYPTO_KEY)
		memcpy(p->cipher.key, o.p, o.len);
	if (play_dlms_hex(json_object_get(keys, "authentication_key"), &o) && o.len == CRYPTO_KEY)
		memcpy(p->cipher.auth_key, o.p, o.len);
	if (play_dlms_hex(json_object_get(decoded, "secret"), &o) && o.len <= sizeof(p->secret)) {
		memcpy(p->secret, o.p, o.len);
		p->secret_len = o.len;
	}
}

/* ---- adapters ---- */

typedef json_t *play_pdu(struct play_dlms *, struct play_side *, const struct play_octets *);

static bool
play_side(struct play_dlms *p, struct play_side *side, play_pdu *play, const json_t *hex, json_t *step,
    const char *key)
{
	static struct play_octets bytes;

	if (!play_dlms_hex(hex, &bytes))
		return false;
	if (bytes.len > 0)
		json_object_set_new(step, key, play(p, side, &bytes));
	return true;
}

static json_t *
session_json(struct play_dlms *p, const json_t *vector, json_t *steps)
{
	const json_t *decoded = json_object_get(vector, "decoded");
	json_t *out = json_pack("{s:o}", "steps", steps), *only = json_array_get(steps, 0);
	json_t *rx = json_object_get(only, "rx"), *tx = json_object_get(only, "tx");

	if (json_object_get(decoded, "keys") != NULL)
		json_object_set(out, "keys", json_object_get(decoded, "keys"));
	if (json_object_get(decoded, "secret") != NULL)
		json_object_set(out, "secret", json_object_get(decoded, "secret"));
	json_object_set_new(out, "checked", check_proofs(p));
	/* Vectors of one frame have its fields at the top. */
	if (json_array_size(steps) == 1 && tx != NULL)
		json_object_update(out, tx);
	if (json_array_size(steps) == 1 && rx != NULL)
		json_object_update(out, rx);
	return out;
}

static enum play_result
play_session(const json_t *vector, play_pdu *play, json_t **made, char *why, size_t why_size)
{
	static struct play_dlms p;
	json_t *steps = json_array(), *exchange;
	const char *otherwise;
	size_t i;

	memset(&p, 0, sizeof(p));
	take_keys(&p, json_object_get(vector, "decoded"));
	json_array_foreach(json_object_get(vector, "exchange"), i, exchange) {
		json_t *step = json_object();
		bool ok = play_side(&p, &p.sent, play, json_object_get(exchange, "tx"), step, "tx") &&
		    play_side(&p, &p.received, play, json_object_get(exchange, "rx"), step, "rx");

		json_array_append_new(steps, step);
		if (!ok)
			play_dlms_fault(&p, "not hex");
		if (p.fault[0] != '\0') {
			snprintf(why, why_size, "exchange %zu: %s", i + 1, p.fault);
			json_decref(steps);
			return PLAY_DIFFERED;
		}
	}
	otherwise = play_dlms_replay(vector, play == play_wrapper_pdu);
	if (otherwise != NULL) {
		snprintf(why, why_size, "%s", otherwise);
		json_decref(steps);
		return PLAY_DIFFERED;
	}
	*made = session_json(&p, vector, steps);
	return PLAY_DECODED;
}

enum play_result
play_dlms_hdlc(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	return play_session(vector, play_frame, made, why, why_size);
}

enum play_result
play_dlms_wrapper(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	return play_session(vector, play_wrapper_pdu, made, why, why_size);
}
