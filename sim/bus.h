/* A wire with meters on it: the pace of its characters, latencies, collisions and faults.
 *
 * Times are nanoseconds of the monotonic clock, given by the caller; bytes leave through `send`.
 * A request is complete when its last character would have left the wire; the answer begins the
 * meter's latency later, and each of its characters is handed over not before it would have ended
 * on the wire, the last one at its exact moment.  Nothing is allocated per exchange.  One thread. */
#ifndef USPD_SIM_BUS_H
#define USPD_SIM_BUS_H

#include "sim/sim.h"

/* Large, but buses are allocated zeroed: pages that are never touched cost nothing. */
enum { SIM_SEND_MAX = 2 * SIM_ANSWER_MAX + 16 };
#define SIM_NEVER INT64_MAX

/* What is being, or will be, sent: two parts with a pause between. */
struct sim_send {
	size_t len, sent, pause_at;
	int64_t start_ns, pause_ns;
	uint8_t bytes[SIM_SEND_MAX];
};

enum sim_port { SIM_PORT_PTY, SIM_PORT_TCP, SIM_PORT_TTY };

struct sim_bus;
struct sim_watch {
	enum { SIM_WATCH_LINE, SIM_WATCH_LISTEN } what;
	struct sim_bus *bus;
};

struct sim_bus {
	char name[44];
	char iface[16];			/* column of the meter table */
	enum sim_port port;
	char path[64];			/* tty to open, or the pty's slave */
	char host[48];
	uint16_t tcp_port;
	uint32_t speed;
	uint8_t bits;			/* per character with start and stop */
	bool paced, echo, follow_host;
	int64_t gone_from_us, gone_to_us;	/* the device vanishes, since start; 0, 0 never */
	struct sim_meter *meters;
	size_t n_meters;

	int fd, slave_fd, listen_fd;
	bool gone;
	struct sim_watch line, listener;
	void *trace;			/* FILE of all telegrams, or NULL */
	void (*send)(struct sim_bus *, const uint8_t *, size_t);
	int64_t char_ns, gap_ns;
	uint8_t rx[SIM_REQUEST_MAX];
	size_t rx_n;
	int64_t rx_end_ns;
	struct sim_send tx, late;
	int64_t due_ns;
	size_t heap_at;
	struct {
		uint64_t rx_bytes, tx_bytes, requests, unanswered, collisions, abandoned, overruns,
		    dropped;
		int64_t busy_ns;
	} stats;
};

/* Derives character time and gap from speed, bits, paced and port. */
void sim_bus_set_pace(struct sim_bus *);
void sim_bus_receive(struct sim_bus *, int64_t now_ns, const uint8_t *, size_t);
/* Does what is due by now_ns; utc_us is what the meters' clocks follow.  Renews due_ns. */
void sim_bus_run(struct sim_bus *, int64_t now_ns, int64_t utc_us);
void sim_bus_reset(struct sim_bus *);		/* the host is gone: forget what is under way */

/* Turns the good answer s->bytes[0..len) into what a fault makes of it. */
void sim_fault_apply(struct sim_meter *, enum sim_fault, int64_t char_ns, struct sim_send *s);

#endif
