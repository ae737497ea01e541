/* A server over the archive that tests/vectors/smart-json.jsonl assumes. */
#ifndef USPD_TESTS_UNIT_SMART_HELP_H
#define USPD_TESTS_UNIT_SMART_HELP_H

#include <stdint.h>

#define SMART_DAY INT64_C(1717189200)	/* 2024-06-01 00:00 +03:00 */

/* Fixture; ends with http_teardown().  Meters 6, 7, 1 (electric), 8 (pulse), 9 (digital), 10 (hub) have
 * the indices 1 to 6. */
void smart_setup(void);
/* A half hour, queued: active and reactive power in thousandths. */
void smart_put_slice(uint16_t dev, int64_t ts, int32_t diff, int64_t p, int64_t q);

#endif
