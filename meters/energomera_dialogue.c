/* Requests to Энергомера classic, one at a time, with the repeats of meter-iec61107.md 2.4, and what
 * is learned from the answers. */
#include "meters/energomera.h"

#include <stdio.h>
#include <string.h>

enum { LATE_SILENCE_MS = 300, GROUP_SILENCES = 3 };

/* ---- what was learned ---- */

static bool
bit_get(const uint8_t *bits, unsigned i)
{
	return (bits[i / 8] >> (i % 8) & 1) != 0;
}

static void
bit_put(uint8_t *bits, unsigned i, bool on)
{
	uint8_t mask = (uint8_t)(1u << (i % 8));

	bits[i / 8] = (uint8_t)(on ? bits[i / 8] | mask : bits[i / 8] & ~mask);
}

bool
energomera_refuses(struct meter_session *s, enum energomera_name name)
{
	return bit_get(energomera_memory(s)->refused, name);
}

bool
energomera_knows(struct meter_session *s, enum energomera_name name)
{
	return bit_get(energomera_memory(s)->answered, name);
}

void
energomera_refuse(struct meter_session *s, enum energomera_name name)
{
	bit_put(energomera_memory(s)->refused, name, true);
}

void
energomera_forget_refusal(struct meter_session *s, enum energomera_name name)
{
	bit_put(energomera_memory(s)->refused, name, false);
}

static void
learn(struct meter_session *s, enum energomera_name name, int rc)
{
	struct energomera_memory *m = energomera_memory(s);

	if (rc == E_UNSUPPORTED || rc == E_OK) {
		bit_put(m->refused, name, rc != E_OK);
		bit_put(m->answered, name, rc == E_OK);
	}
}

/* ---- requests ---- */

enum reply { REPLY_TEXT, REPLY_NAK, REPLY_BREAK, REPLY_OTHER, REPLY_NAMELESS, REPLY_SILENCE,
	REPLY_KINDS };

static bool
is_nameless(struct iec_text body)
{
	return body.len == 0 || body.p[0] == '(';
}

/* One R1 and what came of it: an enum reply, or an error that is passed on. */
static int
request_once(struct meter_session *s, struct iec_text text, const struct iec_expect *expect,
    bool is_doubtful, struct iec_text *body)
{
	struct energomera_memory *m = energomera_memory(s);
	uint8_t buf[IEC_REQUEST_MAX];
	struct wr w = wr_init(buf, sizeof buf);
	struct iec_telegram t;
	int rc;

	iec_put_command(&w, IEC_BCC_ADD, "R1", text);
	rc = energomera_exchange(s, &w, iec_framer, expect, &t);
	if (rc == E_TIMEOUT || rc == E_FOREIGN)
		return rc == E_TIMEOUT ? REPLY_SILENCE : REPLY_OTHER;
	if (rc < 0)
		return rc;
	if (t.kind == IEC_KIND_NAK)
		return REPLY_NAK;
	if (t.kind == IEC_KIND_BREAK) {
		m->link = LINK_NONE;
		return REPLY_BREAK;
	}
	if (t.kind != IEC_KIND_ANSWER || t.partial) {
		m->link = LINK_BROKEN;
		return E_FRAME;
	}
	*body = t.body;
	return is_doubtful && is_nameless(t.body) ? REPLY_NAMELESS : REPLY_TEXT;
}

/* R1 with its repeats; `name` is what a twin of the answer would be known by. */
static int
request(struct meter_session *s, unsigned name, struct iec_text text, const struct iec_expect *expect,
    struct iec_text *body)
{
	static const struct { uint8_t repeats; bool is_doubtful; int16_t error; } rules[REPLY_KINDS] = {
		[REPLY_NAK] = { 2, false, E_CHECKSUM },
		[REPLY_BREAK] = { 1, false, E_TIMEOUT },
		[REPLY_OTHER] = { 2, true, E_FOREIGN },
		[REPLY_NAMELESS] = { 1, false, E_FOREIGN },
		[REPLY_SILENCE] = { 1, true, E_TIMEOUT },
	};
	struct energomera_memory *m = energomera_memory(s);
	uint8_t seen[REPLY_KINDS] = { 0 };
	bool in_doubt = false;
	int rc = energomera_ensure(s, name);
	uint8_t link = m->link;

	while (rc == E_OK) {
		int reply = request_once(s, text, expect, link == LINK_DOUBT, body);

		if (reply < 0)
			return reply;
		if (reply == REPLY_TEXT) {
			m->link = link;
			if (in_doubt)
				energomera_doubt(s, name);
			return E_OK;
		}
		if (seen[reply]++ >= rules[reply].repeats)
			return rules[reply].error;
		in_doubt |= rules[reply].is_doubtful;
		if (reply == REPLY_OTHER)
			rc = line_silence(s->line, LATE_SILENCE_MS);
		/* An answer without a name may be the twin that is awaited: begin anew. */
		if (reply == REPLY_NAMELESS)
			energomera_leave(s);
		if (reply == REPLY_NAMELESS || reply == REPLY_BREAK) {
			rc = energomera_ensure(s, name);
			link = m->link;
			in_doubt = false;
		}
	}
	return rc;
}

int
energomera_ask(struct meter_session *s, enum energomera_name name, const char *argument,
    struct iec_text *body)
{
	const struct iec_expect expect = { .bcc = IEC_BCC_ADD, .nak = true, .soh = true, .stx = true,
		.name = energomera_name(name) };
	char text[ENERGOMERA_ARG + 8];
	int rc;

	snprintf(text, sizeof text, "%s(%s)", energomera_name(name), argument);
	rc = request(s, name, iec_text(text), &expect, body);
	if (rc == E_OK) {
		rc = energomera_answer(*body, energomera_name(name));
		learn(s, name, rc);
	}
	return rc;
}

