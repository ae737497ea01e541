/* What the files of the line share: the object, the table of a backend, the engine's helpers.
 *
 * The engine (line.c, line_exchange.c) knows requests, answers, gaps, echo, parity and counters;
 * a backend knows how to open its device, hand bytes over and wait.  All times are microseconds of
 * the monotonic clock.  Everything here runs in the bus thread unless it says otherwise. */
#ifndef USPD_DRIVERS_LINE_PRIVATE_H
#define USPD_DRIVERS_LINE_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"

enum {
	LINE_TX_MAX = 4096,		/* longest request */
	LINE_CHUNK = 512,		/* bytes read at a time */
	LINE_NAME_MAX = 64,
};

/* What a wait ends with, besides E_STOPPED and E_LOST. */
enum line_wait { WAIT_TIME = 0, WAIT_READY = 1 };

struct line_backend {
	bool is_paced;			/* bytes take their time: the end of sending is computed and
					 * the answer cannot come faster than the line speed */
	bool is_socket;
	bool keeps_gap_min;		/* gap_min separates requests, not only frames */
	bool is_resent;			/* a request whose connection broke is sent once more */
	uint32_t answer_ms;		/* default wait for the first byte (poller.md 5.1) */
	uint32_t gap_min_ms;		/* default, until open() knows better */
	int64_t reopen_us;		/* between attempts to open */

	/* Opens the device, sets fd and gap_min_ms.  E_LOST, with the reason in line->reason. */
	int (*open)(struct line *);
	void (*shut)(struct line *);
	void (*free)(struct line *);	/* what the backend allocated */
	bool (*is_stale)(struct line *);	/* the name means another device now; may be NULL */
	int64_t (*pause_us)(unsigned failures);	/* before the next attempt to open; may be NULL */
	int (*configure)(struct line *, const struct line_settings *);	/* E_INVALID, E_LOST */
	int (*write)(struct line *, const uint8_t *, size_t);	/* all or E_LOST, E_STOPPED */
	int (*wait)(struct line *, int64_t until_us);	/* enum line_wait, E_STOPPED, E_LOST */
	int (*wait_wake)(struct line *, int64_t until_us);	/* the same without the device */
	int (*read)(struct line *, uint8_t *, size_t size, size_t *n);	/* after WAIT_READY; E_LOST */
	unsigned (*errors)(struct line *);	/* of parity and framing since last asked; or NULL */
};

/* Whether requests come back (poller.md 2.4). */
enum echo_belief { ECHO_UNKNOWN, ECHO_PRESENT, ECHO_ABSENT };
struct echo_memory {
	enum echo_belief belief;
	bool is_auto;
	uint8_t for_echo, against;	/* votes while unknown */
	int64_t decided_us;
};

struct line {
	const struct line_backend *backend;
	void *own;			/* the backend's */
	char name[LINE_NAME_MAX];
	enum line_kind kind;
	enum line_direction direction;
	uint32_t gap_min_option_ms, latency_timer_ms;

	int fd;				/* -1: none */
	int wake_fd;			/* eventfd, readable while woken */
	atomic_bool is_woken;
	bool is_open, was_open, is_refreshable, is_uart, is_raw_used, is_loss_logged;
	bool is_turned_by_hand;		/* a write waits for the end of sending */
	char reason[96];		/* of the last failure, for the log */
	int64_t reopen_at_us, check_at_us;
	unsigned failures;		/* losses since the last good answer */

	struct line_settings settings;
	struct line_timing timing;
	enum soft_parity soft;
	bool is_soft_off;		/* SOFT_AUTO found a peer without parity */
	uint32_t char_ns;
	uint32_t gap_min_ms;
	int64_t last_byte_us;		/* the last byte left or arrived */
	int64_t hold_us;		/* not to send before */
	int64_t answer_us;		/* last good answer; 0: none */
	int64_t fresh_us;		/* last good answer or opening */
	unsigned in_vain;		/* requests since then */

	struct echo_memory echo;
	int (*gate)(void *);
	void *gate_arg;
	struct exchange_times times;
	struct line_counters count;	/* the bus thread's own */
	uint8_t raw[LINE_TX_MAX];	/* the request as it goes on the wire */

