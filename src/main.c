/* uspdd: composes the rooms; reads like a table of contents. */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "rtu327/server.h"
#include "smart-json/http.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/base/text.h"
#include "src/base/version.h"
#include "src/events/events.h"
#include "src/events/message.h"
#include "src/poll/poll.h"
#include "src/store/store.h"
#include "src/system/board.h"
#include "src/system/front.h"
#include "src/system/orders.h"
#include "src/transit/transit.h"

enum { SOCKETS_MOST = 4096, PORTS_MOST = 64 };
enum rtu_event { RTU_POWER_ON = 1, RTU_TIME_BEFORE = 2, RTU_TIME_AFTER = 3 };	/* rtu-327.md 6.12 */

struct options {
	const char *board, *data, *debug;
	enum log_level level;
	bool check;
};

struct uspd {
	struct board board;
	struct store *store;
	struct loop *loop;
	struct orders *orders;
	struct poll *poll;
	struct events *events;
	struct messages *messages;
	struct rtu327 *rtu327;
	struct transit *transit;
	struct http *http;
	struct front *front;
	struct loop_timer *watchdog;
};

static void
usage(FILE *to)
{
	fputs("usage: uspdd --board FILE --data DIR [--check] [--log LEVEL] [--debug MODULE,...]\n"
	      "\n"
	      "  --board FILE   what is where on this box (lines, ports); see uspdd(8)\n"
	      "  --data DIR     directory of the databases, made when missing\n"
	      "  --check        read the board file, say what is wrong with it, and end\n"
	      "  --log LEVEL    error, warn, info (default) or debug\n"
	      "  --debug LIST   debug lines of these modules only (poll, store, rtu327, ...)\n"
	      "  --version      say the version and end\n",
	    to);
}

static enum log_level
parse_level(const char *name)
{
	static const char *const names[] = { "error", "warn", "info", "debug" };

	for (int i = 0; i < 4; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum log_level)i;
	fprintf(stderr, "uspdd: unknown log level \"%s\"\n", name);
	exit(2);
}

static struct options
options_parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "board", required_argument, NULL, 'b' }, { "data", required_argument, NULL, 'd' },
		{ "check", no_argument, NULL, 'c' }, { "log", required_argument, NULL, 'l' },
		{ "debug", required_argument, NULL, 'm' }, { "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 }
	};
	struct options opt = { .level = LOG_LEVEL_INFO };
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'b': opt.board = optarg; break;
		case 'd': opt.data = optarg; break;
		case 'c': opt.check = true; break;
		case 'l': opt.level = parse_level(optarg); break;
		case 'm': opt.debug = optarg; opt.level = LOG_LEVEL_DEBUG; break;
		case 'v': puts("uspdd " USPD_VERSION); exit(0);
		case 'h': usage(stdout); exit(0);
		default:  usage(stderr); exit(2);
		}
	}
	if (opt.board == NULL || (opt.data == NULL && !opt.check) || optind != argc) {
		usage(stderr);
		exit(2);
	}
	return opt;
}

/* ---- what ties the rooms together ---- */

static void
journal_rtu(struct uspd *u, int64_t ts, int code)
{
	char json[32];

	snprintf(json, sizeof(json), "{\"code\":%d}", code);
	if (store_journal_add(u->store, DJ_RTU, ts, json) < 0)
		log_warn("main", "event %d for head-ends not journalled", code);
}

/* However the clock was set: head-ends see it in GETLOG, the poller plans anew. */
static void
clock_stepped(void *arg, int64_t before)
{
	struct uspd *u = arg;

	journal_rtu(u, before, RTU_TIME_BEFORE);
	journal_rtu(u, clock_utc(), RTU_TIME_AFTER);
	poll_reload(u->poll);
	events_clock_stepped(u->events);
}

static int
step_clock(void *arg, int64_t delta_s)
{
	return orders_clock_step(((struct uspd *)arg)->orders, delta_s * 1000000, CLOCK_BY_RTU327);
}

static void
take_rtu327(void *arg, int fd, const struct sockaddr_storage *peer, uint16_t port)
{
	rtu327_take(((struct uspd *)arg)->rtu327, fd, peer, port);
}

