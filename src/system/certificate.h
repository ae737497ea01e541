/* The device's own certificate for TLS (system.md 4). */
#ifndef USPD_SYSTEM_CERTIFICATE_H
#define USPD_SYSTEM_CERTIFICATE_H

#include <stdint.h>

#include "src/base/err.h"

/* Makes a key (ECDSA P-256, mode 0600) and a certificate signed by itself, valid 2000..2099 as the
 * clock may be wrong on the first day; files that are there and fit each other stay.  name: whom it
 * names, the host name.  E_IO, E_FULL, E_INTERNAL. */
int certificate_ensure(const char *certificate, const char *key, const char *name) USPD_MUST_CHECK;
/* The chain's first certificate and the key belong together: E_OK; E_NOTFOUND one of the files is
 * missing; E_INVALID.  *until: end of its validity, UTC; may be NULL. */
int certificate_check(const char *certificate, const char *key, int64_t *until) USPD_MUST_CHECK;

#endif
