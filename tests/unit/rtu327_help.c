#include "tests/unit/rtu327_help.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static void
add_meter(struct rtu_store *s, uint32_t id, const char *override)
{
	struct meter_change change = { .row = {
		.id = id, .type = 3, .iface = IFACE_1,
		.rtu_object_type = 1, .rtu_object = 1, .rtu_feeder = 1,
	} };
	char why[256] = "";
	size_t failed;

	snprintf(change.row.address, sizeof(change.row.address), "%u", id);
	snprintf(change.row.rtu_serial, sizeof(change.row.rtu_serial), "%s", override);
	ck_assert_msg(store_meters_change(s->store, &change, 1, &failed, why, sizeof(why)) == E_OK,
	    "meter: %s", why);
}

void
rtu_store_open(struct rtu_store *s)
{
	struct meter_state state = { .config_ts = 1600000000, .config.serial = RTU_SERIAL };
	const struct meter_table *table;
	char why[256] = "";

	unit_folder_make(s->dir);
	ck_assert_msg(store_open(&s->store, s->dir, why, sizeof(why)) == E_OK, "store: %s", why);
	add_meter(s, RTU_METER, "");
	add_meter(s, RTU_METER_SILENT, RTU_SILENT);
	table = store_meters(s->store);
	s->dev = meter_table_find(table, RTU_METER)->dev;
	meter_table_release(table);
	ck_assert_int_eq(store_state_put(s->store, s->dev, &state), E_OK);
	rtu_flush(s);
}

void
rtu_store_close(struct rtu_store *s)
{
	store_close(s->store);
	unit_folder_remove(s->dir);
}

void
rtu_set(struct rtu_store *s, const char *key, const char *text)
{
	ck_assert_int_eq(store_setting_put(s->store, key, text), E_OK);
}

void
rtu_put_record(struct rtu_store *s, const struct record *r)
{
	ck_assert_int_eq(store_put(s->store, s->dev, r, 1), E_OK);
}

void
rtu_flush(struct rtu_store *s)
{
	ck_assert_int_eq(store_sync(s->store), E_OK);
}

void
rtu_put_energy(struct rtu_store *s, enum record_type type, int64_t ts, unsigned tariff,
    const int64_t v[4])
{
	struct record r = { .type = type, .valid = true, .ts = ts };

	for (unsigned i = 0; i < 4; i++)
		if (v[i] != RTU_NONE)
			record_set(&r, energy_slot(tariff, (enum energy_kind)i), v[i]);
	rtu_put_record(s, &r);
}

void
rtu_put_profile(struct rtu_store *s, int64_t end, uint16_t period_min, const int64_t watts[4])
{
	struct record r = {
		.type = REC_EL_PROFILE, .valid = true, .ts = end, .period_min = period_min,
		.flags = PROFILE_MEASURED,
	};

	for (unsigned i = 0; i < 4; i++)
		if (watts[i] != RTU_NONE)
			record_set(&r, i, watts[i] * 1000);
	rtu_put_record(s, &r);
}

void
rtu_put_event(struct rtu_store *s, uint16_t journal, int64_t ts, int64_t event, int64_t id)
{
	struct record r = { .type = REC_EL_JOURNAL, .journal = journal, .valid = true, .ts = ts };

	record_set(&r, J_EVENT, event);
	record_set(&r, J_EVENT_ID, id);
	rtu_put_record(s, &r);
}

size_t
rtu_frame(uint8_t *to, size_t size, struct rtu327_request request, uint16_t number)
{
	struct wr w = wr_init(to, size);

	request.frame.number[0] = (uint8_t)(number >> 8);
	request.frame.number[1] = (uint8_t)number;
	ck_assert_int_eq(rtu327_encode_request(&w, &request, false), E_OK);
	return w.len;
}
