#include <dirent.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cursor.h"
#include "src/system/firmware.h"

/* Proving a package. */

enum { PIECE = 65536, PATH = 512 };

static char key_dir[256] = FIRMWARE_KEYS;

void
firmware_look_in(const char *keys)
{
	snprintf(key_dir, sizeof(key_dir), "%s", keys);
}

__attribute__((format(printf, 4, 5))) static int
refuse(int rc, char *why, size_t size, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, size, fmt, ap);
	va_end(ap);
	return rc;
}

/* ---- manifest ---- */

static bool
hex_bytes(const char *hex, uint8_t *to, size_t n)
{
	if (hex == NULL || strlen(hex) != n * 2 || strspn(hex, "0123456789abcdefABCDEF") != n * 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char pair[] = { hex[i * 2], hex[i * 2 + 1], '\0' };

		to[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return true;
}

/* Versions and names of boards go into file names, journals and commands: plain letters only. */
static bool
take_word(const json_t *from, const char *key, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(from, key));
	static const char allowed[] =
	    "0123456789.-_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	if (text == NULL || *text == '\0' || strlen(text) >= size ||
	    strspn(text, allowed) != strlen(text))
		return false;
	snprintf(to, size, "%s", text);
	return true;
}

int
firmware_manifest_parse(struct firmware_manifest *m, const char *json, size_t len)
{
	json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *size = json_object_get(root, "size");
	bool good;

	*m = (struct firmware_manifest){ .size = 0 };
	good = take_word(root, "compatible", m->compatible, sizeof(m->compatible)) &&
	    take_word(root, "version", m->version, sizeof(m->version)) && json_is_integer(size) &&
	    json_integer_value(size) > 0 &&
	    hex_bytes(json_string_value(json_object_get(root, "sha256")), m->sha256, sizeof(m->sha256));
	if (good)
		m->size = (uint64_t)json_integer_value(size);
	json_decref(root);
	return good ? E_OK : E_INVALID;
}

int
firmware_version_compare(const char *a, const char *b)
{
	while (*a != '\0' || *b != '\0') {
		char *a_end, *b_end;
		unsigned long x = strtoul(a, &a_end, 10), y = strtoul(b, &b_end, 10);

		if (x != y)
			return x < y ? -1 : 1;
		a = a_end + strcspn(a_end, ".");
		b = b_end + strcspn(b_end, ".");
		a += *a == '.';
		b += *b == '.';
	}
	return 0;
}

/* ---- signature ---- */

static EVP_PKEY *
read_key(const char *name)
{
	char path[PATH + 256];
	EVP_PKEY *key = NULL;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", key_dir, name);
	if ((f = fopen(path, "re")) == NULL)
		return NULL;
	key = PEM_read_PUBKEY(f, NULL, NULL, NULL);
	fclose(f);
	if (key != NULL && EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		return NULL;
	}
	return key;
}

static bool
signed_by(EVP_PKEY *key, const uint8_t *data, size_t len)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, data + len, FIRMWARE_SIGNATURE, data, len) == 1;

	EVP_MD_CTX_free(ctx);
	return good;
}

/* The signature stands behind the `len` bytes it signs. */
static int
check_signature(const uint8_t *data, size_t len, char *why, size_t size)
{
	DIR *dir = opendir(key_dir);
	struct dirent *entry;
	unsigned n_keys = 0;
	bool good = false;

	while (dir != NULL && !good && (entry = readdir(dir)) != NULL) {
		size_t name = strlen(entry->d_name);
		EVP_PKEY *key;

		if (name < 5 || strcmp(entry->d_name + name - 4, ".pem") != 0 ||
		    (key = read_key(entry->d_name)) == NULL)
			continue;
		n_keys++;
		good = signed_by(key, data, len);
		EVP_PKEY_free(key);
	}
	if (dir != NULL)
		closedir(dir);
	if (good)
		return E_OK;
	return n_keys == 0 ?
	    refuse(E_NOTFOUND, why, size, "there is no key in %s to check with", key_dir) :
	    refuse(E_DENIED, why, size, "the signature is of none of the %u keys", n_keys);
}

/* ---- payload ---- */

static int
check_payload(FILE *f, const struct firmware_manifest *m, char *why, size_t size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t *piece = malloc(PIECE), digest[EVP_MAX_MD_SIZE];
	uint64_t left = m->size;
	unsigned len = 0;
	int rc = ctx != NULL && piece != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 ?
	    E_OK :
	    E_NOMEM;

	while (rc == E_OK && left > 0) {
		size_t n = fread(piece, 1, left < PIECE ? (size_t)left : PIECE, f);

		if (n == 0)
			rc = refuse(E_FRAME, why, size, "%llu bytes are missing at the end",
			    (unsigned long long)left);
		else if (EVP_DigestUpdate(ctx, piece, n) != 1)
			rc = E_INTERNAL;
		left -= n;
	}
	if (rc == E_OK && fgetc(f) != EOF)
		rc = refuse(E_FRAME, why, size, "there is more than the manifest tells");
	if (rc == E_OK &&
	    (EVP_DigestFinal_ex(ctx, digest, &len) != 1 || len != sizeof(m->sha256) ||
		memcmp(digest, m->sha256, len) != 0))
		rc = refuse(E_CHECKSUM, why, size, "the payload is damaged: its SHA-256 differs");
	EVP_MD_CTX_free(ctx);
	free(piece);
	return rc;
}

/* Head, manifest and signature, in one piece of memory. */
static int
check_head(FILE *f, struct firmware_manifest *m, uint8_t *buf, char *why, size_t size)
{
	struct rd r = rd_init(buf, FIRMWARE_HEAD);
	const uint8_t *magic;
	uint32_t n;
	int rc;

	if (fread(buf, 1, FIRMWARE_HEAD, f) != FIRMWARE_HEAD)
		return refuse(E_FRAME, why, size, "this is no firmware package: too short");
	magic = rd_take(&r, 8);
	n = rd_u32_le(&r);
	if (magic == NULL || memcmp(magic, FIRMWARE_MAGIC, 8) != 0)
		return refuse(E_FRAME, why, size, "this is no firmware package");
	if (n < 2 || n > FIRMWARE_MANIFEST_MOST ||
	    fread(buf + FIRMWARE_HEAD, 1, n + FIRMWARE_SIGNATURE, f) != n + FIRMWARE_SIGNATURE)
		return refuse(E_FRAME, why, size, "the package breaks off in its manifest");
	if ((rc = check_signature(buf, FIRMWARE_HEAD + n, why, size)) < 0)
		return rc;
	/* Only what is signed is looked at. */
	if (firmware_manifest_parse(m, (const char *)buf + FIRMWARE_HEAD, n) < 0)
		return refuse(E_FRAME, why, size, "the manifest is not understood");
	return E_OK;
}

int
firmware_verify(const char *path, struct firmware_manifest *m, char *why, size_t why_size)
{
	uint8_t *buf = malloc(FIRMWARE_HEAD + FIRMWARE_MANIFEST_MOST + FIRMWARE_SIGNATURE);
	FILE *f = fopen(path, "re");
	int rc;

	*m = (struct firmware_manifest){ .size = 0 };
	if (buf == NULL)
		rc = refuse(E_NOMEM, why, why_size, "out of memory");
	else if (f == NULL)
		rc = refuse(E_IO, why, why_size, "the package cannot be read");
	else if ((rc = check_head(f, m, buf, why, why_size)) == E_OK)
		rc = check_payload(f, m, why, why_size);
	if (f != NULL)
		fclose(f);
	free(buf);
	return rc;
}
