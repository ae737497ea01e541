/* Changes of the configuration: settings, meters and rows in one transaction of config.db, then new
 * snapshots at once (design.md, a setting's journey). */
#include "src/store/store_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
	const struct store_edit *edits;
	size_t n, failed;
	char why[192];
	struct settings settings;
	bool settings_changed;
	struct meters_edit meters;
	struct rows_edit rows;
	/* What is published when all is written. */
	struct meter_table *new_meters;
	struct table_rows *new_rows[TABLE_COUNT];
};

static int
edit_setting(struct store *s, struct run *run, const struct store_edit *edit, const char **fault)
{
	int rc = settings_set(&run->settings, edit->key, edit->text);

	if (rc == E_NOTFOUND)
		*fault = "there is no such setting";
	if (rc < 0)
		return rc;
	run->settings_changed = true;
	return config_write_setting(s, edit->key, edit->text);
}

static int
apply_one(struct store *s, struct run *run, const struct store_edit *edit, const char **fault)
{
	if (edit->kind >= EDIT_ROW && (unsigned)edit->table >= TABLE_COUNT)
		return E_INVALID;
	switch (edit->kind) {
	case EDIT_SETTING:
		return edit_setting(s, run, edit, fault);
	case EDIT_METER:
		return meters_put(s, &run->meters, edit->meter, fault);
	case EDIT_METER_REMOVE:
		return meters_remove(s, &run->meters, edit->meter->id, fault);
	case EDIT_ROW:
		return rows_put(s, &run->rows, edit->table, edit->key, edit->text, fault);
	case EDIT_ROW_REMOVE:
		return rows_remove(s, &run->rows, edit->table, edit->key);
	case EDIT_TABLE_EMPTY:
		return rows_clear(s, &run->rows, edit->table, false);
	case EDIT_TABLE_FACTORY:
		return rows_clear(s, &run->rows, edit->table, true);
	}
	return E_INVALID;
}

/* Says which edit failed and why, in the words of its kind. */
static void
blame(struct run *run, size_t i, int rc, const char *fault)
{
	const struct store_edit *edit = &run->edits[i];
	const char *text = fault != NULL ? fault : uspd_strerror(rc);

	run->failed = i;
	switch (edit->kind) {
	case EDIT_SETTING:
		snprintf(run->why, sizeof(run->why), "%.64s: %s", edit->key, text);
		break;
	case EDIT_METER:
	case EDIT_METER_REMOVE:
		snprintf(run->why, sizeof(run->why), "meter %lu: %s", (unsigned long)edit->meter->id,
		    text);
		break;
	case EDIT_ROW:
	case EDIT_ROW_REMOVE:
		snprintf(run->why, sizeof(run->why), "%s, row %.40s: %s",
		    (unsigned)edit->table < TABLE_COUNT ? table_name(edit->table) : "?", edit->key,
		    text);
		break;
	case EDIT_TABLE_EMPTY:
	case EDIT_TABLE_FACTORY:
		snprintf(run->why, sizeof(run->why), "%s: %s",
		    (unsigned)edit->table < TABLE_COUNT ? table_name(edit->table) : "?", text);
		break;
	}
}

static int
apply_edits(struct store *s, struct run *run)
{
	const char *fault = NULL;
	int rc = E_OK;
	size_t i;

	for (i = 0; i < run->n && rc == E_OK; i++)
		rc = apply_one(s, run, &run->edits[i], &fault);
	if (rc < 0) {
		blame(run, i - 1, rc, fault);
		return rc;
	}
	for (i = 0; i < run->n && rc == E_OK; i++)
		if (run->edits[i].kind == EDIT_METER)
			rc = meters_check_circle(s, &run->meters, run->edits[i].meter->id, &fault);
	if (rc < 0)
		blame(run, i - 1, rc, fault);
	return rc;
}

static int
make_snapshots(struct store *s, struct run *run)
{
	int rc = rows_edit_finish(s, &run->rows);

	if (rc == E_OK && run->meters.changed)
		rc = meters_read(s, &run->new_meters);
	for (int t = 0; t < TABLE_COUNT && rc == E_OK; t++)
		if (run->rows.tables[t].changed)
			rc = rows_read(s, (enum table)t, &run->new_rows[t]);
	return rc;
}

