/* play-vectors [-v] DIR|FILE...: plays recorded exchanges through our codecs (play.h).
 *
 * Numbers agree within 1e-9, relative or absolute; true and false agree with 1 and 0; null agrees
 * with null only.  Objects may hold more than is wanted, arrays may not. */
#include "tests/vectors/play.h"

#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An adapter that is not linked in is NULL: its vectors are skipped with that reason. */
extern play_adapter play_mercury23x __attribute__((weak)), play_energomera_iec __attribute__((weak));
extern play_adapter play_iec61107_base __attribute__((weak)), play_rtu327 __attribute__((weak));
extern play_adapter play_timecorr __attribute__((weak)), play_gaps __attribute__((weak));
extern play_adapter play_consumption __attribute__((weak));
extern play_adapter play_schedule __attribute__((weak)), play_schedule_jump __attribute__((weak));
extern play_adapter play_dlms_hdlc __attribute__((weak)), play_dlms_wrapper __attribute__((weak));
extern play_adapter play_dlms_frame __attribute__((weak)), play_dlms_axdr __attribute__((weak));
extern play_adapter play_dlms_apdu __attribute__((weak)), play_dlms_crypto __attribute__((weak));
extern play_adapter play_spodes_journal __attribute__((weak));
extern play_adapter play_spodes_profile __attribute__((weak));
extern play_adapter play_spodes_energy __attribute__((weak));

#define ADAPTERS(ROW) \
	ROW("dlms-hdlc", play_dlms_hdlc) \
	ROW("dlms-wrapper", play_dlms_wrapper) \
	ROW("dlms-frame", play_dlms_frame) \
	ROW("dlms-axdr", play_dlms_axdr) \
	ROW("dlms-apdu", play_dlms_apdu) \
	ROW("dlms-crypto", play_dlms_crypto) \
	ROW("spodes-journal", play_spodes_journal) \
	ROW("spodes-profile", play_spodes_profile) \
	ROW("spodes-energy", play_spodes_energy) \
	ROW("mercury23x", play_mercury23x) \
	ROW("energomera-iec", play_energomera_iec) \
	ROW("iec61107", play_iec61107_base) \
	ROW("rtu-327", play_rtu327) \
	ROW("timecorr", play_timecorr) \
	ROW("gaps", play_gaps) \
	ROW("consumption", play_consumption) \
	ROW("schedule", play_schedule) \
	ROW("schedule-jump", play_schedule_jump)

static const struct { const char *protocol; play_adapter *play; } adapters[] = {
#define ROW(protocol, play) { protocol, play },
	ADAPTERS(ROW)
#undef ROW
};

enum { PROTOCOLS_MAX = 64, REASONS_MAX = 64, WHY_MAX = 512 };

struct reason { char text[WHY_MAX]; unsigned n; };
struct tally {
	char protocol[64];
	unsigned agreed, differed, skipped, n_reasons;
	struct reason reasons[REASONS_MAX];
};
struct run {
	struct tally tallies[PROTOCOLS_MAX];
	unsigned n;
	bool verbose;
};

/* ---- bookkeeping ---- */

/* The last row takes what does not fit: nothing is lost from the totals. */
static struct tally *
tally_of(struct run *run, const char *protocol)
{
	for (unsigned i = 0; i < run->n; i++)
		if (strcmp(run->tallies[i].protocol, protocol) == 0)
			return &run->tallies[i];
	if (run->n == PROTOCOLS_MAX)
		return &run->tallies[PROTOCOLS_MAX - 1];
	snprintf(run->tallies[run->n].protocol, sizeof(run->tallies[0].protocol), "%s", protocol);
	return &run->tallies[run->n++];
}

static void
count_skip(struct tally *t, const char *why)
{
	unsigned i = 0;

	t->skipped++;
	while (i < t->n_reasons && strcmp(t->reasons[i].text, why) != 0)
		i++;
	if (i == t->n_reasons && i == REASONS_MAX)
		i--;
	else if (i == t->n_reasons)
		snprintf(t->reasons[t->n_reasons++].text, WHY_MAX, "%s", why);
	t->reasons[i].n++;
}

/* ---- comparing ---- */

struct difference {
	const char *protocol, *name;
	unsigned n;
};

