#include "tests/unit/energomera_help.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS = 256, BYTES = 65536, RECORDS = 256 };

static struct script_step steps[STEPS];
static size_t n_steps, n_bytes;
static uint8_t bytes[BYTES];
struct meter_session *en_session;
struct record en_got[RECORDS];
size_t en_n_got;
const struct zone en_zone = { 3 * 3600, false };

/* ---- scripts ---- */

size_t
en_telegram(const char *text, uint8_t *to)
{
	const char *soh = strstr(text, "!R1 ");
	size_t n = 0, start, len = strlen(text);
	uint8_t sum = 0;

	if (soh == NULL &&
	    ((uint8_t)text[0] == '/' || (uint8_t)text[0] == IEC_ACK || (uint8_t)text[0] == IEC_NAK)) {
		memcpy(to, text, len);
		return len;
	}
	if (soh != NULL) {
		n = (size_t)(soh + 1 - text);
		memcpy(to, text, n);
		text += n;
	}
	start = n;
	if (strcmp(text, "B0") == 0) {
		to[n++] = IEC_SOH;
		to[n++] = 'B';
		to[n++] = '0';
	} else if (strlen(text) > 3 && strchr("PRW", text[0]) != NULL && text[2] == ' ') {
		to[n++] = IEC_SOH;
		to[n++] = (uint8_t)text[0];
		to[n++] = (uint8_t)text[1];
		to[n++] = IEC_STX;
		memcpy(to + n, text + 3, strlen(text) - 3);
		n += strlen(text) - 3;
	} else {
		to[n++] = IEC_STX;
		memcpy(to + n, text, strlen(text));
		n += strlen(text);
	}
	to[n++] = IEC_ETX;
	for (size_t i = start + 1; i < n; i++)
		sum = (uint8_t)(sum + to[i]);
	to[n++] = sum & 0x7F;
	return n;
}

void
en_step(const char *tx, const char *rx)
{
	struct script_step *s = &steps[n_steps++];

	ck_assert_uint_lt(n_steps, STEPS);
	ck_assert_uint_lt(n_bytes, BYTES - 8192);
	s->tx = bytes + n_bytes;
	s->tx_len = en_telegram(tx, bytes + n_bytes);
	n_bytes += s->tx_len;
	s->rx = bytes + n_bytes;
	s->rx_len = rx == NULL ? 0 : en_telegram(rx, bytes + n_bytes);
	n_bytes += s->rx_len;
}

void
en_step_two(const char *tx, const char *first, const char *second)
{
	struct script_step *s = &steps[n_steps];
	size_t n;

	en_step(tx, first);
	n = en_telegram(second, bytes + n_bytes);
	s->rx_len += n;
	n_bytes += n;
}

void
en_sign_on_to(const char *ident)
{
	en_step("/?141227285!\r\n", ident);
	en_step("\006051\r\n", "P0 (141227285)");
	en_step("P1 (777777)", "\x06");
}

void
en_sign_on(void)
{
	en_sign_on_to("/EKT5CE303v11\r\n");
}

void
en_four(const char *prefix, const char *argument, const char *pe, const char *pi, const char *qe,
    const char *qi)
{
	const char *const suffix[] = { "PE", "PI", "QE", "QI" }, *const text[] = { pe, pi, qe, qi };
	char tx[64], rx[256];

	for (int i = 0; i < 4; i++) {
		if (text[i] == NULL)
			continue;
		snprintf(tx, sizeof tx, "R1 %s%s(%s)", prefix, suffix[i], argument);
		snprintf(rx, sizeof rx, "%s%s%s", text[i][0] == '\0' ? "" : prefix,
		    text[i][0] == '\0' ? "" : suffix[i], text[i]);
		en_step(tx, rx);
	}
}

static int
keep(struct sink *to, const struct record *r)
{
	(void)to;
	ck_assert_uint_lt(en_n_got, RECORDS);
	en_got[en_n_got++] = *r;
	return E_OK;
}

struct sink en_sink = { keep };

static void
setup(void)
{
	n_steps = n_bytes = en_n_got = 0;
	en_session = calloc(1, sizeof *en_session);
	ck_assert_ptr_nonnull(en_session);
	en_session->zone = en_zone;
	en_session->type = 5;
	snprintf(en_session->address_text, sizeof en_session->address_text, "141227285");
	memcpy(en_session->password_read, "777777", 6);
	memcpy(en_session->password_write, "777777", 6);
	en_session->password_read_len = en_session->password_write_len = 6;
	/* One-shot reads have tests of their own. */
	energomera_memory(en_session)->group = GROUP_NONE;
}

static void
teardown(void)
{
	if (en_session != NULL)
		line_close(en_session->line);
	free(en_session);
	en_session = NULL;
}

/* Plays what step() has collected; the session object stays, with its memory. */
void
en_play(void)
{
	line_close(en_session->line);
	ck_assert_int_eq(line_open_script(&en_session->line, steps, n_steps), E_OK);
}

/* All of the script was played and nothing else was sent. */
void
en_finish(void)
{
	const char *error = line_script_error(en_session->line);

	ck_assert_msg(error == NULL, "%s", error);
	ck_assert_uint_eq(line_script_played(en_session->line), n_steps);
	n_steps = n_bytes = 0;
}

int
en_open(void)
{
	return energomera_family.open(en_session);
}

int64_t
en_local(int year, int month, int day, int hour, int minute, int second)
{
	struct civil c = { year, month, day, hour, minute, second };

	return civil_to_utc(en_zone, &c, SEASON_UNKNOWN);
}

int
en_read(enum record_type type, int64_t from, int64_t to)
{
	struct query q = { .type = type, .from = from, .to = to };

	en_n_got = 0;
	return energomera_family.read(en_session, &q, &en_sink);
}

int64_t
en_november(int day, int hour, int minute)
{
	return en_local(2023, 11, day, hour, minute, 0);
}

int
en_read_days(int from, int to)
{
	return en_read(REC_EL_DAY, en_november(from, 0, 0), en_november(to, 0, 0));
}

int
en_read_slices(int64_t from, int64_t to)
{
	return en_read(REC_EL_PROFILE, from, to);
}

TCase *
en_case(Suite *s, const char *name)
{
	TCase *c = tcase_create(name);

	tcase_add_checked_fixture(c, setup, teardown);
	suite_add_tcase(s, c);
	return c;
}
