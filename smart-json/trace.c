#include "smart-json/trace.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES = 512 * 1024, LINES = 512 * 1024 / 24, JOIN_US = 30000 };

struct entry {
	int64_t utc_us;
	uint64_t at;			/* of all bytes ever */
	uint32_t len;
	uint32_t way;
};
struct trace {
	atomic_uint refs;
	pthread_mutex_t lock;
	uint64_t n_lines, n_bytes;	/* ever */
	int64_t grown_us;		/* when the newest line got its last bytes */
	struct entry lines[LINES];	/* line n at (n - 1) % LINES */
	uint8_t bytes[BYTES];
};

struct trace *
trace_new(void)
{
	struct trace *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	atomic_init(&t->refs, 1);
	pthread_mutex_init(&t->lock, NULL);
	return t;
}

struct trace *
trace_hold(struct trace *t)
{
	atomic_fetch_add(&t->refs, 1);
	return t;
}

void
trace_drop(struct trace *t)
{
	if (t == NULL || atomic_fetch_sub(&t->refs, 1) != 1)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- lock held ---- */

static struct entry *
line_of(struct trace *t, uint64_t number)
{
	return &t->lines[(number - 1) % LINES];
}

/* Its bytes are not overwritten yet. */
static bool
is_whole(struct trace *t, uint64_t number)
{
	return t->n_bytes - line_of(t, number)->at <= BYTES;
}

static void
put_bytes(struct trace *t, const uint8_t *bytes, size_t n)
{
	size_t at = (size_t)(t->n_bytes % BYTES), first = BYTES - at < n ? BYTES - at : n;

	memcpy(t->bytes + at, bytes, first);
	memcpy(t->bytes, bytes + first, n - first);
	t->n_bytes += n;
}

static bool
joins(struct trace *t, enum tap_direction way, int64_t utc_us, size_t n)
{
	const struct entry *last;

	if (t->n_lines == 0)
		return false;
	last = line_of(t, t->n_lines);
	return last->way == (uint32_t)way && utc_us - t->grown_us < JOIN_US && utc_us >= t->grown_us &&
	    last->len + n <= TRACE_LINE_MOST;
}

static void
copy_line(struct trace *t, uint64_t number, struct trace_line *line)
{
	const struct entry *e = line_of(t, number);
	size_t at = (size_t)(e->at % BYTES), first = BYTES - at < e->len ? BYTES - at : e->len;

	line->number = number;
	line->utc_us = e->utc_us;
	line->way = (enum tap_direction)e->way;
	line->len = e->len;
	memcpy(line->bytes, t->bytes + at, first);
	memcpy(line->bytes + first, t->bytes, e->len - first);
}

/* The oldest line that is there in full; n_lines + 1 when none is.  The numbers of whole lines are
 * an unbroken run up to the newest. */
static uint64_t
oldest(struct trace *t)
{
	uint64_t low = t->n_lines > LINES ? t->n_lines - LINES + 1 : 1, high = t->n_lines + 1;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (is_whole(t, middle))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* ---- */

void
trace_add(struct trace *t, enum tap_direction way, int64_t utc_us, const uint8_t *bytes, size_t n)
{
	pthread_mutex_lock(&t->lock);
	while (n > 0) {
		size_t part = n < TRACE_LINE_MOST ? n : TRACE_LINE_MOST;

		if (!joins(t, way, utc_us, part)) {
			t->n_lines++;
			*line_of(t, t->n_lines) = (struct entry){ .utc_us = utc_us, .at = t->n_bytes,
				.way = (uint32_t)way };
		}
		line_of(t, t->n_lines)->len += (uint32_t)part;
		t->grown_us = utc_us;
		put_bytes(t, bytes, part);
		bytes += part;
		n -= part;
	}
	pthread_mutex_unlock(&t->lock);
}

bool
trace_next(struct trace *t, uint64_t after, struct trace_line *line)
{
	uint64_t first;
	bool found;

	pthread_mutex_lock(&t->lock);
	first = oldest(t);
	if (first <= after)
		first = after + 1;
	found = first <= t->n_lines;
	if (found)
		copy_line(t, first, line);
	pthread_mutex_unlock(&t->lock);
	return found;
}

uint64_t
trace_last(struct trace *t)
{
	uint64_t last;

	pthread_mutex_lock(&t->lock);
	last = t->n_lines;
	pthread_mutex_unlock(&t->lock);
	return last;
}

uint64_t
trace_settled(struct trace *t, int64_t now_us)
{
	uint64_t last;

	pthread_mutex_lock(&t->lock);
	last = t->n_lines;
	if (last > 0 && now_us - t->grown_us < JOIN_US && now_us >= t->grown_us)
		last--;
	pthread_mutex_unlock(&t->lock);
	return last;
}
