#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tools/ctl.h"

enum { FILE_MOST = 10 << 20 };

/* ---- options ---- */

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
ctl_number(const char *text, long long least, long long most, long long *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	return end != text && *end == '\0' && errno == 0 && *value >= least && *value <= most;
}

bool
ctl_option_number(int *argc, char **argv, const char *name, long long least, long long most,
    long long *value)
{
	const char *text;

	if (!ctl_option(argc, argv, name, &text) || ctl_number(text, least, most, value))
		return true;
	fprintf(stderr, "uspdctl: %s %s: a whole number of %lld to %lld is needed\n", name, text, least,
	    most);
	return false;
}

/* ---- waiting ---- */

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
	sigaction(SIGTERM, &action, NULL);
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

int64_t
ctl_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- answers ---- */

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

void
ctl_value(struct text *to, const json_t *value)
{
	char *dump;

	if (value == NULL || json_is_null(value)) {
		text_str(to, "-");
	} else if (json_is_string(value)) {
		text_str(to, json_string_value(value));
	} else if (json_is_boolean(value)) {
		text_str(to, json_is_true(value) ? "yes" : "no");
	} else {
		dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
		text_str(to, dump != NULL ? dump : "?");
		free(dump);
	}
}

void
ctl_print_json(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	printf("\n");
}

/* ---- files ---- */

static int
file_failed(const char *name)
{
	fprintf(stderr, "uspdctl: %s: %s\n", name, strerror(errno));
	return CTL_FAILED;
}

int
ctl_read_file(const char *name, struct text *to)
{
	FILE *f = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	char buf[65536];
	bool bad;
	size_t n;

	if (f == NULL)
		return file_failed(name);
	while ((n = fread(buf, 1, sizeof(buf), f)) > 0 && to->len <= FILE_MOST)
		text_add(to, buf, n);
	bad = ferror(f) != 0;
	if (f != stdin)
		fclose(f);
	if (bad)
		return file_failed(name);
	if (to->len <= FILE_MOST && !to->failed)
		return CTL_OK;
	fprintf(stderr, "uspdctl: %s is longer than 10 MiB\n", name);
	return CTL_FAILED;
}

int
ctl_write_file(const char *name, const struct text *text, bool private)
{
	bool out = name == NULL || strcmp(name, "-") == 0;
	int fd = out ? -1 : open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, private ? 0600 : 0666);
	FILE *f = out ? stdout : fd >= 0 ? fdopen(fd, "w") : NULL;
	bool good = f != NULL;

	/* A file that was there keeps its mode when it is opened. */
	if (good && private && fd >= 0)
		good = fchmod(fd, 0600) == 0 || errno == EPERM || errno == EINVAL;
	good = good && (text->len == 0 || fwrite(text->p, text->len, 1, f) == 1) && fflush(f) == 0;
	if (f != NULL && f != stdout)
		good = fclose(f) == 0 && good;
	else if (f == NULL && fd >= 0)
		close(fd);
	return good ? CTL_OK : file_failed(out ? "stdout" : name);
}

/* ---- secrets ---- */

static bool
read_line(const char *prompt, char line[static CTL_SECRET_SIZE])
{
	struct termios shown, hidden;
	bool person = isatty(STDIN_FILENO) != 0 && tcgetattr(STDIN_FILENO, &shown) == 0;
	size_t n = 0;
	char c = 0;
	ssize_t got = 1;

	if (person) {
		/* An interrupt must not leave the terminal without echo. */
		ctl_catch_interrupt();
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
		fprintf(stderr, "%s: ", prompt);
	}
	/* Byte by byte: the next line belongs to the next question. */
	while ((got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n')
		if (n < CTL_SECRET_SIZE)
			line[n++] = c;
	if (person) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
		fprintf(stderr, "\n");
	}
	if (got < 0 || (got == 0 && n == 0) || n >= CTL_SECRET_SIZE)
		return false;
	if (n > 0 && line[n - 1] == '\r')
		n--;
	line[n] = '\0';
	return strlen(line) == n;
}

int
ctl_ask_secret(const char *prompt, bool again, char secret[static CTL_SECRET_SIZE])
{
	char second[CTL_SECRET_SIZE], more[128];
	bool same = true;

	*secret = '\0';
	if (!read_line(prompt, secret)) {
		fprintf(stderr, "uspdctl: no %s was given\n", prompt);
		return CTL_FAILED;
	}
	if (again && isatty(STDIN_FILENO)) {
		snprintf(more, sizeof(more), "%s, again", prompt);
		same = read_line(more, second) && strcmp(secret, second) == 0;
		explicit_bzero(second, sizeof(second));
	}
	if (!same)
		fprintf(stderr, "uspdctl: these were two different ones\n");
	return same ? CTL_OK : CTL_FAILED;
}
