#include "src/transit/desk.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/transit/linger.h"

/* Two automatic clients must not throw each other out for ever (transit.md 4). */
static const int64_t kick_pause_us = 5000000;
/* Beyond take_ms the poller's thread does not react at all (transit.md 3). */
static const int64_t order_grace_us = 4000000;
static const int64_t minute_us = 60000000;
enum { REFUSALS_A_MINUTE = 10 };

/* ---- admission ---- */

enum desk_verdict
desk_admit(const struct desk_view *view, const struct tcp_row *row)
{
	if (view->present == 0 && view->waiting == 0)
		return DESK_ADMIT;
	if (view->present == view->draining && view->waiting == 0)
		return DESK_ADMIT_ALONE;
	switch (row->mode) {
	case MODE_SHARED:
		if (view->all_shared && view->waiting == 0 && view->present < row->max_clients &&
		    view->present < DESK_PRESENT)
			return DESK_ADMIT;
		return DESK_TURN_AWAY;
	case MODE_KICK:
		return view->since_kick_us >= kick_pause_us ? DESK_ADMIT_ALONE : DESK_TURN_AWAY;
	case MODE_WAIT:
		return view->waiting < DESK_WAITING ? DESK_QUEUE : DESK_TURN_AWAY;
	case MODE_REFUSE:
		break;
	}
	return DESK_TURN_AWAY;
}

/* Whether the other end has closed, also where the bus thread has not seen it yet: a program that
 * drops and comes back at once must not find itself in its own way. */
static enum client_end
end_seen(const struct client *c)
{
	struct pollfd fd = { .fd = c->fd, .events = POLLRDHUP };

	if (atomic_load(&c->phase) == TRANSIT_DRAINING)
		return END_FIN;
	if (poll(&fd, 1, 0) != 1)
		return END_NONE;
	return fd.revents & (POLLHUP | POLLERR) ? END_RST : END_FIN;
}

static struct desk_view
look(const struct desk *d)
{
	struct desk_view view = { .all_shared = true, .since_kick_us = INT64_MAX };
	const struct client *c;

	TAILQ_FOREACH(c, &d->present, next) {
		view.present++;
		view.draining += atomic_load(&c->must_end) != END_NONE || end_seen(c) != END_NONE;
		view.all_shared &= c->row.mode == MODE_SHARED;
	}
	TAILQ_FOREACH(c, &d->waiting, next)
		view.waiting++;
	if (d->kicked_us != 0)
		view.since_kick_us = clock_mono_us() - d->kicked_us;
	return view;
}

/* A client that comes again and again must not fill the journal. */
static bool
may_journal_refusal(struct desk *d, uint16_t port)
{
	int64_t now = clock_mono_us();
	unsigned i = 0;

	while (i < DESK_PORTS - 1 && d->refusals[i].port != 0 && d->refusals[i].port != port)
		i++;
	if (d->refusals[i].port != port || now - d->refusals[i].since_us >= minute_us) {
		d->refusals[i].port = port;
		d->refusals[i].since_us = now;
		d->refusals[i].n = 0;
	}
	return d->refusals[i].n++ < REFUSALS_A_MINUTE;
}

/* With the lock held.  The client is on no list. */
static void
turn_away(struct desk *d, struct client *c, enum client_end why)
{
	if (may_journal_refusal(d, c->row.port))
		journal_turned_away(d->options.store, c, why);
	linger(d->options.lingers, c->fd);
	client_free(c);
}

static void
tell(struct desk *d)
{
	atomic_store(&d->has_news, true);
	if (eventfd_write(d->wake_fd, 1) != 0)
		log_error("transit", "bus=%u: cannot wake its thread", d->options.bus);
}

/* With the lock held: those of a list that fit are to end.  Where the bus thread does not serve them
 * yet it is done here. */
static unsigned
end_listed(struct desk *d, struct clients *list, uint16_t port, enum client_end why)
{
	struct client *c, *after;
	unsigned n = 0;

	for (c = TAILQ_FIRST(list); c != NULL; c = after) {
		bool is_ending = d->state == DESK_LEASED && atomic_load(&c->must_end) != END_NONE;

		after = TAILQ_NEXT(c, next);
		if (is_ending || (port != 0 && c->row.port != port))
			continue;
		n++;
		if (d->state == DESK_LEASED) {
			enum client_end seen = why == END_KICK ? end_seen(c) : END_NONE;

			atomic_store(&c->must_end, seen != END_NONE ? seen : why);
		} else {
			TAILQ_REMOVE(list, c, next);
			turn_away(d, c, why);
		}
	}
	if (n > 0)
		tell(d);
	return n;
}

