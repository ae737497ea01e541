/* HDLC frames of type 3 as simulated meters read and write them (meter-spodes-dlms.md 3).  Pure. */
#ifndef USPD_SIM_DLMS_HDLC_H
#define USPD_SIM_DLMS_HDLC_H

#include "src/base/cursor.h"

enum { SIM_HDLC_FLAG = 0x7E, SIM_HDLC_OVERHEAD = 16 };

/* Control octets with the P/F bit. */
enum {
	SIM_HDLC_SNRM = 0x93, SIM_HDLC_DISC = 0x53, SIM_HDLC_UA = 0x73, SIM_HDLC_DM = 0x1F,
	SIM_HDLC_FRMR = 0x97, SIM_HDLC_UI = 0x13, SIM_HDLC_RR = 0x11, SIM_HDLC_RNR = 0x15,
	SIM_HDLC_REJ = 0x19, SIM_HDLC_POLL = 0x10,
};

struct sim_hdlc {
	uint8_t destination[4], source[4];	/* as on the wire */
	uint8_t destination_n, source_n;
	uint8_t control;
	bool more;				/* a segment follows */
	const uint8_t *info;
	size_t info_n;
};

/* The next good frame at or behind *at, which moves to its closing flag; false: none. */
bool sim_hdlc_next(const uint8_t *, size_t n, size_t *at, struct sim_hdlc *);
void sim_hdlc_put(struct wr *, const struct sim_hdlc *);
/* Upper (logical) and lower (physical) part; lower 0 in the one-octet form. */
void sim_hdlc_numbers(const uint8_t *address, unsigned n, unsigned *upper, unsigned *lower);
void sim_hdlc_address(unsigned upper, unsigned lower, unsigned n, uint8_t *address);
/* true when the octets end with a frame. */
bool sim_hdlc_ends(const uint8_t *, size_t n);

#endif
