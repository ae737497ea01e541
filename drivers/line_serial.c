/* Serial devices and ptys (poller.md 2.3). */
#include "drivers/line_private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum {
	PTY_MAJOR_FIRST = 136, PTY_MAJOR_LAST = 143,	/* kernel's admin-guide/devices.txt */
	GAP_MIN_NATIVE_MS = 5, GAP_MIN_USB_MS = 20,	/* poller.md 2.4 */
	PATH_SIZE = 256,
};
/* The transmitter of a USB-UART may be a little later than computed. */
static const int64_t drain_most_us = 20000, drain_step_us = 200;

struct line_serial {
	char path[PATH_SIZE];
	dev_t device;			/* what is open */
	bool is_pty, is_taken;
	bool is_rts, is_rts_inverted;	/* direction by RTS from here */
	unsigned errors_seen;
};

static bool
is_usb(const char *real)
{
	const char *base = strrchr(real, '/');

	base = base != NULL ? base + 1 : real;
	return strncmp(base, "ttyUSB", 6) == 0 || strncmp(base, "ttyACM", 6) == 0;
}

/* FTDI chips hold bytes back up to 16 ms unless told otherwise, after each enumeration anew. */
static void
lower_latency(struct line *line, const char *real)
{
	struct serial_struct serial;
	const char *base = strrchr(real, '/');
	char name[PATH_SIZE + 64];
	int fd;

	snprintf(name, sizeof(name), "/sys/class/tty/%s/device/latency_timer",
	    base != NULL ? base + 1 : real);
	fd = open(name, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (dprintf(fd, "%u", (unsigned)line->latency_timer_ms) < 0)
			log_warn("line", "line=%s: cannot set the latency timer", line->name);
		close(fd);
	}
	if (ioctl(line->fd, TIOCGSERIAL, &serial) == 0) {
		serial.flags |= (int)ASYNC_LOW_LATENCY;
		(void)ioctl(line->fd, TIOCSSERIAL, &serial);
	}
}

/* ---- direction ---- */

static void
set_rts(struct line *line, bool is_sending)
{
	const struct line_serial *s = line->own;
	int rts = TIOCM_RTS;

	(void)ioctl(line->fd, is_sending != s->is_rts_inverted ? TIOCMBIS : TIOCMBIC, &rts);
}

static void
set_direction(struct line *line)
{
	struct line_serial *s = line->own;
	struct serial_rs485 rs485 = { .flags = SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND };

	s->is_rts_inverted = line->direction == DIRECTION_RTS_INVERTED;
	s->is_rts = s->is_rts_inverted || line->direction == DIRECTION_RTS;
	if (line->direction == DIRECTION_IOCTL && ioctl(line->fd, TIOCSRS485, &rs485) != 0) {
		log_warn("line", "line=%s: the driver has no RS-485 mode; RTS is switched by hand",
		    line->name);
		s->is_rts = true;
	}
	line->is_turned_by_hand = s->is_rts;
	if (s->is_rts)
		set_rts(line, false);
}

/* The transmitter must be off before the meter answers, and not before the last stop bit. */
static void
release_direction(struct line *line, int64_t sent_us)
{
	int64_t most = sent_us + drain_most_us;
	unsigned state;

	clock_sleep_until_us(sent_us);
	while (ioctl(line->fd, TIOCSERGETLSR, &state) == 0 && !(state & TIOCSER_TEMT) &&
	    clock_mono_us() < most)
		clock_sleep_until_us(clock_mono_us() + drain_step_us);
	set_rts(line, false);
}

static int
serial_write(struct line *line, const uint8_t *bytes, size_t n)
{
	const struct line_serial *s = line->own;
	int64_t start = clock_mono_us();
	int rc;

	if (!s->is_rts)
		return line_fd_write(line, bytes, n);
	set_rts(line, true);
	rc = line_fd_write(line, bytes, n);
	release_direction(line, start + line_wire_us(line, n));
	return rc;
}

