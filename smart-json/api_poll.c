#include "smart-json/api.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "smart-json/when.h"

/* POST poll, GET poll/{n}: orders by hand and their progress. */

enum { IDS_MAX = 65535 };

static bool
take_ids(struct http_call *call, json_t *list, uint32_t **ids, size_t *n)
{
	char where[32];
	json_t *value;
	size_t i;

	if (list == NULL || json_is_null(list))
		return true;
	if (!json_is_array(list) || json_array_size(list) > IDS_MAX) {
		http_fail(call, 422, "/ids", "ids: a list of meter ids");
		return false;
	}
	if ((*ids = calloc(json_array_size(list) + 1, sizeof(**ids))) == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the order cannot be taken");
		return false;
	}
	json_array_foreach(list, i, value) {
		json_int_t id = json_integer_value(value);

		if (!json_is_integer(value) || id < 1 || id > INT32_MAX) {
			snprintf(where, sizeof(where), "/ids/%zu", i);
			http_fail(call, 422, where, "an id is a whole number from 1");
			return false;
		}
		(*ids)[(*n)++] = (uint32_t)id;
	}
	return true;
}

static bool
take_types(struct http_call *call, json_t *list, struct poll_order *order)
{
	enum record_type type;
	unsigned journal;
	char where[32];
	json_t *value;
	size_t i;

	if (list == NULL || json_is_null(list))
		return true;
	if (!json_is_array(list)) {
		http_fail(call, 422, "/types", "types: a list of record types");
		return false;
	}
	json_array_foreach(list, i, value) {
		if (!json_is_string(value) ||
		    !api_record_type(json_string_value(value), &type, &journal)) {
			snprintf(where, sizeof(where), "/types/%zu", i);
			http_fail(call, 422, where, "no such record type: \"%.40s\"",
			    json_is_string(value) ? json_string_value(value) : "");
			return false;
		}
		order->types |= REC_BIT(type);
		order->journals |= journal_bit(journal);
	}
	return true;
}

static bool
take_time(struct http_call *call, const char *where, const json_t *value, int64_t *ts)
{
	if (value == NULL || json_is_null(value))
		return true;
	if (json_is_integer(value) && json_integer_value(value) >= 0) {
		*ts = json_integer_value(value);
		return true;
	}
	if (json_is_string(value) &&
	    when_parse(store_zone(call->server->store), json_string_value(value), ts) == E_OK)
		return true;
	http_fail(call, 422, where, "neither unix seconds nor a date like 2024-06-01T00:00");
	return false;
}

static void
start(struct http_call *call, struct poll *poll, const struct poll_order *order)
{
	struct api *api = call->state;
	uint64_t run = 0;
	int rc = poll_start(poll, order, &run);

	if (rc == E_NOTFOUND) {
		http_fail(call, 422, "/ids", "none of these meters is in the table");
		return;
	}
	if (rc < 0) {
		http_fail_err(call, rc, NULL, "the poll was not started");
		return;
	}
	pthread_mutex_lock(&api->lock);
	api->last_run = run;
	pthread_mutex_unlock(&api->lock);
	api_reply(call, json_pack("{s:i, s:I}", "res", 0, "run", (json_int_t)run));
}

void
api_poll_post(struct http_call *call)
{
	struct poll *poll = api_poller(call);
	struct poll_order order = { 0 };
	json_t *body = NULL;
	uint32_t *ids = NULL;
	size_t n = 0;

	if (poll == NULL)
		return;
	body = call->body_len > 0 ? api_body(call) : json_object();
	if (body == NULL)
		return;
	if (!json_is_object(body)) {
		http_fail(call, 422, "", "an order is an object");
	} else if (take_ids(call, json_object_get(body, "ids"), &ids, &n) &&
	    take_types(call, json_object_get(body, "types"), &order) &&
	    take_time(call, "/from", json_object_get(body, "from"), &order.from) &&
	    take_time(call, "/to", json_object_get(body, "to"), &order.to)) {
		order.meters = ids;
		order.n_meters = n;
		order.again = json_is_true(json_object_get(body, "again"));
		start(call, poll, &order);
	}
	free(ids);
	json_decref(body);
}

void
api_poll_get(struct http_call *call)
{
	struct poll *poll = api_poller(call);
	struct poll_progress progress = { 0 };
	unsigned long long run;
	char *end;
	int rc = E_NOTFOUND;

	if (poll == NULL)
		return;
	errno = 0;
	run = strtoull(call->arg[0], &end, 10);
	if (call->arg[0][0] >= '0' && call->arg[0][0] <= '9' && *end == '\0' && errno == 0)
		rc = poll_progress(poll, run, &progress);
	if (rc == E_OK)
		api_reply(call, api_progress_json(&progress));
	else
		http_fail(call, 404, NULL, "there is no run %.24s (or it is forgotten)", call->arg[0]);
}
