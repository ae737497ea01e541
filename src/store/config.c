/* config.db: opening, the nightly copies, and the settings.  The meter table is in meters.c, the
 * tables of rows in rows.c, their changes in edit.c, the device journals in devjournal.c. */
#include "src/store/store_private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum { BACKUPS_KEPT = 7, PATH_SIZE = 600, BACKUP_PAGES = 64 };
static const char backup_prefix[] = "config.db.bak-";
enum { BACKUP_NAME_LEN = sizeof(backup_prefix) - 1 + 8 };	/* and YYYYMMDD */

void
store_settings(struct store *s, struct settings *to)
{
	pthread_mutex_lock(&s->snapshot_lock);
	*to = s->settings;
	pthread_mutex_unlock(&s->snapshot_lock);
}

struct zone
store_zone(struct store *s)
{
	struct zone zone;

	pthread_mutex_lock(&s->snapshot_lock);
	zone = (struct zone){ (int32_t)s->settings.tz_min * 60, s->settings.dst != 0 };
	pthread_mutex_unlock(&s->snapshot_lock);
	return zone;
}

void
config_changed(struct store *s)
{
	s->backup_pending = true;
	s->backup_ms = store_now_ms();
	for (unsigned i = 0; i < s->n_listeners; i++)
		if (s->listeners[i].changed != NULL)
			s->listeners[i].changed(s->listeners[i].arg);
}

int
config_write_setting(struct store *s, const char *key, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int rc = db_prepare(s->config, "INSERT OR REPLACE INTO setting(key, value) VALUES(?1, ?2)",
	    &stmt);

	if (rc == E_OK) {
		sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
		sqlite3_bind_text(stmt, 2, text, -1, SQLITE_STATIC);
		rc = db_run(stmt);
	}
	sqlite3_finalize(stmt);
	return rc;
}

static int
load_settings(struct store *s)
{
	sqlite3_stmt *stmt = NULL;
	int rc, step = SQLITE_DONE;

	settings_defaults(&s->settings);
	rc = db_prepare(s->config, "SELECT key, value FROM setting", &stmt);
	while (rc == E_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		char key[64], text[512];

		db_text(stmt, 0, key, sizeof(key));
		db_text(stmt, 1, text, sizeof(text));
		/* The key may be one of a newer or older program. */
		if (settings_set(&s->settings, key, text) < 0)
			log_warn("store", "setting %s is unknown or out of range, default used", key);
	}
	sqlite3_finalize(stmt);
	return rc < 0 ? rc : db_error(step);
}

int
config_load(struct store *s, char *why, size_t why_size)
{
	int rc = load_settings(s);

	if (rc == E_OK)
		rc = meters_load(s);
	if (rc == E_OK)
		rc = rows_load(s);
	if (rc == E_OK)
		rc = journal_load(s);
	if (rc < 0)
		snprintf(why, why_size, "%s/config.db: cannot be read: %s", s->dir,
		    sqlite3_errmsg(s->config));
	return rc;
}

int
config_open(struct store *s, char *why, size_t why_size)
{
	const struct db_options options = { .writable = true,
		.full = true,
		.cache_kib = CONFIG_CACHE_KIB };
	char path[PATH_SIZE], complaint[128];
	int rc;

	store_path(s, "config.db", path, sizeof(path));
	rc = db_open(&s->config, path, options);
	if (rc == E_OK)
		rc = db_check(s->config, false, complaint, sizeof(complaint));
	else
		snprintf(complaint, sizeof(complaint), "%s", uspd_strerror(rc));
	if (rc < 0)
		snprintf(why, why_size, "%s: %s", path, complaint);
	if (rc == E_OK)
		rc = db_migrate(s->config, path, config_migrations, config_version, why, why_size);
	if (rc == E_OK)
		rc = config_load(s, why, why_size);
	return rc;
}

static bool
is_backup(const char *name)
{
	size_t prefix = sizeof(backup_prefix) - 1;

	return strlen(name) == BACKUP_NAME_LEN && strncmp(name, backup_prefix, prefix) == 0 &&
	    strspn(name + prefix, "0123456789") == 8;
}

/* Replaces name by that of the newest copy older than it ("": by the newest); false: none. */
static bool
next_backup(const struct store *s, char name[BACKUP_NAME_LEN + 1])
{
	char before[BACKUP_NAME_LEN + 1];
	DIR *dir = opendir(s->dir);
	struct dirent *e;
	bool found = false;

	memcpy(before, name, sizeof(before));
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (!is_backup(e->d_name) || (*before != '\0' && strcmp(e->d_name, before) >= 0) ||
		    (found && strcmp(e->d_name, name) <= 0))
			continue;
		memcpy(name, e->d_name, BACKUP_NAME_LEN + 1);
		found = true;
	}
	if (dir != NULL)
		closedir(dir);
	return found;
}

