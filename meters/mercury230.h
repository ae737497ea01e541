/* Dialogue of the Меркурий 23x family: what its files share.  The family itself is
 * mercury230_family (meters/meters.h); the bytes are in mercury230_codec.h. */
#ifndef USPD_METERS_MERCURY230_H
#define USPD_METERS_MERCURY230_H

#include "meters/mercury230_codec.h"
#include "meters/meters.h"

/* What is known of an optional form of request: not asked yet, answered, refused by status 1,
 * or met with silence while the meter answers other things (2.1). */
enum m230_ability { M230_UNKNOWN, M230_KNOWS, M230_REFUSES, M230_IGNORES };
enum m230_addressing { M230_ADDRESSING_UNKNOWN, M230_BY_BYTES, M230_BY_RECORDS };

enum { MERCURY230_MEMORY_VERSION = 1 };

/* What the family learned of one meter; lives in session->memory.  All zero: nothing yet.
 * Packed, because the session keeps it as bytes at any address. */
struct mercury230_memory {
	uint8_t has_other_notation;	/* bit 0 read, bit 1 write password: digits <-> ASCII (2.4) */
	uint8_t is_learned;		/* variant and firmware below are known */
	uint8_t firmware[3], variant[6], variant_len;
	uint8_t all_tariffs;		/* enum m230_ability: tariff 6 */
	uint8_t start_arrays;		/* arrays B, C, D */
	uint8_t fast_block;		/* 08 16 A0 */
	uint8_t all_phases;		/* 08 16 kind by kind */
	uint8_t last_record;		/* 04 J FF */
	uint8_t all_records;		/* 04 J FE */
	uint8_t relative;		/* 16 03 */
	uint8_t identity;		/* 08 01 */
	uint8_t addressing;		/* enum m230_addressing */
	uint8_t long_read;		/* most records in one profile answer, 0 unknown */
	uint8_t period_min;		/* of the anchor */
	uint8_t has_clock;
	uint16_t anchor_slot;		/* ring position of a record whose date was seen */
	int64_t anchor_ts;		/* and its label; 0 unknown */
	uint64_t journals_seen;		/* bit J: this journal has answered */
	int64_t clock_utc, clock_read_us;	/* meter's time and device time of that reading */
} __attribute__((packed, may_alias));
_Static_assert(sizeof(struct mercury230_memory) <= METER_MEMORY_SIZE, "must fit the session");

static inline struct mercury230_memory *
mercury230_memory(struct meter_session *s)
{
	return (struct mercury230_memory *)(void *)s->memory;
}

/* ---- link ---- */

int mercury230_open(struct meter_session *) USPD_MUST_CHECK;
void mercury230_close(struct meter_session *);

/* Sends code and arguments, obeys statuses 2, 5, 6, 7, 8 by itself and leaves the data of the answer
 * in *data.  Logs in first when the session is not open.  E_UNSUPPORTED is status 1. */
int mercury230_ask(struct meter_session *, struct rd *data, uint8_t code, const uint8_t *args,
    size_t n) USPD_MUST_CHECK;
/* The same for a form this meter may not know: silence while it answers its clock counts as
 * E_UNSUPPORTED, and *ability remembers the outcome. */
int mercury230_try(struct meter_session *, uint8_t *ability, struct rd *data, uint8_t code,
    const uint8_t *args, size_t n) USPD_MUST_CHECK;
#define M230_ARGS(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

/* Variant and firmware, asked once per meter.  E_UNSUPPORTED when the variant makes no sense. */
int mercury230_learn(struct meter_session *, struct mercury230_variant *) USPD_MUST_CHECK;
/* Forgets abilities when the firmware read now is another one than the one they belong to. */
void mercury230_set_firmware(struct meter_session *, const uint8_t fw[3]);

/* ---- clock ---- */

int mercury230_clock_get(struct meter_session *, int64_t *utc) USPD_MUST_CHECK;
int mercury230_clock_correct(struct meter_session *, int64_t utc) USPD_MUST_CHECK;
int mercury230_clock_set(struct meter_session *, int64_t utc) USPD_MUST_CHECK;
/* The meter's time now, from a reading of the last minute or from a new one. */
int mercury230_now(struct meter_session *, int64_t *utc) USPD_MUST_CHECK;
bool mercury230_has_clock(struct meter_session *);	/* such a reading is at hand */
/* The meter's time at the last exchange.  E_NODATA when the reading was too long before it. */
int mercury230_time_of_answer(struct meter_session *, int64_t *utc) USPD_MUST_CHECK;

