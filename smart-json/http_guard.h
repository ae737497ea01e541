/* What a request tells of where it comes from: address, host, page; and the token of this machine's
 * own tools.  Pure but for the file of the token. */
#ifndef USPD_SMART_JSON_HTTP_GUARD_H
#define USPD_SMART_JSON_HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/err.h"

struct sockaddr;

enum { HTTP_TOKEN_SIZE = 65 };

bool http_peer_is_local(const struct sockaddr *);
bool http_is_address(const char *text);		/* literal IPv4 or IPv6 */
/* Host field: a name or a literal address, and perhaps a port; NULL is HTTP/1.0.  Any name will do:
 * to a name made to point here (DNS rebinding) a browser sends no ticket. */
bool http_host_valid(const char *host);
/* Origin field: the very Host that is asked; NULL (no browser) is allowed, "null" is not. */
bool http_origin_allowed(const char *origin, const char *host);
/* Authorization field: "Bearer <token>"; compared in a time that tells nothing. */
bool http_token_matches(const char *authorization, const char *token);

/* Reads the token of `dir`/api.token; makes one (mode 0600) when there is none.  One that the disk
 * does not take is known to nobody, and no reason not to start.  E_IO: no random bytes. */
int http_token_load(const char *dir, char token[static HTTP_TOKEN_SIZE]) USPD_MUST_CHECK;

#endif
