#include "smart-json/smart.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "smart-json/api.h"
#include "smart-json/edit.h"
#include "smart-json/http_words.h"
#include "smart-json/when.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/store/store.h"
#include "src/system/device.h"

/* POST and PUT /action/... (smart-json.md 12): orders to the device. */

/* The orders, or NULL and the refusal made. */
static const struct device_orders *
orders_of(struct http_call *call)
{
	if (call->server->orders == NULL)
		http_fail_res(call, 501, RES_NO_HARDWARE, NULL,
		    "this device takes no orders of that kind");
	return call->server->orders;
}

/* Any body is tolerated here, even none or a list. */
void
smart_restart(struct http_call *call)
{
	const struct device_orders *orders = orders_of(call);

	if (orders == NULL)
		return;
	edit_audit(call, "restart", "", NULL, NULL);
	orders->restart(orders->arg);
	smart_ok(call);
}

static void
set_time(struct http_call *call, int64_t utc)
{
	const struct device_orders *orders = orders_of(call);
	json_t *before, *after;
	int rc;

	if (orders == NULL)
		return;
	before = json_integer(clock_utc());
	after = json_integer(utc);
	rc = orders->clock_set(orders->arg, utc, CLOCK_BY_HTTP);
	if (rc == E_INVALID)
		http_fail(call, 422, "/time", "the clock goes from 2000 to 2099");
	else if (rc < 0)
		http_fail(call, 500, NULL, "the clock cannot be set: %s",
		    http_word(call->english, uspd_strerror(rc)));
	else {
		edit_audit(call, "clock", "", before, after);
		/* The journals of commands are durable before the answer (system.md 14). */
		if (store_sync(call->server->store) < 0)
			log_warn("http", "the clock is set, but not journalled yet");
		smart_ok(call);
	}
	json_decref(before);
	json_decref(after);
}

void
smart_time_set(struct http_call *call)
{
	json_t *body = smart_body(call);
	const json_t *time = json_object_get(body, "time");
	struct zone zone = store_zone(call->server->store);
	char number[24];
	int64_t utc;

	if (body == NULL)
		return;
	snprintf(number, sizeof(number), "%" PRId64, (int64_t)json_integer_value(time));
	if (time == NULL)
		http_fail_res(call, 400, RES_MISSING, "/time", "the body has no \"time\"");
	else if (!json_is_string(time) && !json_is_integer(time))
		http_fail_res(call, 400, RES_TYPE, "/time", "\"time\" must be a text");
	else if (when_parse(zone, json_is_string(time) ? json_string_value(time) : number, &utc) < 0)
		http_fail(call, 422, "/time", "this is no time like 2024-06-01T12:00:00+03:00");
	else
		set_time(call, utc);
	json_decref(body);
}

void
smart_time_sync(struct http_call *call)
{
	const struct device_orders *orders = orders_of(call);
	int rc;

	if (orders == NULL)
		return;
	if ((rc = orders->clock_sync(orders->arg)) == E_OK)
		smart_ok(call);
	else if (rc == E_UNSUPPORTED)
		http_fail_res(call, 501, RES_NO_HARDWARE, NULL, "no time servers are asked here");
	else
		http_fail(call, 500, NULL, "the time servers were not asked: %s",
		    http_word(call->english, uspd_strerror(rc)));
}

void
smart_storage_sync(struct http_call *call)
{
	int rc = store_sync(call->server->store);

	if (rc < 0) {
		http_fail_err(call, rc, NULL, "not all is on the disk");
		return;
	}
	store_checkpoint(call->server->store);
	smart_ok(call);
}
