/* Changes of the configuration by clients: one at a time, and written down. */
#ifndef USPD_SMART_JSON_EDIT_H
#define USPD_SMART_JSON_EDIT_H

#include <jansson.h>

#include "smart-json/http.h"

/* Held from the first look at what is stored until store_edit() has returned, so that what was
 * checked still holds when it is written.  Workers only. */
void edit_lock(void);
void edit_unlock(void);

/* Journals who changed what (DJ_AUDIT): {"login", "peer", "what", "key", "before", "after"}, secrets
 * blanked, cut to the length of a journal row.  before NULL: added; after NULL: removed. */
void edit_audit(const struct http_call *, const char *what, const char *key, const json_t *before,
    const json_t *after);
/* Replaces the values of members that are secrets (passwords, keys, pins, hashes) by "". */
void edit_blank_secrets(json_t *);

#endif