static unsigned
end_some(struct desk *d, uint16_t port, enum client_end why)
{
	return end_listed(d, &d->present, port, why) + end_listed(d, &d->waiting, port, why);
}

/* ---- the lease ---- */

static void order(struct desk *);

static void
order_again(void *arg)
{
	order(arg);
}

static int
run(struct lease *lease, struct line *line)
{
	return tenant_run(lease->arg, line);
}

static void
ended(struct lease *lease, int rc)
{
	struct desk *d = lease->arg;
	bool again;

	pthread_mutex_lock(&d->lock);
	if (d->state == DESK_ORDERED || rc == E_STOPPED || d->is_closing) {
		d->state = DESK_FREE;
		end_some(d, 0, rc == E_STOPPED ? END_SHUTDOWN : END_NOT_FREE);
	}
	d->state = DESK_FREE;
	again = !TAILQ_EMPTY(&d->present);
	pthread_mutex_unlock(&d->lock);
	d->options.holder(d->options.arg, d->options.bus, "", 0);
	if (again && loop_post(d->options.loop, order_again, d) < 0)
		log_error("transit", "bus=%u: not taken: no memory", d->options.bus);
}

static void
order(struct desk *d)
{
	uint32_t take_ms;
	bool wanted;
	int rc;

	pthread_mutex_lock(&d->lock);
	wanted = d->state == DESK_FREE && !TAILQ_EMPTY(&d->present);
	if (wanted) {
		d->state = DESK_ORDERED;
		d->ordered_us = clock_mono_us();
	}
	take_ms = d->rules.take_ms;
	pthread_mutex_unlock(&d->lock);
	if (!wanted)
		return;
	rc = d->options.lease(d->options.arg, d->options.bus, &d->lease, take_ms);
	if (rc == E_OK)
		return;
	log_warn("transit", "bus=%u: not taken: %s", d->options.bus, uspd_strerror(rc));
	pthread_mutex_lock(&d->lock);
	d->state = DESK_FREE;
	end_some(d, 0, END_NOT_FREE);
	pthread_mutex_unlock(&d->lock);
}

/* ---- the loop's thread ---- */

int
desk_open(struct desk **out, const struct desk_options *options)
{
	struct desk *d = calloc(1, sizeof(*d));

	*out = NULL;
	if (d == NULL)
		return E_NOMEM;
	d->options = *options;
	d->lease = (struct lease){ .run = run, .ended = ended, .arg = d };
	d->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->wake_fd < 0) {
		free(d);
		return E_IO;
	}
	pthread_mutex_init(&d->lock, NULL);
	TAILQ_INIT(&d->present);
	TAILQ_INIT(&d->waiting);
	*out = d;
	return E_OK;
}

