/* Listeners: they follow the table of servers. */
#include "src/transit/transit.h"

#include <event2/event.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/store/store.h"
#include "src/transit/transit_private.h"

enum { UPKEEP_MS = 1000, PORT_RETRY_S = 30, LISTENERS = 64 };

/* ---- listeners ---- */

int
transit_reserve(const char *bind, int *fd, uint16_t *port)
{
	return address_reserve(bind, fd, port);
}

void
transit_tls_path(const char *run_dir, uint16_t port, char path[static TRANSIT_PATH_SIZE])
{
	int n = snprintf(path, TRANSIT_PATH_SIZE, "%s/tls-%u.sock", run_dir, port);

	if (n < 0 || n >= TRANSIT_PATH_SIZE)
		path[0] = '\0';
}

static void
shut(struct listener *l)
{
	char path[TRANSIT_PATH_SIZE];

	if (l->event != NULL)
		event_free(l->event);
	l->event = NULL;
	if (l->fd < 0)
		return;
	close(l->fd);
	l->fd = -1;
	if (l->row.tls) {
		transit_tls_path(l->transit->run_dir, l->row.port, path);
		unlink(path);
	}
}

static int
listen_on(struct listener *l)
{
	struct transit *t = l->transit;
	char path[TRANSIT_PATH_SIZE];
	int rc;

	if (l->row.tls) {
		transit_tls_path(t->run_dir, l->row.port, path);
		rc = address_listen_unix(path, &l->fd);
	} else {
		rc = address_listen(l->row.bus == 0 ? t->rtu_bind : t->bind, l->row.port, &l->fd);
	}
	if (rc < 0)
		return rc;
	l->event = event_new(loop_base(t->options.loop), l->fd, EV_READ | EV_PERSIST, arrive_accept, l);
	if (l->event != NULL && event_add(l->event, NULL) == 0)
		return E_OK;
	shut(l);
	return E_NOMEM;
}

static const char *
what(const struct listener *l)
{
	static const char *const names[] = { "rtu327", "iface1", "iface2", "iface3", "iface4" };

	return names[l->row.bus];
}

static void
open_port(struct listener *l)
{
	int rc = listen_on(l);

	if (rc == E_OK)
		log_info("transit", "port=%u for=%s: serving", l->row.port, what(l));
	else if (!l->is_told)
		log_error("transit", "port=%u for=%s: cannot listen: %s; tried again every %d s",
		    l->row.port, what(l),
		    rc == E_EXISTS ? "the port is in use by another program" : uspd_strerror(rc),
		    PORT_RETRY_S);
	l->is_told = rc < 0;
}

static void
open_ports(struct transit *t)
{
	struct listener *l;

	pthread_mutex_lock(&t->lock);
	TAILQ_FOREACH(l, &t->listeners, next)
		if (l->fd < 0)
			open_port(l);
	pthread_mutex_unlock(&t->lock);
	t->retry_s = PORT_RETRY_S;
}

/* The listener of a row goes to the end of the list, so that the list has the table's order. */
static void
want(struct transit *t, const struct tcp_row *row)
{
	struct listener *l;

	TAILQ_FOREACH(l, &t->listeners, next)
		if (!l->is_wanted && tcp_row_same_listener(&l->row, row))
			break;
	if (l != NULL) {
		TAILQ_REMOVE(&t->listeners, l, next);
	} else if ((l = calloc(1, sizeof(*l))) == NULL) {
		log_error("transit", "port=%u: no memory", row->port);
		return;
	} else {
		l->transit = t;
		l->fd = -1;
	}
	l->row = *row;
	l->is_wanted = true;
	TAILQ_INSERT_TAIL(&t->listeners, l, next);
}

static void
read_table(struct transit *t)
{
	const struct table_rows *rows = store_table(t->options.store, TABLE_TCP);
	struct settings settings;
	struct tcp_row row;
	char why[32];

	store_settings(t->options.store, &settings);
	for (size_t i = 0; rows != NULL && i < rows->n && i < LISTENERS; i++) {
		if (tcp_row_parse(&row, rows->rows[i].json, why, sizeof(why)) < 0)
			log_warn("transit", "servers/tcp: row %zu does not count: bad %s", i + 1, why);
		else if (row.bus == 0 ? settings.rtu_enabled != 0 && t->options.rtu_take != NULL :
					t->options.has_bus[row.bus - 1])
			want(t, &row);
	}
	table_rows_release(rows);
}

static void
drop(struct listener *l)
{
	struct transit *t = l->transit;

	log_info("transit", "port=%u for=%s: closed", l->row.port, what(l));
	if (l->row.bus == 0)
		t->options.rtu_drop(t->options.arg, l->row.port);
	else
		desk_end(t->desks[l->row.bus - 1], l->row.port, END_SETTINGS);
	shut(l);
	free(l);
}

static void
follow_table(struct transit *t)
{
	struct listener *l, *after;

	pthread_mutex_lock(&t->lock);
	TAILQ_FOREACH(l, &t->listeners, next)
		l->is_wanted = false;
	read_table(t);
	for (l = TAILQ_FIRST(&t->listeners); l != NULL; l = after) {
		after = TAILQ_NEXT(l, next);
		if (l->is_wanted)
			continue;
		TAILQ_REMOVE(&t->listeners, l, next);
		drop(l);
	}
	pthread_mutex_unlock(&t->lock);
	open_ports(t);
}

/* ---- what happens by itself ---- */

