/* TCP client: a converter or a meter with its own network port (poller.md 2.1). */
#include "drivers/line_private.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/clock.h"

enum { HOST_SIZE = 254, PORT_SIZE = 6 };
enum { KEEP_IDLE_S = 30, KEEP_EVERY_S = 10, KEEP_TIMES = 3 };
static const int64_t connect_us = 5000000;

struct line_tcp {
	char host[HOST_SIZE], port[PORT_SIZE];
};

/* ---- "host:port", "[v6]:port" ---- */

static bool
copy_part(char *to, size_t size, const char *from, size_t len)
{
	if (len == 0 || len >= size)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

static bool
port_valid(const char *port)
{
	size_t len = strlen(port);
	unsigned long number;

	if (len == 0 || strspn(port, "0123456789") != len)
		return false;
	number = strtoul(port, NULL, 10);
	return number >= 1 && number <= 65535;
}

static int
parse_endpoint(struct line_tcp *t, const char *endpoint)
{
	const char *colon = endpoint != NULL ? strrchr(endpoint, ':') : NULL;
	size_t len;

	if (colon == NULL)
		return E_INVALID;
	len = (size_t)(colon - endpoint);
	if (len >= 2 && endpoint[0] == '[' && endpoint[len - 1] == ']') {
		endpoint++;
		len -= 2;
	} else if (memchr(endpoint, ':', len) != NULL) {
		return E_INVALID;
	}
	if (!copy_part(t->host, sizeof(t->host), endpoint, len) ||
	    !copy_part(t->port, sizeof(t->port), colon + 1, strlen(colon + 1)) || !port_valid(t->port))
		return E_INVALID;
	return E_OK;
}

/* ---- connection ---- */

static void
set_option(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static int
await_connection(struct line *line, int64_t until)
{
	socklen_t len = sizeof(int);
	int err = 0, rc = line_fd_wait(line, POLLOUT, until);

	if (rc == E_STOPPED)
		return rc;
	if (rc == WAIT_TIME)
		err = ETIMEDOUT;
	else if (getsockopt(line->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = errno;
	if (err == 0)
		return E_OK;
	line_set_reason(line, "connect", err);
	return E_LOST;
}

static int
connect_one(struct line *line, const struct addrinfo *at, int64_t until)
{
	int rc = E_OK;

	line->fd = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    at->ai_protocol);
	if (line->fd < 0) {
		line_set_reason(line, "socket", errno);
		return E_LOST;
	}
	set_option(line->fd, IPPROTO_TCP, TCP_NODELAY, 1);
	set_option(line->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(line->fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEP_IDLE_S);
	set_option(line->fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_EVERY_S);
	set_option(line->fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_TIMES);
	if (connect(line->fd, at->ai_addr, at->ai_addrlen) != 0) {
		if (errno == EINPROGRESS) {
			rc = await_connection(line, until);
		} else {
			line_set_reason(line, "connect", errno);
			rc = E_LOST;
		}
	}
	if (rc < 0)
		line_fd_shut(line);
	return rc;
}

static int
tcp_open(struct line *line)
{
	const struct line_tcp *t = line->own;
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
	int64_t until = clock_mono_us() + connect_us;
	struct addrinfo *found = NULL;
	int rc = getaddrinfo(t->host, t->port, &hints, &found);

	if (rc != 0) {
		snprintf(line->reason, sizeof(line->reason), "%.40s: %.40s", t->host, gai_strerror(rc));
		return E_LOST;
	}
	rc = E_LOST;
	for (const struct addrinfo *at = found; at != NULL && rc == E_LOST; at = at->ai_next)
		rc = connect_one(line, at, until);
	freeaddrinfo(found);
	line->is_refreshable = true;
	return rc;
}

static void
tcp_free(struct line *line)
{
	free(line->own);
}

/* One immediate retry, then 5 s, then 30 s (poller.md 5.2). */
static int64_t
tcp_pause_us(unsigned failures)
{
	if (failures < 2)
		return 0;
	return failures == 2 ? 5000000 : 30000000;
}

/* The settings are those of the converter's far side: they only tell how long bytes take. */
static int
tcp_configure(struct line *line, const struct line_settings *settings)
{
	(void)line;
	(void)settings;
	return E_OK;
}

static const struct line_backend tcp_backend = {
	.is_socket = true,
	.is_resent = true,
	.answer_ms = 1000,
	.gap_min_ms = 300,
	.open = tcp_open,
	.shut = line_fd_shut,
	.free = tcp_free,
	.pause_us = tcp_pause_us,
	.configure = tcp_configure,
	.write = line_fd_write,
	.wait = line_fd_wait_input,
	.wait_wake = line_fd_wait_wake,
	.read = line_fd_read,
};

int
line_open_tcp(struct line **out, const char *endpoint, const struct line_options *options)
{
	struct line_tcp *t = calloc(1, sizeof(*t));
	int rc;

	*out = NULL;
	if (t == NULL)
		return E_NOMEM;
	rc = parse_endpoint(t, endpoint);
	if (rc == E_OK)
		rc = line_new(out, &tcp_backend, options);
	if (rc < 0)
		free(t);
	else
		(*out)->own = t;
	return rc;
}
