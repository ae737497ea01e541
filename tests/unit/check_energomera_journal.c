/* Journals of Энергомера classic over the scripted line. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/energomera_help.h"
#include "tests/unit/unit.h"

/* ---- journals ---- */

static int
read_journal(unsigned journal, const struct record *known)
{
	struct query q = { .type = REC_EL_JOURNAL, .journal = (uint16_t)journal, .known = known };

	en_n_got = 0;
	return energomera_family.read(en_session, &q, &en_sink);
}

static const struct {
	unsigned journal;
	const char *pointer, *ring, *text, *events;	/* "dd hh:mm event id;" */
} rings[] = {
	{ J_PWR_A, "PPHAS", "PHASE", "(14-11-23-10-5-71)(14-11-23-10-7-70)(14-11-23-10-9-71)",
	    "14 10:07 0 0;14 10:09 1 0;" },
	{ J_PWR, "PPHAS", "PHASE", "(14-11-23-10-5-7)(14-11-23-10-7-71)",
	    "14 10:05 0 0;14 10:07 1 0;" },
	{ J_PWR_B, "PPHAS", "PHASE", "(14-11-23-10-5-71)(13-11-23-10-5-71)(14-11-23-10-5-69)",
	    "14 10:05 0 0;14 10:05 1 1;" },
	{ J_LIM_UB_MIN, NULL, "JOVER", "(14-11-23-10-5-2)(14-11-23-10-5-0)(14-11-23-10-5-2)",
	    "14 10:05 1 0;14 10:05 0 1;14 10:05 1 2;" },
	{ J_PWR_C, "PPHAS", "PHASE", "()(0-0-0-0-0-0)(255-255-255-255-255-255)", "" },
	{ J_LIM_UA_MAX, NULL, "JOVER", "(14-11-23-10-5-8)(14-11-23-10-7-0)",
	    "14 10:05 1 0;14 10:07 0 0;" },
	{ J_LIM_UC_MIN, NULL, "JOVER", "(14-11-23-10-5-4)", "14 10:05 1 0;" },
	/* The ring has turned: storage order is not the order of time. */
	{ J_LIM_UA_MIN, NULL, "JOVER", "(16-11-23-10-5-0)(14-11-23-10-5-1)(15-11-23-10-5-1)",
	    "14 10:05 1 0;16 10:05 0 0;" },
	{ J_TIME_CORR, NULL, "JCORT", "(14/11/23/10/5/12)(15/11/23/0/0/1)",
	    "14 10:05 0 0;15 00:00 0 0;" },
	{ J_UNAUTH, "PDENI", "DENIA", "(14-11-23-10-5)", "14 10:05 0 0;" },
	{ J_OPEN, "PLOCK", "ELOCK", "(14-11-23-10-5-1)(15-11-23-10-5)", "14 10:05 0 0;15 10:05 0 0;" },
	{ J_TRF_CORR, "PACCE", "ACCES", "(14-11-23-10-5-8)(14-11-23-10-6-32)(14-11-23-10-7-1)",
	    "14 10:05 0 0;" },
	{ J_RESET, "PACCE", "ACCES", "(14-11-23-10-5-8)(14-11-23-10-6-32)", "14 10:06 0 0;" },
	{ J_PROG, "PACCE", "ACCES", "(14-11-23-10-5-8)(14-11-23-10-7-1)", "14 10:07 0 0;" },
};

START_TEST(rings_become_events)
{
	char tx[48], rx[256], text[512] = "";

	en_sign_on();
	if (rings[_i].pointer != NULL) {
		snprintf(tx, sizeof tx, "R1 %s()", rings[_i].pointer);
		snprintf(rx, sizeof rx, "%s(01)\r\n", rings[_i].pointer);
		en_step(tx, rx);
	}
	snprintf(tx, sizeof tx, "R1 %s()", rings[_i].ring);
	snprintf(rx, sizeof rx, "%s%s", rings[_i].ring, rings[_i].text);
	en_step(tx, rx);
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(read_journal(rings[_i].journal, NULL), E_OK);
	for (size_t i = 0; i < en_n_got; i++) {
		struct civil c = civil_from_utc(en_zone, en_got[i].ts);

		ck_assert_uint_eq(en_got[i].journal, rings[_i].journal);
		ck_assert_int_eq(c.second, 0);
		snprintf(text + strlen(text), sizeof text - strlen(text), "%02d %02d:%02d %d %d;",
		    c.day, c.hour, c.minute, (int)en_got[i].v[J_EVENT], (int)en_got[i].v[J_EVENT_ID]);
	}
	ck_assert_str_eq(text, rings[_i].events);
	en_finish();
}
END_TEST

