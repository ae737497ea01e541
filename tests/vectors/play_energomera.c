/* Vectors of Энергомера classic.  Every request is taken apart and built again by our codec, every
 * answer decoded by it; the fields made carry the names of the vectors. */
#include "tests/vectors/play_energomera.h"

#include <stdio.h>
#include <string.h>

#include "tests/vectors/play.h"

/* ---- exchanges ---- */

/* NAME(inner) of a command. */
static bool
split_command(const struct iec_telegram *t, char name[8], struct iec_text *inner)
{
	size_t open = 0;

	while (open < t->body.len && t->body.p[open] != '(')
		open++;
	if (open > 7 || open + 2 > t->body.len || t->body.p[t->body.len - 1] != ')')
		return false;
	iec_text_copy((struct iec_text){ t->body.p, open }, name, 8);
	*inner = (struct iec_text){ t->body.p + open + 1, t->body.len - open - 2 };
	return true;
}

static bool
put_error(struct play *p, struct iec_text body)
{
	struct iec_walk w = iec_walk(body);
	struct iec_value v;
	unsigned error = iec_next(&w, &v) == 1 ? energomera_error(v.text) : 0;
	char text[24];

	if (error == 0)
		return false;
	play_put(p, "error|error_code", json_integer(error));
	play_put_text(p, "error_name|meaning", uspd_errname(energomera_error_meaning(error)));
	snprintf(text, sizeof text, "ERR%u", error);
	play_put_text(p, "result|error_text", text);
	play_put(p, "parameter|name", play_text(v.name));
	return true;
}

static bool
play_read(struct play *p, const struct iec_telegram *tx, const struct iec_telegram *rx)
{
	char name[8], argument[64];
	struct iec_text inner;
	int rc;

	if (!split_command(tx, name, &inner))
		return play_fail(p, "request is not NAME(argument)");
	iec_text_copy(inner, argument, sizeof argument);
	if (rx->kind == IEC_KIND_NAK || rx->kind == IEC_KIND_BREAK)
		return true;
	if (rx->kind == IEC_KIND_ACK)
		play_put_text(p, "result", "ACK"); /* a command with the form of a read: CTIME */
	if (rx->kind != IEC_KIND_ANSWER)
		return rx->kind == IEC_KIND_ACK || play_fail(p, "not an answer");
	if (strcmp(name, "GROUP") == 0 && energomera_answer(rx->body, name) == E_FOREIGN)
		return play_group(p, inner, rx->body);
	rc = energomera_answer(rx->body, name);
	if (rc == E_FOREIGN || rc == E_FRAME) {
		play_put_text(p, "result", rc == E_FOREIGN ? "late answer" : "malformed");
		return true;
	}
	if (rc < 0 && play_energy_of(name) >= 0 && !play_period(p, play_energy_of(name), argument))
		return false;
	if (rx->body.len == 0) {
		play_put(p, "data|record|value", json_null());
		play_put_text(p, "result|meaning", "no such record");
		return true;
	}
	if (put_error(p, rx->body)) {
		if (rc == E_NODATA)
			play_put(p, "data|record|value", json_null());
		return true;
	}
	return play_values(p, name, argument, rx->body);
}

static bool
play_write(struct play *p, const struct iec_telegram *tx, const struct iec_telegram *rx)
{
	char name[8], text[ENERGOMERA_ARG], stamp[32];
	struct iec_text inner;
	struct energomera_clock *c = &p->set;

	if (!split_command(tx, name, &inner))
		return play_fail(p, "request is not NAME(argument)");
	if (strcmp(name, "TIME_") == 0 && energomera_time(inner, c) == E_OK) {
		p->clock_is_set = true;
		energomera_time_argument(text, &c->at);
		if (!iec_text_is(inner, text))
			return play_fail(p, "not the time we write");
	} else if (strcmp(name, "DATE_") == 0 && energomera_date(inner, c) == E_OK) {
		p->date_is_set = true;
		energomera_date_argument(text, &c->at);
		if (!iec_text_is(inner, text))
			return play_fail(p, "not the date we write");
	}
	play_put(p, name, play_text(inner));
	play_clock(p, c, p->date_is_set, p->clock_is_set);
	if (rx->kind == IEC_KIND_ACK) {
		play_put_text(p, "result", "ACK");
		snprintf(stamp, sizeof stamp, "%02d:%02d:%02d", c->at.hour % 100, c->at.minute % 100,
		    c->at.second % 100);
		if (p->clock_is_set && p->date_is_set)
			play_put(p, "set", json_incref(json_object_get(p->made, "datetime")));
		else if (p->clock_is_set)
			play_put_text(p, "set", stamp);
		else if (p->date_is_set)
			play_put(p, "set", json_incref(json_object_get(p->made, "date")));
		else
			play_put(p, "set", play_text(inner));
	} else if (rx->kind == IEC_KIND_ANSWER)
		put_error(p, rx->body);
	return true;
}

