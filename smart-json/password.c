#include "smart-json/password.h"

#include <crypt.h>
#include <stdlib.h>
#include <string.h>

/* 4 MiB of memory and 3.7 ms on a server's core, thus some 50 to 80 ms on the board's: dear for who
 * tries many, and harmless for the poller and its memory. */
enum { COST = 3 };

bool
password_equal(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);
	unsigned difference = na != nb;

	for (size_t i = 0; i < nb; i++)
		difference |= (unsigned char)(a[na > 0 ? i % na : 0] ^ b[i]);
	return difference == 0;
}

static int
run(const char *password, const char *setting, char hash[static PASSWORD_HASH_SIZE])
{
	struct crypt_data *data;
	const char *result;
	int rc = E_INVALID;

	if (strlen(password) > PASSWORD_MOST)
		return E_INVALID;
	if ((data = calloc(1, sizeof(*data))) == NULL)
		return E_NOMEM;
	result = crypt_r(password, setting, data);
	if (result != NULL && *result != '*' && strlen(result) < PASSWORD_HASH_SIZE) {
		memcpy(hash, result, strlen(result) + 1);
		rc = E_OK;
	}
	explicit_bzero(data, sizeof(*data));
	free(data);
	return rc;
}

int
password_hash(const char *password, char hash[static PASSWORD_HASH_SIZE])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];

	if (crypt_gensalt_rn("$y$", COST, NULL, 0, setting, sizeof(setting)) == NULL)
		return E_IO;
	return run(password, setting, hash);
}

bool
password_fits(const char *password, const char *hash)
{
	char own[PASSWORD_HASH_SIZE];

	return run(password, hash, own) == E_OK && password_equal(own, hash);
}
