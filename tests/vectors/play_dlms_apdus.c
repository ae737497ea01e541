/* Single APDUs and protections: dlms-apdu, dlms-crypto. */
#include <stdio.h>
#include <string.h>

#include "meters/dlms/dlms.h"
#include "tests/vectors/play.h"
#include "tests/vectors/play_dlms.h"

/* ---- APDUs ---- */

static const char *const months[] = { "January", "February", "March", "April", "May", "June", "July",
	"August", "September", "October", "November", "December" };

/* Raw octets after a season's or week's name. */
static json_t *
calendar_name(const struct axdr_value *v)
{
	return play_dlms_hex_json(v->p, v->len);
}

static json_t *
seasons_json(struct axdr *a, uint32_t n)
{
	struct axdr_value row, name, start, week;
	json_t *all = json_array(), *when;

	for (; n > 0 && axdr_next(a, &row) == E_OK && axdr_next(a, &name) == E_OK &&
	     axdr_next(a, &start) == E_OK && axdr_next(a, &week) == E_OK && start.len == COSEM_TIME_LEN;
	     n--) {
		unsigned month = start.p[2] >= 1 && start.p[2] <= 12 ? start.p[2] - 1u : 0;

		when = start.p[0] == 0xff ? json_sprintf("every %u %s", start.p[3], months[month]) :
					    json_null();
		json_array_append_new(all,
		    json_pack("[o,o,o]", calendar_name(&name), when, calendar_name(&week)));
	}
	return all;
}

static json_t *
weeks_json(struct axdr *a, uint32_t n)
{
	struct axdr_value row, v;
	json_t *all = json_array(), *week;
	int64_t day;

	for (; n > 0 && axdr_next(a, &row) == E_OK && axdr_next(a, &v) == E_OK; n--) {
		week = json_pack("[o]", calendar_name(&v));
		for (int i = 0; i < 7 && axdr_next(a, &v) == E_OK && axdr_int(&v, &day); i++)
			json_array_append_new(week, json_integer(day));
		json_array_append_new(all, week);
	}
	return all;
}

static json_t *
days_json(struct axdr *a, uint32_t n)
{
	struct axdr_value row, v, time, script;
	json_t *all = json_array(), *actions;
	int64_t id, tariff;
	uint32_t count;

	for (; n > 0 && axdr_next(a, &row) == E_OK && axdr_next(a, &v) == E_OK && axdr_int(&v, &id);
	     n--) {
		actions = json_array();
		if (axdr_enter(a, AXDR_ARRAY, &count) < 0)
			count = 0;
		for (; count > 0 && axdr_next(a, &row) == E_OK && axdr_next(a, &time) == E_OK &&
		     axdr_next(a, &script) == E_OK && axdr_next(a, &v) == E_OK && axdr_int(&v, &tariff);
		     count--)
			json_array_append_new(actions,
			    json_pack("[o,I]", json_sprintf("%02u:%02u", time.p[0], time.p[1]),
				(json_int_t)tariff));
		json_array_append_new(all, json_pack("[I,o]", (json_int_t)id, actions));
	}
	return all;
}

static void
put_set(json_t *out, const struct cosem *c, struct octets data)
{
	struct axdr a = axdr_init(data.p, data.len), again = a;
	struct axdr_value v;
	struct cosem_time t;

	if (axdr_next(&a, &v) == E_OK && cosem_time_of(&v, &t) == E_OK)
		play_dlms_set(out, "local", play_dlms_civil(&t.t));
	a = again;
	if (c->class != CLASS_CALENDAR || axdr_next(&a, &v) < 0 || v.tag != AXDR_ARRAY)
		return;
	if (json_object_get(out, "attribute") == NULL)
		play_dlms_set_int(out, "attribute", c->index);
	if (c->index == 7)
		play_dlms_set(out, "seasons", seasons_json(&a, v.count));
	else if (c->index == 8)
		play_dlms_set(out, "weeks", weeks_json(&a, v.count));
	else if (c->index == 9)
		play_dlms_set(out, "days", days_json(&a, v.count));
}

