/* Meters and buses of the poller (inside the poller). */
#ifndef USPD_POLL_TABLE_H
#define USPD_POLL_TABLE_H

#include "src/poll/poll_private.h"

int poll_table_add_bus(struct poll *, struct crew *, const char *name, bool tcp, const char *target,
    const struct line_options *, struct poll_bus **) USPD_MUST_CHECK;
/* Takes the current meter table; waits until no visit runs (poll->paused keeps new ones away). */
int poll_table_load(struct poll *) USPD_MUST_CHECK;

#endif
