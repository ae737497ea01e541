#include "meters/dlms/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

static bool
update(EVP_CIPHER_CTX *c, bool seal, uint8_t *out, const uint8_t *in, size_t len)
{
	int n;

	if (len == 0)
		return true;
	return (seal ? EVP_EncryptUpdate(c, out, &n, in, (int)len) :
		       EVP_DecryptUpdate(c, out, &n, in, (int)len)) == 1;
}

static bool
feed(EVP_CIPHER_CTX *c, bool seal, const struct crypto_gcm *m)
{
	return update(c, seal, NULL, m->head, m->head_len) &&
	    update(c, seal, NULL, m->more, m->more_len) && update(c, seal, m->text, m->text, m->len);
}

int
crypto_seal(const struct crypto_gcm *m, uint8_t tag[CRYPTO_TAG])
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t unused[CRYPTO_BLOCK];
	bool ok;
	int n;

	ok = c != NULL && EVP_EncryptInit_ex(c, EVP_aes_128_gcm(), NULL, m->key, m->iv) == 1 &&
	    feed(c, true, m) && EVP_EncryptFinal_ex(c, unused, &n) == 1 &&
	    EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, CRYPTO_TAG, tag) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok ? E_OK : E_INTERNAL;
}

int
crypto_open(const struct crypto_gcm *m, const uint8_t *tag)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	uint8_t unused[CRYPTO_BLOCK], wanted[CRYPTO_TAG];
	int n, rc = E_INTERNAL;

	if (c == NULL || EVP_DecryptInit_ex(c, EVP_aes_128_gcm(), NULL, m->key, m->iv) != 1 ||
	    !feed(c, false, m))
		goto out;
	rc = E_OK;
	if (tag == NULL)
		goto out;
	memcpy(wanted, tag, sizeof(wanted));
	if (EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, CRYPTO_TAG, wanted) != 1)
		rc = E_INTERNAL;
	else if (EVP_DecryptFinal_ex(c, unused, &n) != 1)
		rc = E_CHECKSUM;
out:
	EVP_CIPHER_CTX_free(c);
	return rc;
}

int
crypto_ecb(const uint8_t key[CRYPTO_KEY], const uint8_t *in, uint8_t *out, size_t len)
{
	EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
	bool ok;
	int n;

	ok = len % CRYPTO_BLOCK == 0 && c != NULL &&
	    EVP_EncryptInit_ex(c, EVP_aes_128_ecb(), NULL, key, NULL) == 1 &&
	    EVP_CIPHER_CTX_set_padding(c, 0) == 1 && EVP_EncryptUpdate(c, out, &n, in, (int)len) == 1;
	EVP_CIPHER_CTX_free(c);
	return ok ? E_OK : E_INTERNAL;
}

int
crypto_random(uint8_t *to, size_t n)
{
	return RAND_bytes(to, (int)n) == 1 ? E_OK : E_INTERNAL;
}

bool
crypto_equal(const uint8_t *a, const uint8_t *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}

void
crypto_wipe(void *p, size_t n)
{
	OPENSSL_cleanse(p, n);
}
