/* The session of Энергомера classic: sign-on, password, farewell, and what is owed to the bus.
 *
 * R1 carries no address and an answer no argument.  A session that ended without a clean last
 * answer may therefore hear requests meant for others, and an answer that comes late may be taken
 * for the next one of its name: both are waited out before anybody signs on again (2.4.6, 2.4.7). */
#include "meters/energomera.h"

#include <string.h>

enum { BREAK_SILENCE_MS = 200, TWIN_SILENCE_MS = 2300, SESSION_IDLE_MS = 4000 };
/* So long after a repeated request the answer to its first sending may still come. */
enum { DOUBT_MS = 3500, DOUBT_ANYBODY = UINT8_MAX };

static const struct iec_expect after_option = { .bcc = IEC_BCC_ADD, .soh = true };
/* A refusal is ACK's opposite: NAK, B0, or an error text, which has no name here. */
static const struct iec_expect after_password = { .bcc = IEC_BCC_ADD, .ack = true, .nak = true,
	.soh = true, .stx = true, .name = "P1" };

static const struct energomera_model models[] = {
	{ "CE303", 5, .kinds = 0xF, .has_group = true },
	{ "CE301", 6, .kinds = 0xF },
	{ "CE102M", 11, .kinds = 1 << A_PLUS, .is_single_phase = true },
};
enum { MODELS = sizeof models / sizeof *models };

const struct energomera_model *
energomera_model(struct meter_session *s)
{
	const struct energomera_memory *m = energomera_memory(s);

	if (m->model > 0 && m->model <= MODELS)
		return &models[m->model - 1];
	for (size_t i = 0; i < MODELS; i++)
		if (models[i].type == s->type)
			return &models[i];
	return &models[0];
}

/* ---- telegrams ---- */

int
energomera_exchange(struct meter_session *s, const struct wr *w, framer *frame,
    const struct iec_expect *expect, struct iec_telegram *t)
{
	struct energomera_memory *m = energomera_memory(s);
	size_t len = 0;
	int rc;

	if (!wr_ok(w))
		return E_LIMIT;
	rc = line_exchange(s->line, w->buf, w->len, frame, expect, s->rx, IEC_FRAME_MAX, &len);
	if (rc == E_OK)
		rc = iec_parse(s->rx, len, IEC_BCC_ADD, t);
	/* E_PREEMPTED: nothing was sent, so nothing is owed. */
	if (rc < 0 && rc != E_PREEMPTED && m->link != LINK_NONE)
		m->link = LINK_BROKEN;
	return rc;
}

/* ---- doubt ---- */

static uint16_t
line_ms(const struct meter_session *s)
{
	return (uint16_t)(line_times(s->line).done_us / 1000);
}

void
energomera_doubt(struct meter_session *s, unsigned name)
{
	struct energomera_memory *m = energomera_memory(s);
	bool is_second = m->link == LINK_DOUBT && m->doubt_name != name + 1;
	uint16_t now = line_ms(s);

	m->doubt_name = (uint8_t)(is_second ? DOUBT_ANYBODY : name + 1);
	m->doubt_ms[0] = (uint8_t)(now & 0xFF);
	m->doubt_ms[1] = (uint8_t)(now >> 8);
	m->link = LINK_DOUBT;
}

/* The clock of the line stands at the last exchange, so a doubt lasts rather too long. */
static void
settle_doubt(struct meter_session *s)
{
	struct energomera_memory *m = energomera_memory(s);
	uint16_t since = (uint16_t)(m->doubt_ms[0] | m->doubt_ms[1] << 8);

	if (m->link == LINK_DOUBT && (uint16_t)(line_ms(s) - since) > DOUBT_MS)
		m->link = LINK_SESSION;
}

/* ---- farewell ---- */

/* B0 has no answer. */
static int
send_break(struct meter_session *s)
{
	uint8_t buf[8];
	struct wr w = wr_init(buf, sizeof buf);

	iec_put_break(&w, IEC_BCC_ADD);
	return line_exchange(s->line, w.buf, w.len, NULL, NULL, NULL, 0, NULL);
}

void
energomera_leave(struct meter_session *s)
{
	static const struct { uint8_t breaks; uint16_t silence_ms; } farewells[] = {
		[LINK_NONE] = { 0, 0 },
		[LINK_SESSION] = { 1, BREAK_SILENCE_MS },
		[LINK_DOUBT] = { 2, TWIN_SILENCE_MS },
		[LINK_BROKEN] = { 2, SESSION_IDLE_MS },
	};
	struct energomera_memory *m = energomera_memory(s);
	unsigned link;
	int rc = E_OK;

	settle_doubt(s);
	link = m->link <= LINK_BROKEN ? m->link : LINK_BROKEN;
	for (int i = 0; i < farewells[link].breaks && rc == E_OK; i++)
		rc = send_break(s);
	if (rc == E_OK && farewells[link].silence_ms > 0)
		rc = line_silence(s->line, farewells[link].silence_ms);
	/* A break that could not be sent leaves the meter to its own time limit. */
	(void)rc;
	m->link = LINK_NONE;
}

/* ---- sign-on ---- */