void
desk_close(struct desk *d)
{
	if (d == NULL)
		return;
	pthread_mutex_lock(&d->lock);
	d->is_closing = true;
	d->state = DESK_FREE;
	end_some(d, 0, END_SHUTDOWN);
	pthread_mutex_unlock(&d->lock);
	close(d->wake_fd);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

void
desk_rules_set(struct desk *d, const struct desk_rules *rules)
{
	pthread_mutex_lock(&d->lock);
	d->rules = *rules;
	tell(d);
	pthread_mutex_unlock(&d->lock);
}

/* The queue is served first come, first served: whoever is to be alone goes before it. */
void
desk_arrive(struct desk *d, struct client *c)
{
	struct desk_view view;

	pthread_mutex_lock(&d->lock);
	view = look(d);
	switch (desk_admit(&view, &c->row)) {
	case DESK_ADMIT_ALONE:
		if (view.present > view.draining)
			d->kicked_us = clock_mono_us();
		end_listed(d, &d->present, 0, END_KICK);
		/* FALLTHROUGH */
	case DESK_ADMIT:
		atomic_store(&c->phase, TRANSIT_TAKING);
		TAILQ_INSERT_TAIL(&d->present, c, next);
		break;
	case DESK_QUEUE:
		atomic_store(&c->phase, TRANSIT_WAITING);
		c->until_us = clock_mono_us() + (int64_t)c->row.wait_s * 1000000;
		TAILQ_INSERT_TAIL(&d->waiting, c, next);
		break;
	case DESK_TURN_AWAY:
		turn_away(d, c, END_BUSY);
		break;
	}
	tell(d);
	pthread_mutex_unlock(&d->lock);
	order(d);
}

unsigned
desk_end(struct desk *d, uint16_t port, enum client_end why)
{
	unsigned n;

	pthread_mutex_lock(&d->lock);
	n = end_some(d, port, why);
	pthread_mutex_unlock(&d->lock);
	return n;
}

void
desk_turn_away(struct desk *d, struct client *c, enum client_end why)
{
	pthread_mutex_lock(&d->lock);
	turn_away(d, c, why);
	pthread_mutex_unlock(&d->lock);
}

bool
desk_take_back(struct desk *d)
{
	bool is_lent;

	pthread_mutex_lock(&d->lock);
	is_lent = d->state != DESK_FREE;
	d->is_taken_back = is_lent;
	end_some(d, 0, END_OPERATOR);
	tell(d);
	pthread_mutex_unlock(&d->lock);
	return is_lent;
}

void
desk_check_addresses(struct desk *d)
{
	struct client *c;

	pthread_mutex_lock(&d->lock);
	TAILQ_FOREACH(c, &d->present, next)
		if (c->has_own && !address_is_ours(c->own))
			atomic_store(&c->must_end, END_RST);
	tell(d);
	pthread_mutex_unlock(&d->lock);
}

void
desk_upkeep(struct desk *d)
{
	int64_t now = clock_mono_us();

	pthread_mutex_lock(&d->lock);
	if (d->state == DESK_ORDERED &&
	    now - d->ordered_us > (int64_t)d->rules.take_ms * 1000 + order_grace_us &&
	    end_some(d, 0, END_NOT_FREE) > 0)
		journal_line(d->options.store, d->options.bus,
		    "bus not free: the poller does not give it");
	pthread_mutex_unlock(&d->lock);
}

/* ---- any thread ---- */

unsigned
desk_count(struct desk *d, uint16_t port)
{
	const struct client *c;
	unsigned n = 0;

	pthread_mutex_lock(&d->lock);
	TAILQ_FOREACH(c, &d->present, next)
		n += port == 0 || c->row.port == port;
	TAILQ_FOREACH(c, &d->waiting, next)
		n += port == 0 || c->row.port == port;
	pthread_mutex_unlock(&d->lock);
	return n;
}

static void
describe(const struct client *c, struct transit_session *s)
{
	int64_t idle_us = clock_mono_us() - atomic_load(&c->active_us);

	*s = (struct transit_session){ .bus = c->row.bus, .port = c->row.port,
		.phase = (enum transit_phase)atomic_load(&c->phase), .since = c->since,
		.from_client = atomic_load(&c->from_client), .to_client = atomic_load(&c->to_client),
		.lost = atomic_load(&c->lost), .idle_s = (uint32_t)(idle_us / 1000000) };
	snprintf(s->client, sizeof(s->client), "%s", c->peer);
}

size_t
desk_sessions(struct desk *d, struct transit_session *to, size_t max)
{
	const struct clients *lists[] = { &d->present, &d->waiting };
	const struct client *c;
	size_t n = 0;

	pthread_mutex_lock(&d->lock);
	for (int i = 0; i < 2; i++)
		TAILQ_FOREACH(c, lists[i], next) {
			if (n < max)
				describe(c, &to[n]);
			n++;
		}
	pthread_mutex_unlock(&d->lock);
	return n;
}

/* ---- the bus thread ---- */

void
desk_part(struct desk *d, struct client *c, enum client_end why)
{
	bool was_open = c->is_served && atomic_load(&c->phase) >= TRANSIT_OPEN;

	pthread_mutex_lock(&d->lock);
	TAILQ_REMOVE(atomic_load(&c->phase) == TRANSIT_WAITING ? &d->waiting : &d->present, c, next);
	if (!was_open)
		turn_away(d, c, why);
	pthread_mutex_unlock(&d->lock);
	if (!was_open)
		return;
	journal_ended(d->options.store, c, why);
	linger(d->options.lingers, c->fd);
	client_free(c);
}

struct client *
desk_call_next(struct desk *d)
{
	struct client *c;

	pthread_mutex_lock(&d->lock);
	c = TAILQ_FIRST(&d->waiting);
	if (c != NULL) {
		TAILQ_REMOVE(&d->waiting, c, next);
		TAILQ_INSERT_TAIL(&d->present, c, next);
		atomic_store(&c->phase, TRANSIT_TAKING);
	}
	pthread_mutex_unlock(&d->lock);
	return c;
}

bool
desk_leave(struct desk *d)
{
	bool is_empty;

	pthread_mutex_lock(&d->lock);
	is_empty = TAILQ_EMPTY(&d->present) && TAILQ_EMPTY(&d->waiting);
	if (is_empty)
		d->state = DESK_LEAVING;
	pthread_mutex_unlock(&d->lock);
	return is_empty;
}