static void
make_room(void *arg)
{
	rtu327_make_room(((struct uspd *)arg)->rtu327);
}

static void
drop_rtu327(void *arg, uint16_t port)
{
	rtu327_drop(((struct uspd *)arg)->rtu327, port);
}

static void
take_changes(void *arg)
{
	struct uspd *u = arg;

	poll_reload(u->poll);
	events_reload(u->events);
	messages_reload(u->messages);
	rtu327_reload(u->rtu327);
	transit_reload(u->transit);
	front_follow(u->front);
}

/* In the writer's thread: the servers are told in theirs. */
static void
settings_changed(void *arg)
{
	struct uspd *u = arg;

	if (loop_post(u->loop, take_changes, u) < 0)
		log_error("main", "a change of settings was not passed on; reload the service");
}

static void
feed_watchdog(void *arg)
{
	(void)arg;
	sd_notify(0, "WATCHDOG=1");
}

static void
stop(void *arg)
{
	struct uspd *u = arg;

	sd_notify(0, "STOPPING=1");
	log_info("main", "stopping");
	loop_stop(u->loop);
}

static void
reload(void *arg)
{
	log_info("main", "reloading");
	take_changes(arg);
}

/* ---- opening ---- */

static int
open_store(struct uspd *u, const struct options *opt)
{
	char why[256] = "";
	int rc = store_open(&u->store, opt->data, why, sizeof(why));

	if (rc < 0) {
		log_error("main", "data=%s: %s: %s", opt->data,
		    rc == E_BUSY ? "in use" : uspd_strerror(rc), why);
		return rc;
	}
	snprintf(why, sizeof(why), "{\"reason\":%d}", orders_start_reason(opt->data));
	if (store_journal_add(u->store, DJ_RESET, clock_utc(), why) < 0)
		log_warn("main", "start not journalled");
	journal_rtu(u, clock_utc(), RTU_POWER_ON);
	return E_OK;
}

static int
open_loop(struct uspd *u)
{
	uint64_t watchdog_us = 0;
	int rc;

	if ((rc = loop_open(&u->loop)) < 0 ||
	    (rc = loop_signal(u->loop, SIGTERM, stop, u)) < 0 ||
	    (rc = loop_signal(u->loop, SIGINT, stop, u)) < 0 ||
	    (rc = loop_signal(u->loop, SIGHUP, reload, u)) < 0)
		return rc;
	if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
		u->watchdog = loop_timer(u->loop, (uint32_t)(watchdog_us / 2000), true, feed_watchdog,
		    u);
		if (u->watchdog == NULL)
			return E_NOMEM;
	}
	return E_OK;
}

/* The host of a virtual clock keeps it; ours is good when somebody vouches for it (system.md 5.2). */
static bool
is_clock_trusted(void *arg)
{
	struct device_clock clock;

	if (!((struct uspd *)arg)->board.clock_system)
		return true;
	device_clock(&clock);
	return clock.synchronised || clock.rtc_healthy;
}

static int
sync_clock(void *arg)
{
	const struct device_orders *device = orders_device(((struct uspd *)arg)->orders);

	return device->clock_sync(device->arg);
}

static void
restart_device(void *arg)
{
	const struct device_orders *device = orders_device(((struct uspd *)arg)->orders);

	device->restart(device->arg);
}

static int
open_events(struct uspd *u)
{
	struct events_options events = { .store = u->store, .loop = u->loop,
		.clock_trusted = is_clock_trusted, .clock_sync = sync_clock,
		.restart = restart_device, .arg = u };

	return events_open(&u->events, &events);
}

static int
open_messages(struct uspd *u, const struct options *opt)
{
	struct device_identity id;
	struct messages_options messages = { .store = u->store, .loop = u->loop, .poll = u->poll,
		.events = u->events, .data_dir = opt->data, .serial = id.serial };

	device_identity(&id);
	return messages_open(&u->messages, &messages);
}

static void
listen_to_store(struct uspd *u)
{
	struct store_listener listener = { .changed = settings_changed, .arg = u };

	store_listen(u->store, &listener);
}

