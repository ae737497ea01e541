/* Receiver of RTU-327 requests: bytes in, frames and notices of bad checksums out (rtu-327.md 8.1).
 *
 * A pure state machine: time is a parameter (monotonic milliseconds), nothing is allocated.  Where
 * a stream is cut into segments does not matter.  In the buffer lie, front to back:
 *
 *   [0, hold)    bytes of a frame that failed; only starts of a frame in here are rescanned, and
 *                only one that is whole and whose checksum matches counts
 *   [hold, hunt) bytes passed over since; kept because a rescanned frame may reach into them
 *   [hunt, len)  not looked at yet, or an incomplete frame being waited for
 *
 * Usage: copy bytes to rtu327_receiver_room(), say how many with rtu327_receiver_fed(), then call
 * rtu327_receiver_next() until it wants more; call it again at rtu327_receiver_deadline(). */
#ifndef USPD_RTU327_RECEIVER_H
#define USPD_RTU327_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RTU327_BUFFER = 4096 };

struct rtu327_limits {
	size_t max_body;		/* longest request body accepted */
	bool crc_unsigned;
	uint32_t frame_timeout_ms;	/* an incomplete frame with no new byte is dropped after */
	uint32_t frame_age_ms;		/* and in any case after */
	size_t garbage;			/* bytes dropped without one valid frame */
};

struct rtu327_receiver {
	struct rtu327_limits limits;	/* may be changed at any time */
	uint8_t buf[RTU327_BUFFER];
	size_t len, hold, hunt;
	size_t taken;			/* bytes of the frame handed out last, still at the front */
	size_t checked;			/* rescanned frames that end here or before are known bad */
	int64_t last_byte_ms;
	int64_t since_ms;		/* the incomplete frame at `hunt` began; valid if waiting */
	int64_t held_ms;		/* `hold` began */
	bool waiting;			/* an incomplete frame is at `hunt` */
	bool ended;			/* no more bytes will come */
	size_t dropped;			/* since the last valid frame */
};

enum rtu327_received {
	RTU327_MORE,			/* nothing to do until bytes or the deadline come */
	RTU327_FRAME,			/* body: the N bytes, checksum good */
	RTU327_CORRUPT,			/* body: of a frame with a bad checksum, for its number */
	RTU327_GARBAGE,			/* the limit of garbage is exceeded: close */
};

void rtu327_receiver_init(struct rtu327_receiver *, const struct rtu327_limits *);
/* Free space; *size is 0 when frames have to be taken first. */
uint8_t *rtu327_receiver_room(struct rtu327_receiver *, size_t *size);
void rtu327_receiver_fed(struct rtu327_receiver *, size_t n, int64_t now_ms);
/* The peer has finished sending: what is incomplete will not become whole. */
void rtu327_receiver_end(struct rtu327_receiver *);
/* Reading was paused by us until now: the time lost is not the peer's. */
void rtu327_receiver_resume(struct rtu327_receiver *, int64_t now_ms);
/* *body and *len are valid until the next call of any function here. */
enum rtu327_received rtu327_receiver_next(struct rtu327_receiver *, int64_t now_ms,
    const uint8_t **body, size_t *len);
/* When next() must be called although no bytes came; -1: not needed. */
int64_t rtu327_receiver_deadline(const struct rtu327_receiver *);

#endif
