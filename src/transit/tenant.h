/* The bus thread while a bus is lent to transit (transit.md 3): what tenant.c, which decides who is
 * served, and pump.c, which moves bytes, share. */
#ifndef USPD_TRANSIT_TENANT_H
#define USPD_TRANSIT_TENANT_H

#include "src/transit/desk.h"

struct tenant {
	struct desk *desk;
	struct line *line;
	struct desk_rules rules;	/* a copy: news bring a new one */
	enum {
		TENANT_QUIET,		/* before a session: old bytes are waited for and dropped */
		TENANT_SERVE,
		TENANT_HOLD		/* nobody is here; kept for who comes back */
	} phase;
	int fd;				/* of the line; -1 */
	struct line_settings settings;	/* in force */
	int64_t char_ns;

	struct client *served[DESK_PRESENT], *waiting[DESK_WAITING];
	unsigned n_served, n_waiting;
	struct client *talker;		/* whose bytes go to the line */

	int64_t now_us, wake_us;	/* monotonic: this turn, and when the next must be */
	int64_t begun_us;		/* of the phase */
	int64_t heard_us, sent_us;	/* last byte of the line; end of sending, as computed */
	int64_t retry_us;		/* the line is tried, or written to, again */
	int64_t hold_until_us, break_until_us;
	bool is_configured;		/* the line has the settings of this session */
	bool is_asked;			/* a request went out and its answer may still come */
	bool is_full;			/* the device takes no more now */
	bool is_refusal_told;		/* of line settings, in this session */
	bool is_over;
	enum client_end last_end;
};

/* ---- pump.c ---- */

/* One turn of the sessions that are open: bytes to the line and to clients, ends that are due.
 * E_LOST: the line is gone.  E_STOPPED. */
int pump_turn(struct tenant *) USPD_MUST_CHECK;
/* Bytes of the line. */
int pump_hear(struct tenant *) USPD_MUST_CHECK;
void pump_open(struct tenant *, struct client *);
/* E_INVALID: refused, the old settings stay in force. */
int pump_settings(struct tenant *, const struct line_settings *) USPD_MUST_CHECK;
/* Whether a client's socket is read now, and whether it is waited for to take bytes. */
bool pump_wants_input(const struct tenant *, const struct client *);
bool pump_wants_output(const struct tenant *, const struct client *);
int64_t pump_chars_us(const struct tenant *, size_t chars);

/* ---- com_port.c ---- */

/* Answers the client too.  E_LOST, E_STOPPED. */
int com_port_obey(struct tenant *, struct client *, const struct rfc2217_ask *) USPD_MUST_CHECK;
void com_port_break(struct tenant *, bool is_on);	/* ends by itself at break_until_us */

/* ---- tenant.c ---- */

void tenant_end(struct tenant *, struct client *, enum client_end);
void tenant_wake(struct tenant *, int64_t at_us);	/* a turn is due then */

#endif
