/* The table "servers/tcp": one listener per row.  Rows of type iface1..iface4 are transparent access
 * to a bus (transit.md): one owner of a bus at a time, and the bus thread itself pumps the bytes
 * while the poller lends it the line.  Connections of rows of RTU-327 are handed to that server.
 *
 * Threads: opening, reloading and closing in the loop's thread; transit_sessions(),
 * transit_take_back() and transit_ports() in any.  Clients of one bus never wait for those of
 * another. */
#ifndef USPD_TRANSIT_TRANSIT_H
#define USPD_TRANSIT_TRANSIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/model/meter.h"

struct loop;
struct poll;
struct sockaddr_storage;
struct store;
struct transit;

struct transit_options {
	struct loop *loop;
	struct store *store;
	struct poll *poll;
	const char *bind;	/* numeric address; "" or "::" is everywhere, IPv4 and IPv6 */
	const char *rtu_bind;	/* of rows of RTU-327 */
	const char *run_dir;	/* where the sockets of TLS rows are, see transit_tls_path() */
	bool has_bus[SERIAL_BUSES];	/* rows of other buses are not listened on */
	/* RTU-327, in the loop's thread: it takes fd; a descriptor is wanted; a row has gone. */
	void (*rtu_take)(void *arg, int fd, const struct sockaddr_storage *peer, uint16_t port);
	void (*rtu_make_room)(void *arg);
	void (*rtu_drop)(void *arg, uint16_t port);
	void *arg;
};

/* Binds a free port, so that nobody takes it before transit_open() listens there; *fd is closed by
 * the caller afterwards.  E_INVALID, E_IO. */
int transit_reserve(const char *bind, int *fd, uint16_t *port) USPD_MUST_CHECK;

/* Begins to listen as the table says.  A port that another program holds is tried again every
 * 30 s; that is no error.  E_NOMEM, E_INVALID (bind is no address). */
int transit_open(struct transit **, const struct transit_options *) USPD_MUST_CHECK;
/* Settings or tables have changed: listeners follow, sessions of unchanged rows are not disturbed. */
void transit_reload(struct transit *);		/* NULL allowed */
/* After poll_close(), which ends all sessions (reason "shutdown"), and before loop_close(). */
void transit_close(struct transit *);		/* NULL allowed */

/* ---- what is listened on ---- */

struct transit_port {
	uint16_t port;
	unsigned bus;			/* 1..4; 0: RTU-327 */
	bool listening, tls;
};
/* In the order of the table; fills at most max, returns how many there are. */
size_t transit_ports(struct transit *, struct transit_port *, size_t max);

enum { TRANSIT_PATH_SIZE = 108 };
/* The UNIX socket on which a TLS row listens for the proxy in front of it: run_dir/tls-PORT.sock.
 * The proxy begins with a PROXY v1 line that tells the real client.  "" when the path is too long. */
void transit_tls_path(const char *run_dir, uint16_t port, char path[static TRANSIT_PATH_SIZE]);

/* ---- who is connected ---- */

enum transit_phase {
	TRANSIT_WAITING,	/* for another client's end (mode "wait") */
	TRANSIT_TAKING,		/* the poller has not given the bus yet */
	TRANSIT_OPEN,
	TRANSIT_DRAINING	/* the client has ended sending, the bus still answers */
};
struct transit_session {
	unsigned bus;			/* 1..4 */
	uint16_t port;
	char client[64];		/* "192.0.2.7:50123" */
	enum transit_phase phase;
	int64_t since;			/* UTC */
	uint64_t from_client, to_client;	/* bytes */
	uint64_t lost;			/* bytes of the bus that could not be delivered */
	uint32_t idle_s;		/* since the last byte in either direction */
};
/* Fills at most max, returns how many there are. */
size_t transit_sessions(struct transit *, struct transit_session *, size_t max);
const char *transit_phase_name(enum transit_phase);

/* The operator takes the bus back: all its clients are closed, without a hold for their return.
 * E_NOTFOUND: nobody has it. */
int transit_take_back(struct transit *, unsigned bus) USPD_MUST_CHECK;

#endif
