/* Messages pushed to a web server: POST of the payload to the account's URL, the topic as its last
 * part.  Sending thread. */
#ifndef USPD_EVENTS_PUSH_H
#define USPD_EVENTS_PUSH_H

#include "src/events/message_transfer.h"

/* E_NOMEM, E_INVALID. */
int push_prepare(struct transfer *, const struct account *) USPD_MUST_CHECK;
/* 2xx is sent; only what the server says of this very message (400, 413, 415, 422) gives it up. */
enum verdict push_judge(const struct transfer *, CURLcode, long *status);

#endif
