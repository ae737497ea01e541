#include "src/system/board.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct loader {
	struct board *board;
	const char *path;
	char *why;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int
refuse(struct loader *l, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(l->why, l->size, "%s: ", l->path);

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < l->size)
		vsnprintf(l->why + n, l->size - (size_t)n, fmt, ap);
	va_end(ap);
	return E_INVALID;
}

/* Every member must be one of `known` (space-separated), so that a misspelt key is not ignored. */
static int
only_known(struct loader *l, const char *where, json_t *object, const char *known)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return refuse(l, "%s must be an object", where);
	json_object_foreach(object, key, value) {
		const char *at = strstr(known, key);
		size_t len = strlen(key);

		if (len == 0 || at == NULL || (at != known && at[-1] != ' ') ||
		    (at[len] != ' ' && at[len] != '\0'))
			return refuse(l, "%s has an unknown member \"%s\"; known: %s", where, key,
			    known);
	}
	return E_OK;
}

static int
get_text(struct loader *l, const char *where, json_t *object, const char *key, char *to, size_t size)
{
	json_t *value = json_object_get(object, key);

	if (value == NULL)
		return E_OK;
	if (!json_is_string(value) || json_string_length(value) >= size)
		return refuse(l, "%s.%s must be a text of less than %zu characters", where, key, size);
	snprintf(to, size, "%s", json_string_value(value));
	return E_OK;
}

static int
get_port(struct loader *l, const char *where, json_t *value, uint16_t *port)
{
	if (value == NULL)
		return E_OK;
	if (!json_is_integer(value) || json_integer_value(value) < 0 ||
	    json_integer_value(value) > 65535)
		return refuse(l, "%s must be a port number 0..65535", where);
	*port = (uint16_t)json_integer_value(value);
	return E_OK;
}

/* A text member that is one of a list; its index goes to *to. */
static int
get_choice(struct loader *l, const char *where, json_t *object, const char *key,
    const char *const *names, int *to)
{
	json_t *value = json_object_get(object, key);

	if (value == NULL)
		return E_OK;
	for (int i = 0; names[i] != NULL; i++)
		if (json_is_string(value) && strcmp(json_string_value(value), names[i]) == 0) {
			*to = i;
			return E_OK;
		}
	return refuse(l, "%s.%s is not one of the known choices (such as \"%s\")", where, key,
	    names[0]);
}

static int
load_line(struct loader *l, const char *name, json_t *object)
{
	static const char *const kinds[] = { "rs485", "can", NULL };
	static const char *const echoes[] = { "auto", "on", "off", NULL };
	static const char *const directions[] = { "auto", "ioctl", "rts", "rts_inv", NULL };
	enum meter_iface iface = meter_iface_by_name(name);
	int kind = LINE_RS485, echo = ECHO_AUTO, direction = DIRECTION_AUTO;
	struct board_line *line;
	json_t *gap;
	int rc;

	if (iface < IFACE_1 || iface > IFACE_4)
		return refuse(l, "lines.%s: the buses are Iface1..Iface4", name);
	line = &l->board->lines[iface - IFACE_1];
	snprintf(line->name, sizeof(line->name), "%s", meter_iface_name(iface));
	if ((rc = only_known(l, name, object, "tty kind echo direction gap_min_ms")) < 0 ||
	    (rc = get_text(l, name, object, "tty", line->tty, sizeof(line->tty))) < 0 ||
	    (rc = get_choice(l, name, object, "kind", kinds, &kind)) < 0 ||
	    (rc = get_choice(l, name, object, "echo", echoes, &echo)) < 0 ||
	    (rc = get_choice(l, name, object, "direction", directions, &direction)) < 0)
		return rc;
	if (line->tty[0] == '\0')
		return refuse(l, "lines.%s: \"tty\" names no device", name);
	gap = json_object_get(object, "gap_min_ms");
	if (gap != NULL &&
	    (!json_is_integer(gap) || json_integer_value(gap) < 0 || json_integer_value(gap) > 1000))
		return refuse(l, "lines.%s: gap_min_ms must be 0..1000", name);
	line->options = (struct line_options){ .name = line->name, .kind = (enum line_kind)kind,
		.echo = (enum line_echo)echo, .direction = (enum line_direction)direction,
		.gap_min_ms = (uint32_t)json_integer_value(gap) };
	return E_OK;
}

