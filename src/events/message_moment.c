/* Readings made now for a message: questions to the meters, so many at a time, in the order of the
 * table, and the wait for their answers. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "src/base/clock.h"
#include "src/events/message_content.h"
#include "src/poll/ask.h"

enum { AT_ONCE = 64, LOOK_MS = 200 };

struct reader {
	struct content *content;
	struct question *questions;
	pthread_mutex_t lock;
	pthread_cond_t answered;
	size_t open;			/* questions without an answer yet */
};

struct question {
	struct reader *reader;
	struct content_reading *reading;
	size_t meter;
};

/* In a bus thread; nobody else touches this reading until it is answered. */
static void
take_record(void *arg, const struct ask *ask, const struct record *r)
{
	struct question *q = arg;

	if (r->type != ask->type || !r->valid)
		return;
	if (q->reading->vals.len > 0)
		text_str(&q->reading->vals, ",");
	content_print_record(&q->reading->vals, q->reader->content, r);
}

static void
take_answer(void *arg, const struct ask *ask, const struct ask_answer *answer)
{
	struct question *q = arg;
	struct reader *reader = q->reader;

	(void)ask;
	pthread_mutex_lock(&reader->lock);
	if (answer->rc < 0)
		q->reading->error = uspd_strerror(answer->rc);
	reader->open--;
	pthread_cond_signal(&reader->answered);
	pthread_mutex_unlock(&reader->lock);
}

/* Waits until fewer than `most` questions are open; in steps, so that the end is seen. */
static void
wait_below(struct reader *reader, size_t most)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LOOK_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&reader->lock);
	if (reader->open >= most)
		pthread_cond_timedwait(&reader->answered, &reader->lock, &until);
	pthread_mutex_unlock(&reader->lock);
}

static size_t
open_questions(struct reader *reader)
{
	size_t open;

	pthread_mutex_lock(&reader->lock);
	open = reader->open;
	pthread_mutex_unlock(&reader->lock);
	return open;
}

static int
ask_one(struct reader *reader, struct poll *poll, struct question *q, size_t measure,
    int64_t deadline_us)
{
	const struct content *c = reader->content;
	enum record_type type = c->measures[measure].type;
	bool config = record_type_info(type)->values == VALUES_CONFIG;
	struct ask ask = { .kind = config ? ASK_CONFIG : ASK_READ,
		.meter = c->meters[q->meter]->id, .type = type, .store = true,
		.deadline_us = deadline_us, .record = take_record, .answered = take_answer, .arg = q };
	int rc;

	pthread_mutex_lock(&reader->lock);
	reader->open++;
	pthread_mutex_unlock(&reader->lock);
	rc = poll_ask(poll, &ask);
	if (rc < 0) {
		pthread_mutex_lock(&reader->lock);
		reader->open--;
		pthread_mutex_unlock(&reader->lock);
	}
	return rc;
}

static void
ask_all(struct reader *reader, struct poll *poll, int64_t deadline_us, const _Atomic bool *stop)
{
	struct content *c = reader->content;

	for (size_t i = 0; i < c->n_meters * c->n_measures; i++) {
		size_t measure = i % c->n_measures;
		struct question *q = &reader->questions[i];
		int rc = E_LIMIT;

		*q = (struct question){ reader, &c->readings[i], i / c->n_measures };
		if (!c->measures[measure].now ||
		    !content_fits(&c->measures[measure], c->meters[q->meter]))
			continue;
		while (rc == E_LIMIT && !*stop && clock_mono_us() < deadline_us) {
			if (open_questions(reader) >= AT_ONCE)
				wait_below(reader, AT_ONCE);
			else if ((rc = ask_one(reader, poll, q, measure, deadline_us)) == E_LIMIT)
				wait_below(reader, 0);
		}
		if (rc < 0)
			q->reading->error = uspd_strerror(rc == E_LIMIT ? E_TIMEOUT : rc);
	}
}

static void
count(const struct content *c, size_t *ok, size_t *failed)
{
	for (size_t i = 0; i < c->n_meters; i++) {
		bool bad = false;

		for (size_t m = 0; m < c->n_measures; m++)
			bad |= c->readings[i * c->n_measures + m].error != NULL;
		*(bad ? failed : ok) += 1;
	}
}

int
content_read_now(struct content *c, struct poll *poll, uint32_t seconds, const _Atomic bool *stop,
    size_t *ok, size_t *failed)
{
	struct reader reader = { .content = c };
	int64_t deadline_us = clock_mono_us() + (int64_t)seconds * 1000000;
	size_t n = c->n_meters * c->n_measures;
	bool cancelled = false;

	*ok = *failed = 0;
	c->readings = calloc(n, sizeof(*c->readings));
	reader.questions = calloc(n, sizeof(*reader.questions));
	if (c->readings == NULL || reader.questions == NULL) {
		free(reader.questions);
		return E_NOMEM;
	}
	pthread_mutex_init(&reader.lock, NULL);
	pthread_cond_init(&reader.answered, NULL);
	ask_all(&reader, poll, deadline_us, stop);
	/* Every question is answered once, at its deadline at the latest. */
	while (open_questions(&reader) > 0) {
		if (*stop && !cancelled)
			for (size_t i = 0; i < n; i++)
				poll_ask_cancel(poll, &reader.questions[i]);
		cancelled |= *stop;
		wait_below(&reader, 1);
	}
	count(c, ok, failed);
	pthread_cond_destroy(&reader.answered);
	pthread_mutex_destroy(&reader.lock);
	free(reader.questions);
	return E_OK;
}
