/* POST bus/{n}/ping and bus/{n}/raw, and what the handlers of buses share. */
#include "smart-json/api_bus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/edit.h"
#include "smart-json/smart.h"
#include "smart-json/smart_gather.h"
#include "src/base/checksum.h"
#include "src/model/model.h"

enum {
	PING_SECONDS = 60,
	RAW_MOST = 254,			/* bytes to send, without the checksum */
	RAW_RX_MOST = 4096,
	ANSWER_MS = 1000, ANSWER_MOST_MS = 10000, SILENCE_MS = 50, SILENCE_MOST_MS = 2000,
};

/* ---- shared ---- */

int
api_buses_open(struct api_buses **out)
{
	struct api_buses *buses = calloc(1, sizeof(*buses));
	int rc = buses == NULL ? E_NOMEM : E_OK;

	if (rc == E_OK)
		rc = api_scans_open(&buses->scans);
	if (rc == E_OK)
		rc = api_traces_open(&buses->traces);
	if (rc < 0)
		api_buses_close(buses);
	*out = rc == E_OK ? buses : NULL;
	return rc;
}

void
api_buses_close(struct api_buses *buses)
{
	if (buses == NULL)
		return;
	api_scans_close(buses->scans);
	api_traces_close(buses->traces);
	free(buses);
}

unsigned
api_bus_number(struct http_call *call)
{
	const char *text = call->arg[0];

	if (text[0] >= '1' && text[0] < '1' + SERIAL_BUSES && text[1] == '\0')
		return (unsigned)(text[0] - '0');
	http_fail(call, 404, NULL, "buses are numbered from 1 to %d", SERIAL_BUSES);
	return 0;
}

static void
refuse_taken(struct http_call *call, unsigned bus)
{
	struct poll_bus_status *buses = calloc(API_BUSES, sizeof(*buses));
	size_t n = buses != NULL ? poll_buses(call->server->poll, buses, API_BUSES) : 0;
	const char *holder = "";
	bool scans = false;

	for (size_t i = 0; i < n; i++)
		if (strcmp(buses[i].name, meter_iface_name(IFACE_1 + bus - 1)) == 0) {
			holder = buses[i].holder;
			scans = buses[i].state == BUS_SCAN;
		}
	if (scans)
		http_fail_res(call, 423, RES_BUSY, NULL, "the bus is being scanned");
	else
		http_fail_res(call, 423, RES_BUSY, NULL, "the bus is lent to a client of transit%s%s",
		    holder[0] != '\0' ? ": " : "", holder);
	free(buses);
}

void
api_bus_refuse(struct http_call *call, unsigned bus, int rc)
{
	switch (rc) {
	case E_NOTFOUND: http_fail(call, 404, NULL, "this board has no bus %u", bus); break;
	case E_BUSY:     refuse_taken(call, bus); break;
	case E_NODRIVER: http_fail(call, 422, "/type", "there is no driver for this type"); break;
	case E_INVALID:  http_fail(call, 422, "", "this makes no sense to the bus"); break;
	case E_LIMIT:    http_fail(call, 422, "", "too much for one order"); break;
	default:         http_fail_err(call, rc, NULL, "the bus");
	}
}

bool
api_member_number(struct http_call *call, const json_t *body, const char *name, int64_t least,
    int64_t most, uint32_t *value)
{
	const json_t *member = json_object_get(body, name);
	char where[32];

	if (member == NULL || json_is_null(member))
		return true;
	if (json_is_integer(member) && json_integer_value(member) >= least &&
	    json_integer_value(member) <= most) {
		*value = (uint32_t)json_integer_value(member);
		return true;
	}
	snprintf(where, sizeof(where), "/%s", name);
	http_fail(call, 422, where, "%s: a whole number from %lld to %lld", name, (long long)least,
	    (long long)most);
	return false;
}

bool
api_member_text(struct http_call *call, const json_t *body, const char *name, char *to, size_t size)
{
	const json_t *member = json_object_get(body, name);
	char where[32];

	if (member == NULL || json_is_null(member))
		return true;
	if (json_is_string(member) && json_string_length(member) < size &&
	    strlen(json_string_value(member)) == json_string_length(member)) {
		snprintf(to, size, "%s", json_string_value(member));
		return true;
	}
	snprintf(where, sizeof(where), "/%s", name);
	http_fail(call, 422, where, "%s: a text of at most %zu characters", name, size - 1);
	return false;
}

bool
api_member_type(struct http_call *call, const json_t *body, uint16_t *type)
{
	const json_t *member = json_object_get(body, "type");
	const struct meter_type *found = NULL;

	if (json_is_integer(member) && json_integer_value(member) > 0 &&
	    json_integer_value(member) <= UINT16_MAX)
		found = meter_type_by_id((unsigned)json_integer_value(member));
	else if (json_is_string(member))
		found = meter_type_by_name(json_string_value(member));
	if (found != NULL)
		*type = found->id;
	else
		http_fail(call, 422, "/type", "type: the number or the name of a meter type");
	return found != NULL;
}

