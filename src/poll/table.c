/* The poller's picture of the meter table: meters, the buses they hang on, and how both follow
 * the table when it changes. */
#include "src/poll/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum { HUB_DEPTH = 4, KEEP_OPEN_ENDPOINTS = 64 };

/* ---- routes ---- */

/* "10.0.0.5:4001/72": the endpoint and the meter's own address behind it; without the second
 * part the meter is alone there and its own address is not needed. */
static void
split_endpoint(const char *address, char *endpoint, size_t endpoint_size, char *own, size_t own_size)
{
	const char *slash = strchr(address, '/');
	size_t len = slash != NULL ? (size_t)(slash - address) : strlen(address);

	snprintf(endpoint, endpoint_size, "%.*s", (int)len, address);
	snprintf(own, own_size, "%s", slash != NULL ? slash + 1 : "");
}

/* The row whose interface the meter's bytes take: its own, or that of the hubs above it. */
static const struct meter_row *
root_of(const struct meter_table *table, const struct meter_row *row, uint16_t *hubs)
{
	*hubs = 0;
	while (row != NULL && row->iface == IFACE_HUB) {
		if (++*hubs > HUB_DEPTH)
			return NULL;
		row = meter_table_find(table, row->parent);
	}
	return row;
}

static struct poll_bus *
find_bus(struct poll *poll, const char *name)
{
	for (size_t i = 0; i < poll->n_buses; i++)
		if (strcmp(poll->buses[i]->name, name) == 0)
			return poll->buses[i];
	return NULL;
}

int
poll_table_add_bus(struct poll *poll, struct crew *crew, const char *name, bool tcp, const char *target,
    const struct line_options *line, struct poll_bus **out)
{
	struct poll_bus **grown = realloc(poll->buses, (poll->n_buses + 1) * sizeof(*grown));
	struct poll_bus *bus = calloc(1, sizeof(*bus));
	struct bus_options options = { .name = name, .tcp = tcp, .target = target, .line = *line,
		.keep_open = !tcp || poll->n_buses < KEEP_OPEN_ENDPOINTS, .next = poll_next,
		.arg = bus };
	int rc;

	if (grown != NULL)
		poll->buses = grown;
	if (grown == NULL || bus == NULL) {
		free(bus);
		return E_NOMEM;
	}
	bus->poll = poll;
	bus->tcp = tcp;
	bus->job = "";
	snprintf(bus->name, sizeof(bus->name), "%s", name);
	snprintf(bus->endpoint, sizeof(bus->endpoint), "%s", target);
	if ((rc = bus_open(&bus->bus, crew, &options)) < 0) {
		free(bus);
		return rc;
	}
	poll->buses[poll->n_buses++] = bus;
	*out = bus;
	return E_OK;
}

/* Finds or makes the bus of a meter; NULL when this board has no such line. */
static struct poll_bus *
route(struct poll *poll, const struct meter_table *table, struct poll_meter *m)
{
	const struct meter_row *root = root_of(table, &m->row, &m->hubs);
	struct line_options options = { .kind = LINE_RS485, .echo = ECHO_OFF };
	char endpoint[128], own[64];
	struct poll_bus *bus = NULL;

	if (root == NULL || root->iface == IFACE_NONE)
		return NULL;
	snprintf(m->link_address, sizeof(m->link_address), "%s", m->row.address);
	if (root->iface != IFACE_ETHERNET)
		return find_bus(poll, meter_iface_name(root->iface));
	split_endpoint(root->address, endpoint, sizeof(endpoint), own, sizeof(own));
	if (root->id == m->row.id)
		snprintf(m->link_address, sizeof(m->link_address), "%s", own);
	if ((bus = find_bus(poll, endpoint)) != NULL)
		return bus;
	if (strlen(endpoint) >= sizeof(bus->name) ||
	    poll_table_add_bus(poll, poll->tcp_crew, endpoint, true, endpoint, &options, &bus) < 0) {
		log_warn("poll", "meter=%u address=%s: endpoint cannot be used", m->row.id,
		    root->address);
		return NULL;
	}
	return bus;
}

