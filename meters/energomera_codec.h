/* Энергомера classic (CE301, CE303, CE102M): names, values, dates, journal rings
 * (meter-iec61107.md 3).  Pure functions over the text between STX and ETX of an answer.
 *
 * An answer repeats the requested name; another name is a late answer to an earlier request.  The
 * answer does not repeat the argument, so a late answer of the same name cannot be recognised here.
 * "STX ETX" with nothing between means: no such record. */
#ifndef USPD_METERS_ENERGOMERA_CODEC_H
#define USPD_METERS_ENERGOMERA_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/iec61107.h"
#include "src/base/civil.h"
#include "src/base/err.h"
#include "src/model/model.h"

/* Parameters this family reads or writes.  The four kinds PE, PI, QE, QI stand in the order of
 * enum energy_kind. */
#define ENERGOMERA_NAMES(ROW) \
	ROW(EN_SNUMB, "SNUMB") ROW(EN_MODEL, "MODEL") ROW(EN_IDENT, "IDENT") \
	ROW(EN_TAVER, "TAVER") ROW(EN_NGRAP, "NGRAP") ROW(EN_FCVOL, "FCVOL") \
	ROW(EN_FCCUR, "FCCUR") ROW(EN_TRSUM, "TRSUM") \
	ROW(EN_WATCH, "WATCH") ROW(EN_DATE, "DATE_") ROW(EN_TIME, "TIME_") \
	ROW(EN_VOLTA, "VOLTA") ROW(EN_CURRE, "CURRE") ROW(EN_POWEP, "POWEP") \
	ROW(EN_POWPP, "POWPP") ROW(EN_POWEQ, "POWEQ") ROW(EN_POWPQ, "POWPQ") \
	ROW(EN_COS, "COS_f") ROW(EN_FREQU, "FREQU") ROW(EN_CORUU, "CORUU") \
	ROW(EN_ET0, "ET0PE") ROW(EN_ET0PI, "ET0PI") ROW(EN_ET0QE, "ET0QE") ROW(EN_ET0QI, "ET0QI") \
	ROW(EN_END, "ENDPE") ROW(EN_ENDPI, "ENDPI") ROW(EN_ENDQE, "ENDQE") ROW(EN_ENDQI, "ENDQI") \
	ROW(EN_ENM, "ENMPE") ROW(EN_ENMPI, "ENMPI") ROW(EN_ENMQE, "ENMQE") ROW(EN_ENMQI, "ENMQI") \
	ROW(EN_EAD, "EADPE") ROW(EN_EADPI, "EADPI") ROW(EN_EADQE, "EADQE") ROW(EN_EADQI, "EADQI") \
	ROW(EN_EAM, "EAMPE") ROW(EN_EAMPI, "EAMPI") ROW(EN_EAMQE, "EAMQE") ROW(EN_EAMQI, "EAMQI") \
	ROW(EN_GRA, "GRAPE") ROW(EN_GRAPI, "GRAPI") ROW(EN_GRAQE, "GRAQE") ROW(EN_GRAQI, "GRAQI") \
	ROW(EN_PHASE, "PHASE") ROW(EN_JOVER, "JOVER") ROW(EN_JCORT, "JCORT") \
	ROW(EN_DENIA, "DENIA") ROW(EN_ELOCK, "ELOCK") ROW(EN_ACCES, "ACCES") \
	ROW(EN_PPHAS, "PPHAS") ROW(EN_PDENI, "PDENI") ROW(EN_PLOCK, "PLOCK") ROW(EN_PACCE, "PACCE") \
	ROW(EN_GROUP, "GROUP")

enum energomera_name {
#define ROW(id, text) id,
	ENERGOMERA_NAMES(ROW)
#undef ROW
	EN_COUNT
};
const char *energomera_name(enum energomera_name);

/* ---- answers ---- */

enum { ENERGOMERA_TARIFFS = 4 };

/* What an answer to a request for `name` is (3.5):
 *   E_OK           it carries values of that name
 *   E_FOREIGN      values of another name: a late answer
 *   E_NODATA       empty, or error 18
 *   E_UNSUPPORTED  errors 11, 12       E_INVALID  13, 17: wrong form or value
 *   E_REFUSED      14 button, 16 jumper, and any unknown number
 *   E_DENIED       15                  E_BUSY     19
 *   E_LIMIT        22: too long        E_METER    30..33
 *   E_FRAME        not the syntax of an answer */
int energomera_answer(struct iec_text body, const char *name) USPD_MUST_CHECK;
/* Number of an error text "ERR12" or "E12"; 0 when it is not one. */
unsigned energomera_error(struct iec_text);
int energomera_error_meaning(unsigned number);

