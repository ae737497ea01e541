/* Bytes for a tenant of the line (transit), beside its exchanges. */
#include "drivers/line_private.h"

#include <errno.h>
#include <unistd.h>

#include "src/base/clock.h"

int
line_wake_fd(const struct line *line)
{
	return line->wake_fd;
}

int
line_raw_read(struct line *line, uint8_t *bytes, size_t size, size_t *n)
{
	int rc = E_LOST;

	*n = 0;
	if (line->is_open)
		rc = line_take(line, bytes, size, n);
	if (rc == E_LOST && line->is_open)
		line_lost(line, true);
	line_publish(line);
	return rc;
}

static int
write_some(struct line *line, const uint8_t *bytes, size_t size, size_t *n)
{
	ssize_t wrote;

	do
		wrote = write(line->fd, bytes, size);
	while (wrote < 0 && errno == EINTR);
	if (wrote >= 0)
		*n = (size_t)wrote;
	else if (errno != EAGAIN) {
		line_set_reason(line, "write", errno);
		return E_LOST;
	}
	return E_OK;
}

int
line_raw_write(struct line *line, const uint8_t *bytes, size_t size, size_t *n)
{
	int64_t now = clock_mono_us();
	int rc = E_LOST;

	*n = 0;
	if (line->is_open && line->is_turned_by_hand) {
		rc = line->backend->write(line, bytes, size);
		if (rc == E_OK)
			*n = size;
	} else if (line->is_open) {
		rc = write_some(line, bytes, size, n);
	}
	if (*n > 0) {
		line->count.tx_bytes += *n;
		line->last_byte_us = clock_mono_us();
		line_tapped(line, TAP_SENT, now, bytes, *n);
	}
	if (rc == E_LOST && line->is_open)
		line_lost(line, true);
	line_publish(line);
	return rc;
}
