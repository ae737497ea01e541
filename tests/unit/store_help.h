/* Shared by the tests of the store: a store in a folder of its own and short ways to use it. */
#ifndef USPD_TESTS_UNIT_STORE_HELP_H
#define USPD_TESTS_UNIT_STORE_HELP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/store/store.h"

enum { READ_MAX = 2000 };

struct fixture {
	char dir[64];
	struct store *store;
	struct record read[READ_MAX];	/* what the last read gave */
	uint16_t devs[READ_MAX];
	size_t n;
	struct meter_config config;	/* of the last configuration read */
};

void fixture_open(struct fixture *);
void fixture_close(struct fixture *);	/* removes the folder */
void fixture_reopen(struct fixture *);

void fixture_put(struct fixture *, uint16_t dev, const struct record *);	/* and syncs */
void fixture_queue(struct fixture *, uint16_t dev, const struct record *);
size_t fixture_read(struct fixture *, int dev, const struct store_range *);	/* dev -1: all */
size_t fixture_read_all(struct fixture *, int dev, enum record_type, bool markers);
size_t fixture_read_range(struct fixture *, int dev, enum record_type, int64_t from, int64_t to);
int fixture_slow_each(void *fixture, uint16_t dev, const struct record *);	/* lets 2 ms pass */
struct store_ring fixture_ring(struct fixture *, uint16_t dev, enum record_type, uint16_t journal);
void fixture_wait_count(struct fixture *, uint16_t dev, enum record_type, uint16_t journal, uint32_t);
void fixture_wait_purged(struct fixture *, uint16_t dev);
void fixture_assert_record(const struct record *is, const struct record *wanted);
struct record fixture_energy(enum record_type, int64_t ts, int64_t value);
void fixture_sql(struct fixture *, const char *sql, int64_t *value);	/* of archive.db */
/* Changes a closed store. */
void fixture_sql_file(struct fixture *, const char *file, const char *sql);

#endif
