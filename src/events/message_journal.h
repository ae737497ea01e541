/* Rows of the device journals about messages (smart-json.md 14).  Any thread. */
#ifndef USPD_EVENTS_MESSAGE_JOURNAL_H
#define USPD_EVENTS_MESSAGE_JOURNAL_H

#include <stdint.h>

#include "src/events/outbox.h"

struct store;

enum mail_action { MAIL_CLEARED, MAIL_ADDED, MAIL_REMOVED };
void journal_mail(struct store *, const struct outbox_head *, enum mail_action);
void journal_mail_sent(struct store *, const struct outbox_head *, int result);
void journal_mqtt_sent(struct store *, const struct outbox_head *);
void journal_mqtt_connection(struct store *, int64_t from, int64_t to, const char *address,
    unsigned port, int result);
/* A message was given up: why, for a person. */
void journal_lost(struct store *, const struct outbox_head *, const char *why);

#endif
