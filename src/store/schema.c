#include "src/store/schema.h"

#include <stddef.h>

static const char archive_1[] =
	/* One record per meter and bucket: k = bucket << 16 | dev. */
	"CREATE TABLE el_day(k INTEGER PRIMARY KEY, v BLOB NOT NULL);"
	"CREATE TABLE el_day_cons(k INTEGER PRIMARY KEY, v BLOB NOT NULL);"
	"CREATE TABLE el_month(k INTEGER PRIMARY KEY, v BLOB NOT NULL);"
	"CREATE TABLE el_month_cons(k INTEGER PRIMARY KEY, v BLOB NOT NULL);"
	"CREATE TABLE pls_day(k INTEGER PRIMARY KEY, v BLOB NOT NULL);"
	"CREATE TABLE pls_month(k INTEGER PRIMARY KEY, v BLOB NOT NULL);"
	"CREATE TABLE gen_day(k INTEGER PRIMARY KEY, v BLOB NOT NULL);"
	"CREATE TABLE gen_month(k INTEGER PRIMARY KEY, v BLOB NOT NULL);"
	/* A day of slices per meter and period: k = (day << 16 | dev) << 11 | period. */
	"CREATE TABLE el_profile(k INTEGER PRIMARY KEY, v BLOB NOT NULL);"
	"CREATE TABLE el_moment_energy(bucket INTEGER, dev INTEGER, ts INTEGER, v BLOB NOT NULL,"
	" PRIMARY KEY(bucket, dev, ts)) WITHOUT ROWID;"
	"CREATE TABLE el_moment_quality(bucket INTEGER, dev INTEGER, ts INTEGER, v BLOB NOT NULL,"
	" PRIMARY KEY(bucket, dev, ts)) WITHOUT ROWID;"
	"CREATE TABLE pls_moment(bucket INTEGER, dev INTEGER, ts INTEGER, v BLOB NOT NULL,"
	" PRIMARY KEY(bucket, dev, ts)) WITHOUT ROWID;"
	"CREATE TABLE pls_hour(bucket INTEGER, dev INTEGER, ts INTEGER, v BLOB NOT NULL,"
	" PRIMARY KEY(bucket, dev, ts)) WITHOUT ROWID;"
	"CREATE TABLE dig_moment(bucket INTEGER, dev INTEGER, ts INTEGER, v BLOB NOT NULL,"
	" PRIMARY KEY(bucket, dev, ts)) WITHOUT ROWID;"
	"CREATE TABLE dig_journal(bucket INTEGER, dev INTEGER, ts INTEGER, v BLOB NOT NULL,"
	" PRIMARY KEY(bucket, dev, ts)) WITHOUT ROWID;"
	"CREATE TABLE gen_moment(bucket INTEGER, dev INTEGER, ts INTEGER, v BLOB NOT NULL,"
	" PRIMARY KEY(bucket, dev, ts)) WITHOUT ROWID;"
	"CREATE TABLE gen_hour(bucket INTEGER, dev INTEGER, ts INTEGER, v BLOB NOT NULL,"
	" PRIMARY KEY(bucket, dev, ts)) WITHOUT ROWID;"
	/* seq: the event id of the meter; where it gives none, -1 - event, so that two different
	 * events of one second are two rows.  made: NULL, or when the marker was made. */
	"CREATE TABLE journal(dev INTEGER, code INTEGER, ts INTEGER, seq INTEGER, event INTEGER,"
	" diff INTEGER, made INTEGER, PRIMARY KEY(dev, code, ts, seq)) WITHOUT ROWID;"
	/* k = kind << 16 | dev; kind = journal code << 5 | record type */
	"CREATE TABLE ring(k INTEGER PRIMARY KEY, count INTEGER NOT NULL, oldest INTEGER NOT NULL,"
	" newest INTEGER NOT NULL);"
	/* What changed in `ring` since it was written last, a row per commit. */
	"CREATE TABLE ring_log(id INTEGER PRIMARY KEY, sequence INTEGER NOT NULL,"
	" changes BLOB NOT NULL);"
	"CREATE TABLE state(dev INTEGER PRIMARY KEY, config_type INTEGER NOT NULL DEFAULT 0,"
	" config_ts INTEGER NOT NULL DEFAULT 0, serial TEXT, model TEXT, firmware TEXT, config BLOB,"
	" serial_since INTEGER NOT NULL DEFAULT 0, link INTEGER NOT NULL DEFAULT 0,"
	" link_since INTEGER NOT NULL DEFAULT 0, last_answer INTEGER NOT NULL DEFAULT 0,"
	" corrected_day INTEGER NOT NULL DEFAULT 0, refused INTEGER NOT NULL DEFAULT 0,"
	" refused_journals INTEGER NOT NULL DEFAULT 0, refused_at INTEGER NOT NULL DEFAULT 0,"
	" memory_version INTEGER NOT NULL DEFAULT 0, memory BLOB);"
	/* sequence, offset_least, offset_most, checked_full */
	"CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;";

