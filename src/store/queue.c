#include "src/store/queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Each item is its length, 16 bits little end first, and its bytes; both may wrap. */
enum { LENGTH_BYTES = 2 };

int
queue_open(struct queue *q)
{
	*q = (struct queue){ .bytes = malloc(QUEUE_BYTES) };
	return q->bytes != NULL ? E_OK : E_NOMEM;
}

void
queue_close(struct queue *q)
{
	free(q->bytes);
	q->bytes = NULL;
}

bool
queue_has_room(const struct queue *q, size_t items, size_t bytes)
{
	return q->tail - q->head + items * LENGTH_BYTES + bytes <= QUEUE_BYTES;
}

static void
copy_in(struct queue *q, const uint8_t *from, size_t len)
{
	size_t at = (size_t)(q->tail % QUEUE_BYTES);
	size_t first = len < QUEUE_BYTES - at ? len : QUEUE_BYTES - at;

	memcpy(q->bytes + at, from, first);
	memcpy(q->bytes, from + first, len - first);
	q->tail += len;
}

static void
copy_out(const struct queue *q, uint64_t *from, uint8_t *to, size_t len)
{
	size_t at = (size_t)(*from % QUEUE_BYTES);
	size_t first = len < QUEUE_BYTES - at ? len : QUEUE_BYTES - at;

	memcpy(to, q->bytes + at, first);
	memcpy(to + first, q->bytes, len - first);
	*from += len;
}

void
queue_push(struct queue *q, const uint8_t *item, size_t len)
{
	uint8_t length[LENGTH_BYTES] = { (uint8_t)len, (uint8_t)(len >> 8) };

	assert(len <= QUEUE_ITEM_MAX && queue_has_room(q, 1, len));
	copy_in(q, length, LENGTH_BYTES);
	copy_in(q, item, len);
	q->items++;
}

size_t
queue_peek(const struct queue *q, uint64_t *at, uint8_t to[QUEUE_ITEM_MAX])
{
	uint8_t length[LENGTH_BYTES];
	size_t len;

	copy_out(q, at, length, LENGTH_BYTES);
	len = (size_t)length[0] | (size_t)length[1] << 8;
	assert(len <= QUEUE_ITEM_MAX);
	copy_out(q, at, to, len);
	return len;
}

void
queue_drop(struct queue *q, uint64_t upto, size_t items)
{
	q->head = upto;
	q->items -= items;
}
