/* What is put into the queue by any thread, and what the writer does with it. */
#include "src/store/store_private.h"

#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/store/pack.h"
#include "src/store/state.h"

enum { PUT_MAX = 64, RECORD_ITEM_MAX = 16 + PACK_RECORD_MAX, WAIT_MAX_MS = 30000 };

/* A state or configuration never leaves the process: it travels as it lies in memory. */
enum { CONFIG_ITEM = 1 + 2 + 1 + 8 + sizeof(struct meter_config), STATE_ITEM = 1 + 2 + 1 +
	sizeof(struct meter_state) };
_Static_assert((size_t)STATE_ITEM <= QUEUE_ITEM_MAX && (size_t)CONFIG_ITEM <= QUEUE_ITEM_MAX &&
    DEVICE_JOURNAL_TEXT_MAX + 16 <= QUEUE_ITEM_MAX, "every item fits");

/* With the queue locked: waits for room.  `records` are counted when they are refused. */
static int
wait_for_room(struct store *s, size_t items, size_t bytes, size_t records)
{
	int64_t give_up = store_now_ms() + WAIT_MAX_MS;

	while (!queue_has_room(&s->queue, items, bytes)) {
		const struct trouble *t = &s->trouble;
		int64_t patient = t->code < 0 ? t->since_ms + s->patience_ms : INT64_MAX;
		int64_t now = store_now_ms();

		if (now >= patient || now >= give_up) {
			s->trouble.refused += records;
			atomic_fetch_add(&s->refused_full, records);
			return t->code == E_FULL ? E_FULL : E_IO;
		}
		store_wait(&s->progress, &s->queue_lock, patient < give_up ? patient : give_up);
	}
	return E_OK;
}

/* With the queue locked.  The writer is woken to start its clock and when a group is full. */
static void
push(struct store *s, const struct wr *item)
{
	if (s->queue.items == 0)
		s->first_queued_ms = store_now_ms();
	queue_push(&s->queue, item->buf, item->len);
	if (s->queue.items == 1 || s->queue.items % GROUP_RECORDS == 0)
		pthread_cond_signal(&s->work);
}

static void
encode_record(struct wr *w, uint16_t dev, const struct record *r, int64_t now)
{
	struct record copy;

	wr_u8(w, r->config != NULL ? ORDER_CONFIG : ORDER_RECORD);
	wr_u16_le(w, dev);
	wr_u8(w, (uint8_t)r->type);
	if (r->config != NULL) {
		wr_u64_le(w, (uint64_t)r->ts);
		wr_bytes(w, r->config, sizeof(*r->config));
		return;
	}
	wr_u16_le(w, r->journal);
	wr_u8(w, r->flags);
	wr_u16_le(w, r->period_min);
	if (r->valid || record_has(r, 0)) {
		pack_record(w, r, 0);
		return;
	}
	copy = *r;
	record_set(&copy, 0, now);
	pack_record(w, &copy, 0);
}

int
store_put(struct store *s, uint16_t dev, const struct record *records, size_t n)
{
	uint8_t item[RECORD_ITEM_MAX];
	int64_t now = clock_utc();
	int rc = E_OK;

	if (n > PUT_MAX || dev == 0)
		return E_INVALID;
	for (size_t i = 0; i < n && rc == E_OK; i++)
		rc = put_check(&records[i]);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&s->queue_lock);
	rc = wait_for_room(s, n, n * RECORD_ITEM_MAX, n);
	for (size_t i = 0; i < n && rc == E_OK; i++) {
		bool config = schema_family(records[i].type) == FAMILY_CONFIG;
		struct record plain = config ? records[i] : (struct record){ 0 };
		const struct record *r = &records[i];
		struct wr w = wr_init(item, sizeof(item));

		if (!config && r->config != NULL) {
			plain = *r;
			plain.config = NULL;
			r = &plain;
		}
		encode_record(&w, dev, r, now);
		push(s, &w);
	}
	pthread_mutex_unlock(&s->queue_lock);
	return rc;
}

int
order_push(struct store *s, const struct wr *w)
{
	int rc;

	pthread_mutex_lock(&s->queue_lock);
	rc = wait_for_room(s, 1, w->len, 0);
	if (rc == E_OK)
		push(s, w);
	pthread_mutex_unlock(&s->queue_lock);
	return rc;
}

static enum record_type
config_type_of(struct store *s, uint16_t dev)
{
	static const enum record_type types[] = { [CLASS_ELECTRIC] = REC_EL_CONFIG,
	    [CLASS_PULSE] = REC_PLS_CONFIG, [CLASS_DIGITAL] = REC_DIG_CONFIG,
	    [CLASS_HUB] = REC_EL_CONFIG, [CLASS_GENERIC] = REC_GEN_CONFIG };
	const struct meter_table *table = store_meters(s);
	const struct meter_row *row = meter_table_find_dev(table, dev);
	const struct meter_type *type = row != NULL ? meter_type_by_id(row->type) : NULL;

	meter_table_release(table);
	return type != NULL ? types[type->class] : REC_EL_CONFIG;
}

