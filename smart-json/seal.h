/* A text closed with a pass-phrase: AES-256-GCM under a key of scrypt (RFC 7914).  The result is a
 * JSON object that says all that is needed to open it again but the pass-phrase.  Takes 16 MiB and
 * about a second on the target: workers only. */
#ifndef USPD_SMART_JSON_SEAL_H
#define USPD_SMART_JSON_SEAL_H

#include <jansson.h>
#include <stddef.h>

#include "src/base/err.h"

enum { SEAL_PASSPHRASE_LEAST = 8, SEAL_PASSPHRASE_MOST = 256 };

/* NULL: out of memory, or no random numbers. */
json_t *seal_close(const char *text, size_t len, const char *passphrase);
/* *text has a terminator behind its *len bytes; wiped and freed with seal_forget().
 * E_INVALID: not a sealed text, or one this version cannot open; E_DENIED: wrong pass-phrase, or
 * the text was changed; E_NOMEM. */
int seal_open(const json_t *sealed, const char *passphrase, char **text, size_t *len) USPD_MUST_CHECK;
void seal_forget(char *text, size_t len);	/* NULL allowed */

enum { SEAL_DIGEST_SIZE = 65 };
void seal_digest(const char *text, size_t len, char hex[static SEAL_DIGEST_SIZE]);	/* SHA-256 */

#endif
