#include "src/events/message_send_place.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/events/message_journal.h"
#include "src/events/push.h"
#include "src/events/smtp.h"

#define SECOND INT64_C(1000000)

/* system.md 10.2, event-model.md 6.3 */
static const uint16_t broker_pauses_s[] = { 5, 10, 30, 60, 300 };
static const uint16_t pauses_s[] = { 10, 30, 60, 300, 900 };
enum { PAUSES = 5 };

/* Up to a quarter more, different on each device: a thousand of them do not come back at once. */
static void
rest(struct sending *s, struct place *p)
{
	unsigned step = p->fails < PAUSES ? p->fails : PAUSES - 1;
	int64_t pause_s = p->account.kind == ACCOUNT_MQTT ? broker_pauses_s[step] : pauses_s[step];

	if (pause_s > s->settings.message_retry_most_s)
		pause_s = s->settings.message_retry_most_s;
	p->fails++;
	p->retry_us = clock_mono_us() + pause_s * SECOND + pause_s * (s->hash & 255) * SECOND / 1024;
	atomic_fetch_add(&s->failed, 1);
}

/* The next message for a place; one whose time has not come lets the place rest until then. */
static bool
next_message(struct sending *s, struct place *p, uint64_t after, struct outbox_head *h)
{
	int64_t age_s;

	if (!outbox_next(s->options.outbox, p->is, after, h, &age_s))
		return false;
	if (age_s >= h->delay_s)
		return true;
	p->retry_us = clock_mono_us() + (h->delay_s - age_s) * SECOND;
	return false;
}

/* ---- brokers ---- */

static void
message_taken(void *arg, uint64_t number)
{
	struct place *p = arg;
	struct sending *s = p->sending;
	struct outbox_head h;
	int64_t age_s;

	if (outbox_next(s->options.outbox, p->is, number - 1, &h, &age_s) && h.number == number)
		journal_mqtt_sent(s->options.store, &h);
	outbox_remove(s->options.outbox, number);
	atomic_fetch_add(&s->sent, 1);
}

/* One row when a connection has ended, and one for each new reason that there is none. */
static void
journal_end(struct sending *s, struct place *p, enum mqtt_result result)
{
	const struct account *a = &p->account;
	int64_t now = clock_utc();

	if (p->up) {
		journal_mqtt_connection(s->options.store, p->connected, now, a->addr, a->port, MQTT_OK);
		log_info("messages", "broker %s port %u: connection has ended", a->addr, a->port);
	} else if (p->journalled != (int)result) {
		journal_mqtt_connection(s->options.store, now, now, a->addr, a->port, (int)result);
		log_warn("messages", "broker %s port %u cannot be reached: result %d", a->addr, a->port,
		    (int)result);
	}
	p->journalled = p->up ? -1 : (int)result;
	p->up = false;
}

static void
connect_broker(struct sending *s, struct place *p)
{
	char ca_file[512];
	struct mqtt_options o = { .account = &p->account, .id = s->options.serial,
		.version = (unsigned)s->settings.mqtt_version,
		.keepalive_s = (unsigned)s->settings.mqtt_keepalive_s, .ca_file = ca_file,
		.taken = message_taken, .arg = p };
	enum mqtt_result result;

	snprintf(ca_file, sizeof(ca_file), "%s/ca-%" PRId64 ".pem", s->options.dir, p->is.id);
	p->sending = s;
	p->given = 0;
	result = mqtt_open(&p->mqtt, &o);
	if (p->mqtt == NULL) {
		journal_end(s, p, result);
		rest(s, p);
	}
}

static void
publish_next(struct sending *s, struct place *p)
{
	struct outbox_head h;
	char *payload = NULL;
	size_t len;
	int rc = E_OK;

	while (rc == E_OK && mqtt_in_flight(p->mqtt) < (size_t)s->settings.mqtt_inflight &&
	    clock_mono_us() >= p->retry_us && next_message(s, p, p->given, &h)) {
		rc = outbox_payload(s->options.outbox, h.number, &payload, &len);
		if (rc == E_OK)
			rc = mqtt_publish(p->mqtt, h.number, h.topic, payload, len);
		free(payload);
		payload = NULL;
		if (rc == E_INVALID) {
			sending_give_up(s, &h, "its topic is none that can be published to");
			rc = E_OK;
		}
		if (rc == E_OK)
			p->given = h.number;
	}
}

static void
look_at_broker(struct sending *s, struct place *p)
{
	if (p->mqtt == NULL && clock_mono_us() >= p->retry_us)
		connect_broker(s, p);
	if (p->mqtt == NULL)
		return;
	switch (mqtt_pump(p->mqtt)) {
	case MQTT_CONNECTING:
		break;
	case MQTT_UP:
		if (!p->up) {
			p->up = true;
			p->connected = clock_utc();
			p->fails = 0;
			p->retry_us = 0;
			log_info("messages", "broker %s port %u: connected", p->account.addr,
			    p->account.port);
		}
		publish_next(s, p);
		break;
	case MQTT_DOWN:
		journal_end(s, p, mqtt_result(p->mqtt));
		mqtt_close(p->mqtt);
		p->mqtt = NULL;
		rest(s, p);
		break;
	}
}

