/* The one thread of the simulator: descriptors, a heap of deadlines, signals. */
#ifndef USPD_SIM_ENGINE_H
#define USPD_SIM_ENGINE_H

#include <stdio.h>

#include "sim/street.h"
#include "src/base/err.h"

struct sim_engine;

/* Opens every bus.  links and telegrams (a log of every byte; the caller's) may be NULL. */
int sim_engine_open(struct sim_engine **, struct sim_street *, const char *links,
    FILE *telegrams) USPD_MUST_CHECK;
/* Until SIGTERM or SIGINT; SIGUSR1 writes the counters to `log`. */
int sim_engine_run(struct sim_engine *, FILE *log);
void sim_engine_close(struct sim_engine *);	/* NULL allowed; the street stays the caller's */

#endif
