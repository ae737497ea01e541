#include "smart-json/seal.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY = 32, SALT = 16, IV = 12, TAG = 16 };
enum { SCRYPT_N = 16384, SCRYPT_R = 8, SCRYPT_P = 5 };
/* What a file may ask for: a hostile one would take all memory and time. */
enum { N_MOST = 1 << 16, R_MOST = 16, P_MOST = 16, N_R_MOST = 1 << 19, MEMORY_MOST = 80 << 20 };
static const unsigned char about[] = "openuspd sealed 1";

struct cost { json_int_t n, r, p; };

static bool
derive(unsigned char key[static KEY], const char *passphrase, const unsigned char salt[static SALT],
    struct cost cost)
{
	return EVP_PBE_scrypt(passphrase, strlen(passphrase), salt, SALT, (uint64_t)cost.n,
		   (uint64_t)cost.r, (uint64_t)cost.p, MEMORY_MOST, key, KEY) == 1;
}

/* Both ways; the tag is written when closing and compared when opening. */
static bool
cipher(bool closing, const unsigned char key[static KEY], const unsigned char iv[static IV],
    const unsigned char *in, size_t len, unsigned char *out, unsigned char tag[static TAG])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0, rest = 0;
	bool done;

	done = ctx != NULL && len <= INT_MAX &&
	    EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, iv, closing) == 1 &&
	    EVP_CipherUpdate(ctx, NULL, &n, about, sizeof(about) - 1) == 1 &&
	    EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 &&
	    (closing || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1) &&
	    EVP_CipherFinal_ex(ctx, out + n, &rest) == 1 &&
	    (!closing || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1);
	EVP_CIPHER_CTX_free(ctx);
	return done;
}

static json_t *
encode(const unsigned char *bytes, size_t len)
{
	char *text = malloc(4 * ((len + 2) / 3) + 1);
	json_t *json = NULL;

	if (text != NULL)
		json = json_stringn(text,
		    (size_t)EVP_EncodeBlock((unsigned char *)text, bytes, (int)len));
	free(text);
	return json;
}

/* The bytes of a member, NULL when it is no base64; freed by the caller. */
static unsigned char *
decode(const json_t *sealed, const char *name, size_t *len)
{
	const json_t *member = json_object_get(sealed, name);
	size_t n = json_string_length(member), pad = 0;
	const char *text = json_string_value(member);
	unsigned char *bytes;

	if (text == NULL || n % 4 != 0 || n > INT_MAX)
		return NULL;
	while (pad < 2 && pad < n && text[n - 1 - pad] == '=')
		pad++;
	bytes = malloc(n / 4 * 3 + 1);
	if (bytes != NULL && EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)n) < 0) {
		free(bytes);
		return NULL;
	}
	*len = n / 4 * 3 - pad;
	return bytes;
}

json_t *
seal_close(const char *text, size_t len, const char *passphrase)
{
	static const struct cost cost = { SCRYPT_N, SCRYPT_R, SCRYPT_P };
	unsigned char key[KEY], salt[SALT], iv[IV], tag[TAG];
	unsigned char *out = malloc(len + 1);
	json_t *sealed = NULL;

	if (out != NULL && RAND_bytes(salt, SALT) == 1 && RAND_bytes(iv, IV) == 1 &&
	    derive(key, passphrase, salt, cost) &&
	    cipher(true, key, iv, (const unsigned char *)text, len, out, tag))
		sealed = json_pack("{s:s,s:s,s:I,s:I,s:I,s:o,s:o,s:o,s:o}", "cipher", "aes-256-gcm",
		    "kdf", "scrypt", "n", cost.n, "r", cost.r, "p", cost.p, "salt", encode(salt, SALT),
		    "iv", encode(iv, IV), "tag", encode(tag, TAG), "data", encode(out, len));
	OPENSSL_cleanse(key, sizeof(key));
	free(out);
	return sealed;
}

static bool
is_known(const json_t *sealed, struct cost *cost)
{
	const char *name = json_string_value(json_object_get(sealed, "cipher"));
	const char *kdf = json_string_value(json_object_get(sealed, "kdf"));

	cost->n = json_integer_value(json_object_get(sealed, "n"));
	cost->r = json_integer_value(json_object_get(sealed, "r"));
	cost->p = json_integer_value(json_object_get(sealed, "p"));
	return name != NULL && strcmp(name, "aes-256-gcm") == 0 && kdf != NULL &&
	    strcmp(kdf, "scrypt") == 0 && cost->n >= 2 && cost->n <= N_MOST && cost->r >= 1 &&
	    cost->r <= R_MOST && cost->n * cost->r <= N_R_MOST && cost->p >= 1 && cost->p <= P_MOST;
}

int
seal_open(const json_t *sealed, const char *passphrase, char **text, size_t *len)
{
	size_t n_salt = 0, n_iv = 0, n_tag = 0, n_data = 0;
	unsigned char *salt = decode(sealed, "salt", &n_salt), *iv = decode(sealed, "iv", &n_iv);
	unsigned char *tag = decode(sealed, "tag", &n_tag), *data = decode(sealed, "data", &n_data);
	unsigned char *out = malloc(n_data + 1);
	unsigned char key[KEY];
	struct cost cost;
	int rc = E_INVALID;

	*text = NULL;
	if (salt == NULL || iv == NULL || tag == NULL || data == NULL || n_salt != SALT || n_iv != IV ||
	    n_tag != TAG || !is_known(sealed, &cost))
		goto out;
	rc = E_NOMEM;
	if (out == NULL || !derive(key, passphrase, salt, cost))
		goto out;
	rc = E_DENIED;
	if (!cipher(false, key, iv, data, n_data, out, tag))
		goto out;
	out[n_data] = '\0';
	*text = (char *)out;
	*len = n_data;
	out = NULL;
	rc = E_OK;
out:
	OPENSSL_cleanse(key, sizeof(key));
	if (out != NULL)
		OPENSSL_cleanse(out, n_data);
	free(out);
	free(salt);
	free(iv);
	free(tag);
	free(data);
	return rc;
}

void
seal_forget(char *text, size_t len)
{
	if (text != NULL)
		OPENSSL_cleanse(text, len);
	free(text);
}

void
seal_digest(const char *text, size_t len, char hex[static SEAL_DIGEST_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
	unsigned n = 0;

	(void)EVP_Digest(text, len, digest, &n, EVP_sha256(), NULL);
	for (unsigned i = 0; i < SEAL_DIGEST_SIZE / 2; i++)
		snprintf(hex + (size_t)2 * i, 3, "%02x", digest[i]);
}
