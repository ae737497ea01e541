/* Waiting, reading and writing for backends that have a descriptor.  Every wait also watches the
 * eventfd of line_wake(); nothing is signalled by time alone. */
/* With 64-bit time on a 32-bit machine glibc 2.36 leads a fortified ppoll() to the variant for 32-bit
 * time, which takes the fraction of the time-out for zero.  check_line under emulation shows when
 * this is no longer needed. */
#undef _FORTIFY_SOURCE

#include "drivers/line_private.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "src/base/clock.h"

/* A device that takes no byte for so long beyond the time of the bytes themselves is lost. */
static const int64_t write_stall_us = 1000000;

void
line_set_reason(struct line *line, const char *what, int err)
{
	char text[64];

	snprintf(line->reason, sizeof(line->reason), "%s: %s", what,
	    err != 0 ? strerror_r(err, text, sizeof(text)) : "closed by the other end");
}

/* The default slack of 50 us would be paid at every gap and every nap. */
static void
sharpen_timers(void)
{
	static _Thread_local bool is_sharp;

	if (!is_sharp)
		prctl(PR_SET_TIMERSLACK, 1000UL, 0UL, 0UL, 0UL);
	is_sharp = true;
}

/* Returns what ppoll does.  The time-out is not checked against the clock afterwards, so a test
 * that stops the clock does not hang. */
static int
poll_until(struct pollfd *fds, nfds_t n, int64_t until_us)
{
	int ready;

	sharpen_timers();
	do {
		int64_t left = until_us - clock_mono_us();
		struct timespec ts = { 0 };

		if (left > 0) {
			ts.tv_sec = (time_t)(left / 1000000);
			ts.tv_nsec = (long)(left % 1000000) * 1000;
		}
		ready = ppoll(fds, n, &ts, NULL);
	} while (ready < 0 && errno == EINTR);
	return ready;
}

int
line_fd_wait(struct line *line, short events, int64_t until_us)
{
	struct pollfd fds[2] = {
		{ .fd = line->wake_fd, .events = POLLIN },
		{ .fd = line->fd, .events = events },
	};
	int ready = poll_until(fds, 2, until_us);

	if (ready == 0)
		return WAIT_TIME;
	if (ready < 0) {
		line_set_reason(line, "ppoll", errno);
		return E_LOST;
	}
	if (fds[0].revents != 0)
		return E_STOPPED;
	if (fds[1].revents & events)
		return WAIT_READY;
	line_set_reason(line, "device", 0);
	return E_LOST;
}

int
line_fd_wait_input(struct line *line, int64_t until_us)
{
	return line_fd_wait(line, POLLIN, until_us);
}

int
line_fd_wait_wake(struct line *line, int64_t until_us)
{
	struct pollfd wake = { .fd = line->wake_fd, .events = POLLIN };

	return poll_until(&wake, 1, until_us) > 0 ? E_STOPPED : WAIT_TIME;
}

int
line_fd_write(struct line *line, const uint8_t *bytes, size_t n)
{
	int64_t until = clock_mono_us() + line_wire_us(line, n) * 2 + write_stall_us;
	size_t done = 0;

	while (done < n) {
		ssize_t wrote = line->backend->is_socket ?
		    send(line->fd, bytes + done, n - done, MSG_NOSIGNAL) :
		    write(line->fd, bytes + done, n - done);
		int rc;

		if (wrote > 0) {
			done += (size_t)wrote;
			continue;
		}
		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote < 0 && errno != EAGAIN) {
			line_set_reason(line, "write", errno);
			return E_LOST;
		}
		rc = line_fd_wait(line, POLLOUT, until);
		if (rc < 0)
			return rc;
		if (rc == WAIT_TIME) {
			line_set_reason(line, "write", ETIMEDOUT);
			return E_LOST;
		}
	}
	return E_OK;
}

int
line_fd_read(struct line *line, uint8_t *bytes, size_t size, size_t *n)
{
	ssize_t got;

	*n = 0;
	do
		got = read(line->fd, bytes, size);
	while (got < 0 && errno == EINTR);
	if (got > 0) {
		*n = (size_t)got;
		return E_OK;
	}
	if (got < 0 && errno == EAGAIN)
		return E_OK;
	/* poll said there is input: nothing to read means the other end has gone. */
	line_set_reason(line, "read", got < 0 ? errno : 0);
	return E_LOST;
}

void
line_fd_shut(struct line *line)
{
	if (line->fd >= 0)
		close(line->fd);
	line->fd = -1;
}
