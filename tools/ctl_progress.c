#include "tools/ctl_progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tools/ctl.h"

enum {
	BAR = 30,
	LINE_MOST = 200,
	HEAD_LINES = 5,			/* of the picture, around the buses */
	PLAIN_MS = 5000,		/* between lines where nothing can be redrawn */
	RATE_LEAST_MS = 8000,		/* a time to go is told from so much experience */
};

void
progress_open(struct progress *p)
{
	*p = (struct progress){ .redraw = isatty(STDOUT_FILENO), .began_ms = ctl_now_ms() };
}

/* ---- how far, how long ---- */

/* Meters not tried yet are taken to want as much as the others do. */
static long long
expected(const struct progress_fill *fill, const json_t *totals)
{
	long long known = ctl_int(totals, "answering");

	return known > 0 ? fill->wanted + fill->wanted / known * fill->untried : fill->wanted;
}

/* Tenths of a percent; 1000 only when nothing is missing. */
static int
share(const struct progress_fill *fill, const json_t *totals)
{
	long long all = expected(fill, totals), left = all - (fill->wanted - fill->missing);

	if (all == 0)
		return fill->untried > 0 ? 0 : 1000;
	if (left <= 0)
		return 1000;
	return (int)((all - left) * 1000 / all < 999 ? (all - left) * 1000 / all : 999);
}

/* The window holds the last half minute of looks, the oldest first. */
static void
take_sample(struct progress *p, int64_t now_ms, long long have)
{
	if (p->n_samples == PROGRESS_SAMPLES)
		memmove(p->samples, p->samples + 1, --p->n_samples * sizeof(p->samples[0]));
	p->samples[p->n_samples].ms = now_ms;
	p->samples[p->n_samples++].have = have;
}

/* Seconds to go, or -1 while there is nothing to tell it from: journals and identities move no grid
 * points, so both halves of the window must have gone about equally fast. */
static long long
seconds_left(const struct progress *p, long long left)
{
	unsigned last = p->n_samples - 1, half = last / 2;
	int64_t took_ms = p->samples[last].ms - p->samples[0].ms;
	int64_t older_ms = p->samples[half].ms - p->samples[0].ms, newer_ms = took_ms - older_ms;
	long long got = p->samples[last].have - p->samples[0].have;
	long long older = p->samples[half].have - p->samples[0].have, newer = got - older;

	if (left <= 0)
		return 0;
	if (took_ms < RATE_LEAST_MS || older <= 0 || newer <= 0 ||
	    older * newer_ms > 3 * newer * older_ms || newer * older_ms > 3 * older * newer_ms)
		return -1;
	return left * took_ms / got / 1000 + 1;
}

static const char *
print_span(char *buf, size_t size, long long s)
{
	if (s < 0)
		snprintf(buf, size, "-:--");
	else if (s < 3600)
		snprintf(buf, size, "%lld:%02lld", s / 60, s % 60);
	else
		snprintf(buf, size, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
	return buf;
}

/* ---- a terminal ---- */

struct screen { unsigned width, height, lines; };

static struct screen
measure_screen(void)
{
	struct winsize size = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0)
		return (struct screen){ 80, 24, 0 };
	return (struct screen){ size.ws_col, size.ws_row, 0 };
}

/* A line that wrapped would spoil the next picture, so it is cut. */
static void __attribute__((format(printf, 2, 3)))
put(struct screen *screen, const char *fmt, ...)
{
	char line[LINE_MOST];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	printf("\r\033[K%.*s\n", (int)screen->width - 1, line);
	screen->lines++;
}

static void
put_bus(struct screen *screen, const json_t *bus)
{
	char now[64] = "";

	if (ctl_int(bus, "meter") != 0)
		snprintf(now, sizeof(now), "meter %lld  %s", ctl_int(bus, "meter"),
		    ctl_text(bus, "job"));
	else
		snprintf(now, sizeof(now), "%s", ctl_text(bus, "state"));
	put(screen, "  %-21.21s %6lld %6lld %7.1f %% %9lld %8lld  %s", ctl_text(bus, "bus"),
	    ctl_int(bus, "meters"), ctl_int(bus, "silent"), ctl_real(bus, "utilisation"),
	    ctl_int(bus, "answers"), ctl_int(bus, "timeouts"), now);
}

