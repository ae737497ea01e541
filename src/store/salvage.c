/* Salvage of a damaged archive.db: what can be read goes row by row into a new file.
 *
 * The new file is complete before it takes the old one's place, so a power cut on the way starts
 * the salvage anew.  A range of rows that cannot be read is jumped over by searching for keys ever
 * further on, then back to the first one that answers.  The rings are counted from what was kept. */
#include "src/store/store_private.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/store/pack.h"

enum { PATH_SIZE = 600, ROWS_PER_COMMIT = 20000, MAX_COLUMNS = 20 };
static const char aside_prefix[] = "archive.db.damaged-";

struct copying {
	sqlite3 *from, *to;
	sqlite3_stmt *find, *insert;
	const char *table;
	enum record_type type;	/* REC_NONE: rows are taken as they are */
	unsigned uncommitted;
	uint64_t kept, bad;
};

/* The leading part of a table's key as one number, and how to search for it. */
struct layout { const char *key, *search; };
static const struct layout by_k = { "k", "k >= ?1" };
static const struct layout by_bucket = { "bucket << 16 | dev",
    "(bucket, dev) >= (?1 >> 16, ?1 & 65535)" };
static const struct layout by_journal = { "dev << 16 | code",
    "(dev, code) >= (?1 >> 16, ?1 & 65535)" };
static const struct layout by_dev = { "dev", "dev >= ?1" };

static const struct layout *
layout_of(const char *table, enum record_type type)
{
	if (type != REC_NONE)
		return schema_family(type) == FAMILY_HOUR ? &by_bucket : &by_k;
	return strcmp(table, "state") == 0 ? &by_dev : &by_journal;
}

static bool
is_good_row(const struct copying *c)
{
	int last = sqlite3_column_count(c->find) - 1;
	const uint8_t *blob;
	struct record r;
	size_t len;

	if (c->type == REC_NONE)
		return true;
	blob = sqlite3_column_blob(c->find, last);
	len = blob != NULL ? (size_t)sqlite3_column_bytes(c->find, last) : 0;
	if (schema_family(c->type) == FAMILY_PROFILE)
		return unpack_slices_count(blob, len) > 0;
	return unpack_record(blob, len, 0, &r) == E_OK;
}

static int
copy_row(struct copying *c)
{
	int rc, n = sqlite3_column_count(c->find) - 1; /* column 0 is the search key */

	if (!is_good_row(c)) {
		c->bad++;
		return E_OK;
	}
	for (int i = 1; i <= n; i++)
		sqlite3_bind_value(c->insert, i, sqlite3_column_value(c->find, i));
	rc = db_run(c->insert);
	if (rc < 0)
		return rc;
	c->kept++;
	if (++c->uncommitted < ROWS_PER_COMMIT)
		return E_OK;
	c->uncommitted = 0;
	return db_exec(c->to, "COMMIT; BEGIN");
}

/* Copies from `key` to the end or the first place that cannot be read; *key: where that was. */
static int
copy_run(struct copying *c, int64_t *key, bool *ended)
{
	int step, rc = E_OK;

	sqlite3_reset(c->find);
	sqlite3_bind_int64(c->find, 1, *key);
	while (rc == E_OK && (step = sqlite3_step(c->find)) == SQLITE_ROW) {
		*key = sqlite3_column_int64(c->find, 0);
		rc = copy_row(c);
	}
	*ended = rc == E_OK && step == SQLITE_DONE;
	sqlite3_reset(c->find);
	return rc;
}

static bool
answers(struct copying *c, int64_t key)
{
	int step;

	sqlite3_bind_int64(c->find, 1, key);
	step = sqlite3_step(c->find);
	sqlite3_reset(c->find);
	return step == SQLITE_ROW || step == SQLITE_DONE;
}

/* The first key after `bad` at which the table can be read again; false: none. */
static bool
jump(struct copying *c, int64_t bad, int64_t *key)
{
	int64_t good, distance = 1;

	while (!answers(c, bad + distance)) {
		if (distance > INT64_MAX / 4 || bad > INT64_MAX - 2 * distance)
			return false;
		distance *= 2;
	}
	good = bad + distance;
	for (int64_t low = bad + distance / 2; low + 1 < good;) {
		int64_t middle = low + (good - low) / 2;

		if (answers(c, middle))
			good = middle;
		else
			low = middle;
	}
	*key = good;
	return true;
}

