#include "src/events/message_send.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/events/message_account.h"
#include "src/events/message_journal.h"
#include "src/events/message_send_place.h"

enum { PLACES_MOST = 64, TURN_MS = 1000, MINUTE_US = 60000000 };

/* ---- places ---- */

static char *
row_of(struct store *store, enum table table, int64_t id)
{
	const struct table_rows *rows = store_table(store, table);
	char *found = NULL;

	for (size_t i = 0; rows != NULL && found == NULL && i < rows->n; i++) {
		json_t *row = json_loads(rows->rows[i].json, 0, NULL);

		if (json_integer_value(json_object_get(row, "id")) == id)
			found = strdup(rows->rows[i].json);
		json_decref(row);
	}
	table_rows_release(rows);
	return found;
}

char *
sending_address(struct sending *s, int64_t id)
{
	char *json = row_of(s->options.store, TABLE_EMAIL, id), *copy = NULL;
	json_t *row = json != NULL ? json_loads(json, 0, NULL) : NULL;
	const char *address = json_string_value(json_object_get(row, "emailName"));

	if (address != NULL)
		copy = strdup(address);
	json_decref(row);
	free(json);
	return copy;
}

/* Has the row of a place changed? Then it begins anew, without a pause. */
static void
look_up(struct sending *s, struct place *p)
{
	bool mail = p->is.kind == OUTBOX_MAIL;
	char *json = row_of(s->options.store, mail ? TABLE_SMTP : TABLE_MQTT, p->is.id);
	bool same = json != NULL && p->json != NULL ? strcmp(json, p->json) == 0 : json == p->json;

	if (same && p->settings_seen == s->settings_seen) {
		free(json);
		return;
	}
	place_reset(s, p);
	account_free(&p->account);
	free(p->json);
	p->json = json;
	p->settings_seen = s->settings_seen;
	p->fails = 0;
	p->retry_us = 0;
	p->journalled = -1;
	p->known = json != NULL && account_parse(&p->account, p->is.kind, json, &s->settings);
	if (!p->known)
		log_warn("messages", "%s %" PRId64 ": no such account; its messages wait",
		    mail ? "mail" : "broker", p->is.id);
}

static struct place *
place_for(struct sending *s, struct outbox_place is)
{
	struct place *p;

	TAILQ_FOREACH(p, &s->places, link)
		if (p->is.kind == is.kind && p->is.id == is.id)
			return p;
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return NULL;
	p->is = is;
	p->settings_seen = UINT_MAX;
	p->journalled = -1;
	TAILQ_INSERT_TAIL(&s->places, p, link);
	return p;
}

static void
free_place(struct sending *s, struct place *p)
{
	place_reset(s, p);
	account_free(&p->account);
	free(p->json);
	TAILQ_REMOVE(&s->places, p, link);
	free(p);
}

/* A broker that an action names is connected to also when there is nothing to be sent: its will
 * tells others whether the device is there. */
static void
add_brokers(struct sending *s)
{
	const struct table_rows *rows = store_table(s->options.store, TABLE_ACTION_MQTT);

	for (size_t i = 0; rows != NULL && i < rows->n && i < PLACES_MOST; i++) {
		json_t *row = json_loads(rows->rows[i].json, 0, NULL);
		int64_t id = json_integer_value(json_object_get(row, "brokerId"));
		struct place *p = place_for(s, (struct outbox_place){ OUTBOX_BROKER, id });

		json_decref(row);
		if (p != NULL)
			p->wanted = true;
	}
	table_rows_release(rows);
}

/* Places that messages wait for are kept, and what is under way to them with them. */
static void
add_places(struct sending *s)
{
	struct outbox_place places[PLACES_MOST];
	size_t n = outbox_places(s->options.outbox, places, PLACES_MOST);

	for (size_t i = 0; i < n; i++) {
		struct place *p = place_for(s, places[i]);

		if (p == NULL)
			continue;
		p->wanted = true;
		if (p->settings_seen != s->settings_seen)
			look_up(s, p);
	}
}

/* What a connection is made with. */
static bool
same_connection(const struct settings *a, const struct settings *b)
{
	return a->mqtt_version == b->mqtt_version && a->mqtt_keepalive_s == b->mqtt_keepalive_s &&
	    a->message_cert_check == b->message_cert_check && strcmp(a->message_ca, b->message_ca) == 0;
}

