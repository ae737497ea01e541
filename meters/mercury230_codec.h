/* Codec of the Меркурий 23x, 204, 208, 238 protocol (meter-mercury-set.md 2).  Pure functions.
 *
 *	request   ADDR CODE [param] [data...] CRClo CRChi
 *	answer    ADDR data(1..255)           CRClo CRChi
 *
 * Three oddities.  There is neither a length nor a start mark: the length follows from the request.
 * A read answered with one data byte is a refusal (its status).  Byte orders are mixed: energy
 * arrives as bytes 2 1 4 3 of the number, three-byte values as 1 3 2, profile words low first. */
#ifndef USPD_METERS_MERCURY230_CODEC_H
#define USPD_METERS_MERCURY230_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "src/base/civil.h"
#include "src/base/cursor.h"
#include "src/base/err.h"

enum {
	M230_ARGS_MAX = 24,		/* longest request body after the code: 03 36, 17 bytes */
	M230_REQUEST_MAX = M230_ARGS_MAX + 4,
	M230_OVERHEAD = 3,		/* address and checksum */
	M230_STATUS_LEN = 4,		/* a whole answer of one data byte */
	M230_FRAME_MAX = 255 + M230_OVERHEAD,
	M230_LONGEST_READ = 17,		/* profile records in one answer, 2.11 */
	M230_RECORD_LEN = 15,		/* bytes of a profile record */
	M230_RECORD_STEP = 16,		/* distance of their addresses */
};

enum m230_code {
	M230_TEST = 0x00, M230_OPEN = 0x01, M230_CLOSE = 0x02, M230_WRITE = 0x03, M230_EVENTS = 0x04,
	M230_ENERGY = 0x05, M230_MEMORY = 0x06, M230_PARAM = 0x08, M230_LOSSES = 0x15,
	M230_RELATIVE = 0x16,
};
enum m230_write {			/* parameters of code 03 the driver uses */
	M230_SET_TIME = 0x0c, M230_CORRECT_TIME = 0x0d, M230_SET_LOAD = 0x31,
};
enum m230_param {			/* parameters of code 08 */
	M230_SERIAL = 0x00, M230_IDENTITY = 0x01, M230_RATIOS = 0x02, M230_FIRMWARE = 0x03,
	M230_STATE_WORD = 0x0a, M230_ONE_VALUE = 0x11, M230_VARIANT = 0x12, M230_POINTER = 0x13,
	M230_LATCHED = 0x14, M230_POINTER2 = 0x15, M230_ALL_PHASES = 0x16, M230_LOAD_WORD = 0x18,
};
enum m230_array {			/* arrays of code 05, high nibble of its first byte (2.6) */
	M230_SINCE_RESET = 0x00, M230_MONTH_CONS = 0x30, M230_DAY_CONS = 0x50, M230_PER_PHASE = 0x60,
	M230_MONTH_START = 0xb0, M230_TODAY_START = 0xc0, M230_YESTERDAY_START = 0xd0,
};
enum { M230_ALL_TARIFFS = 6, M230_LAST_RECORD = 0xff, M230_ALL_RECORDS = 0xfe };
enum { M230_FAST_BLOCK = 0xa0 };	/* BWRI "everything" */

enum m230_status {			/* low nibble of a one-byte answer (2.3) */
	M230_DONE, M230_BAD_COMMAND, M230_INTERNAL, M230_LOW_LEVEL, M230_ALREADY_CORRECTED,
	M230_NOT_OPEN, M230_REPEAT, M230_NOT_READY, M230_METER_BUSY,
};

/* ---- frames ---- */

struct mercury230_request {
	uint8_t address, code, n;
	uint8_t args[M230_ARGS_MAX];
};

/* Bytes of the request with its checksum; 0 when it does not fit. */
size_t mercury230_encode(const struct mercury230_request *, uint8_t *buf, size_t size);
/* The request in a frame.  E_CHECKSUM; E_FRAME: a form this protocol does not have. */
int mercury230_parse_request(struct mercury230_request *, const uint8_t *, size_t) USPD_MUST_CHECK;

/* What the framer expects: lengths of the data part, ascending.  An answer of one byte is always
 * possible; is_open: any length may come, the end is told by silence. */
struct mercury230_expect {
	uint8_t address, n;
	bool is_open;
	bool is_loose;	/* another length than the known ones may come too, told by silence */
	uint16_t data[5];
};
struct mercury230_expect mercury230_expect_of(const struct mercury230_request *);
framer mercury230_framer;		/* hint: struct mercury230_expect */

/* ---- time ---- */

enum m230_stamp { M230_STAMP_EMPTY, M230_STAMP_GOOD, M230_STAMP_BAD };

struct mercury230_clock {
	struct civil t;
	int weekday;			/* 1 Monday .. 7, as the meter says */
	enum season season;
};
int mercury230_decode_clock(struct rd *, struct mercury230_clock *) USPD_MUST_CHECK;	/* 8 bytes */
/* ss mm hh dd MM yy.  Zeros or FFh are an empty stamp (1.4). */
enum m230_stamp mercury230_decode_stamp(struct rd *, struct civil *);
/* Arguments of 03 0D (3 bytes) and 03 0C (8 bytes) after the parameter number. */
void mercury230_encode_time(struct wr *, const struct civil *);
void mercury230_encode_clock(struct wr *, const struct civil *, bool is_summer);

/* ---- energy ---- */

