/* Lending a bus to somebody else (class 0, transit.md 3): it is taken at the end of the running
 * exchange, or the exchange is abandoned when that lasts too long. */
#include "src/poll/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/poll/poll_private.h"

enum { QUIET_MS = 200, QUIET_MOST_MS = 2000 };	/* the line after an abandoned exchange */

struct lease_visit {
	struct visit visit;
	struct poll_bus *bus;
	struct lease *lease;
	int64_t abandon_us;		/* monotonic */
	bool is_abandoned;		/* the exchange before it was */
};

static int
lease_run(struct visit *visit, struct line *line, struct meter_session *session)
{
	struct lease_visit *v = (struct lease_visit *)(void *)visit;
	struct poll *poll = v->bus->poll;

	(void)session;
	pthread_mutex_lock(&poll->lock);
	if (v->bus->taking == v)
		v->bus->taking = NULL;
	pthread_mutex_unlock(&poll->lock);
	if (v->is_abandoned)
		bus_settle(v->bus->bus, line, QUIET_MS, QUIET_MOST_MS);
	return v->lease->run(v->lease, line);
}

static void
lease_done(struct visit *visit, int rc)
{
	struct lease_visit *v = (struct lease_visit *)(void *)visit;
	struct poll_bus *bus = v->bus;
	struct poll *poll = bus->poll;

	pthread_mutex_lock(&poll->lock);
	if (bus->taking == v)
		bus->taking = NULL;
	bus->leases--;
	if (bus->leases == 0) {
		bus->holder[0] = '\0';
		bus->holder_since = 0;
	}
	pthread_mutex_unlock(&poll->lock);
	v->lease->ended(v->lease, rc);
	free(v);
}

/* The serial bus of that number, or NULL. */
struct poll_bus *
poll_serial_bus(struct poll *poll, unsigned number)
{
	return number >= 1 && number <= SERIAL_BUSES ? poll->serial[number - 1] : NULL;
}

int
poll_lease(struct poll *poll, unsigned number, struct lease *lease, uint32_t take_ms)
{
	struct poll_bus *bus = poll_serial_bus(poll, number);
	struct lease_visit *v;
	int rc;

	if (bus == NULL)
		return E_NOTFOUND;
	if ((v = calloc(1, sizeof(*v))) == NULL)
		return E_NOMEM;
	v->visit = (struct visit){ .class = BUS_TRANSIT_CLASS, .run = lease_run, .done = lease_done };
	v->bus = bus;
	v->lease = lease;
	v->abandon_us = clock_mono_us() + (int64_t)take_ms * 1000;
	pthread_mutex_lock(&poll->lock);
	rc = poll->stopping ? E_STOPPED : bus_submit(bus->bus, &v->visit);
	if (rc == E_OK) {
		/* Those after the first wait for a tenant, not for an exchange. */
		if (bus->leases++ == 0)
			bus->taking = v;
		ask_refuse_bus(poll, bus, E_BUSY);
		pthread_cond_broadcast(&poll->changed);
	}
	pthread_mutex_unlock(&poll->lock);
	if (rc < 0)
		free(v);
	return rc;
}

int64_t
lease_expire(struct poll *poll, int64_t now_us)
{
	int64_t next_us = INT64_MAX;

	for (int i = 0; i < SERIAL_BUSES; i++) {
		struct poll_bus *bus = poll->serial[i];
		struct lease_visit *v = bus != NULL ? bus->taking : NULL;

		if (v == NULL)
			continue;
		if (v->abandon_us > now_us) {
			if (v->abandon_us < next_us)
				next_us = v->abandon_us;
			continue;
		}
		log_warn("poll", "bus=%s meter=%u: exchange abandoned, the bus is wanted", bus->name,
		    bus->meter);
		v->is_abandoned = true;
		bus->taking = NULL;
		bus_abandon(bus->bus);
	}
	return next_us;
}

void
poll_lease_holder(struct poll *poll, unsigned number, const char *client, int64_t since)
{
	struct poll_bus *bus = poll_serial_bus(poll, number);

	if (bus == NULL)
		return;
	pthread_mutex_lock(&poll->lock);
	snprintf(bus->holder, sizeof(bus->holder), "%s", client);
	bus->holder_since = since;
	pthread_mutex_unlock(&poll->lock);
}
