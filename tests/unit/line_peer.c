#include "tests/unit/line_peer.h"

#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

size_t
hex_bytes(const char *hex, uint8_t *to, size_t size)
{
	size_t n = 0;

	for (; n < size && hex[0] != '\0' && hex[1] != '\0'; hex += 2) {
		char pair[3] = { hex[0], hex[1], '\0' };

		to[n++] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return n;
}

const char *
bytes_hex(const uint8_t *bytes, size_t n, char *buf, size_t size)
{
	buf[0] = '\0';
	for (size_t i = 0; i < n && 2 * i + 3 <= size; i++)
		snprintf(buf + 2 * i, size - 2 * i, "%02x", bytes[i]);
	return buf;
}

int
peer_exchange(struct line *line, const char *request, framer *frame)
{
	uint8_t tx[64], rx[64];
	size_t rx_len, n = hex_bytes(request, tx, sizeof(tx));

	return line_exchange(line, tx, n, frame, NULL, rx, sizeof(rx), &rx_len);
}

struct framing
peer_frame_of_five(const void *hint, const uint8_t *rx, size_t len)
{
	(void)hint;
	(void)rx;
	if (len < 5)
		return (struct framing){ FRAME_MORE, 5 - len };
	return (struct framing){ FRAME_WHOLE, 5 };
}

static _Atomic int64_t moved_us;

static int64_t
moved_mono(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 + atomic_load(&moved_us);
}

static int64_t
moved_utc(void)
{
	return INT64_C(1700000000000000) + moved_mono();
}

const struct clock_source peer_clock = { moved_utc, moved_mono };

void
peer_clock_advance(int64_t us)
{
	atomic_fetch_add(&moved_us, us);
}

static void
init(struct peer *peer)
{
	memset(peer, 0, sizeof(*peer));
	pthread_mutex_init(&peer->lock, NULL);
	pthread_cond_init(&peer->changed, NULL);
	peer->stop_fd = eventfd(0, EFD_CLOEXEC);
}

void
peer_open_fd(struct peer *peer, int fd)
{
	init(peer);
	peer->fd = fd;
}

void
peer_open_pty(struct peer *peer)
{
	init(peer);
	peer->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer->fd < 0 || grantpt(peer->fd) != 0 || unlockpt(peer->fd) != 0 ||
	    ptsname_r(peer->fd, peer->path, sizeof(peer->path)) != 0)
		abort();
}

void
peer_tap(void *arg, enum tap_direction way, int64_t utc_us, const uint8_t *bytes, size_t n)
{
	struct peer *peer = arg;

	(void)utc_us;
	pthread_mutex_lock(&peer->lock);
	if (way == TAP_RECEIVED) {
		peer->received += n;
	} else if (n <= sizeof(peer->sent) - peer->sent_len) {
		memcpy(peer->sent + peer->sent_len, bytes, n);
		peer->sent_len += n;
	}
	pthread_cond_broadcast(&peer->changed);
	pthread_mutex_unlock(&peer->lock);
}

static bool
take(struct peer *peer, size_t n)
{
	uint8_t bytes[PEER_BYTES];

	while (n > 0) {
		struct pollfd fds[2] = {
			{ .fd = peer->stop_fd, .events = POLLIN }, { .fd = peer->fd, .events = POLLIN },
		};
		ssize_t got;

		if (poll(fds, 2, -1) < 0 || fds[0].revents != 0)
			return false;
		got = read(peer->fd, bytes, n < sizeof(bytes) ? n : sizeof(bytes));
		if (got <= 0)
			return false;
		n -= (size_t)got;
	}
	return true;
}

static bool
give(struct peer *peer, const char *hex)
{
	uint8_t bytes[PEER_BYTES];
	size_t n = hex_bytes(hex, bytes, sizeof(bytes));
	bool is_stopping;

	pthread_mutex_lock(&peer->lock);
	while (peer->received < peer->given && !peer->is_stopping)
		pthread_cond_wait(&peer->changed, &peer->lock);
	is_stopping = peer->is_stopping;
	peer->given += n;
	pthread_mutex_unlock(&peer->lock);
	return !is_stopping && write(peer->fd, bytes, n) == (ssize_t)n;
}

static void *
play(void *arg)
{
	struct peer *peer = arg;

	for (size_t i = 0; i < peer->n_turns && peer->turns[i].takes > 0; i++) {
		if (!take(peer, peer->turns[i].takes))
			return NULL;
		for (size_t k = 0; k < PEER_PIECES && peer->turns[i].gives[k] != NULL; k++)
			if (!give(peer, peer->turns[i].gives[k]))
				return NULL;
	}
	return NULL;
}

void
peer_give(struct peer *peer, const char *hex)
{
	uint8_t bytes[PEER_BYTES];
	size_t n = hex_bytes(hex, bytes, sizeof(bytes));

	pthread_mutex_lock(&peer->lock);
	peer->given += n;
	pthread_mutex_unlock(&peer->lock);
	if (write(peer->fd, bytes, n) != (ssize_t)n)
		abort();
}

void
peer_play(struct peer *peer, const struct peer_turn *turns, size_t n)
{
	peer_join(peer);
	peer->turns = turns;
	peer->n_turns = n;
	peer->is_stopping = false;
	if (pthread_create(&peer->thread, NULL, play, peer) != 0)
		abort();
	peer->is_running = true;
}

void
peer_join(struct peer *peer)
{
	eventfd_t ignored;

	if (!peer->is_running)
		return;
	pthread_mutex_lock(&peer->lock);
	peer->is_stopping = true;
	pthread_cond_broadcast(&peer->changed);
	pthread_mutex_unlock(&peer->lock);
	eventfd_write(peer->stop_fd, 1);
	pthread_join(peer->thread, NULL);
	eventfd_read(peer->stop_fd, &ignored);
	peer->is_running = false;
}

void
peer_close(struct peer *peer)
{
	peer_join(peer);
	close(peer->fd);
	close(peer->stop_fd);
	pthread_mutex_destroy(&peer->lock);
	pthread_cond_destroy(&peer->changed);
}
