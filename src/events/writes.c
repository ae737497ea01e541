/* Notes on their way to the store: the loop gives, one worker at a time writes. */
#include "src/events/events_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/log.h"
#include "src/base/loop.h"

void
events_write(struct events *e, const char *key, const char *text, const char *json, int64_t ts)
{
	struct write *w = calloc(1, sizeof(*w));

	if (w != NULL) {
		snprintf(w->key, sizeof(w->key), "%s", key);
		w->text = text != NULL ? strdup(text) : NULL;
		w->json = json != NULL ? strdup(json) : NULL;
		w->ts = ts;
	}
	if (w == NULL || (text != NULL && w->text == NULL) || (json != NULL && w->json == NULL)) {
		log_error("events", "note %s not written: out of memory", key);
		if (w != NULL)
			free(w->text);
		free(w);
		return;
	}
	STAILQ_INSERT_TAIL(&e->writes, w, link);
}

static void
write_all(struct events *e, struct writes *writes)
{
	struct write *w;
	int rc;

	while ((w = STAILQ_FIRST(writes)) != NULL) {
		struct store_note note = { .key = w->key, .text = w->text, .journal = DJ_ACTION,
			.ts = w->ts, .json = w->json };

		STAILQ_REMOVE_HEAD(writes, link);
		rc = store_note_put(e->options.store, &note);
		if (rc < 0)
			log_warn("events", "note %s not written: %s", w->key, uspd_strerror(rc));
		free(w->text);
		free(w->json);
		free(w);
	}
}

static void
run_flush(void *arg)
{
	struct events *e = arg;

	write_all(e, &e->flush.writes);
	/* With a disk that takes nothing the device goes on: what it does is then not remembered. */
	if (e->flush.sync && store_sync(e->options.store) < 0)
		log_warn("events", "what was begun is not on the disk");
}

static void
end_flush(void *arg)
{
	struct events *e = arg;

	e->flush.busy = false;
	e->flushed = e->flush.number;
	events_pump(e);
}

uint64_t
events_flush_number(const struct events *e)
{
	return e->flush.number + 1;
}

void
events_flush(struct events *e)
{
	if (e->flush.busy || STAILQ_EMPTY(&e->writes))
		return;
	STAILQ_CONCAT(&e->flush.writes, &e->writes);
	e->flush.busy = true;
	e->flush.sync = e->sync_wanted;
	e->sync_wanted = false;
	e->flush.number++;
	if (loop_work(e->options.loop, run_flush, end_flush, e) == E_OK)
		return;
	/* The workers have too much to do; it is tried again at the next look. */
	STAILQ_CONCAT(&e->writes, &e->flush.writes);
	e->flush.busy = false;
	e->sync_wanted = e->flush.sync;
	e->flush.number--;
}

void
events_flush_now(struct events *e)
{
	write_all(e, &e->flush.writes);
	write_all(e, &e->writes);
}

void
events_writes_free(struct events *e)
{
	struct write *w;

	STAILQ_CONCAT(&e->writes, &e->flush.writes);
	while ((w = STAILQ_FIRST(&e->writes)) != NULL) {
		STAILQ_REMOVE_HEAD(&e->writes, link);
		free(w->text);
		free(w->json);
		free(w);
	}
}
