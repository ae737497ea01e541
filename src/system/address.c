#include "src/system/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	BACKLOG = 512,	/* all clients come again at once when power returns */
	IDLE_S = 30, INTERVAL_S = 10, PROBES = 3, USER_TIMEOUT_MS = 60000,	/* transit.md 2 */
	SEND_BUFFER = 64 * 1024
};
static const uint8_t mapped_prefix[12] = { [10] = 0xff, [11] = 0xff };

/* ---- listening ---- */

static int
error_of(int err)
{
	switch (err) {
	case EADDRINUSE:
		return E_EXISTS;
	case EACCES:
	case EPERM:
		return E_DENIED;
	case EADDRNOTAVAIL:
		return E_NOTFOUND;
	default:
		return E_IO;
	}
}

static int
bind_to_address(const struct sockaddr *address, socklen_t len, int *out)
{
	int on = 1, off = 0, rc = E_OK;
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return E_IO;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    (address->sa_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) != 0) ||
	    bind(fd, address, len) != 0)
		rc = error_of(errno);
	if (rc < 0)
		close(fd);
	else
		*out = fd;
	return rc;
}

/* Everywhere is IPv6 with IPv4 mapped into it; without IPv6 in the kernel it is IPv4 alone. */
static int
bind_everywhere(uint16_t port, int *fd)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	int rc = bind_to_address((const struct sockaddr *)&six, sizeof(six), fd);

	if (rc == E_OK || rc == E_EXISTS || rc == E_DENIED)
		return rc;
	return bind_to_address((const struct sockaddr *)&four, sizeof(four), fd);
}

static int
bind_port(const char *bind_to, uint16_t port, int *fd)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char service[8];
	int rc;

	*fd = -1;
	if (bind_to == NULL || bind_to[0] == '\0' || strcmp(bind_to, "::") == 0)
		return bind_everywhere(port, fd);
	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(bind_to, service, &hints, &found) != 0)
		return E_INVALID;
	rc = bind_to_address(found->ai_addr, found->ai_addrlen, fd);
	freeaddrinfo(found);
	return rc;
}

static int
begin_listening(int rc, int *fd)
{
	if (rc == E_OK && listen(*fd, BACKLOG) != 0)
		rc = error_of(errno);
	if (rc < 0 && *fd >= 0) {
		close(*fd);
		*fd = -1;
	}
	return rc;
}

int
address_listen(const char *bind_to, uint16_t port, int *fd)
{
	return begin_listening(bind_port(bind_to, port, fd), fd);
}

int
address_listen_unix(const char *path, int *fd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int rc;

	*fd = -1;
	if (path[0] == '\0' || strlen(path) >= sizeof(address.sun_path))
		return E_INVALID;
	memcpy(address.sun_path, path, strlen(path) + 1);
	unlink(path);
	rc = bind_to_address((const struct sockaddr *)&address, sizeof(address), fd);
	/* The proxy runs as another user of our group. */
	if (rc == E_OK && chmod(path, 0660) != 0)
		rc = E_IO;
	return begin_listening(rc, fd);
}

int
address_reserve(const char *bind_to, int *fd, uint16_t *port)
{
	int rc = bind_port(bind_to, 0, fd);

	if (rc < 0)
		return rc;
	*port = address_bound_port(*fd);
	if (*port != 0)
		return E_OK;
	close(*fd);
	*fd = -1;
	return E_IO;
}

/* ---- addresses ---- */

static uint16_t
port_of(const struct sockaddr_storage *address)
{
	return ntohs(address->ss_family == AF_INET6 ?
		((const struct sockaddr_in6 *)(const void *)address)->sin6_port :
		((const struct sockaddr_in *)(const void *)address)->sin_port);
}

uint16_t
address_bound_port(int fd)
{
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(own);

	return getsockname(fd, (struct sockaddr *)&own, &len) == 0 ? port_of(&own) : 0;
}

