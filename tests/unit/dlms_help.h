/* Scripts of HDLC and wrapper conversations, written as APDUs; frames are made around them. */
#ifndef USPD_TESTS_UNIT_DLMS_HELP_H
#define USPD_TESTS_UNIT_DLMS_HELP_H

#include "meters/dlms/dlms.h"

enum { DLMS_STEPS_MAX = 256 };

struct dlms_script {
	struct script_step steps[DLMS_STEPS_MAX];
	size_t n;
	struct hdlc_address client, server;
	uint8_t vs, vr;			/* ours, as in struct dlms */
	unsigned info;			/* octets of information per frame of the meter */
};

/* Meter 1/16, client 32, no steps yet. */
void dlms_script_begin(struct dlms_script *);
/* Frames in hex, as recorded. */
void dlms_script_raw(struct dlms_script *, const char *tx, const char *rx);
void dlms_script_connect(struct dlms_script *, bool plain);	/* SNRM, UA */
void dlms_script_disconnect(struct dlms_script *);
/* Request and answer, in as many segments as need be; rx NULL: silence. */
void dlms_script_apdu(struct dlms_script *, const char *tx, const char *rx);
/* One frame each way; kind of ours and of the meter's (without information). */
void dlms_script_turn(struct dlms_script *, enum hdlc_kind ours, const char *tx, enum hdlc_kind theirs);
void dlms_script_silence(struct dlms_script *, enum hdlc_kind ours, const char *tx);
void dlms_script_wrapped(struct dlms_script *, const char *tx, const char *rx);
/* AARQ of a reader with LLS password "111111" and its acceptance. */
void dlms_script_reader(struct dlms_script *, unsigned conformance, unsigned peer_pdu);

/* A client for such a script over the scripted line. */
void dlms_client_begin(struct dlms *, struct line **, struct dlms_script *);
void dlms_client_finish(struct line *, const struct dlms_script *);	/* the script went to its end */
size_t dlms_hex(uint8_t *to, size_t size, const char *hex);
struct octets dlms_octets(const char *hex);	/* lives until the next eight calls */

#endif
