/* One message on its way through libcurl, by mail (smtp.c) or as a POST (push.c).  Sending thread. */
#ifndef USPD_EVENTS_MESSAGE_TRANSFER_H
#define USPD_EVENTS_MESSAGE_TRANSFER_H

#include <curl/curl.h>
#include <stddef.h>

#include "src/events/message_account.h"
#include "src/events/outbox.h"

struct transfer {
	CURL *easy;
	struct curl_slist *headers, *receivers;
	curl_mime *mime;
	char *payload;			/* owned */
	size_t len;
	struct outbox_head head;
};
/* What became of it. */
enum verdict { VERDICT_SENT, VERDICT_RETRY, VERDICT_GIVE_UP };

/* What mails and posts have in common.  E_NOMEM. */
int transfer_open(struct transfer **, const struct account *, const struct outbox_head *,
    char *payload, size_t len) USPD_MUST_CHECK;	/* takes the payload, also on error */
void transfer_close(struct transfer *);	/* NULL allowed */

#endif
