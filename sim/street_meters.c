/* The entries of "meters": one meter, or a generator of many. */
#include "sim/street.h"

#include <stdlib.h>
#include <string.h>

enum { METERS_PER_BUS = 2000, LATE_MS_DEFAULT = 3000 };

static const char *const meter_keys[] = {
	"type",
	"count",
	"first_address",
	"address",
	"first_serial",
	"serial",
	"latency_ms",
	"jitter_ms",
	"speed",
	"faults",
	"dead",
	"dead_every",
	"dark_s",
	"clock_offset_s",
	"clock_spread_s",
	"drift_ppm",
	"outages",
	"directions",
	"reactive",
	"single_phase",
	"address_step",
	"replace",
	"comment",
	NULL,
};

static bool
share_key(const json_t *object, const char *key, uint16_t *share)
{
	const json_t *value = json_object_get(object, key);

	if (value == NULL)
		return true;
	if (!json_is_number(value) || json_number_value(value) < 0 || json_number_value(value) > 100)
		return false;
	*share = (uint16_t)(json_number_value(value) * 100 + 0.5);
	return true;
}

static bool
parse_faults(struct sim_faults *faults, const json_t *object)
{
	static const char *const more[] = { "late_ms", NULL };
	int64_t late_ms = LATE_MS_DEFAULT;
	char why[64];
	const char *keys[SIM_FAULT_COUNT + 1] = { NULL };

	if (object == NULL)
		return true;
	for (int i = 0; i < SIM_FAULT_COUNT; i++)
		keys[i] = sim_fault_names[i];
	if (!sim_known_keys(object, keys, more, why, sizeof(why)) ||
	    !sim_json_int(object, "late_ms", 1, 600000, &late_ms))
		return false;
	memset(faults->share, 0, sizeof(faults->share));
	for (int i = 0; i < SIM_FAULT_COUNT; i++)
		if (!share_key(object, sim_fault_names[i], &faults->share[i]))
			return false;
	faults->late_us = (uint32_t)(late_ms * 1000);
	return true;
}

/* Latency and faults: the meter's own key, else the bus's, else the kind's. */
static bool
parse_line(struct sim_meter *m, const struct sim_bus *bus, const json_t *entry, const json_t *bus_json,
    const struct sim_options *options)
{
	int64_t latency_ms = bus->paced || bus->port == SIM_PORT_TTY ? m->type->latency_us / 1000 : 0;
	int64_t jitter_ms = 0, speed = 0;

	if (!sim_json_int(bus_json, "latency_ms", 0, 60000, &latency_ms) ||
	    !sim_json_int(entry, "latency_ms", 0, 60000, &latency_ms) ||
	    !sim_json_int(bus_json, "jitter_ms", 0, 60000, &jitter_ms) ||
	    !sim_json_int(entry, "jitter_ms", 0, 60000, &jitter_ms) ||
	    !sim_json_int(entry, "speed", 50, 4000000, &speed))
		return false;
	m->latency_us = options->unpaced ? 0 : (uint32_t)(latency_ms * 1000);
	m->jitter_us = options->unpaced ? 0 : (uint32_t)(jitter_ms * 1000);
	m->speed = (uint32_t)speed;
	m->faults.late_us = LATE_MS_DEFAULT * 1000;
	return parse_faults(&m->faults, json_object_get(bus_json, "faults")) &&
	    share_key(bus_json, "noise", &m->faults.share[SIM_FAULT_noise]) &&
	    parse_faults(&m->faults, json_object_get(entry, "faults"));
}