static void
put_selection(json_t *out, struct octets s)
{
	struct axdr a = axdr_init(s.p + 1, s.len - 1);
	static const char *const names[] = { "from_entry", "to_entry", "from_column", "to_column" };
	struct axdr_value v;
	struct cosem_time t;
	struct cosem by;
	uint16_t index;
	uint32_t n;
	int64_t number;

	if (axdr_enter(&a, AXDR_STRUCT, &n) < 0)
		return;
	if (s.p[0] == 2) {
		for (int i = 0; i < 4 && axdr_next(&a, &v) == E_OK && axdr_int(&v, &number); i++)
			play_dlms_set_int(out, names[i], number);
		return;
	}
	if (cosem_captured(&a, &by, &index) < 0)
		return;
	if (axdr_next(&a, &v) == E_OK && cosem_time_of(&v, &t) == E_OK)
		play_dlms_set(out, "from", play_dlms_civil(&t.t));
	if (axdr_next(&a, &v) == E_OK && cosem_time_of(&v, &t) == E_OK)
		play_dlms_set(out, "to", play_dlms_civil(&t.t));
}

/* What a request asks for, beyond what play_dlms_request() tells. */
static void
put_request(json_t *out, struct play_dlms *p, const struct play_octets *tx)
{
	struct rd r = rd_init(tx->p, tx->len);
	uint8_t apdu = rd_u8(&r), type = rd_u8(&r);
	struct axdr_value v;
	struct acse aarq;
	struct axdr a;
	struct cosem c;
	int64_t n;

	if (apdu == APDU_AARQ && acse_parse(tx->p, tx->len, &aarq) == E_OK) {
		/* The clients of the associations (1). */
		play_dlms_set_int(out, "client", aarq.mechanism == MECHANISM_NONE ? 16 : 32);
		play_dlms_set(out, "password",
		    json_stringn((const char *)aarq.value.p, aarq.value.len));
	}
	rd_skip(&r, 1);
	if (type != 1 && apdu != APDU_SET)
		return;
	c = cosem_take(&r);
	if (apdu == APDU_GET && rd_u8(&r) == 1)
		put_selection(out, (struct octets){ r.p, rd_left(&r) });
	else if (apdu == APDU_SET)
		put_set(out, &c, (struct octets){ p->blocks.p, p->blocks.len });
	else if (apdu == APDU_ACTION) {
		play_dlms_set_int(out, "method", c.index);
		rd_skip(&r, 1);
		a = axdr_init(r.p, rd_left(&r));
		if (c.class == CLASS_CLOCK && axdr_next(&a, &v) == E_OK && axdr_int(&v, &n))
			play_dlms_set_int(out, "seconds", n);
	}
}

static void
put_answer(json_t *out, const struct play_octets *rx)
{
	struct xdlms_answer a;
	struct initiate i;
	struct acse aare;
	json_t *list;

	if (rx->p[0] == APDU_AARE) {
		if (acse_parse(rx->p, rx->len, &aare) < 0 || initiate_parse(aare.user, &i) < 0)
			return;
		play_dlms_set(out, "accepted", json_boolean(acse_verdict(&aare) == E_OK));
		play_dlms_set_int(out, "result", aare.result);
		play_dlms_set_int(out, "diagnostic", aare.diagnostic);
		play_dlms_set(out, "conformance", json_sprintf("%06X", i.conformance));
		play_dlms_set_int(out, "server_max_pdu", i.max_pdu);
		play_dlms_set_int(out, "initiate_error", i.error);
		return;
	}
	if (xdlms_parse(rx->p, rx->len, &a) < 0)
		return;
	if (a.kind == XDLMS_EXCEPTION) {
		play_dlms_set_int(out, "state_error", a.state);
		play_dlms_set_int(out, "service_error", a.service);
		play_dlms_set_int(out, "counter", a.counter);
		return;
	}
	play_dlms_set_int(out, "result", a.result);
	play_dlms_set_int(out, "data_access_result", a.result);
	play_dlms_set(out, "name", json_string(cosem_result_name((unsigned)a.result)));
	play_dlms_set_int(out, "block", a.block);
	play_dlms_set(out, "last", json_boolean(a.last));
	if (a.kind == XDLMS_DATA && a.result == RESULT_SUCCESS) {
		list = play_dlms_value_of(a.data.p, a.data.len);
		if (json_is_array(list))
			play_dlms_set_int(out, "rows", (json_int_t)json_array_size(list));
		json_decref(list);
	}
}

