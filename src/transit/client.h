/* One client of a bus: its socket and what waits in both directions.
 *
 * Made in the loop's thread.  Until the bus thread serves it, it belongs to its desk; then the
 * buffers are the bus thread's own, and others read only what is atomic or never changes. */
#ifndef USPD_TRANSIT_CLIENT_H
#define USPD_TRANSIT_CLIENT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "drivers/line.h"
#include "src/system/address.h"
#include "src/transit/rfc2217.h"
#include "src/transit/row.h"

/* Why a connection ended, as the journal says it (transit.md 8). */
#define CLIENT_ENDS(ROW) \
	ROW(END_NONE, "") ROW(END_FIN, "fin") ROW(END_RST, "rst") ROW(END_IDLE, "idle") \
	ROW(END_KICK, "kick") ROW(END_LIMIT, "limit") ROW(END_BUSY, "busy") \
	ROW(END_NOT_FREE, "notfree") ROW(END_STALL, "stall") ROW(END_SHUTDOWN, "shutdown") \
	ROW(END_SETTINGS, "settings") ROW(END_OPERATOR, "operator") ROW(END_LINE, "line") \
	ROW(END_DENIED, "denied")
enum client_end {
#define ROW(id, name) id,
	CLIENT_ENDS(ROW)
#undef ROW
};
const char *client_end_name(enum client_end);

enum {
	CLIENT_IN = 4096,		/* read ahead of the line */
	CLIENT_OUT_MOST = 256 * 1024,	/* kept for a client that does not read (transit.md 3) */
	CLIENT_HEADER_US = 2000000	/* a SET line comes within, or not at all (transit.md 6.3) */
};

/* What a client asks of the port, after the bytes of tx. */
struct client_ask {
	bool has_settings;		/* a SET line */
	struct line_settings settings;
	struct rfc2217_ask com;
};

TAILQ_HEAD(clients, client);
struct client {
	TAILQ_ENTRY(client) next;	/* under the desk's lock */
	struct tcp_row row;
	int fd;
	char peer[ADDRESS_TEXT], server[ADDRESS_TEXT];
	enum address_network network;
	uint8_t own[16];		/* the device's address it came to; see has_own */
	bool has_own;
	int64_t since;			/* UTC */
	int64_t since_us;		/* monotonic */
	int64_t until_us;		/* monotonic: when it waits, closed then */
	_Atomic int phase;		/* enum transit_phase */
	_Atomic int must_end;		/* enum client_end: asked by another thread */
	_Atomic uint64_t from_client, to_client, lost;
	_Atomic int64_t active_us;	/* last byte in either direction */

	/* ---- the bus thread's own ---- */
	bool is_served, is_eof, is_suspended, is_warned;
	bool is_header_past;		/* PROTO_LINE: the SET line came or will not */
	bool is_releasing;		/* frame_hold_ms: what was held goes to the line now */
	bool has_settings;		/* the client has set the line itself */
	int64_t eof_us, received_us;	/* monotonic */
	int64_t stuck_us;		/* since when `out` has not moved; 0 it is empty */
	struct rfc2217 telnet;
	bool is_asking;
	struct client_ask ask;
	uint8_t line_mask, modem_mask;
	size_t raw_n, tx_n;
	uint8_t raw[CLIENT_IN];		/* as received, not decoded yet; not used by PROTO_RAW */
	uint8_t tx[CLIENT_IN];		/* for the line */
	uint8_t *out;			/* for the client: [out_at, out_at + out_n) */
	size_t out_at, out_n, out_size;
};

struct client *client_new(const struct tcp_row *, int fd);	/* NULL: no memory */
void client_free(struct client *);	/* does not close fd; NULL allowed */

/* ---- the bus thread ---- */

bool client_wants_input(const struct client *);	/* there is room and no end seen */
/* Reads what is there; an end of the stream sets is_eof.  END_RST when the connection broke. */
enum client_end client_receive(struct client *, int64_t now_us);
/* Moves what was received towards tx, until it asks for something (is_asking); what was asked must
 * be done, and is_asking cleared, before the next call. */
void client_decode(struct client *, int64_t now_us);
void client_consume(struct client *, size_t n);		/* n bytes of tx went to the line */
/* Bytes of the line, or of a protocol, for the client; sent at once where nothing waits and `send`.
 * END_STALL: no room; what did not fit is counted as lost.  END_RST. */
enum client_end client_hear(struct client *, const uint8_t *, size_t, bool send, int64_t now_us);
enum client_end client_answer(struct client *, const uint8_t *, size_t, int64_t now_us);
enum client_end client_flush(struct client *, int64_t now_us);

#endif
