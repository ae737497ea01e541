#include "src/events/message.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <mosquitto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/events/events.h"
#include "src/events/message_content.h"
#include "src/events/message_journal.h"
#include "src/events/message_send.h"
#include "src/events/outbox.h"

enum { ORDERS_MOST = 1024, SERIAL_MOST = 64, DIR_MOST = 400, KIB = 1024 };

/* A message to be made; afterwards, what became of it. */
struct order {
	STAILQ_ENTRY(order) link;
	uint64_t job;
	struct outbox_head head;	/* place, content, to, topic */
	enum events_result result;
	char note[120];
};
STAILQ_HEAD(orders, order);

struct messages {
	struct messages_options options;
	char serial[SERIAL_MOST], dir[DIR_MOST];
	struct outbox *outbox;
	struct sending *sending;
	pthread_t thread;
	bool has_thread;
	atomic_bool stop;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct orders waiting, done;
	size_t n_waiting;
	bool done_posted;
	_Atomic uint64_t made;
};

/* ---- making; the thread of contents ---- */

struct part_taker { struct messages *m; struct order *order; };

static int
take_part(void *arg, unsigned part, unsigned parts, const char *payload, size_t len)
{
	struct part_taker *taker = arg;
	struct messages *m = taker->m;
	struct outbox_head h = taker->order->head;
	int rc;

	h.number = part == 1 ? h.message : outbox_number(m->outbox);
	h.part = part;
	h.parts = parts;
	rc = outbox_put(m->outbox, &h, payload, len);
	if (rc == E_OK && h.place.kind == OUTBOX_MAIL)
		journal_mail(m->options.store, &h, MAIL_ADDED);
	return rc;
}

static void
device_name(struct messages *m, char *to, size_t size)
{
	const struct table_rows *rows = store_table(m->options.store, TABLE_NAME);
	json_t *row = rows != NULL && rows->n > 0 ? json_loads(rows->rows[0].json, 0, NULL) : NULL;
	const char *name = json_string_value(json_object_get(row, "name"));

	snprintf(to, size, "%s", name != NULL ? name : "");
	json_decref(row);
	table_rows_release(rows);
}

/* Sessions are spread by the serial number, the same way each time. */
static uint32_t
delay_of(const struct messages *m, const struct settings *s)
{
	unsigned hash = 5381;

	for (const char *p = m->serial; *p != '\0'; p++)
		hash = hash * 33 + (unsigned char)*p;
	return s->message_spread_s > 0 ? hash % (uint32_t)s->message_spread_s : 0;
}

static int
make(struct messages *m, struct order *order, struct content *c)
{
	bool mail = order->head.place.kind == OUTBOX_MAIL;
	struct part_taker taker = { m, order };
	size_t ok = 0, failed = 0;
	char name[256];
	struct content_print print = { .name = name, .serial = m->serial, .time = clock_utc(),
		.part = take_part, .arg = &taker };
	int rc = E_OK;

	if (c->moment)
		rc = content_read_now(c, m->options.poll, (uint32_t)c->settings.http_moment_s, &m->stop,
		    &ok, &failed);
	if (rc == E_OK && m->stop)
		rc = E_STOPPED;
	if (rc < 0)
		return rc;
	device_name(m, name, sizeof(name));
	order->head.created = print.time;
	order->head.delay_s = delay_of(m, &c->settings);
	order->head.message = print.number = outbox_number(m->outbox);
	print.part_bytes = (size_t)(mail ? c->settings.message_mail_kb : c->settings.message_mqtt_kb) *
	    KIB;
	rc = content_print(c, &print);
	if (rc == E_OK && failed > 0)
		order->result = ok > 0 ? RESULT_PARTIAL : RESULT_FAILED;
	return rc;
}

static void
carry_out(struct messages *m, struct order *order)
{
	struct content c;
	const char *why;
	int rc = content_open(&c, m->options.store, order->head.content, &why);

	order->result = RESULT_OK;
	if (rc == E_NOTFOUND) {
		order->result = RESULT_SKIPPED;
		snprintf(order->note, sizeof(order->note), "%s", why);
		return;
	}
	if (rc == E_OK) {
		rc = make(m, order, &c);
		content_close(&c);
	}
	if (rc < 0) {
		order->result = rc == E_STOPPED ? RESULT_INTERRUPTED : RESULT_FAILED;
		snprintf(order->note, sizeof(order->note), "%s", uspd_strerror(rc));
		return;
	}
	snprintf(order->note, sizeof(order->note), "msgId %016" PRIx64, order->head.message);
	atomic_fetch_add(&m->made, 1);
	sending_wake(m->sending);
}

/* In the loop. */
static void
tell_done(void *arg)
{
	struct messages *m = arg;
	struct orders done = STAILQ_HEAD_INITIALIZER(done);
	struct order *order;

	pthread_mutex_lock(&m->lock);
	STAILQ_CONCAT(&done, &m->done);
	m->done_posted = false;
	pthread_mutex_unlock(&m->lock);
	while ((order = STAILQ_FIRST(&done)) != NULL) {
		STAILQ_REMOVE_HEAD(&done, link);
		events_message_done(m->options.events, order->job, order->result, order->note);
		free(order);
	}
}

