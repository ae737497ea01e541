#include "sim/engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "sim/port.h"
#include "src/base/clock.h"
#include "src/base/log.h"

enum { EVENTS = 64, READ_MAX = 512 };

struct sim_engine {
	struct sim_street *street;
	const char *links;
	int epoll_fd, signal_fd;
	size_t n;
	struct sim_bus **heap;		/* by due_ns, the earliest first */
};

static int64_t
mono_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void
put(struct sim_engine *e, size_t at, struct sim_bus *bus)
{
	e->heap[at] = bus;
	bus->heap_at = at;
}

/* Moves a bus to its place after due_ns changed. */
static void
resift(struct sim_engine *e, struct sim_bus *bus)
{
	size_t at = bus->heap_at, child;

	while (at > 0 && bus->due_ns < e->heap[(at - 1) / 2]->due_ns) {
		put(e, at, e->heap[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	while ((child = 2 * at + 1) < e->n) {
		if (child + 1 < e->n && e->heap[child + 1]->due_ns < e->heap[child]->due_ns)
			child++;
		if (bus->due_ns <= e->heap[child]->due_ns)
			break;
		put(e, at, e->heap[child]);
		at = child;
	}
	put(e, at, bus);
}

static void
watch(struct sim_engine *e, int fd, struct sim_watch *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	if (fd >= 0 && epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
		log_error("sim", "bus %s: cannot be watched: %s", what->bus->name, strerror(errno));
}

/* "seconds bus > hex" for what the host sent, "<" for what the meters did. */
static void
trace(const struct sim_bus *bus, char direction, const uint8_t *bytes, size_t n)
{
	int64_t utc_us;

	if (bus->trace == NULL)
		return;
	utc_us = clock_utc_us();
	fprintf(bus->trace, "%lld.%06lld %s %c ", (long long)(utc_us / 1000000),
	    (long long)(utc_us % 1000000), bus->name, direction);
	for (size_t i = 0; i < n; i++)
		fprintf(bus->trace, "%02x", bytes[i]);
	fputc('\n', bus->trace);
}

static void
send_bytes(struct sim_bus *bus, const uint8_t *bytes, size_t n)
{
	ssize_t sent = bus->fd >= 0 ? write(bus->fd, bytes, n) : -1;

	trace(bus, '<', bytes, n);
	if (sent < (ssize_t)n)
		bus->stats.dropped += n - (sent > 0 ? (size_t)sent : 0);
}

/* A device that vanishes and returns: the pty is closed and a new one opened. */
static void
vanish(struct sim_engine *e, struct sim_bus *bus)
{
	int64_t since_us = clock_utc_us() - e->street->start_us;
	bool gone;

	if (bus->gone_to_us == 0)
		return;
	gone = since_us >= bus->gone_from_us && since_us < bus->gone_to_us;
	if (gone == bus->gone)
		return;
	bus->gone = gone;
	sim_bus_reset(bus);
	if (gone) {
		sim_port_close(bus, e->links);
		return;
	}
	if (sim_port_open(bus, e->links) != E_OK)
		log_error("sim", "bus %s: cannot be opened again", bus->name);
	else
		watch(e, bus->fd, &bus->line);
}

/* The moment of the next vanishing or return bounds what is due. */
static void
bound_by_vanishing(struct sim_engine *e, struct sim_bus *bus, int64_t now_ns)
{
	int64_t since_us = clock_utc_us() - e->street->start_us, at_us;

	if (bus->gone_to_us == 0 || since_us >= bus->gone_to_us)
		return;
	at_us = since_us < bus->gone_from_us ? bus->gone_from_us : bus->gone_to_us;
	if (now_ns + (at_us - since_us) * 1000 < bus->due_ns)
		bus->due_ns = now_ns + (at_us - since_us) * 1000;
}

static void
run_bus(struct sim_engine *e, struct sim_bus *bus)
{
	int64_t now_ns = mono_ns();

	vanish(e, bus);
	sim_bus_run(bus, now_ns, clock_utc_us());
	bound_by_vanishing(e, bus, now_ns);
	resift(e, bus);
}

static void
hang_up(struct sim_bus *bus)
{
	close(bus->fd);
	bus->fd = -1;
	sim_bus_reset(bus);
}

static void
read_line(struct sim_engine *e, struct sim_bus *bus)
{
	uint8_t bytes[READ_MAX];
	ssize_t n = bus->fd >= 0 ? read(bus->fd, bytes, sizeof(bytes)) : -1;

	if (n > 0) {
		trace(bus, '>', bytes, (size_t)n);
		sim_port_follow(bus);
		sim_bus_receive(bus, mono_ns(), bytes, (size_t)n);
	} else if (bus->port == SIM_PORT_TCP && bus->fd >= 0 && (n == 0 || errno != EAGAIN)) {
		hang_up(bus);
	}
	run_bus(e, bus);
}

static void
take_client(struct sim_engine *e, struct sim_bus *bus)
{
	if (sim_port_accept(bus) != E_OK)
		return;
	sim_bus_reset(bus);
	watch(e, bus->fd, &bus->line);
	run_bus(e, bus);
}

/* false: time to stop. */
static bool
take_signal(struct sim_engine *e, FILE *log)
{
	struct signalfd_siginfo info;

	if (read(e->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return true;
	if (info.ssi_signo != SIGUSR1)
		return false;
	sim_street_dump(e->street, log);
	return true;
}

static bool
take_event(struct sim_engine *e, const struct epoll_event *event, FILE *log)
{
	struct sim_watch *what = event->data.ptr;

	if (what == NULL)
		return take_signal(e, log);
	if (what->what == SIM_WATCH_LISTEN)
		take_client(e, what->bus);
	else
		read_line(e, what->bus);
	return true;
}

int
sim_engine_run(struct sim_engine *e, FILE *log)
{
	struct epoll_event events[EVENTS];
	bool going = true;

	/* Microseconds count here; the default slack of a timer is fifty. */
	(void)prctl(PR_SET_TIMERSLACK, 1UL);
	while (going) {
		struct timespec wait, *limit = NULL;
		int64_t left_ns;
		int n;

		while (e->n > 0 && e->heap[0]->due_ns <= mono_ns())
			run_bus(e, e->heap[0]);
		if (e->n > 0 && e->heap[0]->due_ns != SIM_NEVER) {
			left_ns = e->heap[0]->due_ns - mono_ns();
			left_ns = left_ns > 0 ? left_ns : 0;
			wait.tv_sec = (time_t)(left_ns / 1000000000);
			wait.tv_nsec = (long)(left_ns % 1000000000);
			limit = &wait;
		}
		n = epoll_pwait2(e->epoll_fd, events, EVENTS, limit, NULL);
		if (n < 0 && errno != EINTR)
			return E_IO;
		for (int i = 0; i < n; i++)
			going = take_event(e, &events[i], log) && going;
	}
	return E_OK;
}

static int
open_signals(struct sim_engine *e)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
		return E_IO;
	signal(SIGPIPE, SIG_IGN);
	e->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return e->signal_fd >= 0 && epoll_ctl(e->epoll_fd, EPOLL_CTL_ADD, e->signal_fd, &event) == 0 ?
	    E_OK :
	    E_IO;
}

static int
open_bus(struct sim_engine *e, struct sim_bus *bus, FILE *telegrams)
{
	int err = sim_port_open(bus, e->links);

	if (err != E_OK) {
		log_error("sim", "bus %s: cannot be opened: %s", bus->name, strerror(errno));
		return err;
	}
	bus->trace = telegrams;
	bus->send = send_bytes;
	watch(e, bus->fd, &bus->line);
	watch(e, bus->listen_fd, &bus->listener);
	put(e, e->n++, bus);
	bound_by_vanishing(e, bus, mono_ns());
	resift(e, bus);
	return E_OK;
}

int
sim_engine_open(struct sim_engine **made, struct sim_street *street, const char *links, FILE *telegrams)
{
	struct sim_engine *e = calloc(1, sizeof(*e));
	int err = E_NOMEM;

	if (e == NULL)
		return E_NOMEM;
	e->street = street;
	e->links = links;
	e->signal_fd = -1;
	e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	e->heap = calloc(street->n_buses, sizeof(*e->heap));
	if (e->epoll_fd >= 0 && e->heap != NULL)
		err = open_signals(e);
	for (size_t i = 0; i < street->n_buses && err == E_OK; i++)
		err = open_bus(e, &street->buses[i], telegrams);
	if (err != E_OK) {
		sim_engine_close(e);
		return err;
	}
	*made = e;
	return E_OK;
}

void
sim_engine_close(struct sim_engine *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->street->n_buses; i++)
		sim_port_close(&e->street->buses[i], e->links);
	if (e->signal_fd >= 0)
		close(e->signal_fd);
	if (e->epoll_fd >= 0)
		close(e->epoll_fd);
	free(e->heap);
	free(e);
}
