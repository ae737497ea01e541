#include "src/transit/row.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	json_t *object;
	char *why;
	size_t size;
	int rc;
};

static void
refuse(struct reader *r, const char *member)
{
	if (r->rc == E_OK)
		snprintf(r->why, r->size, "%s", member);
	r->rc = E_INVALID;
}

/* Absent, null and "" are the default; a number may be written as text (smart-json.md 8.4). */
static int64_t
number(struct reader *r, const char *member, int64_t least, int64_t most, int64_t otherwise)
{
	json_t *value = json_object_get(r->object, member);
	const char *text = json_string_value(value);
	char *end = NULL;
	long long n;

	if (value == NULL || json_is_null(value) || (text != NULL && text[0] == '\0'))
		return otherwise;
	n = text != NULL ? strtoll(text, &end, 10) : json_integer_value(value);
	if ((text != NULL ? *end != '\0' : !json_is_integer(value)) || n < least || n > most)
		refuse(r, member);
	return n;
}

static int
choice(struct reader *r, const char *member, const char *const *names)
{
	json_t *value = json_object_get(r->object, member);
	const char *text = json_string_value(value);

	if (value == NULL || json_is_null(value) || (text != NULL && text[0] == '\0'))
		return 0;
	for (int i = 0; text != NULL && names[i] != NULL; i++)
		if (strcmp(text, names[i]) == 0)
			return i;
	refuse(r, member);
	return 0;
}

static void
read_type(struct reader *r, struct tcp_row *row)
{
	const char *type = json_string_value(json_object_get(r->object, "type"));

	if (type != NULL && strcmp(type, "rtu327") == 0)
		row->bus = 0;
	else if (type != NULL && strncmp(type, "iface", 5) == 0 && type[5] >= '1' && type[5] <= '4' &&
	    type[6] == '\0')
		row->bus = (unsigned)(type[5] - '0');
	else
		refuse(r, "type");
}

static void
read_networks(struct reader *r, struct tcp_row *row)
{
	json_t *list = json_object_get(r->object, "allow"), *item;
	size_t i;

	if (list == NULL || json_is_null(list))
		return;
	if (!json_is_array(list) || json_array_size(list) > ROW_NETWORKS) {
		refuse(r, "allow");
		return;
	}
	json_array_foreach(list, i, item)
		if (!json_is_string(item) ||
		    address_range_parse(&row->allow[row->n_allow++], json_string_value(item)) < 0)
			refuse(r, "allow");
}

int
tcp_row_parse(struct tcp_row *row, const char *json, char *why, size_t why_size)
{
	static const char *const modes[] = { "refuse", "kick", "wait", "shared", NULL };
	static const char *const protos[] = { "raw", "line", "rfc2217", NULL };
	static const char *const ifaces[] = { "any", "eth", "modem", NULL };
	struct reader r = { .object = json_loads(json, 0, NULL), .why = why, .size = why_size };
	struct tcp_row made = { 0 };

	if (!json_is_object(r.object))
		refuse(&r, "row");
	made.port = (uint16_t)number(&r, "port", 1, 65535, 0);
	if (made.port == 0)
		refuse(&r, "port");
	read_type(&r, &made);
	made.tls = json_is_true(json_object_get(r.object, "tls"));
	made.mode = (enum transit_mode)choice(&r, "mode", modes);
	made.proto = (enum transit_proto)choice(&r, "proto", protos);
	made.iface = (enum transit_iface)choice(&r, "iface", ifaces);
	made.frame_hold_ms = (uint32_t)number(&r, "frame_hold_ms", 0, 1000, 0);
	made.wait_s = (uint32_t)number(&r, "wait_s", 1, 3600, 30);
	made.max_clients = (uint32_t)number(&r, "max_clients", 1, 16, 4);
	made.share_quiet_ms = (uint32_t)number(&r, "share_quiet_ms", 10, 60000, 300);
	made.idle_s = (int32_t)number(&r, "idle_s", 0, 86400, -1);
	read_networks(&r, &made);
	json_decref(r.object);
	if (r.rc == E_OK)
		*row = made;
	return r.rc;
}

bool
tcp_row_same_listener(const struct tcp_row *a, const struct tcp_row *b)
{
	return a->port == b->port && a->bus == b->bus && a->tls == b->tls;
}

bool
tcp_row_allows(const struct tcp_row *row, const uint8_t address[static 16])
{
	for (unsigned i = 0; i < row->n_allow; i++)
		if (address_range_has(&row->allow[i], address))
			return true;
	return row->n_allow == 0;
}
