/* A store with a meter or two, and requests as bytes, for the tests of RTU-327. */
#ifndef USPD_TESTS_UNIT_RTU327_HELP_H
#define USPD_TESTS_UNIT_RTU327_HELP_H

#include "rtu327/codec.h"
#include "src/store/store.h"

/* The meter of the worked examples (rtu-327.md 10) and one that was never read. */
#define RTU_SERIAL "4124407232"
#define RTU_SILENT "9000000001"
enum { RTU_METER = 6, RTU_METER_SILENT = 7 };

struct rtu_store {
	char dir[64];
	struct store *store;
	uint16_t dev;		/* of RTU_METER */
};

void rtu_store_open(struct rtu_store *);
void rtu_store_close(struct rtu_store *);	/* and removes the files */
void rtu_set(struct rtu_store *, const char *key, const char *text);

/* Records of RTU_METER, durable on return.  Values by energy kind or profile slot; RTU_NONE is
 * "not kept". */
#define RTU_NONE INT64_MIN
void rtu_put_energy(struct rtu_store *, enum record_type, int64_t ts, unsigned tariff,
    const int64_t v[4]);
void rtu_put_profile(struct rtu_store *, int64_t end, uint16_t period_min, const int64_t watts[4]);
void rtu_put_event(struct rtu_store *, uint16_t journal, int64_t ts, int64_t event, int64_t id);
void rtu_put_record(struct rtu_store *, const struct record *);
void rtu_flush(struct rtu_store *);

/* Appends one request frame; returns its length. */
size_t rtu_frame(uint8_t *to, size_t size, struct rtu327_request request, uint16_t number);

#endif
