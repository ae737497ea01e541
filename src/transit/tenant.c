/* A desk's hours with the line: quiet before each session, sessions, a hold for who comes back. */
/* See drivers/line_fd.c: a fortified ppoll() takes the wrong time-out on 32-bit machines. */
#undef _FORTIFY_SOURCE

#include "src/transit/tenant.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <termios.h>
#include <time.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum { REALTIME = 10, NICE = -10 };		/* transit.md 9 */
/* Before a session: one gap; when an answer to the previous client may still come, until it has
 * come, at most so long after its request (transit.md 3: served again within 2 s). */
static const int64_t gap_us = 20000, answer_quiet_us = 200000, answer_most_us = 1500000;
static const int64_t quiet_most_us = 1800000;
/* A device that is not there: tried again, then the client is sent away. */
static const int64_t device_retry_us = 250000, device_most_us = 2500000;

void
tenant_wake(struct tenant *t, int64_t at_us)
{
	if (at_us < t->wake_us)
		t->wake_us = at_us;
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* ---- who is served ---- */

static void
tell_holder(struct tenant *t)
{
	const struct desk_options *o = &t->desk->options;

	if (t->n_served > 0)
		o->holder(o->arg, o->bus, t->served[0]->peer, t->served[0]->since);
	else
		o->holder(o->arg, o->bus, "", 0);
}

static void
begin(struct tenant *t, int phase)
{
	t->phase = phase;
	t->begun_us = t->now_us;
	if (phase != TENANT_QUIET)
		return;
	t->is_configured = t->is_refusal_told = false;
	t->is_asked = t->sent_us > 0 &&
	    (t->heard_us < t->sent_us || t->now_us - t->heard_us < answer_quiet_us) &&
	    t->now_us < t->sent_us + answer_most_us;
	t->retry_us = 0;
}

/* Old bytes must not go out when a session broke off. */
static void
drop_output(struct tenant *t, enum client_end why)
{
	if (t->fd < 0 || why == END_FIN || why == END_IDLE)
		return;
	(void)tcflush(t->fd, TCOFLUSH);
	if (t->break_until_us != 0)
		com_port_break(t, false);
	if (t->sent_us > t->now_us)
		t->sent_us = t->now_us;
}

static void
forget(struct client **list, unsigned *n, const struct client *c)
{
	for (unsigned i = 0; i < *n; i++)
		if (list[i] == c) {
			memmove(&list[i], &list[i + 1], (*n - i - 1) * sizeof(list[0]));
			(*n)--;
			return;
		}
}

void
tenant_end(struct tenant *t, struct client *c, enum client_end why)
{
	bool was_served = c->is_served;

	if (c == t->talker || (was_served && t->n_served == 1))
		drop_output(t, why);
	if (c == t->talker)
		t->talker = NULL;
	if (why == END_FIN || why == END_IDLE)
		(void)client_flush(c, t->now_us);
	atomic_fetch_add(&c->lost, c->out_n);
	forget(t->served, &t->n_served, c);
	forget(t->waiting, &t->n_waiting, c);
	desk_part(t->desk, c, why);
	if (was_served)
		t->last_end = why;
	if (was_served && t->n_served > 0)
		tell_holder(t);
}

static void
end_all(struct tenant *t, enum client_end why)
{
	while (t->n_served > 0)
		tenant_end(t, t->served[0], why);
	while (t->n_waiting > 0)
		tenant_end(t, t->waiting[0], why);
}

static void
serve(struct tenant *t, struct client *c)
{
	bool is_alone = t->n_served == 0;

	c->is_served = true;
	t->served[t->n_served++] = c;
	if (is_alone)
		begin(t, TENANT_QUIET);
	else if (t->phase == TENANT_SERVE)
		pump_open(t, c);
	tell_holder(t);
}

/* What the desk says since the last time. */
static void
take_news(struct tenant *t)
{
	struct client *must_end[DESK_MOST], *fresh[DESK_PRESENT], *c;
	unsigned n_end = 0, n_fresh = 0;

	if (!atomic_exchange(&t->desk->has_news, false))
		return;
	pthread_mutex_lock(&t->desk->lock);
	t->rules = t->desk->rules;
	if (t->desk->is_taken_back)
		t->hold_until_us = 0;
	t->desk->is_taken_back = false;
	t->n_waiting = 0;
	TAILQ_FOREACH(c, &t->desk->present, next) {
		if (atomic_load(&c->must_end) != END_NONE && n_end < DESK_MOST)
			must_end[n_end++] = c;
		else if (!c->is_served && n_fresh < DESK_PRESENT)
			fresh[n_fresh++] = c;
	}
	TAILQ_FOREACH(c, &t->desk->waiting, next) {
		if (t->n_waiting < DESK_WAITING)
			t->waiting[t->n_waiting++] = c;
		if (atomic_load(&c->must_end) != END_NONE && n_end < DESK_MOST)
			must_end[n_end++] = c;
	}
	pthread_mutex_unlock(&t->desk->lock);
	for (unsigned i = 0; i < n_end; i++)
		tenant_end(t, must_end[i], (enum client_end)atomic_load(&must_end[i]->must_end));
	for (unsigned i = 0; i < n_fresh && t->n_served < DESK_PRESENT; i++)
		serve(t, fresh[i]);
}

static void
check_waiting(struct tenant *t)
{
	for (unsigned i = t->n_waiting; i-- > 0;) {
		if (t->now_us >= t->waiting[i]->until_us)
			tenant_end(t, t->waiting[i], END_BUSY);
		else
			tenant_wake(t, t->waiting[i]->until_us);
	}
}

/* Nobody is served: the next in the queue, or the hold begins. */
static void
choose(struct tenant *t)
{
	struct client *next;
	bool is_kept;

	if (t->n_served > 0)
		return;
	next = desk_call_next(t->desk);
	if (next != NULL) {
		forget(t->waiting, &t->n_waiting, next);
		serve(t, next);
	} else if (t->phase != TENANT_HOLD) {
		is_kept = t->last_end != END_IDLE && t->last_end != END_OPERATOR &&
		    t->last_end != END_SETTINGS && t->last_end != END_NONE;
		begin(t, TENANT_HOLD);
		t->hold_until_us = t->now_us + (is_kept ? t->rules.release_us : 0);
		tell_holder(t);
	}
}

/* ---- phases ---- */

static int
configure(struct tenant *t)
{
	int rc;

	if (t->now_us < t->retry_us) {
		tenant_wake(t, t->retry_us);
		return E_OK;
	}
	rc = pump_settings(t, &t->rules.uart);
	t->now_us = clock_mono_us();
	t->is_configured = rc == E_OK || (rc == E_INVALID && t->fd >= 0);
	if (rc == E_STOPPED || t->is_configured)
		return rc == E_STOPPED ? rc : E_OK;
	if (t->now_us - t->begun_us > device_most_us)
		return E_LOST;
	t->retry_us = t->now_us + device_retry_us;
	tenant_wake(t, t->retry_us);
	return E_OK;
}

/* Who left before the session began had nothing to say. */
static void
check_gone(struct tenant *t)
{
	for (unsigned i = t->n_served; i-- > 0;)
		if (t->served[i]->is_eof && atomic_load(&t->served[i]->from_client) == 0)
			tenant_end(t, t->served[i], END_FIN);
}

static int
be_quiet(struct tenant *t)
{
	int64_t ready = later(t->begun_us, t->heard_us) + gap_us;
	int rc;

	check_gone(t);
	if (t->n_served == 0) {
		tenant_wake(t, t->now_us);
		return E_OK;
	}
	if (!t->is_configured) {
		rc = configure(t);
		if (rc < 0 || !t->is_configured)
			return rc;
	}
	if (t->is_asked)
		ready = t->heard_us < t->sent_us ? t->sent_us + answer_most_us :
						   t->heard_us + answer_quiet_us;
	if (ready > t->begun_us + quiet_most_us)
		ready = t->begun_us + quiet_most_us;
	if (t->now_us < ready) {
		tenant_wake(t, ready);
		return E_OK;
	}
	begin(t, TENANT_SERVE);
	t->heard_us = t->sent_us = 0;
	for (unsigned i = 0; i < t->n_served; i++)
		pump_open(t, t->served[i]);
	return pump_turn(t);
}

static void
hold(struct tenant *t)
{
	if (t->now_us < t->hold_until_us)
		tenant_wake(t, t->hold_until_us);
	else
		t->is_over = desk_leave(t->desk);
}

static int
turn(struct tenant *t)
{
	int rc = E_OK;

	t->now_us = clock_mono_us();
	t->wake_us = INT64_MAX;
	take_news(t);
	check_waiting(t);
	choose(t);
	if (t->phase == TENANT_QUIET) {
		rc = be_quiet(t);
	} else if (t->phase == TENANT_SERVE) {
		rc = pump_turn(t);
		if (rc == E_OK && t->n_served == 0)
			t->wake_us = 0;
	} else {
		hold(t);
	}
	return rc;
}

/* ---- waiting for what happens ---- */

enum { FD_STOP, FD_DESK, FD_LINE, FD_CLIENTS };

static void
watch(struct tenant *t, struct pollfd *fds)
{
	fds[FD_STOP] = (struct pollfd){ .fd = line_wake_fd(t->line), .events = POLLIN };
	fds[FD_DESK] = (struct pollfd){ .fd = t->desk->wake_fd, .events = POLLIN };
	fds[FD_LINE] = (struct pollfd){ .fd = t->fd, .events = POLLIN };
	if (t->is_full)
		fds[FD_LINE].events |= POLLOUT;
	for (unsigned i = 0; i < t->n_served; i++) {
		fds[FD_CLIENTS + i] = (struct pollfd){ .fd = t->served[i]->fd };
		if (pump_wants_input(t, t->served[i]))
			fds[FD_CLIENTS + i].events |= POLLIN;
		if (pump_wants_output(t, t->served[i]))
			fds[FD_CLIENTS + i].events |= POLLOUT;
	}
	for (unsigned i = 0; i < t->n_waiting; i++)
		fds[FD_CLIENTS + t->n_served + i] = (struct pollfd){ .fd = t->waiting[i]->fd };
}

static int
wait_until(struct pollfd *fds, nfds_t n, int64_t until_us)
{
	int64_t left = until_us == INT64_MAX ? 0 : until_us - clock_mono_us();
	struct timespec ts = { 0 };

	if (left > 0) {
		ts.tv_sec = (time_t)(left / 1000000);
		ts.tv_nsec = (long)(left % 1000000) * 1000;
	}
	if (ppoll(fds, n, until_us == INT64_MAX ? NULL : &ts, NULL) >= 0)
		return E_OK;
	memset(fds, 0, n * sizeof(*fds));
	return errno == EINTR ? E_OK : E_INTERNAL;
}

/* Clients may end here, so the lists are walked from their ends. */
static void
attend_clients(struct tenant *t, const struct pollfd *fds, unsigned served, unsigned waiting)
{
	for (unsigned i = waiting; i-- > 0;)
		if (fds[FD_CLIENTS + served + i].revents & (POLLHUP | POLLERR))
			tenant_end(t, t->waiting[i], END_RST);
	for (unsigned i = served; i-- > 0;) {
		struct client *c = t->served[i];
		short what = fds[FD_CLIENTS + i].revents;
		enum client_end end = END_NONE;

		if (what & POLLIN)
			end = client_receive(c, t->now_us);
		else if (what & (POLLHUP | POLLERR | POLLNVAL))
			end = END_RST;
		if (end == END_NONE && (what & POLLOUT))
			end = client_flush(c, t->now_us);
		if (end != END_NONE)
			tenant_end(t, c, end);
	}
}

static int
wait(struct tenant *t)
{
	struct pollfd fds[FD_CLIENTS + DESK_PRESENT + DESK_WAITING];
	unsigned served = t->n_served, waiting = t->n_waiting;
	eventfd_t ignored;
	int rc;

	watch(t, fds);
	rc = wait_until(fds, FD_CLIENTS + served + waiting, t->wake_us);
	if (rc < 0)
		return rc;
	t->now_us = clock_mono_us();
	if (fds[FD_STOP].revents != 0)
		return E_STOPPED;
	if (fds[FD_DESK].revents != 0)
		(void)!eventfd_read(t->desk->wake_fd, &ignored);
	if (fds[FD_LINE].revents & POLLOUT)
		t->is_full = false;
	attend_clients(t, fds, served, waiting);
	if (fds[FD_LINE].revents & ~POLLOUT)
		rc = pump_hear(t);
	return rc;
}

/* ---- the lease ---- */

/* What it was is set again at the end; without the right to it nothing changes. */
static bool
raise_priority(void)
{
	struct sched_param realtime = { .sched_priority = REALTIME };

	prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
	if (sched_setscheduler(0, SCHED_RR, &realtime) == 0)
		return true;
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	return false;
}

static void
lower_priority(bool was_realtime)
{
	struct sched_param ordinary = { 0 };

	if (was_realtime)
		(void)sched_setscheduler(0, SCHED_OTHER, &ordinary);
	else
		(void)setpriority(PRIO_PROCESS, 0, 0);
}

static enum client_end
end_of(int rc)
{
	return rc == E_STOPPED ? END_SHUTDOWN : END_LINE;
}

int
tenant_run(struct desk *desk, struct line *line)
{
	struct tenant t = { .desk = desk, .line = line, .fd = -1, .phase = TENANT_HOLD };
	bool is_realtime = raise_priority();
	int rc = E_OK;

	pthread_mutex_lock(&desk->lock);
	desk->state = DESK_LEASED;
	atomic_store(&desk->has_news, true);
	pthread_mutex_unlock(&desk->lock);
	while (rc == E_OK && !t.is_over) {
		rc = turn(&t);
		if (rc == E_OK && !t.is_over)
			rc = wait(&t);
	}
	if (rc < 0) {
		t.now_us = clock_mono_us();
		pthread_mutex_lock(&desk->lock);
		desk->state = DESK_LEAVING;
		pthread_mutex_unlock(&desk->lock);
		if (rc == E_LOST)
			journal_line(desk->options.store, desk->options.bus,
			    "the device of the bus is gone, transit sessions are closed");
		end_all(&t, end_of(rc));
	}
	lower_priority(is_realtime);
	return rc;
}
