/* Shared by transit.c, arrive.c and rules.c; nobody else includes it.  Everything in the loop's
 * thread unless it says otherwise. */
#ifndef USPD_TRANSIT_TRANSIT_PRIVATE_H
#define USPD_TRANSIT_TRANSIT_PRIVATE_H

#include <pthread.h>
#include <sys/queue.h>

#include "src/transit/desk.h"
#include "src/transit/greet.h"
#include "src/transit/linger.h"
#include "src/transit/transit.h"

struct event;

struct listener {
	TAILQ_ENTRY(listener) next;
	struct transit *transit;
	struct tcp_row row;
	int fd;				/* -1: the port is not to be had now */
	struct event *event;
	bool is_wanted, is_told;
};

struct transit {
	struct transit_options options;
	char bind[64], rtu_bind[64], run_dir[TRANSIT_PATH_SIZE];
	struct desk *desks[SERIAL_BUSES];
	struct lingers *lingers;
	struct greetings *greetings;
	struct loop_timer *upkeep;
	unsigned retry_s;		/* until closed ports are tried again */
	int address_fd;			/* netlink: addresses come and go */
	struct event *address_event;
	pthread_mutex_t lock;		/* guards the list of listeners for transit_ports() */
	TAILQ_HEAD(listener_list, listener) listeners;
};

/* ---- arrive.c ---- */

/* arg is the listener: somebody wants to be accepted. */
void arrive_accept(int fd, short what, void *arg);
/* arg is the transit: a proxy has told its client. */
void arrive_greeted(void *arg, const struct tcp_row *, int fd, const struct header_proxy *);

/* ---- rules.c ---- */

void rules_follow(struct transit *);	/* settings and line parameters go to the desks */

#endif