/* Decimal values of an answer as integers in 10^-decimals of the wire's unit; an empty bracket leaves
 * its bit of `present` clear.  E_FRAME when there are more than 32, or one is not a number. */
struct energomera_values {
	unsigned n;
	uint32_t present;		/* bit per value, n <= 32 */
	int64_t v[32];
};
int energomera_decimals(struct iec_text body, const char *name, unsigned decimals,
    struct energomera_values *) USPD_MUST_CHECK;
/* Slots of a load profile: kW or kvar per line, as mW; what is not a number is absent (INT64_MIN).
 * *n is how many lines there were, at most `most` (E_LIMIT beyond). */
int energomera_profile(struct iec_text body, const char *name, int64_t *mw, size_t most, size_t *n)
    USPD_MUST_CHECK;
/* The first value as text. */
int energomera_text(struct iec_text body, const char *name, struct iec_text *) USPD_MUST_CHECK;

/* ---- dates ---- */

enum { ENERGOMERA_ARG = 24 };		/* room for any argument below */
/* Of local dates: dd.mm.yy; mm.yy; dd.mm.yy.s or, for n > 1, dd.mm.yy.s.n. */
void energomera_day_argument(char to[ENERGOMERA_ARG], const struct civil *);
void energomera_month_argument(char to[ENERGOMERA_ARG], const struct civil *);
void energomera_slot_argument(char to[ENERGOMERA_ARG], const struct civil *, unsigned slot,
    unsigned n);
/* hh:mm:ss and ww.dd.mm.yy for the clock. */
void energomera_time_argument(char to[ENERGOMERA_ARG], const struct civil *);
void energomera_date_argument(char to[ENERGOMERA_ARG], const struct civil *);

struct energomera_clock {
	struct civil at;
	int weekday;			/* 0 Sunday; as the meter says */
	enum season season;
};
/* "15:49:37", "01.29.08.16", and both with the season: "15:49:37,01.29.08.16,0". */
int energomera_time(struct iec_text, struct energomera_clock *) USPD_MUST_CHECK;
int energomera_date(struct iec_text, struct energomera_clock *) USPD_MUST_CHECK;
int energomera_watch(struct iec_text, struct energomera_clock *) USPD_MUST_CHECK;

/* ---- one-shot read of CE303 (3.6) ---- */

struct energomera_group_item {
	uint16_t id;
	uint8_t mask;			/* bit per value wanted, lowest first */
	uint8_t decimals;
};
/* "400B(7)400D(1)", the argument of GROUP. */
void energomera_group_request(struct wr *, const struct energomera_group_item *, size_t n);
/* Values of all items in order; (Enn) and empty ones are absent.  The answer must hold exactly the ids
 * and as many values as were asked, or one error for all of an id; E_FRAME otherwise. */
int energomera_group_answer(struct iec_text body, const struct energomera_group_item *, size_t n,
    struct energomera_values *) USPD_MUST_CHECK;

/* ---- journals (3.3) ---- */

enum { ENERGOMERA_RING_MAX = 512 };
struct energomera_ring {
	struct energomera_ring_record {
		int32_t minute;		/* local minutes since 1970 */
		uint16_t value;		/* mask or code; 0 when the record has none */
		uint16_t cell;		/* place in the ring as sent, from 0 */
	} record[ENERGOMERA_RING_MAX];
	size_t n;
	size_t cells;			/* used or not */
};
/* Used cells in the order sent.  E_FRAME, E_LIMIT. */
int energomera_ring(struct iec_text body, const char *name, struct energomera_ring *) USPD_MUST_CHECK;
/* Oldest first; records of the same minute keep the order of the ring after `newest_cell` (-1: not
 * known, then the end of the ring as sent, or its beginning if it runs backwards). */
void energomera_ring_sort(struct energomera_ring *, int newest_cell);

/* What a journal of ours takes from a ring. */
struct energomera_journal {
	uint16_t journal;
	enum energomera_name ring, pointer;	/* EN_COUNT: has no pointer */
	enum energomera_rule { TAKES_ALL, TAKES_BIT, TAKES_CODE, TAKES_OTHER_CODES } rule;
	uint16_t which;			/* bit number or code */
	uint16_t initial;		/* mask before the first record */
};
enum { ENERGOMERA_JOURNALS = 16 };
extern const struct energomera_journal energomera_journals[ENERGOMERA_JOURNALS];
const struct energomera_journal *energomera_journal_of(unsigned journal);	/* NULL: none */

/* Event of a sorted record for a journal; false when there is none. */
bool energomera_ring_event(const struct energomera_ring *, size_t i, const struct energomera_journal *,
    unsigned *event);

/* Whole square root. */
uint64_t energomera_isqrt(uint64_t);
/* Apparent power of P and Q in the same unit. */
int64_t energomera_apparent(int64_t p, int64_t q);

#endif