/* ---- meters ---- */

static void
load_series(struct poll *poll, struct poll_meter *m)
{
	for (int s = 0; s < SERIES_COUNT; s++) {
		struct store_ring ring;

		store_ring(poll->store, m->row.dev, poll_series_type[s], 0, &ring);
		m->series[s].newest = ring.count > 0 ? ring.newest : 0;
	}
}

static void
equip(struct poll *poll, const struct meter_table *table, struct poll_meter *m)
{
	m->family = meter_family_of(m->row.type);
	m->bus = route(poll, table, m);
	if (m->family == NULL || m->bus == NULL) {
		m->link = m->family == NULL ? LINK_NO_DRIVER : LINK_BLOCKED;
		return;
	}
	m->settings = m->family->settings;
	if (m->row.line[0] != '\0' && line_settings_parse(&m->settings, m->row.line) < 0)
		log_warn("poll",
		    "meter=%u: line settings \"%s\" are not understood; the type's are used", m->row.id,
		    m->row.line);
	/* 7E1 is made in software on an 8N1 line: one bus, no switching (poller.md 2.2). */
	if (m->family->soft_parity != SOFT_NONE && m->settings.bits == 7) {
		m->settings.bits = 8;
		m->settings.parity = PARITY_NONE;
	}
	/* What was silent before a restart is probed, not waited for. */
	m->link = m->state.link == 2 ? LINK_SILENT : LINK_NEW;
}

static struct poll_meter *
new_meter(struct poll *poll, const struct meter_table *table, const struct meter_row *row)
{
	struct poll_meter *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->row = *row;
	if (store_state_get(poll->store, row->dev, &m->state) < 0)
		log_warn("poll", "meter=%u: its state cannot be read; it is learned anew", row->id);
	equip(poll, table, m);
	load_series(poll, m);
	poll_count_missing(poll, m);
	return m;
}

static struct poll_meter *
take_old(struct poll *poll, uint16_t dev)
{
	for (size_t i = 0; i < poll->n_meters; i++) {
		struct poll_meter *m = poll->meters[i];

		if (m != NULL && m->row.dev == dev) {
			poll->meters[i] = NULL;
			return m;
		}
	}
	return NULL;
}

/* A changed row starts over, but keeps its archive and what its state remembers. */
static void
change_row(struct poll *poll, const struct meter_table *table, struct poll_meter *m,
    const struct meter_row *row)
{
	bool same_device = strcmp(m->row.address, row->address) == 0 && m->row.type == row->type;

	m->row = *row;
	if (!same_device) {
		memset(m->state.memory, 0, sizeof(m->state.memory));
		memset(m->fleeting, 0, sizeof(m->fleeting));
	}
	m->identified_day = 0;
	m->probe_at_us = 0;
	m->backfill_done = false;
	m->backfill_stage = 0;
	equip(poll, table, m);
	poll_count_missing(poll, m);
}

/* Other labels are wanted than before. */
static void
look_anew(struct poll *poll, struct poll_meter *m)
{
	memset(m->series, 0, sizeof(m->series));
	load_series(poll, m);
	m->backfill_done = false;
	m->backfill_stage = 0;
	poll_count_missing(poll, m);
}

/* A meter that left the table; runs that still wanted it do not wait for it. */
static void
drop_meter(struct poll *poll, struct poll_meter *m)
{
	if (m == NULL)
		return;
	for (int i = 0; i < MAX_RUNS; i++) {
		struct poll_run *run = &poll->runs[i];
		uint8_t bit = (uint8_t)(1 << m->row.dev % 8);

		if (run->number == 0 || !(run->pending[m->row.dev / 8] & bit))
			continue;
		run->pending[m->row.dev / 8] &= (uint8_t)~bit;
		run->progress.done++;
		run->progress.failed++;
		run->progress.finished = run->progress.done >= run->progress.total;
	}
	free(m);
}