static int
open_poll(struct uspd *u)
{
	struct poll_line lines[SERIAL_BUSES] = { { 0 } };

	for (int i = 0; i < SERIAL_BUSES; i++)
		if (u->board.lines[i].tty[0] != '\0')
			lines[i] = (struct poll_line){ u->board.lines[i].tty,
				u->board.lines[i].options };
	return poll_open(&u->poll, u->store, lines);
}

static int
open_orders(struct uspd *u, const struct options *opt)
{
	const struct board *b = &u->board;
	struct device_paths paths = { .identity = b->identity[0] != '\0' ? b->identity : NULL };
	struct orders_options orders = { .store = u->store, .loop = u->loop, .dir = opt->data,
		.time_sync = b->time_sync[0] != '\0' ? b->time_sync : NULL,
		.reboot = b->reboot[0] != '\0' ? b->reboot : NULL, .clock_system = b->clock_system,
		.stepped = clock_stepped, .end = stop, .arg = u };

	device_look_in(&paths);
	return orders_open(&u->orders, &orders);
}

/* The table of TCP servers, as long as nobody has written it, is what the board file says.  A port
 * of 0 is any free one, held in *fd until it is listened on. */
static int
factory_servers(struct uspd *u, int fds[static SERIAL_BUSES + 1])
{
	struct board *b = &u->board;
	struct text rows = { 0 };
	int rc = E_OK;

	for (int i = 0; i <= SERIAL_BUSES && rc == E_OK; i++) {
		bool is_rtu = i == SERIAL_BUSES;
		uint16_t *port = is_rtu ? &b->rtu327_port : &b->transit_port[i];

		fds[i] = -1;
		if (*port == 0)
			rc = transit_reserve(is_rtu ? b->rtu327_bind : b->transit_bind, &fds[i], port);
		text_printf(&rows, "%s{\"port\":%u,\"type\":\"", i > 0 ? "," : "[", *port);
		if (is_rtu)
			text_str(&rows, "rtu327\"}]");
		else
			text_printf(&rows, "iface%d\"}", i + 1);
	}
	if (rc == E_OK)
		rc = rows.failed ? E_NOMEM : store_table_factory(u->store, TABLE_TCP, rows.p);
	text_free(&rows);
	return rc;
}

