/* uspdctl rtu327: a head-end for one question, over the same codec as the server. */
#include <errno.h>
#include <jansson.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rtu327/auth.h"
#include "rtu327/codec.h"
#include "src/base/civil.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_rtu327_show.h"

struct head_end {
	int fd;
	bool crc_unsigned, json;
	uint16_t number;
	struct rtu327_request ask;	/* password, serial, mask, channel, time, count */
	int64_t to;
	bool one_page;
	uint8_t reply[RTU327_FRAME_MOST];
	struct rtu327_frame frame;	/* of the last reply */
};

/* ---- the wire ---- */

static int
dial(const char *endpoint, const char *timeout)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	struct timeval tv = { .tv_sec = timeout != NULL ? atoi(timeout) : 10 };
	char host[256];
	const char *colon = strrchr(endpoint, ':');
	int fd = -1, rc;

	if (colon == NULL || (size_t)(colon - endpoint) >= sizeof(host)) {
		fprintf(stderr, "uspdctl rtu327: %s: expected HOST:PORT\n", endpoint);
		return -1;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(colon - endpoint), endpoint);
	if (host[0] == '[') {
		memmove(host, host + 1, strlen(host));
		host[strcspn(host, "]")] = '\0';
	}
	rc = getaddrinfo(host, colon + 1, &hints, &list);
	if (rc != 0) {
		fprintf(stderr, "uspdctl rtu327: %s: %s\n", endpoint, gai_strerror(rc));
		return -1;
	}
	for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
		if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0)
		fprintf(stderr, "uspdctl rtu327: %s: %s\n", endpoint, strerror(errno));
	freeaddrinfo(list);
	return fd;
}

/* Receives one whole reply into h->reply and h->frame. */
static int
receive(struct head_end *h)
{
	size_t have = 0, need = RTU327_PREFIX;

	for (;;) {
		ssize_t got = recv(h->fd, h->reply + have, need - have, 0);
		int rc;

		if (got < 0)
			return errno == EAGAIN ? E_TIMEOUT : E_LOST;
		if (got == 0)
			return E_LOST;
		have += (size_t)got;
		if (have < need)
			continue;
		rc = rtu327_frame_read(h->reply, have, h->crc_unsigned, &h->frame, &need);
		if (rc != E_NODATA)
			return rc;
	}
}

/* Asks; the reply's data are then in h->frame.  Errors are told on stderr.  Negative: no reply;
 * else its result code. */
static int
ask(struct head_end *h, enum rtu327_command command)
{
	uint8_t bytes[64];
	struct wr w = wr_init(bytes, sizeof(bytes));
	int rc;

	h->number++;
	h->ask.frame.code = (uint8_t)command;
	h->ask.frame.number[0] = (uint8_t)(h->number >> 8);
	h->ask.frame.number[1] = (uint8_t)h->number;
	rc = rtu327_encode_request(&w, &h->ask, h->crc_unsigned);
	if (rc == E_OK && send(h->fd, bytes, w.len, MSG_NOSIGNAL) != (ssize_t)w.len)
		rc = E_LOST;
	if (rc == E_OK)
		rc = receive(h);
	if (rc == E_OK && memcmp(h->frame.number, h->ask.frame.number, 2) != 0)
		rc = E_FOREIGN;
	if (rc < 0) {
		fprintf(stderr, "uspdctl rtu327: %s: %s\n", rtu327_command_name(command),
		    uspd_strerror(rc));
		return rc;
	}
	return h->frame.code;
}

/* ---- commands ---- */

/* ROW: name on the command line, command, needs a serial number, most rows per request (0: no list) */
static const struct command {
	const char *name;
	enum rtu327_command command;
	bool of_meter;
	uint16_t page;
} commands[] = {
	{ "version", RTU327_GETVERSION, false, 0 }, { "time", RTU327_GETTIME, false, 0 },
	{ "settime", RTU327_SETTIME, false, 0 }, { "shprm", RTU327_GETSHPRM, true, 0 },
	{ "pok", RTU327_GETPOK, true, 0 }, { "lp", RTU327_GETLP, true, 1488 },
	{ "tests", RTU327_GETTESTS, true, 255 }, { "autoread", RTU327_GETAUTOREAD, true, 255 },
	{ "mtrlog", RTU327_GETMTRLOG, true, 1000 }, { "maxlogid", RTU327_GETMAXLOGID, false, 0 },
	{ "log", RTU327_GETLOG, false, 1000 },
};
enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int
refused(enum rtu327_command command, int code)
{
	if (code >= 0)
		fprintf(stderr, "uspdctl rtu327: %s: refused with code %d, %s\n",
		    rtu327_command_name(command), code, rtu327_result_text((unsigned)code));
	return code >= 0 ? CTL_FAILED : CTL_UNREACHABLE;
}