enum play_result
play_dlms_apdu(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	static struct play_octets bytes;
	static struct play_dlms p;
	json_t *out = json_object(), *exchange, *part;
	size_t i;

	memset(&p, 0, sizeof(p));
	json_array_foreach(json_object_get(vector, "exchange"), i, exchange) {
		if (play_dlms_hex(json_object_get(exchange, "tx"), &bytes) && bytes.len > 0) {
			part = play_dlms_request(&p, bytes.p, bytes.len);
			if (json_object_get(part, "attr") != NULL)
				json_object_set(out, "attribute", json_object_get(part, "attr"));
			json_object_update(out, part);
			json_decref(part);
			put_request(out, &p, &bytes);
		}
		if (!play_dlms_hex(json_object_get(exchange, "rx"), &bytes) || bytes.len == 0)
			continue;
		part = play_dlms_answer(&p, bytes.p, bytes.len);
		if (json_object_get(part, "list") != NULL)
			json_object_set(out, "results", json_object_get(part, "list"));
		json_decref(part);
		put_answer(out, &bytes);
	}
	/* The calendar vectors name the attribute by its number. */
	if (json_object_get(out, "seasons") != NULL || json_object_get(out, "weeks") != NULL ||
	    (json_object_get(out, "days") != NULL && json_object_get(out, "last") != NULL &&
		json_array_size(json_object_get(vector, "exchange")) == 1)) {
		const char *name = json_string_value(json_object_get(out, "attribute"));
		const char *slash = name != NULL ? strrchr(name, '/') : NULL;

		if (slash != NULL)
			play_dlms_set_int(out, "attribute", slash[1] - '0');
	}
	return play_dlms_finish(&p, out, made, why, why_size);
}

/* ---- protections ---- */

static void
take(const json_t *decoded, const char *key, uint8_t *to, size_t len)
{
	static struct play_octets o;

	if (play_dlms_hex(json_object_get(decoded, key), &o) && o.len == len)
		memcpy(to, o.p, len);
}

/* Keys, titles, challenges and secrets are given; everything else is found. */
static json_t *
given(const json_t *decoded)
{
	static const char *const keys[] = { "encryption_key", "authentication_key", "title",
		"client_title",
		"server_title", "secret", "CtoS", "StoC", "challenge" };
	json_t *out = json_object();

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		if (json_object_get(decoded, keys[i]) != NULL)
			json_object_set(out, keys[i], json_object_get(decoded, keys[i]));
	return out;
}