bool
address_bytes(const struct sockaddr_storage *address, uint8_t bytes[static 16])
{
	if (address->ss_family == AF_INET6) {
		memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
		return true;
	}
	if (address->ss_family != AF_INET)
		return false;
	memcpy(bytes, mapped_prefix, sizeof(mapped_prefix));
	memcpy(bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	return true;
}

void
address_host(const struct sockaddr_storage *address, char text[static ADDRESS_TEXT])
{
	uint8_t bytes[16];

	text[0] = '\0';
	if (!address_bytes(address, bytes))
		return;
	if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
		inet_ntop(AF_INET, bytes + 12, text, ADDRESS_TEXT);
	else
		inet_ntop(AF_INET6, bytes, text, ADDRESS_TEXT);
}

void
address_text(const struct sockaddr_storage *address, char text[static ADDRESS_TEXT])
{
	char host[ADDRESS_TEXT];

	address_host(address, host);
	if (host[0] == '\0')
		text[0] = '\0';
	else
		snprintf(text, ADDRESS_TEXT, strchr(host, ':') != NULL ? "[%.45s]:%u" : "%.45s:%u",
		    host, port_of(address));
}

/* ---- ranges ---- */

int
address_range_parse(struct address_range *range, const char *text)
{
	struct address_range made = { .bits = 128 };
	char host[ADDRESS_TEXT], *slash, *end;
	unsigned most = 128;
	unsigned long bits;

	if (strlen(text) >= sizeof(host))
		return E_INVALID;
	memcpy(host, text, strlen(text) + 1);
	if ((slash = strchr(host, '/')) != NULL)
		*slash++ = '\0';
	if (inet_pton(AF_INET, host, made.address + sizeof(mapped_prefix)) == 1) {
		memcpy(made.address, mapped_prefix, sizeof(mapped_prefix));
		most = 32;
	} else if (inet_pton(AF_INET6, host, made.address) != 1) {
		return E_INVALID;
	}
	if (slash != NULL) {
		bits = strtoul(slash, &end, 10);
		if (slash[0] < '0' || slash[0] > '9' || *end != '\0' || bits > most)
			return E_INVALID;
		made.bits = (uint8_t)(128 - most + bits);
	}
	*range = made;
	return E_OK;
}

bool
address_range_has(const struct address_range *range, const uint8_t address[static 16])
{
	size_t whole = range->bits / 8;
	unsigned rest = range->bits % 8;

	if (memcmp(range->address, address, whole) != 0)
		return false;
	return rest == 0 || (range->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

/* ---- interfaces ---- */

/* The name of the interface that has the address; false: none has. */
static bool
find_interface(const uint8_t wanted[static 16], char *name, size_t size)
{
	struct ifaddrs *all = NULL;
	bool found = false;

	if (getifaddrs(&all) != 0)
		return false;
	for (const struct ifaddrs *i = all; i != NULL && !found; i = i->ifa_next) {
		struct sockaddr_storage address = { 0 };
		uint8_t bytes[16];

		if (i->ifa_addr == NULL ||
		    (i->ifa_addr->sa_family != AF_INET && i->ifa_addr->sa_family != AF_INET6))
			continue;
		memcpy(&address, i->ifa_addr,
		    i->ifa_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) :
							 sizeof(struct sockaddr_in));
		if (address_bytes(&address, bytes) && memcmp(bytes, wanted, 16) == 0) {
			found = true;
			snprintf(name, size, "%s", i->ifa_name);
		}
	}
	freeifaddrs(all);
	return found;
}

bool
address_is_ours(const uint8_t bytes[static 16])
{
	static const uint8_t loopback[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };
	char name[32];

	/* All of 127.0.0.0/8 is here, though the interface names one address of it. */
	return memcmp(bytes, loopback, sizeof(loopback)) == 0 ||
	    find_interface(bytes, name, sizeof(name));
}

enum address_network
address_network(const uint8_t own[static 16])
{
	static const char *const modems[] = { "ppp", "ww", "usb" };
	char name[32] = "";

	if (!address_is_ours(own))
		return NETWORK_UNKNOWN;
	(void)find_interface(own, name, sizeof(name));
	for (size_t i = 0; i < sizeof(modems) / sizeof(modems[0]); i++)
		if (strncmp(name, modems[i], strlen(modems[i])) == 0)
			return NETWORK_MODEM;
	return NETWORK_ETHERNET;
}

void
address_keep_alive(int fd, bool modem)
{
	const int factor = modem ? 2 : 1;
	const struct { int level, name, value; } options[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, IDLE_S * factor },
		{ IPPROTO_TCP, TCP_KEEPINTVL, INTERVAL_S * factor },
		{ IPPROTO_TCP, TCP_KEEPCNT, PROBES },
		{ IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS * factor },
		/* A serial line fills no more; a client that does not read is noticed sooner. */
		{ SOL_SOCKET, SO_SNDBUF, SEND_BUFFER },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}