static const char config_1[] =
	"CREATE TABLE setting(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE meter(id INTEGER PRIMARY KEY, dev INTEGER NOT NULL UNIQUE,"
	" parent INTEGER NOT NULL, type INTEGER NOT NULL, address TEXT NOT NULL,"
	" password_read TEXT NOT NULL, password_write TEXT NOT NULL, iface INTEGER NOT NULL,"
	" line TEXT NOT NULL, rtu_object_type INTEGER NOT NULL, rtu_object INTEGER NOT NULL,"
	" rtu_feeder INTEGER NOT NULL, rtu_serial TEXT NOT NULL, folder TEXT NOT NULL,"
	" note TEXT NOT NULL);"
	/* Devices whose row is gone and whose archive is still being removed. */
	"CREATE TABLE purge(dev INTEGER PRIMARY KEY);"
	"CREATE TABLE journal(kind INTEGER, id INTEGER, ts INTEGER NOT NULL, json TEXT NOT NULL,"
	" PRIMARY KEY(kind, id)) WITHOUT ROWID;";

/* Rows of the tables of model/tables.h: tbl is enum table.  A table without a row in row_table, or
 * with written = 0, holds its factory rows; last is the highest number given in it. */
static const char config_2[] =
	"CREATE TABLE row_table(tbl INTEGER PRIMARY KEY, written INTEGER NOT NULL,"
	" last INTEGER NOT NULL);"
	"CREATE TABLE row(tbl INTEGER, number INTEGER, key TEXT NOT NULL, json TEXT NOT NULL,"
	" PRIMARY KEY(tbl, number), UNIQUE(tbl, key)) WITHOUT ROWID;"
	"ALTER TABLE meter ADD COLUMN wire TEXT NOT NULL DEFAULT '';";

/* Facts of other rooms (store_note_put). */
static const char config_3[] =
	"CREATE TABLE note(key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;";

const struct migration archive_migrations[] = { { archive_1 } };
const struct migration config_migrations[] = { { config_1 }, { config_2 }, { config_3 } };
const unsigned archive_version = sizeof(archive_migrations) / sizeof(archive_migrations[0]);
const unsigned config_version = sizeof(config_migrations) / sizeof(config_migrations[0]);

static const char *const tables[REC_COUNT] = {
	[REC_EL_MOMENT_ENERGY] = "el_moment_energy", [REC_EL_MOMENT_QUALITY] = "el_moment_quality",
	[REC_EL_DAY] = "el_day", [REC_EL_DAY_CONS] = "el_day_cons",
	[REC_EL_MONTH] = "el_month", [REC_EL_MONTH_CONS] = "el_month_cons",
	[REC_EL_PROFILE] = "el_profile",
	[REC_PLS_MOMENT] = "pls_moment", [REC_PLS_HOUR] = "pls_hour", [REC_PLS_DAY] = "pls_day",
	[REC_PLS_MONTH] = "pls_month",
	[REC_DIG_MOMENT] = "dig_moment", [REC_DIG_JOURNAL] = "dig_journal",
	[REC_GEN_MOMENT] = "gen_moment", [REC_GEN_HOUR] = "gen_hour", [REC_GEN_DAY] = "gen_day",
	[REC_GEN_MONTH] = "gen_month",
};

const char *
schema_table(enum record_type type)
{
	return type > REC_NONE && type < REC_COUNT ? tables[type] : NULL;
}

enum family
schema_family(enum record_type type)
{
	const struct record_type_info *info = record_type_info(type);

	if (info == NULL)
		return FAMILY_NONE;
	if (info->values == VALUES_CONFIG)
		return FAMILY_CONFIG;
	if (info->values == VALUES_JOURNAL)
		return FAMILY_JOURNAL;
	if (info->values == VALUES_PROFILE)
		return FAMILY_PROFILE;
	return info->bucket == BUCKET_HOUR ? FAMILY_HOUR : FAMILY_KEYED;
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

int64_t
bucket_at(enum record_type type, int32_t offset_s, int64_t ts)
{
	const struct record_type_info *info = record_type_info(type);
	struct civil c;

	if (info == NULL)
		return 0;
	if (info->values == VALUES_PROFILE)
		ts--;
	switch (info->bucket) {
	case BUCKET_HOUR:
		return floor_div(ts, 3600);
	case BUCKET_DAY:
		return floor_div(ts + offset_s, 86400);
	case BUCKET_MONTH:
		c = civil_from_utc((struct zone){ offset_s, false }, ts);
		return (int64_t)c.year * 12 + c.month - 1;
	case BUCKET_NONE:
		break;
	}
	return 0;
}

int64_t
bucket_of(enum record_type type, struct zone zone, int64_t ts)
{
	bool by_end = schema_family(type) == FAMILY_PROFILE;

	return bucket_at(type, zone_offset_s(zone, by_end ? ts - 1 : ts), ts);
}

int64_t
bucket_base(enum record_type type, int64_t bucket)
{
	switch (record_type_info(type)->bucket) {
	case BUCKET_HOUR:
		return bucket * 3600;
	case BUCKET_DAY:
		return bucket * 86400;
	case BUCKET_MONTH:
		return civil_days((int)(bucket / 12), (int)(bucket % 12) + 1, 1) * 86400;
	case BUCKET_NONE:
		break;
	}
	return 0;
}

void
bucket_range(enum record_type type, struct bucket_span span, int64_t from, int64_t to,
    int64_t *first, int64_t *last)
{
	from = from < TS_LEAST ? TS_LEAST : from > TS_MOST ? TS_MOST : from;
	to = to < TS_LEAST ? TS_LEAST : to > TS_MOST ? TS_MOST : to;
	*first = bucket_at(type, span.least, from);
	*last = bucket_at(type, span.most, to);
}
