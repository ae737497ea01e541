#include "src/system/front.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/store/store.h"
#include "src/system/certificate.h"
#include "src/system/command.h"
#include "src/system/nginx.h"

enum { PATH = 512, COMMAND_MS = 20000, CONFIG_MOST = 256 * 1024 };
static const char stream_module[] = "/usr/lib/nginx/modules/ngx_stream_module.so";

struct front {
	struct front_options options;
	char data_dir[300], run_dir[200], bind[64], nginx[128], reload[256];
	char dir[320], tls_dir[320];
	bool working, again;		/* loop only */
	bool renewed;			/* a certificate was written; worker only */
	char complaint[200];		/* the last one, so that it is journalled once; worker only */
};

/* ---- what to write ---- */

static void
complain(struct front *front, const char *text)
{
	struct text json = { 0 };

	if (strncmp(front->complaint, text, sizeof(front->complaint) - 1) == 0)
		return;
	snprintf(front->complaint, sizeof(front->complaint), "%s", text);
	log_error("system", "nginx: %s", front->complaint);
	text_str(&json, "{\"level\":\"error\",\"unit\":\"nginx\",\"text\":");
	text_json(&json, front->complaint);
	text_str(&json, "}");
	if (json.failed || store_journal_add(front->options.store, DJ_SYSTEM, clock_utc(), json.p) < 0)
		log_warn("system", "not journalled: %s", front->complaint);
	text_free(&json);
}

