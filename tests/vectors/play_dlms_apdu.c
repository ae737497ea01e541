/* APDUs of both sides.  Requests are built again by our codec and must come out the same but for the
 * invoke id, which is the sender's choice. */
#include "tests/vectors/play_dlms.h"

#include <string.h>

#include "meters/dlms/dlms.h"

enum { INVOKE_AT = 2, LIST_MAX = 32 };

static void
set(json_t *to, const char *key, json_t *value)
{
	json_object_set_new(to, key, value != NULL ? value : json_string("(unreadable)"));
}

static void
set_hex(json_t *to, const char *key, const uint8_t *p, size_t len)
{
	set(to, key, play_dlms_hex_json(p, len));
}

static void
compare(struct play_dlms *p, const struct wr *w, const uint8_t *apdu, size_t len, const char *what)
{
	if (!wr_ok(w) || w->len != len || memcmp(w->buf, apdu, len) != 0)
		play_dlms_fault(p, "our codec builds another %s", what);
}

/* ---- protection ---- */

/* Takes the protection off; what is left is in *to.  False: as it came. */
static bool
unprotect(struct play_dlms *p, const uint8_t *title, const uint8_t *apdu, size_t len,
    struct play_octets *to,
    json_t *out)
{
	struct protection got;
	json_t *hex;

	memcpy(to->p, apdu, len);
	to->len = len;
	if (!cipher_is_protected(apdu, len))
		return false;
	if (cipher_open(&p->cipher, title, to->p, &to->len, &got) < 0) {
		play_dlms_fault(p, "protection cannot be removed");
		return false;
	}
	if (got.tag != 0x21 && got.tag != 0x28) {
		hex = play_dlms_hex_json(&got.tag, 1);
		json_object_set_new(out, "glo", hex);
	}
	if (got.has_title)
		set_hex(out, "title", got.title, sizeof(got.title));
	set_hex(out, "sc", &got.control, 1);
	set(out, "ic", json_integer(got.counter));
	return true;
}

