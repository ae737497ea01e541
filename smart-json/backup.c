#include "smart-json/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smart-json/api_import.h"
#include "smart-json/backup_private.h"
#include "smart-json/edit.h"
#include "smart-json/seal.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/version.h"

/* ---- the document ---- */

static json_t *
settings_json(struct store *store)
{
	json_t *object = json_object();
	struct settings settings;
	char text[1024];

	store_settings(store, &settings);
	for (size_t i = 0; settings_key(i) != NULL; i++)
		if (settings_get(&settings, settings_key(i), text, sizeof(text)) == E_OK)
			json_object_set_new(object, settings_key(i), json_string(text));
	return object;
}

static json_t *
meters_json(struct store *store)
{
	const struct meter_table *table = store_meters(store);
	json_t *list = json_array();

	for (size_t i = 0; i < table->n; i++) {
		json_t *row = import_row_json(&table->rows[i]);

		if (table->rows[i].wire[0] != '\0')
			json_object_set_new(row, "wire", json_loads(table->rows[i].wire, 0, NULL));
		json_array_append_new(list, row);
	}
	meter_table_release(table);
	return list;
}

static json_t *
table_json(struct store *store, enum table table)
{
	const struct table_rows *rows = store_table(store, table);
	json_t *list = rows->factory ? json_null() : json_array();

	for (size_t i = 0; i < rows->n && !rows->factory; i++) {
		json_t *row = json_loads(rows->rows[i].json, 0, NULL);

		if (row == NULL)
			log_warn("backup", "table=%s row=%s: no JSON, left out", table_name(table),
			    rows->rows[i].key);
		else
			json_array_append_new(list,
			    json_pack("{s:s,s:o}", "name", rows->rows[i].key, "row", row));
	}
	table_rows_release(rows);
	return list;
}

static json_t *
content(struct store *store)
{
	json_t *tables = json_object();

	for (int t = 0; t < TABLE_COUNT; t++)
		json_object_set_new(tables, table_name((enum table)t),
		    table_json(store, (enum table)t));
	return json_pack("{s:o,s:o,s:o}", "settings", settings_json(store), "meters",
	    meters_json(store), "tables", tables);
}

bool
backup_is_secret(const char *name)
{
	json_t *probe = json_pack("{s:s}", name, "x");
	bool secret;

	edit_blank_secrets(probe);
	secret = *json_string_value(json_object_get(probe, name)) == '\0';
	json_decref(probe);
	return secret;
}

/* Secrets of settings and meters are left out, which means "keep"; those of rows are blanked. */
static void
take_secrets_away(json_t *document)
{
	json_t *settings = json_object_get(document, "settings"), *value, *row, *rows;
	const char *name;
	void *next;
	size_t i;

	json_object_foreach_safe(settings, next, name, value)
		if (backup_is_secret(name))
			json_object_del(settings, name);
	json_array_foreach(json_object_get(document, "meters"), i, row) {
		json_object_del(row, meter_column_name(COL_PASS_RD));
		json_object_del(row, meter_column_name(COL_PASS_WR));
		json_object_del(json_object_get(row, "wire"), "passRd");
		json_object_del(json_object_get(row, "wire"), "passWr");
	}
	json_object_foreach(json_object_get(document, "tables"), name, rows)
		json_array_foreach(rows, i, row)
			edit_blank_secrets(json_object_get(row, "row"));
}

/* Over the canonical form of all but the checksum itself. */
bool
backup_checksum(const json_t *document, char hex[static BACKUP_CHECKSUM_SIZE])
{
	json_t *copy = json_copy((json_t *)(uintptr_t)document);
	char *dump;

	json_object_del(copy, "checksum");
	dump = copy != NULL ? json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	json_decref(copy);
	if (dump == NULL)
		return false;
	seal_digest(dump, strlen(dump), hex);
	free(dump);
	return true;
}

