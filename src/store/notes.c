/* Notes: small facts of other rooms, by key, in config.db.  They lie beside the device journals, so
 * that a note can change and a row be added in one transaction. */
#include "src/store/store_private.h"

#include <string.h>

enum { NO_JOURNAL = 0xff, REMOVED = 0xffff };
enum { NOTE_ITEM = 1 + 1 + NOTE_KEY_MOST + 2 + NOTE_TEXT_MOST + 1 + 8 + DEVICE_JOURNAL_TEXT_MAX };
_Static_assert((size_t)NOTE_ITEM <= QUEUE_ITEM_MAX, "every note fits");
_Static_assert((int)DJ_COUNT < (int)NO_JOURNAL, "no journal is none of them");

int
store_note_put(struct store *s, const struct store_note *note)
{
	uint8_t item[NOTE_ITEM];
	struct wr w = wr_init(item, sizeof(item));
	size_t key = strnlen(note->key, NOTE_KEY_MOST + 1);
	size_t text = note->text != NULL ? strnlen(note->text, NOTE_TEXT_MOST + 1) : 0;
	size_t json = note->json != NULL ? strnlen(note->json, DEVICE_JOURNAL_TEXT_MAX + 1) : 0;

	if (key == 0 || key > NOTE_KEY_MOST || text > NOTE_TEXT_MOST || json > DEVICE_JOURNAL_TEXT_MAX)
		return E_LIMIT;
	if (note->json != NULL && (unsigned)note->journal >= DJ_COUNT)
		return E_INVALID;
	wr_u8(&w, ORDER_NOTE);
	wr_u8(&w, (uint8_t)key);
	wr_bytes(&w, note->key, key);
	wr_u16_le(&w, note->text != NULL ? (uint16_t)text : REMOVED);
	wr_bytes(&w, note->text != NULL ? note->text : "", text);
	wr_u8(&w, note->json != NULL ? (uint8_t)note->journal : NO_JOURNAL);
	wr_u64_le(&w, (uint64_t)note->ts);
	wr_bytes(&w, note->json != NULL ? note->json : "", json);
	return order_push(s, &w);
}

static int
write_note(struct store *s, const char *key, const char *text)
{
	sqlite3_stmt *stmt = NULL;
	int rc = db_prepare(s->config,
	    text != NULL ? "INSERT OR REPLACE INTO note(key, text) VALUES(?1, ?2)" :
			   "DELETE FROM note WHERE key = ?1",
	    &stmt);

	if (rc == E_OK) {
		sqlite3_bind_text(stmt, 1, key, -1, SQLITE_STATIC);
		if (text != NULL)
			sqlite3_bind_text(stmt, 2, text, -1, SQLITE_STATIC);
		rc = db_run(stmt);
	}
	sqlite3_finalize(stmt);
	return rc;
}

int
note_apply(struct store *s, struct rd *r)
{
	char key[NOTE_KEY_MOST + 1], text[NOTE_TEXT_MOST + 1], json[DEVICE_JOURNAL_TEXT_MAX + 1];
	size_t key_len = rd_u8(r), text_len, json_len;
	uint8_t journal;
	int64_t ts;
	int rc;

	if (key_len > NOTE_KEY_MOST)
		return E_INVALID;
	rd_bytes(r, key, key_len);
	key[key_len] = '\0';
	text_len = rd_u16_le(r);
	if (text_len != REMOVED && text_len > NOTE_TEXT_MOST)
		return E_INVALID;
	rd_bytes(r, text, text_len != REMOVED ? text_len : 0);
	text[text_len != REMOVED ? text_len : 0] = '\0';
	journal = rd_u8(r);
	ts = (int64_t)rd_u64_le(r);
	json_len = rd_left(r);
	if (rd_failed(r) || json_len > DEVICE_JOURNAL_TEXT_MAX)
		return E_INVALID;
	rd_bytes(r, json, json_len);
	json[json_len] = '\0';
	rc = write_note(s, key, text_len != REMOVED ? text : NULL);
	if (rc == E_OK && journal != NO_JOURNAL)
		rc = journal_insert(s, (enum device_journal)journal, ts, json);
	return rc;
}

static int
read_notes(sqlite3_stmt *stmt, store_each_note *each, void *arg)
{
	int step, rc = E_OK;

	while ((step = sqlite3_step(stmt)) == SQLITE_ROW && rc == E_OK)
		rc = each(arg, (const char *)sqlite3_column_text(stmt, 0),
		    (const char *)sqlite3_column_text(stmt, 1));
	return rc < 0 ? rc : rc > 0 ? E_OK : db_error(step);
}

int
store_notes(struct store *s, const char *prefix, store_each_note *each, void *arg)
{
	sqlite3_stmt *stmt = NULL;
	struct reader *reader;
	int rc = reader_take(s, 0, &reader);

	if (rc < 0)
		return rc;
	rc = reader_config(s, reader);
	if (rc == E_OK)
		rc = db_prepare(reader->config,
		    "SELECT key, text FROM note WHERE substr(key, 1, length(?1)) = ?1 ORDER BY key",
		    &stmt);
	if (rc == E_OK) {
		sqlite3_bind_text(stmt, 1, prefix, -1, SQLITE_STATIC);
		rc = read_notes(stmt, each, arg);
	}
	sqlite3_finalize(stmt);
	reader_give(s, reader);
	return rc;
}
