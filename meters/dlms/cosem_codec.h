/* COSEM vocabulary: logical names, attributes, date and time, results (meter-spodes-dlms.md 7.3, 8.4).
 * Pure functions. */
#ifndef USPD_METERS_DLMS_COSEM_CODEC_H
#define USPD_METERS_DLMS_COSEM_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/dlms/axdr_codec.h"
#include "src/base/civil.h"

/* An attribute or method of an object. */
struct cosem {
	uint16_t class;
	uint8_t name[6];	/* logical name, A B C D E F */
	int8_t index;		/* attribute or method */
};
#define COSEM(class, a, b, c, d, e, index) \
	((struct cosem){ (class), { (a), (b), (c), (d), (e), 255 }, (index) })
enum cosem_class { CLASS_DATA = 1, CLASS_REGISTER = 3, CLASS_EXTENDED = 4, CLASS_PROFILE = 7,
	CLASS_CLOCK = 8, CLASS_SPECIAL_DAYS = 11, CLASS_ASSOCIATION = 15, CLASS_CALENDAR = 20,
	CLASS_HDLC_SETUP = 23, CLASS_DISCONNECT = 70, CLASS_LIMITER = 71 };

bool cosem_name_is(const uint8_t name[6], uint8_t a, uint8_t b, uint8_t c, uint8_t d, uint8_t e);
void cosem_put(struct wr *, const struct cosem *);	/* 9 octets */
struct cosem cosem_take(struct rd *);
/* One {class, name, attribute, data index} of a capture list.  E_FRAME when it is something else. */
int cosem_captured(struct axdr *, struct cosem *, uint16_t *data_index) USPD_MUST_CHECK;
void cosem_put_captured(struct wr *, const struct cosem *);

/* ---- date and time (8.4) ---- */

enum { COSEM_TIME_LEN = 12, COSEM_NO_DEVIATION = -32768, COSEM_NO_STATUS = 0xff, COSEM_ANY = 0xff };
enum cosem_clock_status { COSEM_INVALID = 0x01, COSEM_DOUBTFUL = 0x02, COSEM_OTHER_SOURCE = 0x04,
	COSEM_BAD_STATUS = 0x08, COSEM_SUMMER = 0x80 };
struct cosem_time {
	struct civil t;		/* the meter's wall time; unspecified parts of the day are 0 */
	uint8_t weekday;	/* 1 Monday; COSEM_ANY */
	uint8_t hundredths;	/* COSEM_ANY */
	int16_t deviation;	/* minutes; COSEM_NO_DEVIATION */
	uint8_t status;		/* enum cosem_clock_status; COSEM_NO_STATUS */
};
/* 12 octets.  E_NODATA: the date is not specified; E_FRAME: no date there is. */
int cosem_time_parse(const uint8_t *, struct cosem_time *) USPD_MUST_CHECK;
/* From an octet string of 12 or a date-time. */
int cosem_time_of(const struct axdr_value *, struct cosem_time *) USPD_MUST_CHECK;
void cosem_put_time(struct wr *, const struct cosem_time *);	/* 12 octets, no tag */
/* The status says that the time cannot be relied on. */
bool cosem_time_invalid(const struct cosem_time *);
bool cosem_time_summer(const struct cosem_time *);
/* By the zone of the device: makers disagree on the sign of the deviation (8.4). */
int64_t cosem_time_utc(const struct cosem_time *, struct zone);
/* The meter's wall time of a moment; weekday filled, the rest not specified. */
struct cosem_time cosem_time_at(struct zone, int64_t utc);

/* ---- scaler and unit (8.5) ---- */

struct cosem_scale { int8_t scaler; uint8_t unit; };
enum cosem_unit { UNIT_NONE = 255, UNIT_W = 27, UNIT_VA = 28, UNIT_VAR = 29, UNIT_WH = 30,
	UNIT_VAH = 31,
	UNIT_VARH = 32 };
int cosem_scale(struct axdr *, struct cosem_scale *) USPD_MUST_CHECK;

/* ---- text ---- */

/* Any string type, or a number in digits; CP1251 where it is no UTF-8.  False: neither. */
bool cosem_text(const struct axdr_value *, char *to, size_t size);

/* ---- data-access-result (7.3) ---- */

enum cosem_result { RESULT_SUCCESS = 0, RESULT_HARDWARE = 1, RESULT_TEMPORARY = 2, RESULT_DENIED = 3,
	RESULT_UNDEFINED = 4, RESULT_CLASS = 9, RESULT_UNAVAILABLE = 11, RESULT_TYPE = 12,
	RESULT_SCOPE = 13, RESULT_NO_BLOCK = 14, RESULT_LONG_GET = 15, RESULT_NO_LONG_GET = 16,
	RESULT_LONG_SET = 17, RESULT_NO_LONG_SET = 18, RESULT_BLOCK_NUMBER = 19, RESULT_OTHER = 250 };
const char *cosem_result_name(unsigned);	/* never NULL */
/* What it means to the dialogue: E_UNSUPPORTED, E_REFUSED (access), E_METER (once more, or restart). */
int cosem_result_error(unsigned);

#endif
