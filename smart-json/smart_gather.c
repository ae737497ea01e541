#include "smart-json/smart_gather.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "src/base/clock.h"
#include "src/base/loop.h"

/* The poller takes 512 questions from all (ask.h): 32 calls with 5 * 3 fit. */
enum { CALLS_MOST = 32, LANE_DEEP = 3, TICK_MS = 250, HUBS_DEEPEST = 4 };
/* The poller gives up at the deadline; what it has not told by then is told here.  It learns of a
 * meter that was just put into the table a moment later than we do. */
enum { GRACE_US = 1000000, LEARN_US = 3000000 };

enum place_state { PLACE_FREE, PLACE_READY, PLACE_ASKED, PLACE_AGAIN };
struct place {
	struct gather *gather;
	unsigned lane;
	enum place_state state;		/* AGAIN: the poller did not take it yet */
	uint32_t slot;
	struct ask ask;
};

/* One reference each: the call, the ticks, every question in the poller. */
struct gather {
	pthread_mutex_t lock;
	unsigned refs;
	bool ended;			/* resumed, or nobody waits */
	struct http_call *call;
	struct poll *poll;
	struct loop *loop;
	struct loop_timer *timer;	/* the loop's own */
	const struct gather_ops *ops;
	void *arg;
	int64_t begun_us, deadline_us;
	bool dry[GATHER_LANES];		/* next() has no more */
	struct place places[GATHER_LANES][LANE_DEEP];
};

static atomic_int waiting;	/* calls of this process that wait for meters */

/* ---- lanes ---- */

unsigned
gather_lane(const struct meter_table *table, const struct meter_row *row)
{
	for (int depth = 0; depth < HUBS_DEEPEST && row->iface == IFACE_HUB; depth++) {
		const struct meter_row *parent = meter_table_find(table, row->parent);

		if (parent == NULL)
			break;
		row = parent;
	}
	if (row->iface >= IFACE_1 && row->iface <= IFACE_4)
		return (unsigned)(row->iface - IFACE_1);
	return SERIAL_BUSES;
}

/* ---- life; the lock is held ---- */