struct mercury230_energy {
	uint32_t n[4];			/* A+ A- R+ R-, Wh and varh (or half-pulses, 2.7) */
	uint8_t present;		/* bit per kind the meter keeps */
};
uint32_t mercury230_decode_number(struct rd *);		/* bytes 2 1 4 3 */
void mercury230_decode_energy(struct rd *, struct mercury230_energy *, unsigned kinds);

/* ---- momentary values (2.8) ---- */

struct mercury230_value {
	uint32_t n;
	bool is_absent;			/* all bytes FFh */
	bool is_active_reverse, is_reactive_reverse;
};
enum m230_kind {
	M230_POWER, M230_VOLTAGE, M230_CURRENT, M230_COS, M230_FREQUENCY, M230_ANGLE, M230_HARMONIC,
	M230_TEMPERATURE, M230_EVERYTHING = 0xa, M230_LATCH_TIME = 0xe, M230_LATCHED_ENERGY = 0xf,
};
struct mercury230_value mercury230_decode_value(struct rd *);		/* 3 bytes */
struct mercury230_value mercury230_decode_latched(struct rd *);	/* 4 bytes */
/* Signed thousandths of the base unit (mW, mV, mA, ...); power: 0 P, 1 Q, 2 S.  False: absent,
 * or |cos| above 1. */
bool mercury230_value_milli(const struct mercury230_value *, enum m230_kind, unsigned power,
    int64_t *);

struct mercury230_block {		/* answer to 08 16 A0 */
	struct mercury230_value p[3][4];	/* P Q S: sum, L1..L3 */
	struct mercury230_value u[3], angle[3], i[3], cos[4], f;
	bool has_extras;		/* the 86-byte form */
	uint16_t harmonic[3];		/* 0.01 %, FFFFh not measured */
	int16_t temperature;
};
/* E_FRAME: neither 78 nor 86 bytes. */
int mercury230_decode_block(struct rd *, struct mercury230_block *) USPD_MUST_CHECK;

/* ---- load profile (2.11) ---- */

enum m230_slice_state {
	M230_SLICE_OVERFLOW = 0x01, M230_SLICE_PARTIAL = 0x02, M230_SLICE_INIT = 0x04,
	M230_SLICE_WINTER = 0x08, M230_SLICE_HIGH = 0x10,
};
struct mercury230_pointer {
	uint16_t word;			/* byte address or record number, by firmware */
	uint8_t state, period_min;
	struct civil t;			/* end of the last record */
	bool is_empty;
};
struct mercury230_slice {
	uint8_t state, period_min;
	struct civil t;			/* end of the interval */
	bool is_empty;			/* all zero or erased: the meter was off */
	bool is_bad;			/* date or period cannot be */
	uint8_t present;
	uint16_t n[4];			/* half-pulses: P+ P- Q+ Q- */
};
int mercury230_decode_pointer(struct rd *, struct mercury230_pointer *) USPD_MUST_CHECK;
void mercury230_decode_slice(struct rd *, struct mercury230_slice *);		/* 15 bytes */
/* Mean power of a slice, mW or mvar; energy of half-pulses, mWh.  constant: imp/kWh, not 0. */
int64_t mercury230_slice_power(uint16_t n, uint32_t constant, unsigned period_min);
int64_t mercury230_pulses_energy(uint32_t n, uint32_t constant);

/* ---- journals (2.12) ---- */

enum { M230_JOURNAL_DEPTH = 10, M230_PQ_DEPTH = 100, M230_PQ_BLOCK = 20 };
unsigned mercury230_journal_size(unsigned journal);	/* bytes of a record: 6 or 12; 0 unknown */
unsigned mercury230_journal_depth(unsigned journal);	/* 10, or 100 for power quality */

struct mercury230_programming {		/* record of journal 13h */
	enum m230_stamp stamp;
	struct civil date;
	uint8_t count;			/* as received (the meter counts in BCD or binary) */
	uint8_t mask03[7], mask07;
};
void mercury230_decode_programming(struct rd *, struct mercury230_programming *);
/* Six bytes of a state word: bit n-1 = E-n (2.14).  Shorter words lack the highest bytes. */
uint64_t mercury230_decode_state(struct rd *, size_t len);

/* ---- identity (2.5) ---- */

struct mercury230_serial {
	char text[9];
	struct civil made;		/* year 0 when the date cannot be */
};
struct mercury230_variant {
	uint8_t raw[6], len;
	unsigned class_a, class_r;	/* tenths of a percent */
	unsigned u_nominal_dv, i_nominal;	/* tenths of a volt; ampere */
	unsigned constant;		/* imp/kWh; 0 unknown */
	unsigned execution, phases, interface;	/* interface: 0 CAN, 1 RS-485 */
	bool is_one_way, has_temperature_range, has_profile, is_modulus, has_internal_tariffs;
	bool is_active_only, has_big_memory, has_plm, has_gsm, has_optoport, has_external_supply;
	bool has_cover_seal, has_terminal_seal, has_quality, has_phase_energy;
};
int mercury230_decode_serial(struct rd *, struct mercury230_serial *) USPD_MUST_CHECK;
int mercury230_decode_firmware(struct rd *, uint8_t fw[3]) USPD_MUST_CHECK;
/* 2..6 bytes; what a short form leaves out is false or 0. */
int mercury230_decode_variant(struct rd *, size_t len, struct mercury230_variant *) USPD_MUST_CHECK;

#endif