static void
on_upkeep(void *arg)
{
	struct transit *t = arg;
	struct listener *l;

	for (int i = 0; i < SERIAL_BUSES; i++)
		desk_upkeep(t->desks[i]);
	TAILQ_FOREACH(l, &t->listeners, next)
		if (l->event != NULL)
			event_add(l->event, NULL);
	if (--t->retry_s == 0)
		open_ports(t);
}

/* An address has gone: its sessions are ended at once instead of by keep-alive (transit.md 7). */
static void
on_addresses(evutil_socket_t fd, short what, void *arg)
{
	struct transit *t = arg;
	char message[8192];

	(void)what;
	while (recv(fd, message, sizeof(message), MSG_DONTWAIT) > 0)
		;
	for (int i = 0; i < SERIAL_BUSES; i++)
		desk_check_addresses(t->desks[i]);
}

/* Where the kernel does not tell, keep-alive finds out later. */
static void
watch_addresses(struct transit *t)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR };

	t->address_fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (t->address_fd < 0 ||
	    bind(t->address_fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
		return;
	t->address_event = event_new(loop_base(t->options.loop), t->address_fd, EV_READ | EV_PERSIST,
	    on_addresses, t);
	if (t->address_event != NULL)
		event_add(t->address_event, NULL);
}

/* ---- opening and closing ---- */

static int
lease(void *arg, unsigned bus, struct lease *lease, uint32_t take_ms)
{
	struct transit *t = arg;

	return poll_lease(t->options.poll, bus, lease, take_ms);
}

static void
holder(void *arg, unsigned bus, const char *client, int64_t since)
{
	struct transit *t = arg;

	poll_lease_holder(t->options.poll, bus, client, since);
}

static int
begin(struct transit *t)
{
	int rc;

	if ((rc = lingers_open(&t->lingers, t->options.loop)) < 0 ||
	    (rc = greetings_open(&t->greetings, t->options.loop, arrive_greeted, t)) < 0)
		return rc;
	for (unsigned i = 0; i < SERIAL_BUSES; i++) {
		struct desk_options desk = { .bus = i + 1, .loop = t->options.loop,
			.store = t->options.store, .lingers = t->lingers, .lease = lease,
			.holder = holder, .arg = t };

		if ((rc = desk_open(&t->desks[i], &desk)) < 0)
			return rc;
	}
	t->upkeep = loop_timer(t->options.loop, UPKEEP_MS, true, on_upkeep, t);
	if (t->upkeep == NULL)
		return E_NOMEM;
	watch_addresses(t);
	transit_reload(t);
	return E_OK;
}

int
transit_open(struct transit **out, const struct transit_options *options)
{
	struct transit *t = calloc(1, sizeof(*t));
	int rc;

	*out = NULL;
	if (t == NULL)
		return E_NOMEM;
	t->options = *options;
	t->address_fd = -1;
	snprintf(t->bind, sizeof(t->bind), "%s", options->bind != NULL ? options->bind : "");
	snprintf(t->rtu_bind, sizeof(t->rtu_bind), "%s",
	    options->rtu_bind != NULL ? options->rtu_bind : "");
	snprintf(t->run_dir, sizeof(t->run_dir), "%s",
	    options->run_dir != NULL ? options->run_dir : ".");
	pthread_mutex_init(&t->lock, NULL);
	TAILQ_INIT(&t->listeners);
	rc = begin(t);
	if (rc < 0)
		transit_close(t);
	else
		*out = t;
	return rc;
}

void
transit_reload(struct transit *t)
{
	if (t == NULL)
		return;
	rules_follow(t);
	follow_table(t);
}

void
transit_close(struct transit *t)
{
	struct listener *l;

	if (t == NULL)
		return;
	loop_timer_free(t->upkeep);
	while ((l = TAILQ_FIRST(&t->listeners)) != NULL) {
		TAILQ_REMOVE(&t->listeners, l, next);
		shut(l);
		free(l);
	}
	if (t->address_event != NULL)
		event_free(t->address_event);
	if (t->address_fd >= 0)
		close(t->address_fd);
	greetings_close(t->greetings);
	for (int i = 0; i < SERIAL_BUSES; i++)
		desk_close(t->desks[i]);
	lingers_close(t->lingers);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- any thread ---- */

size_t
transit_ports(struct transit *t, struct transit_port *to, size_t max)
{
	const struct listener *l;
	size_t n = 0;

	pthread_mutex_lock(&t->lock);
	TAILQ_FOREACH(l, &t->listeners, next) {
		if (n < max)
			to[n] = (struct transit_port){ .port = l->row.port, .bus = l->row.bus,
				.listening = l->fd >= 0, .tls = l->row.tls };
		n++;
	}
	pthread_mutex_unlock(&t->lock);
	return n;
}

size_t
transit_sessions(struct transit *t, struct transit_session *to, size_t max)
{
	size_t n = 0;

	for (int i = 0; i < SERIAL_BUSES; i++)
		n += desk_sessions(t->desks[i], to + (n < max ? n : max), n < max ? max - n : 0);
	return n;
}

const char *
transit_phase_name(enum transit_phase phase)
{
	static const char *const names[] = { [TRANSIT_WAITING] = "waiting", [TRANSIT_TAKING] = "taking",
		[TRANSIT_OPEN] = "open", [TRANSIT_DRAINING] = "draining" };

	return names[phase];
}

int
transit_take_back(struct transit *t, unsigned bus)
{
	if (bus < 1 || bus > SERIAL_BUSES)
		return E_NOTFOUND;
	return desk_take_back(t->desks[bus - 1]) ? E_OK : E_NOTFOUND;
}
