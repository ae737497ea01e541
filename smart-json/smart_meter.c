/* Orders to one meter: clock, relay, tariff calendar (smart-json.md 11). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api.h"
#include "smart-json/edit.h"
#include "smart-json/http_words.h"
#include "smart-json/smart.h"
#include "smart-json/smart_calendar.h"
#include "smart-json/smart_gather.h"
#include "smart-json/smart_meter_body.h"
#include "src/base/log.h"

enum { RETRY_S = 5, COMMAND_S = 60 };	/* a command grows stale: poller.md 7.3 */

struct order {
	struct gather *gather;
	const struct meter_table *table;
	const struct meter_row *row;
	json_t *body;
	const char *what;		/* for the audit */
	struct ask ask;
	struct calendar calendar;	/* of ASK_CALENDAR_SET */
	bool given, told;
	struct ask_answer answer;
};

static void
order_free(void *arg)
{
	struct order *o = arg;

	gather_free(o->gather);
	json_decref(o->body);
	if (o->table != NULL)
		meter_table_release(o->table);
	free(o);
}

/* ---- the one question of the gathering ---- */

static bool
next_question(void *arg, unsigned lane, struct ask *ask, uint32_t *slot)
{
	struct order *o = arg;

	if (o->given || lane != gather_lane(o->table, o->row))
		return false;
	ask->kind = o->ask.kind;
	ask->meter = o->row->id;
	ask->relay = o->ask.relay;
	ask->on = o->ask.on;
	ask->part = o->ask.part;
	ask->active = o->ask.active;
	ask->calendar = &o->calendar;
	memcpy(ask->by, o->ask.by, sizeof(ask->by));
	*slot = 0;
	o->given = true;
	return true;
}

static void
take_answer(void *arg, uint32_t slot, const struct ask *ask, const struct ask_answer *answer)
{
	struct order *o = arg;

	(void)slot;
	(void)ask;
	o->answer = *answer;
	o->told = true;
}

static const struct gather_ops ops = { next_question, NULL, take_answer };

/* ---- the end ---- */

static int
res_of(int rc)
{
	switch (rc) {
	case E_BUSY: return RES_BUSY;
	case E_NOTFOUND: return RES_NOT_FOUND;
	case E_UNSUPPORTED: case E_NODRIVER: return RES_NO_HARDWARE;
	default: return RES_INTERNAL;
	}
}

static int
status_of(const struct order *o, int rc)
{
	switch (rc) {
	case E_BUSY:        return 423;
	case E_NOTFOUND:    return 422;
	case E_NODRIVER:    return 501;
	case E_LIMIT: case E_STOPPED: return 503;
	case E_UNSUPPORTED: return o->ask.kind == ASK_CALENDAR_SET ? 501 : 500;
	default:            return 500;
	}
}

/* Who ordered what, and what became of it. */
static void
journal(struct http_call *call, const struct order *o, int rc)
{
	json_t *after = json_deep_copy(o->body);
	char key[16];

	snprintf(key, sizeof(key), "%" PRIu32, o->row->id);
	json_object_set_new(after, "result", json_string(rc == E_OK ? "ok" : uspd_strerror(rc)));
	edit_audit(call, o->what, key, NULL, after);
	json_decref(after);
}

static const char *const active_refused[] = {
	"действующий календарь не записывается: запишите пассивный и включите его",
	"the active calendar cannot be written: write the passive one and activate it",
};

static void
answer_order(struct http_call *call)
{
	struct order *o = call->job;
	int rc = o->told ? o->answer.rc : E_TIMEOUT;

	journal(call, o, rc);
	if (store_sync(call->server->store) < 0)
		log_warn("http", "meter=%" PRIu32 ": %s is not journalled yet", o->row->id, o->what);
	if (rc == E_OK)
		smart_ok(call);
	else if (rc == E_REFUSED && o->ask.active)
		http_fail_res(call, 500, RES_RANGE, "/type", "%s", active_refused[call->english]);
	else
		http_fail_res(call, status_of(o, rc), res_of(rc), NULL, "%s",
		    gather_error(rc, call->english));
}

/* ---- the beginning ---- */

static void
give_order(struct http_call *call, struct order *o)
{
	struct settings settings;
	int64_t seconds;
	int rc;

	store_settings(call->server->store, &settings);
	seconds = settings.http_moment_s < COMMAND_S ? settings.http_moment_s : COMMAND_S;
	call->resumed = answer_order;
	rc = gather_start(&o->gather, call, &ops, o, seconds);
	if (rc < 0) {
		call->retry_after_s = RETRY_S;
		http_fail_res(call, 503, RES_BUSY, NULL, "too many requests wait for meters");
	}
}

/* The order with its meter, or NULL and the refusal made.  `shape` is what the body must be. */
static struct order *
order_make(struct http_call *call, const struct body_shape *shape, const char *what)
{
	json_t *body = smart_body(call);
	json_int_t id;
	struct order *o;

	if (body == NULL)
		return NULL;
	if (!body_check(call, body, shape) || api_poller(call) == NULL) {
		json_decref(body);
		return NULL;
	}
	if ((o = calloc(1, sizeof(*o))) == NULL) {
		json_decref(body);
		http_fail_err(call, E_NOMEM, NULL, "the order");
		return NULL;
	}
	call->job = o;
	call->job_free = order_free;
	o->body = body;
	o->what = what;
	o->table = store_meters(call->server->store);
	id = body_number(body, "id");
	if (o->table != NULL && id <= UINT32_MAX)
		o->row = meter_table_find(o->table, (uint32_t)id);
	if (o->row != NULL)
		return o;
	http_fail_res(call, 422, RES_NOT_FOUND, "/id", "there is no meter %lld", (long long)id);
	return NULL;
}

void
smart_meter_time(struct http_call *call)
{
	struct order *o = order_make(call, &body_meter_time, "meter/time");

	if (o == NULL)
		return;
	o->ask.kind = ASK_CLOCK_SYNC;
	give_order(call, o);
}

void
smart_meter_relay(struct http_call *call)
{
	struct order *o = order_make(call, &body_meter_relay, "meter/relay");

	if (o == NULL)
		return;
	o->ask.kind = ASK_RELAY_SET;
	o->ask.relay = (unsigned)body_number(o->body, "relayId");
	o->ask.on = body_number(o->body, "relayState") != 0;
	snprintf(o->ask.by, sizeof(o->ask.by), "%s", call->login);
	give_order(call, o);
}

void
smart_meter_calendar(struct http_call *call)
{
	enum calendar_part part = CALENDAR_NAME;
	const struct body_shape *shape = body_calendar(call->arg[0], &part);
	const char *type, *where;
	struct order *o;
	int rc;

	if (shape == NULL) {
		http_fail(call, 405, NULL, "no such path: %s", call->head->path);
		return;
	}
	if ((o = order_make(call, shape, "meter/calendar")) == NULL)
		return;
	type = json_string_value(json_object_get(o->body, "type"));
	o->ask.kind = ASK_CALENDAR_SET;
	o->ask.part = part;
	o->ask.active = type != NULL && (*type == 'A' || *type == 'a');
	rc = calendar_take(&o->calendar, part, o->body, &where);
	if (rc < 0)
		http_fail_res(call, 422, RES_RANGE, where, "%s: %s", where,
		    http_word(call->english, rc == E_LIMIT ? "too many rows" : "out of range"));
	else
		give_order(call, o);
}
