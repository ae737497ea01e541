/* Running a helper program and hearing what it says. */
#ifndef USPD_SYSTEM_COMMAND_H
#define USPD_SYSTEM_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

/* Runs argv (NULL-terminated; argv[0] is looked for in PATH) without a shell, with nothing to read;
 * the beginning of what it says on both outputs goes to out, a text.  Killed after limit_ms.
 * E_NOTFOUND: no such program; E_TIMEOUT; E_IO: it ended with a fault.  Workers only. */
int command_run(const char *const argv[], char *out, size_t size, uint32_t limit_ms) USPD_MUST_CHECK;

#endif
