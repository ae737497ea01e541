/* Opening, closing and following the configuration. */
#include "src/poll/poll.h"

#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/poll/table.h"

/* Whether the archive is wanted for other moments than before. */
static bool
reach_moved(const struct settings *a, const struct settings *b)
{
	return a->poll_backfill_days != b->poll_backfill_days || a->depth_day != b->depth_day ||
	    a->depth_month != b->depth_month || a->depth_profile != b->depth_profile ||
	    a->tz_min != b->tz_min || a->dst != b->dst;
}

static void
take_settings(struct poll *poll)
{
	struct settings settings;

	store_settings(poll->store, &settings);
	pthread_mutex_lock(&poll->lock);
	poll->reach_moved |= reach_moved(&poll->settings, &settings);
	poll->settings = settings;
	poll->zone = store_zone(poll->store);
	pthread_mutex_unlock(&poll->lock);
}

void
poll_wait(struct poll *poll)
{
	int64_t now_us = clock_mono_us(), questions = ask_expire(poll, now_us),
		leases = lease_expire(poll, now_us), until_us = questions < leases ? questions : leases;
	struct timespec until = { .tv_sec = (time_t)(until_us / 1000000),
		.tv_nsec = (long)(until_us % 1000000) * 1000 };

	if (!TAILQ_EMPTY(&poll->ended))
		ask_tell_ended(poll);
	else if (until_us == INT64_MAX)
		pthread_cond_wait(&poll->changed, &poll->lock);
	else
		pthread_cond_timedwait(&poll->changed, &poll->lock, &until);
}

/* Waiting for visits to end may take an exchange, so it is not done in the main loop. */
static void *
manage(void *arg)
{
	struct poll *poll = arg;
	int rc;

	pthread_mutex_lock(&poll->lock);
	while (!poll->stopping) {
		if (!poll->reload) {
			poll_wait(poll);
			continue;
		}
		poll->reload = false;
		pthread_mutex_unlock(&poll->lock);
		take_settings(poll);
		if ((rc = poll_table_load(poll)) < 0)
			log_error("poll", "meter table not taken over: %s", uspd_strerror(rc));
		pthread_mutex_lock(&poll->lock);
	}
	pthread_mutex_unlock(&poll->lock);
	return NULL;
}

static int
open_serial_buses(struct poll *poll, const struct poll_line *lines)
{
	struct poll_bus *bus;
	int rc = E_OK;

	for (int i = 0; i < SERIAL_BUSES && rc == E_OK; i++) {
		const char *name = lines[i].options.name;

		if (lines[i].device == NULL)
			continue;
		rc = crew_open(&poll->serial_crews[i], name, 1);
		if (rc == E_OK)
			rc = poll_table_add_bus(poll, poll->serial_crews[i], name, false,
			    lines[i].device, &lines[i].options, &bus);
		if (rc == E_OK)
			poll->serial[i] = bus;
	}
	return rc;
}

int
poll_open(struct poll **out, struct store *store, const struct poll_line lines[SERIAL_BUSES])
{
	struct poll *poll = calloc(1, sizeof(*poll));
	pthread_condattr_t monotonic;
	unsigned workers;
	int rc;

	*out = NULL;
	if (poll == NULL)
		return E_NOMEM;
	poll->store = store;
	poll->next_run = poll->next_question = poll->next_scan = 1;
	TAILQ_INIT(&poll->questions);
	TAILQ_INIT(&poll->ended);
	LIST_INIT(&poll->scans);
	poll->paused = true;
	pthread_mutex_init(&poll->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&poll->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	take_settings(poll);
	workers = (unsigned)poll->settings.poll_eth_workers;
	if ((rc = crew_open(&poll->tcp_crew, "ethernet", workers)) < 0 ||
	    (rc = open_serial_buses(poll, lines)) < 0 ||
	    (rc = poll_table_load(poll)) < 0)
		goto fail;
	if (pthread_create(&poll->manager, NULL, manage, poll) != 0) {
		rc = E_NOMEM;
		goto fail;
	}
	pthread_mutex_lock(&poll->lock);
	poll->started = true;
	pthread_mutex_unlock(&poll->lock);
	log_info("poll", "meters=%zu buses=%zu: polling", poll->n_meters, poll->n_buses);
	*out = poll;
	return E_OK;
fail:
	poll_close(poll);
	return rc;
}

void
poll_close(struct poll *poll)
{
	if (poll == NULL)
		return;
	pthread_mutex_lock(&poll->lock);
	poll->stopping = true;
	pthread_cond_broadcast(&poll->changed);
	pthread_mutex_unlock(&poll->lock);
	if (poll->started)
		pthread_join(poll->manager, NULL);
	for (int i = 0; i < SERIAL_BUSES; i++)
		crew_close(poll->serial_crews[i]);
	crew_close(poll->tcp_crew);
	ask_close(poll);
	for (size_t i = 0; i < poll->n_buses; i++) {
		free(poll->buses[i]->meters);
		free(poll->buses[i]);
	}
	for (size_t i = 0; i < poll->n_meters; i++)
		free(poll->meters[i]);
	free(poll->buses);
	free(poll->meters);
	pthread_cond_destroy(&poll->changed);
	pthread_mutex_destroy(&poll->lock);
	free(poll);
}

void
poll_reload(struct poll *poll)
{
	pthread_mutex_lock(&poll->lock);
	poll->reload = true;
	pthread_cond_broadcast(&poll->changed);
	pthread_mutex_unlock(&poll->lock);
}