START_TEST(a_pointer_is_trusted_after_it_was_seen_to_move)
{
	struct record known;

	en_sign_on();
	en_step("R1 PDENI()", "PDENI(01)\r\n");
	en_step("R1 DENIA()", "DENIA(14-11-23-10-5)\r\n()\r\n");
	en_step("R1 PDENI()", "PDENI(01)\r\n"); /* unchanged, but not proved */
	en_step("R1 DENIA()", "DENIA(14-11-23-10-5)\r\n()\r\n");
	en_step("R1 PDENI()", "PDENI(02)\r\n");
	en_step("R1 DENIA()", "DENIA(14-11-23-10-5)\r\n(15-11-23-10-5)\r\n");
	en_step("R1 PDENI()", "PDENI(02)\r\n"); /* proved: the ring is not read */
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(read_journal(J_UNAUTH, NULL), E_OK);
	known = en_got[0];
	energomera_memory(en_session)->ring = 0; /* another conversation */
	ck_assert_int_eq(read_journal(J_UNAUTH, &known), E_OK);
	energomera_memory(en_session)->ring = 0; /* another conversation */
	ck_assert_int_eq(read_journal(J_UNAUTH, &known), E_OK);
	ck_assert_uint_eq(en_n_got, 2);
	energomera_memory(en_session)->ring = 0; /* another conversation */
	ck_assert_int_eq(read_journal(J_UNAUTH, &known), E_OK);
	ck_assert_uint_eq(en_n_got, 0);
	en_finish();
}
END_TEST

START_TEST(records_of_one_minute_keep_the_order_after_the_pointer)
{
	en_sign_on();
	en_step("R1 PPHAS()", "PPHAS(01)\r\n");
	/* Newest in cell 1 of 3: oldest is cell 2. */
	en_step("R1 PHASE()",
	    "PHASE(14-11-23-10-5-71)\r\n(14-11-23-10-5-70)\r\n(14-11-23-10-5-70)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(read_journal(J_PWR_A, NULL), E_OK);
	ck_assert_uint_eq(en_n_got, 2);
	ck_assert_int_eq(en_got[0].v[J_EVENT], 0);
	ck_assert_int_eq(en_got[1].v[J_EVENT], 1);
	en_finish();
}
END_TEST

START_TEST(an_empty_ring_is_no_error_and_an_unknown_one_is)
{
	en_sign_on();
	en_step("R1 JOVER()", "");
	en_step("R1 JCORT()", "JCORT(ERR12)\r\n");
	en_play();
	ck_assert_int_eq(en_open(), E_OK);
	ck_assert_int_eq(read_journal(J_LIM_UA_MAX, NULL), E_OK);
	ck_assert_int_eq(read_journal(J_TIME_CORR, NULL), E_UNSUPPORTED);
	ck_assert_int_eq(read_journal(J_RELAY, NULL), E_UNSUPPORTED);
	en_finish();
}
END_TEST

static void
add_journals(Suite *s)
{
	TCase *c = en_case(s, "journals");

	tcase_add_loop_test(c, rings_become_events, 0, COUNT(rings));
	ADD(a_pointer_is_trusted_after_it_was_seen_to_move);
	ADD(records_of_one_minute_keep_the_order_after_the_pointer);
	ADD(an_empty_ring_is_no_error_and_an_unknown_one_is);
}

int
main(void)
{
	Suite *s = suite_create("energomera_journal");

	add_journals(s);
	return unit_main(s);
}