static int
malformed(enum rtu327_command command)
{
	fprintf(stderr, "uspdctl rtu327: %s: malformed reply\n", rtu327_command_name(command));
	return CTL_FAILED;
}

static int
one_piece(struct head_end *h, const struct command *c, json_t **made)
{
	int code = ask(h, c->command);

	if (code != RTU327_OK)
		return refused(c->command, code);
	*made = rtu327_show(&h->ask, &h->frame);
	return *made != NULL ? CTL_OK : malformed(c->command);
}

/* The interval of the meter, asked first, as head-ends do. */
static int
ask_interval(struct head_end *h, unsigned *minutes)
{
	struct rtu327_shprm p;
	int code = ask(h, RTU327_GETSHPRM);
	struct rd r = rd_init(h->frame.data, h->frame.len);

	if (code != RTU327_OK)
		return refused(RTU327_GETSHPRM, code);
	rtu327_get_shprm(&r, &p);
	*minutes = p.interval_min;
	return rd_done(&r) ? CTL_OK : malformed(RTU327_GETSHPRM);
}

/* Asks page after page. */
static int
list(struct head_end *h, const struct command *c, json_t **made)
{
	struct rtu327_page page = { .to = h->to, .rows = json_array() };
	int rc = CTL_OK;

	*made = page.rows;
	if (c->command == RTU327_GETLP)
		rc = ask_interval(h, &page.interval_min);
	while (rc == CTL_OK) {
		int code = ask(h, c->command);

		if (code == RTU327_NO_MORE_DATA || code == RTU327_NO_DATA)
			break;
		if (code != RTU327_OK)
			return refused(c->command, code);
		if (!rtu327_show_page(&h->ask, &h->frame, &page))
			return malformed(c->command);
		if (c->command == RTU327_GETLOG)
			h->ask.id = (uint32_t)page.last;
		else
			h->ask.time = (uint32_t)page.last + (c->command != RTU327_GETAUTOREAD);
		if (h->one_page || page.last >= h->to || page.last >= UINT32_MAX)
			break;
	}
	return rc;
}

/* ---- the command line ---- */

/* Unix seconds, or a date with an optional time and offset; without one this machine's zone. */
static bool
parse_time(const char *text, int64_t *utc)
{
	struct civil t = { 0 };
	int n = 0, hours, minutes = 0;
	char sign, *end;

	*utc = strtoll(text, &end, 10);
	if (end != text && *end == '\0')
		return true;
	if (sscanf(text, "%4d-%2d-%2d%n", &t.year, &t.month, &t.day, &n) != 3)
		return false;
	text += n;
	n = 0;
	if ((*text == 'T' || *text == ' ') &&
	    sscanf(text + 1, "%2d:%2d%n", &t.hour, &t.minute, &n) == 2) {
		text += 1 + n;
		if (*text == ':' && sscanf(text + 1, "%2d%n", &t.second, &n) == 1)
			text += 1 + n;
	}
	if (!civil_valid(&t))
		return false;
	*utc = civil_to_utc((struct zone){ 0 }, &t, SEASON_UNKNOWN);
	if (strcmp(text, "Z") == 0)
		return true;
	if (*text == '\0') {
		struct tm tm = { .tm_year = t.year - 1900, .tm_mon = t.month - 1, .tm_mday = t.day,
		    .tm_hour = t.hour, .tm_min = t.minute, .tm_sec = t.second, .tm_isdst = -1 };

		*utc = mktime(&tm);
		return true;
	}
	if (sscanf(text, "%c%2d:%2d", &sign, &hours, &minutes) < 2 || (sign != '+' && sign != '-'))
		return false;
	*utc -= (hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
	return true;
}

static bool
parse_channels(const char *text, uint8_t *mask, uint8_t *first)
{
	*mask = *first = 0;
	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		unsigned i = 0;

		while (
		    i < RTU327_CHANNELS && (len != 2 || strncmp(text, rtu327_channel_names[i], 2) != 0))
			i++;
		if (i == RTU327_CHANNELS)
			return false;
		*mask |= (uint8_t)(1 << i);
		if (*first == 0)
			*first = (uint8_t)(i + 1);
		text += len + (text[len] == ',');
	}
	return *mask != 0;
}

