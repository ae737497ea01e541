/* Fills an archive to the full depth of Table 7 and measures it against the budgets of design.md.
 *
 *	bench_store DIR [METERS]	10 000 by default; DIR must not exist yet or be such an archive
 *
 * An archive that is there already is only measured. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/store/store.h"

enum { DAYS = 184, MONTHS = 40, SLICES = 2160, SLOTS = 48, JOURNALS = 20, EVENTS = 3 };
enum { QUESTIONS = 1000, BATCH = 1000 };
enum { DAY_S = 86400, SLICE_S = 1800 };
#define FIRST_DAY INT64_C(1718398800)	/* 2024-06-15 00:00 +03:00 */
#define LAST_DAY (FIRST_DAY + (DAYS - 1) * (int64_t)DAY_S)

static double
now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint32_t
noise(uint32_t a, uint32_t b)
{
	uint32_t h = a * 2654435761u ^ b * 2246822519u;

	h ^= h >> 15;
	h *= 3266489917u;
	return h ^ h >> 13;
}

static uint64_t
written_bytes(void)
{
	FILE *io = fopen("/proc/self/io", "r");
	uint64_t bytes = 0;
	char line[128];

	while (io != NULL && fgets(line, sizeof(line), io) != NULL)
		if (sscanf(line, "write_bytes: %" SCNu64, &bytes) == 1)
			break;
	if (io != NULL)
		fclose(io);
	return bytes;
}

static long
resident_kib(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	char line[128];
	long kib = 0;

	while (status != NULL && fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kib) == 1)
			break;
	if (status != NULL)
		fclose(status);
	return kib;
}

static void
die(const char *what, int rc)
{
	fprintf(stderr, "bench_store: %s: %s\n", what, uspd_strerror(rc));
	exit(EXIT_FAILURE);
}

static void
check(const char *what, int rc)
{
	if (rc < 0)
		die(what, rc);
}

/* Readings of two directions and four tariffs in whole Wh, growing by a few kWh a day. */
static struct record
reading(enum record_type type, unsigned dev, int64_t ts)
{
	struct record r = { .type = type, .valid = true, .ts = ts };
	int64_t days = (ts - FIRST_DAY) / DAY_S + 2000;

	for (unsigned slot = 0; slot < 20; slot++)
		record_set(&r, slot,
		    slot % 4 == 1 || slot % 4 == 3 ?
			0 :
			(days * (5000 + dev % 7000) + noise(dev, slot) % 5000) * 1000);
	return r;
}

static uint64_t
put_all(struct store *s, unsigned dev, const struct record *r, size_t n)
{
	check("store_put", store_put(s, (uint16_t)dev, r, n));
	return n;
}

/* The table and the serial numbers head-ends ask by: device n is meter n, number 70000000 + n. */
static uint64_t
fill_meters(struct store *s, unsigned meters)
{
	static struct meter_change changes[BATCH];
	static struct meter_config config;
	char why[256];
	size_t failed, n = 0;

	for (unsigned dev = 1; dev <= meters; dev++) {
		struct meter_change *change = &changes[n++];

		*change = (struct meter_change){ .row = { .id = dev, .type = 3, .iface = IFACE_1 } };
		snprintf(change->row.address, sizeof(change->row.address), "%u", dev);
		if (n == BATCH || dev == meters) {
			check("store_meters_change",
			    store_meters_change(s, changes, n, &failed, why, sizeof(why)));
			n = 0;
		}
	}
	for (unsigned dev = 1; dev <= meters; dev++) {
		struct record r = { .type = REC_EL_CONFIG, .valid = true, .ts = FIRST_DAY,
			.config = &config };

		snprintf(config.serial, sizeof(config.serial), "%u", 70000000 + dev);
		put_all(s, dev, &r, 1);
	}
	return meters;
}