bool
api_member_settings(struct http_call *call, const char *where, const json_t *value, char to[static 16])
{
	struct line_settings settings;

	if (json_is_string(value) && json_string_length(value) < 16 &&
	    line_settings_parse(&settings, json_string_value(value)) == E_OK) {
		snprintf(to, 16, "%s", json_string_value(value));
		return true;
	}
	http_fail(call, 422, where, "line settings look like \"9600,8n1\"");
	return false;
}

json_t *
api_member_body(struct http_call *call)
{
	json_t *body = call->body_len > 0 ? api_body(call) : json_object();

	if (body != NULL && !json_is_object(body)) {
		json_decref(body);
		body = NULL;
		http_fail(call, 422, "", "the body must be an object");
	}
	return body;
}

/* ---- ping ---- */

struct ping {
	struct gather *gather;
	uint32_t meter;
	unsigned lane;
	bool asked, answered;
	struct ask_answer answer;
};

static bool
ping_next(void *arg, unsigned lane, struct ask *ask, uint32_t *slot)
{
	struct ping *p = arg;

	if (lane != p->lane || p->asked)
		return false;
	p->asked = true;
	ask->kind = ASK_PING;
	ask->meter = p->meter;
	*slot = 0;
	return true;
}

static void
ping_answered(void *arg, uint32_t slot, const struct ask *ask, const struct ask_answer *answer)
{
	struct ping *p = arg;

	(void)slot;
	(void)ask;
	p->answer = *answer;
	p->answered = true;
}

static const struct gather_ops ping_ops = { ping_next, NULL, ping_answered };

static void
ping_free(void *job)
{
	struct ping *p = job;

	gather_free(p->gather);
	free(p);
}

/* Did it speak, if only to refuse? */
static bool
is_answer(int rc)
{
	return rc == E_OK || rc == E_DENIED || rc == E_REFUSED || rc == E_METER ||
	    rc == E_UNSUPPORTED || rc == E_NODATA;
}

static void
ping_resumed(struct http_call *call)
{
	const struct ping *p = call->job;
	int rc = p->answered ? p->answer.rc : E_TIMEOUT;
	unsigned bus = p->lane < SERIAL_BUSES ? p->lane + 1 : 0;
	json_t *json;

	if (rc == E_BUSY || rc == E_STOPPED || rc == E_LIMIT || rc == E_NODRIVER) {
		api_bus_refuse(call, bus, rc);
		return;
	}
	json = json_pack("{s:i, s:I, s:b, s:s, s:s}", "res", 0, "id", (json_int_t)p->meter, "answer",
	    is_answer(rc), "serial", p->answer.serial, "model", p->answer.model);
	if (rc == E_OK)
		json_object_set_new(json, "ms", json_integer(p->answer.took_ms));
	else
		json_object_set_new(json, "error", json_string(gather_error(rc, call->english)));
	if (p->answer.diff_known)
		json_object_set_new(json, "diff", json_integer(p->answer.diff_s));
	api_reply(call, json);
}

/* The meter must hang on this bus: 404 else. */
static bool
ping_route(struct http_call *call, unsigned bus, struct ping *p)
{
	const struct meter_table *table = store_meters(call->server->store);
	const struct meter_row *row = meter_table_find(table, p->meter);

	if (row != NULL)
		p->lane = gather_lane(table, row);
	meter_table_release(table);
	if (row != NULL && p->lane == bus - 1)
		return true;
	http_fail(call, 422, "/id",
	    row == NULL ? "there is no meter %u" : "meter %u is not on this bus", p->meter);
	return false;
}

void
api_bus_ping(struct http_call *call)
{
	unsigned bus = api_bus_number(call);
	json_t *body = NULL;
	struct ping *p;

	if (bus == 0 || api_poller(call) == NULL || (body = api_member_body(call)) == NULL)
		return;
	if ((p = calloc(1, sizeof(*p))) == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the ping");
		json_decref(body);
		return;
	}
	call->job = p;
	call->job_free = ping_free;
	if (json_object_get(body, "id") == NULL) {
		http_fail(call, 422, "/id",
		    "the number of a meter; a scan asks what is not in the table");
	} else if (api_member_number(call, body, "id", 1, INT32_MAX, &p->meter) &&
	    ping_route(call, bus, p)) {
		call->resumed = ping_resumed;
		if (gather_start(&p->gather, call, &ping_ops, p, PING_SECONDS) < 0)
			http_fail(call, 503, NULL, "too many requests wait for meters");
	}
	json_decref(body);
}

/* ---- raw exchange ---- */