static int
load_lines(struct loader *l, json_t *lines)
{
	const char *name;
	json_t *line;
	int rc;

	if (lines == NULL)
		return E_OK;
	if (!json_is_object(lines))
		return refuse(l, "\"lines\" must be an object");
	json_object_foreach(lines, name, line)
		if ((rc = load_line(l, name, line)) < 0)
			return rc;
	return E_OK;
}

static int
load_server(struct loader *l, json_t *root, const char *key, char *bind, size_t size, uint16_t *port)
{
	json_t *server = json_object_get(root, key);
	int rc;

	if (server == NULL)
		return E_OK;
	if ((rc = only_known(l, key, server, "bind port")) < 0 ||
	    (rc = get_text(l, key, server, "bind", bind, size)) < 0)
		return rc;
	return get_port(l, key, json_object_get(server, "port"), port);
}

static int
load_transit(struct loader *l, json_t *root)
{
	json_t *transit = json_object_get(root, "transit"), *ports, *port;
	size_t i;
	int rc;

	if (transit == NULL)
		return E_OK;
	if ((rc = only_known(l, "transit", transit, "bind ports")) < 0 ||
	    (rc = get_text(l, "transit", transit, "bind", l->board->transit_bind,
		 sizeof(l->board->transit_bind))) < 0)
		return rc;
	ports = json_object_get(transit, "ports");
	if (ports != NULL && (!json_is_array(ports) || json_array_size(ports) > SERIAL_BUSES))
		return refuse(l, "transit.ports must be a list of at most %d ports", SERIAL_BUSES);
	json_array_foreach(ports, i, port)
		if ((rc = get_port(l, "transit.ports", port, &l->board->transit_port[i])) < 0)
			return rc;
	return E_OK;
}

static int
load_commands(struct loader *l, json_t *root)
{
	json_t *commands = json_object_get(root, "commands");
	struct board *b = l->board;
	int rc;

	if (commands == NULL)
		return E_OK;
	if ((rc = only_known(l, "commands", commands, "time_sync reboot nginx nginx_reload")) < 0 ||
	    (rc = get_text(l, "commands", commands, "time_sync", b->time_sync, sizeof(b->time_sync))) <
		0 ||
	    (rc = get_text(l, "commands", commands, "reboot", b->reboot, sizeof(b->reboot))) < 0 ||
	    (rc = get_text(l, "commands", commands, "nginx", b->nginx, sizeof(b->nginx))) < 0)
		return rc;
	return get_text(l, "commands", commands, "nginx_reload", b->nginx_reload,
	    sizeof(b->nginx_reload));
}

static int
load_root(struct loader *l, json_t *root)
{
	static const char *const clocks[] = { "virtual", "system", NULL };
	struct board *b = l->board;
	int clock = 1, rc;

	if ((rc = only_known(l, "the board", root,
		 "lines http rtu327 transit commands identity web clock")) < 0 ||
	    (rc = load_lines(l, json_object_get(root, "lines"))) < 0 ||
	    (rc = load_server(l, root, "http", b->http_bind, sizeof(b->http_bind), &b->http_port)) <
		0 ||
	    (rc = load_server(l, root, "rtu327", b->rtu327_bind, sizeof(b->rtu327_bind),
		 &b->rtu327_port)) < 0 ||
	    (rc = load_transit(l, root)) < 0 || (rc = load_commands(l, root)) < 0 ||
	    (rc = get_text(l, "the board", root, "identity", b->identity, sizeof(b->identity))) < 0 ||
	    (rc = get_text(l, "the board", root, "web", b->web, sizeof(b->web))) < 0 ||
	    (rc = get_choice(l, "the board", root, "clock", clocks, &clock)) < 0)
		return rc;
	b->clock_system = clock == 1;
	return E_OK;
}

int
board_load(struct board *board, const char *path, char *why, size_t why_size)
{
	struct loader l = { .board = board, .path = path, .why = why, .size = why_size };
	json_error_t error;
	json_t *root;
	int rc;

	*board = (struct board){ .http_bind = "127.0.0.1", .http_port = 8080, .rtu327_bind = "::",
		.rtu327_port = 7777, .transit_bind = "::",
		.transit_port = { 1111, 2222, 3333, 4444 } };
	root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL) {
		if (error.line < 0) {
			refuse(&l, "cannot be read: %s", error.text);
			return E_NOTFOUND;
		}
		return refuse(&l, "line %d, column %d: %s", error.line, error.column, error.text);
	}
	rc = load_root(&l, root);
	json_decref(root);
	return rc;
}
