#include "tests/unit/ask_help.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <termios.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "tests/unit/sim_help.h"

/* ---- the wire ---- */

enum { IDLE_MS = 3 };

static void
give_answer(struct ask_bench *b, const uint8_t *request, size_t n)
{
	struct wire *w = &b->wire;
	uint8_t answer[SIM_ANSWER_MAX];
	size_t len = 0;
	bool dropped;

	pthread_mutex_lock(&w->lock);
	ck_assert_uint_lt(w->requests, WIRE_LOG);
	w->log[w->requests][0] = request[0];
	w->log[w->requests][1] = n > 1 ? request[1] : 0;
	w->requests++;
	pthread_cond_broadcast(&w->changed);
	while (w->held && !w->stopping)
		pthread_cond_wait(&w->changed, &w->lock);
	dropped = n > 1 && w->drop_command == request[1];
	if (dropped)
		w->drop_command = -1;
	pthread_mutex_unlock(&w->lock);
	for (size_t i = 0; i < b->street->buses[0].n_meters && len == 0; i++)
		len = sim_meter_answer(&b->street->buses[0].meters[i], clock_utc_us(), request, n,
		    answer);
	if (len > 0 && !dropped)
		(void)!write(w->master, answer, len);
}

static void *
serve(void *arg)
{
	struct ask_bench *b = arg;
	struct pollfd fds[2] = { { b->wire.master, POLLIN, 0 }, { b->wire.stop_fd, POLLIN, 0 } };
	uint8_t request[512];
	size_t len = 0;

	while (!(fds[1].revents & POLLIN)) {
		int ready = poll(fds, 2, len > 0 ? IDLE_MS : -1);

		if (ready > 0 && (fds[0].revents & POLLIN)) {
			ssize_t n = read(b->wire.master, request + len, sizeof(request) - len);

			len += n > 0 ? (size_t)n : 0;
		} else if (ready == 0) {
			give_answer(b, request, len);
			len = 0;
		}
	}
	return NULL;
}

static void
open_wire(struct ask_bench *b)
{
	struct wire *w = &b->wire;
	struct termios raw;

	w->master = posix_openpt(O_RDWR | O_NOCTTY);
	ck_assert_int_ge(w->master, 0);
	ck_assert_int_eq(grantpt(w->master) | unlockpt(w->master), 0);
	ck_assert_int_eq(ptsname_r(w->master, w->path, sizeof(w->path)), 0);
	ck_assert_int_eq(tcgetattr(w->master, &raw), 0);
	cfmakeraw(&raw);
	ck_assert_int_eq(tcsetattr(w->master, TCSANOW, &raw), 0);
	w->stop_fd = eventfd(0, EFD_CLOEXEC);
	w->drop_command = -1;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->changed, NULL);
	ck_assert_int_eq(pthread_create(&w->thread, NULL, serve, b), 0);
}

static void
close_wire(struct wire *w)
{
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	ck_assert_int_eq(eventfd_write(w->stop_fd, 1), 0);
	pthread_join(w->thread, NULL);
	close(w->stop_fd);
	close(w->master);
}

void
wire_hold(struct wire *w, bool hold)
{
	pthread_mutex_lock(&w->lock);
	w->held = hold;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
}

