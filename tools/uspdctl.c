/* uspdctl: the command line of the concentrator.  See docs/uspdctl.1. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/version.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_http.h"

#define DEFAULT_URL "http://127.0.0.1:8080"

struct globals { const char *url, *token, *token_file; bool json; };

/* Takes the options before the command; where it begins, or the one that is none of ours. */
static int
take_globals(struct globals *g, int argc, char **argv)
{
	int at = 1;

	for (; at < argc && argv[at][0] == '-'; at++) {
		size_t len = strcspn(argv[at], "=");
		const struct ctl_option *option = ctl_option_of(ctl_globals, argv[at], len);
		const char *value;

		if (option == NULL || (option->value == NULL && argv[at][len] == '='))
			break;
		if (strcmp(option->name, "--json") == 0) {
			g->json = true;
			continue;
		}
		if (argv[at][len] == '=')
			value = argv[at] + len + 1;
		else if (option->value != NULL && at + 1 < argc)
			value = argv[++at];
		else	/* --help, --version, or nothing follows */
			break;
		if (strcmp(option->name, "--url") == 0)
			g->url = value;
		else if (strcmp(option->name, "--token") == 0)
			g->token = value;
		else
			g->token_file = value;
	}
	return at;
}

static int
unknown(char **argv)
{
	if (argv[0][0] == '-')
		fprintf(stderr, "uspdctl: there is no option %s, or its value is missing\n", argv[0]);
	else
		fprintf(stderr, "uspdctl: there is no command \"%s\"; see uspdctl --help\n", argv[0]);
	return CTL_USAGE;
}

static int
group(int argc, char **argv)
{
	bool asked = argc > 1 && strcmp(argv[1], "--help") == 0;
	FILE *f = asked ? stdout : stderr;

	if (argc > 1 && !asked)
		fprintf(stderr, "uspdctl: there is no \"%s %s\"\n", argv[0], argv[1]);
	fprintf(f, "usage: uspdctl %s ...\n", argv[0]);
	ctl_help_group(f, argv[0]);
	return asked ? CTL_OK : CTL_USAGE;
}

static int
run(struct ctl *ctl, int argc, char **argv)
{
	int words, rc;

	ctl->command = ctl_find(argc, argv, &words);
	if (ctl->command == NULL)
		return ctl_is_group(argv[0]) ? group(argc, argv) : unknown(argv);
	argc -= words - 1;
	argv += words - 1;
	/* Words to complete may be anything. */
	if (ctl->command->run != ctl_completion_words) {
		if (ctl_option(&argc, argv, "--help", NULL)) {
			ctl_help_command(stdout, ctl->command);
			return CTL_OK;
		}
		ctl->json |= ctl_option(&argc, argv, "--json", NULL);
		if (!ctl_check(ctl->command, argc, argv))
			return CTL_USAGE;
	}
	curl_global_init(CURL_GLOBAL_DEFAULT);
	rc = ctl->command->run(ctl, argc, argv);
	curl_global_cleanup();
	if (fflush(stdout) != 0 && rc == CTL_OK)
		rc = CTL_FAILED;
	return rc;
}

int
main(int argc, char **argv)
{
	struct globals g = { .url = getenv("USPD_URL"), .token = getenv("USPD_TOKEN") };
	struct ctl ctl = { .dialect = 40 };
	char buf[CTL_TOKEN_SIZE], url[512];
	int at = take_globals(&g, argc, argv);

	if (at < argc && strcmp(argv[at], "--help") == 0) {
		ctl_help(stdout);
		return CTL_OK;
	}
	if (at < argc && strcmp(argv[at], "--version") == 0) {
		printf("uspdctl " USPD_VERSION "\n");
		return CTL_OK;
	}
	if (at >= argc) {
		ctl_help(stderr);
		return CTL_USAGE;
	}
	if (argv[at][0] == '-')
		return unknown(argv + at);
	snprintf(url, sizeof(url), "%s", g.url != NULL ? g.url : DEFAULT_URL);
	if (*url != '\0' && url[strlen(url) - 1] == '/')
		url[strlen(url) - 1] = '\0';
	ctl.url = url;
	ctl.json = g.json;
	if (!ctl_find_token(&ctl, g.token, g.token_file, buf))
		return CTL_FAILED;
	return run(&ctl, argc - at, argv + at);
}
