/* Simulated Energomera CE301 / CE303 meters (meter-iec61107.md 1, 2, 3, 8).
 *
 * The first block is what the table of kinds takes; the rest is shared by the energomera*.c files,
 * which see 7-bit characters only: parity is put on and taken off in energomera.c. */
#ifndef USPD_SIM_ENERGOMERA_H
#define USPD_SIM_ENERGOMERA_H

#include "sim/sim.h"
#include "src/base/cursor.h"

extern const char *const sim_energomera_keys[];
bool sim_energomera_configure(
    struct sim_meter *, const struct sim_type *, const json_t *, char *why, size_t);
size_t sim_energomera_answer(struct sim_meter *, int64_t now_us, const uint8_t *req, size_t n,
    uint8_t out[SIM_ANSWER_MAX]);
size_t sim_energomera_foreign(const struct sim_meter *, const uint8_t *answer, size_t n,
    uint8_t out[SIM_ANSWER_MAX]);
size_t sim_energomera_busy(const struct sim_meter *, const uint8_t *answer, size_t n,
    uint8_t out[SIM_ANSWER_MAX]);
void sim_energomera_table(const struct sim_meter *, char *addr, char *rd, char *wr, size_t size);
bool sim_energomera_whole(const uint8_t *req, size_t n);

/* What reading or writing a parameter ends in; positive numbers are the meter's ERRnn. */
enum {
	SIM_IEC_DATA = 0,
	SIM_IEC_NO_RECORD = -1,		/* an empty block */
	SIM_IEC_ACK = -2,
	SIM_IEC_ERR_COMMAND = 11,
	SIM_IEC_ERR_PARAMETER = 12,
	SIM_IEC_ERR_STRUCTURE = 13,
	SIM_IEC_ERR_BUTTON = 14,
	SIM_IEC_ERR_REJECTED = 15,
	SIM_IEC_ERR_VALUE = 17,
	SIM_IEC_ERR_DATE = 18,
};

/* One parameter request: NAME(argument), both terminated. */
struct sim_iec_call {
	struct sim_meter *m;
	int64_t now_us, t;
	const char *name, *argument;
	struct wr *w;
};

/* Values of a parameter that is a list of numbers; v in 10^-decimals. */
struct sim_iec_values {
	int n, decimals;
	int64_t v[6];
};

int sim_iec_read(struct sim_iec_call *);
int sim_iec_archive(struct sim_iec_call *, enum sim_kind);	/* END EAD ENM EAM GRA */
bool sim_iec_is_journal(const char *name);
int sim_iec_journal(struct sim_iec_call *);
int sim_iec_write(struct sim_iec_call *);
int sim_iec_group(struct sim_iec_call *);			/* GROUP(id(mask)...) */

void sim_iec_registers(const struct sim_meter *, enum sim_kind, int64_t from, int64_t to,
    struct sim_iec_values *);		/* total, T1..T5 between; from 0 = the readings */
void sim_iec_put(struct wr *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void sim_iec_put_decimal(struct wr *, int64_t v, int decimals);
void sim_iec_put_values(struct sim_iec_call *, const struct sim_iec_values *);
/* PE, PI, QE, QI; false for another pair of letters. */
bool sim_iec_kind(const char *pair, enum sim_kind *);

#endif
