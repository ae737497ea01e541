/* Association: AARQ, AARE, RLRQ, RLRE and what they carry (meter-spodes-dlms.md 5).  Pure functions. */
#ifndef USPD_METERS_DLMS_ACSE_CODEC_H
#define USPD_METERS_DLMS_ACSE_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/cursor.h"
#include "src/base/err.h"

enum acse_apdu { APDU_AARQ = 0x60, APDU_AARE = 0x61, APDU_RLRQ = 0x62, APDU_RLRE = 0x63 };
enum acse_context { CONTEXT_PLAIN = 1, CONTEXT_CIPHERED = 3 };
enum { ACSE_TITLE_LEN = 8, ACSE_VALUE_MAX = 64, DLMS_VERSION = 6 };
/* Conformance (5.2): bit 0 is 800000. */
enum conformance { CONF_GENERAL_PROTECTION = 0x400000, CONF_ATTRIBUTE0_GET = 0x002000,
	CONF_BLOCK_GET = 0x001000, CONF_BLOCK_SET = 0x000800, CONF_BLOCK_ACTION = 0x000400,
	CONF_MULTIPLE = 0x000200, CONF_GET = 0x000010, CONF_SET = 0x000008, CONF_SELECTIVE = 0x000004,
	CONF_EVENT = 0x000002, CONF_ACTION = 0x000001 };

/* A run of octets in a received APDU, or given to be written; borrowed. */
struct octets { const uint8_t *p; size_t len; };

/* AARQ or AARE, by tags and not by position.  Octets with len 0 are absent. */
struct acse {
	uint8_t apdu;			/* enum acse_apdu */
	uint8_t context;		/* enum acse_context; 0 absent or another one */
	uint8_t mechanism;		/* 0 none */
	struct octets title;		/* system title of the sender */
	struct octets requirements;
	struct octets value;		/* authentication value: password, CtoS, StoC */
	struct octets user;		/* user information: initiate, possibly ciphered */
	int result;			/* AARE: 0 accepted, 1 refused, 2 refused for now; -1 absent */
	bool by_provider;		/* AARE: whose diagnostic it is */
	int diagnostic;			/* AARE; -1 absent */
	int reason;			/* RLRQ, RLRE; -1 absent */
};
void acse_put(struct wr *, const struct acse *);	/* AARQ and RLRQ */
int acse_parse(const uint8_t *, size_t, struct acse *) USPD_MUST_CHECK;
/* What a refusal means (5.3): E_OK, E_BUSY for now, E_DENIED password or security mode. */
int acse_verdict(const struct acse *aare);

/* initiateRequest 01, initiateResponse 08, or confirmedServiceError 0E inside user information. */
struct initiate {
	uint8_t tag;
	uint8_t version;
	uint32_t conformance;
	uint16_t max_pdu;		/* of the sender */
	uint16_t vaa;			/* response only */
	bool has_vaa;
	uint8_t error;			/* 0E: initiate error */
};
enum { INITIATE_REQUEST = 0x01, INITIATE_RESPONSE = 0x08, INITIATE_ERROR = 0x0e };
enum { INITIATE_ERROR_VERSION = 1, INITIATE_ERROR_CONFORMANCE = 2, INITIATE_ERROR_PDU = 3 };
void initiate_put(struct wr *, const struct initiate *);	/* requests only */
/* Fields before a truncation stay filled. */
int initiate_parse(struct octets, struct initiate *) USPD_MUST_CHECK;

#endif
