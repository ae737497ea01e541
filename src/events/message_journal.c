#include "src/events/message_journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/store/store.h"

enum { TOPIC_LETTERS = 16 };

static void
add(struct store *store, enum device_journal journal, struct text *json)
{
	if (json->failed || store_journal_add(store, journal, clock_utc(), json->p) < 0)
		log_warn("messages", "a row of a journal was lost");
	text_free(json);
}

void
journal_mail(struct store *store, const struct outbox_head *h, enum mail_action action)
{
	struct text t = { 0 };

	text_printf(&t,
	    "{\"idMsg\":%" PRId64 ",\"idSrv\":%" PRId64 ",\"idTo\":%" PRId64
	    ",\"action\":%d,\"res\":0}",
	    h->content, h->place.id, h->to, (int)action);
	add(store, DJ_MAIL_MSG, &t);
}

void
journal_mail_sent(struct store *store, const struct outbox_head *h, int result)
{
	struct text t = { 0 };

	text_printf(&t, "{\"idMsg\":%" PRId64 ",\"idSrv\":%" PRId64 ",\"idTo\":%" PRId64 ",\"res\":%d}",
	    h->content, h->place.id, h->to, result);
	add(store, DJ_MAIL_SEND, &t);
}

/* The 16 letters of a topic from `from` on. */
static void
print_half(struct text *t, const char *topic, size_t from)
{
	char half[TOPIC_LETTERS * 4 + 1];
	size_t letter = 0, len = 0;

	for (const char *p = topic; *p != '\0'; p++) {
		bool begins = ((unsigned char)*p & 0xc0) != 0x80;

		letter += begins;
		if (letter > from && letter <= from + TOPIC_LETTERS && len + 1 < sizeof(half))
			half[len++] = *p;
	}
	half[len] = '\0';
	text_json(t, half);
}

void
journal_mqtt_sent(struct store *store, const struct outbox_head *h)
{
	struct text t = { 0 };

	text_printf(&t, "{\"file\":\"%016" PRIx64 "\",\"topicH\":", h->number);
	print_half(&t, h->topic, 0);
	text_str(&t, ",\"topicL\":");
	print_half(&t, h->topic, TOPIC_LETTERS);
	text_str(&t, ",\"status\":0}");
	add(store, DJ_MQTT_MESSAGE, &t);
}

void
journal_mqtt_connection(struct store *store, int64_t from, int64_t to, const char *address,
    unsigned port, int result)
{
	struct text t = { 0 };

	text_printf(&t, "{\"connect\":%" PRId64 ",\"disconnect\":%" PRId64 ",\"address\":", from, to);
	text_json(&t, address);
	text_printf(&t, ",\"port\":%u,\"res\":%d}", port, result);
	add(store, DJ_MQTT_CONNECT, &t);
}

void
journal_lost(struct store *store, const struct outbox_head *h, const char *why)
{
	struct text t = { 0 };

	text_str(&t, "{\"level\":\"warn\",\"unit\":\"messages\",\"code\":\"lost\",\"text\":");
	text_json(&t, why);
	text_printf(&t, ",\"msgId\":\"%016" PRIx64 "\",\"part\":%u}", h->message, h->part);
	add(store, DJ_SYSTEM, &t);
	if (h->place.kind == OUTBOX_MAIL)
		journal_mail(store, h, MAIL_REMOVED);
	log_warn("messages", "message %016" PRIx64 " part %u is given up: %s", h->message, h->part,
	    why);
}
