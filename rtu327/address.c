#include "rtu327/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BACKLOG = 64 };

static int
from_errno(void)
{
	switch (errno) {
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
listen_on(const struct sockaddr *address, socklen_t len, int *out)
{
	int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int on = 1, off = 0, rc;

	if (fd < 0)
		return E_IO;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (address->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, address, len) != 0 || listen(fd, BACKLOG) != 0) {
		rc = from_errno();
		close(fd);
		return rc;
	}
	*out = fd;
	return E_OK;
}

static int
listen_everywhere(uint16_t port, int *fd)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
	int rc = listen_on((const struct sockaddr *)&six, sizeof(six), fd);

	if (rc == E_OK || rc == E_EXISTS || rc == E_DENIED)
		return rc;
	return listen_on((const struct sockaddr *)&four, sizeof(four), fd);
}

int
rtu327_listen(const char *bind_to, uint16_t port, int *fd)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE, .ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found;
	char service[8];
	int rc;

	*fd = -1;
	if (bind_to == NULL || bind_to[0] == '\0' || strcmp(bind_to, "::") == 0)
		return listen_everywhere(port, fd);
	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(bind_to, service, &hints, &found) != 0)
		return E_INVALID;
	rc = listen_on(found->ai_addr, found->ai_addrlen, fd);
	freeaddrinfo(found);
	return rc;
}

/* IPv4-mapped addresses of a dual-stack socket become what they are. */
static struct sockaddr_storage
unmapped(const struct sockaddr_storage *in)
{
	const struct sockaddr_in6 *six = (const void *)in;
	struct sockaddr_storage out = *in;
	struct sockaddr_in *four = (void *)&out;

	if (in->ss_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
		return out;
	memset(&out, 0, sizeof(out));
	four->sin_family = AF_INET;
	four->sin_port = six->sin6_port;
	memcpy(&four->sin_addr, &six->sin6_addr.s6_addr[12], sizeof(four->sin_addr));
	return out;
}

uint16_t
rtu327_bound_port(int fd)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		return 0;
	return ntohs(address.ss_family == AF_INET6 ?
		((const struct sockaddr_in6 *)(const void *)&address)->sin6_port :
		((const struct sockaddr_in *)(const void *)&address)->sin_port);
}

void
rtu327_address_text(const struct sockaddr_storage *in, char text[RTU327_ADDRESS_TEXT])
{
	struct sockaddr_storage address = unmapped(in);
	const struct sockaddr_in *four = (const void *)&address;
	const struct sockaddr_in6 *six = (const void *)&address;
	char host[INET6_ADDRSTRLEN] = "";

	if (address.ss_family == AF_INET) {
		inet_ntop(AF_INET, &four->sin_addr, host, sizeof(host));
		snprintf(text, RTU327_ADDRESS_TEXT, "%s:%u", host, ntohs(four->sin_port));
	} else if (address.ss_family == AF_INET6) {
		inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof(host));
		snprintf(text, RTU327_ADDRESS_TEXT, "[%s]:%u", host, ntohs(six->sin6_port));
	} else {
		snprintf(text, RTU327_ADDRESS_TEXT, "?");
	}
}

static bool
same_host(const struct sockaddr_storage *a, const struct sockaddr *b)
{
	if (b == NULL || b->sa_family != a->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return memcmp(&((const struct sockaddr_in *)(const void *)a)->sin_addr,
			   &((const struct sockaddr_in *)(const void *)b)->sin_addr, 4) == 0;
	return a->ss_family == AF_INET6 &&
	    memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr,
		&((const struct sockaddr_in6 *)(const void *)b)->sin6_addr, 16) == 0;
}

static bool
begins_with(const char *name, const char *const *prefixes)
{
	for (; *prefixes != NULL; prefixes++)
		if (strncmp(name, *prefixes, strlen(*prefixes)) == 0)
			return true;
	return false;
}

enum rtu327_iface
rtu327_address_iface(const struct sockaddr_storage *local)
{
	static const char *const modem[] = { "ppp", "wwan", "wwp", "usb", NULL };
	static const char *const ethernet[] = { "eth", "en", "end", "br", "lan", NULL };
	struct sockaddr_storage address = unmapped(local);
	enum rtu327_iface kind = RTU327_IFACE_UNKNOWN;
	struct ifaddrs *list;

	if (getifaddrs(&list) != 0)
		return kind;
	for (const struct ifaddrs *i = list; i != NULL; i = i->ifa_next) {
		if (!same_host(&address, i->ifa_addr))
			continue;
		if (begins_with(i->ifa_name, modem))
			kind = RTU327_IFACE_MODEM;
		else if (begins_with(i->ifa_name, ethernet))
			kind = RTU327_IFACE_ETHERNET;
		break;
	}
	freeifaddrs(list);
	return kind;
}
