/* Messages with the data of meters (event-model.md 7.5, system.md 10): the actions MQTTMeterMessages
 * and SMTPMeterMessages make one, lay it into the outbox, and it is sent from there when the way is
 * free.  An action has ended when its message is durable in the outbox.
 *
 * Two threads besides the loop: one makes contents, one sends. */
#ifndef USPD_EVENTS_MESSAGE_H
#define USPD_EVENTS_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

struct events;
struct loop;
struct messages;
struct poll;
struct store;

struct messages_options {
	struct store *store;
	struct loop *loop;
	struct poll *poll;
	struct events *events;		/* the sender of its actions from now on */
	const char *data_dir;		/* the outbox is a directory in it */
	const char *serial;		/* of the device; "": its host name */
};
/* Before events_start(); E_NOMEM, E_IO. */
int messages_open(struct messages **, const struct messages_options *) USPD_MUST_CHECK;
void messages_reload(struct messages *);	/* settings or tables have changed; loop */
/* When the loop has ended, before the poller is closed.  NULL allowed. */
void messages_close(struct messages *);

struct messages_stats { size_t waiting; uint64_t bytes, made, sent, failed, lost; };
void messages_stats(struct messages *, struct messages_stats *);	/* any thread */

#endif
