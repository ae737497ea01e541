/* What a simulated customer consumes: a pure integer function of serial number and time.
 *
 * Energies are in half-pulses of 0.5 Wh (0.5 varh), the unit of the Mercury profile at a meter
 * constant of 1000 imp/kWh.  Times are seconds since 1970-01-01 00:00 on the meter's own (local)
 * clock.  Every counter has a closed form, so any moment of any year costs the same.  The formulas
 * are written down in docs/simulator.md; tests/integration/street_model.py is a second reading. */
#ifndef USPD_SIM_CONSUMPTION_H
#define USPD_SIM_CONSUMPTION_H

#include <stdbool.h>
#include <stdint.h>

enum sim_kind { SIM_A_PLUS, SIM_A_MINUS, SIM_R_PLUS, SIM_R_MINUS, SIM_KINDS };
enum { SIM_TARIFFS = 4, SIM_SLOT_S = 1800, SIM_DAY_S = 86400, SIM_OUTAGES = 16 };

/* The meter is without supply from `from` to `to`; sorted, disjoint. */
struct sim_outage {
	int64_t from, to;
};

struct sim_load {
	uint64_t serial;
	int64_t history_from;	/* archives keep nothing that ended at or before it */
	unsigned n_outages;
	struct sim_outage outages[SIM_OUTAGES];
};

/* A 64-bit hash of three numbers: the only source of irregularity in the street. */
uint64_t sim_hash(uint64_t a, uint64_t b, uint64_t c);

int64_t sim_epoch(uint64_t serial);		/* midnight on which the meter began to count */
unsigned sim_tariff(int64_t t);			/* 1..4, by the hour */

/* Half-pulses since the epoch; tariff 0 is the sum of 1..4.  0 before the epoch. */
uint64_t sim_counter(const struct sim_load *, enum sim_kind, unsigned tariff, int64_t t);
/* Half-pulses of the half hour that ends at `end`. */
uint32_t sim_slot(const struct sim_load *, enum sim_kind, int64_t end);
/* The same slot as if the supply had never failed: what momentary power follows. */
uint32_t sim_slot_raw(uint64_t serial, enum sim_kind, int64_t end);

bool sim_is_off(const struct sim_load *, int64_t t);
/* Seconds without supply in [from, to). */
int64_t sim_off_seconds(const struct sim_load *, int64_t from, int64_t to);
/* Appends one interval; false when it is full, empty or not after the previous one. */
bool sim_add_outage(struct sim_load *, int64_t from, int64_t to);
/* Appends `count` intervals of 60..max_s seconds, one in each equal part of [from, to). */
bool sim_make_outages(struct sim_load *, unsigned count, int64_t from, int64_t to, int64_t max_s);

#endif
