/* Terminal settings through the kernel's termios2, which tells the rate really set and takes any
 * rate as a number, common ones also by a code.  It is apart because <asm/termbits.h> and
 * <termios.h> exclude each other. */
#include "drivers/line_private.h"

#include <errno.h>
#include <string.h>
#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <sys/ioctl.h>

enum { RATE_TOLERANCE_PERCENT = 3 };

static const struct { uint32_t baud; tcflag_t code; } rates[] = {
	{ 300, B300 }, { 600, B600 }, { 1200, B1200 }, { 1800, B1800 }, { 2400, B2400 },
	{ 4800, B4800 }, { 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 },
	{ 115200, B115200 }, { 230400, B230400 }, { 460800, B460800 }, { 921600, B921600 },
};

static tcflag_t
rate_code(uint32_t baud)
{
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (rates[i].baud == baud)
			return rates[i].code;
	return BOTHER | (BOTHER << IBSHIFT);
}

/* Where the kernel call is missing (an emulated one), the older pair serves the common rates. */
static int
get_settings(int fd, struct termios2 *t)
{
	struct termios old;

	if (ioctl(fd, TCGETS2, t) == 0)
		return 0;
	if (errno != ENOSYS && errno != ENOTTY)
		return -1;
	if (ioctl(fd, TCGETS, &old) != 0)
		return -1;
	memset(t, 0, sizeof(*t));
	memcpy(t, &old, sizeof(old)); /* termios2 is termios and two rates */
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (rates[i].code == (t->c_cflag & CBAUD))
			t->c_ispeed = t->c_ospeed = rates[i].baud;
	return 0;
}

static int
set_settings(int fd, const struct termios2 *t)
{
	struct termios old;

	/* TCSETSW lets the last bytes leave at the old rate. */
	if (ioctl(fd, TCSETSW2, t) == 0)
		return 0;
	if (errno != ENOSYS && errno != ENOTTY)
		return -1;
	memcpy(&old, t, sizeof(old));
	return ioctl(fd, TCSETSW, &old);
}

static void
fill(struct termios2 *t, const struct line_settings *s)
{
	const tcflag_t keep = CBAUD | (CBAUD << IBSHIFT) | CSIZE | PARENB | PARODD | CMSPAR | CSTOPB |
	    CRTSCTS | HUPCL;

	t->c_iflag = s->parity != PARITY_NONE ? INPCK : 0;
	t->c_oflag = 0;
	t->c_lflag = 0;
	t->c_cflag &= ~keep;
	t->c_cflag |= CLOCAL | CREAD | rate_code(s->baud);
	t->c_cflag |= s->bits == 7 ? CS7 : CS8;
	if (s->parity != PARITY_NONE)
		t->c_cflag |= s->parity == PARITY_ODD ? PARENB | PARODD : PARENB;
	if (s->stop == 2)
		t->c_cflag |= CSTOPB;
	t->c_ispeed = t->c_ospeed = s->baud;
	t->c_cc[VMIN] = t->c_cc[VTIME] = 0;
}

/* Some drivers keep the old rate or format without a word (poller.md 2.3). */
static bool
is_taken(const struct termios2 *want, const struct termios2 *have, bool is_pty)
{
	const tcflag_t format = CSIZE | PARENB | PARODD | CSTOPB;
	uint64_t off = have->c_ospeed > want->c_ospeed ? have->c_ospeed - want->c_ospeed :
							 want->c_ospeed - have->c_ospeed;

	if (off * 100 > (uint64_t)want->c_ospeed * RATE_TOLERANCE_PERCENT)
		return false;
	return is_pty || (want->c_cflag & format) == (have->c_cflag & format);
}

int
line_tty_configure(int fd, const struct line_settings *s, bool is_pty)
{
	struct termios2 old, want, have;

	if (get_settings(fd, &old) != 0)
		return E_LOST;
	want = old;
	fill(&want, s);
	if (set_settings(fd, &want) == 0) {
		if (get_settings(fd, &have) != 0)
			return E_LOST;
		if (is_taken(&want, &have, is_pty))
			return E_OK;
	} else if (errno != EINVAL) {
		return E_LOST;
	}
	return set_settings(fd, &old) == 0 ? E_INVALID : E_LOST;
}
