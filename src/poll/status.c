/* What the poller tells others, and the runs others start. */
#include <stdio.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/poll/poll_private.h"

const char *
bus_state_name(enum bus_state state)
{
	static const char *const names[] = { "idle", "poll", "transit", "no device", "scan" };

	return names[state];
}

const char *
link_state_name(enum link_state state)
{
	static const char *const names[] = { "new", "ok", "doubt", "silent", "password", "hold",
		"blocked", "no driver" };

	return names[state];
}

static void
describe_bus(struct poll *poll, const struct poll_bus *bus, struct poll_bus_status *out)
{
	int64_t now = clock_utc();

	*out = (struct poll_bus_status){ .state = bus->state, .meters = (uint32_t)bus->n_meters,
		.meter = bus->meter };
	if (bus->leases > 0)
		out->state = BUS_TRANSIT;
	else if (bus->scans > 0)
		out->state = BUS_SCAN;
	snprintf(out->name, sizeof(out->name), "%s", bus->name);
	snprintf(out->holder, sizeof(out->holder), "%s", bus->holder);
	out->holder_since = bus->holder_since;
	snprintf(out->job, sizeof(out->job), "%s", bus->job);
	for (size_t i = 0; i < bus->n_meters; i++) {
		const struct poll_meter *m = bus->meters[i];

		out->silent += m->link == LINK_SILENT;
		out->waiting += m->family != NULL && poll_meter_due(poll, m, now) != 0;
	}
	bus_counters(bus->bus, &out->line);
	out->worked_us = bus->worked_us;
	out->ideal_us = out->line.wire_us + out->line.wait_us + out->line.gap_us;
}

size_t
poll_buses(struct poll *poll, struct poll_bus_status *out, size_t max)
{
	size_t n;

	pthread_mutex_lock(&poll->lock);
	n = poll->n_buses < max ? poll->n_buses : max;
	for (size_t i = 0; i < n; i++)
		describe_bus(poll, poll->buses[i], &out[i]);
	pthread_mutex_unlock(&poll->lock);
	return n;
}

struct poll_meter *
poll_find_meter(struct poll *poll, uint32_t id)
{
	size_t low = 0, high = poll->n_meters; /* sorted by id, as the table */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (poll->meters[middle]->row.id == id)
			return poll->meters[middle];
		if (poll->meters[middle]->row.id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int
poll_meter(struct poll *poll, uint32_t meter_id, struct poll_meter_status *out)
{
	struct poll_meter *m;

	pthread_mutex_lock(&poll->lock);
	m = poll_find_meter(poll, meter_id);
	if (m != NULL) {
		*out = (struct poll_meter_status){ .link = m->link, .last_answer = m->state.last_answer,
			.last_try = m->last_try, .diff_s = m->diff_s, .diff_known = m->diff_known,
			.last_error = m->last_error, .answers = m->answers, .failures = m->failures,
			.missing = m->missing, .wanted = m->wanted };
		memcpy(out->serial, m->state.config.serial, sizeof(out->serial));
	}
	pthread_mutex_unlock(&poll->lock);
	return m != NULL ? E_OK : E_NOTFOUND;
}

void
poll_totals(struct poll *poll, struct poll_totals *out)
{
	*out = (struct poll_totals){ 0 };
	pthread_mutex_lock(&poll->lock);
	out->meters = (uint32_t)poll->n_meters;
	out->records = poll->records;
	for (size_t i = 0; i < poll->n_meters; i++) {
		struct poll_meter *m = poll->meters[i];

		/* Records of the last visit may have reached the disk only since. */
		if ((m->missing > 0 || clock_utc() >= m->count_again) && !m->visiting)
			poll_count_missing(poll, m);
		if (m->link == LINK_NO_DRIVER || m->link == LINK_BLOCKED)
			out->no_driver++;
		else if (m->link == LINK_SILENT)
			out->silent++;
		else if (m->state.config.serial[0] == '\0')
			out->untried++;
		else
			out->answering++;
		if (m->state.config.serial[0] != '\0' && m->family != NULL) {
			out->wanted += m->wanted;
			out->missing += m->missing;
		}
	}
	pthread_mutex_unlock(&poll->lock);
}

/* ---- runs ---- */

/* A free place, else that of the oldest finished run. */
static struct poll_run *
run_place(struct poll *poll)
{
	struct poll_run *place = NULL;

	for (int i = 0; i < MAX_RUNS; i++) {
		struct poll_run *run = &poll->runs[i];

		if (run->number == 0)
			return run;
		if (run->progress.finished && (place == NULL || run->number < place->number))
			place = run;
	}
	return place;
}

static void
enlist(struct poll_run *run, struct poll_meter *m)
{
	if (run->pending[m->row.dev / 8] >> m->row.dev % 8 & 1)
		return; /* named twice */
	run->progress.total++;
	if (m->family == NULL || m->bus == NULL) {
		run->progress.done++;
		run->progress.failed++;
		return;
	}
	m->probe_at_us = 0; /* a person's request is not held back by pauses (poller.md 5.3) */
	run->pending[m->row.dev / 8] |= (uint8_t)(1 << m->row.dev % 8);
}

int
poll_start(struct poll *poll, const struct poll_order *order, uint64_t *number)
{
	struct poll_run *run;
	int rc = E_OK;

	pthread_mutex_lock(&poll->lock);
	for (size_t i = 0; i < order->n_meters; i++)
		if (poll_find_meter(poll, order->meters[i]) == NULL)
			rc = E_NOTFOUND;
	run = run_place(poll);
	if (rc == E_OK && run == NULL)
		rc = E_BUSY;
	if (rc == E_OK) {
		memset(run, 0, sizeof(*run));
		run->number = run->progress.run = poll->next_run++;
		run->order = *order;
		run->order.meters = NULL;
		for (size_t i = 0; i < order->n_meters; i++)
			enlist(run, poll_find_meter(poll, order->meters[i]));
		for (size_t i = 0; order->n_meters == 0 && i < poll->n_meters; i++)
			enlist(run, poll->meters[i]);
		run->progress.finished = run->progress.done >= run->progress.total;
		*number = run->number;
		for (size_t i = 0; i < poll->n_buses; i++)
			bus_poke(poll->buses[i]->bus);
	}
	pthread_mutex_unlock(&poll->lock);
	return rc;
}

int
poll_progress(struct poll *poll, uint64_t number, struct poll_progress *out)
{
	int rc = E_NOTFOUND;

	pthread_mutex_lock(&poll->lock);
	for (int i = 0; i < MAX_RUNS; i++)
		if (number != 0 && poll->runs[i].number == number) {
			*out = poll->runs[i].progress;
			rc = E_OK;
		}
	pthread_mutex_unlock(&poll->lock);
	return rc;
}
