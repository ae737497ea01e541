/* Sending what lies in the outbox: one thread for all brokers, mail and web servers, in which nobody
 * waits for one of them.  Order is kept for each place; a place that fails rests for a growing pause
 * (event-model.md 6.3). */
#ifndef USPD_EVENTS_MESSAGE_SEND_H
#define USPD_EVENTS_MESSAGE_SEND_H

#include <stdint.h>

#include "src/events/outbox.h"

struct sending;
struct store;

struct sending_options {
	struct store *store;
	struct outbox *outbox;
	const char *dir;	/* for files of certificates */
	const char *serial;	/* of the device */
};
int sending_open(struct sending **, const struct sending_options *) USPD_MUST_CHECK;
void sending_close(struct sending *);	/* says goodbye to brokers; NULL allowed */
/* There is something new in the outbox, or settings have changed.  Any thread. */
void sending_wake(struct sending *);
void sending_reload(struct sending *);

struct sending_stats { uint64_t sent, given_up, failed; };
void sending_stats(struct sending *, struct sending_stats *);

#endif