static int
open_transit(struct uspd *u, const char *run_dir)
{
	struct rtu327_options rtu327 = { .loop = u->loop, .store = u->store, .fed = true,
		.clock_step = step_clock, .arg = u };
	struct transit_options transit = { .loop = u->loop, .store = u->store, .poll = u->poll,
		.bind = u->board.transit_bind, .rtu_bind = u->board.rtu327_bind, .run_dir = run_dir,
		.rtu_take = take_rtu327, .rtu_make_room = make_room, .rtu_drop = drop_rtu327,
		.arg = u };
	int fds[SERIAL_BUSES + 1] = { -1, -1, -1, -1, -1 };
	int rc;

	for (int i = 0; i < SERIAL_BUSES; i++)
		transit.has_bus[i] = u->board.lines[i].tty[0] != '\0';
	if ((rc = factory_servers(u, fds)) == E_OK &&
	    (rc = rtu327_open(&u->rtu327, &rtu327)) == E_OK)
		rc = transit_open(&u->transit, &transit);
	for (int i = 0; i <= SERIAL_BUSES; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return rc;
}

static int
open_http(struct uspd *u, const struct options *opt)
{
	struct http_options http = { .loop = u->loop, .store = u->store, .poll = u->poll,
		.events = u->events, .transit = u->transit, .orders = orders_device(u->orders),
		.dir = opt->data,
		.web = u->board.web[0] != '\0' ? u->board.web : NULL, .bind = u->board.http_bind,
		.port = u->board.http_port };
	int rc = http_open(&u->http, &http);

	if (rc < 0)
		log_error("main", "HTTP cannot listen on %s port %u: %s", http.bind, http.port,
		    rc == E_EXISTS ? "the port is in use by another program" : uspd_strerror(rc));
	return rc;
}

static int
open_front(struct uspd *u, const struct options *opt, const char *run_dir)
{
	const struct board *b = &u->board;
	struct front_options front = { .store = u->store, .loop = u->loop, .data_dir = opt->data,
		.run_dir = run_dir, .http_bind = b->http_bind, .http_port = http_port(u->http),
		.nginx = b->nginx[0] != '\0' ? b->nginx : NULL,
		.reload = b->nginx_reload[0] != '\0' ? b->nginx_reload : NULL };

	return front_open(&u->front, &front);
}

static int
open_servers(struct uspd *u, const struct options *opt)
{
	const char *run_dir = getenv("RUNTIME_DIRECTORY"); /* systemd.exec(5) */
	int rc;

	if (run_dir == NULL)
		run_dir = opt->data;
	if ((rc = open_transit(u, run_dir)) < 0 || (rc = open_http(u, opt)) < 0)
		return rc;
	return open_front(u, opt, run_dir);
}

/* One line that tests and people read: what is served where.  Several ports of one kind are
 * separated by commas; none is 0. */
static void
say_ready(const struct uspd *u)
{
	static const char *const kinds[] = { "rtu327", "iface1", "iface2", "iface3", "iface4" };
	struct transit_port ports[PORTS_MOST];
	size_t n = transit_ports(u->transit, ports, PORTS_MOST);
	struct text line = { 0 };

	text_printf(&line, "http=%u", http_port(u->http));
	for (unsigned kind = 0; kind <= SERIAL_BUSES; kind++) {
		const char *before = "=";

		text_printf(&line, " %s", kinds[kind]);
		for (size_t i = 0; i < n && i < PORTS_MOST; i++)
			if (ports[i].bus == kind && ports[i].listening) {
				text_printf(&line, "%s%u", before, ports[i].port);
				before = ",";
			}
		if (before[0] == '=')
			text_str(&line, "=0");
	}
	log_info("main", "ready: %s", line.failed ? "" : line.p);
	text_free(&line);
	sd_notify(0, "READY=1\nSTATUS=polling");
}

static void
raise_limits(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < SOCKETS_MOST) {
		files.rlim_cur = files.rlim_max < SOCKETS_MOST ? files.rlim_max : SOCKETS_MOST;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	signal(SIGPIPE, SIG_IGN);
}

int
main(int argc, char **argv)
{
	struct options opt = options_parse(argc, argv);
	struct uspd u = { 0 };
	char why[256];
	int rc;

	log_setup(opt.level, opt.debug);
	if (board_load(&u.board, opt.board, why, sizeof(why)) < 0) {
		log_error("main", "%s", why);
		return EXIT_FAILURE;
	}
	if (opt.check)
		return EXIT_SUCCESS;
	raise_limits();
	clock_use_system(u.board.clock_system);

	if ((rc = open_store(&u, &opt)) == E_OK &&
	    (rc = open_loop(&u)) == E_OK) {
		listen_to_store(&u);
		if ((rc = open_orders(&u, &opt)) == E_OK && (rc = open_events(&u)) == E_OK &&
		    (rc = open_poll(&u)) == E_OK && (rc = open_servers(&u, &opt)) == E_OK &&
		    (rc = open_messages(&u, &opt)) == E_OK &&
		    (rc = events_start(u.events, u.poll)) == E_OK) {
			say_ready(&u);
			rc = loop_run(u.loop); /* until a signal */
		}
	}
	if (rc < 0 && u.store != NULL)
		log_error("main", "cannot go on: %s", uspd_strerror(rc));

	rtu327_close(u.rtu327); /* waits for what its workers have begun */
	loop_end_work(u.loop);
	front_close(u.front);
	http_stop(u.http);
	messages_close(u.messages);
	poll_close(u.poll); /* ends transit sessions too */
	transit_close(u.transit);
	http_close(u.http); /* what waited for the poller has its answer */
	events_stop(u.events);
	orders_close(u.orders);
	loop_timer_free(u.watchdog);
	store_close(u.store); /* durable from here */
	events_close(u.events);
	loop_close(u.loop);
	log_flush();
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