static void
report(struct difference *d, const char *path, const json_t *wanted, const json_t *got)
{
	enum { HOW = JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(12) };
	char *want = json_dumps(wanted, HOW), *have = got != NULL ? json_dumps(got, HOW) : NULL;

	printf("DIFFERED %s/%s: %s: wanted %s got %s\n", d->protocol, d->name, path,
	    want != NULL ? want : "?", have != NULL ? have : "nothing (the adapter did not make it)");
	free(want);
	free(have);
	d->n++;
}

static bool
is_numeric(const json_t *v)
{
	return json_is_number(v) || json_is_boolean(v);
}

static double
number(const json_t *v)
{
	return json_is_boolean(v) ? json_is_true(v) : json_number_value(v);
}

static bool
numbers_agree(const json_t *a, const json_t *b)
{
	double x = number(a), y = number(b), off = fabs(x - y);

	if (json_is_integer(a) && json_is_integer(b))
		return json_integer_value(a) == json_integer_value(b);
	return off <= 1e-9 || off <= 1e-9 * fmax(fabs(x), fabs(y));
}

static void compare(struct difference *, const char *path, const json_t *wanted, const json_t *got);

static void
compare_arrays(struct difference *d, const char *path, const json_t *wanted, const json_t *got)
{
	char deeper[256];
	size_t i;
	json_t *item;

	if (!json_is_array(got) || json_array_size(got) != json_array_size(wanted)) {
		report(d, path, wanted, got);
		return;
	}
	json_array_foreach(wanted, i, item) {
		snprintf(deeper, sizeof(deeper), "%s[%zu]", path, i);
		compare(d, deeper, item, json_array_get(got, i));
	}
}

static void
compare_objects(struct difference *d, const char *path, const json_t *wanted, const json_t *got)
{
	char deeper[256];
	const char *key;
	json_t *item;

	if (!json_is_object(got)) {
		report(d, path, wanted, got);
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)wanted, key, item) {
		snprintf(deeper, sizeof(deeper), "%s%s%s", path, *path != '\0' ? "." : "", key);
		compare(d, deeper, item, json_object_get(got, key));
	}
}

static void
compare(struct difference *d, const char *path, const json_t *wanted, const json_t *got)
{
	bool agree;

	if (json_is_object(wanted)) {
		compare_objects(d, path, wanted, got);
		return;
	}
	if (json_is_array(wanted)) {
		compare_arrays(d, path, wanted, got);
		return;
	}
	agree = got != NULL &&
	    (is_numeric(wanted) ? is_numeric(got) && numbers_agree(wanted, got) :
				  json_equal(wanted, got));
	if (!agree)
		report(d, path, wanted, got);
}

/* ---- playing ---- */

static play_adapter *
adapter_of(const char *protocol, const char **why)
{
	*why = "no codec for this protocol";
	for (size_t i = 0; i < sizeof(adapters) / sizeof(adapters[0]); i++) {
		if (strcmp(adapters[i].protocol, protocol) != 0)
			continue;
		*why = "its adapter is not built in";
		return adapters[i].play;
	}
	return NULL;
}

static void
note(const struct run *run, const char *what, const char *protocol, const char *name, const char *why)
{
	if (run->verbose)
		printf("%-8s %s/%s%s%s\n", what, protocol, name, *why != '\0' ? ": " : "", why);
}

static void
play_vector(struct run *run, const json_t *vector, const char *protocol, const char *name)
{
	struct tally *tally = tally_of(run, protocol);
	struct difference d = { .protocol = protocol, .name = name };
	const json_t *decoded = json_object_get(vector, "decoded");
	const char *missing;
	play_adapter *play = adapter_of(protocol, &missing);
	enum play_result result = PLAY_SKIPPED;
	char why[WHY_MAX] = "";
	json_t *made = NULL;

	if (play == NULL)
		snprintf(why, sizeof(why), "%s", missing);
	else
		result = play(vector, &made, why, sizeof(why));
	if (result == PLAY_DECODED) {
		compare_objects(&d, "", decoded, made);
		result = d.n > 0 ? PLAY_DIFFERED : PLAY_DECODED;
	} else if (result == PLAY_DIFFERED)
		printf("DIFFERED %s/%s: %s\n", protocol, name, why);
	if (result == PLAY_DECODED) {
		tally->agreed++;
		note(run, "agreed", protocol, name, "");
	} else if (result == PLAY_DIFFERED)
		tally->differed++;
	else {
		count_skip(tally, *why != '\0' ? why : "no reason given");
		note(run, "skipped", protocol, name, why);
	}
	json_decref(made);
}