static bool
busy(const struct poll *poll)
{
	for (size_t i = 0; i < poll->n_meters; i++)
		if (poll->meters[i] != NULL && poll->meters[i]->visiting)
			return true;
	return false;
}

static int
attach(struct poll *poll)
{
	for (size_t i = 0; i < poll->n_buses; i++)
		poll->buses[i]->n_meters = 0;
	for (size_t i = 0; i < poll->n_meters; i++) {
		struct poll_bus *bus = poll->meters[i]->bus;
		struct poll_meter **grown;

		if (bus == NULL)
			continue;
		if ((bus->n_meters & (bus->n_meters + 1)) == 0 || bus->meters == NULL) {
			grown = realloc(bus->meters, (2 * bus->n_meters + 2) * sizeof(*grown));
			if (grown == NULL)
				return E_NOMEM;
			bus->meters = grown;
		}
		bus->meters[bus->n_meters++] = poll->meters[i];
	}
	for (size_t i = 0; i < poll->n_buses; i++)
		if (poll->buses[i]->n_meters > bus_station_limit(poll->buses[i]->bus))
			log_warn("poll", "bus=%s: %zu meters, more than the %u stations it carries",
			    poll->buses[i]->name, poll->buses[i]->n_meters,
			    bus_station_limit(poll->buses[i]->bus));
	return E_OK;
}

/* Endpoints without meters go; the caller closes them without the lock. */
static struct poll_bus *
take_unused(struct poll *poll)
{
	for (size_t i = 0; i < poll->n_buses; i++) {
		struct poll_bus *bus = poll->buses[i];

		if (!bus->tcp || bus->n_meters > 0)
			continue;
		poll->buses[i] = poll->buses[--poll->n_buses];
		return bus;
	}
	return NULL;
}

int
poll_table_load(struct poll *poll)
{
	const struct meter_table *table = store_meters(poll->store);
	struct poll_meter **meters = calloc(table->n + 1, sizeof(*meters));
	struct poll_bus *unused;
	size_t n = 0;
	int rc = meters == NULL ? E_NOMEM : E_OK;

	pthread_mutex_lock(&poll->lock);
	/* Visits own their meters: running ones end at their next exchange, no new ones start. */
	poll->paused = true;
	for (size_t i = 0; i < poll->n_buses; i++)
		bus_interrupt(poll->buses[i]->bus);
	while (busy(poll))
		poll_wait(poll);
	for (size_t i = 0; rc == E_OK && i < table->n; i++) {
		const struct meter_row *row = &table->rows[i];
		struct poll_meter *m = take_old(poll, row->dev);

		if (m == NULL)
			m = new_meter(poll, table, row);
		else if (memcmp(&m->row, row, sizeof(*row)) != 0)
			change_row(poll, table, m, row);
		if (m != NULL && poll->reach_moved)
			look_anew(poll, m);
		if (m != NULL)
			meters[n++] = m;
	}
	if (rc == E_OK) {
		for (size_t i = 0; i < poll->n_meters; i++)
			drop_meter(poll, poll->meters[i]);
		free(poll->meters);
		poll->meters = meters;
		poll->n_meters = n;
		poll->reach_moved = false;
		rc = attach(poll);
		ask_table_changed(poll);
	}
	while ((unused = take_unused(poll)) != NULL) {
		pthread_mutex_unlock(&poll->lock);
		bus_close(unused->bus);
		free(unused->meters);
		free(unused);
		pthread_mutex_lock(&poll->lock);
	}
	poll->paused = false;
	for (size_t i = 0; i < poll->n_buses; i++)
		bus_poke(poll->buses[i]->bus);
	pthread_mutex_unlock(&poll->lock);
	meter_table_release(table);
	return rc;
}