static void
play_protected(struct play_dlms *p, json_t *out, const struct play_octets *bytes, bool is_sent,
    const json_t *wanted_counter)
{
	static struct play_octets plain;
	static uint8_t buf[PLAY_DLMS_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct cipher c = p->cipher;
	struct protection got;
	json_t *apdu;

	plain = *bytes;
	if (cipher_open(&c, c.title, plain.p, &plain.len, &got) < 0) {
		play_dlms_set(out, "accept", json_false());
		return;
	}
	play_dlms_set(out, "accept", json_true());
	play_dlms_set(out, "security_control", json_sprintf("%02X", got.control));
	play_dlms_set(out, "counter",
	    json_is_string(wanted_counter) ? json_sprintf("%08X", got.counter) :
					     json_integer(got.counter));
	play_dlms_set(out, "plain", play_dlms_hex_json(plain.p, plain.len));
	play_dlms_set(out, "cipher_and_tag", play_dlms_hex_json(bytes->p + 7, bytes->len - 7));
	if (plain.p[0] == APDU_NOTIFICATION) {
		apdu = play_dlms_answer(p, plain.p, plain.len);
		play_dlms_set(out, "apdu", apdu);
	}
	if (!is_sent)
		return;
	c.control = got.control;
	c.counter = got.counter;
	if (cipher_protect(&c, (struct octets){ plain.p, plain.len }, &w) < 0 || w.len != bytes->len ||
	    memcmp(buf, bytes->p, w.len) != 0)
		play_dlms_fault(p, "our codec protects otherwise");
}

static bool
is_proof(const json_t *decoded)
{
	return json_object_get(decoded, "plain") == NULL && json_object_get(decoded, "accept") == NULL;
}

static void
expect_proof(struct play_dlms *p, struct cipher *c, unsigned mechanism, struct octets challenge,
    const struct play_octets *wanted)
{
	struct secret secret = { p->secret, p->secret_len };
	struct proof proof;

	if (mechanism == MECHANISM_GMAC && wanted->len > 5)
		c->counter = (uint32_t)wanted->p[1] << 24 | (uint32_t)wanted->p[2] << 16 |
		    (uint32_t)wanted->p[3] << 8 | wanted->p[4];
	if (proof_make(c, mechanism, secret, challenge, &proof) < 0 || proof.len != wanted->len ||
	    memcmp(proof.p, wanted->p, proof.len) != 0)
		play_dlms_fault(p, "our codec proves otherwise");
}

/* The answer (tx) to a challenge, and where both are there, the meter's answer (rx) to ours. */
static void
play_proof(struct play_dlms *p, json_t *out, const json_t *decoded, const struct play_octets *tx,
    const struct play_octets *rx)
{
	static struct play_octets ctos, stoc;
	struct cipher c = p->cipher;
	bool is_aes = json_object_get(decoded, "secret") != NULL;

	if (play_dlms_hex(json_object_get(decoded, "CtoS"), &ctos) && ctos.len > 0 &&
	    play_dlms_hex(json_object_get(decoded, "StoC"), &stoc)) {
		expect_proof(p, &c, MECHANISM_GMAC, (struct octets){ stoc.p, stoc.len }, tx);
		if (proof_check(&c, MECHANISM_GMAC, (struct secret){ 0 },
			(struct octets){ ctos.p, ctos.len }, (struct octets){ rx->p, rx->len }) < 0)
			play_dlms_fault(p, "our codec does not believe the meter");
	} else
		expect_proof(p, &c, is_aes ? MECHANISM_AES : MECHANISM_GMAC,
		    (struct octets){ rx->p, rx->len }, tx);
	if (!is_aes && tx->len > 5)
		play_dlms_set_int(out, "counter",
		    (json_int_t)tx->p[1] << 24 | tx->p[2] << 16 | tx->p[3] << 8 | tx->p[4]);
}

enum play_result
play_dlms_crypto(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	static struct play_octets tx, rx, secret;
	static struct play_dlms p;
	const json_t *exchange = json_array_get(json_object_get(vector, "exchange"), 0);
	const json_t *decoded = json_object_get(vector, "decoded");
	json_t *out = given(decoded);

	memset(&p, 0, sizeof(p));
	take(decoded, "encryption_key", p.cipher.key, CRYPTO_KEY);
	take(decoded, "authentication_key", p.cipher.auth_key, CRYPTO_KEY);
	take(decoded, "title", p.cipher.title, ACSE_TITLE_LEN);
	take(decoded, "client_title", p.cipher.title, ACSE_TITLE_LEN);
	take(decoded, "server_title", p.cipher.peer_title, ACSE_TITLE_LEN);
	memcpy(p.received.title, p.cipher.title, ACSE_TITLE_LEN);
	if (play_dlms_hex(json_object_get(decoded, "secret"), &secret) &&
	    secret.len <= sizeof(p.secret)) {
		memcpy(p.secret, secret.p, secret.len);
		p.secret_len = secret.len;
	}
	if (!play_dlms_hex(json_object_get(exchange, "tx"), &tx) ||
	    !play_dlms_hex(json_object_get(exchange, "rx"), &rx))
		play_dlms_fault(&p, "not hex");
	else if (is_proof(decoded))
		play_proof(&p, out, decoded, &tx, &rx);
	else
		play_protected(&p, out, tx.len > 0 ? &tx : &rx, tx.len > 0,
		    json_object_get(decoded, "counter"));
	return play_dlms_finish(&p, out, made, why, why_size);
}
