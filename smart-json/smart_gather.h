/* Questions to meters for one HTTP call: given to the poller a few at a time, so that no bus idles
 * and nobody else is kept waiting; the call goes on when all are answered or its time is over.
 *
 * Questions go in lanes: those of one lane in their order, lanes beside each other. */
#ifndef USPD_SMART_JSON_SMART_GATHER_H
#define USPD_SMART_JSON_SMART_GATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smart-json/http.h"
#include "src/model/meter.h"
#include "src/poll/ask.h"

struct gather;

/* A lane for each serial bus, and one for all that is reached by TCP. */
enum { GATHER_LANES = SERIAL_BUSES + 1 };
/* The lane of a meter, through its hubs. */
unsigned gather_lane(const struct meter_table *, const struct meter_row *);

/* Called with the gathering locked, in any thread; not after its end. */
struct gather_ops {
	/* The next question of a lane: kind, meter and what goes with it.  false: no more. */
	bool (*next)(void *arg, unsigned lane, struct ask *, uint32_t *slot);
	void (*record)(void *arg, uint32_t slot, const struct ask *, const struct record *);
	/* Also for what the poller refused: answer->rc says why. */
	void (*answered)(void *arg, uint32_t slot, const struct ask *, const struct ask_answer *);
};

/* call->resumed and what it needs must be set; on error it is unset again.  `arg` stays until
 * gather_free().  E_LIMIT: too many calls wait; E_NOMEM. */
int gather_start(struct gather **, struct http_call *, const struct gather_ops *, void *arg,
    int64_t seconds) USPD_MUST_CHECK;
/* Nobody waits any longer; in call->job_free (the loop's thread).  NULL allowed. */
void gather_free(struct gather *);

/* What became of a question, for people. */
const char *gather_error(int rc, bool english);

#endif
