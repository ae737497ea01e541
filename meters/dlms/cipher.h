/* Protection of APDUs by suite 0 and the proofs of the association (meter-spodes-dlms.md 5.5, 6). */
#ifndef USPD_METERS_DLMS_CIPHER_H
#define USPD_METERS_DLMS_CIPHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/dlms/acse_codec.h"
#include "meters/dlms/crypto.h"

enum security_control { SC_AUTHENTICATED = 0x10, SC_ENCRYPTED = 0x20, SC_BOTH = 0x30,
	SC_BROADCAST = 0x40,
	SC_COMPRESSED = 0x80 };
enum { CIPHER_OVERHEAD = 1 + 1 + ACSE_TITLE_LEN + 5 + 5 + CRYPTO_TAG };
enum { APDU_GENERAL_GLO = 0xdb };

struct cipher {
	bool is_on;		/* protect what is sent, refuse data in the clear */
	bool is_general;	/* general-glo-ciphering was agreed */
	bool is_replay_ok;	/* for meters that begin at 0 again */
	uint8_t control;	/* enum security_control of what we send; what the meter's had */
	uint8_t key[CRYPTO_KEY], auth_key[CRYPTO_KEY];
	uint8_t title[ACSE_TITLE_LEN], peer_title[ACSE_TITLE_LEN];
	uint32_t counter;	/* of the next APDU we protect; 0xffffffff: used up */
	uint32_t peer_counter;	/* last accepted from the meter */
	bool peer_known;	/* peer_counter holds one */
};

/* Writes the protected form of a plain APDU.  E_LIMIT: counter used up, or no room.  E_INVALID: an
 * APDU that has no protected form. */
int cipher_protect(struct cipher *, struct octets plain, struct wr *) USPD_MUST_CHECK;
bool cipher_is_protected(const uint8_t *apdu, size_t len);

struct protection {		/* what was found on a protected APDU */
	uint8_t tag, control;
	uint32_t counter;
	bool has_title;
	uint8_t title[ACSE_TITLE_LEN];
};
/* Removes the protection in place; *len becomes that of the plain APDU, which then begins at
 * apdu[0].  The title is `title`, or the one inside.  Counters are not looked at.
 * E_CHECKSUM: wrong key or damaged; E_FRAME. */
int cipher_open(const struct cipher *, const uint8_t *title, uint8_t *apdu, size_t *len,
    struct protection *) USPD_MUST_CHECK;
/* The same for what the meter of this association sent; its counter must grow.  E_FOREIGN: a replay. */
int cipher_unprotect(struct cipher *, uint8_t *apdu, size_t *len) USPD_MUST_CHECK;

/* ---- proofs (5.5) ---- */

enum mechanism { MECHANISM_NONE = 0, MECHANISM_LLS = 1, MECHANISM_AES = 2, MECHANISM_GMAC = 5 };
enum { PROOF_MAX = ACSE_VALUE_MAX };

struct proof {
	uint8_t p[PROOF_MAX];
	size_t len;
};
struct secret { const uint8_t *p; size_t len; };	/* of mechanism 2 */
/* Whether challenges are exchanged: passes 3 and 4 follow.  False for 0, 1 and unknown ones. */
bool mechanism_is_high(unsigned);
bool mechanism_is_known(unsigned);
/* Our answer to the meter's challenge.  E_UNSUPPORTED, E_INVALID secret. */
int proof_make(struct cipher *, unsigned mechanism, struct secret, struct octets challenge,
    struct proof *) USPD_MUST_CHECK;
/* The meter's answer to ours.  E_DENIED: not the meter we know. */
int proof_check(const struct cipher *, unsigned mechanism, struct secret, struct octets challenge,
    struct octets answer) USPD_MUST_CHECK;

#endif
