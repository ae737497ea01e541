/* bus/{n}/scan: looking for meters on a bus; the last scan of each bus is remembered. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api_bus.h"
#include "smart-json/edit.h"

enum { FOUND_MOST = 512, SETTINGS_MOST = 4 };

struct found { uint32_t address; char settings[16], serial[32], model[32]; };
struct scan {
	pthread_mutex_t lock;		/* guards what follows */
	uint64_t number;		/* 0: none yet */
	uint16_t type;
	bool runs;
	int rc;
	uint32_t tried, total, n_found;
	struct found found[FOUND_MOST];
};
struct api_scans { struct scan buses[SERIAL_BUSES]; };

int
api_scans_open(struct api_scans **out)
{
	struct api_scans *scans = calloc(1, sizeof(*scans));

	*out = scans;
	if (scans == NULL)
		return E_NOMEM;
	for (int i = 0; i < SERIAL_BUSES; i++)
		pthread_mutex_init(&scans->buses[i].lock, NULL);
	return E_OK;
}

void
api_scans_close(struct api_scans *scans)
{
	for (int i = 0; scans != NULL && i < SERIAL_BUSES; i++)
		pthread_mutex_destroy(&scans->buses[i].lock);
	free(scans);
}

/* ---- told in the bus thread ---- */

static void
scan_found(void *arg, uint32_t address, const char *settings, const char *serial, const char *model)
{
	struct scan *s = arg;

	pthread_mutex_lock(&s->lock);
	if (s->n_found < FOUND_MOST) {
		struct found *f = &s->found[s->n_found++];

		*f = (struct found){ .address = address };
		snprintf(f->settings, sizeof(f->settings), "%s", settings);
		snprintf(f->serial, sizeof(f->serial), "%s", serial);
		snprintf(f->model, sizeof(f->model), "%s", model);
	}
	pthread_mutex_unlock(&s->lock);
}

static void
scan_progress(void *arg, uint32_t tried, uint32_t total)
{
	struct scan *s = arg;

	pthread_mutex_lock(&s->lock);
	s->tried = tried;
	s->total = total;
	pthread_mutex_unlock(&s->lock);
}

static void
scan_ended(void *arg, int rc)
{
	struct scan *s = arg;

	pthread_mutex_lock(&s->lock);
	s->runs = false;
	s->rc = rc;
	pthread_mutex_unlock(&s->lock);
}

/* ---- handlers ---- */

static bool
take_lines(struct http_call *call, const json_t *list, struct bus_scan *scan)
{
	char where[32];
	json_t *value;
	size_t i;

	if (list == NULL || json_is_null(list))
		return true;
	if (json_is_string(list))
		return api_member_settings(call, "/settings", list, scan->settings[0]);
	if (!json_is_array(list) || json_array_size(list) > SETTINGS_MOST) {
		http_fail(call, 422, "/settings", "settings: at most %d, like \"9600,8n1\"",
		    SETTINGS_MOST);
		return false;
	}
	json_array_foreach(list, i, value) {
		snprintf(where, sizeof(where), "/settings/%zu", i);
		if (!api_member_settings(call, where, value, scan->settings[i]))
			return false;
	}
	return true;
}

static bool
take_scan(struct http_call *call, const json_t *body, struct bus_scan *scan)
{
	size_t digits;

	scan->from = 1;
	scan->to = 240;
	if (!api_member_type(call, body, &scan->type) ||
	    !api_member_number(call, body, "from", 0, UINT32_MAX, &scan->from) ||
	    !api_member_number(call, body, "to", 0, UINT32_MAX, &scan->to) ||
	    !take_lines(call, json_object_get(body, "settings"), scan) ||
	    !api_member_text(call, body, "password", scan->password, sizeof(scan->password)))
		return false;
	digits = strspn(scan->password, "0123456789abcdefABCDEF");
	if (scan->password[digits] != '\0' || digits % 2 != 0)
		http_fail(call, 422, "/password", "password: pairs of hex digits");
	else if (scan->from > scan->to)
		http_fail(call, 422, "/to", "to: not less than from");
	else
		return true;
	return false;
}

