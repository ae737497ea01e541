/* Simulated Mercury 23x meters (meter-mercury-set.md 2).
 *
 * The first block is what the table of kinds takes; the rest is shared by the mercury*.c files. */
#ifndef USPD_SIM_MERCURY_H
#define USPD_SIM_MERCURY_H

#include "sim/sim.h"
#include "src/base/cursor.h"

extern const char *const sim_mercury_keys[];
bool sim_mercury_configure(
    struct sim_meter *, const struct sim_type *, const json_t *, char *why, size_t);
size_t sim_mercury_answer(struct sim_meter *, int64_t now_us, const uint8_t *req, size_t n,
    uint8_t out[SIM_ANSWER_MAX]);
size_t sim_mercury_foreign(const struct sim_meter *, const uint8_t *answer, size_t n,
    uint8_t out[SIM_ANSWER_MAX]);
size_t sim_mercury_busy(const struct sim_meter *, const uint8_t *answer, size_t n,
    uint8_t out[SIM_ANSWER_MAX]);
void sim_mercury_table(const struct sim_meter *, char *addr, char *rd, char *wr, size_t size);

/* What a request function returns: a status (2.3), or one of the two others. */
enum sim_mercury_reply {
	SIM_REPLY_DATA = -1,	/* the data are in `w` */
	SIM_REPLY_NONE = -2,	/* silence: wrong number of bytes */
	SIM_DONE = 0,
	SIM_BAD_COMMAND = 1,
	SIM_INTERNAL = 2,
	SIM_LEVEL_LOW = 3,
	SIM_CORRECTED_TODAY = 4,
	SIM_NOT_OPEN = 5,
	SIM_NO_RESULT = 7,
	SIM_BUSY = 8,
};

/* One request: p[0..n) follow the request code, without the CRC. */
struct sim_mercury_call {
	struct sim_meter *m;
	int64_t now_us;
	int64_t t;		/* meter's clock, seconds */
	const uint8_t *p;
	size_t n;
	struct wr *w;
};

int sim_mercury_journal(struct sim_mercury_call *);		/* code 04 */
int sim_mercury_energy(struct sim_mercury_call *);		/* code 05 */
int sim_mercury_energy_quadrants(struct sim_mercury_call *);	/* code 15 */
int sim_mercury_memory(struct sim_mercury_call *);		/* code 06 */
int sim_mercury_parameter(struct sim_mercury_call *);		/* code 08 */
int sim_mercury_relative(struct sim_mercury_call *);		/* code 16 */
int sim_mercury_write(struct sim_mercury_call *, uint8_t level);	/* code 03 */

/* Parts of answers. */
int sim_mercury_unsupported(const struct sim_mercury_call *);
void sim_mercury_put4(struct wr *, uint32_t);		/* energies: bytes 2, 1, 4, 3 */
void sim_mercury_put3(struct wr *, uint32_t, uint8_t flags);
void sim_mercury_put_time(struct wr *, int64_t t);	/* ss mm hh dd MM yy; 0 = all zeros */
void sim_mercury_put_registers(struct sim_mercury_call *, unsigned tariff, int64_t t);
int sim_mercury_last_record(struct sim_mercury_call *, bool second_array);	/* 08 13, 08 15 */
int sim_mercury_physical_energy(struct sim_mercury_call *);	/* memory 2, old firmware */
void sim_mercury_note_clock(struct sim_meter *, int64_t before, int64_t after);

#endif
