/* The tables of rows in config.db (model/tables.h) and their snapshots. */
#include "src/store/store_private.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/text.h"

/* ---- snapshots ---- */

const struct table_rows *
store_table(struct store *s, enum table table)
{
	const struct table_rows *t;

	if ((unsigned)table >= TABLE_COUNT)
		return NULL;
	pthread_mutex_lock(&s->snapshot_lock);
	t = s->tables[table];
	atomic_fetch_add(t->refs, 1);
	pthread_mutex_unlock(&s->snapshot_lock);
	return t;
}

static void
free_snapshot(struct table_rows *t)
{
	if (t != NULL)
		free(t->refs);
	free(t);
}

void
table_rows_release(const struct table_rows *t)
{
	if (t != NULL && atomic_fetch_sub(t->refs, 1) == 1)
		free_snapshot((struct table_rows *)(uintptr_t)t);
}

struct span { const char *at; size_t len; };

/* Being filled: the texts of the rows lie behind them in the same block. */
struct filling { struct table_rows *t; char *text; size_t left, size; };

static int
begin_snapshot(struct filling *f, size_t n, size_t bytes)
{
	/* Two terminators per row. */
	size_t texts = bytes + 2 * n;

	*f = (struct filling){ .size = n, .left = texts };
	f->t = calloc(1, sizeof(*f->t) + n * sizeof(f->t->rows[0]) + texts);
	if (f->t == NULL)
		return E_NOMEM;
	f->t->refs = malloc(sizeof(*f->t->refs));
	if (f->t->refs == NULL) {
		free(f->t);
		f->t = NULL;
		return E_NOMEM;
	}
	atomic_init(f->t->refs, 1);
	f->text = (char *)&f->t->rows[n];
	return E_OK;
}

static const char *
add_text(struct filling *f, const void *text, size_t len)
{
	char *at = f->text;

	if (len >= f->left)
		return NULL;
	if (len > 0)
		memcpy(at, text, len);
	at[len] = '\0';
	f->text += len + 1;
	f->left -= len + 1;
	return at;
}

static int
add_row(struct filling *f, int64_t number, struct span key, struct span json)
{
	struct table_row row = { .number = number };

	if (f->t->n == f->size)
		return E_INTERNAL;
	row.key = add_text(f, key.at, key.len);
	row.json = add_text(f, json.at, json.len);
	if (row.key == NULL || row.json == NULL)
		return E_INTERNAL;
	f->t->rows[f->t->n++] = row;
	return E_OK;
}

/* The texts of an array of objects, in the order it and they have; NULL: it is none. */
static json_t *
texts_of(const char *array)
{
	json_t *objects = json_loads(array, 0, NULL), *texts = json_array(), *object;
	bool is_good = json_is_array(objects) && json_array_size(objects) <= TABLE_ROWS_MOST;
	size_t i;

	json_array_foreach(objects, i, object) {
		char *text = json_is_object(object) ? json_dumps(object, JSON_COMPACT) : NULL;

		is_good &= json_array_append_new(texts, json_string(text)) == 0;
		free(text);
	}
	json_decref(objects);
	if (is_good)
		return texts;
	json_decref(texts);
	return NULL;
}

static struct span
factory_row(const struct store *s, enum table table, size_t i)
{
	const json_t *text = json_array_get(s->factory[table], i);

	return (struct span){ json_string_value(text), json_string_length(text) };
}

static struct span
factory_key(char buf[static 24], size_t i)
{
	return (struct span){ buf, (size_t)snprintf(buf, 24, "%zu", i + 1) };
}

static int
read_factory(struct store *s, enum table table, int64_t last, struct filling *f)
{
	size_t n = json_array_size(s->factory[table]), bytes = 0;
	char key[24];
	int rc;

	for (size_t i = 0; i < n; i++)
		bytes += factory_row(s, table, i).len + factory_key(key, i).len;
	rc = begin_snapshot(f, n, bytes);
	for (size_t i = 0; rc == E_OK && i < n; i++)
		rc = add_row(f, last + 1 + (int64_t)i, factory_key(key, i), factory_row(s, table, i));
	return rc;
}

