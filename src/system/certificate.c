#include "src/system/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "src/base/log.h"

enum { PATH = 512 };

/* ---- making ---- */

static bool
set_name(X509 *x, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(x);
	char short_name[64];

	snprintf(short_name, sizeof(short_name), "%s", *name != '\0' ? name : "uspd");
	return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
		   (const unsigned char *)short_name, -1, -1, 0) == 1 &&
	    X509_set_issuer_name(x, subject) == 1;
}

static bool
add_extension(X509 *x, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *extension;
	bool good;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	good = extension != NULL && X509_add_ext(x, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return good;
}

static bool
set_serial(X509 *x)
{
	unsigned char bytes[8];
	uint64_t number = 0;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return false;
	for (size_t i = 0; i < sizeof(bytes); i++)
		number = number << 8 | bytes[i];
	return ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), number >> 1 | 1) == 1;
}

static X509 *
make_certificate(EVP_PKEY *key, const char *name)
{
	X509 *x = X509_new();
	char names[128];

	snprintf(names, sizeof(names), "DNS:%.63s,IP:192.168.0.1", *name != '\0' ? name : "uspd");
	if (x != NULL && X509_set_version(x, X509_VERSION_3) == 1 && set_serial(x) &&
	    ASN1_TIME_set_string(X509_getm_notBefore(x), "20000101000000Z") == 1 &&
	    ASN1_TIME_set_string(X509_getm_notAfter(x), "20991231235959Z") == 1 &&
	    X509_set_pubkey(x, key) == 1 && set_name(x, name) &&
	    add_extension(x, NID_basic_constraints, "critical,CA:FALSE") &&
	    add_extension(x, NID_ext_key_usage, "serverAuth") &&
	    add_extension(x, NID_subject_alt_name, names) && X509_sign(x, key, EVP_sha256()) > 0)
		return x;
	X509_free(x);
	return NULL;
}

/* Whole or not at all: a file of that name appears when it is on the disk. */
static FILE *
begin_file(const char *path, char part[static PATH], mode_t mode)
{
	int fd;
	FILE *f;

	snprintf(part, PATH, "%.500s.part", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return NULL;
	if ((f = fdopen(fd, "w")) == NULL)
		close(fd);
	return f;
}

static int
end_file(FILE *f, bool good, const char *part, const char *path)
{
	good = good && fflush(f) == 0 && fsync(fileno(f)) == 0;
	if (fclose(f) != 0 || !good || rename(part, path) < 0) {
		int rc = errno == ENOSPC ? E_FULL : E_IO;

		unlink(part);
		return rc;
	}
	return E_OK;
}

static int
write_pair(const char *certificate, const char *key_path, X509 *x, EVP_PKEY *key)
{
	char part[PATH];
	FILE *f = begin_file(key_path, part, 0600);
	int rc;

	if (f == NULL)
		return E_IO;
	rc = end_file(f, PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1, part, key_path);
	if (rc < 0)
		return rc;
	if ((f = begin_file(certificate, part, 0644)) == NULL)
		return E_IO;
	return end_file(f, PEM_write_X509(f, x) == 1, part, certificate);
}

int
certificate_ensure(const char *certificate, const char *key_path, const char *name)
{
	EVP_PKEY *key = NULL;
	X509 *x = NULL;
	int rc;

	if (certificate_check(certificate, key_path, NULL) == E_OK)
		return E_OK;
	if ((key = EVP_EC_gen("P-256")) == NULL || (x = make_certificate(key, name)) == NULL)
		rc = E_INTERNAL;
	else
		rc = write_pair(certificate, key_path, x, key);
	if (rc < 0)
		log_error("system", "certificate=%s: cannot be made: %s", certificate,
		    uspd_strerror(rc));
	else
		log_info("system", "certificate=%s: made, signed by itself", certificate);
	X509_free(x);
	EVP_PKEY_free(key);
	return rc;
}

/* ---- checking ---- */

static int
no_pass_phrase(char *buf, int size, int writing, void *arg)
{
	(void)buf;
	(void)size;
	(void)writing;
	(void)arg;
	return 0;
}

static int64_t
end_of(const X509 *x)
{
	struct tm tm = { 0 };

	return ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

int
certificate_check(const char *certificate, const char *key_path, int64_t *until)
{
	FILE *c = fopen(certificate, "re"), *k = fopen(key_path, "re");
	X509 *x = c != NULL ? PEM_read_X509(c, NULL, no_pass_phrase, NULL) : NULL;
	EVP_PKEY *key = k != NULL ? PEM_read_PrivateKey(k, NULL, no_pass_phrase, NULL) : NULL;
	int rc = c == NULL || k == NULL ? E_NOTFOUND : E_INVALID;

	if (x != NULL && key != NULL && X509_check_private_key(x, key) == 1) {
		rc = E_OK;
		if (until != NULL)
			*until = end_of(x);
	}
	X509_free(x);
	EVP_PKEY_free(key);
	if (c != NULL)
		fclose(c);
	if (k != NULL)
		fclose(k);
	return rc;
}
