#include "sim/dlms_crypto.h"

#include <limits.h>
#include <string.h>

#include <openssl/evp.h>

bool
sim_aes_ecb(const uint8_t key[SIM_KEY_SIZE], const uint8_t *in, size_t n, uint8_t *out)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int made = 0;
	bool good;

	good = ctx != NULL && n <= INT_MAX && n % SIM_KEY_SIZE == 0 &&
	    EVP_EncryptInit_ex(ctx, EVP_aes_128_ecb(), NULL, key, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	    EVP_EncryptUpdate(ctx, out, &made, in, (int)n) == 1 && (size_t)made == n;
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

bool
sim_gcm_seal(const struct sim_gcm *g, const uint8_t *in, size_t n, uint8_t *out,
    uint8_t tag[SIM_TAG_SIZE])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t rest[SIM_KEY_SIZE];
	int made = 0;
	bool good;

	good = ctx != NULL && n <= INT_MAX && g->aad_n <= INT_MAX &&
	    EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, g->key, g->iv) == 1 &&
	    (g->aad_n == 0 || EVP_EncryptUpdate(ctx, NULL, &made, g->aad, (int)g->aad_n) == 1) &&
	    (n == 0 || EVP_EncryptUpdate(ctx, out, &made, in, (int)n) == 1) &&
	    EVP_EncryptFinal_ex(ctx, rest, &made) == 1 &&
	    (tag == NULL || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SIM_TAG_SIZE, tag) == 1);
	EVP_CIPHER_CTX_free(ctx);
	return good;
}

bool
sim_gcm_open(const struct sim_gcm *g, const uint8_t *in, size_t n, uint8_t *out,
    const uint8_t tag[SIM_TAG_SIZE])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t expected[SIM_TAG_SIZE], rest[SIM_KEY_SIZE];
	int made = 0;
	bool good;

	memcpy(expected, tag, SIM_TAG_SIZE);
	good = ctx != NULL && n <= INT_MAX && g->aad_n <= INT_MAX &&
	    EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, g->key, g->iv) == 1 &&
	    (g->aad_n == 0 || EVP_DecryptUpdate(ctx, NULL, &made, g->aad, (int)g->aad_n) == 1) &&
	    (n == 0 || EVP_DecryptUpdate(ctx, out, &made, in, (int)n) == 1) &&
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SIM_TAG_SIZE, expected) == 1 &&
	    EVP_DecryptFinal_ex(ctx, rest, &made) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return good;
}
