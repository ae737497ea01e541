/* A street: buses with meters, read from one JSON file (docs/simulator.md). */
#ifndef USPD_SIM_STREET_H
#define USPD_SIM_STREET_H

#include <stdio.h>

#include "sim/bus.h"

struct sim_options {
	bool unpaced;			/* no line pace, no latency on any bus */
	bool quick_history;		/* archives begin two days before the start */
	bool seed_given;
	uint64_t seed;
};

struct sim_street {
	struct sim_bus *buses;
	size_t n_buses;
	int64_t tz_s;
	int64_t start_us;		/* UTC */
	int64_t base_t;			/* local seconds that relative outage times count from */
};

/* NULL with the reason in `why`.  now_us: UTC. */
struct sim_street *sim_street_load(const char *path, const struct sim_options *, int64_t now_us,
    char *why, size_t);
struct sim_street *sim_street_parse(const json_t *, const struct sim_options *, int64_t now_us,
    char *why, size_t);
void sim_street_free(struct sim_street *);

/* Appends the meters of one entry of "meters" to the bus; `nth` is the number of the bus among its
 * copies. */
bool sim_meters_parse(struct sim_street *, struct sim_bus *, const json_t *entry,
    const json_t *bus_json, const struct sim_options *, uint64_t seed, unsigned nth, char *why, size_t);

/* "2024-05-01T10:30:00" or whole seconds relative to base_t; false when neither. */
bool sim_parse_time(const json_t *, int64_t base_t, int64_t *t);
/* Every key of the object is in the NULL-terminated list, or in `more` (may be NULL). */
bool sim_known_keys(
    const json_t *, const char *const *keys, const char *const *more, char *why, size_t);

void sim_street_csv(const struct sim_street *, FILE *);
void sim_street_ready(const struct sim_street *, FILE *);	/* one JSON line */
void sim_street_dump(const struct sim_street *, FILE *);	/* counters, one JSON line each */

#endif
