/* Work on one bus by hand: trace, scan, raw exchange. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl_commands.h"
#include "tools/ctl_http.h"
#include "tools/ctl_table.h"

enum { LOOK_MS = 200, TRACE_MOST_S = 3600, PATH_SIZE = 96, SETTINGS_MOST = 4 };

/* "1" or "Iface1"; 0 and told. */
static int
bus_number(const char *text)
{
	const char *digit = strncmp(text, "Iface", 5) == 0 ? text + 5 : text;

	if (digit[0] >= '1' && digit[0] <= '4' && digit[1] == '\0')
		return digit[0] - '0';
	fprintf(stderr, "uspdctl: %s: a bus is 1 to 4, or Iface1 to Iface4\n", text);
	return 0;
}

/* ---- trace ---- */

struct watch {
	const struct ctl *ctl;
	int bus;
	bool quiet;		/* a file is written: nothing is shown */
	long long shown;	/* number of the last line */
	long long lost;		/* lines that were overwritten before they were seen */
	double last_t;
	json_t *held;		/* the newest line, as it was when it was first seen: it may grow */
};

static void
print_line(struct watch *w, const json_t *line)
{
	const char *hex = ctl_text(line, "hex");
	double t = ctl_real(line, "t");
	time_t seconds = (time_t)t;
	struct tm tm;

	if (w->shown > 0 && ctl_int(line, "n") > w->shown + 1)
		w->lost += ctl_int(line, "n") - w->shown - 1;
	w->shown = ctl_int(line, "n");
	if (w->quiet)
		return;
	if (w->ctl->json) {
		json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(16));
		printf("\n");
		return;
	}
	localtime_r(&seconds, &tm);
	printf("%02d:%02d:%02d.%03d  %9.1f  %s ", tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (int)((t - (double)seconds) * 1000), w->last_t > 0 ? (t - w->last_t) * 1000 : 0.0,
	    ctl_text(line, "dir"));
	for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2)
		printf(" %.2s", hex);
	printf("\n");
	w->last_t = t;
}

/* The newest line is shown when a later look finds it as it was, or another one after it. */
static void
print_lines(struct watch *w, const json_t *answer, bool all)
{
	json_t *lines = json_object_get(answer, "lines"), *line;
	size_t i, n = json_array_size(lines);

	json_array_foreach(lines, i, line)
		if (i + 1 < n || all || json_equal(line, w->held))
			print_line(w, line);
	json_decref(w->held);
	w->held = n > 0 ? json_incref(json_array_get(lines, n - 1)) : NULL;
	fflush(stdout);
}

static int
look(struct watch *w, bool all, bool *open)
{
	char path[PATH_SIZE];
	json_t *answer;
	int rc;

	snprintf(path, sizeof(path), "bus/%d/trace?limit=100000&after=%lld", w->bus, w->shown);
	rc = ctl_call(w->ctl, "GET", path, NULL, &answer, NULL);
	if (rc == CTL_OK)
		print_lines(w, answer, all);
	*open = json_is_true(json_object_get(answer, "open"));
	json_decref(answer);
	return rc;
}

static int
save(const struct ctl *ctl, int bus, const char *file, long long lines)
{
	struct text answer = { 0 };
	char path[PATH_SIZE];
	long status = 0;
	int rc;

	snprintf(path, sizeof(path), "bus/%d/trace.pcapng", bus);
	rc = ctl_request(ctl, "GET", path, NULL, &answer, &status);
	if (rc == CTL_OK && status >= 400) {
		ctl_tell_refusal(&answer, status);
		rc = CTL_FAILED;
	}
	if (rc == CTL_OK)
		rc = ctl_write_file(file, &answer, false);
	if (rc == CTL_OK && strcmp(file, "-") != 0)
		printf("%s: %lld lines, %zu bytes\n", file, lines, answer.len);
	text_free(&answer);
	return rc;
}

static int
watch_bus(struct watch *w, const char *file, int64_t until_ms)
{
	bool open = true;
	int rc = CTL_OK;

	if (!w->quiet && !w->ctl->json)
		printf("time              ms since  way and bytes\n");
	while (rc == CTL_OK && open && !ctl_interrupted() && ctl_now_ms() < until_ms) {
		ctl_pause_ms(LOOK_MS);
		rc = look(w, false, &open);
	}
	if (rc == CTL_OK && w->held != NULL)
		rc = look(w, true, &open);
	if (rc == CTL_OK && file != NULL)
		rc = save(w->ctl, w->bus, file, w->shown);
	if (w->lost > 0)
		fprintf(stderr, "uspdctl: %lld lines came faster than they could be shown\n", w->lost);
	json_decref(w->held);
	return rc;
}

