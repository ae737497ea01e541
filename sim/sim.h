/* A simulated meter: what all kinds share, and the table of functions that makes a kind.
 *
 * The functions here do no I/O and ask no clock: `now_us` (microseconds since 1970 UTC) comes from
 * the caller, so a test drives a year in a moment.  One thread. */
#ifndef USPD_SIM_SIM_H
#define USPD_SIM_SIM_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/consumption.h"
#include "src/base/civil.h"

enum {
	SIM_REQUEST_MAX = 16384,
	SIM_ANSWER_MAX = 16384,		/* seven HDLC frames of 2030 octets, the longest */
	SIM_LIVES = 4,
};

#define SIM_FAULTS(ROW) \
	ROW(lost)	/* no answer */ \
	ROW(late)	/* the answer comes after the host's wait */ \
	ROW(damaged)	/* bits flipped */ \
	ROW(foreign)	/* another station's good frame comes first */ \
	ROW(partial)	/* the answer is cut */ \
	ROW(noise)	/* 00 or FF characters before or after */ \
	ROW(busy)	/* the meter says "busy" instead of answering */

enum sim_fault {
#define ROW(name) SIM_FAULT_##name,
	SIM_FAULTS(ROW)
#undef ROW
	SIM_FAULT_COUNT,
	SIM_FAULT_NONE = SIM_FAULT_COUNT
};
extern const char *const sim_fault_names[SIM_FAULT_COUNT];

/* Shares in 1/10000 of the answers. */
struct sim_faults {
	uint16_t share[SIM_FAULT_COUNT];
	uint32_t late_us;
};

/* A clock of its own: runs `drift_ppm` fast, and slews a correction at double or zero speed. */
struct sim_clock {
	int64_t ref_us, base_us;	/* at UTC ref_us it showed base_us (local) */
	int64_t slew_us;		/* correction in progress since ref_us */
	int32_t drift_ppm;
};

struct sim_mercury {
	uint8_t fw[3];
	uint8_t variant[6];
	uint8_t pass[2][6];
	uint16_t ratio_u, ratio_i;
	uint16_t ring;			/* records: 4096 or 8192 */
	bool class234, long_reads, arrays, last_form, relative, silent_unsupported;
	bool losses, overflow, relay_permission;
	unsigned wrong, lock_after;	/* passwords in a row; 0 = never locks */
	int64_t locked_day;
	uint8_t level;			/* of the open channel, 0 closed */
	int64_t open_until_us;
	int64_t corrected_day;
	int64_t slewed_slot[4];		/* ends of half hours with a correction in them */
	unsigned n_slewed;
	struct { int64_t before, after; } clock_log[10];
	unsigned n_clock_log;
	struct { int64_t day; uint8_t count, mask03[7]; } program_log[10];
	unsigned n_program_log;
	int64_t latched_t;		/* meter seconds, 0 = never */
	uint64_t errors;		/* bit 0 = E-01 */
	uint16_t load_word;
	uint8_t power_limit[3], energy_limit[4][4], quality_limits[16];
};

struct sim_energomera {
	char address[33];		/* IDPAS, leading zeros removed */
	char password[33];
	char refuse[64];		/* names answered with ERR12 */
	uint16_t model;
	bool plain;			/* no software parity */
	bool group, button, missing_err18, three_phase;
	enum { SIM_IEC_IDLE, SIM_IEC_SIGNED, SIM_IEC_SESSION } state;
	bool authorised;
	int64_t session_us, session_until_us;
	unsigned wrong;			/* passwords in a row */
	unsigned lock_after;
	int64_t locked_day;
	int64_t ctime_day;
	struct { int64_t at; uint8_t second; } clock_log[10];
	unsigned n_clock_log;
};

struct sim_counters {
	uint64_t heard, answers, signons, wrong_passwords, switchings, bad_reads, clock_writes, replays;
	uint64_t faults[SIM_FAULT_COUNT];
};

