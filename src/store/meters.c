/* The meter table in config.db and its snapshots. */
#include "src/store/store_private.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEV_MOST = UINT16_MAX, METERS_MAX = 60000 };

static const char insert_sql[] = "INSERT OR REPLACE INTO meter(id, dev, parent, type, address,"
    " password_read, password_write, iface, line, rtu_object_type, rtu_object, rtu_feeder,"
    " rtu_serial, folder, note, wire)"
    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)";
static const char select_sql[] = "SELECT id, dev, parent, type, address, password_read,"
    " password_write, iface, line, rtu_object_type, rtu_object, rtu_feeder, rtu_serial, folder, note,"
    " wire FROM meter ORDER BY id";

static struct meter_table *
table_new(size_t n)
{
	struct meter_table *t = calloc(1, sizeof(*t) + n * sizeof(t->rows[0]));

	if (t == NULL)
		return NULL;
	t->refs = malloc(sizeof(*t->refs));
	if (t->refs == NULL) {
		free(t);
		return NULL;
	}
	atomic_init(t->refs, 1);
	return t;
}

static void
table_free(struct meter_table *t)
{
	if (t != NULL)
		free(t->refs);
	free(t);
}

const struct meter_table *
store_meters(struct store *s)
{
	const struct meter_table *t;

	pthread_mutex_lock(&s->snapshot_lock);
	t = s->meters;
	atomic_fetch_add(t->refs, 1);
	pthread_mutex_unlock(&s->snapshot_lock);
	return t;
}

void
meter_table_release(const struct meter_table *t)
{
	if (t != NULL && atomic_fetch_sub(t->refs, 1) == 1)
		table_free((struct meter_table *)(uintptr_t)t);
}

static void
take_row(sqlite3_stmt *stmt, struct meter_row *r)
{
	r->id = (uint32_t)sqlite3_column_int64(stmt, 0);
	r->dev = (uint16_t)sqlite3_column_int(stmt, 1);
	r->parent = (uint32_t)sqlite3_column_int64(stmt, 2);
	r->type = (uint16_t)sqlite3_column_int(stmt, 3);
	db_text(stmt, 4, r->address, sizeof(r->address));
	db_text(stmt, 5, r->password_read, sizeof(r->password_read));
	db_text(stmt, 6, r->password_write, sizeof(r->password_write));
	r->iface = (enum meter_iface)sqlite3_column_int(stmt, 7);
	db_text(stmt, 8, r->line, sizeof(r->line));
	r->rtu_object_type = sqlite3_column_int(stmt, 9);
	r->rtu_object = sqlite3_column_int(stmt, 10);
	r->rtu_feeder = sqlite3_column_int(stmt, 11);
	db_text(stmt, 12, r->rtu_serial, sizeof(r->rtu_serial));
	db_text(stmt, 13, r->group, sizeof(r->group));
	db_text(stmt, 14, r->note, sizeof(r->note));
	db_text(stmt, 15, r->wire, sizeof(r->wire));
}

int
meters_read(struct store *s, struct meter_table **made)
{
	sqlite3_stmt *stmt = NULL;
	struct meter_table *t = NULL;
	int64_t n = 0;
	int rc = db_integer(s->config, "SELECT count(*) FROM meter", &n), step = SQLITE_DONE;

	if (rc < 0)
		return rc;
	if (n > METERS_MAX || (t = table_new((size_t)n)) == NULL)
		return E_NOMEM;
	rc = db_prepare(s->config, select_sql, &stmt);
	while (rc == E_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW && t->n < (size_t)n)
		take_row(stmt, &t->rows[t->n++]);
	sqlite3_finalize(stmt);
	if (rc == E_OK)
		rc = db_error(step);
	if (rc != E_OK) {
		table_free(t);
		return rc;
	}
	t->version = s->meters != NULL ? s->meters->version + 1 : 1;
	*made = t;
	return E_OK;
}

int
meters_load(struct store *s)
{
	sqlite3_stmt *stmt = NULL;
	struct meter_table *t;
	int rc = meters_read(s, &t), step = SQLITE_DONE;

	if (rc < 0)
		return rc;
	meter_table_release(s->meters); /* no other thread runs yet */
	s->meters = t;
	rc = db_prepare(s->config, "SELECT dev FROM purge", &stmt);
	while (rc == E_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		store_mark_removed(s, (uint16_t)sqlite3_column_int(stmt, 0), true);
		s->purge_pending = true;
	}
	sqlite3_finalize(stmt);
	return rc < 0 ? rc : db_error(step);
}

static bool
is_terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool
is_hex(const char *text)
{
	size_t len = strlen(text);

	return len % 2 == 0 && strspn(text, "0123456789abcdefABCDEF") == len;
}

static const char *
row_fault(const struct meter_row *r)
{
	if (r->id < 1 || r->id > INT32_MAX)
		return "the number of a meter is 1 or more";
	if (r->parent == r->id)
		return "a meter cannot hang on itself";
	if (r->type == 0)
		return "the type is missing";
	if ((unsigned)r->iface > IFACE_HUB)
		return "unknown interface";
	if (!is_terminated(r->address, sizeof(r->address)) ||
	    !is_terminated(r->line, sizeof(r->line)) ||
	    !is_terminated(r->password_read, sizeof(r->password_read)) ||
	    !is_terminated(r->password_write, sizeof(r->password_write)) ||
	    !is_terminated(r->rtu_serial, sizeof(r->rtu_serial)) ||
	    !is_terminated(r->group, sizeof(r->group)) || !is_terminated(r->note, sizeof(r->note)) ||
	    !is_terminated(r->wire, sizeof(r->wire)))
		return "a text is too long";
	if (!is_hex(r->password_read) || !is_hex(r->password_write))
		return "a password is an even number of hex digits";
	return NULL;
}