static bool
write_file(const char *path, const char *text, size_t len, mode_t mode)
{
	char part[PATH];
	bool good;
	int fd;

	snprintf(part, sizeof(part), "%.500s.part", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return false;
	good = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
	close(fd);
	good = good && rename(part, path) == 0;
	if (!good)
		unlink(part);
	return good;
}

static bool
file_equals(const char *path, const char *text, size_t len)
{
	char *old = malloc(len + 1);
	FILE *f = fopen(path, "re");
	bool same = f != NULL && old != NULL && fread(old, 1, len + 1, f) == len &&
	    memcmp(old, text, len) == 0;

	if (f != NULL)
		fclose(f);
	free(old);
	return same;
}

/* false: it cannot be written. */
static bool
keep_file(struct front *front, const char *path, const char *text, mode_t mode)
{
	size_t len = strlen(text);

	if (file_equals(path, text, len))
		return true;
	front->renewed = true;
	return write_file(path, text, len, mode);
}

/* A certificate of the row's own, when it has one that fits its key. */
static void
take_certificate(struct front *front, const json_t *json, struct nginx_row *row)
{
	const char *certificate = json_string_value(json_object_get(json, "cert"));
	const char *key = json_string_value(json_object_get(json, "key"));
	char why[120];

	if (certificate == NULL || key == NULL || strncmp(certificate, "-----BEGIN", 10) != 0 ||
	    strncmp(key, "-----BEGIN", 10) != 0)
		return;
	snprintf(row->certificate, sizeof(row->certificate), "%.200s/row-%u.crt", front->tls_dir,
	    row->port);
	snprintf(row->key, sizeof(row->key), "%.200s/row-%u.key", front->tls_dir, row->port);
	if (keep_file(front, row->key, key, 0600) &&
	    keep_file(front, row->certificate, certificate, 0644) &&
	    certificate_check(row->certificate, row->key, NULL) == E_OK)
		return;
	row->certificate[0] = row->key[0] = '\0';
	snprintf(why, sizeof(why),
	    "port %u: its certificate and key do not fit; the device's own is used", row->port);
	complain(front, why);
}

static bool
take_row(struct front *front, const char *text, struct nginx_row *row)
{
	json_t *json = json_loads(text, 0, NULL);
	const json_t *allow = json_object_get(json, "allow"), *network;
	json_int_t port = json_integer_value(json_object_get(json, "port"));
	size_t i, n = 0;
	bool tls = json_is_true(json_object_get(json, "tls")) && port > 0 && port <= 65535;

	*row = (struct nginx_row){ .port = (uint16_t)(port > 0 && port <= 65535 ? port : 0) };
	if (tls)
		take_certificate(front, json, row);
	json_array_foreach(allow, i, network) {
		const char *word = json_string_value(network);

		if (word == NULL || *word == '\0' || strlen(word) >= sizeof(row->allow[0]) ||
		    strspn(word, "0123456789abcdefABCDEF.:/") != strlen(word) || n == NGINX_ALLOW)
			continue;
		snprintf(row->allow[n++], sizeof(row->allow[0]), "%s", word);
	}
	/* A list that says something we do not understand must not let everybody in. */
	if (tls && n == 0 && json_array_size(allow) > 0)
		snprintf(row->allow[0], sizeof(row->allow[0]), "127.0.0.1");
	json_decref(json);
	return tls;
}

/* nginx finds two servers of one port only when it is too late: when it begins to listen. */
static bool
claim(struct front *front, uint8_t taken[static 65536 / 8], unsigned port)
{
	char why[80];

	if ((taken[port / 8] >> port % 8 & 1) != 0) {
		snprintf(why, sizeof(why), "port %u is asked for twice; nothing is changed", port);
		complain(front, why);
		return false;
	}
	taken[port / 8] |= (uint8_t)(1U << port % 8);
	return true;
}

/* The rows with TLS.  false: their ports, or those of the others, do not go together. */
static bool
take_rows(struct front *front, struct nginx_config *config)
{
	const struct table_rows *rows = store_table(front->options.store, TABLE_TCP);
	uint8_t *taken = calloc(1, 65536 / 8);
	bool good = taken != NULL && claim(front, taken, config->https_port) &&
	    (config->http_port == 0 || claim(front, taken, config->http_port));

	for (size_t i = 0; good && rows != NULL && i < rows->n && config->n_rows < NGINX_ROWS; i++) {
		struct nginx_row *row = &config->rows[config->n_rows];

		config->n_rows += take_row(front, rows->rows[i].json, row);
		good = row->port == 0 || claim(front, taken, row->port);
	}
	table_rows_release(rows);
	free(taken);
	return good;
}

/* "nginx version: nginx/1.22.1" as 1022001; 0: it does not run. */
static unsigned
nginx_version(struct front *front)
{
	const char *const argv[] = { front->nginx, "-v", NULL };
	unsigned major, minor, patch;
	char out[256];
	const char *at;

	if (command_run(argv, out, sizeof(out), COMMAND_MS) < 0 ||
	    (at = strstr(out, "nginx/")) == NULL ||
	    sscanf(at + 6, "%u.%u.%u", &major, &minor, &patch) != 3)
		return 0;
	return major * 1000000 + minor * 1000 + patch;
}

static bool
has_ipv6(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool
make_dirs(struct front *front)
{
	return (mkdir(front->dir, 0750) == 0 || errno == EEXIST) &&
	    (mkdir(front->tls_dir, 0750) == 0 || errno == EEXIST);
}

static bool
make_config(struct front *front, const struct settings *settings, struct text *text)
{
	struct nginx_config *config = calloc(1, sizeof(*config));
	char certificate[PATH], key[PATH], upstream[96], host[64] = "";
	bool v6 = strchr(front->bind, ':') != NULL;
	bool anywhere = strcmp(front->bind, "::") == 0 || strcmp(front->bind, "0.0.0.0") == 0;
	bool good;

	if (config == NULL)
		return false;
	snprintf(certificate, sizeof(certificate), "%s/server.crt", front->tls_dir);
	snprintf(key, sizeof(key), "%s/server.key", front->tls_dir);
	snprintf(upstream, sizeof(upstream), v6 && !anywhere ? "[%s]:%u" : "%s:%u",
	    anywhere ? "127.0.0.1" : front->bind, front->options.http_port);
	*config = (struct nginx_config){ .dir = front->dir, .run_dir = front->run_dir,
		.certificate = certificate, .key = key, .upstream = upstream,
		.stream_module = access(stream_module, F_OK) == 0 ? stream_module : NULL,
		.version = nginx_version(front), .ipv6 = has_ipv6(),
		.https_port = (uint16_t)settings->tls_https_port,
		.http_port = (uint16_t)settings->tls_http_port,
		.redirect = settings->tls_http_redirect != 0 };
	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	good = take_rows(front, config) && config->version != 0 && nginx_word(front->dir) &&
	    nginx_word(front->run_dir) && certificate_ensure(certificate, key, host) == E_OK;
	if (config->version == 0)
		complain(front, "TLS is asked for, but the program does not run here");
	if (good)
		nginx_print(text, config);
	free(config);
	return good && !text->failed;
}

/* ---- what to do with it ---- */

static pid_t
nginx_pid(struct front *front)
{
	char path[PATH], line[32] = "";
	long pid;
	FILE *f;

	snprintf(path, sizeof(path), "%s/nginx.pid", front->dir);
	if ((f = fopen(path, "re")) == NULL)
		return 0;
	if (fgets(line, sizeof(line), f) == NULL)
		line[0] = '\0';
	fclose(f);
	pid = strtol(line, NULL, 10);
	return pid > 1 ? (pid_t)pid : 0;
}

/* nginx that does not run is started by its unit, which waits for the configuration to appear. */
static void
tell_nginx(struct front *front, int signal_number)
{
	const char *const shell[] = { "/bin/sh", "-c", front->reload, NULL };
	char out[256];
	pid_t pid;

	if (front->reload[0] != '\0') {
		if (command_run(shell, out, sizeof(out), COMMAND_MS) < 0)
			complain(front, out[0] != '\0' ? out : "the command that reloads it failed");
	} else if ((pid = nginx_pid(front)) != 0 && kill(pid, signal_number) < 0 && errno != ESRCH)
		complain(front, "it cannot be told of its new configuration");
}

static bool
is_tested(struct front *front, const char *path)
{
	const char *const argv[] = { front->nginx, "-t", "-q", "-e", "stderr", "-c", path, NULL };
	char out[512];

	if (command_run(argv, out, sizeof(out), COMMAND_MS) == E_OK)
		return true;
	complain(front, out[0] != '\0' ? out : "it refuses its configuration");
	return false;
}

static void
put_in_force(struct front *front, const struct text *text, const char *path)
{
	char candidate[PATH];

	snprintf(candidate, sizeof(candidate), "%s/nginx.conf.new", front->dir);
	if (!write_file(candidate, text->p, text->len, 0640)) {
		complain(front, "its configuration cannot be written");
		return;
	}
	if (!is_tested(front, candidate) || rename(candidate, path) < 0) {
		unlink(candidate);
		return;
	}
	front->complaint[0] = '\0';
	log_info("system", "nginx: new configuration in force");
	tell_nginx(front, SIGHUP);
}

static void
apply(void *arg)
{
	struct front *front = arg;
	struct settings *settings = malloc(sizeof(*settings));
	struct text text = { 0 };
	char path[PATH];

	if (settings == NULL)
		return;
	front->renewed = false;
	snprintf(path, sizeof(path), "%s/nginx.conf", front->dir);
	store_settings(front->options.store, settings);
	if (!settings->tls_enabled) {
		if (unlink(path) == 0)
			tell_nginx(front, SIGQUIT);
	} else if (!make_dirs(front)) {
		complain(front, "the folder of its configuration cannot be made");
	} else if (make_config(front, settings, &text) &&
	    (front->renewed || !file_equals(path, text.p, text.len))) {
		put_in_force(front, &text, path);
	}
	text_free(&text);
	free(settings);
}

static void
applied(void *arg)
{
	struct front *front = arg;

	front->working = false;
	if (front->again)
		front_follow(front);
}

void
front_follow(struct front *front)
{
	if (front == NULL)
		return;
	front->again = front->working;
	if (!front->working)
		front->working = loop_work(front->options.loop, apply, applied, front) == E_OK;
}

bool
front_is_busy(const struct front *front)
{
	return front->working;
}

/* nginx has another idea of where relative paths begin. */
static void
absolute(char *to, size_t size, const char *path)
{
	char here[200] = "";

	if (*path == '/' || getcwd(here, sizeof(here)) == NULL)
		snprintf(to, size, "%s", path);
	else
		snprintf(to, size, "%s/%s", here, path);
}

int
front_open(struct front **to, const struct front_options *options)
{
	struct front *front = calloc(1, sizeof(*front));

	if (front == NULL)
		return E_NOMEM;
	front->options = *options;
	absolute(front->data_dir, sizeof(front->data_dir), options->data_dir);
	absolute(front->run_dir, sizeof(front->run_dir), options->run_dir);
	snprintf(front->bind, sizeof(front->bind), "%s",
	    options->http_bind != NULL && *options->http_bind != '\0' ? options->http_bind :
									"127.0.0.1");
	snprintf(front->nginx, sizeof(front->nginx), "%s",
	    options->nginx != NULL ? options->nginx : "nginx");
	if (options->reload != NULL)
		snprintf(front->reload, sizeof(front->reload), "%s", options->reload);
	snprintf(front->dir, sizeof(front->dir), "%s/nginx", front->data_dir);
	snprintf(front->tls_dir, sizeof(front->tls_dir), "%s/tls", front->data_dir);
	front_follow(front);
	*to = front;
	return E_OK;
}

void
front_close(struct front *front)
{
	free(front);
}
