/* The whole configuration as one JSON document, and the way back (system.md 13).
 *
 *	{"openuspd":"backup","version":1,"made":1718431202,"program":"…",
 *	 "settings":{"time.tz_min":"180",…},
 *	 "meters":[{"id":6,"type":"Mercury23x",…}],
 *	 "tables":{"ip":null,"servers/sntp":[{"name":"1","row":{…}}]},	null: as from the factory
 *	 "checksum":"…",						SHA-256 of the rest
 *	 "sealed":{…}}							seal.h; what is blanked above
 *
 * Secrets (passwords, keys, hashes) stand in the clear part only of the copies that the device keeps
 * for itself.  Restored without them, rows that are there keep their own.  Workers only. */
#ifndef USPD_SMART_JSON_BACKUP_H
#define USPD_SMART_JSON_BACKUP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "smart-json/http.h"
#include "smart-json/view.h"
#include "src/base/err.h"

enum { BACKUP_VERSION = 1, BACKUPS_KEPT = 5 };

/* The document; passphrase: also its sealed part; bare: secrets in the clear.  NULL: out of memory. */
json_t *backup_make(struct store *, const char *passphrase, bool bare);

/* Writes backup-NUMBER-YYYYMMDD-HHMMSS.json into the data directory, with secrets, readable by nobody
 * else, and removes the oldest of more than BACKUPS_KEPT.  Durable on return.  E_FULL, E_IO,
 * E_NOMEM.  A server without a data directory keeps none. */
int backup_keep(const struct http_options *) USPD_MUST_CHECK;

/* ---- the way back ---- */

struct restore {
	struct store *store;
	struct edits edits;
	json_t *report;		/* what is changed, for the answer; without secrets */
	json_t *warnings;	/* texts */
	char where[96], why[160];	/* after E_INVALID, E_DENIED */
	bool accounts;		/* the table of accounts changes */
};
/* Checks a document whole and plans the edits that bring it about.  The caller holds edit_lock().
 * E_INVALID, E_DENIED (pass-phrase), E_VERSION, E_NOMEM. */
int restore_plan(struct restore *, struct store *, const json_t *document, const char *passphrase)
    USPD_MUST_CHECK;
void restore_free(struct restore *);

#endif