static uint64_t
fill_days(struct store *s, unsigned meters)
{
	uint64_t n = 0;

	for (int64_t ts = FIRST_DAY; ts <= LAST_DAY; ts += DAY_S)
		for (unsigned dev = 1; dev <= meters; dev++) {
			struct record r = reading(REC_EL_DAY, dev, ts);

			n += put_all(s, dev, &r, 1);
		}
	return n;
}

static uint64_t
fill_months(struct store *s, unsigned meters)
{
	struct zone zone = store_zone(s);
	int64_t last = month_start(zone, LAST_DAY);
	uint64_t n = 0;

	for (int i = MONTHS - 1; i >= 0; i--)
		for (unsigned dev = 1; dev <= meters; dev++) {
			struct record r = reading(REC_EL_MONTH, dev, month_add(zone, last, -i));

			n += put_all(s, dev, &r, 1);
		}
	return n;
}

static uint64_t
fill_profile(struct store *s, unsigned meters)
{
	uint64_t n = 0;

	for (int day = SLICES / SLOTS; day > 0; day--)
		for (unsigned dev = 1; dev <= meters; dev++) {
			struct record r[SLOTS] = { { 0 } };

			for (int i = 0; i < SLOTS; i++) {
				uint32_t x = noise(dev, (uint32_t)(day * SLOTS + i));

				r[i].type = REC_EL_PROFILE;
				r[i].valid = true;
				r[i].period_min = 30;
				r[i].flags = PROFILE_MEASURED;
				r[i].ts = LAST_DAY - (int64_t)day * DAY_S + (i + 1) * SLICE_S;
				record_set(&r[i], P_PLUS, (int64_t)(x % 3000) * 1000);
				record_set(&r[i], P_MINUS, 0);
				record_set(&r[i], Q_PLUS, (int64_t)(x >> 16) % 800 * 1000);
				record_set(&r[i], Q_MINUS, 0);
			}
			n += put_all(s, dev, r, SLOTS);
		}
	return n;
}

static uint64_t
fill_journals(struct store *s, unsigned meters)
{
	uint64_t n = 0;

	for (unsigned dev = 1; dev <= meters; dev++)
		for (int journal = 0; journal < JOURNALS; journal++) {
			struct record r[EVENTS] = { { 0 } };

			for (int i = 0; i < EVENTS; i++) {
				r[i].type = REC_EL_JOURNAL;
				r[i].journal = journal_codes[journal];
				r[i].valid = true;
				r[i].ts = FIRST_DAY +
				    noise(dev, (uint32_t)(journal * EVENTS + i)) % (DAYS * DAY_S);
				record_set(&r[i], J_EVENT, i % 2);
				record_set(&r[i], J_EVENT_ID, i);
			}
			n += put_all(s, dev, r, EVENTS);
		}
	return n;
}

static double
folder_mb(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	struct stat st;
	char path[512];
	double mb = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			mb += (double)st.st_size / 1e6;
	}
	if (d != NULL)
		closedir(d);
	return mb;
}

static void
fill(const char *dir, unsigned meters)
{
	static const struct {
		const char *name;
		uint64_t (*fill)(struct store *, unsigned);
	} parts[] = {
		{ "meters", fill_meters },
		{ "start of day", fill_days }, { "start of month", fill_months },
		{ "profile", fill_profile }, { "journals", fill_journals },
	};
	char why[256] = "";
	struct store *s;

	if (store_open(&s, dir, why, sizeof(why)) < 0)
		die(why, E_IO);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		uint64_t before = written_bytes(), n;
		double start = now_s(), seconds;

		n = parts[i].fill(s, meters);
		check("store_sync", store_sync(s));
		seconds = now_s() - start;
		printf("fill %-15s records=%" PRIu64 " seconds=%.1f records_per_s=%.0f"
		       " written_mb=%.0f folder_mb=%.0f\n",
		    parts[i].name, n, seconds, (double)n / seconds,
		    (double)(written_bytes() - before) / 1e6, folder_mb(dir));
		fflush(stdout);
	}
	store_close(s);
}