/* [[from, to], ...] or {"count", "from", "to", "max_s"}. */
static bool
parse_outages(struct sim_meter *m, const json_t *value, int64_t base_t)
{
	int64_t count = 1, from, to, max_s = 7200;
	json_t *pair;
	size_t i;

	if (value == NULL)
		return true;
	if (json_is_object(value))
		return sim_json_int(value, "count", 1, SIM_OUTAGES, &count) &&
		    sim_json_int(value, "max_s", 60, 100 * SIM_DAY_S, &max_s) &&
		    sim_parse_time(json_object_get(value, "from"), base_t, &from) &&
		    sim_parse_time(json_object_get(value, "to"), base_t, &to) &&
		    sim_make_outages(&m->load, (unsigned)count, from, to, max_s);
	if (!json_is_array(value))
		return false;
	json_array_foreach(value, i, pair)
		if (!sim_parse_time(json_array_get(pair, 0), base_t, &from) ||
		    !sim_parse_time(json_array_get(pair, 1), base_t, &to) ||
		    !sim_add_outage(&m->load, from, to))
			return false;
	return true;
}

static bool
parse_dark(struct sim_meter *m, const json_t *value)
{
	json_t *pair;
	size_t i;

	json_array_foreach(value, i, pair) {
		if (m->n_dark == SIM_LIVES || !json_is_integer(json_array_get(pair, 0)) ||
		    !json_is_integer(json_array_get(pair, 1)))
			return false;
		m->dark[m->n_dark].from_us = json_integer_value(json_array_get(pair, 0)) * 1000000;
		m->dark[m->n_dark++].to_us = json_integer_value(json_array_get(pair, 1)) * 1000000;
	}
	return true;
}

/* {"after_s", "serial"}: the meter is exchanged for another. */
static bool
parse_replace(struct sim_meter *m, const json_t *value)
{
	const char *serial = json_string_value(json_object_get(value, "serial"));
	int64_t after_s = 0;

	if (value == NULL)
		return true;
	if (serial == NULL || !sim_json_int(value, "after_s", 1, 100 * SIM_DAY_S, &after_s) ||
	    after_s == 0)
		return false;
	m->replace_us = after_s * 1000000;
	m->replace_serial = strtoull(serial, NULL, 10);
	return true;
}

static bool
parse_life(struct sim_meter *m, const struct sim_street *street, const json_t *entry, unsigned i)
{
	int64_t every = 0, offset_s = 0, spread_s = 0, ppm = 0;

	if (!sim_json_bool(entry, "dead", &m->dead) ||
	    !sim_json_int(entry, "dead_every", 1, 1000000, &every) ||
	    !sim_json_int(entry, "clock_offset_s", -100 * 366 * (int64_t)SIM_DAY_S,
		100 * 366 * (int64_t)SIM_DAY_S, &offset_s) ||
	    !sim_json_int(entry, "clock_spread_s", 0, 100 * SIM_DAY_S, &spread_s) ||
	    !sim_json_int(entry, "drift_ppm", -10000, 10000, &ppm) ||
	    !parse_dark(m, json_object_get(entry, "dark_s")) ||
	    !parse_replace(m, json_object_get(entry, "replace")) ||
	    !parse_outages(m, json_object_get(entry, "outages"), street->base_t))
		return false;
	if (every > 0 && (i + 1) % (unsigned)every == 0)
		m->dead = true;
	if (spread_s > 0)
		offset_s += (int64_t)(sim_hash(m->load.serial, 1003, 0) %
				(uint64_t)(2 * spread_s + 1)) -
		    spread_s;
	m->start_us = street->start_us;
	sim_clock_set(&m->clock, street->start_us,
	    street->start_us + (street->tz_s + offset_s) * 1000000);
	m->clock.drift_ppm = (int32_t)ppm;
	return true;
}

/* What the meter counts, as its kind is usually sold: the 230 and the CE301 in one direction. */
static bool
parse_kinds(struct sim_meter *m, const json_t *entry)
{
	bool reactive = strcmp(m->type->name, "ce301") != 0;
	int64_t directions = strncmp(m->type->name, "mercury230", 10) == 0 || !reactive ? 1 : 2;

	if (!sim_json_int(entry, "directions", 1, 2, &directions) ||
	    !sim_json_bool(entry, "reactive", &reactive) ||
	    !sim_json_bool(entry, "single_phase", &m->single_phase))
		return false;
	m->kinds[SIM_A_PLUS] = true;
	m->kinds[SIM_A_MINUS] = directions == 2;
	m->kinds[SIM_R_PLUS] = reactive;
	m->kinds[SIM_R_MINUS] = reactive && directions == 2;
	return true;
}