/* Protects the plain APDU with what was found and compares. */
static void
protect_again(struct play_dlms *p, const struct play_octets *plain, const uint8_t *apdu, size_t len)
{
	static uint8_t buf[PLAY_DLMS_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct cipher c = p->cipher;
	struct rd r = rd_init(apdu, len);

	c.is_general = apdu[0] == APDU_GENERAL_GLO;
	rd_skip(&r, c.is_general ? 2 + ACSE_TITLE_LEN : 1);
	axdr_length(&r);
	c.control = rd_u8(&r);
	c.counter = rd_u32_be(&r);
	memcpy(c.title, p->sent.title, ACSE_TITLE_LEN);
	if (cipher_protect(&c, (struct octets){ plain->p, plain->len }, &w) < 0)
		play_dlms_fault(p, "our codec does not protect");
	else
		compare(p, &w, apdu, len, "protected request");
}

/* ---- association ---- */

static json_t *
user_info(struct play_dlms *p, const uint8_t *title, struct octets user, bool is_sent)
{
	static struct play_octets plain;
	json_t *out = json_object();
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct initiate i;
	bool was_protected = unprotect(p, title, user.p, user.len, &plain, out);
	struct octets octets = { plain.p, plain.len };
	uint8_t conformance[3];
	bool whole = initiate_parse(octets, &i) == E_OK;

	if (was_protected && is_sent)
		protect_again(p, &plain, user.p, user.len);
	if (i.tag == INITIATE_ERROR) {
		set(out, "initiate_error", json_integer(i.error));
		return out;
	}
	conformance[0] = (uint8_t)(i.conformance >> 16);
	conformance[1] = (uint8_t)(i.conformance >> 8);
	conformance[2] = (uint8_t)i.conformance;
	set(out, "type",
	    json_string(i.tag == INITIATE_REQUEST ? "initiateRequest" : "initiateResponse"));
	set_hex(out, "conformance", conformance, sizeof(conformance));
	if (i.tag == INITIATE_REQUEST) {
		set(out, "dlms_version", json_integer(i.version));
		set(out, "client_max_pdu", json_integer(i.max_pdu));
		initiate_put(&w, &i);
		if (whole)
			compare(p, &w, plain.p, plain.len, "initiateRequest");
	} else {
		set(out, "dlms_version", json_integer(i.version));
		set(out, "server_max_pdu", json_integer(i.max_pdu));
		if (i.has_vaa)
			set(out, "vaa", json_sprintf("%04X", i.vaa));
		else
			set(out, "vaa", json_string(""));
	}
	return out;
}

static const char *const acse_names[] = { "AARQ", "AARE", "RLRQ", "RLRE" };

static void
keep_for_proofs(struct play_dlms *p, const struct acse *a)
{
	struct play_octets *challenge = a->apdu == APDU_AARQ ? &p->ctos : &p->stoc;

	if (a->apdu == APDU_AARQ) {
		p->mechanism = a->mechanism;
		p->ctos.len = p->stoc.len = p->pass3.len = p->pass4.len = 0;
	}
	if (a->value.len <= sizeof(challenge->p) && a->value.len > 0) {
		memcpy(challenge->p, a->value.p, a->value.len);
		challenge->len = a->value.len;
	}
	if (a->title.len == ACSE_TITLE_LEN && a->apdu == APDU_AARQ) {
		memcpy(p->sent.title, a->title.p, ACSE_TITLE_LEN);
		memcpy(p->cipher.title, a->title.p, ACSE_TITLE_LEN);
	} else if (a->title.len == ACSE_TITLE_LEN) {
		memcpy(p->received.title, a->title.p, ACSE_TITLE_LEN);
		memcpy(p->cipher.peer_title, a->title.p, ACSE_TITLE_LEN);
	}
}

static json_t *
association(struct play_dlms *p, const uint8_t *apdu, size_t len, bool is_sent)
{
	uint8_t buf[512];
	struct wr w = wr_init(buf, sizeof(buf));
	json_t *out = json_object();
	struct acse a;

	if (acse_parse(apdu, len, &a) < 0)
		play_dlms_fault(p, "association APDU not understood");
	set(out, "apdu", json_string(acse_names[a.apdu & 3]));
	keep_for_proofs(p, &a);
	if (a.context != 0)
		set(out, "context", json_integer(a.context));
	if (a.title.len > 0)
		set_hex(out, "title", a.title.p, a.title.len);
	if (a.requirements.len > 0)
		set_hex(out, "acse_req", a.requirements.p, a.requirements.len);
	if (a.mechanism != 0)
		set(out, "mechanism", json_integer(a.mechanism));
	if (a.value.len > 0)
		set_hex(out, "auth_value", a.value.p, a.value.len);
	if (a.result >= 0)
		set(out, "result", json_integer(a.result));
	if (a.diagnostic >= 0)
		set(out, "diag", json_pack("[s,i]", a.by_provider ? "provider" : "user", a.diagnostic));
	if (a.reason >= 0)
		set(out, "reason", json_integer(a.reason));
	if (a.apdu == APDU_RLRE)
		set(out, "note", json_string("content not to be parsed"));
	if (a.user.len > 0 && !(a.apdu == APDU_RLRE && cipher_is_protected(a.user.p, a.user.len)))
		set(out, "user_info",
		    user_info(p, is_sent ? p->sent.title : p->received.title, a.user, is_sent));
	if (is_sent) {
		acse_put(&w, &a);
		compare(p, &w, apdu, len, acse_names[a.apdu & 3]);
	}
	return out;
}

/* ---- requests ---- */

static struct octets
rest(struct rd *r)
{
	size_t len = rd_left(r);

	return (struct octets){ rd_take(r, len), len };
}

static json_t *
range_params(struct octets data)
{
	return play_dlms_value_of(data.p, data.len);
}

static void
put_selection_again(struct play_dlms *p, struct octets selection)
{
	uint8_t buf[128];
	struct wr w = wr_init(buf, sizeof(buf));
	struct axdr a = axdr_init(selection.p + 1, selection.len - 1);
	struct axdr_value v[2];
	struct cosem_time t[2];
	struct cosem by;
	uint16_t index;
	int64_t n[4];
	uint32_t count;

	if (axdr_enter(&a, AXDR_STRUCT, &count) < 0)
		return;
	if (selection.p[0] == 1) {
		if (cosem_captured(&a, &by, &index) < 0 || axdr_next(&a, &v[0]) < 0 ||
		    axdr_next(&a, &v[1]) < 0 || cosem_time_of(&v[0], &t[0]) < 0 ||
		    cosem_time_of(&v[1], &t[1]) < 0) {
			play_dlms_fault(p, "range not understood");
			return;
		}
		/* Hundredths that are not specified read back as such; hours of 0 too. */
		xdlms_put_range(&w, &by, &t[0], &t[1]);
	} else {
		for (int i = 0; i < 4; i++)
			if (axdr_next(&a, &v[0]) < 0 || !axdr_int(&v[0], &n[i]))
				return;
		xdlms_put_entries(&w, (uint32_t)n[0], (uint32_t)n[1], (uint16_t)n[2], (uint16_t)n[3]);
	}
	compare(p, &w, selection.p, selection.len, "selection");
}

static void
decode_get(struct play_dlms *p, struct rd *r, uint8_t type, struct wr *w, json_t *out)
{
	struct cosem list[LIST_MAX];
	struct octets selection = { 0 };
	struct cosem c;
	uint32_t n;

	p->wants_list = type == 3;
	if (type == 1) {
		c = cosem_take(r);
		set(out, "apdu", json_string("get-request-normal"));
		set(out, "attr", play_dlms_cosem(&c));
		if (rd_u8(r) == 1) {
			selection = rest(r);
			set(out, "selector", json_integer(selection.p[0]));
			set(out, "params",
			    range_params((struct octets){ selection.p + 1, selection.len - 1 }));
			put_selection_again(p, selection);
		}
		p->blocks.len = 0;
		xdlms_put_get(w, &c, selection);
	} else if (type == 2) {
		n = rd_u32_be(r);
		set(out, "apdu", json_string("get-request-next"));
		set(out, "block", json_integer(n));
		xdlms_put_get_next(w, n);
	} else {
		json_t *names = json_array();

		n = axdr_length(r);
		for (uint32_t i = 0; i < n && i < LIST_MAX; i++) {
			list[i] = cosem_take(r);
			rd_skip(r, 1);
			json_array_append_new(names, play_dlms_cosem(&list[i]));
		}
		set(out, "apdu", json_string("get-request-with-list"));
		set(out, "list", names);
		p->blocks.len = 0;
		xdlms_put_get_list(w, list, n);
	}
}

static void
decode_set(struct play_dlms *p, struct rd *r, uint8_t type, struct wr *w, json_t *out)
{
	struct cosem c = { 0 };
	struct octets raw;
	uint32_t block;
	bool last;

	if (type == 1) {
		c = cosem_take(r);
		rd_skip(r, 1);
		raw = rest(r);
		set(out, "apdu", json_string("set-request-normal"));
		set(out, "attr", play_dlms_cosem(&c));
		set(out, "value", play_dlms_value_of(raw.p, raw.len));
		memcpy(p->blocks.p, raw.p, raw.len);
		p->blocks.len = raw.len;
		xdlms_put_set(w, &c, raw);
		return;
	}
	if (type == 2) {
		c = cosem_take(r);
		rd_skip(r, 1);
		set(out, "attr", play_dlms_cosem(&c));
		p->blocks.len = 0;
	}
	last = rd_u8(r) != 0;
	block = rd_u32_be(r);
	raw.len = axdr_length(r);
	raw.p = rd_take(r, raw.len);
	if (raw.p == NULL)
		raw.len = 0;
	memcpy(p->blocks.p + p->blocks.len, raw.p, raw.len);
	p->blocks.len += raw.len;
	set(out, "last", json_boolean(last));
	set(out, "block", json_integer(block));
	if (last)
		set(out, "value", play_dlms_value_of(p->blocks.p, p->blocks.len));
	if (type == 2)
		xdlms_put_set_first(w, &c, last, raw);
	else
		xdlms_put_set_next(w, last, block, raw);
}

static void
keep_proof(struct play_octets *to, struct octets data)
{
	struct axdr a = axdr_init(data.p, data.len);
	struct axdr_value v;

	if (axdr_next(&a, &v) == E_OK && v.tag == AXDR_OCTETS && v.len <= sizeof(to->p)) {
		memcpy(to->p, v.p, v.len);
		to->len = v.len;
	}
}

static void
decode_action(struct play_dlms *p, struct rd *r, struct wr *w, json_t *out)
{
	struct cosem c = cosem_take(r);
	bool has_data = rd_u8(r) != 0;
	struct octets data = rest(r);

	set(out, "apdu", json_string("action-request-normal"));
	set(out, "method", play_dlms_cosem(&c));
	if (has_data)
		set(out, "param", play_dlms_value_of(data.p, data.len));
	if (c.class == CLASS_ASSOCIATION && c.index == 1)
		keep_proof(&p->pass3, data);
	xdlms_put_action(w, &c, data);
}

json_t *
play_dlms_request(struct play_dlms *p, const uint8_t *apdu, size_t len)
{
	static struct play_octets plain;
	static uint8_t buf[PLAY_DLMS_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	json_t *out;
	struct rd r;
	uint8_t tag, type, invoke;

	if (len > 0 && apdu[0] >= APDU_AARQ && apdu[0] <= APDU_RLRE)
		return association(p, apdu, len, true);
	out = json_object();
	if (unprotect(p, p->sent.title, apdu, len, &plain, out))
		protect_again(p, &plain, apdu, len);
	r = rd_init(plain.p, plain.len);
	tag = rd_u8(&r);
	type = rd_u8(&r);
	invoke = rd_u8(&r);
	set(out, "invoke", json_sprintf("%02X", invoke));
	if (tag == APDU_GET)
		decode_get(p, &r, type, &w, out);
	else if (tag == APDU_SET)
		decode_set(p, &r, type, &w, out);
	else if (tag == APDU_ACTION)
		decode_action(p, &r, &w, out);
	if (wr_ok(&w) && w.len > INVOKE_AT)
		buf[INVOKE_AT] = invoke;
	compare(p, &w, plain.p, plain.len, "request");
	return out;
}

/* ---- answers ---- */

static json_t *
list_json(struct octets body, uint32_t count)
{
	struct axdr a = axdr_init(body.p, body.len);
	json_t *all = json_array(), *item;
	int result;

	for (uint32_t i = 0; i < count && xdlms_list_next(&a, &result) == E_OK; i++) {
		item = result != RESULT_SUCCESS ? json_pack("{s:i}", "error", result) :
						  play_dlms_value(&a);
		json_array_append_new(all, item != NULL ? item : json_string("(unreadable)"));
	}
	return all;
}

static void
put_data(struct octets data, json_t *out)
{
	struct axdr a = axdr_init(data.p, data.len);
	json_t *hex;
	char *lower;

	set(out, "value", play_dlms_value(&a));
	if (rd_left(&a.r) == 0)
		return;
	hex = play_dlms_hex_json(a.r.p, rd_left(&a.r));
	lower = (char *)(uintptr_t)json_string_value(hex);
	for (; *lower != '\0'; lower++)
		*lower |= *lower >= 'A' ? 0x20 : 0;
	set(out, "TRAIL", hex);
}

static void
put_block(struct play_dlms *p, const struct xdlms_answer *a, json_t *out)
{
	set(out, "apdu", json_string("get-response-with-datablock"));
	set(out, "block", json_integer(a->block));
	set(out, "last", json_boolean(a->last));
	if (a->result != RESULT_SUCCESS) {
		set(out, "error", json_integer(a->result));
		return;
	}
	set(out, "raw_len", json_integer((json_int_t)a->data.len));
	if (a->data.len > sizeof(p->blocks.p) - p->blocks.len)
		return;
	memcpy(p->blocks.p + p->blocks.len, a->data.p, a->data.len);
	p->blocks.len += a->data.len;
	if (a->last)
		set(out, "value", play_dlms_value_of(p->blocks.p, p->blocks.len));
}

static void
put_notification(const struct xdlms_answer *a, json_t *out)
{
	static const uint8_t tag[] = { AXDR_OCTETS, COSEM_TIME_LEN };
	struct play_octets time = { .len = sizeof(tag) };
	json_t *body = play_dlms_value_of(a->data.p, a->data.len);

	set(out, "apdu", json_string("data-notification"));
	set(out, "long_invoke", json_sprintf("%08X", a->counter));
	memcpy(time.p, tag, sizeof(tag));
	if (a->time.len == COSEM_TIME_LEN) {
		memcpy(time.p + time.len, a->time.p, a->time.len);
		set(out, "time", play_dlms_value_of(time.p, time.len + a->time.len));
	} else
		set(out, "time", json_string(""));
	if (body == NULL)
		body = play_dlms_hex_json(a->data.p, a->data.len);
	set(out, "body", body);
}

static void
put_answer(struct play_dlms *p, const struct xdlms_answer *a, json_t *out)
{
	static const char *const names[] = {
		[XDLMS_DATA] = "get-response-normal", [XDLMS_LIST] = "get-response-with-list",
		[XDLMS_SET] = "set-response-normal", [XDLMS_SET_BLOCK] = "set-response-datablock",
		[XDLMS_SET_LAST] = "set-response-last-datablock",
		[XDLMS_ACTION] = "action-response-normal", [XDLMS_EXCEPTION] = "exception-response",
		[XDLMS_EVENT] = "event-notification",
	};

	set(out, "invoke", json_sprintf("%02X", a->invoke));
	if (a->kind == XDLMS_BLOCK) {
		put_block(p, a, out);
		return;
	}
	if (a->kind == XDLMS_NOTIFICATION) {
		put_notification(a, out);
		return;
	}
	set(out, "apdu", json_string(names[a->kind]));
	if (a->kind == XDLMS_DATA && a->result == RESULT_SUCCESS)
		put_data(a->data, out);
	else if (a->kind == XDLMS_DATA) {
		set(out, "error", json_integer(a->result));
		set(out, "error_name", json_string(cosem_result_name((unsigned)a->result)));
	} else if (a->kind == XDLMS_LIST)
		set(out, "list", list_json(a->data, a->count));
	else if (a->kind == XDLMS_EXCEPTION) {
		set(out, "state", json_integer(a->state));
		set(out, "service", json_integer(a->service));
		if (a->has_counter)
			set(out, "expected_counter", json_integer(a->counter));
	} else {
		set(out, "result", json_integer(a->result));
		set(out, "result_name", json_string(cosem_result_name((unsigned)a->result)));
	}
	if (a->kind == XDLMS_ACTION && a->data.len > 0) {
		set(out, "ret", play_dlms_value_of(a->data.p, a->data.len));
		keep_proof(&p->pass4, a->data);
	}
}

json_t *
play_dlms_answer(struct play_dlms *p, const uint8_t *apdu, size_t len)
{
	static struct play_octets plain;
	struct xdlms_answer a;
	json_t *out;

	if (len > 0 && apdu[0] >= APDU_AARQ && apdu[0] <= APDU_RLRE)
		return association(p, apdu, len, false);
	out = json_object();
	unprotect(p, p->received.title, apdu, len, &plain, out);
	if (xdlms_parse(plain.p, plain.len, &a) < 0)
		play_dlms_fault(p, "answer not understood");
	else
		put_answer(p, &a, out);
	return out;
}
