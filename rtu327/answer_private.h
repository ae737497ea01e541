/* Shared by the files that make answers; nobody else includes it. */
#ifndef USPD_RTU327_ANSWER_PRIVATE_H
#define USPD_RTU327_ANSWER_PRIVATE_H

#include "rtu327/answer.h"

struct answer {
	const struct rtu327_context *ctx;
	const struct rtu327_request *q;
	const struct meter_row *meter;		/* NULL for questions without a serial number */
	struct wr *w;				/* data of the reply go here */
	size_t room;				/* bytes of data allowed */
	int64_t deadline_us;			/* monotonic */
};

/* No TIME_T lies beyond. */
#define RTU327_TIME_MOST ((int64_t)UINT32_MAX)

/* Milliseconds left for the database, at least 1. */
uint32_t answer_ms_left(const struct answer *);
int answer_read(const struct answer *, const struct store_range *, store_each *, void *arg);
/* v / divisor, or RTU327_MISSING when the record does not hold the slot.  Both are whole numbers
 * that a double holds exactly, so that the quotient is the double nearest to the decimal value. */
double answer_value(const struct record *, unsigned slot, double divisor);
/* Length of the profile interval in minutes as GETSHPRM tells it (rtu-327.md 6.4). */
int answer_interval(const struct answer *, uint8_t *minutes);

enum { MILLI = 1000, MEGA = 1000000 };	/* thousandths to units, to thousands of units */

/* Each writes the data of its reply; E_NODATA when a list is empty. */
int answer_lp(struct answer *);
int answer_tests(struct answer *);
int answer_autoread(struct answer *);
int answer_meter_log(struct answer *);
int answer_readings(struct answer *);

#endif