struct sim_meter {
	const struct sim_type *type;
	char serial[20];
	uint16_t address;		/* of the binary kinds */
	struct sim_load load;
	struct sim_clock clock;
	bool kinds[SIM_KINDS];		/* kept by this meter */
	bool single_phase;
	uint32_t latency_us, jitter_us;
	uint32_t speed;			/* hears only this one; 0 = whatever the bus has */
	struct sim_faults faults;
	uint64_t seed;
	int64_t start_us;		/* of the street; lives count from it */
	bool dead;
	unsigned n_dark;
	struct { int64_t from_us, to_us; } dark[SIM_LIVES];	/* does not answer, since start */
	int64_t replace_us;		/* since start: another meter hangs there, 0 never */
	uint64_t replace_serial;
	struct sim_counters counters;
	union {
		struct sim_mercury mercury;
		struct sim_energomera iec;
		struct sim_dlms *dlms;
	} u;
};

struct sim_type {
	const char *name;		/* in street files */
	const char *csv_type;		/* in the meter table of a concentrator */
	uint32_t latency_us;
	uint16_t address_most;		/* of the key "address"; 0: 255 */
	/* Takes the kind's own keys; false with the reason. */
	bool (*configure)(
	    struct sim_meter *, const struct sim_type *, const json_t *, char *why, size_t);
	const char *const *keys;	/* the kind's own keys, NULL ends */
	const char *preset;		/* what this row has as delivered */
	void (*release)(struct sim_meter *);	/* of what configure() made; NULL: nothing */
	/* Bytes of the answer, 0 = silence. */
	size_t (*answer)(struct sim_meter *, int64_t now_us, const uint8_t *req, size_t n,
	    uint8_t out[SIM_ANSWER_MAX]);
	/* A good frame another station might have sent instead; 0 when there is none. */
	size_t (*foreign)(const struct sim_meter *, const uint8_t *answer, size_t n,
	    uint8_t out[SIM_ANSWER_MAX]);
	size_t (*busy)(const struct sim_meter *, const uint8_t *answer, size_t n,
	    uint8_t out[SIM_ANSWER_MAX]);
	/* The columns addr, pass_rd, pass_wr. */
	void (*table)(const struct sim_meter *, char *addr, char *rd, char *wr, size_t size);
};

extern const struct sim_type sim_types[];	/* name NULL ends */
const struct sim_type *sim_type_by_name(const char *);

int64_t sim_clock_us(const struct sim_clock *, int64_t now_us);		/* local, as displayed */
bool sim_clock_slewing(const struct sim_clock *, int64_t now_us);
void sim_clock_set(struct sim_clock *, int64_t now_us, int64_t local_us);
void sim_clock_slew(struct sim_clock *, int64_t now_us, int64_t by_us);

/* Whole seconds of the meter's clock. */
int64_t sim_meter_time(const struct sim_meter *, int64_t now_us);
/* The meter's answer to one request; 0 when it is dead, dark, without supply or has nothing to say. */
size_t sim_meter_answer(struct sim_meter *, int64_t now_us, const uint8_t *req, size_t n,
    uint8_t out[SIM_ANSWER_MAX]);
/* true when more characters would make no other request of these: no need to wait for a gap. */
bool sim_request_whole(const uint8_t *req, size_t n);
/* The fault of the meter's next answer. */
enum sim_fault sim_fault_draw(const struct sim_meter *);

/* Momentary values at the terminals, integers in the Mercury units. */
struct sim_instant {
	int32_t p[4], q[4], s[4];	/* sum, L1..L3: 0.01 W, var, VA; magnitudes */
	int32_t u[3], i[3];		/* 0.01 V, mA */
	int32_t cosine[4];		/* 0.001 */
	int32_t angle[3];		/* L1-L2, L1-L3, L2-L3: 0.01 degree */
	int32_t frequency;		/* 0.01 Hz */
	int32_t harmonics[3];		/* 0.01 % */
	int32_t temperature;		/* degrees C */
	bool p_reverse, q_reverse;
};
void sim_instant(const struct sim_meter *, int64_t t, struct sim_instant *);

struct civil sim_civil(int64_t t);
int64_t sim_day(int64_t t);			/* days since 1970 */
int64_t sim_month_start(int64_t t, int months);	/* 00:00 of the 1st, `months` later */

/* A parameter of the configuration: absent leaves *to alone; wrong type is false. */
bool sim_json_int(const json_t *, const char *key, int64_t least, int64_t most, int64_t *to);
bool sim_json_bool(const json_t *, const char *key, bool *to);

#endif