int
store_state_put(struct store *s, uint16_t dev, const struct meter_state *state)
{
	uint8_t item[STATE_ITEM];
	struct wr w = wr_init(item, sizeof(item));

	if (dev == 0)
		return E_INVALID;
	wr_u8(&w, ORDER_STATE);
	wr_u16_le(&w, dev);
	wr_u8(&w, (uint8_t)config_type_of(s, dev));
	wr_bytes(&w, state, sizeof(*state));
	return order_push(s, &w);
}

int
store_journal_add(struct store *s, enum device_journal kind, int64_t ts, const char *json)
{
	uint8_t item[DEVICE_JOURNAL_TEXT_MAX + 16];
	struct wr w = wr_init(item, sizeof(item));
	size_t len = strnlen(json, DEVICE_JOURNAL_TEXT_MAX + 1);

	if ((unsigned)kind >= DJ_COUNT)
		return E_INVALID;
	if (len > DEVICE_JOURNAL_TEXT_MAX)
		return E_LIMIT;
	if (flood_folds(s, kind, json))
		return E_OK;
	wr_u8(&w, ORDER_DEVICE_JOURNAL);
	wr_u8(&w, (uint8_t)kind);
	wr_u64_le(&w, (uint64_t)ts);
	wr_bytes(&w, json, len);
	return order_push(s, &w);
}

int
store_sync(struct store *s)
{
	uint64_t target;
	int rc = E_OK;

	pthread_mutex_lock(&s->queue_lock);
	target = s->queue.tail;
	if (target > s->wanted)
		s->wanted = target;
	pthread_cond_signal(&s->work);
	while (s->durable < target && rc == E_OK) {
		int64_t patient = s->trouble.code < 0 ? s->trouble.since_ms + s->patience_ms :
							INT64_MAX;

		if (store_now_ms() >= patient)
			rc = s->trouble.code == E_FULL ? E_FULL : E_IO;
		else
			store_wait(&s->progress, &s->queue_lock,
			    patient == INT64_MAX ? store_now_ms() + WAIT_MAX_MS : patient);
	}
	pthread_mutex_unlock(&s->queue_lock);
	return rc;
}

static int
apply_record(struct store *s, struct rd *r, uint16_t dev)
{
	enum record_type type = (enum record_type)rd_u8(r);
	uint16_t journal = rd_u16_le(r);
	uint8_t flags = rd_u8(r);
	uint16_t period = rd_u16_le(r);
	size_t left = rd_left(r);
	const uint8_t *packed = rd_take(r, left);
	struct record record;

	if (packed == NULL || unpack_record(packed, left, 0, &record) < 0)
		return E_INVALID;
	record.type = type;
	record.journal = journal;
	record.flags = flags;
	record.period_min = period;
	return put_record(&s->putter, dev, &record);
}

static int
apply_config(struct store *s, struct rd *r, uint16_t dev)
{
	enum record_type type = (enum record_type)rd_u8(r);
	int64_t ts = (int64_t)rd_u64_le(r);
	struct meter_config config;

	rd_bytes(r, &config, sizeof(config));
	return rd_done(r) ? config_write(&s->archive, s->rings, dev, type, ts, &config) : E_INVALID;
}

static int
apply_state(struct store *s, struct rd *r, uint16_t dev)
{
	enum record_type type = (enum record_type)rd_u8(r);
	struct meter_state state;
	int rc;

	rd_bytes(r, &state, sizeof(state));
	if (!rd_done(r))
		return E_INVALID;
	rc = state_write(&s->archive, dev, &state);
	if (rc == E_OK && state.config_ts > 0)
		rc = config_write(&s->archive, s->rings, dev, type, state.config_ts, &state.config);
	return rc;
}

static int
apply_journal(struct store *s, struct rd *r)
{
	char json[DEVICE_JOURNAL_TEXT_MAX + 1];
	enum device_journal kind = (enum device_journal)rd_u8(r);
	int64_t ts = (int64_t)rd_u64_le(r);
	size_t len = rd_left(r);

	if (len > DEVICE_JOURNAL_TEXT_MAX)
		return E_INVALID;
	rd_bytes(r, json, len);
	json[len] = '\0';
	return journal_insert(s, kind, ts, json);
}

/* What goes to config.db. */
static int
apply_config_order(struct store *s, enum order order, struct rd *r, bool *config_begun)
{
	int rc = *config_begun ? E_OK : db_exec(s->config, "BEGIN IMMEDIATE");

	if (rc < 0)
		return rc;
	*config_begun = true;
	return order == ORDER_NOTE ? note_apply(s, r) : apply_journal(s, r);
}

int
order_apply(struct store *s, const uint8_t *item, size_t len, bool *config_begun, unsigned *records)
{
	struct rd r = rd_init(item, len);
	enum order order = (enum order)rd_u8(&r);
	uint16_t dev;

	if (order == ORDER_DEVICE_JOURNAL || order == ORDER_NOTE)
		return apply_config_order(s, order, &r, config_begun);
	dev = rd_u16_le(&r);
	/* A bus that was just talking to a removed meter hands over what it has. */
	if (store_is_removed(s, dev))
		return E_OK;
	if (order == ORDER_STATE)
		return apply_state(s, &r, dev);
	++*records;
	return order == ORDER_CONFIG ? apply_config(s, &r, dev) : apply_record(s, &r, dev);
}
