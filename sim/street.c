#include "sim/street.h"

#include <stdlib.h>
#include <string.h>

static const char *const street_keys[] = { "buses", "tz_min", "seed", "base", "history_days", "comment",
	NULL };
static const char *const bus_keys[] = {
	"name",
	"count",
	"iface",
	"pty",
	"tcp",
	"tty",
	"speed",
	"bits",
	"paced",
	"latency_ms",
	"jitter_ms",
	"echo",
	"noise",
	"faults",
	"follow_host",
	"vanish_s",
	"meters",
	"comment",
	NULL,
};

static bool
in_list(const char *const *list, const char *key)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(*list, key) == 0)
			return true;
	return false;
}

bool
sim_known_keys(const json_t *object, const char *const *keys, const char *const *more, char *why,
    size_t why_size)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object)) {
		snprintf(why, why_size, "an object is expected");
		return false;
	}
	json_object_foreach((json_t *)object, key, value) {
		if (!in_list(keys, key) && !in_list(more, key)) {
			snprintf(why, why_size, "unknown key \"%s\"", key);
			return false;
		}
	}
	return true;
}

bool
sim_parse_time(const json_t *value, int64_t base_t, int64_t *t)
{
	struct civil c;
	int used = 0;

	if (json_is_integer(value)) {
		*t = base_t + json_integer_value(value);
		return true;
	}
	if (!json_is_string(value) ||
	    sscanf(json_string_value(value), "%4d-%2d-%2dT%2d:%2d:%2d%n", &c.year, &c.month, &c.day,
		&c.hour, &c.minute, &c.second, &used) != 6 ||
	    json_string_value(value)[used] != '\0' || !civil_valid(&c))
		return false;
	*t = civil_days(c.year, c.month, c.day) * SIM_DAY_S + c.hour * 3600 + c.minute * 60 + c.second;
	return true;
}

static bool
parse_port(struct sim_bus *bus, const json_t *object, unsigned nth)
{
	const char *tcp = json_string_value(json_object_get(object, "tcp"));
	const char *tty = json_string_value(json_object_get(object, "tty"));
	unsigned port = 0;

	if (tty != NULL) {
		bus->port = SIM_PORT_TTY;
		return snprintf(bus->path, sizeof(bus->path), "%s", tty) < (int)sizeof(bus->path);
	}
	if (tcp == NULL)
		return true;
	bus->port = SIM_PORT_TCP;
	if (sscanf(tcp, "%47[^:]:%5u", bus->host, &port) != 2 || port > 65535)
		return false;
	bus->tcp_port = (uint16_t)(port == 0 ? 0 : port + nth);
	return true;
}

static bool
parse_bus_numbers(struct sim_bus *bus, const json_t *object, const struct sim_options *options)
{
	int64_t speed = 9600, bits = 10, from = 0, to = 0;
	json_t *vanish = json_object_get(object, "vanish_s");

	bus->paced = true;
	if (!sim_json_int(object, "speed", 50, 4000000, &speed) ||
	    !sim_json_int(object, "bits", 9, 12, &bits) ||
	    !sim_json_bool(object, "paced", &bus->paced) ||
	    !sim_json_bool(object, "echo", &bus->echo) ||
	    !sim_json_bool(object, "follow_host", &bus->follow_host))
		return false;
	if (vanish != NULL) {
		from = json_integer_value(json_array_get(vanish, 0));
		to = json_integer_value(json_array_get(vanish, 1));
		if (from < 0 || to <= from || bus->port != SIM_PORT_PTY)
			return false;
	}
	/* A real port keeps the pace by itself. */
	if (options->unpaced || bus->port == SIM_PORT_TTY)
		bus->paced = false;
	bus->speed = (uint32_t)speed;
	bus->bits = (uint8_t)bits;
	bus->gone_from_us = from * 1000000;
	bus->gone_to_us = to * 1000000;
	sim_bus_set_pace(bus);
	return true;
}

static bool
parse_bus(struct sim_street *street, const json_t *object, const struct sim_options *options,
    uint64_t seed, unsigned nth, char *why, size_t why_size)
{
	struct sim_bus *bus = &street->buses[street->n_buses++];
	const char *name = json_string_value(json_object_get(object, "name"));
	const char *iface = json_string_value(json_object_get(object, "iface"));
	json_t *entry;
	size_t i;

	bus->fd = bus->slave_fd = bus->listen_fd = -1;
	bus->due_ns = SIM_NEVER;
	bus->line = (struct sim_watch){ SIM_WATCH_LINE, bus };
	bus->listener = (struct sim_watch){ SIM_WATCH_LISTEN, bus };
	if (name == NULL || strlen(name) > 31 || strchr(name, '/') != NULL) {
		snprintf(why, why_size, "a bus needs a \"name\" of at most 31 characters without /");
		return false;
	}
	if (json_object_get(object, "count") != NULL)
		snprintf(bus->name, sizeof(bus->name), "%.31s%u", name, nth + 1);
	else
		snprintf(bus->name, sizeof(bus->name), "%.31s", name);
	if (!parse_port(bus, object, nth) || !parse_bus_numbers(bus, object, options)) {
		snprintf(why, why_size, "bus %s: a key has a wrong value", bus->name);
		return false;
	}
	snprintf(bus->iface, sizeof(bus->iface), "%.15s",
	    iface != NULL		  ? iface :
		bus->port == SIM_PORT_TCP ? "Ethernet" :
					    bus->name);
	json_array_foreach(json_object_get(object, "meters"), i, entry)
		if (!sim_meters_parse(street, bus, entry, object, options, seed, nth, why, why_size))
			return false;
	return true;
}