/* Serial text of the same width as given, plus i. */
static bool
name_meter(struct sim_meter *m, const json_t *entry, uint64_t i)
{
	const json_t *given = json_object_get(entry, "first_serial");
	const char *text;
	char *end;

	if (given == NULL)
		given = json_object_get(entry, "serial");
	text = json_string_value(given);
	if (text == NULL || strlen(text) == 0 || strlen(text) > 15)
		return false;
	m->load.serial = strtoull(text, &end, 10) + i;
	if (*end != '\0')
		return false;
	snprintf(m->serial, sizeof(m->serial), "%0*llu", (int)strlen(text),
	    (unsigned long long)m->load.serial);
	m->load.history_from = sim_epoch(m->load.serial);
	return true;
}

static bool
parse_one(struct sim_street *street, struct sim_bus *bus, const json_t *entry, const json_t *bus_json,
    const struct sim_options *options, uint64_t seed, unsigned i, uint64_t serial_plus, char *why,
    size_t why_size)
{
	struct sim_meter *m = &bus->meters[bus->n_meters];
	const char *type = json_string_value(json_object_get(entry, "type"));
	int64_t address = 1, step = 1, most;

	m->type = type != NULL ? sim_type_by_name(type) : NULL;
	m->seed = seed;
	if (m->type == NULL) {
		snprintf(why, why_size, "bus %s: unknown meter type \"%s\"", bus->name,
		    type != NULL ? type : "");
		return false;
	}
	if (!sim_known_keys(entry, meter_keys, m->type->keys, why, why_size))
		return false;
	most = m->type->address_most != 0 ? m->type->address_most : UINT8_MAX;
	if (!sim_json_int(entry, "address", 1, most, &address) ||
	    !sim_json_int(entry, "first_address", 1, most, &address) ||
	    !sim_json_int(entry, "address_step", 0, 100, &step) || !name_meter(m, entry, serial_plus) ||
	    !parse_kinds(m, entry) || !parse_line(m, bus, entry, bus_json, options) ||
	    !parse_life(m, street, entry, i)) {
		snprintf(why, why_size, "bus %s: a key of a %s has a wrong value", bus->name, type);
		return false;
	}
	address += (int64_t)i * step;
	m->address = (uint16_t)(address <= most ? address : most);
	if (!m->type->configure(m, m->type, entry, why, why_size))
		return false;
	bus->n_meters++;
	return true;
}

bool
sim_meters_parse(struct sim_street *street, struct sim_bus *bus, const json_t *entry,
    const json_t *bus_json, const struct sim_options *options, uint64_t seed, unsigned nth, char *why,
    size_t why_size)
{
	int64_t count = 1;
	struct sim_meter *grown;

	if (!json_is_object(entry) || !sim_json_int(entry, "count", 1, METERS_PER_BUS, &count) ||
	    bus->n_meters + (size_t)count > METERS_PER_BUS) {
		snprintf(why, why_size, "bus %s: an entry of \"meters\" is wrong or too many",
		    bus->name);
		return false;
	}
	grown = realloc(bus->meters, (bus->n_meters + (size_t)count) * sizeof(*grown));
	if (grown == NULL) {
		snprintf(why, why_size, "out of memory");
		return false;
	}
	bus->meters = grown;
	memset(grown + bus->n_meters, 0, (size_t)count * sizeof(*grown));
	/* The copies of a bus go on with the serial numbers where the one before ended. */
	for (unsigned i = 0; i < (unsigned)count; i++)
		if (!parse_one(street, bus, entry, bus_json, options, seed, i,
			(uint64_t)nth * (uint64_t)count + i, why, why_size))
			return false;
	return true;
}
