/* Who may talk to the HTTP server: peers of this machine, or bearers of the token; and no page of
 * a foreign site, whatever name it made the browser resolve (DNS rebinding).  Pure but for the
 * file of the token. */
#ifndef USPD_SMART_JSON_HTTP_GUARD_H
#define USPD_SMART_JSON_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/err.h"

struct sockaddr;

enum { HTTP_TOKEN_SIZE = 65 };

bool http_peer_is_local(const struct sockaddr *);
/* Host field: a literal address or localhost, any port.  Names can be made to point anywhere. */
bool http_host_allowed(const char *host);
/* Origin field: the very Host that is asked; NULL (no browser) is allowed, "null" is not. */
bool http_origin_allowed(const char *origin, const char *host);
/* Authorization field: "Bearer <token>"; compared in a time that tells nothing. */
bool http_token_matches(const char *authorization, const char *token);

/* Reads the token of `dir`/api.token; makes one (mode 0600) when there is none.  E_IO. */
int http_token_load(const char *dir, char token[static HTTP_TOKEN_SIZE]) USPD_MUST_CHECK;

#endif