/* What a write is answered with besides ACK. */
static int
write_refusal(struct meter_session *s, const struct iec_telegram *t)
{
	struct iec_walk walk = iec_walk(t->body);
	struct iec_value v;
	int rc;

	switch (t->kind) {
	case IEC_KIND_ACK:
		return E_OK;
	case IEC_KIND_NAK:
		return E_CHECKSUM;
	case IEC_KIND_BREAK:
		energomera_memory(s)->link = LINK_NONE;
		return E_REFUSED;
	case IEC_KIND_ANSWER:
		if (iec_next(&walk, &v) != 1)
			return E_FRAME;
		rc = energomera_error_meaning(energomera_error(v.text));
		return rc == E_INVALID || rc == E_NODATA ? E_REFUSED : rc;
	default:
		return E_FRAME;
	}
}

int
energomera_write(struct meter_session *s, enum energomera_name name, const char *argument)
{
	const struct iec_expect expect = { .bcc = IEC_BCC_ADD, .ack = true, .nak = true, .soh = true,
		.stx = true, .name = energomera_name(name) };
	struct energomera_memory *m = energomera_memory(s);
	uint8_t buf[IEC_REQUEST_MAX];
	char text[ENERGOMERA_ARG + 8];
	struct wr w = wr_init(buf, sizeof buf);
	struct iec_telegram t;
	int rc;

	/* Signing on here would take a second and make the text stale. */
	if (m->link != LINK_SESSION && (m->link != LINK_DOUBT || m->doubt_name == name + 1))
		return E_TIMEOUT;
	snprintf(text, sizeof text, "%s(%s)", energomera_name(name), argument);
	iec_put_command(&w, IEC_BCC_ADD, "W1", iec_text(text));
	rc = energomera_exchange(s, &w, iec_framer, &expect, &t);
	return rc < 0 ? rc : write_refusal(s, &t);
}

/* ---- one-shot reads ---- */

/* The answer begins with the first id; an error, or anything called GROUP, is a no. */
static int
group_in_session(struct meter_session *s, struct iec_text text, const char *id, struct iec_text *body)
{
	const struct iec_expect expect = { .bcc = IEC_BCC_ADD, .nak = true, .soh = true, .stx = true,
		.name = id, .or_name = "GROUP" };
	int rc = request(s, EN_GROUP, text, &expect, body);

	if (rc == E_OK && energomera_answer(*body, "GROUP") != E_FOREIGN)
		rc = E_UNSUPPORTED;
	return rc;
}

/* 2.7: the address and the request in one telegram, no session before or after. */
static int
group_sessionless(struct meter_session *s, struct iec_text text, const char *id, struct iec_text *body)
{
	const struct iec_expect expect = { .bcc = IEC_BCC_ADD, .nak = true, .soh = true, .stx = true,
		.name = id, .or_name = "GROUP" };
	uint8_t buf[IEC_REQUEST_MAX];
	struct wr w = wr_init(buf, sizeof buf);
	struct iec_telegram t;
	int rc;

	energomera_leave(s);
	iec_put_sessionless(&w, IEC_BCC_ADD, s->address_text, "R1", text);
	rc = energomera_exchange(s, &w, iec_framer, &expect, &t);
	if (rc < 0)
		return rc;
	if (t.kind != IEC_KIND_ANSWER || t.partial)
		return E_UNSUPPORTED;
	*body = t.body;
	return E_OK;
}

/* What a failed first attempt says: an error or another text is "no"; silence may be a lost answer
 * and counts only when it repeats. */
static int
judge_probe(struct energomera_memory *m, int rc)
{
	if (rc == E_TIMEOUT && ++m->group_silences < GROUP_SILENCES)
		return E_UNSUPPORTED;
	if (rc != E_TIMEOUT && rc != E_UNSUPPORTED && rc != E_FRAME)
		return rc;
	m->group = GROUP_NONE;
	return E_UNSUPPORTED;
}

int
energomera_group(struct meter_session *s, const struct energomera_group_item *item, size_t n,
    struct energomera_values *values)
{
	static const struct {
		enum energomera_group_form form;
		int (*ask)(struct meter_session *, struct iec_text, const char *id, struct iec_text *);
	} forms[] = {
		{ GROUP_IN_SESSION, group_in_session },
		{ GROUP_SESSIONLESS, group_sessionless },
	};
	struct energomera_memory *m = energomera_memory(s);
	uint8_t buf[IEC_REQUEST_MAX];
	struct wr w = wr_init(buf, sizeof buf);
	struct iec_text body = { NULL, 0 };
	bool is_probe = m->group == GROUP_UNTRIED;
	char id[8];
	int rc = E_UNSUPPORTED;

	snprintf(id, sizeof id, "%04X", item[0].id);
	wr_text(&w, "GROUP(");
	energomera_group_request(&w, item, n);
	wr_text(&w, ")");
	if (!energomera_model(s)->has_group || m->group == GROUP_NONE || !wr_ok(&w))
		return E_UNSUPPORTED;
	for (size_t i = 0; i < 2; i++) {
		bool may_go_on = rc == E_UNSUPPORTED || rc == E_FRAME || rc == E_TIMEOUT;

		if (is_probe ? !may_go_on : m->group != forms[i].form)
			continue;
		rc = forms[i].ask(s, (struct iec_text){ w.buf, w.len }, id, &body);
		if (rc == E_OK)
			rc = energomera_group_answer(body, item, n, values);
		if (rc == E_OK)
			m->group = (uint8_t)forms[i].form;
	}
	return is_probe && rc < 0 ? judge_probe(m, rc) : rc;
}
