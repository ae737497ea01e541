#include "src/bus/bus.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum { STACK_SIZE = 256 * 1024, MAX_THREADS = 64 };

struct bus {
	struct crew *crew;
	struct bus *next;
	struct bus_options options;
	char name[32], target[128];
	struct line *line;		/* the running thread's; swapped under crew->lock */
	struct visit *urgent;		/* by class, then first come; under crew->lock */
	bool running;			/* under crew->lock */
	_Atomic bool closing, interrupted;
	int64_t ask_us;			/* when the source is asked next; under crew->lock */
	bool poked;			/* under crew->lock */
	bool renew, held;		/* the running thread's */
	int64_t until_us;		/* the running thread's; 0 none */
	enum bus_class wanted;		/* of the source, BUS_CLASSES when none; under crew->lock */
	_Atomic int best_urgent;	/* best class of `urgent` and `wanted`, BUS_CLASSES when none */
	_Atomic int running_class;
	_Atomic bool has_device;
	struct line_counters closed;	/* of lines closed already; under crew->lock */
	line_tap *tap;
	void *tap_arg;
};

struct crew {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct bus *buses;
	_Atomic bool stopping;
	unsigned n_threads;
	pthread_t threads[MAX_THREADS];
	char name[16];
};

/* ---- the exchange boundary ---- */

static int
gate(void *arg)
{
	struct bus *bus = arg;
	int urgent = atomic_load(&bus->best_urgent), running = atomic_load(&bus->running_class);

	if (atomic_load(&bus->crew->stopping) || atomic_load(&bus->closing))
		return E_STOPPED;
	if (bus->held)
		return E_OK;
	if (atomic_load(&bus->interrupted) || (bus->until_us != 0 && clock_mono_us() >= bus->until_us))
		return E_PREEMPTED;
	if (urgent == BUS_TRANSIT_CLASS && running > BUS_TRANSIT_CLASS)
		return E_PREEMPTED;
	/* Work somebody waits for does not interrupt other work somebody waits for. */
	if (urgent <= BUS_MONITOR_CLASS && running >= BUS_FRESH_CLASS)
		return E_PREEMPTED;
	return E_OK;
}

static int
ready_line(struct bus *bus)
{
	struct line *line;
	int rc;

	if (bus->line != NULL)
		return E_OK;
	rc = bus->options.tcp ? line_open_tcp(&line, bus->target, &bus->options.line) :
				line_open_serial(&line, bus->target, &bus->options.line);
	if (rc < 0)
		return rc;
	line_gate_set(line, gate, bus);
	pthread_mutex_lock(&bus->crew->lock);
	if (bus->tap != NULL)
		line_tap_set(line, bus->tap, bus->tap_arg);
	bus->line = line;
	if (atomic_load(&bus->crew->stopping) || atomic_load(&bus->closing))
		line_wake(line); /* those who stop it did not see this line */
	pthread_mutex_unlock(&bus->crew->lock);
	return E_OK;
}

static void
add_counters(struct line_counters *sum, const struct line_counters *c)
{
	sum->exchanges += c->exchanges;
	sum->answers += c->answers;
	sum->timeouts += c->timeouts;
	sum->damaged += c->damaged;
	sum->foreign += c->foreign;
	sum->stray_bytes += c->stray_bytes;
	sum->echoes += c->echoes;
	sum->reopens += c->reopens;
	sum->parity_errors += c->parity_errors;
	sum->tx_bytes += c->tx_bytes;
	sum->rx_bytes += c->rx_bytes;
	sum->wire_us += c->wire_us;
	sum->wait_us += c->wait_us;
	sum->gap_us += c->gap_us;
	sum->lost_us += c->lost_us;
	sum->busy_us += c->busy_us;
}

static void
drop_line(struct bus *bus)
{
	struct line_counters counters;
	struct line *line;

	pthread_mutex_lock(&bus->crew->lock);
	line = bus->line;
	bus->line = NULL;
	if (line != NULL) {
		line_counters(line, &counters);
		add_counters(&bus->closed, &counters);
	}
	pthread_mutex_unlock(&bus->crew->lock);
	line_close(line);
}

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
		rc = ready_line(bus);
		if (rc == E_OK)
			rc = visit->run(visit, bus->line, session);
		atomic_store(&bus->has_device, rc != E_LOST);
		visit->done(visit, rc);
		again_us = 0;
		if (!bus->options.keep_open || bus->renew)
			drop_line(bus);
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

static uint64_t
bytes_received(const struct line *line)
{
	struct line_counters counters;

	line_counters(line, &counters);
	return counters.rx_bytes;
}

void
bus_settle(struct bus *bus, struct line *line, uint32_t quiet_ms, uint32_t most_ms)
{
	int64_t end_us = clock_mono_us() + (int64_t)most_ms * 1000;
	uint64_t before;
	int rc;

	pthread_mutex_lock(&bus->crew->lock);
	if (!atomic_load(&bus->crew->stopping) && !atomic_load(&bus->closing))
		line_wake_clear(line);
	pthread_mutex_unlock(&bus->crew->lock);
	do {
		before = bytes_received(line);
		rc = line_silence(line, quiet_ms);
	} while (rc == E_OK && bytes_received(line) != before && clock_mono_us() < end_us);
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

unsigned
bus_station_limit(const struct bus *bus)
{
	if (bus->options.tcp)
		return UINT_MAX;
	return bus->options.line.kind == LINE_CAN ? CAN_STATIONS : RS485_STATIONS;
}

void
bus_counters(struct bus *bus, struct line_counters *sum)
{
	struct line_counters open;

	pthread_mutex_lock(&bus->crew->lock);
	*sum = bus->closed;
	if (bus->line != NULL) {
		line_counters(bus->line, &open);
		add_counters(sum, &open);
	}
	pthread_mutex_unlock(&bus->crew->lock);
}

bool
bus_has_device(struct bus *bus)
{
	return atomic_load(&bus->has_device);
}

void
bus_tap(struct bus *bus, line_tap *tap, void *arg)
{
	pthread_mutex_lock(&bus->crew->lock);
	bus->tap = tap;
	bus->tap_arg = arg;
	if (bus->line != NULL)
		line_tap_set(bus->line, tap, arg);
	pthread_mutex_unlock(&bus->crew->lock);
}