int
ctl_trace(const struct ctl *ctl, int argc, char **argv)
{
	struct watch w = { .ctl = ctl };
	const char *file = NULL;
	long long seconds = TRACE_MOST_S;
	char path[PATH_SIZE];
	json_t *answer;
	int rc, ended;

	ctl_option(&argc, argv, "--out", &file);
	if (!ctl_option_number(&argc, argv, "--seconds", 1, TRACE_MOST_S, &seconds) ||
	    (w.bus = bus_number(argv[1])) == 0)
		return CTL_USAGE;
	w.quiet = file != NULL;
	ctl_catch_interrupt();
	snprintf(path, sizeof(path), "bus/%d/trace", w.bus);
	/* A little longer than we look: the end is ours. */
	rc = ctl_call(ctl, "POST", path,
	    json_pack("{s:I}", "seconds",
		(json_int_t)(seconds + 10 < TRACE_MOST_S ? seconds + 10 : TRACE_MOST_S)),
	    &answer, NULL);
	json_decref(answer);
	if (rc != CTL_OK)
		return rc;
	rc = watch_bus(&w, file, ctl_now_ms() + seconds * 1000);
	ended = ctl_call(ctl, "DELETE", path, NULL, &answer, NULL);
	json_decref(answer);
	return rc != CTL_OK ? rc : ended;
}

/* ---- scan ---- */

/* "9600,8n1,19200" is "9600,8n1" and "19200,8n1"; NULL: too many, or no speed at the front. */
static json_t *
settings_list(const char *text)
{
	json_t *list = json_array();
	char one[32] = "";
	bool good = true;

	while (*text != '\0' && good) {
		size_t len = strcspn(text, ",");
		bool speed = strspn(text, "0123456789") >= len;

		if (speed && *one != '\0') {
			strncat(one, ",8n1", sizeof(one) - strlen(one) - 1);
			json_array_append_new(list, json_string(one));
		}
		good = len > 0 && len < 12 && (speed || *one != '\0');
		if (speed && good) {
			snprintf(one, sizeof(one), "%.*s", (int)len, text);
		} else if (good) {
			snprintf(one + strlen(one), sizeof(one) - strlen(one), ",%.*s", (int)len, text);
			json_array_append_new(list, json_string(one));
			*one = '\0';
		}
		text += len + (text[len] == ',');
	}
	if (*one != '\0' && good) {
		strncat(one, ",8n1", sizeof(one) - strlen(one) - 1);
		json_array_append_new(list, json_string(one));
	}
	if (good && json_array_size(list) <= SETTINGS_MOST)
		return list;
	json_decref(list);
	return NULL;
}

/* "1-240" or one address. */
static bool
address_range(const char *text, long long *from, long long *to)
{
	const char *dash = strchr(text, '-');
	char first[24];

	snprintf(first, sizeof(first), "%.*s", dash != NULL ? (int)(dash - text) : 23, text);
	if (!ctl_number(first, 0, UINT32_MAX, from))
		return false;
	*to = *from;
	return dash == NULL || (ctl_number(dash + 1, 0, UINT32_MAX, to) && *from <= *to);
}

static void
print_found(const json_t *answer, size_t *shown)
{
	const json_t *list = json_object_get(answer, "found");

	for (; *shown < json_array_size(list); ++*shown) {
		const json_t *one = json_array_get(list, *shown);

		printf("%s%10lld  %-12s  %-20s %s\n", isatty(STDOUT_FILENO) ? "\r\033[K" : "",
		    ctl_int(one, "addr"), ctl_text(one, "settings"), ctl_text(one, "serial"),
		    ctl_text(one, "model"));
	}
	if (isatty(STDOUT_FILENO))
		printf("\r\033[K%lld of %lld tried, %zu found", ctl_int(answer, "tried"),
		    ctl_int(answer, "total"), *shown);
	fflush(stdout);
}

/* Until the scan has ended; an interrupt stops it.  *answer is the last one. */
static int
watch_scan(const struct ctl *ctl, const char *path, json_t **answer)
{
	bool running = true, stopped = false;
	size_t shown = 0;
	int rc = CTL_OK;

	*answer = NULL;
	if (!ctl->json)
		printf("%10s  %-12s  %-20s %s\n", "address", "settings", "serial", "model");
	while (rc == CTL_OK && running) {
		ctl_pause_ms(LOOK_MS);
		if (ctl_interrupted() && !stopped) {
			rc = ctl_call(ctl, "DELETE", path, NULL, answer, NULL);
			json_decref(*answer);
			stopped = true;
		}
		if (rc == CTL_OK)
			rc = ctl_call(ctl, "GET", path, NULL, answer, NULL);
		if (rc != CTL_OK)
			break;
		running = strcmp(ctl_text(*answer, "state"), "running") == 0;
		if (!ctl->json)
			print_found(*answer, &shown);
		if (running)
			json_decref(*answer);
	}
	return rc;
}