static void
reload(struct sending *s)
{
	struct settings settings;
	struct place *p, *next;

	store_settings(s->options.store, &settings);
	if (!same_connection(&settings, &s->settings))
		s->settings_seen++;
	s->settings = settings;
	outbox_limit(s->options.outbox, (uint64_t)settings.message_outbox_mb << 20);
	TAILQ_FOREACH(p, &s->places, link)
		p->wanted = p->transfer != NULL;
	add_brokers(s);
	add_places(s);
	for (p = TAILQ_FIRST(&s->places); p != NULL; p = next) {
		next = TAILQ_NEXT(p, link);
		if (p->wanted)
			look_up(s, p);
		else
			free_place(s, p);
	}
}

/* ---- what is too old ---- */

static void
expire(struct sending *s)
{
	struct place *p;
	struct outbox_head h;
	int64_t age_s;

	if (clock_mono_us() < s->expire_us)
		return;
	s->expire_us = clock_mono_us() + MINUTE_US;
	TAILQ_FOREACH(p, &s->places, link)
		while (p->transfer == NULL && (p->mqtt == NULL || mqtt_in_flight(p->mqtt) == 0) &&
		    outbox_next(s->options.outbox, p->is, 0, &h, &age_s) &&
		    age_s > s->settings.message_ttl_h * 3600)
			sending_give_up(s, &h, "it was not delivered in time");
}

void
sending_give_up(struct sending *s, const struct outbox_head *h, const char *why)
{
	journal_lost(s->options.store, h, why);
	outbox_remove(s->options.outbox, h->number);
	atomic_fetch_add(&s->given_up, 1);
}

/* ---- the thread ---- */

static void
turn(struct sending *s)
{
	struct curl_waitfd fds[PLACES_MOST];
	struct place *p;
	unsigned n = 0;
	int running;

	if (atomic_exchange(&s->reload_wanted, false))
		reload(s);
	add_places(s);
	expire(s);
	TAILQ_FOREACH(p, &s->places, link) {
		bool want_write = false;
		int fd;

		if (p->known)
			place_look(s, p);
		fd = p->mqtt != NULL ? mqtt_socket(p->mqtt, &want_write) : -1;
		if (fd >= 0 && n < PLACES_MOST)
			fds[n++] = (struct curl_waitfd){ fd,
				(short)(CURL_WAIT_POLLIN | (want_write ? CURL_WAIT_POLLOUT : 0)), 0 };
	}
	curl_multi_perform(s->multi, &running);
	places_take_transfers(s);
	if (!s->stop)
		curl_multi_poll(s->multi, fds, n, places_wait_ms(s, TURN_MS), NULL);
}

static void *
run(void *arg)
{
	struct sending *s = arg;

	while (!s->stop)
		turn(s);
	while (!TAILQ_EMPTY(&s->places))
		free_place(s, TAILQ_FIRST(&s->places));
	return NULL;
}

/* ---- opening ---- */

static unsigned
hash_of(const char *text)
{
	unsigned hash = 2166136261u; /* FNV-1a */

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

int
sending_open(struct sending **made, const struct sending_options *options)
{
	struct sending *s = calloc(1, sizeof(*s));

	*made = NULL;
	if (s == NULL)
		return E_NOMEM;
	s->options = *options;
	s->hash = hash_of(options->serial);
	s->reload_wanted = true;
	s->multi = curl_multi_init();
	TAILQ_INIT(&s->places);
	if (s->multi == NULL || pthread_create(&s->thread, NULL, run, s) != 0) {
		curl_multi_cleanup(s->multi);
		free(s);
		return E_NOMEM;
	}
	*made = s;
	return E_OK;
}

void
sending_close(struct sending *s)
{
	if (s == NULL)
		return;
	s->stop = true;
	curl_multi_wakeup(s->multi);
	pthread_join(s->thread, NULL);
	curl_multi_cleanup(s->multi);
	free(s);
}

void
sending_wake(struct sending *s)
{
	curl_multi_wakeup(s->multi);
}

void
sending_reload(struct sending *s)
{
	s->reload_wanted = true;
	curl_multi_wakeup(s->multi);
}

void
sending_stats(struct sending *s, struct sending_stats *stats)
{
	*stats = (struct sending_stats){ s->sent, s->given_up, s->failed };
}
