#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_commands.h"
#include "tools/ctl_http.h"
#include "tools/ctl_progress.h"

enum { TICK_MS = 1000, AWAY_LOOKS = 5 };

struct watch {
	const struct ctl *ctl;
	long long run;
	bool until_complete;
	int64_t give_up_ms;		/* 0 never */
	unsigned looks, complete;	/* looks; of them complete ones in a row */
	long long rows;			/* of the meter table */
	struct progress_fill away;	/* of meters that nobody waits for */
	struct progress progress;
};

/* ---- watching ---- */

/* Meters that do not answer, or must not be asked, are not waited for: a dead one would keep the
 * archive from ever being full. */
static int
look_away(struct watch *watch)
{
	static const char *const states[] = { "silent", "password", "hold", "blocked" };
	struct progress_fill away = { 0 };
	int rc = CTL_OK;

	for (size_t s = 0; s < sizeof(states) / sizeof(states[0]) && rc == CTL_OK; s++) {
		const json_t *row;
		json_t *answer;
		char path[48];
		size_t i;

		snprintf(path, sizeof(path), "meters?limit=0&state=%s", states[s]);
		rc = ctl_call(watch->ctl, "GET", path, NULL, &answer, NULL);
		json_array_foreach(json_object_get(answer, "rows"), i, row) {
			bool identified = *ctl_text(row, "serial") != '\0';

			away.wanted += identified ? ctl_int(row, "wanted") : 0;
			away.missing += identified ? ctl_int(row, "missing") : 0;
			/* A silent or blocked one has its own count in the totals. */
			away.untried += !identified && (s == 1 || s == 2);
		}
		json_decref(answer);
	}
	if (rc == CTL_OK)
		watch->away = away;
	return rc;
}

static long long
less(long long all, long long part)
{
	return all > part ? all - part : 0;
}

static int
count_rows(struct watch *watch)
{
	json_t *answer;
	int rc = ctl_call(watch->ctl, "GET", "meters?limit=1", NULL, &answer, NULL);

	watch->rows = ctl_int(answer, "total");
	json_decref(answer);
	return rc;
}

/* The archive holds all that the meters which answer can give, on the disk.  Two looks in a row
 * must say so: meters are counted a moment after their visit. */
static bool
is_complete(struct watch *watch, const struct progress_fill *fill, const json_t *status)
{
	const json_t *totals = json_object_get(status, "totals");
	bool now = fill->missing == 0 && fill->untried == 0 &&
	    ctl_int(totals, "meters") >= watch->rows &&
	    ctl_int(json_object_get(status, "store"), "queued") == 0;

	watch->complete = now ? watch->complete + 1 : 0;
	return watch->complete >= 2;
}

static int
ask(struct watch *watch, json_t **run, json_t **status)
{
	char path[64];
	int rc = CTL_OK;

	snprintf(path, sizeof(path), "poll/%lld", watch->run);
	if (watch->looks == 0)
		rc = count_rows(watch);
	if (rc == CTL_OK && watch->looks++ % AWAY_LOOKS == 0)
		rc = look_away(watch);
	if (rc == CTL_OK)
		rc = ctl_call(watch->ctl, "GET", path, NULL, run, NULL);
	if (rc == CTL_OK)
		rc = ctl_call(watch->ctl, "GET", "status", NULL, status, NULL);
	return rc;
}

/* One look; *done when there is nothing left to watch. */
static int
look(struct watch *watch, bool *done, bool *good)
{
	json_t *status = NULL, *run = NULL;
	int rc = ask(watch, &run, &status);

	if (rc == CTL_OK) {
		const json_t *totals = json_object_get(status, "totals");
		struct progress_fill fill = {
			.wanted = less(ctl_int(totals, "wanted"), watch->away.wanted),
			.missing = less(ctl_int(totals, "missing"), watch->away.missing),
			.untried = less(ctl_int(totals, "untried"), watch->away.untried),
		};
		bool complete = is_complete(watch, &fill, status);

		*done = json_is_true(json_object_get(run, "finished")) &&
		    (complete || !watch->until_complete);
		*good = watch->until_complete || ctl_int(run, "failed") == 0;
		progress_draw(&watch->progress, &fill, status, run, *done);
	}
	json_decref(status);
	json_decref(run);
	return rc;
}

static int
watch_run(struct watch *watch)
{
	bool done = false, good = false;
	int rc;

	ctl_catch_interrupt();
	progress_open(&watch->progress);
	while ((rc = look(watch, &done, &good)) == CTL_OK && !done && !ctl_interrupted()) {
		if (watch->give_up_ms != 0 && ctl_now_ms() >= watch->give_up_ms)
			break;
		ctl_pause_ms(TICK_MS);
	}
	if (rc != CTL_OK)
		return rc;
	if (!done && !ctl_interrupted())
		fprintf(stderr,
		    "uspdctl: not complete yet; the daemon goes on without being watched\n");
	else if (done && !good)
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
		long long id;

		if (!ctl_number(argv[i], 1, UINT32_MAX, &id)) {
			json_decref(order);
			return NULL;
		}
		json_array_append_new(ids, json_integer(id));
	}
	return order;
}

int
ctl_poll(const struct ctl *ctl, int argc, char **argv)
{
	const char *types = NULL, *from = NULL, *to = NULL;
	long long timeout = 0;
	struct watch watch = { .ctl = ctl };
	bool watching = ctl_option(&argc, argv, "--watch", NULL);
	bool again = ctl_option(&argc, argv, "--again", NULL);
	json_t *order, *answer;
	int rc;

	watch.until_complete = ctl_option(&argc, argv, "--until-complete", NULL);
	ctl_option(&argc, argv, "--types", &types);
	ctl_option(&argc, argv, "--from", &from);
	ctl_option(&argc, argv, "--to", &to);
	if (!ctl_option_number(&argc, argv, "--timeout", 1, 10000000, &timeout))
		return CTL_USAGE;
	if (timeout > 0)
		watch.give_up_ms = ctl_now_ms() + timeout * 1000;
	if ((order = make_order(argc, argv)) == NULL)
		return ctl_misuse(ctl, "meters are named by their ids");
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
