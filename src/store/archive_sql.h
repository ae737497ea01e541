/* The archive for service people: read-only SQL with the packed values spelled out.
 *
 * Functions
 *   uspd_value(v, 'A+0')   value of a packed record in base units (Wh, V, ...), NULL when not kept
 *   uspd_valid(v)          1 record, 0 marker "the meter has no such record"
 *   uspd_stamp(type, bucket, v)   time stamp of a packed record, UTC seconds
 *   uspd_time(ts)          as local time of the device zone: 2024-06-15 00:00:00+03:00
 *   uspd_slices(day, period, v)   a packed day of load profile as JSON, one object per slice
 * Views: one per record type under its upstream name (ElDayEnergy: dev, ts, time, valid, "A+0", ...),
 * Journals, Rings (a running daemon is ahead of them), Meters (of config.db, without passwords). */
#ifndef USPD_STORE_ARCHIVE_SQL_H
#define USPD_STORE_ARCHIVE_SQL_H

#include "src/base/err.h"

struct sqlite3;

/* Opens `dir`/archive.db; may be called while the daemon runs.  The caller closes with
 * sqlite3_close().  E_NOTFOUND, E_VERSION, E_IO, E_CORRUPT. */
int archive_sql_open(struct sqlite3 **, const char *dir) USPD_MUST_CHECK;

#endif
