/* Connections that are over: what was sent still reaches the client, then FIN, not RST, whatever the
 * client had sent (transit.md 4).  Any thread. */
#ifndef USPD_TRANSIT_LINGER_H
#define USPD_TRANSIT_LINGER_H

#include <stddef.h>

#include "src/base/err.h"

struct loop;
struct lingers;

int lingers_open(struct lingers **, struct loop *) USPD_MUST_CHECK;
void lingers_close(struct lingers *);	/* after loop_run(); NULL allowed */
void linger(struct lingers *, int fd);	/* takes the descriptor */
size_t lingers_count(struct lingers *);

#endif