struct seen { uint64_t n; double start, first; };

static int
look(void *arg, uint16_t dev, const struct record *r)
{
	struct seen *seen = arg;

	(void)dev;
	(void)r;
	if (seen->n++ == 0)
		seen->first = now_s() - seen->start;
	return E_OK;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
ask_one(struct store *s, const char *name, enum record_type type, int64_t from, int64_t to,
    unsigned meters)
{
	const struct store_range range = { .type = type, .from = from, .to = to };
	static double times[QUESTIONS];
	uint64_t records = 0;

	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct seen seen = { .start = now_s() };

		check("store_read",
		    store_read(s, (uint16_t)(noise(i, 77) % meters + 1), &range, look, &seen));
		times[i] = (now_s() - seen.start) * 1000;
		records += seen.n;
	}
	qsort(times, QUESTIONS, sizeof(times[0]), by_value);
	printf("one meter, %-22s records=%.1f p50_ms=%.3f p99_ms=%.3f\n", name,
	    (double)records / QUESTIONS, times[QUESTIONS / 2], times[QUESTIONS * 99 / 100]);
}

static void
ask_all(struct store *s, const char *name, enum record_type type, int64_t from, int64_t to)
{
	const struct store_range range = { .type = type, .from = from, .to = to };
	struct seen seen = { .start = now_s() };

	check("store_read_all", store_read_all(s, &range, look, &seen));
	printf("all meters, %-21s records=%" PRIu64 " first_ms=%.2f whole_ms=%.1f\n", name, seen.n,
	    seen.first * 1000, (now_s() - seen.start) * 1000);
}

static void
measure(const char *dir, unsigned meters)
{
	const struct store_range range = { .type = REC_EL_DAY, .from = LAST_DAY, .to = LAST_DAY };
	struct seen seen = { .start = now_s() };
	char why[256] = "";
	struct store *s;

	if (store_open(&s, dir, why, sizeof(why)) < 0)
		die(why, E_IO);
	check("store_read", store_read(s, 1, &range, look, &seen));
	printf("reopen to first answer ms=%.1f resident_mib=%.1f\n", (now_s() - seen.start) * 1000,
	    (double)resident_kib() / 1024);
	ask_one(s, "48 half-hours", REC_EL_PROFILE, LAST_DAY - DAY_S + 1, LAST_DAY, meters);
	ask_one(s, "30 days", REC_EL_DAY, LAST_DAY - 29 * DAY_S, LAST_DAY, meters);
	ask_one(s, "30 days of consumption", REC_EL_DAY_CONS, LAST_DAY - 30 * DAY_S, LAST_DAY, meters);
	ask_one(s, "all journals", REC_EL_JOURNAL, 0, INT64_MAX, meters);
	ask_all(s, "start of yesterday", REC_EL_DAY, LAST_DAY - DAY_S, LAST_DAY - DAY_S);
	ask_all(s, "consumption yesterday", REC_EL_DAY_CONS, LAST_DAY - DAY_S, LAST_DAY - DAY_S);
	ask_all(s, "profile of yesterday", REC_EL_PROFILE, LAST_DAY - DAY_S + 1, LAST_DAY);
	printf("folder_mb=%.0f resident_mib=%.1f\n", folder_mb(dir), (double)resident_kib() / 1024);
	store_close(s);
}

int
main(int argc, char **argv)
{
	unsigned meters = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10000;
	char path[512];

	if (argc < 2 || meters < 1 || meters > 60000) {
		fprintf(stderr, "usage: bench_store DIR [METERS]\n");
		return EXIT_FAILURE;
	}
	log_setup(LOG_LEVEL_WARN, NULL);
	snprintf(path, sizeof(path), "%s/archive.db", argv[1]);
	if (access(path, F_OK) < 0)
		fill(argv[1], meters);
	measure(argv[1], meters);
	return EXIT_SUCCESS;
}
