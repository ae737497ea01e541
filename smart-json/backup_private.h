/* What the files of the backup share. */
#ifndef USPD_SMART_JSON_BACKUP_PRIVATE_H
#define USPD_SMART_JSON_BACKUP_PRIVATE_H

#include <jansson.h>
#include <stdbool.h>

#include "smart-json/backup.h"

enum { BACKUP_CHECKSUM_SIZE = 65 };

/* Does the audit journal blank members of this name? */
bool backup_is_secret(const char *name);
bool backup_checksum(const json_t *document, char hex[static BACKUP_CHECKSUM_SIZE]);

/* Returns E_INVALID. */
int restore_refuse(struct restore *, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void restore_warn(struct restore *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int restore_tables(struct restore *, const json_t *content) USPD_MUST_CHECK;

#endif
