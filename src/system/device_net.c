#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/system/device.h"
#include "src/system/device_private.h"

/* Ports of the network and sockets of this process, as the kernel has them. */

enum { FILES_MOST = 8192, TCP_LISTENING = 10 };

static void
print_address(const struct sockaddr *sa, char *to, size_t size)
{
	const void *address = NULL;

	if (sa != NULL && sa->sa_family == AF_INET)
		address = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	else if (sa != NULL && sa->sa_family == AF_INET6)
		address = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	if (address == NULL || inet_ntop(sa->sa_family, address, to, (socklen_t)size) == NULL)
		*to = '\0';
}

/* The router of a port: its default route in /proc/net/route. */
static void
take_gateway(struct device_port *port)
{
	FILE *f = device_file("/proc/net/route");
	char line[256], name[32];
	unsigned target, gateway, flags, mask;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		struct in_addr address;

		if (sscanf(line, "%31s %x %x %x %*d %*d %*d %x", name, &target, &gateway, &flags,
			&mask) != 5 ||
		    strcmp(name, port->name) != 0 || target != 0 || mask != 0 || gateway == 0)
			continue;
		address.s_addr = gateway;
		inet_ntop(AF_INET, &address, port->gateway, sizeof(port->gateway));
		break;
	}
	if (f != NULL)
		fclose(f);
}

static struct device_port *
port_named(struct device_port *ports, size_t *n, size_t max, const char *name)
{
	char path[DEVICE_PATH];
	struct device_port *port;

	for (size_t i = 0; i < *n; i++)
		if (strcmp(ports[i].name, name) == 0)
			return &ports[i];
	if (*n == max)
		return NULL;
	port = &ports[(*n)++];
	*port = (struct device_port){ .name = "" };
	snprintf(port->name, sizeof(port->name), "%.15s", name);
	if (gethostname(port->hostname, sizeof(port->hostname) - 1) < 0)
		port->hostname[0] = '\0';
	snprintf(path, sizeof(path), "/sys/class/net/%s/carrier", port->name);
	port->link = device_number(path, 0) == 1;
	take_gateway(port);
	return port;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct device_port *)a)->name, ((const struct device_port *)b)->name);
}

size_t
device_ports(struct device_port *ports, size_t max)
{
	struct ifaddrs *all = NULL;
	size_t n = 0;

	if (getifaddrs(&all) < 0)
		return 0;
	for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
		struct device_port *port;
		int family = at->ifa_addr != NULL ? at->ifa_addr->sa_family : AF_UNSPEC;

		if ((at->ifa_flags & IFF_LOOPBACK) != 0 ||
		    (port = port_named(ports, &n, max, at->ifa_name)) == NULL)
			continue;
		/* The first IPv4 address; old clients know no other kind. */
		if (family != AF_INET || port->address[0] != '\0')
			continue;
		print_address(at->ifa_addr, port->address, sizeof(port->address));
		print_address(at->ifa_netmask, port->netmask, sizeof(port->netmask));
	}
	freeifaddrs(all);
	qsort(ports, n, sizeof(*ports), by_name);
	return n;
}

/* ---- sockets ---- */

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Inodes of the sockets this process has open, ascending. */
static size_t
own_inodes(uint64_t *inodes, size_t max)
{
	DIR *dir = device_dir("/proc/self/fd");
	char path[DEVICE_PATH], target[64];
	struct dirent *entry;
	size_t n = 0;

	while (dir != NULL && n < max && (entry = readdir(dir)) != NULL) {
		ssize_t len = readlink(device_path(path, "/proc/self/fd/%.16s", entry->d_name), target,
		    sizeof(target) - 1);
		unsigned long long inode;

		target[len > 0 ? len : 0] = '\0';
		if (sscanf(target, "socket:[%llu]", &inode) == 1)
			inodes[n++] = inode;
	}
	if (dir != NULL)
		closedir(dir);
	qsort(inodes, n, sizeof(*inodes), by_number);
	return n;
}

/* "0100007F:1F90" of /proc/net/tcp, words of 32 bit in the machine's order, as "127.0.0.1:8080". */
static bool
print_endpoint(const char *hex, char *to, size_t size)
{
	size_t len = strcspn(hex, ":");
	char address[INET6_ADDRSTRLEN];
	uint32_t word[4] = { 0 };
	unsigned port;

	if ((len != 8 && len != 32) || sscanf(hex + len, ":%4x", &port) != 1)
		return false;
	for (size_t i = 0; i < len / 8; i++)
		if (sscanf(hex + i * 8, "%8x", &word[i]) != 1)
			return false;
	if (inet_ntop(len == 8 ? AF_INET : AF_INET6, word, address, sizeof(address)) == NULL)
		return false;
	if (strncmp(address, "::ffff:", 7) == 0 && strchr(address, '.') != NULL)
		snprintf(to, size, "%s:%u", address + 7, port);
	else
		snprintf(to, size, len == 8 ? "%s:%u" : "[%s]:%u", address, port);
	return true;
}

static size_t
take_sockets(const char *path, const uint64_t *inodes, size_t n_inodes, struct device_socket *to,
    size_t max)
{
	FILE *f = device_file(path);
	char line[256], local[48], peer[48];
	unsigned state;
	unsigned long long found;
	size_t n = 0;

	while (f != NULL && n < max && fgets(line, sizeof(line), f) != NULL) {
		uint64_t inode;

		if (sscanf(line, " %*d: %47s %47s %x %*s %*s %*s %*u %*u %llu", local, peer, &state,
			&found) != 4)
			continue;
		inode = found;
		if (bsearch(&inode, inodes, n_inodes, sizeof(inode), by_number) == NULL ||
		    !print_endpoint(local, to[n].local, sizeof(to[n].local)) ||
		    !print_endpoint(peer, to[n].peer, sizeof(to[n].peer)))
			continue;
		if (state == TCP_LISTENING)
			to[n].peer[0] = '\0';
		n++;
	}
	if (f != NULL)
		fclose(f);
	return n;
}

size_t
device_sockets(struct device_socket *sockets, size_t max)
{
	uint64_t *inodes = malloc(FILES_MOST * sizeof(*inodes));
	size_t n_inodes, n = 0;

	if (inodes == NULL)
		return 0;
	n_inodes = own_inodes(inodes, FILES_MOST);
	n = take_sockets("/proc/self/net/tcp", inodes, n_inodes, sockets, max);
	n += take_sockets("/proc/self/net/tcp6", inodes, n_inodes, sockets + n, max - n);
	free(inodes);
	return n;
}
