/* The outbox: messages on the disk until they are delivered (system.md 10.1).
 *
 * One file per message, written and renamed into place; its name is its place in the order.  An index
 * of what lies there is kept in memory.  When the outbox is full the oldest message goes.  Any thread
 * may call. */
#ifndef USPD_EVENTS_OUTBOX_H
#define USPD_EVENTS_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

/* Where a message goes: a row of TABLE_MQTT or of TABLE_SMTP. */
enum outbox_kind { OUTBOX_BROKER, OUTBOX_MAIL, OUTBOX_KINDS };
struct outbox_place { enum outbox_kind kind; int64_t id; };

enum { OUTBOX_TOPIC_MOST = 255 };
struct outbox_head {
	uint64_t number;		/* order, and msgId of the payload */
	struct outbox_place place;
	uint64_t message;		/* msgId: that of the first part */
	unsigned part, parts;
	int64_t content;		/* row of TABLE_MESSAGES */
	int64_t to;			/* OUTBOX_MAIL: row of TABLE_EMAIL */
	int64_t created;		/* UTC */
	uint32_t delay_s;		/* not sent earlier than so long after */
	char topic[OUTBOX_TOPIC_MOST + 1];
};

struct outbox;
/* `lost` hears of every message that had to make room; called in the thread of outbox_put(). */
struct outbox_options {
	const char *dir;		/* made when missing */
	void (*lost)(void *arg, const struct outbox_head *);
	void *arg;
};
/* Takes over what lies there; what is no whole message goes.  E_IO, E_NOMEM. */
int outbox_open(struct outbox **, const struct outbox_options *) USPD_MUST_CHECK;
void outbox_close(struct outbox *);	/* NULL allowed */
void outbox_limit(struct outbox *, uint64_t bytes);	/* 64 MiB at first */

/* The number of the next message: grows with every call, also over restarts. */
uint64_t outbox_number(struct outbox *);
/* Durable on return.  E_FULL (the disk, or larger than the whole outbox), E_IO, E_NOMEM. */
int outbox_put(struct outbox *, const struct outbox_head *, const char *payload,
    size_t len) USPD_MUST_CHECK;
/* The first message for a place after this number; false: none.  *age_s: since it was created; a
 * clock that is set meanwhile does not count. */
bool outbox_next(struct outbox *, struct outbox_place, uint64_t after, struct outbox_head *,
    int64_t *age_s);
/* Its payload, NUL-terminated, to be freed.  E_NOTFOUND, E_NOMEM, E_IO. */
int outbox_payload(struct outbox *, uint64_t number, char **payload, size_t *len) USPD_MUST_CHECK;
void outbox_remove(struct outbox *, uint64_t number);
/* Places that have messages: at most `max`; returns their number. */
size_t outbox_places(struct outbox *, struct outbox_place *, size_t max);

struct outbox_stats { size_t messages; uint64_t bytes, lost; };
void outbox_stats(struct outbox *, struct outbox_stats *);

#endif