/* ---- reading ---- */

int mercury230_identify(struct meter_session *, struct meter_config *) USPD_MUST_CHECK;
typedef int mercury230_reader(struct meter_session *, const struct query *, struct sink *);
mercury230_reader mercury230_read_energy, mercury230_read_quality;
mercury230_reader mercury230_read_profile, mercury230_read_journal;
/* The journals of table 8.2 column A and our own kinds (README decision 4), by default level "lim".
 * ROW(journal of the store, journal of the meter, event of its first and second time, first id):
 * an event id is the position in the meter's ring, counted from the first id where several of the
 * meter's journals make one of the store's. */
#define M230_JOURNALS(ROW) \
	ROW(J_PWR, 0x01, 1, 0, 0) ROW(J_TIME_CORR, 0x02, 0, 1, 0) ROW(J_RESET, 0x09, 0, 0, 0) \
	ROW(J_C1_INIT, 0x0a, 0, 0, 0) ROW(J_TRF_CORR, 0x07, 0, 0, 0) ROW(J_TRF_CORR, 0x08, 0, 0, 10) \
	ROW(J_OPEN, 0x12, 0, 1, 0) ROW(J_UNAUTH, 0x12, 0, 1, 0) \
	ROW(J_PWR_A, 0x03, 1, 0, 0) ROW(J_PWR_B, 0x04, 1, 0, 0) ROW(J_PWR_C, 0x05, 1, 0, 0) \
	ROW(J_PROG, 0x13, 0, 0, 0) \
	ROW(J_LIM_E_TRF, 0x0b, 1, 0, 0) ROW(J_LIM_E_TRF, 0x0c, 1, 0, 10) \
	ROW(J_LIM_E_TRF, 0x0d, 1, 0, 20) ROW(J_LIM_E_TRF, 0x0e, 1, 0, 30) \
	ROW(J_LIM_E_TRF1, 0x0b, 1, 0, 0) ROW(J_LIM_E_TRF2, 0x0c, 1, 0, 0) \
	ROW(J_LIM_E_TRF3, 0x0d, 1, 0, 0) ROW(J_LIM_E_TRF4, 0x0e, 1, 0, 0) \
	ROW(J_LIM_UA_MAX, 0x23, 1, 0, 0) ROW(J_LIM_UA_MIN, 0x20, 1, 0, 0) \
	ROW(J_LIM_UB_MAX, 0x27, 1, 0, 0) ROW(J_LIM_UB_MIN, 0x24, 1, 0, 0) \
	ROW(J_LIM_UC_MAX, 0x2b, 1, 0, 0) ROW(J_LIM_UC_MIN, 0x28, 1, 0, 0) \
	ROW(J_LIM_F_MAX, 0x2f, 1, 0, 0) ROW(J_LIM_F_MIN, 0x2c, 1, 0, 0) \
	ROW(J_LIM_PWR, 0x06, 1, 0, 0) ROW(J_MAGNET, 0x1a, 1, 0, 0) ROW(J_SELF_DIAG, 0x14, 0, 0, 0) \
	ROW(J_OTHER, 0x0f, 0x0f, 0, 0x0f0) ROW(J_OTHER, 0x10, 0x10, 0, 0x100) \
	ROW(J_OTHER, 0x11, 0x11, 0, 0x110) ROW(J_OTHER, 0x15, 0x15, 0, 0x150) \
	ROW(J_OTHER, 0x16, 0x16, 0, 0x160) ROW(J_OTHER, 0x17, 0x17, 0x97, 0x170) \
	ROW(J_OTHER, 0x18, 0x18, 0x98, 0x180) ROW(J_OTHER, 0x19, 0x19, 0x99, 0x190)

/* journal_bit() as a constant expression: codes 1..42, 101..103, 199 are bits 0..45. */
#define M230_JOURNAL_BIT(code) \
	(UINT64_C(1) << ((code) <= 42 ? (code) - 1 : (code) <= 103 ? (code) - 59 : 45))
#define M230_JOURNAL_OR(code, j, first, second, id) M230_JOURNAL_BIT(code) |
#define M230_JOURNAL_MASK (M230_JOURNALS(M230_JOURNAL_OR) 0)

#endif