static int
report_scan(const struct ctl *ctl, const json_t *answer)
{
	bool done = strcmp(ctl_text(answer, "state"), "done") == 0;

	if (ctl->json)
		ctl_print_json(answer);
	else
		printf("%s%s: %lld of %lld tried, %zu found\n", isatty(STDOUT_FILENO) ? "\r\033[K" : "",
		    ctl_text(answer, "state"), ctl_int(answer, "tried"), ctl_int(answer, "total"),
		    json_array_size(json_object_get(answer, "found")));
	if (*ctl_text(answer, "error") != '\0')
		fprintf(stderr, "uspdctl: %s\n", ctl_text(answer, "error"));
	return done ? CTL_OK : CTL_FAILED;
}

int
ctl_scan(const struct ctl *ctl, int argc, char **argv)
{
	const char *lines = NULL, *password = NULL;
	json_t *order, *answer, *settings = NULL;
	long long from, to;
	char path[PATH_SIZE];
	int rc, bus;

	ctl_option(&argc, argv, "--settings", &lines);
	ctl_option(&argc, argv, "--password", &password);
	if ((bus = bus_number(argv[1])) == 0)
		return CTL_USAGE;
	if (!address_range(argv[3], &from, &to))
		return ctl_misuse(ctl, "%s: addresses are FROM-TO, as 1-240", argv[3]);
	if (lines != NULL && (settings = settings_list(lines)) == NULL)
		return ctl_misuse(ctl, "--settings %s: at most four, as 9600,8n1,2400,7e1", lines);
	order = json_pack("{s:s, s:I, s:I}", "type", argv[2], "from", (json_int_t)from, "to",
	    (json_int_t)to);
	if (settings != NULL)
		json_object_set_new(order, "settings", settings);
	if (password != NULL)
		json_object_set_new(order, "password", json_string(password));
	ctl_catch_interrupt();
	snprintf(path, sizeof(path), "bus/%d/scan", bus);
	rc = ctl_call(ctl, "POST", path, order, &answer, NULL);
	json_decref(answer);
	if (rc != CTL_OK || (rc = watch_scan(ctl, path, &answer)) != CTL_OK)
		return rc;
	rc = report_scan(ctl, answer);
	json_decref(answer);
	return rc;
}

/* ---- raw ---- */

static void
print_hex(const char *way, const char *hex)
{
	printf("%s ", way);
	for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2)
		printf(" %.2s", hex);
	printf("\n");
}

int
ctl_raw(const struct ctl *ctl, int argc, char **argv)
{
	static const char *const names[] = { "settings", "checksum" };
	static const char *const numbers[][2] = { { "--answer", "answer_ms" },
		{ "--silence", "silence_ms" } };
	json_t *order = json_object(), *answer = NULL;
	struct text hex = { 0 };
	const char *value;
	char name[24], path[PATH_SIZE];
	bool good = true;
	int rc, bus;

	for (size_t i = 0; i < 2; i++) {
		long long number = -1;

		snprintf(name, sizeof(name), "--%s", names[i]);
		if (ctl_option(&argc, argv, name, &value))
			json_object_set_new(order, names[i], json_string(value));
		good = ctl_option_number(&argc, argv, numbers[i][0], 1, 60000, &number) && good;
		if (number > 0)
			json_object_set_new(order, numbers[i][1], json_integer(number));
	}
	for (int i = 2; i < argc; i++)
		text_str(&hex, argv[i]);
	json_object_set_new(order, "hex", json_string(hex.len > 0 ? hex.p : ""));
	text_free(&hex);
	if (!good || argc < 3 || (bus = bus_number(argv[1])) == 0) {
		json_decref(order);
		return CTL_USAGE;
	}
	snprintf(path, sizeof(path), "bus/%d/raw", bus);
	if ((rc = ctl_call(ctl, "POST", path, order, &answer, NULL)) != CTL_OK)
		return rc;
	if (ctl->json) {
		ctl_print_json(answer);
	} else {
		print_hex("tx", ctl_text(answer, "tx"));
		print_hex("rx", ctl_text(answer, "rx"));
		printf("%.1f ms\n", (double)ctl_int(answer, "us") / 1000);
	}
	if (*ctl_text(answer, "error") != '\0') {
		fprintf(stderr, "uspdctl: %s\n", ctl_text(answer, "error"));
		rc = CTL_FAILED;
	}
	json_decref(answer);
	return rc;
}
