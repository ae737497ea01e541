#include "rtu327/server_private.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/loop.h"

enum {
	ACCEPT_AT_ONCE = 16,
	ACCEPT_REST_MS = 1000,		/* pause when no descriptor can be had */
	UPKEEP_MS = 10 * 1000,
	RELOAD_PAUSE_MS = 500,		/* between two snapshots at least */
	/* A snapshot is made anew after so long at least, and after so many times what it took: */
	MISSED_REFRESH_MS = 1000, MISSED_REST = 50,	/* somebody asks for an unknown serial number */
	REFRESH_MS = 15 * 1000, REFRESH_REST = 200,	/* serial numbers may have changed */
	FRAME_AGE_MS = 30 * 1000,	/* rtu-327.md 8.1, 5 */
};

/* ---- the snapshot of settings and meters ---- */

struct build {
	struct rtu327_job job;		/* first member */
	struct rtu327 *server;
	struct rtu327_context *context;
};

static void
set_limits(struct rtu327 *server, const struct settings *s)
{
	struct connection *c;

	server->limits = (struct rtu327_limits){
		.max_body = (size_t)s->rtu_max_request_body,
		.crc_unsigned = s->rtu_crc_unsigned != 0,
		.frame_timeout_ms = (uint32_t)s->rtu_frame_timeout_s * 1000,
		.frame_age_ms = FRAME_AGE_MS,
		.garbage = (size_t)s->rtu_garbage_limit,
	};
	LIST_FOREACH(c, &server->connections, next)
		c->receiver.limits = server->limits;
}

static void
tell_troubles(struct rtu327 *server, const struct rtu327_context *ctx)
{
	if (ctx->doubles > 0 && !server->doubles_told)
		log_warn("rtu327",
		    "meter=%u has the serial number of meter=%u and is not served "
		    "(%zu such meters in all)",
		    ctx->double_id, ctx->double_of, ctx->doubles);
	server->doubles_told |= ctx->doubles > 0;
	if (ctx->bad_passwords > 0)
		log_warn("rtu327", "rtu.auth: %zu entries are no passwords and do not count",
		    ctx->bad_passwords);
	if (ctx->bad_map_rows > 0)
		log_warn("rtu327", "rtu.event_map, rtu.log_map: %zu rows are not understood",
		    ctx->bad_map_rows);
	if (ctx->unread > 0)
		log_warn("rtu327", "serial numbers of %zu meters could not be read; tried again",
		    ctx->unread);
}

static struct connection *most_idle(const struct rtu327 *);

static void
evict(struct rtu327 *server, const char *why)
{
	struct connection *c = most_idle(server);

	if (c == NULL)
		return;
	server->counters.evicted++;
	connection_close(c, why);
}

static void
run_all(struct rtu327 *server)
{
	struct connection *c, *after;

	for (c = LIST_FIRST(&server->connections); c != NULL; c = after) {
		after = LIST_NEXT(c, next);
		connection_run(c);
	}
}

static void
build(struct rtu327_job *job, bool closing)
{
	struct build *b = (struct build *)job;
	int rc;

	if (closing)
		return;
	rc = rtu327_context_make(&b->context, b->server->options.store);
	if (rc < 0)
		log_error("rtu327", "settings not taken over: %s", uspd_strerror(rc));
}

static void refresh(struct rtu327 *);

static void
built(struct rtu327_job *job)
{
	struct build *b = (struct build *)job;
	struct rtu327 *server = b->server;

	server->building = false;
	server->build_took_ms = rtu327_now_ms() - server->built_ms;
	if (server->closing) {
		rtu327_context_release(b->context);
	} else if (b->context != NULL) {
		tell_troubles(server, b->context);
		rtu327_context_release(server->context);
		server->context = b->context;
		set_limits(server, &b->context->settings);
		while (server->counters.clients > (unsigned)b->context->settings.rtu_max_clients)
			evict(server, "too many connections");
		run_all(server);
		if (server->again)
			refresh(server);
	}
	free(b);
}

static void
begin_build(struct rtu327 *server)
{
	struct build *b = calloc(1, sizeof(*b));

	server->again = false;
	server->missed = false;
	server->built_ms = rtu327_now_ms();
	if (b == NULL)
		return;
	*b = (struct build){ .job = { .run = build, .done = built }, .server = server };
	if (rtu327_jobs_start(&server->jobs, &b->job) < 0) {
		/* The next upkeep tries again. */
		server->built_ms -= REFRESH_MS;
		free(b);
		return;
	}
	server->building = true;
}

static void
on_deferred(void *arg)
{
	struct rtu327 *server = arg;

	loop_timer_free(server->deferred);
	server->deferred = NULL;
	refresh(server);
}

/* Makes a new snapshot: at once, or a little later when they follow each other fast. */
static void
refresh(struct rtu327 *server)
{
	if (server->building)
		server->again = true;
	else if (server->context == NULL || rtu327_now_ms() - server->built_ms >= RELOAD_PAUSE_MS)
		begin_build(server);
	else if (server->deferred == NULL)
		server->deferred = loop_timer(server->options.loop, RELOAD_PAUSE_MS, false, on_deferred,
		    server);
}

static void
on_upkeep(void *arg)
{
	struct rtu327 *server = arg;
	const struct rtu327_context *ctx = server->context;
	int64_t age = rtu327_now_ms() - server->built_ms, least, rest;
	bool stale, urgent;

	if (ctx == NULL) {
		refresh(server);
		return;
	}
	stale = ctx->unread > 0 || ctx->sequence != store_sequence(server->options.store);
	urgent = server->missed || ctx->unread > 0;
	least = urgent ? MISSED_REFRESH_MS : REFRESH_MS;
	rest = server->build_took_ms * (urgent ? MISSED_REST : REFRESH_REST);
	if (stale && age >= least && age >= rest)
		refresh(server);
}