/* ---- mail and web servers ---- */

static int
prepare_mail(struct sending *s, struct place *p, struct transfer *t)
{
	const struct table_rows *rows = store_table(s->options.store, TABLE_NAME);
	json_t *row = rows != NULL && rows->n > 0 ? json_loads(rows->rows[0].json, 0, NULL) : NULL;
	const char *name = json_string_value(json_object_get(row, "name"));
	char *to = sending_address(s, t->head.to);
	struct smtp_letter letter = { .to = to != NULL ? to : "", .name = name != NULL ? name : "",
		.serial = s->options.serial, .zone = store_zone(s->options.store),
		.csv = s->settings.message_mail_csv != 0 };
	int rc = smtp_prepare(t, &p->account, &letter);

	free(to);
	json_decref(row);
	table_rows_release(rows);
	return rc;
}

static int
prepare(struct sending *s, struct place *p, const struct outbox_head *h, struct transfer **t)
{
	char *payload = NULL;
	size_t len = 0;
	int rc = outbox_payload(s->options.outbox, h->number, &payload, &len);

	if (rc == E_OK)
		rc = transfer_open(t, &p->account, h, payload, len);
	if (rc < 0 || *t == NULL)
		return rc;
	rc = p->account.kind == ACCOUNT_SMTP ? prepare_mail(s, p, *t) : push_prepare(*t, &p->account);
	if (rc == E_OK && curl_multi_add_handle(s->multi, (*t)->easy) != CURLM_OK)
		rc = E_INTERNAL;
	return rc;
}

static void
begin_transfer(struct sending *s, struct place *p)
{
	struct transfer *t = NULL;
	struct outbox_head h;
	int rc;

	if (p->transfer != NULL || clock_mono_us() < p->retry_us || !next_message(s, p, 0, &h))
		return;
	rc = prepare(s, p, &h, &t);
	if (rc == E_OK) {
		p->transfer = t;
		return;
	}
	if (rc == E_INVALID)
		journal_mail_sent(s->options.store, &h, SMTP_PARAMETERS);
	transfer_close(t);
	rest(s, p);
}

static enum verdict
judge(struct sending *s, struct place *p, CURLcode code)
{
	struct transfer *t = p->transfer;
	enum smtp_result result;
	enum verdict verdict;
	long status;

	if (p->account.kind == ACCOUNT_SMTP) {
		verdict = smtp_judge(t, code, &result);
		journal_mail_sent(s->options.store, &t->head, (int)result);
		if (verdict == VERDICT_SENT)
			journal_mail(s->options.store, &t->head, MAIL_REMOVED);
		status = (long)result;
	} else {
		verdict = push_judge(t, code, &status);
	}
	if (verdict == VERDICT_RETRY && p->journalled != (int)status) {
		log_warn("messages", "%s takes no message: %s (%ld)", p->account.addr,
		    curl_easy_strerror(code), status);
		p->journalled = (int)status;
	}
	return verdict;
}

static void
end_transfer(struct sending *s, struct place *p, CURLcode code)
{
	struct transfer *t = p->transfer;
	enum verdict verdict = judge(s, p, code);

	curl_multi_remove_handle(s->multi, t->easy);
	if (verdict == VERDICT_RETRY) {
		rest(s, p);
	} else if (verdict == VERDICT_SENT) {
		outbox_remove(s->options.outbox, t->head.number);
		atomic_fetch_add(&s->sent, 1);
	} else {
		sending_give_up(s, &t->head, "the server refuses it for good");
	}
	if (verdict != VERDICT_RETRY) {
		p->fails = 0;
		p->journalled = -1;
	}
	transfer_close(t);
	p->transfer = NULL;
}

void
places_take_transfers(struct sending *s)
{
	struct place *p;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(s->multi, &left)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode code = message->data.result;

		TAILQ_FOREACH(p, &s->places, link)
			if (p->transfer != NULL && p->transfer->easy == easy) {
				end_transfer(s, p, code);
				place_look(s, p);
				break;
			}
	}
}

/* ---- all ---- */

void
place_look(struct sending *s, struct place *p)
{
	if (p->account.kind == ACCOUNT_MQTT)
		look_at_broker(s, p);
	else
		begin_transfer(s, p);
}

void
place_reset(struct sending *s, struct place *p)
{
	if (p->mqtt != NULL) {
		if (p->up)
			journal_end(s, p, MQTT_OK);
		mqtt_close(p->mqtt);
		p->mqtt = NULL;
	}
	if (p->transfer != NULL) {
		curl_multi_remove_handle(s->multi, p->transfer->easy);
		transfer_close(p->transfer);
		p->transfer = NULL;
	}
}

int
places_wait_ms(const struct sending *s, int most)
{
	const struct place *p;
	int64_t now_us = clock_mono_us();

	TAILQ_FOREACH(p, &s->places, link) {
		int64_t wait_ms = (p->retry_us - now_us) / 1000 + 1;

		if (p->known && p->retry_us > now_us && wait_ms < most)
			most = (int)wait_ms;
	}
	return most;
}
