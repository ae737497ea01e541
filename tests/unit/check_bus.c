/* Bus threads: order by class, taking the bus at an exchange boundary, clean ends. */
#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/bus/bus.h"
#include "tests/unit/unit.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int master;
static char path[128];
static struct crew *crew;
static struct bus *bus;

/* What happened, in order. */
static struct { int id, rc; } events[32];
static _Atomic int n_events;

struct test_visit {
	struct visit visit;
	int id;
	bool talks;	/* asks a line where nobody answers until it is interrupted */
	bool hold;	/* waits for `released` */
	bool critical;	/* may not be interrupted */
	int64_t until_us;
};
static bool started, released;

static void
say(bool *flag)
{
	pthread_mutex_lock(&lock);
	*flag = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void
await(const bool *flag)
{
	pthread_mutex_lock(&lock);
	while (!*flag)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static void
await_events(int n)
{
	pthread_mutex_lock(&lock);
	while (n_events < n)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

static struct framing
never(const void *hint, const uint8_t *rx, size_t len)
{
	(void)hint;
	(void)rx;
	(void)len;
	return (struct framing){ FRAME_MORE, 1 };
}

static int
run(struct visit *visit, struct line *line, struct meter_session *session)
{
	static const struct line_settings settings = { 9600, 8, PARITY_NONE, 1 };
	static const struct line_timing timing = { .answer_ms = 5, .tries = 1 };
	struct test_visit *v = (struct test_visit *)(void *)visit;
	int rc;

	if ((rc = line_configure(line, &settings, &timing, SOFT_NONE)) < 0)
		return rc;
	say(&started);
	bus_hold(bus, v->critical);
	bus_until(bus, v->until_us);
	if (v->hold)
		await(&released);
	do {
		size_t len;

		rc = v->talks ? line_exchange(line, (const uint8_t *)"?", 1, never, NULL, session->rx,
				    sizeof(session->rx), &len) :
				E_OK;
	} while (rc == E_TIMEOUT);
	return rc;
}

static void
done(struct visit *visit, int rc)
{
	struct test_visit *v = (struct test_visit *)(void *)visit;

	pthread_mutex_lock(&lock);
	events[n_events].id = v->id;
	events[n_events++].rc = rc;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	free(v);
}

static struct visit *
make(int id, enum bus_class class, bool talks, bool hold)
{
	struct test_visit *v = calloc(1, sizeof(*v));

	ck_assert_ptr_nonnull(v);
	v->visit = (struct visit){ .class = class, .run = run, .done = done };
	v->id = id;
	v->talks = talks;
	v->hold = hold;
	return &v->visit;
}

/* The source gives what the test laid down, once. */
static struct visit *_Atomic offered, *_Atomic wanted;

static struct visit *
next(void *arg, struct bus *b, int64_t *again_us)
{
	(void)arg;
	(void)b;
	struct visit *visit = atomic_exchange(&wanted, NULL);

	*again_us = INT64_MAX;
	return visit != NULL ? visit : atomic_exchange(&offered, NULL);
}

static void
setup(void)
{
	struct bus_options options = { .name = "bus1",
		.target = path,
		.keep_open = true,
		.next = next };

	master = posix_openpt(O_RDWR | O_NOCTTY);
	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master) | unlockpt(master), 0);
	ck_assert_int_eq(ptsname_r(master, path, sizeof(path)), 0);
	started = released = false;
	n_events = 0;
	ck_assert_int_eq(crew_open(&crew, "test", 1), E_OK);
	ck_assert_int_eq(bus_open(&bus, crew, &options), E_OK);
}

static void
teardown(void)
{
	crew_close(crew);
	close(master);
}

START_TEST(urgent_visits_go_by_class_then_by_age)
{
	ck_assert_int_eq(bus_submit(bus, make(1, BUS_FRESH_CLASS, false, true)), E_OK);
	await(&started);
	ck_assert_int_eq(bus_submit(bus, make(2, BUS_RELAY_CLASS, false, false)), E_OK);
	ck_assert_int_eq(bus_submit(bus, make(3, BUS_OPERATOR_CLASS, false, false)), E_OK);
	ck_assert_int_eq(bus_submit(bus, make(4, BUS_RELAY_CLASS, false, false)), E_OK);
	say(&released);
	await_events(4);
	ck_assert_int_eq(events[0].id, 1);
	ck_assert_int_eq(events[1].id, 3);
	ck_assert_int_eq(events[2].id, 2);
	ck_assert_int_eq(events[3].id, 4);
}
END_TEST

START_TEST(work_somebody_waits_for_takes_the_bus_at_an_exchange_boundary)
{
	atomic_store(&offered, make(1, BUS_BACKFILL_CLASS, true, false));
	bus_poke(bus);
	await(&started);
	ck_assert_int_eq(bus_submit(bus, make(2, BUS_OPERATOR_CLASS, false, false)), E_OK);
	await_events(2);
	ck_assert_int_eq(events[0].id, 1);
	ck_assert_int_eq(events[0].rc, E_PREEMPTED);
	ck_assert_int_eq(events[1].id, 2);
	ck_assert_int_eq(events[1].rc, E_OK);
}
END_TEST

START_TEST(an_operator_does_not_interrupt_another)
{
	ck_assert_int_eq(bus_submit(bus, make(1, BUS_OPERATOR_CLASS, false, true)), E_OK);
	await(&started);
	ck_assert_int_eq(bus_submit(bus, make(2, BUS_OPERATOR_CLASS, false, false)), E_OK);
	say(&released);
	await_events(2);
	ck_assert_int_eq(events[0].id, 1);
	ck_assert_int_eq(events[0].rc, E_OK);
}
END_TEST

START_TEST(transit_takes_the_bus_from_an_operator)
{
	ck_assert_int_eq(bus_submit(bus, make(1, BUS_OPERATOR_CLASS, true, false)), E_OK);
	await(&started);
	ck_assert_int_eq(bus_submit(bus, make(2, BUS_TRANSIT_CLASS, false, false)), E_OK);
	await_events(2);
	ck_assert_int_eq(events[0].rc, E_PREEMPTED);
	ck_assert_int_eq(events[1].id, 2);
}
END_TEST

START_TEST(an_interrupted_visit_ends_and_the_bus_goes_on)
{
	atomic_store(&offered, make(1, BUS_FRESH_CLASS, true, false));
	bus_poke(bus);
	await(&started);
	bus_interrupt(bus);
	await_events(1);
	ck_assert_int_eq(events[0].rc, E_PREEMPTED);
	ck_assert_int_eq(bus_submit(bus, make(2, BUS_FRESH_CLASS, false, false)), E_OK);
	await_events(2);
	ck_assert_int_eq(events[1].rc, E_OK);
}
END_TEST

START_TEST(what_the_source_wants_goes_before_submitted_work_of_its_class)
{
	ck_assert_int_eq(bus_submit(bus, make(1, BUS_OPERATOR_CLASS, false, true)), E_OK);
	await(&started);
	ck_assert_int_eq(bus_submit(bus, make(2, BUS_OPERATOR_CLASS, false, false)), E_OK);
	ck_assert_int_eq(bus_submit(bus, make(3, BUS_TRANSIT_CLASS, false, false)), E_OK);
	atomic_store(&wanted, make(4, BUS_OPERATOR_CLASS, false, false));
	bus_want(bus, BUS_OPERATOR_CLASS);
	say(&released);
	await_events(4);
	ck_assert_int_eq(events[1].id, 3);
	ck_assert_int_eq(events[2].id, 4);
	ck_assert_int_eq(events[3].id, 2);
}
END_TEST

START_TEST(what_the_source_wants_takes_the_bus_at_an_exchange_boundary)
{
	atomic_store(&offered, make(1, BUS_FRESH_CLASS, true, false));
	bus_poke(bus);
	await(&started);
	atomic_store(&wanted, make(2, BUS_OPERATOR_CLASS, false, false));
	bus_want(bus, BUS_OPERATOR_CLASS);
	await_events(2);
	ck_assert_int_eq(events[0].rc, E_PREEMPTED);
	ck_assert_int_eq(events[1].id, 2);
	ck_assert_int_eq(events[1].rc, E_OK);
}
END_TEST

START_TEST(a_visit_that_holds_the_bus_gives_way_to_nothing_but_its_end)
{
	struct visit *visit = make(1, BUS_FRESH_CLASS, true, false);

	((struct test_visit *)(void *)visit)->critical = true;
	ck_assert_int_eq(bus_submit(bus, visit), E_OK);
	await(&started);
	ck_assert_int_eq(bus_submit(bus, make(2, BUS_TRANSIT_CLASS, false, false)), E_OK);
	bus_interrupt(bus);
	usleep(30000);
	ck_assert_int_eq(n_events, 0);
	bus_close(bus);
	ck_assert_int_eq(events[0].rc, E_STOPPED);
}
END_TEST

START_TEST(a_visit_past_its_time_sends_no_more)
{
	struct visit *visit = make(1, BUS_FRESH_CLASS, true, false);

	((struct test_visit *)(void *)visit)->until_us = clock_mono_us() + 20000;
	ck_assert_int_eq(bus_submit(bus, visit), E_OK);
	await_events(1);
	ck_assert_int_eq(events[0].rc, E_PREEMPTED);
	/* The next one has all the time. */
	ck_assert_int_eq(bus_submit(bus, make(2, BUS_FRESH_CLASS, false, false)), E_OK);
	await_events(2);
	ck_assert_int_eq(events[1].rc, E_OK);
}
END_TEST

static int
settle(struct visit *visit, struct line *line, struct meter_session *session)
{
	int64_t began_us = clock_mono_us();

	(void)session;
	bus_settle(bus, line, 50, 1000);
	ck_assert_int_ge(clock_mono_us() - began_us, 20000);
	return run(visit, line, session);
}

START_TEST(an_abandoned_exchange_ends_and_the_line_settles)
{
	struct visit *visit = make(2, BUS_TRANSIT_CLASS, false, false);

	atomic_store(&offered, make(1, BUS_FRESH_CLASS, true, false));
	bus_poke(bus);
	await(&started);
	bus_abandon(bus);
	await_events(1);
	ck_assert_int_eq(events[0].rc, E_STOPPED);
	visit->run = settle;
	ck_assert_int_eq(bus_submit(bus, visit), E_OK);
	await_events(2);
	ck_assert_int_eq(events[1].rc, E_OK);
}
END_TEST

START_TEST(closing_ends_the_running_visit_and_every_waiting_one)
{
	ck_assert_int_eq(bus_submit(bus, make(1, BUS_FRESH_CLASS, true, false)), E_OK);
	await(&started);
	ck_assert_int_eq(bus_submit(bus, make(2, BUS_FRESH_CLASS, false, false)), E_OK);
	bus_close(bus);
	ck_assert_int_eq(n_events, 2);
	ck_assert_int_eq(events[0].rc, E_STOPPED);
	ck_assert_int_eq(events[1].rc, E_STOPPED);
}
END_TEST

START_TEST(a_missing_device_is_told_to_the_visit)
{
	struct bus_options options = { .name = "bus2", .target = "/nonexistent/tty", .keep_open = true,
		.next = next };
	struct bus *missing;

	ck_assert_int_eq(bus_open(&missing, crew, &options), E_OK);
	ck_assert_int_eq(bus_submit(missing, make(1, BUS_OPERATOR_CLASS, true, false)), E_OK);
	await_events(1);
	ck_assert_int_eq(events[0].rc, E_LOST);
	ck_assert(!bus_has_device(missing));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("bus");
	TCase *t = tcase_create("bus");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, urgent_visits_go_by_class_then_by_age);
	tcase_add_test(t, work_somebody_waits_for_takes_the_bus_at_an_exchange_boundary);
	tcase_add_test(t, an_operator_does_not_interrupt_another);
	tcase_add_test(t, transit_takes_the_bus_from_an_operator);
	tcase_add_test(t, an_interrupted_visit_ends_and_the_bus_goes_on);
	tcase_add_test(t, what_the_source_wants_goes_before_submitted_work_of_its_class);
	tcase_add_test(t, what_the_source_wants_takes_the_bus_at_an_exchange_boundary);
	tcase_add_test(t, a_visit_that_holds_the_bus_gives_way_to_nothing_but_its_end);
	tcase_add_test(t, a_visit_past_its_time_sends_no_more);
	tcase_add_test(t, an_abandoned_exchange_ends_and_the_line_settles);
	tcase_add_test(t, closing_ends_the_running_visit_and_every_waiting_one);
	tcase_add_test(t, a_missing_device_is_told_to_the_visit);
	suite_add_tcase(suite, t);
	return unit_main(suite);
}
