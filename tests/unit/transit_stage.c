#include "tests/unit/transit_stage.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/transit/linger.h"

static struct loop *loop;
static struct lingers *lingers;
struct desk *stage_desk;
struct line *stage_line;
int stage_master, stage_slave;
static int listener;
static uint16_t port;
static pthread_t loop_thread, bus_thread;
struct desk_rules stage_rules;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ordered = PTHREAD_COND_INITIALIZER;
static struct lease *order;
static bool is_over, is_withheld;
static unsigned leases, ended_rc_stopped;
static char holder_now[64];

static int
lend(void *arg, unsigned bus, struct lease *lease, uint32_t take_ms)
{
	(void)arg;
	(void)bus;
	(void)take_ms;
	pthread_mutex_lock(&lock);
	order = lease;
	leases++;
	pthread_cond_broadcast(&ordered);
	pthread_mutex_unlock(&lock);
	return E_OK;
}

static void
hold(void *arg, unsigned bus, const char *client, int64_t since)
{
	(void)arg;
	(void)bus;
	(void)since;
	pthread_mutex_lock(&lock);
	snprintf(holder_now, sizeof(holder_now), "%s", client);
	pthread_cond_broadcast(&ordered);
	pthread_mutex_unlock(&lock);
}

static void *
play_bus(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	while (!is_over || order != NULL) {
		struct lease *lease = order;
		int rc;

		if (lease == NULL || (is_withheld && !is_over)) {
			pthread_cond_wait(&ordered, &lock);
			continue;
		}
		order = NULL;
		pthread_mutex_unlock(&lock);
		rc = lease->run(lease, stage_line);
		pthread_mutex_lock(&lock);
		ended_rc_stopped += rc == E_STOPPED;
		pthread_cond_broadcast(&ordered);
		pthread_mutex_unlock(&lock);
		lease->ended(lease, rc);
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *
play_loop(void *arg)
{
	(void)arg;
	ck_assert_int_eq(loop_run(loop), E_OK);
	return NULL;
}

static void
open_pty(void)
{
	struct line_options options = { .name = "bus1", .echo = ECHO_OFF };
	struct termios raw;
	char name[64];

	stage_master = posix_openpt(O_RDWR | O_NOCTTY);
	ck_assert_int_ge(stage_master, 0);
	ck_assert_int_eq(grantpt(stage_master) | unlockpt(stage_master), 0);
	ck_assert_int_eq(ptsname_r(stage_master, name, sizeof(name)), 0);
	stage_slave = open(name,
	    O_RDWR | O_NOCTTY); /* so that the pty outlives the stage_line's reopening */
	ck_assert_int_eq(tcgetattr(stage_slave, &raw), 0);
	cfmakeraw(&raw);
	ck_assert_int_eq(tcsetattr(stage_slave, TCSANOW, &raw), 0);
	ck_assert_int_eq(line_open_serial(&stage_line, name, &options), E_OK);
}

void
stage_setup(void)
{
	struct desk_options options = { .bus = 1, .lease = lend, .holder = hold };

	log_setup(LOG_LEVEL_ERROR, NULL);
	order = NULL;
	is_over = is_withheld = false;
	leases = ended_rc_stopped = 0;
	stage_rules = (struct desk_rules){ .drain_quiet_us = 100000, .drain_most_us = 1000000,
		.release_us = 20000, .take_ms = 1000, .is_live = true,
		.uart = { 115200, 8, PARITY_NONE, 1 } };
	ck_assert_int_eq(loop_open(&loop), E_OK);
	ck_assert_int_eq(lingers_open(&lingers, loop), E_OK);
	open_pty();
	options.loop = loop;
	options.lingers = lingers;
	ck_assert_int_eq(desk_open(&stage_desk, &options), E_OK);
	desk_rules_set(stage_desk, &stage_rules);
	ck_assert_int_eq(address_reserve("127.0.0.1", &listener, &port), E_OK);
	close(listener);
	ck_assert_int_eq(address_listen("127.0.0.1", port, &listener), E_OK);
	pthread_create(&loop_thread, NULL, play_loop, NULL);
	pthread_create(&bus_thread, NULL, play_bus, NULL);
}

void
stage_teardown(void)
{
	pthread_mutex_lock(&lock);
	is_over = true;
	line_wake(stage_line);
	pthread_cond_broadcast(&ordered);
	pthread_mutex_unlock(&lock);
	pthread_join(bus_thread, NULL);
	loop_stop(loop);
	pthread_join(loop_thread, NULL);
	desk_close(stage_desk);
	lingers_close(lingers);
	loop_close(loop);
	line_close(stage_line);
	close(listener);
	close(stage_slave);
	if (stage_master >= 0)
		close(stage_master);
}

void
stage_follow_rules(void)
{
	desk_rules_set(stage_desk, &stage_rules);
}

/* ---- a client ---- */

const struct tcp_row stage_row = { .bus = 1, .port = 1, .idle_s = -1, .wait_s = 5, .max_clients = 4,
	.share_quiet_ms = 50 };

/* Connects and is brought to the stage_desk, as the listener does it. */
int
stage_come(const struct tcp_row *row)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), at;
	struct pollfd wait = { .fd = listener, .events = POLLIN };
	struct client *c;

	ck_assert_int_eq(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
	ck_assert_int_eq(poll(&wait, 1, PATIENCE_MS), 1);
	at = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
	ck_assert_int_ge(at, 0);
	address_keep_alive(at, false);
	c = client_new(row, at);
	ck_assert_ptr_nonnull(c);
	snprintf(c->peer, sizeof(c->peer), "127.0.0.1:%d", fd);
	c->since = clock_utc();
	c->since_us = clock_mono_us();
	atomic_store(&c->active_us, c->since_us);
	desk_arrive(stage_desk, c);
	return fd;
}

void
stage_say(int fd, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	while (n > 0) {
		ssize_t wrote = write(fd, at, n);

		ck_assert_msg(wrote > 0 || errno == EAGAIN, "write: %s", strerror(errno));
		if (wrote > 0) {
			at += wrote;
			n -= (size_t)wrote;
		}
	}
}

void
stage_expect(int fd, const void *bytes, size_t n)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	uint8_t got[65536];
	size_t have = 0;

	ck_assert_uint_le(n, sizeof(got));
	while (have < n) {
		ssize_t more;

		ck_assert_msg(poll(&wait, 1, PATIENCE_MS) == 1, "%zu of %zu bytes came", have, n);
		more = read(fd, got + have, n - have);
		ck_assert_msg(more > 0, "%zu of %zu bytes came, then %s", have, n,
		    more == 0 ? "the end" : strerror(errno));
		have += (size_t)more;
	}
	ck_assert_mem_eq(got, bytes, n);
}

