/* What tests of simulated meters share. */
#ifndef USPD_TESTS_UNIT_SIM_HELP_H
#define USPD_TESTS_UNIT_SIM_HELP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/street.h"

/* Parses a street that must be good, into the place of another (or NULL). */
void sim_help_street(struct sim_street **, const char *json, bool unpaced, int64_t now_us);
/* A Mercury frame: the bytes of `hex` and their checksum; its length. */
size_t sim_help_frame(const char *hex, uint8_t *to, size_t size);

#endif
