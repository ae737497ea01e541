/* The cryptography of simulated СПОДЭС meters: AES-128 alone and in Galois/counter mode
 * (meter-spodes-dlms.md 5.5, 6).  The only file of the simulator that knows a library for it. */
#ifndef USPD_SIM_DLMS_CRYPTO_H
#define USPD_SIM_DLMS_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIM_KEY_SIZE = 16, SIM_IV_SIZE = 12, SIM_TAG_SIZE = 12 };

struct sim_gcm {
	const uint8_t *key, *iv;
	const uint8_t *aad;
	size_t aad_n;
};

/* Whole blocks of 16, each for itself; n a multiple of 16. */
bool sim_aes_ecb(const uint8_t key[SIM_KEY_SIZE], const uint8_t *in, size_t n, uint8_t *out);
/* tag may be NULL: nothing is authenticated. */
bool sim_gcm_seal(const struct sim_gcm *, const uint8_t *in, size_t n, uint8_t *out,
    uint8_t tag[SIM_TAG_SIZE]);
/* false when the tag does not match. */
bool sim_gcm_open(const struct sim_gcm *, const uint8_t *in, size_t n, uint8_t *out,
    const uint8_t tag[SIM_TAG_SIZE]);

#endif
