#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/ctl_commands.h"
#include "tools/ctl_http.h"
#include "tools/ctl_table.h"

enum { WATCH_MS = 2000 };

static void
print_head(const json_t *status)
{
	const json_t *totals = json_object_get(status, "totals"),
		     *store = json_object_get(status, "store");
	const json_t *memory = json_object_get(status, "memory");
	long long up = ctl_int(status, "uptime");

	printf("device   %s   version %s   up %lld d %02lld:%02lld\n", ctl_text(status, "local"),
	    ctl_text(status, "version"), up / 86400, up / 3600 % 24, up / 60 % 60);
	if (!json_is_true(json_object_get(status, "polling")))
		printf("polling  off: the poller does not run\n");
	printf("meters   %lld: %lld answering, %lld silent, %lld untried, %lld blocked\n",
	    ctl_int(totals, "meters"), ctl_int(totals, "answering"), ctl_int(totals, "silent"),
	    ctl_int(totals, "untried"), ctl_int(totals, "no_driver"));
	printf("archive  %.2f %%: %lld of %lld records wanted are there; %lld brought since start\n",
	    ctl_real(totals, "percent"), ctl_int(totals, "wanted") - ctl_int(totals, "missing"),
	    ctl_int(totals, "wanted"), ctl_int(totals, "records"));
	printf("store    %lld queued, %lld commits, %lld records%s%s\n", ctl_int(store, "queued"),
	    ctl_int(store, "commits"), ctl_int(store, "records"),
	    *ctl_text(store, "trouble") != '\0' ? "   TROUBLE: " : "", ctl_text(store, "trouble"));
	printf("memory   %.1f MiB, at most %.1f MiB\n\n", ctl_real(memory, "rss_kib") / 1024,
	    ctl_real(memory, "peak_kib") / 1024);
}

static void
print_buses(const json_t *buses)
{
	static const char *const columns[] = { "bus", "state", "meters", "silent", "waiting", "use %",
		"exchanges", "answers", "timeouts", "damaged", "now" };
	struct table table;
	const json_t *bus;
	size_t i;

	table_open(&table, sizeof(columns) / sizeof(columns[0]));
	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		table_cell(&table, "%s", columns[i]);
	json_array_foreach(buses, i, bus) {
		table_cell(&table, "%s", ctl_text(bus, "bus"));
		table_cell(&table, "%s", ctl_text(bus, "state"));
		table_cell(&table, "%lld", ctl_int(bus, "meters"));
		table_cell(&table, "%lld", ctl_int(bus, "silent"));
		table_cell(&table, "%lld", ctl_int(bus, "waiting"));
		table_cell(&table, "%.2f", ctl_real(bus, "utilisation"));
		table_cell(&table, "%lld", ctl_int(bus, "exchanges"));
		table_cell(&table, "%lld", ctl_int(bus, "answers"));
		table_cell(&table, "%lld", ctl_int(bus, "timeouts"));
		table_cell(&table, "%lld", ctl_int(bus, "damaged"));
		if (ctl_int(bus, "meter") != 0)
			table_cell(&table, "meter %lld %s", ctl_int(bus, "meter"),
			    ctl_text(bus, "job"));
		else
			table_cell(&table, "%s", "");
	}
	table_print(&table, stdout);
	table_free(&table);
}

static int
show(const struct ctl *ctl, bool redraw)
{
	json_t *status;
	int rc = ctl_call(ctl, "GET", "status", NULL, &status, NULL);

	if (rc != CTL_OK)
		return rc;
	if (redraw)
		printf("\033[H\033[J");
	if (ctl->json) {
		json_dumpf(status, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
		printf("\n");
	} else {
		print_head(status);
		print_buses(json_object_get(status, "buses"));
	}
	fflush(stdout);
	json_decref(status);
	return CTL_OK;
}

int
ctl_status(const struct ctl *ctl, int argc, char **argv)
{
	bool watch = ctl_option(&argc, argv, "--watch", NULL);
	bool redraw = watch && !ctl->json && isatty(STDOUT_FILENO);
	int rc;

	ctl_catch_interrupt();
	while ((rc = show(ctl, redraw)) == CTL_OK && watch && !ctl_interrupted())
		ctl_pause_ms(WATCH_MS);
	return rc;
}