static int
load_used_devs(struct store *s, struct meters_edit *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc, step = SQLITE_DONE;

	rc = db_prepare(s->config, "SELECT dev FROM meter UNION ALL SELECT dev FROM purge", &stmt);
	while (rc == E_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
		uint16_t dev = (uint16_t)sqlite3_column_int(stmt, 0);

		e->used[dev / 8] |= (uint8_t)(1 << dev % 8);
	}
	sqlite3_finalize(stmt);
	return rc < 0 ? rc : db_error(step);
}

/* Prepares what every edit needs, once. */
static int
begin(struct store *s, struct meters_edit *e)
{
	int rc = E_OK;

	if (!e->changed)
		rc = load_used_devs(s, e);
	if (rc == E_OK && e->insert == NULL)
		rc = db_prepare(s->config, insert_sql, &e->insert);
	if (rc == E_OK && e->dev_of == NULL)
		rc = db_prepare(s->config, "SELECT dev, parent FROM meter WHERE id = ?1", &e->dev_of);
	e->changed |= rc == E_OK;
	return rc;
}

void
meters_edit_end(struct meters_edit *e)
{
	sqlite3_finalize(e->insert);
	sqlite3_finalize(e->dev_of);
}

/* The lowest number that no meter has and whose archive is gone; E_LIMIT. */
static int
free_dev(struct meters_edit *e, uint16_t *dev)
{
	for (unsigned n = 1; n <= DEV_MOST; n++) {
		if ((e->used[n / 8] >> n % 8 & 1) != 0)
			continue;
		e->used[n / 8] |= (uint8_t)(1 << n % 8);
		*dev = (uint16_t)n;
		return E_OK;
	}
	return E_LIMIT;
}

static void
bind_row(sqlite3_stmt *stmt, const struct meter_row *r, uint16_t dev)
{
	sqlite3_bind_int64(stmt, 1, r->id);
	sqlite3_bind_int64(stmt, 2, dev);
	sqlite3_bind_int64(stmt, 3, r->parent);
	sqlite3_bind_int64(stmt, 4, r->type);
	sqlite3_bind_text(stmt, 5, r->address, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 6, r->password_read, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 7, r->password_write, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 8, r->iface);
	sqlite3_bind_text(stmt, 9, r->line, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 10, r->rtu_object_type);
	sqlite3_bind_int64(stmt, 11, r->rtu_object);
	sqlite3_bind_int64(stmt, 12, r->rtu_feeder);
	sqlite3_bind_text(stmt, 13, r->rtu_serial, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 14, r->group, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 15, r->note, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 16, r->wire, -1, SQLITE_STATIC);
}

/* The dev of a row that exists, else 0; and its hub. */
static int
look_up(struct meters_edit *e, int64_t id, uint16_t *dev, int64_t *parent)
{
	int step;

	sqlite3_bind_int64(e->dev_of, 1, id);
	step = sqlite3_step(e->dev_of);
	*dev = step == SQLITE_ROW ? (uint16_t)sqlite3_column_int(e->dev_of, 0) : 0;
	*parent = step == SQLITE_ROW ? sqlite3_column_int64(e->dev_of, 1) : 0;
	sqlite3_reset(e->dev_of);
	return db_error(step);
}

int
meters_remove(struct store *s, struct meters_edit *e, uint32_t id, const char **fault)
{
	char sql[128];
	int64_t parent;
	uint16_t dev = 0;
	int rc = begin(s, e);

	if (rc == E_OK)
		rc = look_up(e, id, &dev, &parent);
	if (rc < 0)
		return rc;
	if (dev == 0) {
		*fault = "there is no meter of this number";
		return E_NOTFOUND;
	}
	snprintf(sql, sizeof(sql),
	    "DELETE FROM meter WHERE id = %lu; INSERT INTO purge(dev) VALUES(%u)", (unsigned long)id,
	    dev);
	return db_exec(s->config, sql);
}

int
meters_put(struct store *s, struct meters_edit *e, const struct meter_row *r, const char **fault)
{
	int64_t parent;
	uint16_t dev = 0;
	int rc = begin(s, e);

	if (rc < 0)
		return rc;
	*fault = row_fault(r);
	if (*fault != NULL)
		return E_INVALID;
	rc = look_up(e, r->id, &dev, &parent);
	if (rc == E_OK && dev == 0) {
		rc = free_dev(e, &dev);
		if (rc == E_LIMIT)
			*fault = "there are too many meters";
	}
	if (rc < 0)
		return rc;
	bind_row(e->insert, r, dev);
	return db_run(e->insert);
}

/* Hubs hang on hubs, but never in a circle (smart-json.md 8.12). */
int
meters_check_circle(struct store *s, struct meters_edit *e, uint32_t id, const char **fault)
{
	enum { DEPTH_MAX = 16 };
	int64_t at = id;
	uint16_t dev;
	int rc = begin(s, e);

	for (int depth = 0; rc == E_OK && at != 0; depth++) {
		if (depth > DEPTH_MAX) {
			*fault = "its hubs form a circle";
			return E_INVALID;
		}
		rc = look_up(e, at, &dev, &at);
	}
	return rc;
}

void
meters_follow(struct store *s, const struct meter_table *before, const struct meter_table *after)
{
	for (size_t i = 0; i < before->n; i++) {
		const struct meter_row *now = meter_table_find(after, before->rows[i].id);

		if (now != NULL && now->dev == before->rows[i].dev)
			continue;
		store_mark_removed(s, before->rows[i].dev, true);
		s->purge_pending = true;
	}
	for (size_t i = 0; i < after->n; i++)
		store_mark_removed(s, after->rows[i].dev, false);
}