static json_t *
sealed_content(const json_t *all, const char *passphrase)
{
	char *dump = json_dumps(all, JSON_COMPACT);
	json_t *sealed = dump != NULL ? seal_close(dump, strlen(dump), passphrase) : NULL;

	if (dump != NULL)
		seal_forget(dump, strlen(dump));
	return sealed;
}

json_t *
backup_make(struct store *store, const char *passphrase, bool bare)
{
	json_t *document = content(store), *sealed = NULL;
	char hex[BACKUP_CHECKSUM_SIZE];

	if (document != NULL && passphrase != NULL) {
		sealed = sealed_content(document, passphrase);
		if (sealed == NULL)
			goto fail;
	}
	if (!bare)
		take_secrets_away(document);
	json_object_set_new(document, "openuspd", json_string("backup"));
	json_object_set_new(document, "version", json_integer(BACKUP_VERSION));
	json_object_set_new(document, "made", json_integer(clock_utc()));
	json_object_set_new(document, "program", json_string(USPD_VERSION));
	if (sealed != NULL)
		json_object_set_new(document, "sealed", sealed);
	if (!backup_checksum(document, hex))
		goto fail;
	json_object_set_new(document, "checksum", json_string(hex));
	return document;
fail:
	json_decref(document);
	return NULL;
}

/* ---- copies the device keeps ---- */

static const char prefix[] = "backup-";

static bool
is_copy(const char *name)
{
	size_t n = strlen(name);

	return strncmp(name, prefix, sizeof(prefix) - 1) == 0 && n > 5 &&
	    strcmp(name + n - 5, ".json") == 0;
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int
only_copies(const struct dirent *entry)
{
	return is_copy(entry->d_name);
}

static void
drop_old(const char *dir)
{
	struct dirent **list = NULL;
	int n = scandir(dir, &list, only_copies, by_name);
	char path[600];

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, list[i]->d_name);
		if (i < n - BACKUPS_KEPT)
			unlink(path);
		free(list[i]);
	}
	free(list);
}

static int
write_all(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO;
		text += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0 ? E_OK : E_IO;
}

/* Under another name first: a copy that a power cut left half written is none. */
static int
write_copy(const char *dir, const char *name, const char *text)
{
	char made[600], path[600];
	int fd, rc;

	snprintf(made, sizeof(made), "%s/backup.new", dir);
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(made);
	fd = open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO;
	rc = write_all(fd, text, strlen(text));
	close(fd);
	if (rc == E_OK && rename(made, path) < 0)
		rc = E_IO;
	if (rc < 0)
		unlink(made);
	else if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
		rc = fsync(fd) == 0 ? E_OK : E_IO;
		close(fd);
	}
	return rc;
}

/* Numbered, so that they sort as they were made also after a clock was set back. */
static void
next_name(const struct http_options *server, char name[static 64])
{
	struct civil c = civil_from_utc(store_zone(server->store), clock_utc());
	struct dirent **list = NULL;
	int n = scandir(server->dir, &list, only_copies, by_name);
	unsigned long number = 1;

	for (int i = 0; i < n; i++) {
		number = strtoul(list[i]->d_name + sizeof(prefix) - 1, NULL, 10) + 1;
		free(list[i]);
	}
	free(list);
	snprintf(name, 64, "%s%06lu-%04d%02d%02d-%02d%02d%02d.json", prefix, number % 1000000,
	    c.year % 10000, c.month, c.day, c.hour, c.minute, c.second);
}

int
backup_keep(const struct http_options *server)
{
	json_t *document;
	char *dump, name[64];
	int rc;

	if (server->dir == NULL)
		return E_OK;
	document = backup_make(server->store, NULL, true);
	dump = document != NULL ? json_dumps(document, JSON_COMPACT) : NULL;
	json_decref(document);
	if (dump == NULL)
		return E_NOMEM;
	next_name(server, name);
	rc = write_copy(server->dir, name, dump);
	seal_forget(dump, strlen(dump));
	if (rc == E_OK)
		drop_old(server->dir);
	else
		log_error("backup", "file=%s/%s: cannot be written: %s", server->dir, name,
		    uspd_strerror(rc));
	return rc;
}
