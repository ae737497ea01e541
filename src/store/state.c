#include "src/store/state.h"

#include <string.h>

#include "src/base/log.h"
#include "src/store/pack.h"

enum { MEMORY_SIZE = sizeof(((struct meter_state *)0)->memory) };

enum column { CONFIG_TYPE, CONFIG_TS, SERIAL, MODEL, FIRMWARE, CONFIG, SERIAL_SINCE, LINK, LINK_SINCE,
	LAST_ANSWER, CORRECTED_DAY, REFUSED, REFUSED_JOURNALS, REFUSED_AT, MEMORY_VERSION, MEMORY };

static void
take_config(sqlite3_stmt *stmt, uint16_t dev, struct meter_config *c)
{
	const void *packed = sqlite3_column_blob(stmt, CONFIG);

	if (packed != NULL &&
	    unpack_config(packed, (size_t)sqlite3_column_bytes(stmt, CONFIG), c) < 0) {
		log_error("store", "dev=%u: stored configuration is damaged", dev);
		memset(c, 0, sizeof(*c));
	}
	db_text(stmt, SERIAL, c->serial, sizeof(c->serial));
	db_text(stmt, MODEL, c->model, sizeof(c->model));
	db_text(stmt, FIRMWARE, c->firmware, sizeof(c->firmware));
}

static void
take_state(sqlite3_stmt *stmt, struct meter_state *s)
{
	const void *memory = sqlite3_column_blob(stmt, MEMORY);
	size_t len = memory != NULL ? (size_t)sqlite3_column_bytes(stmt, MEMORY) : 0;

	s->config_ts = sqlite3_column_int64(stmt, CONFIG_TS);
	s->serial_since = sqlite3_column_int64(stmt, SERIAL_SINCE);
	s->link = (uint8_t)sqlite3_column_int(stmt, LINK);
	s->link_since = sqlite3_column_int64(stmt, LINK_SINCE);
	s->last_answer = sqlite3_column_int64(stmt, LAST_ANSWER);
	s->corrected_day = sqlite3_column_int64(stmt, CORRECTED_DAY);
	s->refused = (uint32_t)sqlite3_column_int64(stmt, REFUSED);
	s->refused_journals = (uint64_t)sqlite3_column_int64(stmt, REFUSED_JOURNALS);
	s->refused_at = sqlite3_column_int64(stmt, REFUSED_AT);
	s->memory_version = (uint8_t)sqlite3_column_int(stmt, MEMORY_VERSION);
	if (len > 0 && len <= MEMORY_SIZE)
		memcpy(s->memory, memory, len);
}

int
state_read(struct archive *a, uint16_t dev, struct meter_state *s, enum record_type *config_type)
{
	int rc;
	sqlite3_stmt *stmt = archive_statement(a, ST_STATE_GET, &rc);

	memset(s, 0, sizeof(*s));
	if (config_type != NULL)
		*config_type = REC_NONE;
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(stmt, 1, dev);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		take_config(stmt, dev, &s->config);
		take_state(stmt, s);
		if (config_type != NULL)
			*config_type = (enum record_type)sqlite3_column_int(stmt, CONFIG_TYPE);
	}
	sqlite3_reset(stmt);
	return db_error(rc);
}

int
state_write(struct archive *a, uint16_t dev, const struct meter_state *s)
{
	size_t memory = MEMORY_SIZE;
	int rc;
	sqlite3_stmt *stmt = archive_statement(a, ST_STATE_PUT, &rc);

	if (rc < 0)
		return rc;
	while (memory > 0 && s->memory[memory - 1] == 0)
		memory--;
	sqlite3_bind_int64(stmt, 1, dev);
	sqlite3_bind_int64(stmt, 2, s->serial_since);
	sqlite3_bind_int64(stmt, 3, s->link);
	sqlite3_bind_int64(stmt, 4, s->link_since);
	sqlite3_bind_int64(stmt, 5, s->last_answer);
	sqlite3_bind_int64(stmt, 6, s->corrected_day);
	sqlite3_bind_int64(stmt, 7, s->refused);
	sqlite3_bind_int64(stmt, 8, (int64_t)s->refused_journals);
	sqlite3_bind_int64(stmt, 9, s->refused_at);
	sqlite3_bind_int64(stmt, 10, s->memory_version);
	sqlite3_bind_blob(stmt, 11, s->memory, (int)memory, SQLITE_STATIC);
	return db_run(stmt);
}

int
config_write(struct archive *a, struct rings *rings, uint16_t dev, enum record_type type, int64_t ts,
    const struct meter_config *c)
{
	uint8_t bytes[PACK_CONFIG_MAX];
	struct wr packed = wr_init(bytes, sizeof(bytes));
	struct store_ring ring;
	int rc;
	sqlite3_stmt *stmt = archive_statement(a, ST_CONFIG_PUT, &rc);

	if (rc < 0)
		return rc;
	pack_config(&packed, c);
	if (!wr_ok(&packed))
		return E_INVALID;
	sqlite3_bind_int64(stmt, 1, dev);
	sqlite3_bind_int64(stmt, 2, type);
	sqlite3_bind_int64(stmt, 3, ts);
	sqlite3_bind_text(stmt, 4, c->serial, (int)strnlen(c->serial, sizeof(c->serial)),
	    SQLITE_STATIC);
	sqlite3_bind_text(stmt, 5, c->model, (int)strnlen(c->model, sizeof(c->model)), SQLITE_STATIC);
	sqlite3_bind_text(stmt, 6, c->firmware, (int)strnlen(c->firmware, sizeof(c->firmware)),
	    SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 7, bytes, (int)packed.len, SQLITE_STATIC);
	if ((rc = db_run(stmt)) < 0 || type == REC_NONE)
		return rc;
	rings_get(rings, ring_key(dev, type, 0), &ring);
	if (ring.count > 0 && ring.newest > ts)
		return E_OK;
	ring = (struct store_ring){ 1, ts, ts };
	return rings_set(rings, ring_key(dev, type, 0), &ring);
}

int
state_serial_since(struct archive *a, uint16_t dev, int64_t *since)
{
	int rc;
	sqlite3_stmt *stmt = archive_statement(a, ST_STATE_SINCE, &rc);

	*since = 0;
	if (rc < 0)
		return rc;
	sqlite3_bind_int64(stmt, 1, dev);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*since = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return db_error(rc);
}
