/* Journals of the device itself (system.md 11): rings of rows in config.db; ids grow for ever. */
#include "src/store/store_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"

int
journal_load(struct store *s)
{
	char sql[80];
	int rc = E_OK;

	for (int kind = 0; kind < DJ_COUNT && rc == E_OK; kind++) {
		int64_t last = 0;

		snprintf(sql, sizeof(sql), "SELECT coalesce(max(id), 0) FROM journal WHERE kind = %d",
		    kind);
		rc = db_integer(s->config, sql, &last);
		s->journal_next[kind] = (uint64_t)last;
		atomic_store(&s->journal_last[kind], (uint64_t)last);
	}
	return rc;
}

int
journal_insert(struct store *s, enum device_journal kind, int64_t ts, const char *json)
{
	sqlite3_stmt *stmt = NULL;
	uint64_t id = s->journal_next[kind] + 1;
	int rc = db_prepare(s->config, "INSERT INTO journal(kind, id, ts, json) VALUES(?1, ?2, ?3, ?4)",
	    &stmt);

	if (rc == E_OK) {
		sqlite3_bind_int64(stmt, 1, kind);
		sqlite3_bind_int64(stmt, 2, (int64_t)id);
		sqlite3_bind_int64(stmt, 3, ts);
		sqlite3_bind_text(stmt, 4, json, -1, SQLITE_STATIC);
		rc = db_run(stmt);
	}
	sqlite3_finalize(stmt);
	if (rc < 0)
		return rc;
	s->journal_next[kind] = id;
	/* Ids have no gaps, so the ring is trimmed by number. */
	rc = db_prepare(s->config, "DELETE FROM journal WHERE kind = ?1 AND id <= ?2", &stmt);
	if (rc == E_OK) {
		sqlite3_bind_int64(stmt, 1, kind);
		sqlite3_bind_int64(stmt, 2, (int64_t)id - s->settings.depth_device_journal);
		rc = db_run(stmt);
	}
	sqlite3_finalize(stmt);
	return rc;
}

void
journal_kept(struct store *s)
{
	for (int kind = 0; kind < DJ_COUNT; kind++)
		atomic_store(&s->journal_last[kind], s->journal_next[kind]);
}

void
journal_undo(struct store *s)
{
	for (int kind = 0; kind < DJ_COUNT; kind++)
		s->journal_next[kind] = atomic_load(&s->journal_last[kind]);
}

/* Copies text as the inside of a JSON string. */
static void
escape(char *to, size_t size, const char *from)
{
	size_t n = 0;

	for (; *from != '\0' && n + 3 < size; from++) {
		if (*from == '"' || *from == '\\')
			to[n++] = '\\';
		to[n++] = (unsigned char)*from < ' ' ? ' ' : *from;
	}
	to[n] = '\0';
}

void
journal_system(struct store *s, const char *level, const char *code, const char *fmt, ...)
{
	char text[256], escaped[400], json[512];
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	escape(escaped, sizeof(escaped), text);
	snprintf(json, sizeof(json),
	    "{\"level\":\"%s\",\"unit\":\"store\",\"code\":\"%s\",\"text\":\"%s\"}", level, code,
	    escaped);
	rc = journal_insert(s, DJ_SYSTEM, clock_utc(), json);
	if (rc == E_OK)
		journal_kept(s);
	else {
		journal_undo(s);
		log_error("store", "system journal row not written: %s: %s", uspd_strerror(rc), text);
	}
}

const char *
store_journal_name(enum device_journal kind)
{
	static const char *const names[DJ_COUNT] = {
#define ROW(id, name) [id] = name,
		DEVICE_JOURNALS(ROW)
#undef ROW
	};

	return names[kind];
}

uint64_t
store_journal_last(struct store *s, enum device_journal kind)
{
	return (unsigned)kind < DJ_COUNT ? atomic_load(&s->journal_last[kind]) : 0;
}

static int
read_rows(sqlite3_stmt *stmt, store_each_journal *each, void *arg)
{
	int step, rc = E_OK;

	while ((step = sqlite3_step(stmt)) == SQLITE_ROW && rc == E_OK) {
		const char *json = (const char *)sqlite3_column_text(stmt, 2);

		rc = each(arg, (uint64_t)sqlite3_column_int64(stmt, 0), sqlite3_column_int64(stmt, 1),
		    json != NULL ? json : "{}");
	}
	return rc < 0 ? rc : rc > 0 ? E_OK : db_error(step);
}

int
store_journal_read(struct store *s, enum device_journal kind, uint64_t after_id, size_t limit,
    bool newest_first, store_each_journal *each, void *arg)
{
	static const char up[] = "SELECT id, ts, json FROM journal WHERE kind = ?1 AND id > ?2"
				 " ORDER BY id LIMIT ?3";
	static const char down[] = "SELECT id, ts, json FROM journal WHERE kind = ?1 AND id > ?2"
				   " ORDER BY id DESC LIMIT ?3";
	sqlite3_stmt *stmt = NULL;
	struct reader *reader;
	int rc;

	if ((unsigned)kind >= DJ_COUNT)
		return E_INVALID;
	if ((rc = reader_take(s, 0, &reader)) < 0)
		return rc;
	rc = reader_config(s, reader);
	if (rc == E_OK)
		rc = db_prepare(reader->config, newest_first ? down : up, &stmt);
	if (rc == E_OK) {
		sqlite3_bind_int64(stmt, 1, kind);
		sqlite3_bind_int64(stmt, 2, after_id > INT64_MAX ? INT64_MAX : (int64_t)after_id);
		sqlite3_bind_int64(stmt, 3, limit == 0 || limit > INT32_MAX ? -1 : (int64_t)limit);
		rc = read_rows(stmt, each, arg);
	}
	sqlite3_finalize(stmt);
	reader_give(s, reader);
	return rc;
}