static void *
run(void *arg)
{
	struct messages *m = arg;
	struct order *order;
	bool post;

	pthread_mutex_lock(&m->lock);
	while (!m->stop) {
		order = STAILQ_FIRST(&m->waiting);
		if (order == NULL) {
			pthread_cond_wait(&m->wake, &m->lock);
			continue;
		}
		STAILQ_REMOVE_HEAD(&m->waiting, link);
		m->n_waiting--;
		pthread_mutex_unlock(&m->lock);
		carry_out(m, order);
		pthread_mutex_lock(&m->lock);
		STAILQ_INSERT_TAIL(&m->done, order, link);
		post = !m->done_posted;
		m->done_posted = true;
		if (post && loop_post(m->options.loop, tell_done, m) < 0)
			m->done_posted = false; /* the next one tells of this one too */
	}
	pthread_mutex_unlock(&m->lock);
	return NULL;
}

/* ---- orders; loop ---- */

static int64_t
number_in(const json_t *row, const char *name)
{
	return json_integer_value(json_object_get(row, name));
}

static bool
take_row(struct outbox_head *h, const json_t *row, bool mail)
{
	const char *topic = json_string_value(json_object_get(row, "topic"));

	h->place.kind = mail ? OUTBOX_MAIL : OUTBOX_BROKER;
	h->place.id = number_in(row, mail ? "emailFromId" : "brokerId");
	h->to = number_in(row, "emailToId");
	h->content = number_in(row, "meterMessageId");
	if (topic != NULL && strlen(topic) < sizeof(h->topic))
		snprintf(h->topic, sizeof(h->topic), "%s", topic);
	return row != NULL && (mail || h->topic[0] != '\0');
}

static int
send_message(void *arg, const struct events_message *message)
{
	struct messages *m = arg;
	struct order *order = calloc(1, sizeof(*order));
	json_t *row = json_loads(message->json, 0, NULL);
	int rc = order == NULL ? E_NOMEM : E_OK;

	if (rc == E_OK && !take_row(&order->head, row, message->action.type == ACTION_SMTP))
		rc = E_INVALID;
	json_decref(row);
	if (rc == E_OK) {
		order->job = message->job;
		pthread_mutex_lock(&m->lock);
		if (m->n_waiting == ORDERS_MOST) {
			rc = E_BUSY;
		} else {
			STAILQ_INSERT_TAIL(&m->waiting, order, link);
			m->n_waiting++;
			pthread_cond_signal(&m->wake);
		}
		pthread_mutex_unlock(&m->lock);
	}
	if (rc < 0)
		free(order);
	return rc;
}

/* ---- opening ---- */

static void
outbox_lost(void *arg, const struct outbox_head *h)
{
	struct messages *m = arg;

	journal_lost(m->options.store, h, "the outbox is full; the oldest message goes");
}

static int
open_parts(struct messages *m)
{
	struct outbox_options outbox = { .dir = m->dir, .lost = outbox_lost, .arg = m };
	struct sending_options sending = { .store = m->options.store,
		.dir = m->dir,
		.serial = m->serial };
	int rc = outbox_open(&m->outbox, &outbox);

	if (rc < 0)
		return rc;
	sending.outbox = m->outbox;
	if ((rc = sending_open(&m->sending, &sending)) < 0)
		return rc;
	if (pthread_create(&m->thread, NULL, run, m) != 0)
		return E_NOMEM;
	m->has_thread = true;
	return E_OK;
}

int
messages_open(struct messages **made, const struct messages_options *options)
{
	struct messages *m = calloc(1, sizeof(*m));
	struct outbox_stats waiting;
	int rc;

	*made = NULL;
	if (m == NULL)
		return E_NOMEM;
	m->options = *options;
	snprintf(m->serial, sizeof(m->serial), "%s", options->serial);
	if (m->serial[0] == '\0' && gethostname(m->serial, sizeof(m->serial) - 1) < 0)
		snprintf(m->serial, sizeof(m->serial), "uspd");
	snprintf(m->dir, sizeof(m->dir), "%s/outbox", options->data_dir);
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->wake, NULL);
	STAILQ_INIT(&m->waiting);
	STAILQ_INIT(&m->done);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	mosquitto_lib_init();
	if ((rc = open_parts(m)) < 0) {
		messages_close(m);
		return rc;
	}
	events_set_sender(options->events, ACTION_MQTT, send_message, m);
	events_set_sender(options->events, ACTION_SMTP, send_message, m);
	outbox_stats(m->outbox, &waiting);
	log_info("messages", "outbox=%s messages=%zu bytes=%" PRIu64, m->dir, waiting.messages,
	    waiting.bytes);
	*made = m;
	return E_OK;
}

void
messages_reload(struct messages *m)
{
	if (m != NULL)
		sending_reload(m->sending);
}

static void
free_orders(struct orders *orders)
{
	struct order *order;

	while ((order = STAILQ_FIRST(orders)) != NULL) {
		STAILQ_REMOVE_HEAD(orders, link);
		free(order);
	}
}

void
messages_close(struct messages *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->stop = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
	if (m->has_thread)
		pthread_join(m->thread, NULL);
	sending_close(m->sending);
	outbox_close(m->outbox);
	if (m->done_posted)
		tell_done(m);
	free_orders(&m->waiting);
	free_orders(&m->done);
	mosquitto_lib_cleanup();
	curl_global_cleanup();
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

void
messages_stats(struct messages *m, struct messages_stats *stats)
{
	struct outbox_stats outbox;
	struct sending_stats sending;

	outbox_stats(m->outbox, &outbox);
	sending_stats(m->sending, &sending);
	*stats = (struct messages_stats){ outbox.messages, outbox.bytes, m->made, sending.sent,
		sending.failed, outbox.lost + sending.given_up };
}
