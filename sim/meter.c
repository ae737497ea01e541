#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

#include "sim/dlms.h"
#include "sim/energomera.h"
#include "sim/mercury.h"
#include "src/base/checksum.h"

static const struct zone local_zone = { 0, false };

const char *const sim_fault_names[SIM_FAULT_COUNT] = {
#define ROW(name) #name,
	SIM_FAULTS(ROW)
#undef ROW
};

#define MERCURY(row_name, firmware) { \
	.name = row_name, .csv_type = "Mercury23x", .latency_us = 5000, .preset = firmware, \
	.configure = sim_mercury_configure, .keys = sim_mercury_keys, .answer = sim_mercury_answer, \
	.foreign = sim_mercury_foreign, .busy = sim_mercury_busy, .table = sim_mercury_table }
#define ENERGOMERA(row_name, table_name) { \
	.name = row_name, .csv_type = table_name, .latency_us = 200000, .preset = row_name, \
	.configure = sim_energomera_configure, .keys = sim_energomera_keys, \
	.answer = sim_energomera_answer, .foreign = sim_energomera_foreign, \
	.busy = sim_energomera_busy, .table = sim_energomera_table }

#define SPODES(row_name, keys_given) { \
	.name = row_name, .csv_type = "SPODES", .latency_us = 20000, .preset = keys_given, \
	.address_most = 16381, .configure = sim_dlms_configure, .release = sim_dlms_release, \
	.keys = sim_dlms_keys, .answer = sim_dlms_answer, .foreign = sim_dlms_foreign, \
	.busy = sim_dlms_busy, .table = sim_dlms_table }

const struct sim_type sim_types[] = {
	MERCURY("mercury230", "2.3.4"),
	MERCURY("mercury230-217", "2.1.7"),
	MERCURY("mercury230-old", "2.0.5"),
	MERCURY("mercury234", "9.0.0"),
	MERCURY("mercury236", "8.0.0"),
	ENERGOMERA("ce301", "SE301"),
	ENERGOMERA("ce303", "SE303"),
	SPODES("spodes", NULL),
	/* Meters of the page's chapter 20. */
	SPODES("spodes-mercury",
	    "{\"ua\":\"two\",\"max_pdu\":100,\"with_list\":false,\"disc_first\":true,\"invoke_id\":129,"
	    "\"short_angles\":true,\"model\":\"Mercury 234\",\"maker\":\"Incotex\"}"),
	SPODES("spodes-milur",
	    "{\"serial_digits\":4,\"password\":\"789456\",\"secret\":\"1597531234567890\","
	    "\"model\":\"Milur 307S\",\"maker\":\"Milandr\"}"),
	SPODES("spodes-energomera",
	    "{\"address_size\":1,\"password\":\"12345678\",\"model\":\"CE308\","
	    "\"maker\":\"Energomera\"}"),
	SPODES("spodes-nartis",
	    "{\"password\":\"00000001\",\"secret\":\"0000000100000001\",\"address_size\":2,"
	    "\"model\":\"НАРТИС-300\",\"model_cp1251\":true,\"maker\":\"Nartis\","
	    "\"energy_scaler\":-3}"),
	SPODES("spodes-rim",
	    "{\"password\":\"Reader\",\"model\":\"РиМ489.38\",\"model_cp1251\":true,\"maker\":\"RiM\","
	    "\"deviation_min\":180,\"wrong_log_names\":true,\"log_extra\":true,\"code_octets\":2}"),
	{ .name = NULL },
};

const struct sim_type *
sim_type_by_name(const char *name)
{
	for (const struct sim_type *type = sim_types; type->name != NULL; type++)
		if (strcmp(type->name, name) == 0)
			return type;
	return NULL;
}

static int64_t
magnitude(int64_t v)
{
	return v < 0 ? -v : v;
}

int64_t
sim_clock_us(const struct sim_clock *clock, int64_t now_us)
{
	int64_t elapsed = now_us - clock->ref_us;
	int64_t slewed = magnitude(clock->slew_us);

	if (elapsed >= 0 && elapsed < slewed)
		slewed = elapsed;
	return clock->base_us + elapsed + elapsed / 1000000 * clock->drift_ppm +
	    (clock->slew_us < 0 ? -slewed : slewed);
}

bool
sim_clock_slewing(const struct sim_clock *clock, int64_t now_us)
{
	return now_us - clock->ref_us < magnitude(clock->slew_us);
}

void
sim_clock_set(struct sim_clock *clock, int64_t now_us, int64_t local_us)
{
	clock->ref_us = now_us;
	clock->base_us = local_us;
	clock->slew_us = 0;
}

void
sim_clock_slew(struct sim_clock *clock, int64_t now_us, int64_t by_us)
{
	sim_clock_set(clock, now_us, sim_clock_us(clock, now_us));
	clock->slew_us = by_us;
}

int64_t
sim_meter_time(const struct sim_meter *m, int64_t now_us)
{
	int64_t us = sim_clock_us(&m->clock, now_us);

	return us >= 0 ? us / 1000000 : (us - 999999) / 1000000;
}

static bool
is_dark(const struct sim_meter *m, int64_t now_us)
{
	if (m->dead)
		return true;
	for (unsigned i = 0; i < m->n_dark; i++) {
		int64_t since_us = now_us - m->start_us;

		if (m->dark[i].from_us <= since_us && since_us < m->dark[i].to_us)
			return true;
	}
	return false;
}