static void
put_login(struct play *p, const struct iec_telegram *tx, const struct iec_telegram *rx)
{
	char name[8];
	struct iec_text inner;

	if (split_command(tx, name, &inner))
		play_put(p, "password", play_text(inner));
	if (rx->kind == IEC_KIND_ACK)
		play_put_text(p, "access", "granted");
	else if (rx->kind == IEC_KIND_BREAK || rx->kind == IEC_KIND_ANSWER) {
		play_put_text(p, "access|result", "denied");
		play_put_text(p, "meaning", uspd_errname(E_DENIED));
	}
	if (rx->kind == IEC_KIND_ANSWER)
		put_error(p, rx->body);
}

/* Read-out: all parameters in one block, each decoded as if it were alone. */
static bool
play_readout(struct play *p, struct iec_text body)
{
	struct iec_walk w = iec_walk(body), before = w;
	struct iec_value v;
	int rc = iec_next(&w, &v);

	while (rc == 1) {
		struct iec_text name = v.name, part = { before.r.p, 0 };
		char text[8];

		while (rc == 1 && v.name.p == name.p) {
			before = w;
			rc = iec_next(&w, &v);
		}
		part.len = (size_t)(before.r.p - part.p);
		while (part.len > 0 && (part.p[0] == '\r' || part.p[0] == '\n')) {
			part.p++;
			part.len--;
		}
		iec_text_copy(name, text, sizeof text);
		if (!play_values(p, text, "", part))
			return false;
	}
	return rc == 0 || play_fail(p, "read-out not understood");
}

static void
put_sign_on(struct play *p, const struct iec_telegram *tx, const struct iec_telegram *rx)
{
	if (tx->address.len > 0)
		play_put(p, "address", play_text(tx->address));
	if (rx->kind == IEC_KIND_IDENT)
		play_ident(p->made, rx);
}

static bool
play_option(struct play *p, const struct iec_telegram *rx)
{
	char name[8];
	struct iec_text inner;

	if (rx->kind == IEC_KIND_ANSWER)
		return play_readout(p, rx->body);
	if (rx->kind == IEC_KIND_COMMAND && split_command(rx, name, &inner)) {
		play_put(p, "P0_operand", play_text(inner));
		return true;
	}
	return play_fail(p, "the option is not answered by P0 or a read-out");
}

static bool
play_telegrams(struct play *p, const struct iec_telegram *tx, const struct iec_telegram *rx)
{
	if (rx->kind == IEC_KIND_NAK)
		play_put_text(p, "result", "NAK: checksum or parity error seen by the meter");
	else if (rx->kind == IEC_KIND_BREAK)
		play_put_text(p, "result", "B0: session closed by the meter");
	switch (tx->kind) {
	case IEC_KIND_SIGN_ON:
		put_sign_on(p, tx, rx);
		return true;
	case IEC_KIND_OPTION:
		return play_option(p, rx);
	case IEC_KIND_SESSIONLESS:
		put_sign_on(p, tx, rx);
		return tx->command[0] == 'W' ? play_write(p, tx, rx) : play_read(p, tx, rx);
	case IEC_KIND_COMMAND:
		if (tx->command[0] == 'P')
			put_login(p, tx, rx);
		else
			return tx->command[0] == 'W' ? play_write(p, tx, rx) : play_read(p, tx, rx);
		return true;
	default:
		return true;
	}
}

static bool
play_step(struct play *p, const json_t *step)
{
	static struct play_bytes sent, received;
	struct iec_telegram tx, rx;
	int rc;

	if (!play_hex(json_object_get(step, "tx"), &sent) ||
	    !play_hex(json_object_get(step, "rx"), &received))
		return play_fail(p, "not hex");
	memset(&rx, 0, sizeof rx);
	rx.kind = IEC_KIND_ACK;
	if (received.len > 0 &&
	    (!play_framed(IEC_BCC_ADD, &received) ||
		iec_parse(received.data, received.len, IEC_BCC_ADD, &rx) < 0))
		return play_fail(p, "the answer is not a telegram");
	rc = iec_parse(sent.data, sent.len, IEC_BCC_ADD, &tx);
	/* A request damaged on purpose is what NAK answers. */
	if (rc == E_CHECKSUM && rx.kind == IEC_KIND_NAK) {
		play_put_text(p, "result", "NAK: checksum or parity error seen by the meter");
		return true;
	}
	if (rc < 0 || !play_rebuilds(&tx, IEC_BCC_ADD, &sent))
		return play_fail(p, "the request is not one we build");
	return received.len == 0 || play_telegrams(p, &tx, &rx);
}

enum play_result
play_energomera_iec(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	struct play p = { .made = json_object(), .interval_min = 30 };
	const json_t *exchange = json_object_get(vector, "exchange"), *step;
	size_t i;

	*made = NULL;
	json_array_foreach(exchange, i, step)
		if (!play_step(&p, step)) {
			snprintf(why, why_size, "step %zu: %s", i + 1, p.why);
			json_decref(p.made);
			return PLAY_DIFFERED;
		}
	*made = p.made;
	return PLAY_DECODED;
}
