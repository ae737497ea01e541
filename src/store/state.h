/* State and configuration of a meter: one row per meter in archive.db. */
#ifndef USPD_STORE_STATE_H
#define USPD_STORE_STATE_H

#include <stdint.h>

#include "src/store/archive.h"
#include "src/store/ring.h"
#include "src/store/store.h"

/* Zeroes when the meter has no row.  *config_type (may be NULL): REC_*_CONFIG or REC_NONE. */
int state_read(struct archive *, uint16_t dev, struct meter_state *, enum record_type *config_type)
    USPD_MUST_CHECK;
/* Writer only.  A configuration older than the stored one changes nothing. */
int state_write(struct archive *, uint16_t dev, const struct meter_state *) USPD_MUST_CHECK;
int config_write(struct archive *, struct rings *, uint16_t dev, enum record_type, int64_t ts,
    const struct meter_config *) USPD_MUST_CHECK;
/* Labels older than this belong to another device; 0. */
int state_serial_since(struct archive *, uint16_t dev, int64_t *) USPD_MUST_CHECK;

#endif