static int
prepare_copy(struct copying *c)
{
	const struct layout *layout = layout_of(c->table, c->type);
	static const char marks[2 * MAX_COLUMNS] = "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?";
	char sql[512];
	int rc;

	snprintf(sql, sizeof(sql), "SELECT %s, * FROM %s WHERE %s ORDER BY %s", layout->key, c->table,
	    layout->search,
	    layout == &by_k	     ? "k" :
		layout == &by_dev    ? "dev" :
		layout == &by_bucket ? "bucket, dev, ts" :
				       "dev, code, ts, seq");
	if ((rc = db_prepare(c->from, sql, &c->find)) < 0)
		return rc;
	/* A mark per column but the search key. */
	snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO %s VALUES(%.*s)", c->table,
	    2 * (sqlite3_column_count(c->find) - 1) - 1, marks);
	return db_prepare(c->to, sql, &c->insert);
}

/* Errors of the source are jumped over; errors of the target end the salvage. */
static int
copy_table(struct copying *c, const char *table, enum record_type type)
{
	int64_t key = 0;
	bool ended = false;
	int rc;

	c->table = table;
	c->type = type;
	c->find = c->insert = NULL;
	rc = prepare_copy(c);
	if (c->find == NULL) {
		log_error("store", "salvage: table %s cannot be read at all", table);
		return E_OK;
	}
	while (rc == E_OK && !ended) {
		rc = copy_run(c, &key, &ended);
		if (rc < 0 || ended)
			break;
		c->bad++;
		ended = !jump(c, key, &key);
	}
	sqlite3_finalize(c->find);
	sqlite3_finalize(c->insert);
	return rc;
}

static int
copy_all(struct copying *c)
{
	int rc = db_exec(c->to, "BEGIN");

	for (int type = REC_NONE + 1; type < REC_COUNT && rc == E_OK; type++)
		if (schema_table((enum record_type)type) != NULL)
			rc = copy_table(c, schema_table((enum record_type)type),
			    (enum record_type)type);
	if (rc == E_OK)
		rc = copy_table(c, "journal", REC_NONE);
	if (rc == E_OK)
		rc = copy_table(c, "state", REC_NONE);
	return rc;
}

static int
add_to_ring(struct rings *rings, uint32_t key, int64_t ts)
{
	struct store_ring ring;

	rings_get(rings, key, &ring);
	put_ring_add(&ring, ts);
	return rings_set(rings, key, &ring);
}

static int
count_row(struct rings *rings, enum record_type type, const struct row *row, struct day *day)
{
	uint32_t key = ring_key(row->at.dev, type, 0);
	struct record r;
	int rc = E_OK;

	if (schema_family(type) != FAMILY_PROFILE)
		return unpack_record(row->data, row->len, bucket_base(type, row->at.bucket), &r) < 0 ?
		    E_OK :
		    add_to_ring(rings, key, r.ts);
	day_begin(day, row->at.dev, row->at.bucket);
	rc = day_add_row(day, row);
	for (size_t i = 0; i < day->n && rc == E_OK; i++)
		rc = add_to_ring(rings, key, day->slices[i].ts);
	return rc;
}

static int
count_table(struct archive *a, struct rings *rings, enum record_type type)
{
	struct day day = { 0 };
	struct walk walk;
	struct row row;
	int rc;

	walk_init(&walk, a, type, WALK_ALL_METERS, 0, bucket_at(type, 0, TS_MOST) + 1, false);
	while ((rc = walk_next(&walk, &row)) > 0)
		if ((rc = count_row(rings, type, &row, &day)) < 0)
			break;
	walk_end(&walk);
	day_free(&day);
	return rc;
}

/* `sql` yields dev, record type, journal, time stamp. */
static int
count_query(struct archive *a, struct rings *rings, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	int step = SQLITE_DONE, rc = db_prepare(a->db, sql, &stmt);

	while (rc == E_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		uint32_t key = ring_key((uint16_t)sqlite3_column_int(stmt, 0),
		    (enum record_type)sqlite3_column_int(stmt, 1),
		    (uint16_t)sqlite3_column_int(stmt, 2));

		rc = add_to_ring(rings, key, sqlite3_column_int64(stmt, 3));
	}
	sqlite3_finalize(stmt);
	return rc < 0 ? rc : db_error(step);
}

