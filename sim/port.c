#include "sim/port.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

static const struct {
	speed_t code;
	uint32_t speed;
} speeds[] = {
	{ B300, 300 },
	{ B600, 600 },
	{ B1200, 1200 },
	{ B2400, 2400 },
	{ B4800, 4800 },
	{ B9600, 9600 },
	{ B19200, 19200 },
	{ B38400, 38400 },
	{ B57600, 57600 },
	{ B115200, 115200 },
	{ B230400, 230400 },
	{ B460800, 460800 },
	{ B921600, 921600 },
};
enum { SPEEDS = sizeof(speeds) / sizeof(speeds[0]) };

static int
set_raw(int fd, uint32_t speed)
{
	struct termios t;

	if (tcgetattr(fd, &t) != 0)
		return E_IO;
	cfmakeraw(&t);
	t.c_cflag |= CLOCAL | CREAD;
	for (size_t i = 0; i < SPEEDS; i++)
		if (speeds[i].speed == speed)
			cfsetspeed(&t, speeds[i].code);
	return tcsetattr(fd, TCSANOW, &t) == 0 ? E_OK : E_IO;
}

static void
link_path(const struct sim_bus *bus, const char *links, char *path, size_t size)
{
	snprintf(path, size, "%s/%s", links, bus->name);
}

/* The slave stays open here, so the master never sees a hang-up between two hosts. */
static int
open_pty(struct sim_bus *bus, const char *links)
{
	char path[300];

	bus->fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (bus->fd < 0 || grantpt(bus->fd) != 0 || unlockpt(bus->fd) != 0 ||
	    ptsname_r(bus->fd, bus->path, sizeof(bus->path)) != 0)
		return E_IO;
	bus->slave_fd = open(bus->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (bus->slave_fd < 0 || set_raw(bus->slave_fd, bus->speed) != E_OK)
		return E_IO;
	if (links == NULL)
		return E_OK;
	link_path(bus, links, path, sizeof(path));
	(void)unlink(path);
	return symlink(bus->path, path) == 0 ? E_OK : E_IO;
}

static int
open_tcp(struct sim_bus *bus)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(bus->tcp_port) };
	socklen_t size = sizeof(a);
	int on = 1;

	if (inet_pton(AF_INET, bus->host, &a.sin_addr) != 1)
		return E_INVALID;
	bus->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (bus->listen_fd < 0)
		return E_IO;
	(void)setsockopt(bus->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(bus->listen_fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(bus->listen_fd, 8) != 0 ||
	    getsockname(bus->listen_fd, (struct sockaddr *)&a, &size) != 0)
		return E_IO;
	bus->tcp_port = ntohs(a.sin_port);
	return E_OK;
}

int
sim_port_open(struct sim_bus *bus, const char *links)
{
	switch (bus->port) {
	case SIM_PORT_PTY:
		return open_pty(bus, links);
	case SIM_PORT_TCP:
		return open_tcp(bus);
	default:
		bus->fd = open(bus->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
		return bus->fd >= 0 ? set_raw(bus->fd, bus->speed) : E_IO;
	}
}

static void
close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void
sim_port_close(struct sim_bus *bus, const char *links)
{
	char path[300];

	if (bus->port == SIM_PORT_PTY && links != NULL && bus->slave_fd >= 0) {
		link_path(bus, links, path, sizeof(path));
		(void)unlink(path);
	}
	close_fd(&bus->fd);
	close_fd(&bus->slave_fd);
	close_fd(&bus->listen_fd);
}

int
sim_port_accept(struct sim_bus *bus)
{
	int on = 1;
	int fd = accept4(bus->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return E_IO;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	close_fd(&bus->fd);
	bus->fd = fd;
	return E_OK;
}

void
sim_port_follow(struct sim_bus *bus)
{
	struct termios t;
	speed_t code;

	if (!bus->follow_host || bus->slave_fd < 0 || tcgetattr(bus->slave_fd, &t) != 0)
		return;
	code = cfgetospeed(&t);
	for (size_t i = 0; i < SPEEDS; i++)
		if (speeds[i].code == code)
			bus->speed = speeds[i].speed;
	bus->bits = (uint8_t)(2 + ((t.c_cflag & CSIZE) == CS7 ? 7 : 8) + ((t.c_cflag & PARENB) != 0) +
	    ((t.c_cflag & CSTOPB) != 0));
	sim_bus_set_pace(bus);
}
