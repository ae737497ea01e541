/* Layout of the two files (specs/storage.md 2): numbered SQL, the table of each record type, and
 * the arithmetic of time buckets.
 *
 * A migration, once released, is frozen: a change of layout is a new one at the end of the list. */
#ifndef USPD_STORE_SCHEMA_H
#define USPD_STORE_SCHEMA_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/civil.h"
#include "src/model/model.h"
#include "src/store/db.h"

extern const struct migration archive_migrations[];
extern const struct migration config_migrations[];
extern const unsigned archive_version, config_version;	/* rows of the lists */

/* How the rows of a record type are keyed.
 *   KEYED    INTEGER PRIMARY KEY = bucket << 16 | dev: one record per meter and bucket
 *   PROFILE  INTEGER PRIMARY KEY = (day << 16 | dev) << 11 | period: one row of slices.  The
 *            period stands in the low bits, so that a day on which the meter was re-programmed has
 *            a row per period side by side and the key stays an integer: a WITHOUT ROWID key costs
 *            a fifth more space, and the measured order day, meter is the same.
 *   HOUR     WITHOUT ROWID (bucket, dev, ts)
 *   JOURNAL  WITHOUT ROWID (dev, code, ts, seq), both journal types in one table
 *   CONFIG   the current one, in the row of the meter's state */
enum family { FAMILY_NONE, FAMILY_KEYED, FAMILY_PROFILE, FAMILY_HOUR, FAMILY_JOURNAL, FAMILY_CONFIG };
enum { PROFILE_PERIOD_BITS = 11, PROFILE_PERIOD_MAX = (1 << PROFILE_PERIOD_BITS) - 1 };

enum family schema_family(enum record_type);		/* FAMILY_NONE out of range */
const char *schema_table(enum record_type);		/* NULL: the type has no table of its own */

/* Code of a journal in the table: pulse hubs have numbers of their own above the others. */
enum { PULSE_JOURNAL_BASE = 1000, JOURNAL_CODE_MAX = 999 };

/* Bucket of a moment while `offset_s` is the local time's offset: UTC hour, local day, local month
 * (year * 12 + month - 1).  A profile slice is keyed by its end: 00:00 belongs to the day before. */
int64_t bucket_at(enum record_type, int32_t offset_s, int64_t ts);
int64_t bucket_of(enum record_type, struct zone, int64_t ts);
/* A moment every packed time of the bucket is counted from: its start as if local time were UTC. */
int64_t bucket_base(enum record_type, int64_t bucket);

/* Offsets from UTC that were ever in force when rows were written.  Stored stamps are not rewritten
 * when the zone changes (data-model.md 7), so a range of time is looked for under all of them. */
struct bucket_span { int32_t least, most; };
void bucket_range(enum record_type, struct bucket_span, int64_t from, int64_t to,
    int64_t *first, int64_t *last);

/* Time stamps the archive takes: 1970 up to 2400. */
enum { TS_LEAST = 0 };
#define TS_MOST INT64_C(13569465600)

#endif
