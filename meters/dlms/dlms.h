/* A DLMS client: one association with one meter over a line (meter-spodes-dlms.md 3.6, 3.8, 5, 7).
 *
 * link.c and hdlc_link.c carry APDUs, assoc.c opens and closes, client.c asks.  Answers stay in the
 * caller's buffer until the next question.  Runs in the bus thread of the line. */
#ifndef USPD_METERS_DLMS_DLMS_H
#define USPD_METERS_DLMS_DLMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "meters/dlms/cipher.h"
#include "meters/dlms/hdlc_codec.h"
#include "meters/dlms/xdlms_codec.h"

enum dlms_transport { DLMS_HDLC, DLMS_WRAPPER };
enum { DLMS_REQUEST_MAX = 1024, DLMS_INFO_TX_MAX = 512, DLMS_SECRET_MAX = 32, DLMS_CHALLENGE = 16 };
enum { DLMS_CONFORMANCE = 0x001a1d, DLMS_CONFORMANCE_LESS = 0x00101d, DLMS_MAX_PDU = 8192 };

struct dlms {
	/* What the caller fills in; dlms_open() changes only what it says. */
	struct line *line;
	uint8_t *apdu, *frame;		/* where answers are put together; where frames come in */
	size_t apdu_size, frame_size;
	enum dlms_transport transport;
	struct hdlc_address server;	/* HDLC */
	uint16_t logical;		/* wrapper: the meter's port */
	uint8_t client;			/* 16 public, 32 reader, 48 configurator */
	uint8_t context, mechanism;	/* enum acse_context, enum mechanism */
	uint8_t secret[DLMS_SECRET_MAX], secret_len;	/* LLS password, or secret of mechanism 2 */
	uint8_t challenge[DLMS_CHALLENGE], challenge_len;	/* ours; len 0: made at random */
	struct hdlc_limits propose;	/* HDLC */
	bool plain_limits;		/* SNRM without parameters; set when the meter wants that */
	bool disc_first;		/* DISC before SNRM */
	bool no_list;			/* lists are not asked for; set when the meter cuts them */
	bool release;			/* RLRQ before the end */
	uint32_t conformance;		/* proposed; changed when the meter refuses it */
	uint16_t max_pdu;		/* of ours */
	struct cipher cipher;		/* keys, titles, counter; the meter's title is learned */

	/* What holds now. */
	bool is_linked, is_open;
	bool is_slow;			/* the next answer may take long: ask for it, do not repeat */
	struct hdlc_limits limits;
	uint8_t vs, vr;			/* HDLC: next to send, next expected */
	uint8_t reopens;		/* since dlms_open() by the caller */
	uint32_t agreed;		/* conformance */
	uint16_t peer_pdu;		/* of the meter: limits our requests; 0 none */
	int result;			/* data-access-result of the last question; -1 none came */
	unsigned surplus;		/* answers with octets behind their value */
};

/* ---- link ---- */

/* E_TIMEOUT silence; E_BUSY the meter refuses links; E_FRAME. */
int dlms_link_open(struct dlms *) USPD_MUST_CHECK;
/* Sends an APDU and puts the answer's octets at d->apdu + at.  is_linked is false afterwards when the
 * meter has dropped the link.  E_TIMEOUT, E_CHECKSUM, E_FRAME, E_LIMIT, E_BUSY. */
int dlms_link_ask(struct dlms *, struct octets, size_t at, size_t *len) USPD_MUST_CHECK;
void dlms_link_close(struct dlms *);

int hdlc_link_open(struct dlms *) USPD_MUST_CHECK;
int hdlc_link_ask(struct dlms *, struct octets, size_t at, size_t *len) USPD_MUST_CHECK;
void hdlc_link_close(struct dlms *);

/* ---- association ---- */

/* Link, AARQ and, with high security, both proofs.  E_DENIED password, key or security mode; E_BUSY
 * another association holds the meter; link trouble. */
int dlms_open(struct dlms *) USPD_MUST_CHECK;
void dlms_close(struct dlms *);			/* best effort */
/* Without DISC: the meter has lost it anyway. */
void dlms_forget(struct dlms *);

/* ---- questions ---- */

/* Errors of all: by the data-access-result (7.3; d->result tells it): E_UNSUPPORTED no such object,
 * E_REFUSED access, E_INVALID type, E_METER; E_DENIED key; link trouble.  Reads are repeated over a new
 * association when the meter has lost the old one, writes never. */
int dlms_get(struct dlms *, const struct cosem *, struct octets selection, struct octets *data)
    USPD_MUST_CHECK;
static inline int
dlms_get_all(struct dlms *d, const struct cosem *name, struct octets *data)
{
	return dlms_get(d, name, (struct octets){ NULL, 0 }, data);
}
/* Each attribute's value or result, in order; by lists where the meter knows them.  value is NULL when
 * result is not RESULT_SUCCESS.  A negative return ends it. */
typedef int dlms_taker(void *arg, size_t i, int result, struct axdr *value);
int dlms_get_many(struct dlms *, const struct cosem *, size_t n, dlms_taker *,
    void *arg) USPD_MUST_CHECK;
/* `data` is one encoded value; by blocks when it is long. */
int dlms_set(struct dlms *, const struct cosem *, struct octets data) USPD_MUST_CHECK;
int dlms_action(struct dlms *, const struct cosem *, struct octets data, struct octets *returned)
    USPD_MUST_CHECK;

#endif
