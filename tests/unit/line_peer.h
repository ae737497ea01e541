/* The other end of a line in tests: a thread that reads requests and gives answers piece by piece.
 * The next piece is written only after the line has read the one before, so that nothing here
 * depends on time. */
#ifndef USPD_TESTS_UNIT_LINE_PEER_H
#define USPD_TESTS_UNIT_LINE_PEER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "src/base/clock.h"

enum { PEER_PIECES = 4, PEER_BYTES = 1024 };

struct peer_turn {
	size_t takes;			/* bytes of the request; 0 ends the turns */
	const char *gives[PEER_PIECES];	/* hex; NULL ends */
};

struct peer {
	int fd;				/* master of the pty, or the accepted socket */
	char path[64];			/* of the slave */
	const struct peer_turn *turns;
	size_t n_turns;
	int stop_fd;
	pthread_t thread;
	bool is_running;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t received;		/* by the line, as its tap tells */
	size_t given;
	uint8_t sent[PEER_BYTES];	/* by the line, as its tap tells */
	size_t sent_len;
	bool is_stopping;
};

void peer_open_pty(struct peer *);
void peer_open_fd(struct peer *, int fd);
/* Turns are borrowed; at most n, or up to the first that takes nothing. */
void peer_play(struct peer *, const struct peer_turn *, size_t n);
void peer_join(struct peer *);		/* ends the thread, even in the middle of a turn */
void peer_close(struct peer *);		/* joins and hangs up */
line_tap peer_tap;			/* arg: the peer */
void peer_give(struct peer *, const char *hex);	/* from the test's own thread */

/* One exchange whose answer is thrown away. */
#define PEER_REQUEST "100155990d"
int peer_exchange(struct line *, const char *request, framer *);
framer peer_frame_of_five;		/* any five bytes */

/* The real clock, which a test can move on. */
extern const struct clock_source peer_clock;
void peer_clock_advance(int64_t us);

size_t hex_bytes(const char *hex, uint8_t *to, size_t size);
const char *bytes_hex(const uint8_t *, size_t n, char *buf, size_t size);

#endif
