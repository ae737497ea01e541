/* Inside the sending of messages: one place they go to.  Sending thread only. */
#ifndef USPD_EVENTS_MESSAGE_SEND_PLACE_H
#define USPD_EVENTS_MESSAGE_SEND_PLACE_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "src/events/message_send.h"
#include "src/events/message_transfer.h"
#include "src/events/mqtt.h"
#include "src/store/store.h"

struct sending;

struct place {
	TAILQ_ENTRY(place) link;
	struct outbox_place is;
	bool wanted, known;
	unsigned settings_seen;
	char *json;			/* its row */
	struct account account;
	struct sending *sending;
	unsigned fails;
	int64_t retry_us;		/* monotonic: rests until then */

	struct mqtt *mqtt;
	bool up;
	int64_t connected;		/* UTC */
	uint64_t given;			/* the last message given to the broker */
	int journalled;			/* result of the last failure in the journal; -1 */

	struct transfer *transfer;
};
TAILQ_HEAD(places, place);

struct sending {
	struct sending_options options;
	struct settings settings;
	unsigned settings_seen, hash;
	CURLM *multi;
	struct places places;
	int64_t expire_us;
	pthread_t thread;
	atomic_bool stop, reload_wanted;
	_Atomic uint64_t sent, given_up, failed;
};

/* Goes on with it as far as that goes without waiting. */
void place_look(struct sending *, struct place *);
/* Ends what is under way; messages stay in the outbox. */
void place_reset(struct sending *, struct place *);
void places_take_transfers(struct sending *);	/* that have ended */
int places_wait_ms(const struct sending *, int most);
/* Of a row of TABLE_EMAIL, to be freed; NULL. */
char *sending_address(struct sending *, int64_t id);
void sending_give_up(struct sending *, const struct outbox_head *, const char *why);

#endif