static void
play_broken(struct run *run, const char *file, unsigned line, const char *why)
{
	tally_of(run, "(broken lines)")->differed++;
	printf("DIFFERED %s:%u: %s\n", file, line, why);
}

static void
play_line(struct run *run, const char *file, unsigned line, const char *text)
{
	const char *protocol, *name;
	const json_t *decoded;
	json_error_t error;
	json_t *vector;

	if (text[strspn(text, " \t\r\n")] == '\0')
		return;
	vector = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	protocol = json_string_value(json_object_get(vector, "protocol"));
	name = json_string_value(json_object_get(vector, "case"));
	decoded = json_object_get(vector, "decoded");
	if (vector == NULL)
		play_broken(run, file, line, error.text);
	else if (protocol != NULL && name != NULL && json_object_get(vector, "request") != NULL)
		count_skip(tally_of(run, protocol), "played by smart_vectors.py to a whole daemon");
	else if (protocol == NULL || name == NULL || !json_is_object(decoded))
		play_broken(run, file, line, "not a vector: protocol, case and decoded are needed");
	else
		play_vector(run, vector, protocol, name);
	json_decref(vector);
}

static void
play_file(struct run *run, const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (in == NULL) {
		play_broken(run, path, 0, strerror(errno));
		return;
	}
	for (unsigned line = 1; getline(&text, &size, in) >= 0; line++)
		play_line(run, path, line, text);
	if (ferror(in))
		play_broken(run, path, 0, strerror(errno));
	free(text);
	fclose(in);
}

static int
is_vectors(const struct dirent *entry)
{
	size_t n = strlen(entry->d_name);

	return n > 6 && strcmp(entry->d_name + n - 6, ".jsonl") == 0;
}

static void
play_path(struct run *run, const char *path)
{
	struct dirent **names;
	int n = scandir(path, &names, is_vectors, alphasort);

	if (n < 0) { /* not a folder */
		play_file(run, path);
		return;
	}
	for (int i = 0; i < n; i++) {
		char *file;

		if (asprintf(&file, "%s/%s", path, names[i]->d_name) >= 0) {
			play_file(run, file);
			free(file);
		} else
			play_broken(run, names[i]->d_name, 0, "out of memory");
		free(names[i]);
	}
	free(names);
}

/* ---- the table ---- */

static unsigned
print_tallies(const struct run *run)
{
	unsigned agreed = 0, differed = 0, skipped = 0;

	printf("%-20s %8s %8s %8s %8s\n", "protocol", "played", "agreed", "differed", "skipped");
	for (unsigned i = 0; i < run->n; i++) {
		const struct tally *t = &run->tallies[i];

		printf("%-20s %8u %8u %8u %8u\n", t->protocol, t->agreed + t->differed, t->agreed,
		    t->differed, t->skipped);
		for (unsigned k = 0; k < t->n_reasons; k++)
			printf("%-20s   %u skipped: %s\n", "", t->reasons[k].n, t->reasons[k].text);
		agreed += t->agreed;
		differed += t->differed;
		skipped += t->skipped;
	}
	printf("%u passed, %u failed, %u skipped\n", agreed, differed, skipped);
	return differed;
}

int
main(int argc, char **argv)
{
	struct run *run = calloc(1, sizeof(*run));
	int first = 1;
	unsigned differed;

	if (run == NULL)
		return 2;
	if (argc > 1 && strcmp(argv[1], "-v") == 0) {
		run->verbose = true;
		first = 2;
	}
	if (first >= argc) {
		fprintf(stderr, "usage: play-vectors [-v] DIR|FILE...\n");
		free(run);
		return 2;
	}
	for (int i = first; i < argc; i++)
		play_path(run, argv[i]);
	differed = print_tallies(run);
	free(run);
	return differed > 0;
}
