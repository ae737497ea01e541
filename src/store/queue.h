/* The writer's queue: a bounded ring of bytes that holds packed orders in the order they came.
 *
 * The writer reads a batch without taking it, commits, and only then frees the bytes: a batch that
 * could not be committed is still there.  Positions count bytes since the start and never wrap.
 * Not locked: the store's queue lock covers it. */
#ifndef USPD_STORE_QUEUE_H
#define USPD_STORE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

enum { QUEUE_BYTES = 256 * 1024, QUEUE_ITEM_MAX = 8192 };

struct queue {
	uint8_t *bytes;
	uint64_t head, tail;	/* first byte not committed, first free byte */
	size_t items;
};

int queue_open(struct queue *) USPD_MUST_CHECK;
void queue_close(struct queue *);
bool queue_has_room(const struct queue *, size_t items, size_t bytes);
/* Room was asked for before; len <= QUEUE_ITEM_MAX. */
void queue_push(struct queue *, const uint8_t *, size_t len);
/* Copies the item at *at (a position from head) and moves *at behind it; its length. */
size_t queue_peek(const struct queue *, uint64_t *at, uint8_t to[QUEUE_ITEM_MAX]);
void queue_drop(struct queue *, uint64_t upto, size_t items);

#endif
