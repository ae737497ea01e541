/* Questions and orders to meters that somebody waits for, and work on a bus by hand (class 1 of
 * event-model.md 6.2).  They go before scheduled work, at the next exchange boundary.
 *
 * Any thread may call; none of these blocks on a bus.  What is told to the caller comes in a bus
 * thread (or, of what never began, in the poller's own), without any lock held, and must not block
 * for long. */
#ifndef USPD_POLL_ASK_H
#define USPD_POLL_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "src/base/err.h"
#include "src/model/calendar.h"
#include "src/model/record.h"
#include "src/poll/poll.h"

/* ---- one meter ---- */

enum ask_kind {
	ASK_PING,		/* opens a session: does it answer, and how fast */
	ASK_READ,		/* records of one type from the meter's memory, or one reading now */
	ASK_CONFIG,		/* identification; state and archive learn of it too */
	ASK_CLOCK,		/* the meter's time */
	ASK_CLOCK_SYNC,		/* clock to device time: softly where the meter can, else set */
	ASK_RELAY,		/* state of relay number */
	ASK_RELAY_SET,		/* switches it and reads it back; E_METER when it did not follow */
	/* One part of the tariff calendar: E_UNSUPPORTED by families without.  What is set is read
	 * back; only the passive one is written, of the active one it is E_REFUSED. */
	ASK_CALENDAR, ASK_CALENDAR_SET
};

struct ask_answer {
	int rc;			/* of the meter: E_OK, E_TIMEOUT, E_DENIED, E_UNSUPPORTED, ...;
				 * E_BUSY: a tenant took the bus meanwhile; E_PREEMPTED: a command was
				 * cut off, what became of it is not known */
	int64_t utc;		/* when it was answered, device time */
	int32_t diff_s;		/* meter clock - device clock; 0 and false when not known */
	bool diff_known;
	uint32_t took_ms;	/* ASK_PING: from request to answer of the fastest exchange */
	int64_t meter_utc;	/* ASK_CLOCK, ASK_CLOCK_SYNC: what the meter's clock said */
	bool on;		/* ASK_RELAY, ASK_RELAY_SET: what the meter says */
	const struct calendar *calendar;	/* ASK_CALENDAR: the part; only while it is told */
	char serial[32], model[32];	/* last known */
};

struct ask {
	enum ask_kind kind;
	uint32_t meter;			/* id */
	enum record_type type;		/* ASK_READ */
	uint16_t journal;
	int64_t from, to;		/* ASK_READ of archives and journals: labels, inclusive */
	unsigned relay;			/* from 1 */
	bool on;
	enum calendar_part part;	/* ASK_CALENDAR, ASK_CALENDAR_SET */
	bool active;			/* of the active calendar, not of the passive one */
	const struct calendar *calendar;	/* ASK_CALENDAR_SET: the part; copied */
	bool store;			/* ASK_READ: what was read goes into the archive too */
	char by[32];			/* ASK_RELAY_SET: who ordered it, for the journal; "" */
	int64_t deadline_us;		/* monotonic: not done by then: E_TIMEOUT; 0 none */
	/* Each record as it comes (ASK_READ, ASK_CONFIG); NULL allowed. */
	void (*record)(void *arg, const struct ask *, const struct record *);
	/* Exactly once, last. */
	void (*answered)(void *arg, const struct ask *, const struct ask_answer *);
	void *arg;
};
/* Queues it; *ask is copied.  E_NOTFOUND no such meter; E_NODRIVER its type has no driver (or its
 * interface does not exist); E_BUSY its bus is in transit; E_LIMIT more than
 * 512 wait; E_STOPPED.  On error answered() is not called.  Questions to one meter that wait at the
 * same time share a conversation. */
int poll_ask(struct poll *, const struct ask *) USPD_MUST_CHECK;
/* Nobody waits any longer: what has not begun is answered E_STOPPED soon. */
void poll_ask_cancel(struct poll *, void *arg);

/* ---- one bus by hand ---- */

/* The serial bus 1..4. */
struct bus_scan {
	uint16_t type;			/* whose protocol is tried */
	uint32_t from, to;		/* addresses */
	char settings[4][16];		/* "9600,8n1"; first empty ends; none: the family's own */
	char password[66];		/* hex digits; "": the type's */
	void (*found)(void *arg, uint32_t address, const char *settings, const char *serial,
	    const char *model);
	void (*progress)(void *arg, uint32_t tried, uint32_t total);
	void (*ended)(void *arg, int rc);	/* exactly once; E_STOPPED when cancelled */
	void *arg;
};
/* One at a time on a bus; scheduled work on it waits for the end, questions and tenants go between
 * two addresses.  E_NOTFOUND, E_NODRIVER, E_INVALID, E_LIMIT (more than a million tries), E_BUSY (in
 * transit, or another scan), E_STOPPED; then ended() is not called. */
int poll_bus_scan(struct poll *, unsigned bus, const struct bus_scan *,
    uint64_t *number) USPD_MUST_CHECK;
void poll_bus_scan_stop(struct poll *, uint64_t number);

struct bus_raw {
	uint8_t tx[256];
	size_t tx_len;
	char settings[16];		/* "": of /settings/uart */
	uint32_t answer_ms, silence_ms;	/* first byte within; the answer ends after such a silence */
	void (*answered)(void *arg, int rc, const uint8_t *rx, size_t len, uint32_t took_us);
	void *arg;
};
/* E_NOTFOUND, E_INVALID, E_BUSY (in transit), E_STOPPED; then answered() is not called. */
int poll_bus_raw(struct poll *, unsigned bus, const struct bus_raw *) USPD_MUST_CHECK;

/* Traffic of serial bus 1..4, as it passes; one watcher per bus, NULL ends.  Runs in the bus
 * thread and must not block.  E_NOTFOUND: no such bus on this board. */
int poll_bus_tap(struct poll *, unsigned bus, line_tap *, void *arg) USPD_MUST_CHECK;

/* ---- lending a bus (class 0, transit.md) ---- */

/* Runs in the bus thread once the bus is taken; the line is the tenant's until run() returns.
 * stop is the bus closing (line_wake): run() must then return soon with E_STOPPED. */
struct lease {
	int (*run)(struct lease *, struct line *);
	void (*ended)(struct lease *, int rc);	/* exactly once, also when it never ran */
	void *arg;
};
/* The running exchange ends first; a visit that does not give way within take_ms has its exchange
 * abandoned.  The interrupted meter's visit is no failure of it, and it goes to the head of its
 * class.  bus_state is BUS_TRANSIT from the order until `ended`.  E_NOTFOUND, E_STOPPED. */
int poll_lease(struct poll *, unsigned bus, struct lease *, uint32_t take_ms) USPD_MUST_CHECK;
/* A note for poll_buses() and refusals: who holds the bus; "" none.  Copied. */
void poll_lease_holder(struct poll *, unsigned bus, const char *client, int64_t since);

#endif
