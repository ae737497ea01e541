/* uspdctl: the command line of the concentrator.  See docs/uspdctl.1. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "src/base/version.h"
#include "tools/ctl.h"
#include "tools/ctl_http.h"

#define DEFAULT_URL "http://127.0.0.1:8080"

static const struct command {
	const char *name, *help;
	int (*run)(const struct ctl *, int, char **);
} commands[] = {
	{ "status",   "[--watch]                               what the device does now", ctl_status },
	{ "meter",    "list|add|remove|import|export ...       the meter table", ctl_meter },
	{ "poll",     "[--watch] [ID...] [--types T,..] ...    read meters now", ctl_poll },
	{ "read",     "METER MEASURE [FROM [TO]] [--csv]       the archive of one meter", ctl_read },
	{ "journal",  "KIND [--limit N]                        journals of the device", ctl_journal },
	{ "settings", "[KEY [VALUE]]                           settings of the device", ctl_settings },
	{ "sql",      "DIR [QUERY]                             the archive as SQL, read-only",
	    ctl_sql },
	{ "rtu327",   "...                                     a client of RTU-327", ctl_rtu327 },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

/* ---- shared by the subcommands ---- */

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

void
ctl_catch_interrupt(void)
{
	struct sigaction action = { .sa_handler = on_interrupt };

	sigaction(SIGINT, &action, NULL);
}

bool
ctl_interrupted(void)
{
	return interrupted != 0;
}

void
ctl_pause_ms(unsigned ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	if (!interrupted)
		nanosleep(&ts, NULL);
}

int
ctl_usage(const char *usage)
{
	fprintf(stderr, "usage: uspdctl %s\n", usage);
	return CTL_USAGE;
}

bool
ctl_option(int *argc, char **argv, const char *name, const char **value)
{
	size_t len = strlen(name);
	int taken = 0;

	for (int i = 1; i < *argc && taken == 0; i++) {
		if (strcmp(argv[i], name) == 0 && value == NULL)
			taken = 1;
		else if (strcmp(argv[i], name) == 0 && i + 1 < *argc)
			taken = 2;
		else if (value != NULL && strncmp(argv[i], name, len) == 0 && argv[i][len] == '=')
			taken = 1;
		if (taken == 0)
			continue;
		if (value != NULL)
			*value = taken == 2 ? argv[i + 1] : argv[i] + len + 1;
		memmove(argv + i, argv + i + taken, (size_t)(*argc - i - taken) * sizeof(*argv));
		*argc -= taken;
	}
	return taken > 0;
}

bool
ctl_no_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-' || argv[i][1] != '-')
			continue;
		fprintf(stderr, "uspdctl %s: unknown option %s, or its value is missing\n", argv[0],
		    argv[i]);
		return false;
	}
	return true;
}

long long
ctl_int(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

double
ctl_real(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

const char *
ctl_text(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* ---- the program ---- */

static void
help(FILE *f)
{
	fprintf(f,
	    "usage: uspdctl [--url URL] [--token TOKEN|--token-file FILE] [--json] COMMAND ...\n\n");
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-9s %s\n", commands[i].name, commands[i].help);
	fprintf(f,
	    "\n  --url URL     the daemon, default " DEFAULT_URL " (or USPD_URL)\n"
	    "  --token T     content of api.token of the data directory (or USPD_TOKEN)\n"
	    "  --token-file  the file itself; default for this machine " CTL_TOKEN_FILE "\n"
	    "  --json        answers as JSON\n"
	    "  --version, --help\n"
	    "\nExit: 0 done, 1 refused or failed, 2 wrong usage, 3 the daemon cannot be reached.\n");
}

static int
run_command(const struct ctl *ctl, int argc, char **argv)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			return commands[i].run(ctl, argc, argv);
	fprintf(stderr, "uspdctl: there is no command \"%s\"; see uspdctl --help\n", argv[0]);
	return CTL_USAGE;
}

int
main(int argc, char **argv)
{
	struct ctl ctl = { .url = getenv("USPD_URL") };
	const char *token = getenv("USPD_TOKEN"), *token_file = NULL;
	char buf[CTL_TOKEN_SIZE], url[512];
	int rc, at = 1;

	if (ctl.url == NULL)
		ctl.url = DEFAULT_URL;
	for (; at < argc && argv[at][0] == '-'; at++) {
		if (strcmp(argv[at], "--json") == 0)
			ctl.json = true;
		else if (strcmp(argv[at], "--url") == 0 && at + 1 < argc)
			ctl.url = argv[++at];
		else if (strcmp(argv[at], "--token") == 0 && at + 1 < argc)
			token = argv[++at];
		else if (strcmp(argv[at], "--token-file") == 0 && at + 1 < argc)
			token_file = argv[++at];
		else
			break;
	}
	if (at < argc && strcmp(argv[at], "--help") == 0) {
		help(stdout);
		return CTL_OK;
	}
	if (at < argc && strcmp(argv[at], "--version") == 0) {
		printf("uspdctl " USPD_VERSION "\n");
		return CTL_OK;
	}
	if (at >= argc || argv[at][0] == '-') {
		help(stderr);
		return CTL_USAGE;
	}
	snprintf(url, sizeof(url), "%s", ctl.url);
	if (*url != '\0' && url[strlen(url) - 1] == '/')
		url[strlen(url) - 1] = '\0';
	ctl.url = url;
	if (!ctl_find_token(&ctl, token, token_file, buf))
		return CTL_FAILED;
	/* --json is understood behind the command, too. */
	argc -= at;
	argv += at;
	ctl.json |= ctl_option(&argc, argv, "--json", NULL);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	rc = run_command(&ctl, argc, argv);
	curl_global_cleanup();
	return rc;
}
