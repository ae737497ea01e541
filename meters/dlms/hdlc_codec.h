/* HDLC frames of type 3 as DLMS uses them (meter-spodes-dlms.md 3).
 *
 *	7E | format 2 | destination 1/2/4 | source 1/2/4 | control | HCS 2 | information | FCS 2 | 7E
 *
 * There is no byte stuffing: only length and checksum delimit a frame.  Pure functions. */
#ifndef USPD_METERS_DLMS_HDLC_CODEC_H
#define USPD_METERS_DLMS_HDLC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "src/base/cursor.h"
#include "src/base/err.h"

enum { HDLC_FLAG = 0x7e, HDLC_FRAME_MAX = 2047 + 2, HDLC_OVERHEAD = 20, HDLC_INFO_PLAIN = 128 };
enum { HDLC_INFO_MIN = 32, HDLC_INFO_MAX = 2030, HDLC_WINDOW_MAX = 7 };

/* CRC-16/X-25, sent low octet first (3.2). */
uint16_t hdlc_crc(const uint8_t *, size_t);

/* An address as it stands in a frame: 1, 2 or 4 octets of 7 bits (3.3). */
struct hdlc_address {
	uint8_t octets[4];
	uint8_t len;
};
enum { HDLC_NO_PHYSICAL = -1 };
/* octets 0: the shortest form that holds both numbers.  E_INVALID when they do not fit. */
int hdlc_address(struct hdlc_address *, unsigned logical, int physical,
    unsigned octets) USPD_MUST_CHECK;
bool hdlc_address_equal(const struct hdlc_address *, const struct hdlc_address *);
/* The two numbers of an address; physical HDLC_NO_PHYSICAL in the one-octet form. */
void hdlc_address_numbers(const struct hdlc_address *, unsigned *logical, int *physical);

enum hdlc_kind { HDLC_I, HDLC_RR, HDLC_RNR, HDLC_REJ, HDLC_SNRM, HDLC_DISC, HDLC_UA, HDLC_DM, HDLC_FRMR,
	HDLC_UI, HDLC_UNKNOWN };
struct hdlc_frame {
	struct hdlc_address to, from;
	enum hdlc_kind kind;
	bool final;		/* P/F */
	bool segmented;		/* more of this information follows in the next frame */
	uint8_t ns, nr;		/* I; nr of RR, RNR, REJ too */
	const uint8_t *info;	/* borrowed; NULL when there is none */
	size_t info_len;
};

/* Writes the whole frame, both flags included.  A frame that would be too long fails the writer. */
void hdlc_put(struct wr *, const struct hdlc_frame *);
/* The first frame in the bytes; *used counts from the first byte to the closing flag, which may open
 * the next frame and is not counted.  E_NODATA incomplete, E_CHECKSUM, E_FRAME noise of *used bytes. */
int hdlc_parse(const uint8_t *, size_t, size_t *used, struct hdlc_frame *) USPD_MUST_CHECK;

/* Of the FRMR's three octets (3.8). */
struct hdlc_reject {
	uint8_t control, vs, vr;
	bool unknown_control, no_info_allowed, too_long, bad_number;	/* W X Y Z */
};
int hdlc_reject(const struct hdlc_frame *, struct hdlc_reject *) USPD_MUST_CHECK;

/* Link parameters of SNRM and UA, as the sender of the frame sees them (3.5). */
struct hdlc_limits { uint16_t info_tx, info_rx; uint8_t window_tx, window_rx; };
extern const struct hdlc_limits hdlc_limits_plain;	/* 128 128 1 1: what holds without parameters */
void hdlc_put_limits(struct wr *, const struct hdlc_limits *);
/* Information field of a UA or SNRM; an empty one gives the plain limits.  E_FRAME. */
int hdlc_parse_limits(const uint8_t *, size_t, struct hdlc_limits *) USPD_MUST_CHECK;
/* What holds for us after proposing `ours` and receiving `theirs`. */
struct hdlc_limits hdlc_agree(const struct hdlc_limits *ours, const struct hdlc_limits *theirs);

/* Framer of the line: approves one run of frames from `from` to `to`, up to the one that asks for our
 * answer (P/F).  Notifications are dropped as foreign; a run without P/F ends by silence. */
struct hdlc_expect { struct hdlc_address to, from; };
framer hdlc_framer;

#endif
