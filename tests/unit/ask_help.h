/* A poller on one serial line with simulated meters behind it, whose answers a test can hold back. */
#ifndef USPD_TESTS_UNIT_ASK_HELP_H
#define USPD_TESTS_UNIT_ASK_HELP_H

#include <pthread.h>
#include <stdbool.h>

#include "sim/street.h"
#include "src/poll/ask.h"
#include "tests/unit/store_help.h"

enum { WIRE_LOG = 4000, ASK_LOG = 600 };

/* The other end of the line. */
struct wire {
	int master, stop_fd;
	char path[64];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool held;			/* answers wait for release */
	bool stopping;
	int drop_command;		/* the next answer to this Mercury command is lost; -1 none */
	unsigned requests;
	uint8_t log[WIRE_LOG][2];	/* address and command of each request */
};

/* What became of questions, in order. */
struct told { uintptr_t id; struct ask_answer answer; };
struct asker {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct told told[ASK_LOG];
	unsigned n_told;
	struct record records[ASK_LOG];
	unsigned n_records;
};

struct ask_bench {
	struct fixture store;
	struct sim_street *street;
	struct wire wire;
	struct asker asker;
	struct poll *poll;
};

/* Meters of the bus, as in street files; their ids are 1, 2, ... in order.  Nothing is polled unless
 * `polling`.  The last `behind_hub` of them are reached through a transparent hub (id 100): their
 * answers may be held back for ten seconds. */
void ask_bench_open(struct ask_bench *, const char *meters, unsigned behind_hub, bool polling);
void ask_bench_close(struct ask_bench *);

void wire_hold(struct wire *, bool hold);
void wire_await(struct wire *, unsigned requests);	/* so many since the opening */
unsigned wire_requests(struct wire *);
/* Requests with this command to this address among those from number `since` on. */
unsigned wire_count(struct wire *, unsigned since, int address, int command);

/* A question with this id as its argument; told to bench->asker. */
struct ask ask_of(struct ask_bench *, enum ask_kind, uint32_t meter, uintptr_t id);
int ask_put(struct ask_bench *, enum ask_kind, uint32_t meter, uintptr_t id);
/* Puts it and waits for its answer. */
struct ask_answer ask_now(struct ask_bench *, const struct ask *);
void ask_await(struct ask_bench *, unsigned n);		/* so many answers in all */
const struct ask_answer *ask_answer_to(struct ask_bench *, uintptr_t id);	/* NULL: none yet */

/* The newest row of a device journal, "" when there is none. */
const char *ask_journal(struct ask_bench *, enum device_journal, char row[static 400]);

#endif
