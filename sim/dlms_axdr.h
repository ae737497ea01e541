/* The A-XDR of simulated СПОДЭС meters (meter-spodes-dlms.md 8): values onto a growing buffer, and
 * the few kinds of value a meter reads back.  Pure but for the buffer's memory. */
#ifndef USPD_SIM_DLMS_AXDR_H
#define USPD_SIM_DLMS_AXDR_H

#include "src/base/cursor.h"
#include "src/base/text.h"

enum {
	AX_NULL = 0x00,
	AX_ARRAY = 0x01,
	AX_STRUCTURE = 0x02,
	AX_BOOLEAN = 0x03,
	AX_BITS = 0x04,
	AX_I32 = 0x05,
	AX_U32 = 0x06,
	AX_OCTETS = 0x09,
	AX_VISIBLE = 0x0A,
	AX_UTF8 = 0x0C,
	AX_BCD = 0x0D,
	AX_I8 = 0x0F,
	AX_I16 = 0x10,
	AX_U8 = 0x11,
	AX_U16 = 0x12,
	AX_COMPACT = 0x13,
	AX_I64 = 0x14,
	AX_U64 = 0x15,
	AX_ENUM = 0x16,
	AX_F32 = 0x17,
	AX_F64 = 0x18,
	AX_DATE_TIME = 0x19,
	AX_DATE = 0x1A,
	AX_TIME = 0x1B,
};
enum { AX_STAMP_SIZE = 12, AX_DEVIATION_NONE = -32768 };

void sim_ax_byte(struct text *, unsigned value);			/* one raw octet */
void sim_ax_be(struct text *, uint64_t value, unsigned octets);		/* raw, big-endian */
void sim_ax_length(struct text *, size_t n);				/* 7F, 81 nn, 82 nnnn, 84 ... */
void sim_ax_number(struct text *, uint8_t tag, int64_t value);		/* tag and as many octets */
void sim_ax_count(struct text *, uint8_t tag, size_t n);		/* tag and length or count */
void sim_ax_octets(struct text *, const void *, size_t n);		/* an octet string */
/* The twelve octets of a local moment (8.4), without a tag. */
void sim_ax_stamp(struct text *, int64_t t, int deviation_min, uint8_t status);

size_t sim_ax_fixed(uint8_t tag);		/* octets of a value of fixed size, 0 otherwise */
size_t sim_ax_take_length(struct rd *);		/* beyond what is left: fails the reader */
bool sim_ax_skip(struct rd *, unsigned depth);	/* one whole value */
bool sim_ax_take_int(struct rd *, int64_t *);	/* of any integer type */
/* An octet string of 12 or a date-time; unspecified year: INT64_MIN. */
bool sim_ax_take_stamp(struct rd *, int64_t *t, int *deviation_min);
/* One value of a form: o octet string, 4 5 6 C octet string of 4, 5, 6, 12; u unsigned, w
 * long-unsigned; a array of the form that follows; ( ) structure. */
bool sim_ax_take_form(struct rd *, const char **form);

#endif
