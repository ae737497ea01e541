/* uspdd: composes the rooms; reads like a table of contents. */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>

#include "rtu327/server.h"
#include "smart-json/http.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/base/version.h"
#include "src/poll/poll.h"
#include "src/store/store.h"
#include "src/system/board.h"

enum { SOCKETS_MOST = 4096, PORT_RETRY_MS = 30000 };
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
	struct poll *poll;
	struct rtu327 *rtu327;
	uint16_t rtu327_asked;		/* port it was opened with; 0 = any */
	struct http *http;
	struct loop_timer *watchdog, *rtu327_again;
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

static int
step_clock(void *arg, int64_t delta_s)
{
	struct uspd *u = arg;
	int64_t before = clock_utc();
	int rc = clock_step_us(delta_s * 1000000);

	if (rc == E_OK) {
		journal_rtu(u, before, RTU_TIME_BEFORE);
		journal_rtu(u, clock_utc(), RTU_TIME_AFTER);
		poll_reload(u->poll);
	}
	return rc;
}

static const char *
listen_error(int rc)
{
	return rc == E_EXISTS ? "the port is in use by another program" : uspd_strerror(rc);
}

/* Opens, closes or moves the RTU-327 server as the settings say; an unchanged one only reloads. */
static int
follow_rtu327(struct uspd *u)
{
	struct rtu327_options options = { .loop = u->loop, .store = u->store,
		.bind = u->board.rtu327_bind, .port = u->board.rtu327_port,
		.clock_step = step_clock, .arg = u };
	struct settings settings;
	int rc;

	store_settings(u->store, &settings);
	if (settings.rtu_port != 0)
		options.port = (uint16_t)settings.rtu_port;
	if (u->rtu327 != NULL && settings.rtu_enabled && options.port == u->rtu327_asked) {
		rtu327_reload(u->rtu327);
		return E_OK;
	}
	rtu327_close(u->rtu327);
	u->rtu327 = NULL;
	if (!settings.rtu_enabled)
		return E_OK;
	u->rtu327_asked = options.port;
	if ((rc = rtu327_open(&u->rtu327, &options)) < 0)
		log_error("main", "RTU-327 cannot listen on %s port %u: %s", options.bind, options.port,
		    listen_error(rc));
	return rc;
}

/* A port that another program holds for now is tried again. */
static void
serve_rtu327(void *arg)
{
	struct uspd *u = arg;

	loop_timer_free(u->rtu327_again);
	u->rtu327_again = NULL;
	if (follow_rtu327(u) < 0)
		u->rtu327_again = loop_timer(u->loop, PORT_RETRY_MS, false, serve_rtu327, u);
}

static void
take_changes(void *arg)
{
	struct uspd *u = arg;

	poll_reload(u->poll);
	serve_rtu327(u);
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
	if (store_journal_add(u->store, DJ_RESET, clock_utc(), "{\"reason\":1}") < 0)
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
open_servers(struct uspd *u, const struct options *opt)
{
	struct http_options http = { .loop = u->loop, .store = u->store, .poll = u->poll,
		.dir = opt->data, .bind = u->board.http_bind, .port = u->board.http_port };
	int rc;

	if ((rc = follow_rtu327(u)) < 0)
		return rc;
	if ((rc = http_open(&u->http, &http)) < 0)
		log_error("main", "HTTP cannot listen on %s port %u: %s", http.bind, http.port,
		    listen_error(rc));
	return rc;
}

/* One line that tests and people read: what is served where. */
static void
say_ready(const struct uspd *u)
{
	log_info("main", "ready: http=%u rtu327=%u", http_port(u->http),
	    u->rtu327 != NULL ? rtu327_port(u->rtu327) : 0);
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
		if ((rc = open_poll(&u)) == E_OK &&
		    (rc = open_servers(&u, &opt)) == E_OK) {
			say_ready(&u);
			rc = loop_run(u.loop); /* until a signal */
		}
	}
	if (rc < 0 && u.store != NULL)
		log_error("main", "cannot go on: %s", uspd_strerror(rc));

	rtu327_close(u.rtu327); /* waits for what its workers have begun */
	loop_end_work(u.loop);
	http_close(u.http);
	poll_close(u.poll);
	loop_timer_free(u.watchdog);
	loop_timer_free(u.rtu327_again);
	store_close(u.store); /* durable from here */
	loop_close(u.loop);
	log_flush();
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