/* Somebody has exchanged the meter: another serial number, other registers, the same place. */
static void
replace_meter(struct sim_meter *m, int64_t now_us)
{
	if (m->replace_us == 0 || now_us - m->start_us < m->replace_us)
		return;
	m->replace_us = 0;
	m->load.serial = m->replace_serial;
	m->load.history_from = sim_epoch(m->load.serial);
	snprintf(m->serial, sizeof(m->serial), "%0*llu", (int)strlen(m->serial),
	    (unsigned long long)m->load.serial);
}

size_t
sim_meter_answer(struct sim_meter *m, int64_t now_us, const uint8_t *req, size_t n,
    uint8_t out[SIM_ANSWER_MAX])
{
	if (n == 0 || n > SIM_REQUEST_MAX || is_dark(m, now_us))
		return 0;
	replace_meter(m, now_us);
	if (m->load.n_outages > 0 && sim_is_off(&m->load, sim_meter_time(m, now_us)))
		return 0;
	return m->type->answer(m, now_us, req, n, out);
}

bool
sim_request_whole(const uint8_t *req, size_t n)
{
	return (n >= 4 && crc16_modbus(req, n) == 0) || sim_energomera_whole(req, n) ||
	    sim_dlms_whole(req, n);
}

enum sim_fault
sim_fault_draw(const struct sim_meter *m)
{
	uint64_t draw = sim_hash(m->seed, m->load.serial, m->counters.answers) % 10000;
	uint64_t below = 0;

	for (unsigned i = 0; i < SIM_FAULT_COUNT; i++) {
		below += m->faults.share[i];
		if (draw < below)
			return (enum sim_fault)i;
	}
	return SIM_FAULT_NONE;
}

static int32_t
root(uint64_t v)
{
	uint64_t r = 0;

	for (uint64_t bit = UINT64_C(1) << 31; bit != 0; bit >>= 1)
		if ((r + bit) * (r + bit) <= v)
			r += bit;
	return (int32_t)r;
}

/* v spread around `middle` by at most `most`, from one draw per slot. */
static int32_t
around(const struct sim_meter *m, uint64_t what, int64_t slot, int32_t middle, int32_t most)
{
	uint64_t draw = sim_hash(m->load.serial, 2000 + what, (uint64_t)slot);

	return middle - most + (int32_t)(draw % (uint64_t)(2 * most + 1));
}

static void
split_phases(int32_t v[4], bool single_phase)
{
	v[1] = single_phase ? v[0] : v[0] / 3;
	v[2] = single_phase ? 0 : v[0] / 3;
	v[3] = v[0] - v[1] - v[2];
}

void
sim_instant(const struct sim_meter *m, int64_t t, struct sim_instant *now)
{
	int64_t slot = t / SIM_SLOT_S;
	int64_t end = (slot + 1) * SIM_SLOT_S;
	uint64_t serial = m->load.serial;
	int phases = m->single_phase ? 1 : 3;

	memset(now, 0, sizeof(*now));
	/* 0.5 Wh per half hour is 1 W. */
	now->p[0] = (int32_t)sim_slot_raw(serial, SIM_A_PLUS, end) * 100;
	if (m->kinds[SIM_R_PLUS])
		now->q[0] = (int32_t)sim_slot_raw(serial, SIM_R_PLUS, end) * 100;
	split_phases(now->p, m->single_phase);
	split_phases(now->q, m->single_phase);
	for (int i = 0; i < 4; i++) {
		now->s[i] = root(
		    (uint64_t)((int64_t)now->p[i] * now->p[i] + (int64_t)now->q[i] * now->q[i]));
		if (now->s[i] > 0)
			now->cosine[i] = (int32_t)((int64_t)now->p[i] * 1000 / now->s[i]);
	}
	for (int i = 0; i < phases; i++) {
		now->u[i] = around(m, (uint64_t)i, slot, 23000, 500);
		now->i[i] = (int32_t)((int64_t)now->s[i + 1] * 1000 / now->u[i]);
		now->harmonics[i] = around(m, 10 + (uint64_t)i, slot, 200, 50);
	}
	if (phases == 3) {
		now->angle[0] = around(m, 20, slot, 12000, 100);
		now->angle[2] = around(m, 21, slot, 12000, 100);
		now->angle[1] = 36000 - now->angle[0] - now->angle[2];
	}
	now->frequency = around(m, 30, slot, 5000, 5);
	now->temperature = around(m, 31, slot, 10, 30);
	now->p_reverse = m->kinds[SIM_A_MINUS] && slot % 16 == 5;
	now->q_reverse = m->kinds[SIM_R_MINUS] && slot % 16 == 9;
}

struct civil
sim_civil(int64_t t)
{
	return civil_from_utc(local_zone, t);
}

int64_t
sim_day(int64_t t)
{
	return t >= 0 ? t / SIM_DAY_S : (t - SIM_DAY_S + 1) / SIM_DAY_S;
}

int64_t
sim_month_start(int64_t t, int months)
{
	return month_add(local_zone, month_start(local_zone, t), months);
}

bool
sim_json_int(const json_t *object, const char *key, int64_t least, int64_t most, int64_t *to)
{
	const json_t *value = json_object_get(object, key);

	if (value == NULL)
		return true;
	if (!json_is_integer(value) || json_integer_value(value) < least ||
	    json_integer_value(value) > most)
		return false;
	*to = json_integer_value(value);
	return true;
}

bool
sim_json_bool(const json_t *object, const char *key, bool *to)
{
	const json_t *value = json_object_get(object, key);

	if (value == NULL)
		return true;
	if (!json_is_boolean(value))
		return false;
	*to = json_is_true(value);
	return true;
}
