#include "src/bus/bus_private.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum { STACK_SIZE = 256 * 1024 };

/* ---- visits ---- */

static void
set_best_urgent(struct bus *bus)
{
	enum bus_class head = bus->urgent != NULL ? bus->urgent->class : BUS_CLASSES;

	atomic_store(&bus->best_urgent, (int)(bus->wanted < head ? bus->wanted : head));
}

static bool
has_urgent(const struct bus *bus)
{
	return bus->urgent != NULL || bus->wanted < BUS_CLASSES;
}

static struct visit *
take_urgent(struct bus *bus)
{
	struct visit *visit = bus->urgent;

	if (visit != NULL)
		bus->urgent = visit->next;
	set_best_urgent(bus);
	return visit;
}

/* The source's urgent work goes before a submitted visit of the same class: that may be a long one
 * made of many. */
static struct visit *
take_next(struct bus *bus)
{
	if (bus->urgent != NULL && bus->urgent->class < bus->wanted)
		return take_urgent(bus);
	bus->wanted = BUS_CLASSES;
	set_best_urgent(bus);
	return NULL;
}

/* Called with crew->lock held and the bus marked running; returns with it held. */
static void
serve(struct bus *bus, struct meter_session *session)
{
	struct crew *crew = bus->crew;
	struct visit *visit = take_next(bus);
	int64_t again_us = INT64_MAX;
	int rc;

	bus->poked = false;
	atomic_store(&bus->interrupted, false);
	bus->held = false;
	bus->until_us = 0;
	if (visit != NULL)
		atomic_store(&bus->running_class, visit->class);
	pthread_mutex_unlock(&crew->lock);

	if (visit == NULL && (visit = bus->options.next(bus->options.arg, bus, &again_us)) != NULL)
		atomic_store(&bus->running_class, visit->class);
	if (visit != NULL) {
		rc = bus_line_ready(bus);
		if (rc == E_OK)
			rc = visit->run(visit, bus->line, session);
		atomic_store(&bus->has_device, rc != E_LOST);
		visit->done(visit, rc);
		again_us = 0;
		if (!bus->options.keep_open || bus->renew)
			bus_line_drop(bus);
		bus->renew = false;
	}

	pthread_mutex_lock(&crew->lock);
	atomic_store(&bus->running_class, BUS_CLASSES);
	bus->ask_us = bus->poked ? 0 : again_us;
}

/* The bus to serve next: one with urgent work, else the longest due; rotates the list so that
 * buses of one crew take turns.  *wait_us: when the first becomes due. */
static struct bus *
due_bus(struct crew *crew, int64_t *wait_us)
{
	struct bus *best = NULL, **link, **best_link = NULL;
	int64_t now = clock_mono_us();

	*wait_us = INT64_MAX;
	for (link = &crew->buses; *link != NULL; link = &(*link)->next) {
		struct bus *bus = *link;
		int64_t due = has_urgent(bus) ? 0 : bus->ask_us;

		if (bus->running || bus->closing)
			continue;
		if (due < *wait_us)
			*wait_us = due;
		if (due <= now && (best == NULL || (has_urgent(bus) && !has_urgent(best)))) {
			best = bus;
			best_link = link;
		}
	}
	if (best != NULL && best->next != NULL) {
		*best_link = best->next;
		while (*best_link != NULL)
			best_link = &(*best_link)->next;
		*best_link = best;
		best->next = NULL;
	}
	return best;
}

static void
wait_until(struct crew *crew, int64_t mono_us)
{
	struct timespec ts;

	if (mono_us == INT64_MAX) {
		pthread_cond_wait(&crew->changed, &crew->lock);
		return;
	}
	ts.tv_sec = (time_t)(mono_us / 1000000);
	ts.tv_nsec = (long)(mono_us % 1000000) * 1000;
	pthread_cond_timedwait(&crew->changed, &crew->lock, &ts);
}

static void *
crew_thread(void *arg)
{
	struct crew *crew = arg;
	struct meter_session *session = calloc(1, sizeof(*session));
	int64_t wait_us;

	if (session == NULL) {
		log_error("bus", "crew=%s: no memory for a session; its buses stand still", crew->name);
		return NULL;
	}
	pthread_mutex_lock(&crew->lock);
	while (!atomic_load(&crew->stopping)) {
		struct bus *bus = due_bus(crew, &wait_us);

		if (bus == NULL) {
			wait_until(crew, wait_us);
			continue;
		}
		bus->running = true;
		serve(bus, session);
		bus->running = false;
		pthread_cond_broadcast(&crew->changed);
	}
	pthread_mutex_unlock(&crew->lock);
	free(session);
	return NULL;
}

/* ---- opening and closing ---- */