static bool
parse_buses(struct sim_street *street, const json_t *root, const struct sim_options *options,
    char *why, size_t why_size)
{
	json_t *object, *buses = json_object_get(root, "buses");
	int64_t seed = 1, count;
	size_t i, total = 0;

	if (!sim_json_int(root, "seed", 0, INT64_MAX, &seed)) {
		snprintf(why, why_size, "seed is not a number");
		return false;
	}
	json_array_foreach(buses, i, object) {
		count = 1;
		if (!sim_known_keys(object, bus_keys, NULL, why, why_size))
			return false;
		if (!sim_json_int(object, "count", 1, 2000, &count)) {
			snprintf(why, why_size, "count of a bus is not 1..2000");
			return false;
		}
		total += (size_t)count;
	}
	if (total == 0 || total > 4000 ||
	    (street->buses = calloc(total, sizeof(*street->buses))) == NULL) {
		snprintf(why, why_size, "a street needs 1..4000 buses");
		return false;
	}
	json_array_foreach(buses, i, object) {
		count = 1;
		(void)sim_json_int(object, "count", 1, 2000, &count);
		for (unsigned nth = 0; nth < (unsigned)count; nth++)
			if (!parse_bus(street, object, options,
				options->seed_given ? options->seed : (uint64_t)seed, nth, why,
				why_size))
				return false;
	}
	return true;
}

/* Archives of every meter begin so many days before the start, at midnight. */
static void
shorten_history(struct sim_street *street, int64_t days)
{
	int64_t now_t = street->start_us / 1000000 + street->tz_s;
	int64_t from = (sim_day(now_t) - days) * SIM_DAY_S;

	for (size_t b = 0; b < street->n_buses; b++)
		for (size_t i = 0; i < street->buses[b].n_meters; i++)
			if (street->buses[b].meters[i].load.history_from < from)
				street->buses[b].meters[i].load.history_from = from;
}

struct sim_street *
sim_street_parse(const json_t *root, const struct sim_options *options, int64_t now_us, char *why,
    size_t why_size)
{
	struct sim_street *street = calloc(1, sizeof(*street));
	int64_t tz_min = 180, history_days = 0;

	if (street == NULL || !sim_known_keys(root, street_keys, NULL, why, why_size))
		goto failed;
	if (!sim_json_int(root, "tz_min", -720, 840, &tz_min) ||
	    !sim_json_int(root, "history_days", 0, 36500, &history_days)) {
		snprintf(why, why_size, "tz_min or history_days has a wrong value");
		goto failed;
	}
	street->tz_s = tz_min * 60;
	street->start_us = now_us;
	street->base_t = now_us / 1000000 + street->tz_s;
	if (json_object_get(root, "base") != NULL &&
	    !sim_parse_time(json_object_get(root, "base"), street->base_t, &street->base_t)) {
		snprintf(why, why_size, "base is no time of the form 2024-05-01T00:00:00");
		goto failed;
	}
	if (!parse_buses(street, root, options, why, why_size))
		goto failed;
	if (options->quick_history || history_days > 0)
		shorten_history(street, options->quick_history ? 2 : history_days);
	return street;
failed:
	sim_street_free(street);
	return NULL;
}

struct sim_street *
sim_street_load(const char *path, const struct sim_options *options, int64_t now_us, char *why,
    size_t why_size)
{
	json_error_t error;
	json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	struct sim_street *street;

	if (root == NULL) {
		snprintf(why, why_size, "%s:%d: %s", path, error.line, error.text);
		return NULL;
	}
	street = sim_street_parse(root, options, now_us, why, why_size);
	json_decref(root);
	return street;
}

void
sim_street_free(struct sim_street *street)
{
	if (street == NULL)
		return;
	for (size_t i = 0; i < street->n_buses; i++) {
		for (size_t k = 0; k < street->buses[i].n_meters; k++)
			if (street->buses[i].meters[k].type->release != NULL)
				street->buses[i].meters[k].type->release(&street->buses[i].meters[k]);
		free(street->buses[i].meters);
	}
	free(street->buses);
	free(street);
}