static void
drop(struct gather *g)
{
	bool last = --g->refs == 0;

	pthread_mutex_unlock(&g->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* Everything is answered, or the time is over: the call goes on. */
static void
end(struct gather *g)
{
	if (g->ended)
		return;
	g->ended = true;
	atomic_fetch_sub(&waiting, 1);
	http_resume(g->call);
}

static bool
is_complete(const struct gather *g)
{
	for (unsigned lane = 0; lane < GATHER_LANES; lane++) {
		if (!g->dry[lane])
			return false;
		for (unsigned i = 0; i < LANE_DEEP; i++)
			if (g->places[lane][i].state != PLACE_FREE)
				return false;
	}
	return true;
}

/* ---- questions ---- */

static void pump(struct gather *);

/* What a bus thread tells. */
static void
take_record(void *arg, const struct ask *ask, const struct record *r)
{
	struct place *p = arg;
	struct gather *g = p->gather;

	pthread_mutex_lock(&g->lock);
	if (!g->ended && g->ops->record != NULL)
		g->ops->record(g->arg, p->slot, ask, r);
	pthread_mutex_unlock(&g->lock);
}

static void
take_answer(void *arg, const struct ask *ask, const struct ask_answer *answer)
{
	struct place *p = arg;
	struct gather *g = p->gather;

	pthread_mutex_lock(&g->lock);
	p->state = PLACE_FREE;
	if (!g->ended)
		g->ops->answered(g->arg, p->slot, ask, answer);
	pump(g);
	drop(g);
}

/* A place with a question to be given to the poller, or NULL. */
static struct place *
next_place(struct gather *g)
{
	for (unsigned lane = 0; lane < GATHER_LANES; lane++)
		for (unsigned i = 0; i < LANE_DEEP; i++) {
			struct place *p = &g->places[lane][i];

			if (p->state == PLACE_READY)
				return p;
			if (p->state != PLACE_FREE || g->dry[lane])
				continue;
			p->ask = (struct ask){ .deadline_us = g->deadline_us, .record = take_record,
				.answered = take_answer, .arg = p };
			if (g->ops->next(g->arg, lane, &p->ask, &p->slot))
				return p;
			g->dry[lane] = true;
		}
	return NULL;
}

static bool
may_be_taken_later(const struct gather *g, int rc)
{
	return rc == E_LIMIT || (rc == E_NOTFOUND && clock_mono_us() - g->begun_us < LEARN_US);
}

/* Gives out what there is room for.  Lets go of the lock while the poller takes a question. */
static void
pump(struct gather *g)
{
	struct place *p;
	int rc = E_OK;

	for (unsigned lane = 0; lane < GATHER_LANES; lane++)
		for (unsigned i = 0; i < LANE_DEEP; i++)
			if (g->places[lane][i].state == PLACE_AGAIN)
				g->places[lane][i].state = PLACE_READY;
	while (!g->ended && rc != E_LIMIT && (p = next_place(g)) != NULL) {
		p->state = PLACE_ASKED;
		g->refs++;
		pthread_mutex_unlock(&g->lock);
		rc = poll_ask(g->poll, &p->ask);
		pthread_mutex_lock(&g->lock);
		if (rc == E_OK)
			continue;
		g->refs--;
		p->state = may_be_taken_later(g, rc) ? PLACE_AGAIN : PLACE_FREE;
		if (p->state == PLACE_FREE && !g->ended) {
			const struct ask_answer refused = { .rc = rc };

			g->ops->answered(g->arg, p->slot, &p->ask, &refused);
		}
	}
	if (!g->ended && is_complete(g))
		end(g);
}

/* ---- the loop's part ---- */

static void
tick(void *arg)
{
	struct gather *g = arg;
	struct loop_timer *timer = g->timer;

	pthread_mutex_lock(&g->lock);
	if (!g->ended && clock_mono_us() > g->deadline_us + GRACE_US)
		end(g);
	if (!g->ended) {
		pump(g);
		pthread_mutex_unlock(&g->lock);
		return;
	}
	g->timer = NULL;
	loop_timer_free(timer);
	drop(g);
}

static void
start_ticks(void *arg)
{
	struct gather *g = arg;

	g->timer = loop_timer(g->loop, TICK_MS, true, tick, g);
	if (g->timer != NULL)
		return;
	pthread_mutex_lock(&g->lock);
	end(g);
	drop(g);
}

/* ---- for handlers ---- */

int
gather_start(struct gather **made, struct http_call *call, const struct gather_ops *ops, void *arg,
    int64_t seconds)
{
	struct gather *g = calloc(1, sizeof(*g));
	int rc = g == NULL ? E_NOMEM : E_OK;

	*made = NULL;
	if (rc == E_OK && atomic_fetch_add(&waiting, 1) >= CALLS_MOST) {
		atomic_fetch_sub(&waiting, 1);
		rc = E_LIMIT;
	}
	if (rc < 0) {
		free(g);
		call->resumed = NULL;
		return rc;
	}
	pthread_mutex_init(&g->lock, NULL);
	g->refs = 2;
	g->call = call;
	g->poll = call->server->poll;
	g->loop = call->server->loop;
	g->ops = ops;
	g->arg = arg;
	g->begun_us = clock_mono_us();
	g->deadline_us = g->begun_us + seconds * 1000000;
	for (unsigned lane = 0; lane < GATHER_LANES; lane++)
		for (unsigned i = 0; i < LANE_DEEP; i++)
			g->places[lane][i] = (struct place){ .gather = g, .lane = lane };
	if (loop_post(g->loop, start_ticks, g) < 0) {
		pthread_mutex_destroy(&g->lock);
		free(g);
		atomic_fetch_sub(&waiting, 1);
		call->resumed = NULL;
		return E_NOMEM;
	}
	*made = g;
	pthread_mutex_lock(&g->lock);
	pump(g);
	pthread_mutex_unlock(&g->lock);
	return E_OK;
}

void
gather_free(struct gather *g)
{
	void *asked[GATHER_LANES * LANE_DEEP];
	size_t n = 0;

	if (g == NULL)
		return;
	pthread_mutex_lock(&g->lock);
	if (!g->ended)
		atomic_fetch_sub(&waiting, 1);
	g->ended = true;
	g->refs -= g->timer != NULL;
	loop_timer_free(g->timer);
	g->timer = NULL;
	for (unsigned lane = 0; lane < GATHER_LANES; lane++)
		for (unsigned i = 0; i < LANE_DEEP; i++)
			if (g->places[lane][i].state == PLACE_ASKED)
				asked[n++] = &g->places[lane][i];
	pthread_mutex_unlock(&g->lock);
	while (n > 0)
		poll_ask_cancel(g->poll, asked[--n]);
	pthread_mutex_lock(&g->lock);
	drop(g);
}

/* ---- words ---- */

const char *
gather_error(int rc, bool english)
{
	static const struct { int rc; const char *russian; } words[] = {
		{ E_TIMEOUT, "нет ответа" },
		{ E_CHECKSUM, "ошибка контрольной суммы" },
		{ E_FRAME, "искажённый или неполный ответ" },
		{ E_FOREIGN, "ответ чужого прибора" },
		{ E_DENIED, "неверный пароль или уровень доступа" },
		{ E_UNSUPPORTED, "прибор этого не умеет" },
		{ E_NODATA, "в приборе нет такой записи" },
		{ E_BUSY, "шина или прибор заняты" },
		{ E_REFUSED, "прибор сейчас отказал" },
		{ E_METER, "прибор сообщил о внутренней ошибке" },
		{ E_LOST, "линия потеряна" },
		{ E_PREEMPTED, "прервано более срочной работой" },
		{ E_STOPPED, "опрос остановлен" },
		{ E_NODRIVER, "для этого типа нет драйвера" },
		{ E_NOTFOUND, "прибора нет в таблице" },
		{ E_LIMIT, "слишком много запросов" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && !english; i++)
		if (words[i].rc == rc)
			return words[i].russian;
	if (rc == E_BUSY)
		return "the bus or the meter is busy";
	return english ? uspd_strerror(rc) : "внутренняя ошибка";
}
