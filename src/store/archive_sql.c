#include "src/store/archive_sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/civil.h"
#include "src/base/log.h"
#include "src/store/db.h"
#include "src/store/pack.h"
#include "src/store/schema.h"

enum { PATH_SIZE = 600, VIEW_SQL_MAX = 8192, CACHE_KIB = 2048, SLICE_JSON_MAX = 320 };

static bool
take_record(sqlite3_value *v, int64_t base, struct record *r)
{
	const uint8_t *data = sqlite3_value_blob(v);

	return data != NULL && unpack_record(data, (size_t)sqlite3_value_bytes(v), base, r) == E_OK;
}

/* Tags are unique over all value sets, so the type need not be said. */
static int
slot_of_tag(const char *tag)
{
	for (int type = REC_NONE + 1; type < REC_COUNT; type++)
		for (unsigned slot = 0; slot < value_slots((enum record_type)type); slot++)
			if (strcmp(value_tag((enum record_type)type, slot), tag) == 0)
				return (int)slot;
	return -1;
}

static void
sql_value(sqlite3_context *context, int n, sqlite3_value **args)
{
	const char *tag = (const char *)sqlite3_value_text(args[1]);
	int slot = tag != NULL ? slot_of_tag(tag) : -1;
	struct record r;

	(void)n;
	if (slot < 0)
		sqlite3_result_error(context, "uspd_value: unknown tag", -1);
	else if (take_record(args[0], 0, &r) && r.valid && record_has(&r, (unsigned)slot))
		sqlite3_result_double(context, (double)r.v[slot] / 1000);
}

static void
sql_valid(sqlite3_context *context, int n, sqlite3_value **args)
{
	struct record r;

	(void)n;
	if (take_record(args[0], 0, &r))
		sqlite3_result_int(context, r.valid);
}

static void
sql_stamp(sqlite3_context *context, int n, sqlite3_value **args)
{
	int type = sqlite3_value_int(args[0]);
	struct record r;

	(void)n;
	if (record_type_info((enum record_type)type) != NULL &&
	    take_record(args[2], bucket_base((enum record_type)type, sqlite3_value_int64(args[1])), &r))
		sqlite3_result_int64(context, r.ts);
}

static void
sql_time(sqlite3_context *context, int n, sqlite3_value **args)
{
	char text[CIVIL_TEXT_SIZE];

	(void)n;
	if (sqlite3_value_type(args[0]) == SQLITE_NULL)
		return;
	civil_print(*(struct zone *)sqlite3_user_data(context), sqlite3_value_int64(args[0]), ' ',
	    text);
	sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static size_t
slice_json(const struct slice *s, char *to, size_t size)
{
	size_t n = (size_t)snprintf(to, size, "{\"ts\":%lld,\"valid\":%d,\"flags\":%d,\"diff\":%d",
	    (long long)s->ts, s->valid, s->flags, s->diff_s);

	for (unsigned slot = 0; slot < PROFILE_SLOTS && s->valid; slot++)
		if ((s->present >> slot & 1) != 0)
			n += (size_t)snprintf(to + n, size - n, ",\"%s\":%.3f",
			    value_tag(REC_EL_PROFILE, slot), (double)s->v[slot] / 1000);
	return n + (size_t)snprintf(to + n, size - n, "}");
}

static void
sql_slices(sqlite3_context *context, int n_args, sqlite3_value **args)
{
	int64_t base = bucket_base(REC_EL_PROFILE, sqlite3_value_int64(args[0]));
	uint16_t period = (uint16_t)sqlite3_value_int(args[1]);
	const uint8_t *data = sqlite3_value_blob(args[2]);
	size_t len = data != NULL ? (size_t)sqlite3_value_bytes(args[2]) : 0, n, at = 1;
	size_t count = data != NULL ? unpack_slices_count(data, len) : 0;
	struct slice *slices = calloc(count + 1, sizeof(*slices));
	char *json = malloc((count + 1) * SLICE_JSON_MAX);

	(void)n_args;
	if (slices == NULL || json == NULL)
		sqlite3_result_error_nomem(context);
	else if (count > 0 && unpack_slices(data, len, base, period, slices, count, &n) == E_OK) {
		json[0] = '[';
		for (size_t i = 0; i < n; i++) {
			at += slice_json(&slices[i], json + at, SLICE_JSON_MAX - 1);
			json[at++] = i + 1 < n ? ',' : ']';
		}
		sqlite3_result_text(context, json, (int)at, SQLITE_TRANSIENT);
	}
	free(slices);
	free(json);
}

static int
add_functions(sqlite3 *db, const struct zone *zone)
{
	static const struct {
		const char *name;
		int n;
		void (*fn)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = {
		{ "uspd_value", 2, sql_value },
		{ "uspd_valid", 1, sql_valid },
		{ "uspd_stamp", 3, sql_stamp },
		{ "uspd_slices", 3, sql_slices },
	};
	struct zone *copy = malloc(sizeof(*copy));
	int rc = SQLITE_OK;

	if (copy == NULL)
		return E_NOMEM;
	*copy = *zone;
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]) && rc == SQLITE_OK; i++)
		rc = sqlite3_create_function(db, functions[i].name, functions[i].n,
		    SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, functions[i].fn, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_function_v2(db, "uspd_time", 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
		    copy, sql_time, NULL, NULL, free);
	else
		free(copy);
	return db_error(rc);
}

