#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl.h"
#include "tools/ctl_http.h"

#define USAGE "poll [ID...] [--types T,..] [--from TIME] [--to TIME] [--again]\n" \
	"       [--watch] [--until-complete] [--timeout SECONDS]"

enum { TICK_MS = 1000, BAR = 30, BUSES_SHOWN = 8 };

struct watch {
	const struct ctl *ctl;
	long long run;
	bool redraw, until_complete;
	time_t give_up;		/* 0 never */
	unsigned lines;		/* drawn last time */
	char shown[200];
};

/* ---- drawing ---- */

static void
print_bar(char *buf, size_t size, const json_t *totals)
{
	int filled = (int)(ctl_real(totals, "percent") * BAR / 100);
	char bar[BAR + 1];

	for (int i = 0; i < BAR; i++)
		bar[i] = i < filled ? '#' : '.';
	bar[BAR] = '\0';
	snprintf(buf, size, "[%s] %6.2f %%  %lld/%lld records", bar, ctl_real(totals, "percent"),
	    ctl_int(totals, "wanted") - ctl_int(totals, "missing"), ctl_int(totals, "wanted"));
}

static void
print_meters(char *buf, size_t size, const json_t *totals, const json_t *progress)
{
	snprintf(buf, size, "%lld answering, %lld silent, run %lld/%lld, %lld failed",
	    ctl_int(totals, "answering"), ctl_int(totals, "silent"), ctl_int(progress, "done"),
	    ctl_int(progress, "total"), ctl_int(progress, "failed"));
}

static void
draw_plain(struct watch *watch, const char *bar, const char *meters)
{
	char line[sizeof(watch->shown)];

	snprintf(line, sizeof(line), "%s  %s", bar, meters);
	if (strcmp(line, watch->shown) != 0)
		printf("%s\n", line);
	memcpy(watch->shown, line, sizeof(line));
	fflush(stdout);
}

static void
draw(struct watch *watch, const json_t *status, const json_t *progress)
{
	const json_t *buses = json_object_get(status, "buses"), *bus;
	const json_t *totals = json_object_get(status, "totals");
	char bar[96], meters[96];
	size_t i;

	print_bar(bar, sizeof(bar), totals);
	print_meters(meters, sizeof(meters), totals, progress);
	if (!watch->redraw) {
		draw_plain(watch, bar, meters);
		return;
	}
	if (watch->lines > 0)
		printf("\033[%uA", watch->lines);
	printf("\r\033[K%s\n\033[K  %s\n", bar, meters);
	watch->lines = 2;
	json_array_foreach(buses, i, bus) {
		if (i == BUSES_SHOWN)
			break;
		printf("\033[K  %-22s %6.2f %%  %-9s", ctl_text(bus, "bus"),
		    ctl_real(bus, "utilisation"), ctl_text(bus, "state"));
		if (ctl_int(bus, "meter") != 0)
			printf("  meter %lld %s", ctl_int(bus, "meter"), ctl_text(bus, "job"));
		printf("\n");
		watch->lines++;
	}
	fflush(stdout);
}

/* ---- watching ---- */

/* The archive holds all that the meters which answer can give; and some meter has answered. */
static bool
is_complete(const json_t *totals)
{
	bool known = ctl_int(totals, "wanted") > 0 || ctl_int(totals, "meters") == 0;

	return known && ctl_int(totals, "missing") == 0 && ctl_int(totals, "untried") == 0;
}

/* One look; *done when there is nothing left to watch. */
static int
look(struct watch *watch, bool *done, bool *good)
{
	json_t *status = NULL, *progress = NULL;
	char path[64];
	int rc;

	snprintf(path, sizeof(path), "poll/%lld", watch->run);
	rc = ctl_call(watch->ctl, "GET", path, NULL, &progress, NULL);
	if (rc == CTL_OK)
		rc = ctl_call(watch->ctl, "GET", "status", NULL, &status, NULL);
	if (rc == CTL_OK) {
		bool complete = is_complete(json_object_get(status, "totals"));
		bool finished = json_is_true(json_object_get(progress, "finished"));

		draw(watch, status, progress);
		*done = watch->until_complete ? complete && finished : finished;
		*good = watch->until_complete ? complete : ctl_int(progress, "failed") == 0;
	}
	json_decref(status);
	json_decref(progress);
	return rc;
}

static int
watch_run(struct watch *watch)
{
	bool done = false, good = false;
	int rc;

	ctl_catch_interrupt();
	while ((rc = look(watch, &done, &good)) == CTL_OK && !done && !ctl_interrupted()) {
		if (watch->give_up != 0 && time(NULL) >= watch->give_up)
			break;
		ctl_pause_ms(TICK_MS);
	}
	if (rc != CTL_OK)
		return rc;
	if (!done)
		fprintf(stderr,
		    "uspdctl: not complete yet; the daemon goes on without being watched\n");
	else if (!good)
		fprintf(stderr,
		    "uspdctl: some meters could not be read: uspdctl meter list --sort=-missing\n");
	return done && good ? CTL_OK : CTL_FAILED;
}

/* ---- the order ---- */

static void
add_types(json_t *order, const char *list)
{
	json_t *types = json_array();

	while (list != NULL && *list != '\0') {
		size_t n = strcspn(list, ",");

		json_array_append_new(types, json_stringn(list, n));
		list += n + (list[n] == ',');
	}
	json_object_set_new(order, "types", types);
}

static json_t *
make_order(int argc, char **argv)
{
	json_t *order = json_object(), *ids = json_array();

	json_object_set_new(order, "ids", ids);
	for (int i = 1; i < argc; i++) {
		if (strspn(argv[i], "0123456789") != strlen(argv[i])) {
			json_decref(order);
			return NULL;
		}
		json_array_append_new(ids, json_integer(atoll(argv[i])));
	}
	return order;
}

int
ctl_poll(const struct ctl *ctl, int argc, char **argv)
{
	const char *types = NULL, *from = NULL, *to = NULL, *timeout = NULL;
	struct watch watch = { .ctl = ctl, .redraw = isatty(STDOUT_FILENO) };
	bool watching = ctl_option(&argc, argv, "--watch", NULL);
	bool again = ctl_option(&argc, argv, "--again", NULL);
	json_t *order, *answer;
	int rc;

	watch.until_complete = ctl_option(&argc, argv, "--until-complete", NULL);
	ctl_option(&argc, argv, "--types", &types);
	ctl_option(&argc, argv, "--from", &from);
	ctl_option(&argc, argv, "--to", &to);
	if (ctl_option(&argc, argv, "--timeout", &timeout))
		watch.give_up = time(NULL) + atol(timeout);
	if (!ctl_no_options(argc, argv) || (order = make_order(argc, argv)) == NULL)
		return ctl_usage(USAGE);
	add_types(order, types);
	if (from != NULL)
		json_object_set_new(order, "from", json_string(from));
	if (to != NULL)
		json_object_set_new(order, "to", json_string(to));
	json_object_set_new(order, "again", json_boolean(again));
	if ((rc = ctl_call(ctl, "POST", "poll", order, &answer, NULL)) != CTL_OK)
		return rc;
	watch.run = ctl_int(answer, "run");
	if (ctl->json)
		printf("{\"run\":%lld}\n", watch.run);
	else if (!watching && !watch.until_complete)
		printf("run %lld started\n", watch.run);
	json_decref(answer);
	return watching || watch.until_complete ? watch_run(&watch) : CTL_OK;
}
