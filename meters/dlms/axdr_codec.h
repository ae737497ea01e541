/* A-XDR: the values of COSEM attributes (meter-spodes-dlms.md 8).
 *
 * A reader walks the encoded octets without allocating: axdr_next() gives the next value, a container
 * before its elements.  Compact arrays look like arrays of ordinary values.  Every count and length
 * is checked, nesting and the number of values are limited.  Pure functions. */
#ifndef USPD_METERS_DLMS_AXDR_CODEC_H
#define USPD_METERS_DLMS_AXDR_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/cursor.h"
#include "src/base/err.h"

enum axdr_tag {
	AXDR_NULL = 0x00, AXDR_ARRAY = 0x01, AXDR_STRUCT = 0x02, AXDR_BOOL = 0x03, AXDR_BITS = 0x04,
	AXDR_I32 = 0x05, AXDR_U32 = 0x06, AXDR_OCTETS = 0x09, AXDR_VISIBLE = 0x0a, AXDR_UTF8 = 0x0c,
	AXDR_BCD = 0x0d, AXDR_I8 = 0x0f, AXDR_I16 = 0x10, AXDR_U8 = 0x11, AXDR_U16 = 0x12,
	AXDR_COMPACT = 0x13, AXDR_I64 = 0x14, AXDR_U64 = 0x15, AXDR_ENUM = 0x16, AXDR_F32 = 0x17,
	AXDR_F64 = 0x18, AXDR_DATETIME = 0x19, AXDR_DATE = 0x1a, AXDR_TIME = 0x1b, AXDR_DONT_CARE = 0xff
};
enum { AXDR_DEPTH = 8, AXDR_VALUES_MAX = 100000 };

struct axdr_value {
	uint8_t tag;		/* enum axdr_tag; a compact array reads as AXDR_ARRAY */
	uint8_t depth;		/* containers around it */
	uint32_t count;		/* ARRAY, STRUCT: elements; BITS: bits */
	const uint8_t *p;	/* content octets, borrowed; NULL for containers and null */
	size_t len;
};

struct axdr {
	struct rd r;		/* behind the last value read */
	struct rd shape;	/* inside a compact array: the tags of what comes */
	bool is_compact;
	uint8_t depth;
	uint32_t values;	/* read so far */
	struct axdr_level {
		uint32_t left;
		bool was_compact;		/* the mode to return to */
		struct rd shape_after;		/* tags behind this container */
		const uint8_t *each;		/* elements of one shape: it begins here */
	} level[AXDR_DEPTH];
};

struct axdr axdr_init(const uint8_t *, size_t);
/* The next value.  At depth 0 every call reads another whole value, the octets behind it are left.
 * E_FRAME: truncated or unknown; E_LIMIT: too deep or too many. */
int axdr_next(struct axdr *, struct axdr_value *) USPD_MUST_CHECK;
/* Passes the elements of a container just read; nothing for other values. */
int axdr_skip(struct axdr *, const struct axdr_value *) USPD_MUST_CHECK;
/* axdr_next that wants a container of this tag; *n elements follow.  E_FRAME. */
int axdr_enter(struct axdr *, enum axdr_tag, uint32_t *n) USPD_MUST_CHECK;
/* Skips what is left of the innermost containers until `depth` surround the next value. */
int axdr_leave(struct axdr *, unsigned depth) USPD_MUST_CHECK;
/* Elements left in the innermost container. */
uint32_t axdr_left(struct axdr *);

bool axdr_is_container(const struct axdr_value *);
/* Any integer type, boolean, enum and bcd.  False: not a whole number, or out of range. */
bool axdr_int(const struct axdr_value *, int64_t *);
bool axdr_is_float(const struct axdr_value *);
/* float32 and float64; NaN for others. */
double axdr_float(const struct axdr_value *);
/* Value * 10^scaler in thousandths, rounded half away from zero.  False: no number, or overflow. */
bool axdr_milli(const struct axdr_value *, int scaler, int64_t *);
/* Length in octets or counts (8.1): 81 nn, 82 nnnn, 84 nnnnnnnn; longer forms than needed are legal. */
uint32_t axdr_length(struct rd *);

/* ---- writing ---- */

void axdr_put_length(struct wr *, size_t);
void axdr_put_array(struct wr *, size_t n);
void axdr_put_struct(struct wr *, size_t n);
void axdr_put_octets(struct wr *, const void *, size_t);
void axdr_put_i8(struct wr *, int8_t);
void axdr_put_i16(struct wr *, int16_t);
void axdr_put_u8(struct wr *, uint8_t);
void axdr_put_u16(struct wr *, uint16_t);
void axdr_put_u32(struct wr *, uint32_t);

#endif