static int
check_ident(struct meter_session *s, const struct iec_telegram *t)
{
	struct energomera_memory *m = energomera_memory(s);
	char ident[IEC_IDENT_MAX];

	/* The case of the third letter tells the reaction time, not the maker. */
	if (t->kind != IEC_KIND_IDENT || t->vendor[0] != 'E' || t->vendor[1] != 'K' ||
	    (t->vendor[2] != 'T' && t->vendor[2] != 't'))
		return E_FOREIGN;
	iec_text_copy(t->ident, ident, sizeof ident);
	m->model = 0;
	for (size_t i = 0; i < MODELS; i++)
		if (strncmp(ident, models[i].ident, strlen(models[i].ident)) == 0)
			m->model = (uint8_t)(i + 1);
	return E_OK;
}

/* A password with control characters or brackets would be another telegram. */
static int
password_text(const struct meter_session *s, char *text, size_t size)
{
	const uint8_t *password = s->writing ? s->password_write : s->password_read;
	size_t len = s->writing ? s->password_write_len : s->password_read_len;
	size_t n = 0;

	if (len > METER_PASSWORD_MAX || len + 3 > size)
		return E_DENIED;
	text[n++] = '(';
	for (size_t i = 0; i < len; i++) {
		uint8_t c = password[i];

		if (c < 0x20 || c > 0x7E || c == '(' || c == ')')
			return E_DENIED;
		text[n++] = (char)c;
	}
	text[n++] = ')';
	text[n] = '\0';
	return E_OK;
}

/* 2.6: three wrong passwords lock the port, so a refusal is final.  NAK is a transmission error by
 * the standard; should this meter mean "wrong" by it, one repeat still stays below three. */
static int
log_in(struct meter_session *s)
{
	struct energomera_memory *m = energomera_memory(s);
	uint8_t buf[IEC_REQUEST_MAX];
	char text[METER_PASSWORD_MAX + 3];
	struct iec_telegram t;
	int rc = password_text(s, text, sizeof text);

	for (int attempt = 0; rc == E_OK && attempt < 2; attempt++) {
		struct wr w = wr_init(buf, sizeof buf);

		iec_put_command(&w, IEC_BCC_ADD, "P1", iec_text(text));
		rc = energomera_exchange(s, &w, iec_framer, &after_password, &t);
		if (rc < 0 || t.kind == IEC_KIND_ACK)
			return rc;
		if (t.kind == IEC_KIND_ANSWER && energomera_answer(t.body, "P1") == E_NODATA)
			return E_FRAME; /* "no such record": a late answer, not a refusal */
		if (t.kind != IEC_KIND_NAK)
			break;
	}
	if (rc == E_OK && t.kind == IEC_KIND_BREAK)
		m->link = LINK_NONE;
	return E_DENIED;
}

static int
sign_on(struct meter_session *s)
{
	struct energomera_memory *m = energomera_memory(s);
	uint8_t buf[IEC_REQUEST_MAX];
	struct wr w = wr_init(buf, sizeof buf);
	struct iec_telegram t;
	int rc;

	m->link = LINK_NONE;
	iec_put_sign_on(&w, s->address_text);
	rc = energomera_exchange(s, &w, iec_ident_framer, NULL, &t);
	if (rc < 0)
		return rc;
	rc = check_ident(s, &t);
	if (rc < 0)
		return rc;
	m->link = LINK_SESSION;
	/* The speed of the bus is fixed: whatever digit the meter named is confirmed (2.1). */
	w = wr_init(buf, sizeof buf);
	iec_put_option(&w, t.baud, '1');
	rc = energomera_exchange(s, &w, iec_framer, &after_option, &t);
	if (rc < 0)
		return rc;
	if (t.kind != IEC_KIND_COMMAND || strcmp(t.command, "P0") != 0) {
		m->link = t.kind == IEC_KIND_BREAK ? LINK_NONE : LINK_BROKEN;
		return E_FRAME;
	}
	/* No password in the settings: reading is allowed right after P0 (2.5), writing is not. */
	if (!s->writing && s->password_read_len == 0)
		return E_OK;
	return log_in(s);
}

int
energomera_ensure(struct meter_session *s, unsigned name)
{
	struct energomera_memory *m = energomera_memory(s);

	settle_doubt(s);
	/* A twin of another name is told by its name. */
	if (m->link == LINK_SESSION ||
	    (m->link == LINK_DOUBT && m->doubt_name != DOUBT_ANYBODY && m->doubt_name != name + 1))
		return E_OK;
	energomera_leave(s);
	return sign_on(s);
}

int
energomera_open(struct meter_session *s)
{
	struct energomera_memory *m = energomera_memory(s);
	int rc = E_OK;

	if (s->is_open)
		energomera_leave(s);
	m->link = LINK_NONE;
	m->period_is_fresh = m->ring = 0;
	/* Everything such a conversation reads may fit one-shot requests: sign on when it does not. */
	if (s->writing || m->group != GROUP_SESSIONLESS)
		rc = sign_on(s);
	if (rc < 0)
		energomera_leave(s);
	s->is_open = rc == E_OK;
	return rc;
}

void
energomera_close(struct meter_session *s)
{
	energomera_leave(s);
	energomera_memory(s)->period_is_fresh = energomera_memory(s)->ring = 0;
	s->is_open = false;
}