static struct span
column(sqlite3_stmt *stmt, int i)
{
	const void *text = sqlite3_column_text(stmt, i);

	return (struct span){ text, (size_t)sqlite3_column_bytes(stmt, i) };
}

static int
read_written(struct store *s, enum table table, const struct rows_state *state, struct filling *f)
{
	sqlite3_stmt *stmt = NULL;
	int step = SQLITE_DONE;
	int rc = begin_snapshot(f, (size_t)state->n, (size_t)state->bytes);

	if (rc == E_OK)
		rc = db_prepare(s->config,
		    "SELECT number, key, json FROM row WHERE tbl = ?1"
		    " ORDER BY number",
		    &stmt);
	if (rc == E_OK)
		sqlite3_bind_int(stmt, 1, (int)table);
	while (rc == E_OK && (step = sqlite3_step(stmt)) == SQLITE_ROW)
		rc = add_row(f, sqlite3_column_int64(stmt, 0), column(stmt, 1), column(stmt, 2));
	sqlite3_finalize(stmt);
	return rc < 0 ? rc : db_error(step);
}

static int
read_state(struct store *s, enum table table, struct rows_state *state)
{
	static const char sql[] =
	    "SELECT coalesce((SELECT written FROM row_table WHERE tbl = ?1), 0),"
	    " coalesce((SELECT last FROM row_table WHERE tbl = ?1), 0), count(*),"
	    " coalesce(sum(length(CAST(key AS BLOB)) + length(CAST(json AS BLOB))), 0)"
	    " FROM row WHERE tbl = ?1";
	sqlite3_stmt *stmt = NULL;
	int rc = db_prepare(s->config, sql, &stmt);

	if (rc == E_OK) {
		sqlite3_bind_int(stmt, 1, (int)table);
		rc = db_error(sqlite3_step(stmt));
	}
	if (rc == E_OK)
		*state = (struct rows_state){ .known = true,
			.written = sqlite3_column_int(stmt, 0) != 0,
			.last = sqlite3_column_int64(stmt, 1),
			.n = sqlite3_column_int64(stmt, 2),
			.bytes = sqlite3_column_int64(stmt, 3) };
	sqlite3_finalize(stmt);
	return rc;
}

int
rows_read(struct store *s, enum table table, struct table_rows **made)
{
	struct rows_state state;
	struct filling f = { 0 };
	int rc = read_state(s, table, &state);

	if (rc == E_OK)
		rc = state.written ? read_written(s, table, &state, &f) :
				     read_factory(s, table, state.last, &f);
	if (rc < 0 || f.t == NULL) {
		free_snapshot(f.t);
		return rc;
	}
	f.t->factory = !state.written;
	f.t->version = s->tables[table] != NULL ? s->tables[table]->version + 1 : 1;
	*made = f.t;
	return E_OK;
}

int
rows_load(struct store *s)
{
	int rc = E_OK;

	for (int t = 0; t < TABLE_COUNT && rc == E_OK; t++) {
		struct table_rows *made;

		if (s->factory[t] == NULL)
			s->factory[t] = texts_of(table_factory((enum table)t));
		rc = s->factory[t] != NULL ? rows_read(s, (enum table)t, &made) : E_NOMEM;
		if (rc < 0)
			break;
		table_rows_release(s->tables[t]); /* no other thread runs yet */
		s->tables[t] = made;
	}
	return rc;
}

struct new_factory { enum table table; json_t *texts; };

static int
set_factory(struct store *s, void *arg)
{
	const struct new_factory *new = arg;
	const struct table_rows *old = s->tables[new->table];
	json_t *before = s->factory[new->table];
	struct table_rows *made;
	int rc;

	s->factory[new->table] = new->texts;
	rc = rows_read(s, new->table, &made);
	if (rc < 0) {
		s->factory[new->table] = before;
		return rc;
	}
	json_decref(before);
	pthread_mutex_lock(&s->snapshot_lock);
	s->tables[new->table] = made;
	pthread_mutex_unlock(&s->snapshot_lock);
	table_rows_release(old);
	return E_OK;
}