/* ---- open, shut ---- */

/* A pty is ours or a test's: nobody is kept from it. */
static int
take_port(struct line *line)
{
	struct line_serial *s = line->own;

	if (s->is_pty)
		return E_OK;
	if (flock(line->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
		line_set_reason(line, "used by another program", errno);
		return E_LOST;
	}
	s->is_taken = ioctl(line->fd, TIOCEXCL) == 0;
	return E_OK;
}

static int
serial_open(struct line *line)
{
	struct line_serial *s = line->own;
	struct stat st;
	char *real;

	line->fd = open(s->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (line->fd < 0 || fstat(line->fd, &st) != 0) {
		line_set_reason(line, s->path, errno);
		return E_LOST;
	}
	s->device = st.st_rdev;
	s->is_pty = major(st.st_rdev) >= PTY_MAJOR_FIRST && major(st.st_rdev) <= PTY_MAJOR_LAST;
	line->is_uart = line->is_refreshable = !s->is_pty;
	if (take_port(line) < 0)
		return E_LOST;
	real = realpath(s->path, NULL);
	if (real != NULL) {
		lower_latency(line, real);
		line->gap_min_ms = is_usb(real) ? GAP_MIN_USB_MS : GAP_MIN_NATIVE_MS;
		free(real);
	}
	if (line->gap_min_option_ms != 0)
		line->gap_min_ms = line->gap_min_option_ms;
	set_direction(line);
	s->errors_seen = 0;
	(void)line->backend->errors(line);
	return E_OK;
}

static void
serial_shut(struct line *line)
{
	struct line_serial *s = line->own;

	if (s->is_taken)
		(void)ioctl(line->fd, TIOCNXCL);
	s->is_taken = false;
	line_fd_shut(line);
}

static void
serial_free(struct line *line)
{
	free(line->own);
}

/* The link under the name was removed or points to another device. */
static bool
serial_is_stale(struct line *line)
{
	const struct line_serial *s = line->own;
	struct stat st;

	return stat(s->path, &st) != 0 || st.st_rdev != s->device;
}

static int
serial_configure(struct line *line, const struct line_settings *settings)
{
	const struct line_serial *s = line->own;
	int rc = line_tty_configure(line->fd, settings, s->is_pty);

	if (rc == E_LOST)
		line_set_reason(line, "line settings", errno);
	return rc;
}

static unsigned
serial_errors(struct line *line)
{
	struct line_serial *s = line->own;
	struct serial_icounter_struct count;
	unsigned before = s->errors_seen;

	if (s->is_pty || ioctl(line->fd, TIOCGICOUNT, &count) != 0)
		return 0;
	s->errors_seen = (unsigned)count.parity + (unsigned)count.frame;
	return s->errors_seen - before;
}

static const struct line_backend serial_backend = {
	.is_paced = true,
	.keeps_gap_min = true,
	.answer_ms = 500,
	.gap_min_ms = GAP_MIN_NATIVE_MS,
	.reopen_us = 1000000,
	.open = serial_open,
	.shut = serial_shut,
	.free = serial_free,
	.is_stale = serial_is_stale,
	.configure = serial_configure,
	.write = serial_write,
	.wait = line_fd_wait_input,
	.wait_wake = line_fd_wait_wake,
	.read = line_fd_read,
	.errors = serial_errors,
};

int
line_open_serial(struct line **out, const char *path, const struct line_options *options)
{
	struct line_serial *s;
	int rc;

	*out = NULL;
	if (path == NULL || path[0] == '\0' || strlen(path) >= PATH_SIZE)
		return E_INVALID;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return E_NOMEM;
	memcpy(s->path, path, strlen(path) + 1);
	rc = line_new(out, &serial_backend, options);
	if (rc < 0)
		free(s);
	else
		(*out)->own = s;
	return rc;
}