static bool
bad(const char *what, const char *text)
{
	fprintf(stderr, "uspdctl rtu327: bad %s: %s\n", what, text);
	return false;
}

static bool
parse_options(struct head_end *h, int *argc, char **argv)
{
	const char *serial = "", *from = "0", *to = "4294967295", *count = "0";
	const char *channels = "A+,A-,R+,R-", *password = "00000000";
	int64_t time_from;

	h->crc_unsigned = ctl_option(argc, argv, "--crc-unsigned", NULL);
	ctl_option(argc, argv, "--serial", &serial);
	ctl_option(argc, argv, "--from", &from);
	ctl_option(argc, argv, "--to", &to);
	ctl_option(argc, argv, "--channels", &channels);
	ctl_option(argc, argv, "--password", &password);
	h->one_page = ctl_option(argc, argv, "--count", &count);
	if (!parse_time(from, &time_from) || time_from < 0 || time_from > UINT32_MAX)
		return bad("time", from);
	if (!parse_time(to, &h->to))
		return bad("time", to);
	if (!parse_channels(channels, &h->ask.mask, &h->ask.channel))
		return bad("channels", channels);
	if (!rtu327_password(password, strlen(password), h->ask.frame.password))
		return bad("password", "8 hexadecimal digits or 1..4 characters are needed");
	if (strlen(serial) > RTU327_DIGITS || strspn(serial, "0123456789") != strlen(serial))
		return bad("serial number", serial);
	snprintf(h->ask.serial, sizeof(h->ask.serial), "%s", serial);
	h->ask.time = h->ask.id = (uint32_t)time_from;
	h->ask.section = 1;
	h->ask.count = (uint16_t)strtoul(count, NULL, 10);
	return true;
}

static int
run(struct head_end *h, const char *endpoint, const char *timeout, const struct command *c)
{
	json_t *made = NULL;
	int rc;

	h->fd = dial(endpoint, timeout);
	if (h->fd < 0)
		return CTL_UNREACHABLE;
	rc = c->page > 0 ? list(h, c, &made) : one_piece(h, c, &made);
	if (rc == CTL_OK || json_array_size(made) > 0)
		rtu327_print(made, h->json);
	json_decref(made);
	close(h->fd);
	return rc;
}

int
ctl_rtu327(const struct ctl *ctl, int argc, char **argv)
{
	struct head_end *h = calloc(1, sizeof(*h));
	const struct command *c = NULL;
	const char *timeout = NULL;
	int rc = CTL_USAGE;

	if (h == NULL)
		return CTL_FAILED;
	h->json = ctl->json;
	ctl_option(&argc, argv, "--timeout", &timeout);
	if (!parse_options(h, &argc, argv))
		goto out;
	for (size_t i = 0; argc >= 3 && i < COMMANDS; i++)
		if (strcmp(argv[2], commands[i].name) == 0)
			c = &commands[i];
	if (c == NULL || argc != (c->command == RTU327_SETTIME ? 4 : 3)) {
		rc = ctl_usage(ctl);
		goto out;
	}
	if (c->of_meter && h->ask.serial[0] == '\0') {
		fprintf(stderr, "uspdctl rtu327: %s needs --serial\n", c->name);
		goto out;
	}
	if (c->command == RTU327_SETTIME)
		h->ask.delta_s = atoi(argv[3]);
	if (!h->one_page)
		h->ask.count = c->page;
	rc = run(h, argv[1], timeout, c);
out:
	free(h);
	return rc;
}