int
store_table_factory(struct store *s, enum table table, const char *json)
{
	struct new_factory new = { table, texts_of(json) };
	int rc = E_INVALID;

	if ((unsigned)table < TABLE_COUNT && new.texts != NULL)
		rc = writer_call(s, set_factory, &new);
	if (rc < 0)
		json_decref(new.texts);
	return rc;
}

/* ---- changes ---- */

static int
begin(struct store *s, struct rows_edit *e, enum table table)
{
	static const char find[] = "SELECT number, length(CAST(json AS BLOB)) FROM row"
				   " WHERE tbl = ?1 AND key = ?2";
	int rc = E_OK;

	if (!e->tables[table].known)
		rc = read_state(s, table, &e->tables[table]);
	if (rc < 0 || e->insert != NULL)
		return rc;
	rc = db_prepare(s->config, find, &e->find);
	if (rc == E_OK)
		rc = db_prepare(s->config, "UPDATE row SET json = ?3 WHERE tbl = ?1 AND number = ?2",
		    &e->update);
	if (rc == E_OK)
		rc = db_prepare(s->config,
		    "INSERT INTO row(tbl, number, key, json) VALUES(?1, ?2, ?3, ?4)", &e->insert);
	return rc;
}

void
rows_edit_end(struct rows_edit *e)
{
	sqlite3_finalize(e->find);
	sqlite3_finalize(e->insert);
	sqlite3_finalize(e->update);
}

static void
bind_span(sqlite3_stmt *stmt, int i, struct span text)
{
	sqlite3_bind_text(stmt, i, text.at, (int)text.len, SQLITE_STATIC);
}

static int
insert(struct rows_edit *e, enum table table, struct span key, struct span json)
{
	struct rows_state *state = &e->tables[table];
	int rc;

	sqlite3_bind_int(e->insert, 1, (int)table);
	sqlite3_bind_int64(e->insert, 2, state->last + 1);
	bind_span(e->insert, 3, key);
	bind_span(e->insert, 4, json);
	rc = db_run(e->insert);
	if (rc < 0)
		return rc;
	state->last++;
	state->n++;
	state->bytes += (int64_t)(key.len + json.len);
	state->changed = true;
	return E_OK;
}

static int
update(struct rows_edit *e, enum table table, int64_t number, struct span json)
{
	int rc;

	sqlite3_bind_int(e->update, 1, (int)table);
	sqlite3_bind_int64(e->update, 2, number);
	bind_span(e->update, 3, json);
	rc = db_run(e->update);
	e->tables[table].changed |= rc == E_OK;
	return rc;
}

/* Writes the factory's rows down, so that one of them can be changed.  They have numbers already:
 * those that the snapshot shows. */
static int
write_factory(struct store *s, struct rows_edit *e, enum table table)
{
	struct rows_state *state = &e->tables[table];
	char key[24];
	int rc = E_OK;

	if (state->written)
		return E_OK;
	for (size_t i = 0; rc == E_OK && i < json_array_size(s->factory[table]); i++)
		rc = insert(e, table, factory_key(key, i), factory_row(s, table, i));
	state->written = true;
	state->changed |= rc == E_OK;
	return rc;
}

/* The number of the row of a key, 0 when there is none; and the length of its text. */
static int
find_row(struct rows_edit *e, enum table table, const char *key, int64_t *number, int64_t *len)
{
	int step;

	sqlite3_bind_int(e->find, 1, (int)table);
	sqlite3_bind_text(e->find, 2, key, -1, SQLITE_STATIC);
	step = sqlite3_step(e->find);
	*number = step == SQLITE_ROW ? sqlite3_column_int64(e->find, 0) : 0;
	*len = step == SQLITE_ROW ? sqlite3_column_int64(e->find, 1) : 0;
	sqlite3_reset(e->find);
	return db_error(step);
}

