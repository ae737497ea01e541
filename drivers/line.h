/* The line: what a meter family sees of the wire (design.md "The line", poller.md 2, 5.1).
 *
 * One exchange = one request and its answer.  The family supplies a framer, a pure function that
 * says how much of an answer has arrived, so that an answer is taken the moment its last byte is
 * there.  The line owns everything else: line settings, gaps, deadlines, echo, stray and late
 * bytes, immediate repeats of damaged answers, software parity, direction, counters and the tap.
 *
 * Thread: a line belongs to one bus thread.  Only line_wake(), line_counters() and line_tap_set()
 * may be called from others. */
#ifndef USPD_DRIVERS_LINE_H
#define USPD_DRIVERS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

/* ---- framers ---- */

enum frame_verdict {
	FRAME_MORE,	/* at least n more bytes are needed (n >= 1) */
	FRAME_WHOLE,	/* the first n bytes are the good answer */
	FRAME_SILENT,	/* the first n bytes are the answer if the line now stays silent for a gap */
	FRAME_NOISE,	/* skip the first n bytes: not the beginning of a frame */
	FRAME_FOREIGN,	/* the first n bytes are a good frame of another station: drop, go on waiting */
	FRAME_DAMAGED,	/* the first n bytes are a frame with a wrong checksum: repeat */
};
struct framing { enum frame_verdict verdict; size_t n; };
/* Pure.  `hint` is what the family passed to line_exchange (what it expects). */
typedef struct framing framer(const void *hint, const uint8_t *rx, size_t len);

/* ---- settings ---- */

enum line_parity { PARITY_NONE, PARITY_EVEN, PARITY_ODD };
struct line_settings {
	uint32_t baud;		/* 300..921600 */
	uint8_t bits;		/* 7 or 8 */
	enum line_parity parity;
	uint8_t stop;		/* 1 or 2 */
};
/* "9600,8n1" (smart-json.md 7.2).  E_INVALID leaves *s unchanged.  buf of 16 bytes is enough. */
int line_settings_parse(struct line_settings *, const char *text) USPD_MUST_CHECK;
void line_settings_print(const struct line_settings *, char *buf, size_t size);
bool line_settings_equal(const struct line_settings *, const struct line_settings *);
/* Duration of one character on the wire, start and parity bits included, nanoseconds. */
uint32_t line_char_ns(const struct line_settings *);

enum soft_parity {		/* meter-iec61107.md 1 */
	SOFT_NONE,		/* bytes as they are */
	SOFT_EVEN,		/* 7E1 made in software on an 8N1 line: both ways */
	SOFT_AUTO,		/* send even; when the peer answers without parity, stop sending it */
};

/* How to talk to one meter.  0 means the line's default where one is named. */
struct line_timing {
	uint32_t answer_ms;	/* longest wait for the first byte after the request has left; 500 */
	uint32_t gap_ms;	/* silence after an answer before the next request, and end of a
				 * frame that FRAME_SILENT awaits; never under 3.5 characters */
	uint32_t lost_ms;	/* silence inside a frame that ends it as lost; gap_ms */
	uint8_t  tries;		/* attempts for damaged answers, 1..10; 3 */
	uint32_t extra_reply_ms;	/* added to answer_ms (bus, hub, radio) */
};

/* ---- opening ---- */

struct line;

enum line_echo { ECHO_AUTO, ECHO_ON, ECHO_OFF };
enum line_direction { DIRECTION_AUTO, DIRECTION_IOCTL, DIRECTION_RTS, DIRECTION_RTS_INVERTED };
enum line_kind { LINE_RS485, LINE_CAN };	/* CAN transceiver: same bytes, echo on, 109 stations */

struct line_options {
	const char *name;	/* for logs: "bus1", "10.0.0.5:4001"; copied */
	enum line_kind kind;
	enum line_echo echo;
	enum line_direction direction;
	uint32_t gap_min_ms;	/* 0: 5 native, 20 USB, 300 TCP (poller.md 2.4) */
	uint32_t latency_timer_ms;	/* USB-UART latency; 0: 1 */
};

/* Serial device or pty.  The device need not exist yet: it is opened on the first exchange and
 * again after it vanished (E_LOST meanwhile, at most one attempt a second). */
int line_open_serial(struct line **, const char *path, const struct line_options *) USPD_MUST_CHECK;
/* TCP client to "host:port" ("[v6]:port"); connects on first use, reconnects with pauses. */
int line_open_tcp(struct line **, const char *endpoint, const struct line_options *) USPD_MUST_CHECK;