static void
put_buses(struct screen *screen, const json_t *buses)
{
	size_t room = screen->height > HEAD_LINES + 2 ? screen->height - HEAD_LINES - 2 : 1, i;
	const json_t *bus;

	put(screen, "  %-21s %6s %6s %9s %9s %8s  %s", "bus", "meters", "silent", "line use", "answers",
	    "no reply", "now");
	json_array_foreach(buses, i, bus)
		if (i < room)
			put_bus(screen, bus);
	if (json_array_size(buses) > room)
		put(screen, "  and %zu more", json_array_size(buses) - room);
}

static void
draw_picture(struct progress *p, const struct progress_fill *fill, const json_t *status,
    const json_t *run, int tenths, long long left_s)
{
	const json_t *totals = json_object_get(status, "totals");
	struct screen screen = measure_screen();
	char bar[BAR + 1], gone[24], left[24];

	for (int i = 0; i < BAR; i++)
		bar[i] = i < tenths * BAR / 1000 ? '#' : '.';
	bar[BAR] = '\0';
	print_span(gone, sizeof(gone), (ctl_now_ms() - p->began_ms) / 1000);
	print_span(left, sizeof(left), left_s);
	if (p->drawn > 0)
		printf("\033[%uA", p->drawn);
	put(&screen, "  [%s] %3d.%d %%   %s gone, %s to go", bar, tenths / 10, tenths % 10, gone, left);
	put(&screen, "  %lld of %lld readings wanted are stored; %lld records in all, with journals",
	    fill->wanted - fill->missing, expected(fill, totals), ctl_int(totals, "records"));
	put(&screen,
	    "  %lld meters: %lld answer, %lld silent, %lld not tried yet; visited %lld of %lld",
	    ctl_int(totals, "meters"), ctl_int(totals, "answering"), ctl_int(totals, "silent"),
	    ctl_int(totals, "untried"), ctl_int(run, "done"), ctl_int(run, "total"));
	put(&screen, "%s", "");
	put_buses(&screen, json_object_get(status, "buses"));
	/* What was lower before is wiped. */
	printf("\033[J");
	p->drawn = screen.lines;
}

/* ---- a file or a pipe ---- */

enum { PLAIN_BUSES = 4 };

static void
draw_line(const struct progress_fill *fill, const json_t *status, int tenths, long long left_s)
{
	const json_t *totals = json_object_get(status, "totals"), *bus;
	const json_t *buses = json_object_get(status, "buses");
	char left[24];
	size_t i;

	printf("%3d.%d %%  %lld of %lld readings, %lld records in all  %s to go  "
	       "meters: %lld answer, %lld silent, %lld not tried yet  line use",
	    tenths / 10, tenths % 10, fill->wanted - fill->missing, expected(fill, totals),
	    ctl_int(totals, "records"), print_span(left, sizeof(left), left_s),
	    ctl_int(totals, "answering"), ctl_int(totals, "silent"), ctl_int(totals, "untried"));
	json_array_foreach(buses, i, bus)
		if (i < PLAIN_BUSES)
			printf(" %.1f", ctl_real(bus, "utilisation"));
	printf(" %%\n");
}

void
progress_draw(struct progress *p, const struct progress_fill *fill, const json_t *status,
    const json_t *run, bool last)
{
	const json_t *totals = json_object_get(status, "totals");
	long long have = fill->wanted - fill->missing, left_s;
	int64_t now_ms = ctl_now_ms();
	int tenths = share(fill, totals);

	take_sample(p, now_ms, have);
	left_s = fill->wanted == 0 && fill->untried > 0 ?
	    -1 :
	    seconds_left(p, expected(fill, totals) - have);
	if (p->redraw) {
		draw_picture(p, fill, status, run, tenths, left_s);
	} else if (last || p->told_ms == 0 || now_ms - p->told_ms >= PLAIN_MS) {
		draw_line(fill, status, tenths, left_s);
		p->told_ms = now_ms;
	}
	fflush(stdout);
}