	pthread_mutex_t lock;		/* guards what follows */
	struct line_counters shown;
	line_tap *tap;
	void *tap_arg;
};

/* ---- line.c ---- */

int line_new(struct line **, const struct line_backend *, const struct line_options *) USPD_MUST_CHECK;
/* Opens the device when it is not open, at most as often as the backend allows.  E_LOST, E_STOPPED,
 * E_INVALID (it refuses the settings). */
int line_ready(struct line *) USPD_MUST_CHECK;
/* Shuts a device that failed; `blame` counts it against the device (longer pauses). */
void line_lost(struct line *, bool blame);
/* Waits until the line was silent for a gap, discarding what comes meanwhile. */
int line_keep_gap(struct line *, bool is_stray) USPD_MUST_CHECK;
/* Reads a chunk, counts and taps it. */
int line_take(struct line *, uint8_t *, size_t size, size_t *n) USPD_MUST_CHECK;
void line_tapped(struct line *, enum tap_direction, int64_t mono_us, const uint8_t *, size_t);
void line_publish(struct line *);	/* makes the counters visible to others */
int64_t line_gap_us(const struct line *);	/* silence between requests */
int64_t line_silence_us(const struct line *);	/* silence that ends a frame */
int64_t line_lost_us(const struct line *);	/* silence that breaks a frame */
int64_t line_wire_us(const struct line *, size_t bytes);
bool line_settings_valid(const struct line_settings *);

/* ---- line_parity.c: bytes between family and wire ---- */

struct parity_tally { size_t bytes, marked, wrong; };
uint8_t parity_even(uint8_t);		/* sets bit 7 so that the number of ones is even */
/* The request as it is sent now, into line->raw. */
void parity_encode(struct line *, const uint8_t *tx, size_t len);
/* Removes parity in place; the tally learns what was seen. */
void parity_decode(const struct line *, uint8_t *, size_t len, struct parity_tally *);
/* An answer was accepted: counts errors, decides SOFT_AUTO. */
void parity_settle(struct line *, const struct parity_tally *);

/* ---- line_echo.c: removing the request from what is received ---- */

enum echo_state {
	ECHO_COMPARING,			/* what came so far equals the request and is held back */
	ECHO_MATCHED,			/* the whole request came; its echo, or an identical answer */
	ECHO_REMOVED,			/* it was the echo */
	ECHO_NONE,			/* no echo: everything is passed on */
};
struct echo_filter {
	enum echo_state state;
	bool is_sure;			/* a copy of the request cannot be an answer */
	size_t matched;			/* bytes equal to the request so far */
	size_t len;			/* of the request */
};
struct echo_filter echo_begin(const struct line *, size_t tx_len);
/* Looks at a chunk.  *skip: its first bytes are held back or were echo; *restore: so many bytes of
 * line->raw, held back until now, turned out to be the answer's beginning. */
void echo_strip(struct line *, struct echo_filter *, const uint8_t *, size_t n, size_t *skip,
    size_t *restore);
/* The line fell silent: returns how many bytes of line->raw are no echo but the answer. */
size_t echo_give_back(struct echo_filter *);
void echo_vote(struct line *, const struct echo_filter *, bool is_echo);
void echo_doubt(struct line *, int64_t now_us);	/* an exchange failed */

/* ---- line_fd.c: backends with a descriptor ---- */

int line_fd_wait(struct line *, short events, int64_t until_us);	/* as backend->wait */
int line_fd_wait_input(struct line *, int64_t until_us);
int line_fd_wait_wake(struct line *, int64_t until_us);
int line_fd_write(struct line *, const uint8_t *, size_t);
int line_fd_read(struct line *, uint8_t *, size_t size, size_t *n);
void line_fd_shut(struct line *);
void line_set_reason(struct line *, const char *what, int err);

/* ---- line_tty.c: the kernel's terminal settings ---- */

/* Raw mode with these settings, read back.  is_pty: the format is not compared, a pty has none.
 * E_INVALID when the driver does not take them, E_LOST when the device fails. */
int line_tty_configure(int fd, const struct line_settings *, bool is_pty) USPD_MUST_CHECK;

#endif