/* Copies page by page through SQLite, so that a log beside the source is taken along. */
static int
copy_database(sqlite3 *from, const char *to_path)
{
	sqlite3 *to = NULL;
	sqlite3_backup *backup;
	int rc, step;

	unlink(to_path);
	rc = db_error(sqlite3_open_v2(to_path, &to,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL));
	backup = rc == E_OK ? sqlite3_backup_init(to, "main", from, "main") : NULL;
	if (backup != NULL) {
		do
			step = sqlite3_backup_step(backup, BACKUP_PAGES);
		while (step == SQLITE_OK);
		rc = db_error(step);
		sqlite3_backup_finish(backup);
	} else if (rc == E_OK)
		rc = E_IO;
	sqlite3_close(to);
	return rc;
}

static int
sync_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc = fd >= 0 && fsync(fd) == 0 ? E_OK : E_IO;

	if (fd >= 0)
		close(fd);
	return rc;
}

static void
drop_old_backups(struct store *s)
{
	char name[BACKUP_NAME_LEN + 1] = "", path[PATH_SIZE];
	unsigned n = 0;

	while (next_backup(s, name))
		if (++n > BACKUPS_KEPT)
			unlink(store_path(s, name, path, sizeof(path)));
}

int
config_backup(struct store *s)
{
	struct civil c = civil_from_utc(store_zone(s), clock_utc());
	char name[BACKUP_NAME_LEN + 32], path[PATH_SIZE], made[PATH_SIZE];
	int rc;

	snprintf(name, sizeof(name), "%s%04d%02d%02d", backup_prefix, c.year % 10000, c.month, c.day);
	store_path(s, "config.db.copy", made, sizeof(made));
	store_path(s, name, path, sizeof(path));
	rc = copy_database(s->config, made);
	if (rc == E_OK)
		rc = sync_file(made);
	if (rc == E_OK && rename(made, path) < 0)
		rc = E_IO;
	if (rc == E_OK)
		rc = sync_file(s->dir);
	if (rc < 0)
		log_warn("store", "file=%s: nightly copy failed: %s", path, uspd_strerror(rc));
	else
		drop_old_backups(s);
	unlink(made);
	return rc;
}

/* Puts config.db aside with its log, so that nothing of it is applied to the copy. */
static void
set_aside(struct store *s)
{
	static const char *const names[] = { "config.db", "config.db-wal", "config.db-shm" };
	char from[PATH_SIZE], to[PATH_SIZE], name[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(name, sizeof(name), "config.db.damaged%s", names[i] + strlen("config.db"));
		if (rename(store_path(s, names[i], from, sizeof(from)),
			store_path(s, name, to, sizeof(to))) < 0 &&
		    errno != ENOENT)
			log_error("store", "file=%s: cannot be put aside: %s", from, strerror(errno));
	}
}

static int
try_backup(struct store *s, const char *name)
{
	const struct db_options readonly = { .cache_kib = CONFIG_CACHE_KIB };
	char from[PATH_SIZE], to[PATH_SIZE], complaint[128];
	sqlite3 *copy = NULL;
	int rc = db_open(&copy, store_path(s, name, from, sizeof(from)), readonly);

	if (rc == E_OK)
		rc = db_check(copy, true, complaint, sizeof(complaint));
	if (rc == E_OK) {
		set_aside(s);
		rc = copy_database(copy, store_path(s, "config.db", to, sizeof(to)));
	}
	if (rc == E_OK)
		rc = sync_file(to);
	db_close(&copy);
	return rc;
}

int
config_restore(struct store *s, char *why, size_t why_size)
{
	char name[BACKUP_NAME_LEN + 1] = "", damage[128];
	int rc = E_CORRUPT;

	snprintf(damage, sizeof(damage), "%s", why);
	while (rc < 0 && next_backup(s, name)) {
		rc = try_backup(s, name);
		if (rc == E_OK)
			rc = config_open(s, why, why_size);
		if (rc < 0)
			db_close(&s->config);
	}
	if (rc < 0) {
		snprintf(why, why_size, "%s; no nightly copy is good either", damage);
		return E_CORRUPT;
	}
	log_error("store", "%s: replaced by the copy %s", damage, name);
	journal_system(s, "error", "config_restored", "%s: replaced by the copy %s", damage, name);
	return E_OK;
}
