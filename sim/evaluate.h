/* uspd-sim --evaluate: prints values of the consumption model, to compare with another program. */
#ifndef USPD_SIM_EVALUATE_H
#define USPD_SIM_EVALUATE_H

#include <stdio.h>

#include "sim/consumption.h"

/* KIND: A+ A- R+ R-, with a tariff digit behind (A+0 .. R-4) counters at FROM and TO; with "profile"
 * behind (A+profile) every half hour that ends in (FROM, TO].  Local seconds.  false: bad argument. */
bool sim_evaluate(const struct sim_load *, const char *kind, int64_t from, int64_t to, FILE *);

#endif
