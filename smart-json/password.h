/* Hashes of passwords (crypt(5), yescrypt); libcrypt stops here.  Any thread. */
#ifndef USPD_SMART_JSON_PASSWORD_H
#define USPD_SMART_JSON_PASSWORD_H

#include <stdbool.h>

#include "src/base/err.h"

enum { PASSWORD_HASH_SIZE = 128, PASSWORD_MOST = 256 };	/* 64 letters of UTF-8 */

/* E_INVALID: longer than PASSWORD_MOST; E_NOMEM.  Takes as long as a check. */
int password_hash(const char *password, char hash[static PASSWORD_HASH_SIZE]) USPD_MUST_CHECK;
bool password_fits(const char *password, const char *hash);
/* In a time that does not depend on where they differ. */
bool password_equal(const char *, const char *);

#endif
