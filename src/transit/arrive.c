/* Clients come: who may, and to which desk. */
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/transit/transit_private.h"

enum { PORT_CLIENTS = 16, DEVICE_CLIENTS = 64, ACCEPT_AT_ONCE = 8 };	/* transit.md 4 */

static size_t
clients_in_all(struct transit *t)
{
	size_t n = lingers_count(t->lingers) + greetings_count(t->greetings);

	for (int i = 0; i < SERIAL_BUSES; i++)
		n += desk_count(t->desks[i], 0);
	return n;
}

static void
arrive(struct transit *t, struct client *c, const uint8_t address[static 16])
{
	struct desk *desk = t->desks[c->row.bus - 1];
	bool is_modem = c->network == NETWORK_MODEM;

	c->since = clock_utc();
	c->since_us = clock_mono_us();
	atomic_store(&c->active_us, c->since_us);
	if (c->row.iface != FROM_ANY && is_modem != (c->row.iface == FROM_MODEM))
		desk_turn_away(desk, c, END_DENIED);
	else if (!tcp_row_allows(&c->row, address))
		desk_turn_away(desk, c, END_DENIED);
	else if (desk_count(desk, c->row.port) >= PORT_CLIENTS || clients_in_all(t) >= DEVICE_CLIENTS)
		desk_turn_away(desk, c, END_BUSY);
	else
		desk_arrive(desk, c);
}

/* What the proxy tells of its client, as if it had come without one. */
static struct sockaddr_storage
real_peer(const struct header_end *end)
{
	struct sockaddr_storage peer = { 0 };
	struct sockaddr_in6 *six = (void *)&peer;

	six->sin6_family = AF_INET6;
	six->sin6_port = htons(end->port);
	memcpy(&six->sin6_addr, end->address, sizeof(end->address));
	return peer;
}

/* The server of RTU-327 has limits of its own; who may come is the row's. */
static void
arrive_rtu(struct transit *t, const struct tcp_row *row, int fd, const struct sockaddr_storage *peer,
    enum address_network network)
{
	bool is_modem = network == NETWORK_MODEM;
	uint8_t address[16] = { 0 };

	(void)address_bytes(peer, address);
	if (!tcp_row_allows(row, address) ||
	    (row->iface != FROM_ANY && is_modem != (row->iface == FROM_MODEM)))
		linger(t->lingers, fd);
	else
		t->options.rtu_take(t->options.arg, fd, peer, row->port);
}

void
arrive_greeted(void *arg, const struct tcp_row *row, int fd, const struct header_proxy *proxy)
{
	enum address_network network = address_network(proxy->server.address);
	struct sockaddr_storage peer = real_peer(&proxy->client);
	struct client *c;

	if (row->bus == 0) {
		arrive_rtu(arg, row, fd, &peer, network);
		return;
	}
	if ((c = client_new(row, fd)) == NULL) {
		close(fd);
		return;
	}
	snprintf(c->peer, sizeof(c->peer), "%s", proxy->client.text);
	snprintf(c->server, sizeof(c->server), "%s", proxy->server.text);
	c->network = network;
	arrive(arg, c, proxy->client.address);
}

static void
accepted(struct listener *l, int fd, const struct sockaddr_storage *peer)
{
	enum address_network network;
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(own);
	uint8_t address[16] = { 0 }, own_address[16] = { 0 };
	struct client *c;

	if (l->row.tls) {
		greet(l->transit->greetings, &l->row, fd);
		return;
	}
	if (getsockname(fd, (struct sockaddr *)&own, &len) == 0)
		(void)address_bytes(&own, own_address);
	network = address_network(own_address);
	if (l->row.bus == 0) {
		arrive_rtu(l->transit, &l->row, fd, peer, network);
		return;
	}
	if ((c = client_new(&l->row, fd)) == NULL) {
		close(fd);
		return;
	}
	address_text(peer, c->peer);
	(void)address_bytes(peer, address);
	address_text(&own, c->server);
	memcpy(c->own, own_address, sizeof(c->own));
	c->has_own = network != NETWORK_UNKNOWN;
	c->network = network;
	address_keep_alive(fd, c->network == NETWORK_MODEM);
	arrive(l->transit, c, address);
}

/* The listener rests until the next upkeep. */
static void
no_descriptors(struct listener *l)
{
	log_warn("transit", "port=%u: cannot accept: %s", l->row.port, strerror(errno));
	if (l->row.bus == 0)
		l->transit->options.rtu_make_room(l->transit->options.arg);
	event_del(l->event);
}

void
arrive_accept(int fd, short what, void *arg)
{
	struct listener *l = arg;

	(void)what;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		struct sockaddr_storage peer = { 0 };
		socklen_t len = sizeof(peer);
		int client = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client >= 0) {
			accepted(l, client, &peer);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
			no_descriptors(l);
		return;
	}
}