static int
count_rings(struct archive *a, uint64_t *total)
{
	char sql[256];
	bool folded;
	struct rings *rings;
	int rc = rings_open(&rings);

	for (int type = REC_NONE + 1; type < REC_COUNT && rc == E_OK; type++)
		if (schema_table((enum record_type)type) != NULL)
			rc = count_table(a, rings, (enum record_type)type);
	snprintf(sql, sizeof(sql),
	    "SELECT dev, CASE WHEN code < %d THEN %d ELSE %d END, code %% %d, ts"
	    " FROM journal",
	    PULSE_JOURNAL_BASE, REC_EL_JOURNAL, REC_PLS_JOURNAL, PULSE_JOURNAL_BASE);
	if (rc == E_OK)
		rc = count_query(a, rings, sql);
	if (rc == E_OK)
		rc = count_query(a, rings,
		    "SELECT dev, config_type, 0, config_ts FROM state"
		    " WHERE config_ts > 0 AND config_type > 0");
	if (rc == E_OK)
		rc = rings_save(rings, a->db, 0, true, &folded);
	*total = rc == E_OK ? rings_total(rings) : 0;
	rings_close(rings);
	return rc;
}

/* Small facts that are worth a try each. */
static int
copy_meta(sqlite3 *from, struct archive *to)
{
	static const char *const names[] = { "sequence", "offset_least", "offset_most" };
	char sql[80];
	int rc = E_OK;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && rc == E_OK; i++) {
		int64_t value;

		snprintf(sql, sizeof(sql), "SELECT value FROM meta WHERE name = '%s'", names[i]);
		if (db_integer(from, sql, &value) == E_OK)
			rc = archive_meta_put(to, names[i], value);
	}
	return rc;
}

/* Without the offsets no row would be found: the widest zones then (tz -12 .. +14, season). */
static int
guess_span(struct archive *a)
{
	int64_t value;
	int rc = archive_meta_get(a, "offset_least", &value);

	if (rc != E_NODATA)
		return rc;
	rc = archive_meta_put(a, "offset_least", -12 * 3600);
	return rc < 0 ? rc : archive_meta_put(a, "offset_most", 15 * 3600);
}

/* How many records there were, as far as the old file still tells; 0. */
static uint64_t
count_before(sqlite3 *from, int64_t *sequence)
{
	struct rings *rings;
	uint64_t total = 0;

	if (rings_open(&rings) < 0)
		return 0;
	if (rings_load(rings, from, sequence) == E_OK)
		total = rings_total(rings);
	rings_close(rings);
	return total;
}

static int
fill_new(const char *old_path, struct archive *made, struct salvage *result)
{
	const struct db_options options = { .writable = true, .cache_kib = WRITER_CACHE_KIB };
	struct copying c = { .to = made->db };
	uint64_t before = 0, after = 0;
	int64_t sequence = 0;
	int rc = E_OK;

	/* Opened for writing, so that its write-ahead log is read too. */
	if (db_open(&c.from, old_path, options) == E_OK) {
		db_exec_quiet(c.from, "PRAGMA wal_autocheckpoint = 0");
		before = count_before(c.from, &sequence);
		rc = copy_all(&c);
		if (rc == E_OK)
			rc = copy_meta(c.from, made);
	} else
		rc = db_exec(made->db, "BEGIN");
	if (rc == E_OK && sequence > 0)
		rc = archive_meta_put(made, "sequence", sequence);
	if (rc == E_OK)
		rc = guess_span(made);
	if (rc == E_OK)
		rc = count_rings(made, &after);
	if (rc == E_OK)
		rc = db_exec(made->db, "COMMIT");
	db_close(&c.from);
	result->kept = c.kept;
	result->lost = before > 0 ? (before > after ? before - after : 0) : c.bad;
	return rc;
}

static void
drop_older_damaged(struct store *s, const char *keep)
{
	char path[PATH_SIZE];
	DIR *dir = opendir(s->dir);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL)
		if (strncmp(e->d_name, aside_prefix, sizeof(aside_prefix) - 1) == 0 &&
		    strncmp(e->d_name, keep, strlen(keep)) != 0)
			unlink(store_path(s, e->d_name, path, sizeof(path)));
	if (dir != NULL)
		closedir(dir);
}

