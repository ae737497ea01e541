/* Scripted dialogues with Энергомера classic: telegrams from text, a session, what the sink got. */
#ifndef USPD_TESTS_UNIT_ENERGOMERA_HELP_H
#define USPD_TESTS_UNIT_ENERGOMERA_HELP_H

#include <check.h>

#include "drivers/line.h"
#include "meters/energomera.h"

extern struct meter_session *en_session;	/* fresh for each test */
extern struct record en_got[];		/* what the last read emitted */
extern size_t en_n_got;
extern struct sink en_sink;
extern const struct zone en_zone;

/* A test case with the session as fixture, added to the suite. */
TCase *en_case(Suite *, const char *name);

/* Text to telegram: "P0 ", "P1 ", "R1 ", "W1 " and "B0" begin a SOH frame, "/?", "/E" and control
 * characters stand as they are, "/?1!R1 " is a sessionless request, anything else is an answer. */
size_t en_telegram(const char *text, uint8_t *to);
void en_step(const char *tx, const char *rx);	/* rx NULL: silence */
/* Two answers that arrive together. */
void en_step_two(const char *tx, const char *first, const char *second);
void en_sign_on(void);			/* steps of a CE303 */
void en_sign_on_to(const char *ident);
/* Steps for the four kinds of NAMExx(argument); NULL: not asked, "": no such record. */
void en_four(const char *prefix, const char *argument, const char *pe, const char *pi, const char *qe,
    const char *qi);
void en_play(void);			/* the steps so far become the line */
void en_finish(void);			/* all was played and nothing else was sent */

int en_open(void);
int64_t en_local(int year, int month, int day, int hour, int minute, int second);
int64_t en_november(int day, int hour, int minute);	/* of 2023 */
int en_read(enum record_type, int64_t from, int64_t to);
int en_read_days(int from, int to);	/* starts of days of November 2023 */
int en_read_slices(int64_t from, int64_t to);

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))
#define ADD(test) tcase_add_test(c, test)

#endif
