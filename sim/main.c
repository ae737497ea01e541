/* uspd-sim: a street of simulated meters (docs/simulator.md). */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sim/engine.h"
#include "sim/evaluate.h"
#include "src/base/clock.h"
#include "src/base/log.h"

struct arguments {
	struct sim_options options;
	const char *street, *links, *log, *csv, *trace;
	bool table;
	int ready_fd;
	int64_t at;
};

static int
usage(FILE *to, int code)
{
	fputs(
	    "usage: uspd-sim --street FILE [--links DIR] [--ready-fd N] [--log FILE] [--trace FILE] "
	    "[--seed N]\n"
	    "                [--at UTC_SECONDS] [--unpaced] [--quick-history] [--meters-csv[=FILE]]\n"
	    "       uspd-sim --evaluate SERIAL KIND FROM TO [OFF_FROM OFF_TO]...\n"
	    "  --meters-csv        print the meter table and end; =FILE writes it and goes on\n"
	    "  --evaluate          values of the consumption model; KIND is A+0 .. R-4 or A+profile\n",
	    to);
	return code;
}

/* SERIAL KIND FROM TO and pairs of supply failures, times in local seconds. */
static int
evaluate(int argc, char **argv)
{
	struct sim_load load = { .n_outages = 0 };

	if (argc < 4 || argc % 2 != 0)
		return usage(stderr, 2);
	load.serial = strtoull(argv[0], NULL, 10);
	for (int i = 4; i < argc; i += 2)
		if (!sim_add_outage(&load, strtoll(argv[i], NULL, 10), strtoll(argv[i + 1], NULL, 10)))
			return usage(stderr, 2);
	if (!sim_evaluate(&load, argv[1], strtoll(argv[2], NULL, 10), strtoll(argv[3], NULL, 10),
		stdout))
		return usage(stderr, 2);
	return 0;
}

static bool
parse(int argc, char **argv, struct arguments *a)
{
	static const struct option long_options[] = {
		{ "street", required_argument, NULL, 's' }, { "links", required_argument, NULL, 'l' },
		{ "ready-fd", required_argument, NULL, 'r' }, { "seed", required_argument, NULL, 'S' },
		{ "log", required_argument, NULL, 'o' }, { "trace", required_argument, NULL, 't' },
		 { "at", required_argument, NULL, 'a' },
		{ "unpaced", no_argument, NULL, 'u' }, { "quick-history", no_argument, NULL, 'q' },
		{ "meters-csv", optional_argument, NULL, 'm' }, { NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 's': a->street = optarg; break;
		case 'l': a->links = optarg; break;
		case 'r': a->ready_fd = atoi(optarg); break;
		case 'S':
			a->options.seed = strtoull(optarg, NULL, 10);
			a->options.seed_given = true;
			break;
		case 'o': a->log = optarg; break;
		case 't': a->trace = optarg; break;
		case 'a': a->at = strtoll(optarg, NULL, 10); break;
		case 'u': a->options.unpaced = true; break;
		case 'q': a->options.quick_history = true; break;
		case 'm': a->table = optarg == NULL; a->csv = optarg; break;
		default: return false;
		}
	}
	return optind == argc && a->street != NULL;
}

static int
write_table(const struct sim_street *street, const char *path)
{
	FILE *to = fopen(path, "w");

	if (to == NULL)
		return E_IO;
	sim_street_csv(street, to);
	return fclose(to) == 0 ? E_OK : E_IO;
}

static int
run(const struct arguments *a, struct sim_street *street, FILE *log)
{
	struct sim_engine *engine = NULL;
	FILE *ready = stdout, *telegrams = NULL;
	int err = E_OK;

	if (a->trace != NULL && (telegrams = fopen(a->trace, "w")) == NULL)
		err = E_IO;
	if (err == E_OK)
		err = sim_engine_open(&engine, street, a->links, telegrams);

	if (err == E_OK && a->csv != NULL)
		err = write_table(street, a->csv);
	if (err == E_OK && a->ready_fd >= 0 && (ready = fdopen(a->ready_fd, "w")) == NULL)
		err = E_IO;
	if (err == E_OK) {
		sim_street_ready(street, ready);
		err = sim_engine_run(engine, log);
		if (a->log != NULL)
			sim_street_dump(street, log);
	}
	sim_engine_close(engine);
	if (telegrams != NULL)
		fclose(telegrams);
	return err;
}

/* Hundreds of endpoints need two descriptors each. */
static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int
main(int argc, char **argv)
{
	struct arguments a = { .ready_fd = -1 };
	struct sim_street *street = NULL;
	FILE *log = stderr;
	char why[200] = "";
	int err = E_OK;

	if (argc > 1 && strcmp(argv[1], "--evaluate") == 0)
		return evaluate(argc - 2, argv + 2);
	if (!parse(argc, argv, &a))
		return usage(stderr, 2);
	if (a.at != 0)
		(void)clock_step_us(a.at * 1000000 - clock_utc_us());
	raise_descriptors();
	street = sim_street_load(a.street, &a.options, clock_utc_us(), why, sizeof(why));
	if (street == NULL) {
		log_error("sim", "%s", why);
		return 2;
	}
	if (a.log != NULL && (log = fopen(a.log, "a")) == NULL) {
		log_error("sim", "%s: %s", a.log, strerror(errno));
		err = E_IO;
	} else if (a.table) {
		sim_street_csv(street, stdout);
	} else {
		err = run(&a, street, log);
	}
	if (log != NULL && log != stderr)
		fclose(log);
	sim_street_free(street);
	return err == E_OK ? 0 : 1;
}