/* A scan that could not begin leaves the old one as it was, except that its callbacks may not come
 * before all is set. */
static int
begin(struct poll *poll, unsigned bus, struct scan *s, struct bus_scan *order)
{
	uint64_t number;
	int rc;

	order->found = scan_found;
	order->progress = scan_progress;
	order->ended = scan_ended;
	order->arg = s;
	pthread_mutex_lock(&s->lock);
	rc = s->runs ? E_BUSY : poll_bus_scan(poll, bus, order, &number);
	if (rc == E_OK) {
		s->number = number;
		s->type = order->type;
		s->runs = true;
		s->rc = E_OK;
		s->tried = s->n_found = 0;
		s->total = order->to - order->from + 1;
	}
	pthread_mutex_unlock(&s->lock);
	return rc;
}

static struct scan *
scan_of(struct http_call *call, unsigned bus)
{
	const struct api *api = call->state;

	return &api->buses->scans->buses[bus - 1];
}

void
api_scan_post(struct http_call *call)
{
	unsigned bus = api_bus_number(call);
	struct bus_scan order = { 0 };
	struct poll *poll;
	json_t *body;
	int rc;

	if (bus == 0 || (poll = api_poller(call)) == NULL || (body = api_member_body(call)) == NULL)
		return;
	if (take_scan(call, body, &order)) {
		rc = begin(poll, bus, scan_of(call, bus), &order);
		if (rc == E_OK) {
			edit_audit(call, "bus/scan", call->arg[0], NULL, body);
			api_reply(call,
			    json_pack("{s:i, s:I}", "res", 0, "scan",
				(json_int_t)scan_of(call, bus)->number));
		} else {
			api_bus_refuse(call, bus, rc);
		}
	}
	json_decref(body);
}

static json_t *
found_json(const struct scan *s)
{
	json_t *list = json_array();

	for (uint32_t i = 0; i < s->n_found; i++)
		json_array_append_new(list,
		    json_pack("{s:I, s:s, s:s, s:s}", "addr", (json_int_t)s->found[i].address,
			"settings", s->found[i].settings, "serial", s->found[i].serial, "model",
			s->found[i].model));
	return list;
}

static const char *
scan_state(const struct scan *s)
{
	if (s->runs)
		return "running";
	if (s->rc == E_OK)
		return "done";
	return s->rc == E_STOPPED ? "stopped" : "failed";
}

void
api_scan_get(struct http_call *call)
{
	unsigned bus = api_bus_number(call);
	json_t *json = NULL;
	struct scan *s;

	if (bus == 0)
		return;
	s = scan_of(call, bus);
	pthread_mutex_lock(&s->lock);
	if (s->number != 0) {
		json = json_pack("{s:I, s:s, s:i, s:I, s:I, s:o}", "scan", (json_int_t)s->number,
		    "state", scan_state(s), "type", s->type, "tried", (json_int_t)s->tried, "total",
		    (json_int_t)s->total, "found", found_json(s));
		if (!s->runs && s->rc < 0 && s->rc != E_STOPPED)
			json_object_set_new(json, "error", json_string(uspd_strerror(s->rc)));
	}
	pthread_mutex_unlock(&s->lock);
	if (json != NULL)
		api_reply(call, json);
	else
		http_fail(call, 404, NULL, "bus %u was not scanned yet", bus);
}

void
api_scan_delete(struct http_call *call)
{
	unsigned bus = api_bus_number(call);
	uint64_t number = 0;
	struct scan *s;

	if (bus == 0 || api_poller(call) == NULL)
		return;
	s = scan_of(call, bus);
	pthread_mutex_lock(&s->lock);
	if (s->runs)
		number = s->number;
	pthread_mutex_unlock(&s->lock);
	if (number != 0)
		poll_bus_scan_stop(call->server->poll, number);
	api_reply(call, json_pack("{s:i}", "res", 0));
}