/* SELECT of one record type with a column per tag. */
static size_t
row_view(enum record_type type, char *sql, size_t size)
{
	bool hourly = schema_family(type) == FAMILY_HOUR;
	size_t n = (size_t)snprintf(sql, size,
	    "CREATE TEMP VIEW %s AS SELECT dev, ts, uspd_time(ts) AS time,"
	    " uspd_valid(v) AS valid",
	    record_type_info(type)->name);

	for (unsigned slot = 0; slot < value_slots(type) && n < size; slot++)
		n += (size_t)snprintf(sql + n, size - n, ", uspd_value(v, '%s') AS \"%s\"",
		    value_tag(type, slot), value_tag(type, slot));
	if (n < size && hourly)
		n += (size_t)snprintf(sql + n, size - n, " FROM main.%s", schema_table(type));
	else if (n < size)
		n += (size_t)snprintf(sql + n, size - n,
		    " FROM (SELECT k & 65535 AS dev,"
		    " uspd_stamp(%d, k >> 16, v) AS ts, v FROM main.%s)",
		    type, schema_table(type));
	return n;
}

static int
add_views(sqlite3 *db)
{
	static const char others[] =
	    "CREATE TEMP VIEW ElArr1ConsPower AS SELECT dev, period AS cTime, j.value ->> 'ts' AS ts,"
	    " uspd_time(j.value ->> 'ts') AS time, j.value ->> 'valid' AS valid,"
	    " j.value ->> 'P+' AS \"P+\", j.value ->> 'P-' AS \"P-\", j.value ->> 'Q+' AS \"Q+\","
	    " j.value ->> 'Q-' AS \"Q-\", (j.value ->> 'flags') & 1 AS isPart,"
	    " (j.value ->> 'flags') >> 1 & 1 AS isOvfl, (j.value ->> 'flags') >> 2 & 1 AS isSummer,"
	    " (j.value ->> 'flags') >> 3 & 1 AS isMeas FROM (SELECT k >> 27 AS day,"
	    " k >> 11 & 65535 AS dev, k & 2047 AS period, v FROM main.el_profile) AS p,"
	    " json_each(uspd_slices(p.day, p.period, p.v)) AS j;"
	    "CREATE TEMP VIEW Journals AS SELECT dev, code, ts, uspd_time(ts) AS time, event,"
	    " CASE WHEN seq >= 0 THEN seq END AS eventId, made IS NULL AS valid FROM main.journal;"
	    "CREATE TEMP VIEW Rings AS SELECT k & 65535 AS dev, k >> 16 & 31 AS type, k >> 21 AS code,"
	    " count, uspd_time(oldest) AS oldest, uspd_time(newest) AS newest FROM main.ring;";
	char sql[VIEW_SQL_MAX];
	int rc = E_OK;

	for (int type = REC_NONE + 1; type < REC_COUNT && rc == E_OK; type++) {
		enum family family = schema_family((enum record_type)type);

		if (family != FAMILY_KEYED && family != FAMILY_HOUR)
			continue;
		rc = row_view((enum record_type)type, sql, sizeof(sql)) < sizeof(sql) ?
		    db_exec(db, sql) :
		    E_INTERNAL;
	}
	return rc == E_OK ? db_exec(db, others) : rc;
}

/* Zone of the settings, and the meters by name: config.db may be missing beside a salvaged file. */
static void
attach_config(sqlite3 *db, const char *dir, struct zone *zone)
{
	int64_t minutes = 180, dst = 0;
	char *sql = sqlite3_mprintf("ATTACH 'file:%q/config.db?mode=ro' AS config", dir);

	if (sql != NULL && db_exec(db, sql) == E_OK) {
		if (db_integer(db, "SELECT value FROM config.setting WHERE key = 'time.tz_min'",
			&minutes) < 0)
			minutes = 180;
		if (db_integer(db, "SELECT value FROM config.setting WHERE key = 'time.dst'", &dst) < 0)
			dst = 0;
		db_exec_quiet(db,
		    "CREATE TEMP VIEW Meters AS SELECT dev, id, parent, type, address, iface,"
		    " line, folder, note FROM config.meter");
	}
	sqlite3_free(sql);
	*zone = (struct zone){ (int32_t)minutes * 60, dst != 0 };
}

int
archive_sql_open(struct sqlite3 **made, const char *dir)
{
	const struct db_options readonly = { .cache_kib = CACHE_KIB };
	char path[PATH_SIZE];
	struct zone zone;
	int64_t version = 0;
	int rc;

	*made = NULL;
	snprintf(path, sizeof(path), "%s/archive.db", dir);
	if (access(path, F_OK) < 0)
		return E_NOTFOUND;
	rc = db_open(made, path, readonly);
	if (rc == E_OK)
		rc = db_integer(*made, "PRAGMA user_version", &version);
	if (rc == E_OK && version != (int64_t)archive_version) {
		log_error("store", "file=%s is of version %lld, this program knows %u", path,
		    (long long)version, archive_version);
		rc = E_VERSION;
	}
	if (rc == E_OK) {
		attach_config(*made, dir, &zone);
		rc = add_functions(*made, &zone);
	}
	if (rc == E_OK)
		rc = add_views(*made);
	if (rc < 0)
		db_close(made);
	return rc;
}