static int
change_places(struct store *s, struct salvage *result)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char name[80], from[PATH_SIZE], to[PATH_SIZE];

	snprintf(result->aside, sizeof(result->aside), "%s%lld", aside_prefix, (long long)clock_utc());
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		snprintf(name, sizeof(name), "archive.db%s", suffixes[i]);
		store_path(s, name, from, sizeof(from));
		snprintf(name, sizeof(name), "%s%s", result->aside, suffixes[i]);
		if (rename(from, store_path(s, name, to, sizeof(to))) < 0 && errno != ENOENT)
			return E_IO;
	}
	store_path(s, "archive.db.new", from, sizeof(from));
	if (rename(from, store_path(s, "archive.db", to, sizeof(to))) < 0)
		return E_IO;
	drop_older_damaged(s, result->aside);
	return E_OK;
}

int
salvage_archive(struct store *s, struct salvage *result, char *why, size_t why_size)
{
	const struct db_options options = { .writable = true,
		.full = true,
		.cache_kib = WRITER_CACHE_KIB };
	char old_path[PATH_SIZE], new_path[PATH_SIZE], log_path[PATH_SIZE];
	struct archive made = { 0 };
	int rc;

	*result = (struct salvage){ 0 };
	store_path(s, "archive.db", old_path, sizeof(old_path));
	store_path(s, "archive.db.new", new_path, sizeof(new_path));
	unlink(new_path);
	unlink(store_path(s, "archive.db.new-wal", log_path, sizeof(log_path)));
	log_warn("store", "file=%s: salvage begins", old_path);
	rc = db_open(&made.db, new_path, options);
	if (rc == E_OK)
		rc = db_migrate(made.db, new_path, archive_migrations, archive_version, why, why_size);
	if (rc == E_OK)
		rc = fill_new(old_path, &made, result);
	if (rc == E_OK)
		rc = db_exec(made.db, "PRAGMA wal_checkpoint(TRUNCATE)");
	archive_close(&made);
	if (rc == E_OK)
		rc = change_places(s, result);
	if (rc < 0)
		snprintf(why, why_size, "%s is damaged and its salvage failed: %s", old_path,
		    uspd_strerror(rc));
	return rc;
}

void
salvage_report(struct store *s, const struct salvage *result, const char *why)
{
	atomic_fetch_add(&s->salvaged, result->kept);
	atomic_fetch_add(&s->lost, result->lost);
	log_warn("store", "archive.db was damaged (%s): rows kept=%llu records lost=%llu, old file %s",
	    why, (unsigned long long)result->kept, (unsigned long long)result->lost, result->aside);
	journal_system(s, "error", "archive_salvaged",
	    "archive.db was damaged; rows kept: %llu; records lost: %llu; old file: %s (%s)",
	    (unsigned long long)result->kept, (unsigned long long)result->lost, result->aside, why);
}

/* Through a connection of its own: the writer's cache may still hold what the disk has lost. */
static int
check_file(struct store *s, char *complaint, size_t size)
{
	const struct db_options readonly = { .cache_kib = READER_CACHE_KIB };
	char path[PATH_SIZE];
	sqlite3 *db = NULL;
	int rc = db_open(&db, store_path(s, "archive.db", path, sizeof(path)), readonly);

	if (rc == E_OK)
		rc = db_check(db, false, complaint, size);
	db_close(&db);
	return rc;
}

int
salvage_running(struct store *s)
{
	struct salvage result;
	char why[256] = "", complaint[128] = "found while running";
	int rc;

	/* A reader may have met a passing fault of the disk: only a failed check costs the file. */
	writer_rollback(s);
	rc = check_file(s, complaint, sizeof(complaint));
	if (rc != E_CORRUPT)
		return rc;
	readers_pause(s);
	store_archive_close(s);
	rc = salvage_archive(s, &result, why, sizeof(why));
	if (rc < 0)
		log_error("store", "%s", why);
	else
		salvage_report(s, &result, complaint);
	if (store_archive_open(s, why, sizeof(why)) < 0) {
		log_error("store", "%s", why);
		rc = rc < 0 ? rc : E_IO;
	}
	readers_resume(s);
	return rc;
}