int
crew_open(struct crew **out, const char *name, unsigned threads)
{
	struct crew *crew = calloc(1, sizeof(*crew));
	pthread_condattr_t monotonic;
	pthread_attr_t attr;
	int rc = E_OK;

	*out = NULL;
	if (crew == NULL)
		return E_NOMEM;
	snprintf(crew->name, sizeof(crew->name), "%s", name);
	pthread_mutex_init(&crew->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&crew->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (; crew->n_threads < threads && crew->n_threads < MAX_THREADS && rc == E_OK;) {
		pthread_t *thread = &crew->threads[crew->n_threads];

		if (pthread_create(thread, &attr, crew_thread, crew) != 0)
			rc = E_NOMEM;
		else
			pthread_setname_np(crew->threads[crew->n_threads++], crew->name);
	}
	pthread_attr_destroy(&attr);
	if (rc < 0)
		crew_close(crew);
	else
		*out = crew;
	return rc;
}

static void
free_bus(struct bus *bus)
{
	struct visit *visit;

	while ((visit = take_urgent(bus)) != NULL)
		visit->done(visit, E_STOPPED);
	line_close(bus->line);
	free(bus);
}

void
crew_close(struct crew *crew)
{
	struct bus *bus;

	if (crew == NULL)
		return;
	pthread_mutex_lock(&crew->lock);
	atomic_store(&crew->stopping, true);
	for (bus = crew->buses; bus != NULL; bus = bus->next)
		if (bus->line != NULL)
			line_wake(bus->line);
	pthread_cond_broadcast(&crew->changed);
	pthread_mutex_unlock(&crew->lock);
	for (unsigned i = 0; i < crew->n_threads; i++)
		pthread_join(crew->threads[i], NULL);
	while ((bus = crew->buses) != NULL) {
		crew->buses = bus->next;
		free_bus(bus);
	}
	pthread_cond_destroy(&crew->changed);
	pthread_mutex_destroy(&crew->lock);
	free(crew);
}

int
bus_open(struct bus **out, struct crew *crew, const struct bus_options *options)
{
	struct bus *bus = calloc(1, sizeof(*bus));

	*out = NULL;
	if (bus == NULL)
		return E_NOMEM;
	bus->crew = crew;
	bus->options = *options;
	snprintf(bus->name, sizeof(bus->name), "%s", options->name);
	snprintf(bus->target, sizeof(bus->target), "%s", options->target);
	bus->options.name = bus->options.line.name = bus->name;
	bus->options.target = bus->target;
	bus->wanted = BUS_CLASSES;
	atomic_store(&bus->best_urgent, BUS_CLASSES);
	atomic_store(&bus->running_class, BUS_CLASSES);
	atomic_store(&bus->has_device, true);
	pthread_mutex_lock(&crew->lock);
	bus->next = crew->buses;
	crew->buses = bus;
	pthread_cond_broadcast(&crew->changed);
	pthread_mutex_unlock(&crew->lock);
	*out = bus;
	return E_OK;
}

void
bus_close(struct bus *bus)
{
	struct crew *crew = bus->crew;
	struct bus **link;

	pthread_mutex_lock(&crew->lock);
	bus->closing = true;
	if (bus->line != NULL)
		line_wake(bus->line);
	while (bus->running)
		pthread_cond_wait(&crew->changed, &crew->lock);
	for (link = &crew->buses; *link != bus; link = &(*link)->next)
		;
	*link = bus->next;
	pthread_mutex_unlock(&crew->lock);
	free_bus(bus);
}

int
bus_submit(struct bus *bus, struct visit *visit)
{
	struct crew *crew = bus->crew;
	struct visit **link = &bus->urgent;
	int rc = E_OK;

	pthread_mutex_lock(&crew->lock);
	if (atomic_load(&crew->stopping) || bus->closing) {
		rc = E_STOPPED;
	} else {
		while (*link != NULL && (*link)->class <= visit->class)
			link = &(*link)->next;
		visit->next = *link;
		*link = visit;
		set_best_urgent(bus);
		pthread_cond_broadcast(&crew->changed);
	}
	pthread_mutex_unlock(&crew->lock);
	return rc;
}

void
bus_interrupt(struct bus *bus)
{
	atomic_store(&bus->interrupted, true);
}

void
bus_want(struct bus *bus, enum bus_class class)
{
	pthread_mutex_lock(&bus->crew->lock);
	if (class < bus->wanted)
		bus->wanted = class;
	set_best_urgent(bus);
	pthread_cond_broadcast(&bus->crew->changed);
	pthread_mutex_unlock(&bus->crew->lock);
}

void
bus_hold(struct bus *bus, bool hold)
{
	bus->held = hold;
}

void
bus_until(struct bus *bus, int64_t mono_us)
{
	bus->until_us = mono_us;
}

void
bus_abandon(struct bus *bus)
{
	pthread_mutex_lock(&bus->crew->lock);
	if (bus->line != NULL)
		line_wake(bus->line);
	pthread_mutex_unlock(&bus->crew->lock);
}

void
bus_poke(struct bus *bus)
{
	pthread_mutex_lock(&bus->crew->lock);
	bus->poked = true;
	bus->ask_us = 0;
	pthread_cond_broadcast(&bus->crew->changed);
	pthread_mutex_unlock(&bus->crew->lock);
}

void
bus_renew_line(struct bus *bus)
{
	bus->renew = true;
}

const char *
bus_name(const struct bus *bus)
{
	return bus->name;
}