struct raw {
	struct http_call *call;
	unsigned bus;
	struct bus_raw order;
	int rc;
	uint8_t rx[RAW_RX_MOST];
	size_t rx_len;
	uint32_t took_us;
};

static json_t *
hex_of(const uint8_t *bytes, size_t n)
{
	char hex[2 * RAW_RX_MOST + 1];

	for (size_t i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	return json_stringn(hex, 2 * n);
}

static void
raw_answered(void *arg, int rc, const uint8_t *rx, size_t len, uint32_t took_us)
{
	struct raw *r = arg;

	r->rc = rc;
	r->rx_len = len < sizeof(r->rx) ? len : sizeof(r->rx);
	if (r->rx_len > 0)
		memcpy(r->rx, rx, r->rx_len);
	r->took_us = took_us;
	http_resume(r->call);
}

static void
raw_resumed(struct http_call *call)
{
	const struct raw *r = call->job;
	json_t *json;

	if (r->rc == E_BUSY || r->rc == E_STOPPED) {
		api_bus_refuse(call, r->bus, r->rc);
		return;
	}
	json = json_pack("{s:i, s:o, s:o, s:I}", "res", 0, "tx", hex_of(r->order.tx, r->order.tx_len),
	    "rx", hex_of(r->rx, r->rx_len), "us", (json_int_t)r->took_us);
	if (r->rc < 0)
		json_object_set_new(json, "error", json_string(gather_error(r->rc, call->english)));
	api_reply(call, json);
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Pairs of digits; spaces between pairs are passed over. */
static bool
parse_hex(const char *hex, size_t len, uint8_t *to, size_t most, size_t *n)
{
	*n = 0;
	for (size_t i = 0; i < len;) {
		if (hex[i] == ' ') {
			i++;
			continue;
		}
		if (i + 1 >= len || hex_digit(hex[i]) < 0 || hex_digit(hex[i + 1]) < 0 || *n == most)
			return false;
		to[(*n)++] = (uint8_t)(hex_digit(hex[i]) << 4 | hex_digit(hex[i + 1]));
		i += 2;
	}
	return *n > 0;
}

static bool
take_bytes(struct http_call *call, const json_t *body, struct bus_raw *order)
{
	const json_t *hex = json_object_get(body, "hex");
	char kind[20] = "none";
	uint16_t crc;

	if (!json_is_string(hex) ||
	    !parse_hex(json_string_value(hex), json_string_length(hex), order->tx, RAW_MOST,
		&order->tx_len)) {
		http_fail(call, 422, "/hex", "hex: 1 to %d bytes as pairs of digits", RAW_MOST);
		return false;
	}
	if (!api_member_text(call, body, "checksum", kind, sizeof(kind)))
		return false;
	if (strcmp(kind, "crc16-modbus") == 0 || strcmp(kind, "mercury") == 0) {
		crc = crc16_modbus(order->tx, order->tx_len);
		order->tx[order->tx_len++] = (uint8_t)crc;
		order->tx[order->tx_len++] = (uint8_t)(crc >> 8);
	} else if (strcmp(kind, "none") != 0) {
		http_fail(call, 422, "/checksum", "checksum: none, crc16-modbus or mercury");
		return false;
	}
	return true;
}

static bool
take_raw(struct http_call *call, const json_t *body, struct bus_raw *order)
{
	const json_t *settings = json_object_get(body, "settings");

	order->answer_ms = ANSWER_MS;
	order->silence_ms = SILENCE_MS;
	return take_bytes(call, body, order) &&
	    (settings == NULL || json_is_null(settings) || json_string_length(settings) == 0 ||
		api_member_settings(call, "/settings", settings, order->settings)) &&
	    api_member_number(call, body, "answer_ms", 1, ANSWER_MOST_MS, &order->answer_ms) &&
	    api_member_number(call, body, "silence_ms", 1, SILENCE_MOST_MS, &order->silence_ms);
}

void
api_bus_raw(struct http_call *call)
{
	unsigned bus = api_bus_number(call);
	struct poll *poll;
	json_t *body = NULL;
	struct raw *r;
	int rc;

	if (bus == 0 || (poll = api_poller(call)) == NULL || (body = api_member_body(call)) == NULL)
		return;
	if ((r = calloc(1, sizeof(*r))) == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the exchange");
		json_decref(body);
		return;
	}
	r->call = call;
	r->bus = bus;
	call->job = r;
	call->job_free = free;
	if (take_raw(call, body, &r->order)) {
		r->order.answered = raw_answered;
		r->order.arg = r;
		call->resumed = raw_resumed; /* not before this handler has returned */
		if ((rc = poll_bus_raw(poll, bus, &r->order)) < 0) {
			call->resumed = NULL;
			api_bus_refuse(call, bus, rc);
		} else {
			edit_audit(call, "bus/raw", call->arg[0], NULL, body);
		}
	}
	json_decref(body);
}