static void
publish(struct store *s, struct run *run)
{
	const struct meter_table *old_meters = NULL;
	const struct table_rows *old[TABLE_COUNT] = { NULL };

	if (run->new_meters != NULL)
		meters_follow(s, s->meters, run->new_meters);
	pthread_mutex_lock(&s->snapshot_lock);
	if (run->settings_changed)
		s->settings = run->settings;
	if (run->new_meters != NULL) {
		old_meters = s->meters;
		s->meters = run->new_meters;
	}
	for (int t = 0; t < TABLE_COUNT; t++) {
		if (run->new_rows[t] == NULL)
			continue;
		old[t] = s->tables[t];
		s->tables[t] = run->new_rows[t];
	}
	pthread_mutex_unlock(&s->snapshot_lock);
	meter_table_release(old_meters);
	for (int t = 0; t < TABLE_COUNT; t++)
		table_rows_release(old[t]);
	/* A depth may be another one now; a removed meter's archive is to be removed. */
	s->trim_pending |= run->settings_changed;
	s->upkeep_ms = 0;
}

static void
drop(struct store *s, struct run *run, int rc)
{
	if (!sqlite3_get_autocommit(s->config))
		db_exec_quiet(s->config, "ROLLBACK");
	meter_table_release(run->new_meters);
	for (int t = 0; t < TABLE_COUNT; t++)
		table_rows_release(run->new_rows[t]);
	/* What the disk refuses is no fault of an edit. */
	if (rc == E_FULL || rc == E_IO || rc == E_READONLY || rc == E_CORRUPT || rc == E_NOMEM) {
		run->failed = 0;
		run->why[0] = '\0';
	}
	if (run->why[0] == '\0')
		snprintf(run->why, sizeof(run->why), "the settings cannot be written: %s",
		    uspd_strerror(rc));
}

static int
run_edits(struct store *s, void *arg)
{
	struct run *run = arg;
	int rc = db_exec(s->config, "BEGIN IMMEDIATE");

	run->settings = s->settings;
	if (rc == E_OK)
		rc = apply_edits(s, run);
	if (rc == E_OK)
		rc = make_snapshots(s, run);
	meters_edit_end(&run->meters);
	rows_edit_end(&run->rows);
	if (rc == E_OK)
		rc = db_exec(s->config, "COMMIT");
	if (rc < 0) {
		drop(s, run, rc);
		return rc;
	}
	publish(s, run);
	config_changed(s);
	return E_OK;
}

int
store_edit(struct store *s, const struct store_edit *edits, size_t n, size_t *failed, char *why,
    size_t why_size)
{
	struct run *run = calloc(1, sizeof(*run));
	int rc = E_NOMEM;

	if (run != NULL) {
		run->edits = edits;
		run->n = n;
		rc = writer_call(s, run_edits, run);
	}
	if (failed != NULL)
		*failed = run != NULL ? run->failed : 0;
	if (why != NULL && why_size > 0)
		snprintf(why, why_size, "%s", run != NULL ? run->why : uspd_strerror(rc));
	free(run);
	return rc;
}

int
store_setting_put(struct store *s, const char *key, const char *text)
{
	const struct store_edit edit = { .kind = EDIT_SETTING, .key = key, .text = text };

	return store_edit(s, &edit, 1, NULL, NULL, 0);
}

int
store_meters_change(struct store *s, const struct meter_change *changes, size_t n, size_t *failed,
    char *why, size_t why_size)
{
	struct store_edit *edits = calloc(n + 1, sizeof(*edits));
	int rc;

	if (edits == NULL) {
		if (failed != NULL)
			*failed = 0;
		if (why != NULL && why_size > 0)
			snprintf(why, why_size, "%s", uspd_strerror(E_NOMEM));
		return E_NOMEM;
	}
	for (size_t i = 0; i < n; i++)
		edits[i] = (struct store_edit){
			.kind = changes[i].remove ? EDIT_METER_REMOVE : EDIT_METER,
			.meter = &changes[i].row
		};
	rc = store_edit(s, edits, n, failed, why, why_size);
	free(edits);
	return rc;
}
