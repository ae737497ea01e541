/* The way to the daemon: libcurl stops here. */
#ifndef USPD_TOOLS_CTL_HTTP_H
#define USPD_TOOLS_CTL_HTTP_H

#include <stddef.h>

#include "src/base/text.h"
#include "tools/ctl.h"

#define CTL_TOKEN_FILE "/var/lib/uspd/api.token"
enum { CTL_TOKEN_SIZE = 256 };

/* Sets ctl->token, which points to `given` or buf: the token given ("@FILE" reads it), or that of
 * `file`, or, for a daemon on this machine, that of CTL_TOKEN_FILE when it can be read.  False, and
 * told on stderr, when a file that was named cannot be read. */
bool ctl_find_token(struct ctl *, const char *given, const char *file, char buf[static CTL_TOKEN_SIZE]);

struct ctl_body { const char *type; const char *data; size_t len; };

/* One request.  `path` is escaped already; it is below /api/v1, or, when it begins with '/', one of
 * SMART-JSON in ctl->dialect.  body may be NULL.  CTL_OK whatever the status; CTL_UNREACHABLE is told
 * on stderr with what to do. */
int ctl_request(const struct ctl *, const char *method, const char *path, const struct ctl_body *body,
    struct text *answer, long *status);

/* The same with JSON both ways.  Takes the reference to body (NULL: none).  A refusal is told on
 * stderr, CTL_FAILED; 404 too, but silently when `missing` is not NULL and set there. */
int ctl_call(const struct ctl *, const char *method, const char *path, json_t *body, json_t **answer,
    bool *missing);

/* Tells a refusal as a person reads it, with its list of faults. */
void ctl_tell_refusal(const struct text *answer, long status);

/* Appends "?name=value" or "&name=value", escaped; nothing when value is NULL. */
void ctl_add_arg(struct text *path, const char *name, const char *value);

#endif