static const char *
fault_of(const char *key, struct span json)
{
	size_t len = strnlen(key, TABLE_KEY_MOST + 1);
	json_t *row;
	bool is_object;

	if (len == 0 || len > TABLE_KEY_MOST || !utf8_valid(key, len))
		return "a key is a text of 1 to 255 bytes";
	/* The row is kept as the text it came as. */
	row = json_loadb(json.at, json.len, 0, NULL);
	is_object = json_is_object(row);
	json_decref(row);
	return is_object ? NULL : "a row is a JSON object";
}

static const char *
limit_passed(const struct rows_state *state, bool added, int64_t bytes)
{
	if (added && state->n >= TABLE_ROWS_MOST)
		return "the table has as many rows as it may";
	if (state->bytes + bytes > TABLE_TEXT_MOST)
		return "the rows of the table are too long together";
	return NULL;
}

int
rows_put(struct store *s, struct rows_edit *e, enum table table, const char *key, const char *json,
    const char **fault)
{
	struct rows_state *state = &e->tables[table];
	struct span text = { json, strnlen(json, TABLE_ROW_TEXT_MOST + 1) };
	int64_t number = 0, before = 0, more;
	int rc;

	if (text.len > TABLE_ROW_TEXT_MOST) {
		*fault = "the row is too long";
		return E_LIMIT;
	}
	if ((*fault = fault_of(key, text)) != NULL)
		return E_INVALID;
	rc = begin(s, e, table);
	if (rc == E_OK)
		rc = write_factory(s, e, table);
	if (rc == E_OK)
		rc = find_row(e, table, key, &number, &before);
	if (rc < 0)
		return rc;
	more = (int64_t)text.len - before + (number == 0 ? (int64_t)strlen(key) : 0);
	if ((*fault = limit_passed(state, number == 0, more)) != NULL)
		return E_LIMIT;
	if (number == 0)
		return insert(e, table, (struct span){ key, strlen(key) }, text);
	state->bytes += more;
	return update(e, table, number, text);
}

static bool
factory_has(const struct store *s, enum table table, const char *key)
{
	char buf[24];

	for (size_t i = 0; i < json_array_size(s->factory[table]); i++)
		if (strcmp(factory_key(buf, i).at, key) == 0)
			return true;
	return false;
}

int
rows_remove(struct store *s, struct rows_edit *e, enum table table, const char *key)
{
	struct rows_state *state = &e->tables[table];
	int64_t number = 0, len = 0;
	char sql[96];
	int rc = begin(s, e, table);

	if (rc == E_OK && !state->written && !factory_has(s, table, key))
		return E_OK;
	if (rc == E_OK)
		rc = write_factory(s, e, table);
	if (rc == E_OK)
		rc = find_row(e, table, key, &number, &len);
	if (rc < 0 || number == 0)
		return rc;
	snprintf(sql, sizeof(sql), "DELETE FROM row WHERE tbl = %d AND number = %" PRId64, (int)table,
	    number);
	state->n--;
	state->bytes -= len + (int64_t)strlen(key);
	state->changed = true;
	return db_exec(s->config, sql);
}

int
rows_clear(struct store *s, struct rows_edit *e, enum table table, bool factory)
{
	struct rows_state *state = &e->tables[table];
	char sql[64];
	int rc = begin(s, e, table);

	if (rc < 0 || (factory && !state->written))
		return rc;
	if (!state->written)
		state->last += (int64_t)json_array_size(s->factory[table]);
	state->written = !factory;
	state->n = state->bytes = 0;
	state->changed = true;
	snprintf(sql, sizeof(sql), "DELETE FROM row WHERE tbl = %d", (int)table);
	return db_exec(s->config, sql);
}

int
rows_edit_finish(struct store *s, struct rows_edit *e)
{
	char sql[128];
	int rc = E_OK;

	for (int t = 0; t < TABLE_COUNT && rc == E_OK; t++) {
		const struct rows_state *state = &e->tables[t];

		if (!state->changed)
			continue;
		snprintf(sql, sizeof(sql),
		    "INSERT OR REPLACE INTO row_table(tbl, written, last) VALUES(%d, %d, %" PRId64 ")",
		    t, state->written, state->last);
		rc = db_exec(s->config, sql);
	}
	return rc;
}
