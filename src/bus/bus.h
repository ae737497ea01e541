/* Buses and the threads that serve them.
 *
 * A bus is one line with at most one exchange at a time.  A crew is a few threads that share some
 * buses: each serial bus has a crew of one thread for itself, all TCP endpoints share a bounded
 * crew.  Work is a visit: everything one meter is asked in one conversation, run in the bus thread
 * as plain sequential code.  Urgent visits are submitted; all other work is pulled from the bus's
 * source when nothing more urgent waits, so nothing queues up and plans are made from fresh facts.
 *
 * Priority (event-model.md 6.2): a visit of a better class takes the bus at the next exchange
 * boundary (line_exchange() then returns E_PREEMPTED in the running visit). */
#ifndef USPD_BUS_BUS_H
#define USPD_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "meters/meters.h"

enum bus_class {
	BUS_TRANSIT_CLASS,	/* 0 transit: takes the bus from everything */
	BUS_OPERATOR_CLASS,	/* 1 people and upstream protocols that wait */
	BUS_RELAY_CLASS,	/* 2 relay actions of events */
	BUS_MONITOR_CLASS,	/* 3 external sensors */
	BUS_FRESH_CLASS,	/* 4 clock check, newest points */
	BUS_SCHEDULED_CLASS,	/* 5 the rest of scheduled work */
	BUS_BACKFILL_CLASS,	/* 6 older gaps, probes */
	BUS_CLASSES
};

struct bus;
struct crew;

/* One piece of bus work.  run() talks; done() follows in the same thread, always, and disposes of
 * the visit.  rc is what run() returned, or E_STOPPED when the bus closed before it ran. */
struct visit {
	enum bus_class class;
	int (*run)(struct visit *, struct line *, struct meter_session *);
	void (*done)(struct visit *, int rc);
	struct visit *next;	/* the bus's own */
};

struct bus_options {
	const char *name;
	bool tcp;			/* endpoint "host:port" instead of a device path */
	const char *target;
	struct line_options line;
	bool keep_open;			/* false: closed after each visit (many endpoints) */
	/* Asked in a bus thread: a visit to run, or NULL and *again_us (monotonic) when to ask
	 * again.  Never blocks on a bus. */
	struct visit *(*next)(void *arg, struct bus *, int64_t *again_us);
	void *arg;
};

int crew_open(struct crew **, const char *name, unsigned threads) USPD_MUST_CHECK;
/* Interrupts what runs, waits for the threads, closes all buses of the crew.  NULL allowed. */
void crew_close(struct crew *);

/* Adds a bus to a crew; it is served from now on.  The crew owns it. */
int bus_open(struct bus **, struct crew *, const struct bus_options *) USPD_MUST_CHECK;
/* Takes a bus out of its crew and closes it; waits for a running visit (interrupted). */
void bus_close(struct bus *);

int bus_submit(struct bus *, struct visit *) USPD_MUST_CHECK;	/* any thread; E_STOPPED */
/* Closes the line after the running visit, so that the next one opens it anew (poller.md 5.6).
 * Bus thread, from run() or done(). */
void bus_renew_line(struct bus *);
/* Makes the running visit end with E_PREEMPTED at the next exchange boundary.  Any thread. */
void bus_interrupt(struct bus *);
/* The source has work of this class: it is asked before submitted visits of the same class, and
 * what runs gives way to it as to a submitted visit.  Any thread. */
void bus_want(struct bus *, enum bus_class);
/* While it holds, the running visit gives way to nothing but the end of its bus: for a command and
 * the look at what became of it.  Bus thread; a new visit holds nothing. */
void bus_hold(struct bus *, bool hold);
/* The running visit's exchanges end with E_PREEMPTED from this time on (monotonic; 0: never).  Bus
 * thread; a new visit has no end. */
void bus_until(struct bus *, int64_t mono_us);
/* Abandons the running exchange: it ends with E_STOPPED soon, and so does every other until
 * bus_settle().  Any thread. */
void bus_abandon(struct bus *);
/* After bus_abandon(): the line works again; waits until it was silent for quiet_ms (late bytes of
 * the abandoned answer), at most for most_ms.  Bus thread. */
void bus_settle(struct bus *, struct line *, uint32_t quiet_ms, uint32_t most_ms);
void bus_poke(struct bus *);		/* any thread: the source has new work, ask it now */
const char *bus_name(const struct bus *);
unsigned bus_station_limit(const struct bus *);

/* Since opening, over all reopenings of the line.  Any thread. */
void bus_counters(struct bus *, struct line_counters *);
bool bus_has_device(struct bus *);	/* false: the last exchange found no device */
void bus_tap(struct bus *, line_tap *, void *arg);

#endif
