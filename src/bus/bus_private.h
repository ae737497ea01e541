/* What the files of this room share. */
#ifndef USPD_BUS_BUS_PRIVATE_H
#define USPD_BUS_BUS_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "src/bus/bus.h"

enum { MAX_THREADS = 64 };

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

/* Opens the line unless it is open; closes it and keeps its counters.  By the running thread. */
int bus_line_ready(struct bus *) USPD_MUST_CHECK;
void bus_line_drop(struct bus *);

#endif
