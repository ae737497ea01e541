/* The desk of one bus: who has it, who waits for it, who is turned away (transit.md 4).
 *
 * Rows of all kinds for one bus meet at one desk.  Clients come in the loop's thread; once the poller
 * lends the line, tenant.c serves them in the bus thread.  The lock guards the lists and is held for
 * moments only. */
#ifndef USPD_TRANSIT_DESK_H
#define USPD_TRANSIT_DESK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "src/poll/ask.h"
#include "src/transit/client.h"
#include "src/transit/transit.h"

/* DESK_MOST: clients of all ports, those that are ending too. */
enum { DESK_PRESENT = 16, DESK_WAITING = 4, DESK_PORTS = 16, DESK_MOST = 64 };

/* ---- admission; pure ---- */

struct desk_view {
	unsigned present, draining, waiting;
	bool all_shared;
	int64_t since_kick_us;
};
enum desk_verdict {
	DESK_ADMIT,
	DESK_ADMIT_ALONE,	/* those present are ended */
	DESK_QUEUE,
	DESK_TURN_AWAY
};
enum desk_verdict desk_admit(const struct desk_view *, const struct tcp_row *);

/* ---- the desk ---- */

/* What sessions go by, from the settings. */
struct desk_rules {
	int64_t idle_us, max_session_us, gather_us, drain_quiet_us, drain_most_us, release_us, warn_us;
	uint32_t take_ms;
	bool is_idle_client, is_live;
	struct line_settings uart;
};

struct desk_options {
	unsigned bus;			/* 1..4 */
	struct loop *loop;
	struct store *store;		/* NULL: no journal (tests) */
	struct lingers *lingers;
	int (*lease)(void *arg, unsigned bus, struct lease *, uint32_t take_ms);
	void (*holder)(void *arg, unsigned bus, const char *client, int64_t since);
	void *arg;
};

struct desk {
	struct desk_options options;
	pthread_mutex_t lock;
	int wake_fd;			/* eventfd: news for the bus thread */
	struct lease lease;
	_Atomic bool has_news;

	/* under the lock */
	enum { DESK_FREE, DESK_ORDERED, DESK_LEASED, DESK_LEAVING } state;
	struct clients present, waiting;
	struct desk_rules rules;
	int64_t ordered_us, kicked_us;
	bool is_closing, is_taken_back;
	struct { uint16_t port; unsigned n; int64_t since_us; } refusals[DESK_PORTS];
};

int desk_open(struct desk **, const struct desk_options *) USPD_MUST_CHECK;
void desk_close(struct desk *);		/* no lease is in force any more; NULL allowed */

/* ---- the loop's thread ---- */

void desk_rules_set(struct desk *, const struct desk_rules *);
void desk_arrive(struct desk *, struct client *);	/* takes the client */
/* Ends clients of one port (0: all); returns how many. */
unsigned desk_end(struct desk *, uint16_t port, enum client_end);
/* Closes a client that does not come to the desk at all. */
void desk_turn_away(struct desk *, struct client *, enum client_end);
/* Ends everybody and the hold; false: the bus is not in transit. */
bool desk_take_back(struct desk *);
/* Ends clients whose address of ours is not ours any more. */
void desk_check_addresses(struct desk *);
/* Once a second: a bus that does not come. */
void desk_upkeep(struct desk *);

/* ---- any thread ---- */

unsigned desk_count(struct desk *, uint16_t port);	/* clients; port 0: all */
size_t desk_sessions(struct desk *, struct transit_session *, size_t max);

/* ---- the bus thread (tenant.c) ---- */

int tenant_run(struct desk *, struct line *) USPD_MUST_CHECK;
/* Takes the client off its list, journals its end, closes it gracefully and frees it. */
void desk_part(struct desk *, struct client *, enum client_end);
/* The next that waits becomes present; NULL: nobody waits. */
struct client *desk_call_next(struct desk *);
/* true: nobody is here, the bus goes back; whoever comes now makes a new order. */
bool desk_leave(struct desk *);

/* ---- journal.c ---- */

void journal_opened(struct store *, const struct client *);
void journal_ended(struct store *, const struct client *, enum client_end);
void journal_turned_away(struct store *, const struct client *, enum client_end);
void journal_line(struct store *, unsigned bus, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
