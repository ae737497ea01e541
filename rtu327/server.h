/* The RTU-327 server: head-ends ask over TCP, the archive answers (rtu-327.md).
 *
 * Lives in the loop; questions to the archive run in its worker threads.  Order is kept within a
 * connection; connections do not wait for each other. */
#ifndef USPD_RTU327_SERVER_H
#define USPD_RTU327_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"

struct loop;
struct sockaddr_storage;
struct store;
struct rtu327;

struct rtu327_options {
	struct loop *loop;
	struct store *store;
	const char *bind;	/* numeric address; "" or "::" is everywhere, IPv4 and IPv6 */
	uint16_t port;		/* 0: any free one */
	bool fed;		/* it does not listen: connections come by rtu327_take() */
	/* Moves the device clock by delta_s seconds (SETTIME), and the hardware clock with it, and
	 * journals it (DJ_TIME; DJ_RTU codes 2 and 3 for GETLOG); a negative return is reported to the
	 * client. */
	int (*clock_step)(void *arg, int64_t delta_s);
	void *arg;
};

struct rtu327_counters {
	unsigned clients;		/* connected now */
	uint64_t accepted, evicted;	/* evicted: closed to make room */
	uint64_t frames;		/* valid requests */
	uint64_t errors;		/* replies with a result other than 0 */
	uint64_t corrupt;		/* of them, bad checksums */
	uint64_t bytes_in, bytes_out;
};

/* Begins to listen.  E_EXISTS: the port is taken; E_INVALID: bad address; E_NOMEM, E_IO.  Loop
 * thread, as all functions here. */
int rtu327_open(struct rtu327 **, const struct rtu327_options *) USPD_MUST_CHECK;
/* Drops all clients; waits for questions in progress, so that the store may be closed after. */
void rtu327_close(struct rtu327 *);
uint16_t rtu327_port(const struct rtu327 *);
/* A connection that another listener has accepted on `port`; fd, which does not block, is taken. */
void rtu327_take(struct rtu327 *, int fd, const struct sockaddr_storage *peer, uint16_t port);
/* No descriptor is left: the most idle client is closed. */
void rtu327_make_room(struct rtu327 *);
void rtu327_drop(struct rtu327 *, uint16_t port);	/* closes what was taken of this port */
/* Settings or meters have changed.  Takes effect soon, without dropping anybody.  NULL allowed. */
void rtu327_reload(struct rtu327 *);
void rtu327_counters(const struct rtu327 *, struct rtu327_counters *);

#endif