void
stage_expect_end(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	char byte;

	ck_assert_int_eq(poll(&wait, 1, PATIENCE_MS), 1);
	ck_assert_int_eq(read(fd, &byte, 1), 0);
	close(fd);
}

bool
stage_is_silent(int fd, int ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, ms) == 0;
}

void
stage_wait_phase(unsigned clients, enum transit_phase phase)
{
	struct transit_session sessions[8];
	int64_t end = clock_mono_us() + PATIENCE_MS * 1000;
	size_t n;

	do {
		n = desk_sessions(stage_desk, sessions, 8);
		if (n == clients && (n == 0 || sessions[n - 1].phase == phase))
			return;
		usleep(1000);
	} while (clock_mono_us() < end);
	ck_abort_msg("%zu clients, wanted %u", n, clients);
}

int
stage_come_in(const struct tcp_row *row)
{
	int fd = stage_come(row);

	stage_wait_phase(1, TRANSIT_OPEN);
	return fd;
}

void
stage_withhold(bool withheld)
{
	pthread_mutex_lock(&lock);
	is_withheld = withheld;
	pthread_cond_broadcast(&ordered);
	pthread_mutex_unlock(&lock);
}

unsigned
stage_leases(void)
{
	unsigned n;

	pthread_mutex_lock(&lock);
	n = leases;
	pthread_mutex_unlock(&lock);
	return n;
}

void
stage_wait_free(void)
{
	pthread_mutex_lock(&lock);
	while (holder_now[0] != '\0')
		pthread_cond_wait(&ordered, &lock);
	pthread_mutex_unlock(&lock);
}

void
stage_wait_stopped(void)
{
	pthread_mutex_lock(&lock);
	while (ended_rc_stopped == 0)
		pthread_cond_wait(&ordered, &lock);
	pthread_mutex_unlock(&lock);
}

bool
stage_has_holder(void)
{
	bool has;

	pthread_mutex_lock(&lock);
	has = holder_now[0] != '\0';
	pthread_mutex_unlock(&lock);
	return has;
}
