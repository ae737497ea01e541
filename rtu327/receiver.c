#include "rtu327/receiver.h"

#include <string.h>

#include "rtu327/codec.h"
#include "src/base/checksum.h"

void
rtu327_receiver_init(struct rtu327_receiver *r, const struct rtu327_limits *limits)
{
	memset(r, 0, sizeof(*r));
	r->limits = *limits;
}

/* Removes n bytes from the front. */
static void
shift(struct rtu327_receiver *r, size_t n)
{
	memmove(r->buf, r->buf + n, r->len - n);
	r->len -= n;
	r->hold = r->hold > n ? r->hold - n : 0;
	r->hunt = r->hunt > n ? r->hunt - n : 0;
	r->checked = r->checked > n ? r->checked - n : 0;
}

static void
drop(struct rtu327_receiver *r, size_t n)
{
	shift(r, n);
	r->dropped += n;
}

/* Gives up rescanning: what has been passed over is garbage. */
static void
drop_held(struct rtu327_receiver *r)
{
	r->hold = 0;
	r->checked = 0;
	drop(r, r->hunt);
}

/* The frame handed out stays in the buffer until its reader is done with it. */
static void
settle(struct rtu327_receiver *r)
{
	size_t n = r->taken;

	r->taken = 0;
	shift(r, n);
}

uint8_t *
rtu327_receiver_room(struct rtu327_receiver *r, size_t *size)
{
	settle(r);
	*size = sizeof(r->buf) - r->len;
	return r->buf + r->len;
}

void
rtu327_receiver_fed(struct rtu327_receiver *r, size_t n, int64_t now_ms)
{
	r->len += n;
	if (n > 0)
		r->last_byte_ms = now_ms;
}

void
rtu327_receiver_end(struct rtu327_receiver *r)
{
	r->ended = true;
}

void
rtu327_receiver_resume(struct rtu327_receiver *r, int64_t now_ms)
{
	r->last_byte_ms = now_ms;
	r->since_ms = now_ms;
	r->held_ms = now_ms;
}

enum candidate { NONE, INCOMPLETE, GOOD, BAD };

/* What begins at position `at`; *size is the frame's length when it is a possible one.  Frames
 * that end at `known_bad` or before need no second checksum. */
static enum candidate
look(const struct rtu327_receiver *r, size_t at, size_t known_bad, size_t *size)
{
	struct rd rd = rd_init(r->buf + at, r->len - at);
	uint8_t start = rd_u8(&rd);
	size_t n = rd_u16_be(&rd);
	const uint8_t *body;
	uint16_t sum;

	*size = RTU327_PREFIX;
	if (start != RTU327_START)
		return NONE;
	if (rd_failed(&rd))
		return INCOMPLETE;
	if (n < RTU327_HEADER || n > r->limits.max_body)
		return NONE;
	*size = n + RTU327_OVERHEAD;
	body = rd_take(&rd, n);
	sum = rd_u16_be(&rd);
	if (rd_failed(&rd))
		return INCOMPLETE;
	if (at + *size <= known_bad)
		return BAD;
	return crc16_rtu327(body, n, !r->limits.crc_unsigned) == sum ? GOOD : BAD;
}

/* Looks for a whole good frame that starts in [0, hold).  Finding none, it keeps only what may
 * still become one. */
static bool
rescan(struct rtu327_receiver *r, size_t *at, size_t *size)
{
	size_t keep = r->hold;

	for (*at = 0; *at < r->hold; (*at)++) {
		enum candidate found = look(r, *at, r->checked, size);

		if (found == GOOD)
			return true;
		if (found == INCOMPLETE && *at < keep)
			keep = *at;
	}
	r->checked = r->len;
	if (keep == r->hold)
		drop_held(r);
	else
		drop(r, keep);
	return false;
}

static bool
silent(const struct rtu327_receiver *r, int64_t now_ms)
{
	return r->ended || now_ms - r->last_byte_ms >= r->limits.frame_timeout_ms;
}

/* Everything after the failed start at `hunt` is rescanned (rtu-327.md 8.1, 4 and 5). */
static void
hold_rest(struct rtu327_receiver *r, size_t rest, int64_t now_ms)
{
	r->hold = 0;
	drop(r, r->hunt + 1);
	r->hold = rest;
	r->hunt = rest;
	r->checked = 0;
	r->held_ms = now_ms;
	r->waiting = false;
}

/* Leaves `hunt` at a frame start being waited for, or at the end.  True: *size of them can be
 * judged, as *found. */
static bool
hunt(struct rtu327_receiver *r, int64_t now_ms, enum candidate *found, size_t *size)
{
	for (; r->hunt < r->len; r->hunt++) {
		*found = look(r, r->hunt, 0, size);
		if (*found == GOOD || *found == BAD)
			return true;
		if (*found == INCOMPLETE) {
			if (!r->waiting)
				r->since_ms = now_ms;
			r->waiting = true;
			return false;
		}
		r->waiting = false;
	}
	return false;
}

enum rtu327_received
rtu327_receiver_next(struct rtu327_receiver *r, int64_t now_ms, const uint8_t **body, size_t *len)
{
	enum candidate found;
	size_t at, size;

	settle(r);
	for (;;) {
		if (r->dropped > r->limits.garbage)
			return RTU327_GARBAGE;
		if (r->hold > 0 && rescan(r, &at, &size))
			goto good;
		if (r->hold > 0 &&
		    (silent(r, now_ms) || r->len == sizeof(r->buf) ||
			now_ms - r->held_ms >= r->limits.frame_age_ms))
			drop_held(r);
		at = r->hunt;
		if (hunt(r, now_ms, &found, &size)) {
			at = r->hunt;
			r->waiting = false;
			if (found == GOOD)
				goto good;
			break;
		}
		if (r->hold == 0)
			drop(r, r->hunt);
		if (r->dropped > r->limits.garbage)
			return RTU327_GARBAGE;
		if (!r->waiting ||
		    (!silent(r, now_ms) && now_ms - r->since_ms < r->limits.frame_age_ms))
			return RTU327_MORE;
		hold_rest(r, r->len - r->hunt - 1, now_ms);
	}
	/* The failed frame's own start is gone, the rest of it is still at the front. */
	hold_rest(r, size - 1, now_ms);
	*body = r->buf + RTU327_PREFIX - 1;
	*len = size - RTU327_OVERHEAD;
	return RTU327_CORRUPT;
good:
	drop(r, at);
	r->dropped = 0;
	r->waiting = false;
	r->taken = size;
	*body = r->buf + RTU327_PREFIX;
	*len = size - RTU327_OVERHEAD;
	return RTU327_FRAME;
}

int64_t
rtu327_receiver_deadline(const struct rtu327_receiver *r)
{
	int64_t silence = r->last_byte_ms + r->limits.frame_timeout_ms;
	int64_t age = INT64_MAX;

	if (!r->waiting && r->hold == 0)
		return -1;
	if (r->waiting)
		age = r->since_ms + r->limits.frame_age_ms;
	if (r->hold > 0 && r->held_ms + r->limits.frame_age_ms < age)
		age = r->held_ms + r->limits.frame_age_ms;
	return silence < age ? silence : age;
}
