/* Consumption of a period from the readings at its two ends (specs/poller.md 6.8).  Pure. */
#ifndef USPD_STORE_CONSUMPTION_H
#define USPD_STORE_CONSUMPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "src/model/record.h"

/* End of one register: E_OK and *used, E_NODATA when it went back.  All in thousandths;
 * `limit`: value at which the register starts again from 0; 0 = unknown, then every step back
 * is a counter that went back. */
int consumption_of(int64_t start, int64_t end, int64_t limit, int64_t *used);

/* Record of the period that `start` opens and `end` closes, labelled by its start.  False: there
 * is none (an end is a marker, the serial number changed after `start` and not after `end`, or no
 * tag has a value).  *went_back: slots whose counter went back; may be NULL. */
bool consumption_record(enum record_type, const struct record *start, const struct record *end,
    int64_t serial_since, int64_t limit, struct record *made, uint64_t *went_back);

#endif
