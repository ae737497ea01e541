/* The door to the cryptographic library: AES-128 as DLMS uses it, and random octets.  Nothing else of
 * the tree's meters touches it.  No keys are kept or logged. */
#ifndef USPD_METERS_DLMS_CRYPTO_H
#define USPD_METERS_DLMS_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

enum { CRYPTO_KEY = 16, CRYPTO_BLOCK = 16, CRYPTO_IV = 12, CRYPTO_TAG = 12 };

/* One GCM message: what is authenticated only comes in two pieces (either may be empty), then the
 * text, which is changed in place. */
struct crypto_gcm {
	const uint8_t *key, *iv;	/* CRYPTO_KEY, CRYPTO_IV octets */
	const uint8_t *head, *more;
	size_t head_len, more_len;
	uint8_t *text;
	size_t len;
};
/* E_INTERNAL when the library fails. */
int crypto_seal(const struct crypto_gcm *, uint8_t tag[CRYPTO_TAG]) USPD_MUST_CHECK;
/* E_CHECKSUM: the tag does not match, the text is then worthless.  tag NULL: not checked. */
int crypto_open(const struct crypto_gcm *, const uint8_t *tag) USPD_MUST_CHECK;
/* ECB without padding; len a multiple of CRYPTO_BLOCK. */
int crypto_ecb(const uint8_t key[CRYPTO_KEY], const uint8_t *in, uint8_t *out,
    size_t len) USPD_MUST_CHECK;
int crypto_random(uint8_t *, size_t) USPD_MUST_CHECK;
/* In a time that does not tell where they differ. */
bool crypto_equal(const uint8_t *, const uint8_t *, size_t);
void crypto_wipe(void *, size_t);

#endif
