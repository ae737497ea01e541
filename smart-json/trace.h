/* What passed on a line lately: chunks as the tap sees them, joined into frames, in a ring of one
 * mebibyte; the oldest are overwritten.  Any thread; a bus thread never waits longer than one line
 * takes to copy. */
#ifndef USPD_SMART_JSON_TRACE_H
#define USPD_SMART_JSON_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"

enum { TRACE_LINE_MOST = 4096 };

struct trace;
struct trace_line {
	uint64_t number;	/* from 1, without gaps */
	int64_t utc_us;		/* of its first byte as the tap tells it */
	enum tap_direction way;
	size_t len;
	uint8_t bytes[TRACE_LINE_MOST];
};

struct trace *trace_new(void);		/* NULL: no memory */
struct trace *trace_hold(struct trace *);
void trace_drop(struct trace *);	/* by each who holds it; NULL allowed */
/* Chunks of one direction closer than 30 ms are one line. */
void trace_add(struct trace *, enum tap_direction, int64_t utc_us, const uint8_t *, size_t);
/* The oldest line with a number above `after` that is still there.  false: none. */
bool trace_next(struct trace *, uint64_t after, struct trace_line *);
uint64_t trace_last(struct trace *);	/* number of the newest line; 0 none */
/* Number of the newest line that will not grow any more. */
uint64_t trace_settled(struct trace *, int64_t now_us);

#endif