/* Scripted line for tests: expects tx, gives rx.  Steps are borrowed. */
struct script_step {
	const uint8_t *tx; size_t tx_len;	/* what must be sent; tx NULL: anything */
	const uint8_t *rx; size_t rx_len;	/* what comes back; 0: silence */
};
int line_open_script(struct line **, const struct script_step *, size_t n) USPD_MUST_CHECK;
size_t line_script_played(const struct line *);		/* steps whose tx was sent as expected */
/* Text of the first difference ("step 3: expected 01.. sent 02.."), NULL when none. */
const char *line_script_error(const struct line *);

void line_close(struct line *);			/* NULL is allowed */

enum { RS485_STATIONS = 255, CAN_STATIONS = 109 };
unsigned line_station_limit(const struct line *);	/* poller.md 1 */
const char *line_name(const struct line *);

/* ---- talking ---- */

/* Line parameters and timing for the next exchanges.  A change of parameters waits one gap on
 * both sides (poller.md 2.2); equal ones cost nothing.  E_LOST, E_INVALID. */
int line_configure(struct line *, const struct line_settings *, const struct line_timing *,
    enum soft_parity) USPD_MUST_CHECK;

/* Sends tx and waits for its answer.  `framer` NULL: no answer is expected, returns when the last
 * byte has left.  On success rx[0..*rx_len) is exactly the frame the framer approved (echo
 * stripped, parity removed).  Damaged and incomplete answers are repeated at once, `tries` in all;
 * silence is not (the conversation reopens the session first, poller.md 5.2).
 * Errors: E_TIMEOUT nothing came; E_CHECKSUM, E_FRAME damaged; E_FOREIGN only other stations
 * answered; E_LIMIT answer longer than rx_size; E_PREEMPTED the bus is wanted (nothing was sent);
 * E_STOPPED by line_wake(); E_LOST the device is gone. */
int line_exchange(struct line *, const uint8_t *tx, size_t tx_len, framer *, const void *hint,
    uint8_t *rx, size_t rx_size, size_t *rx_len) USPD_MUST_CHECK;

/* Keeps the line silent for ms after the last byte (IEC 61107 break).  Ends early on wake. */
int line_silence(struct line *, uint32_t ms) USPD_MUST_CHECK;

/* Device times of the last exchange, microseconds UTC: computed end of sending, arrival of the
 * first byte of the answer minus one character, arrival of its last byte (poller.md 7.1). */
struct exchange_times { int64_t sent_us, first_us, done_us; };
struct exchange_times line_times(const struct line *);

/* Asked before every exchange; a negative return is what line_exchange then returns without
 * sending.  This is the exchange boundary at which a bus is taken (transit, class 1). */
void line_gate_set(struct line *, int (*gate)(void *arg), void *arg);

/* Makes a wait in progress return E_STOPPED soon; stays in force until line_wake_clear(). */
void line_wake(struct line *);
void line_wake_clear(struct line *);

/* Raw access for transit: the descriptor (-1 when the device is gone) after line_configure(). */
int line_fd(struct line *);
/* Readable while line_wake() is in force; to be watched beside line_fd(). */
int line_wake_fd(const struct line *);
/* What is there now (*n 0: nothing), counted and tapped as everything else.  E_LOST: the device is
 * gone; the next line_configure() opens it anew. */
int line_raw_read(struct line *, uint8_t *, size_t size, size_t *n) USPD_MUST_CHECK;
/* As much as the device takes now (*n may be 0).  A direction switched by hand waits here until the
 * bytes have left.  E_LOST; E_STOPPED by line_wake(). */
int line_raw_write(struct line *, const uint8_t *, size_t size, size_t *n) USPD_MUST_CHECK;

/* ---- watching ---- */

struct line_counters {		/* poller.md 9; since opening */
	uint64_t exchanges, answers, timeouts, damaged, foreign, stray_bytes, echoes, reopens;
	uint64_t parity_errors, tx_bytes, rx_bytes;
	uint64_t wire_us;	/* time bytes were on the wire, computed from their number */
	uint64_t wait_us;	/* from end of sending to the first byte of answers */
	uint64_t gap_us;	/* silence kept before requests */
	uint64_t lost_us;	/* time spent in exchanges that failed */
	uint64_t busy_us;	/* time inside line_exchange in all */
};
void line_counters(const struct line *, struct line_counters *);

/* Called for every chunk sent or received, with device time; NULL switches off.  Any thread may
 * set it; the tap itself runs in the bus thread and must not block. */
enum tap_direction { TAP_SENT, TAP_RECEIVED };
typedef void line_tap(void *arg, enum tap_direction, int64_t utc_us, const uint8_t *, size_t);
void line_tap_set(struct line *, line_tap *, void *arg);

#endif