void
wire_await(struct wire *w, unsigned requests)
{
	pthread_mutex_lock(&w->lock);
	while (w->requests < requests)
		pthread_cond_wait(&w->changed, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

unsigned
wire_requests(struct wire *w)
{
	unsigned n;

	pthread_mutex_lock(&w->lock);
	n = w->requests;
	pthread_mutex_unlock(&w->lock);
	return n;
}

unsigned
wire_count(struct wire *w, unsigned since, int address, int command)
{
	unsigned n = 0;

	pthread_mutex_lock(&w->lock);
	for (unsigned i = since; i < w->requests; i++)
		n += w->log[i][0] == address && w->log[i][1] == command;
	pthread_mutex_unlock(&w->lock);
	return n;
}

/* ---- the bench ---- */

static void
add_meters(struct ask_bench *b, unsigned behind_hub)
{
	const struct sim_bus *bus = &b->street->buses[0];
	struct meter_change change = { .row = { .id = 100, .type = 94, .iface = IFACE_1 } };
	char why[200] = "";
	size_t failed;

	snprintf(change.row.address, sizeof(change.row.address), "1");
	if (behind_hub > 0)
		ck_assert_int_eq(
		    store_meters_change(b->store.store, &change, 1, &failed, why, sizeof(why)), E_OK);
	for (size_t i = 0; i < bus->n_meters; i++) {
		bool hub = i >= bus->n_meters - behind_hub;

		change = (struct meter_change){ .row = { .id = (uint32_t)i + 1, .type = 3,
						    .iface = hub ? IFACE_HUB : IFACE_1,
						    .parent = hub ? 100 : 0 } };
		snprintf(change.row.address, sizeof(change.row.address), "%u", bus->meters[i].address);
		ck_assert_msg(
		    store_meters_change(b->store.store, &change, 1, &failed, why, sizeof(why)) == E_OK,
		    "%s", why);
	}
}

void
ask_bench_open(struct ask_bench *b, const char *meters, unsigned behind_hub, bool polling)
{
	struct poll_line lines[SERIAL_BUSES] = { 0 };
	char json[2000];

	memset(b, 0, sizeof(*b));
	fixture_open(&b->store);
	snprintf(json, sizeof(json),
	    "{\"tz_min\":180,\"buses\":[{\"name\":\"Iface1\",\"pty\":true,\"meters\":[%s]}]}", meters);
	sim_help_street(&b->street, json, true, clock_utc_us());
	open_wire(b);
	pthread_mutex_init(&b->asker.lock, NULL);
	pthread_cond_init(&b->asker.changed, NULL);
	ck_assert_int_eq(store_setting_put(b->store.store, "poll.enabled", polling ? "1" : "0"), E_OK);
	ck_assert_int_eq(store_setting_put(b->store.store, "poll.backfill_days", "1"), E_OK);
	add_meters(b, behind_hub);
	lines[0] = (struct poll_line){ b->wire.path,
		{ .name = "Iface1", .kind = LINE_RS485, .echo = ECHO_OFF } };
	ck_assert_int_eq(poll_open(&b->poll, b->store.store, lines), E_OK);
}

void
ask_bench_close(struct ask_bench *b)
{
	poll_close(b->poll);
	close_wire(&b->wire);
	fixture_close(&b->store);
	sim_street_free(b->street);
}

/* ---- questions ---- */

/* The argument of a question must lead to the bench: one bench at a time. */
static struct ask_bench *bench;

static void
take_record(void *arg, const struct ask *ask, const struct record *r)
{
	struct asker *a = &bench->asker;

	(void)arg;
	(void)ask;
	pthread_mutex_lock(&a->lock);
	ck_assert_uint_lt(a->n_records, ASK_LOG);
	a->records[a->n_records++] = *r;
	pthread_mutex_unlock(&a->lock);
}

static void
take_answer(void *arg, const struct ask *ask, const struct ask_answer *answer)
{
	struct asker *a = &bench->asker;

	(void)ask;
	pthread_mutex_lock(&a->lock);
	ck_assert_uint_lt(a->n_told, ASK_LOG);
	a->told[a->n_told++] = (struct told){ (uintptr_t)arg, *answer };
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

struct ask
ask_of(struct ask_bench *b, enum ask_kind kind, uint32_t meter, uintptr_t id)
{
	bench = b;
	return (struct ask){ .kind = kind, .meter = meter, .record = take_record,
		.answered = take_answer, .arg = (void *)id };
}

int
ask_put(struct ask_bench *b, enum ask_kind kind, uint32_t meter, uintptr_t id)
{
	struct ask ask = ask_of(b, kind, meter, id);

	return poll_ask(b->poll, &ask);
}

void
ask_await(struct ask_bench *b, unsigned n)
{
	struct asker *a = &b->asker;

	pthread_mutex_lock(&a->lock);
	while (a->n_told < n)
		pthread_cond_wait(&a->changed, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

struct ask_answer
ask_now(struct ask_bench *b, const struct ask *ask)
{
	unsigned n = b->asker.n_told;

	ck_assert_int_eq(poll_ask(b->poll, ask), E_OK);
	ask_await(b, n + 1);
	return b->asker.told[n].answer;
}

const struct ask_answer *
ask_answer_to(struct ask_bench *b, uintptr_t id)
{
	const struct ask_answer *answer = NULL;
	struct asker *a = &b->asker;

	pthread_mutex_lock(&a->lock);
	for (unsigned i = 0; i < a->n_told; i++)
		if (a->told[i].id == id)
			answer = &a->told[i].answer;
	pthread_mutex_unlock(&a->lock);
	return answer;
}

static int
take_row(void *arg, uint64_t id, int64_t ts, const char *json)
{
	(void)id;
	(void)ts;
	snprintf(arg, 400, "%s", json);
	return 1;
}

const char *
ask_journal(struct ask_bench *b, enum device_journal journal, char row[static 400])
{
	row[0] = '\0';
	ck_assert_int_eq(store_sync(b->store.store), E_OK);
	ck_assert_int_eq(store_journal_read(b->store.store, journal, 0, 1, true, take_row, row), E_OK);
	return row;
}