void
server_missed(struct rtu327 *server)
{
	server->missed = true;
	on_upkeep(server);
}

/* ---- accepting (rtu-327.md 8.3) ---- */

/* Who has never sent a valid frame goes first, then who has been silent longest. */
static struct connection *
most_idle(const struct rtu327 *server)
{
	struct connection *c, *found = NULL;

	LIST_FOREACH(c, &server->connections, next)
		if (found == NULL || (found->served && !c->served) ||
		    (found->served == c->served && c->valid_ms <= found->valid_ms))
			found = c;
	return found;
}

static void
on_rested(void *arg)
{
	struct rtu327 *server = arg;

	loop_timer_free(server->rest);
	server->rest = NULL;
	event_add(server->acceptable, NULL);
}

/* No descriptor is left: the most idle client gives its own; without one we wait. */
static void
out_of_descriptors(struct rtu327 *server)
{
	log_warn("rtu327", "cannot accept: %s", strerror(errno));
	if (!LIST_EMPTY(&server->connections)) {
		evict(server, "no descriptors left");
		return;
	}
	if (server->rest == NULL)
		server->rest = loop_timer(server->options.loop, ACCEPT_REST_MS, false, on_rested,
		    server);
	if (server->rest != NULL)
		event_del(server->acceptable);
}

void
rtu327_take(struct rtu327 *server, int fd, const struct sockaddr_storage *peer, uint16_t port)
{
	int64_t most = server->context != NULL ? server->context->settings.rtu_max_clients : 64;

	server->counters.accepted++;
	if (server->counters.clients >= (unsigned)most)
		evict(server, "most idle when another one came");
	connection_open(server, fd, peer, port);
}

void
rtu327_make_room(struct rtu327 *server)
{
	evict(server, "no descriptors left");
}

void
rtu327_drop(struct rtu327 *server, uint16_t port)
{
	struct connection *c, *after;

	for (c = LIST_FIRST(&server->connections); c != NULL; c = after) {
		after = LIST_NEXT(c, next);
		if (c->port == port)
			connection_close(c, "its port is no longer served");
	}
}

static void
on_acceptable(evutil_socket_t fd, short what, void *arg)
{
	struct rtu327 *server = arg;

	(void)what;
	for (unsigned i = 0; i < ACCEPT_AT_ONCE; i++) {
		struct sockaddr_storage peer = { 0 };
		socklen_t len = sizeof(peer);
		int client = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (client < 0) {
			if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
				out_of_descriptors(server);
			return;
		}
		rtu327_take(server, client, &peer, 0);
	}
}

/* ---- opening and closing ---- */

static int
begin_listening(struct rtu327 *server)
{
	int rc = address_listen(server->bind, server->options.port, &server->fd);

	if (rc < 0)
		return rc;
	server->acceptable = event_new(loop_base(server->options.loop), server->fd,
	    EV_READ | EV_PERSIST, on_acceptable, server);
	if (server->acceptable == NULL || event_add(server->acceptable, NULL) != 0)
		return E_NOMEM;
	log_info("rtu327", "bind=%s port=%u: serving", server->bind[0] != '\0' ? server->bind : "*",
	    rtu327_port(server));
	return E_OK;
}

static int
begin(struct rtu327 *server)
{
	struct loop *loop = server->options.loop;
	struct settings settings;
	int rc = rtu327_jobs_open(&server->jobs, loop);

	if (rc == E_OK && !server->options.fed)
		rc = begin_listening(server);
	if (rc < 0)
		return rc;
	store_settings(server->options.store, &settings);
	set_limits(server, &settings);
	server->upkeep = loop_timer(loop, UPKEEP_MS, true, on_upkeep, server);
	if (server->upkeep == NULL)
		return E_NOMEM;
	refresh(server);
	return E_OK;
}

int
rtu327_open(struct rtu327 **out, const struct rtu327_options *options)
{
	struct rtu327 *server = calloc(1, sizeof(*server));
	int rc;

	*out = NULL;
	if (server == NULL)
		return E_NOMEM;
	server->options = *options;
	server->options.bind = NULL;
	server->fd = -1;
	snprintf(server->bind, sizeof(server->bind), "%s", options->bind != NULL ? options->bind : "");
	LIST_INIT(&server->connections);
	rc = begin(server);
	if (rc < 0) {
		log_error("rtu327", "bind=%s port=%u: cannot serve: %s", server->bind, options->port,
		    uspd_strerror(rc));
		rtu327_close(server);
		return rc;
	}
	*out = server;
	return E_OK;
}

void
rtu327_close(struct rtu327 *server)
{
	struct connection *c;

	if (server == NULL)
		return;
	server->closing = true;
	while ((c = LIST_FIRST(&server->connections)) != NULL)
		connection_close(c, "the server stops");
	rtu327_jobs_close(&server->jobs);
	loop_timer_free(server->upkeep);
	loop_timer_free(server->deferred);
	loop_timer_free(server->rest);
	if (server->acceptable != NULL)
		event_free(server->acceptable);
	if (server->fd >= 0)
		close(server->fd);
	rtu327_context_release(server->context);
	free(server);
}

uint16_t
rtu327_port(const struct rtu327 *server)
{
	return address_bound_port(server->fd);
}

void
rtu327_reload(struct rtu327 *server)
{
	if (server != NULL)
		refresh(server);
}

void
rtu327_counters(const struct rtu327 *server, struct rtu327_counters *counters)
{
	*counters = server->counters;
}
