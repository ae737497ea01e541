/* bus/{n}/trace: what passes on a bus, as lines, as events and as a pcapng file. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api_bus.h"
#include "smart-json/edit.h"
#include "smart-json/pcapng.h"
#include "smart-json/trace.h"
#include "src/base/clock.h"

enum {
	SECONDS = 600, SECONDS_MOST = 3600,
	LINES = 1000, LINES_MOST = 100000,
	EVENTS_A_TICK = 500,		/* a slow listener is spared more */
	PIECE_SIZE = 64 * 1024,
};

struct bus_trace {
	struct trace *trace;		/* NULL: none */
	int64_t since, until;		/* UTC */
	int64_t until_us;		/* monotonic */
	bool open;			/* the tap is set */
	uint64_t told;			/* lines given to listeners */
};
struct api_traces {
	pthread_mutex_t lock;
	struct bus_trace buses[SERIAL_BUSES];
};

int
api_traces_open(struct api_traces **out)
{
	struct api_traces *traces = calloc(1, sizeof(*traces));

	*out = traces;
	if (traces == NULL)
		return E_NOMEM;
	pthread_mutex_init(&traces->lock, NULL);
	return E_OK;
}

void
api_traces_close(struct api_traces *traces)
{
	if (traces == NULL)
		return;
	for (int i = 0; i < SERIAL_BUSES; i++)
		trace_drop(traces->buses[i].trace);
	pthread_mutex_destroy(&traces->lock);
	free(traces);
}

static struct api_traces *
traces_of(struct http_call *call)
{
	const struct api *api = call->state;

	return api->buses->traces;
}

static void
tap(void *arg, enum tap_direction way, int64_t utc_us, const uint8_t *bytes, size_t n)
{
	trace_add(arg, way, utc_us, bytes, n);
}

/* Lock held.  What was recorded stays. */
static void
end_tap(struct poll *poll, struct bus_trace *b, unsigned bus)
{
	if (b->open && poll_bus_tap(poll, bus, NULL, NULL) == E_OK)
		b->open = false;
}

static void
end_when_over(struct poll *poll, struct bus_trace *b, unsigned bus)
{
	if (b->open && poll != NULL && clock_mono_us() >= b->until_us)
		end_tap(poll, b, bus);
}

/* ---- opening and ending ---- */

static int
begin(struct poll *poll, struct api_traces *traces, unsigned bus, uint32_t seconds)
{
	struct bus_trace *b = &traces->buses[bus - 1];
	struct trace *fresh = trace_new();
	int rc = fresh == NULL ? E_NOMEM : E_OK;

	pthread_mutex_lock(&traces->lock);
	if (rc == E_OK)
		rc = poll_bus_tap(poll, bus, tap, fresh);
	if (rc == E_OK) {
		trace_drop(b->trace);
		*b = (struct bus_trace){ .trace = fresh, .open = true, .since = clock_utc(),
			.until = clock_utc() + seconds,
			.until_us = clock_mono_us() + (int64_t)seconds * 1000000 };
	}
	pthread_mutex_unlock(&traces->lock);
	if (rc < 0)
		trace_drop(fresh);
	return rc;
}

void
api_trace_post(struct http_call *call)
{
	unsigned bus = api_bus_number(call);
	uint32_t seconds = SECONDS;
	struct poll *poll;
	json_t *body;
	int64_t until;
	int rc;

	if (bus == 0 || (poll = api_poller(call)) == NULL || (body = api_member_body(call)) == NULL)
		return;
	if (api_member_number(call, body, "seconds", 1, SECONDS_MOST, &seconds)) {
		rc = begin(poll, traces_of(call), bus, seconds);
		if (rc == E_OK) {
			edit_audit(call, "bus/trace", call->arg[0], NULL, body);
			until = clock_utc() + seconds;
			api_reply(call, json_pack("{s:i, s:I}", "res", 0, "until", (json_int_t)until));
		} else {
			api_bus_refuse(call, bus, rc);
		}
	}
	json_decref(body);
}

void
api_trace_delete(struct http_call *call)
{
	unsigned bus = api_bus_number(call);
	struct api_traces *traces = traces_of(call);
	struct trace *old;

	if (bus == 0 || api_poller(call) == NULL)
		return;
	pthread_mutex_lock(&traces->lock);
	end_tap(call->server->poll, &traces->buses[bus - 1], bus);
	old = traces->buses[bus - 1].trace;
	traces->buses[bus - 1] = (struct bus_trace){ 0 };
	pthread_mutex_unlock(&traces->lock);
	trace_drop(old);
	api_reply(call, json_pack("{s:i}", "res", 0));
}

/* ---- reading ---- */

/* One reading of what the ring holds, piece by piece. */
struct reading {
	struct trace *trace;
	bool open;
	int64_t since, until;
	unsigned bus;
	uint64_t after, last;
	size_t left;
	bool begun, comma, ended;
	void (*begin)(struct reading *, struct text *);
	void (*line)(struct reading *, struct text *, const struct trace_line *);
	void (*end)(struct reading *, struct text *);
	struct trace_line present;
};

static void
reading_free(void *job)
{
	struct reading *r = job;

	trace_drop(r->trace);
	free(r);
}

static int
reading_more(struct http_call *call)
{
	struct reading *r = call->job;
	struct text *out = &call->out;

	if (!r->begun && r->begin != NULL)
		r->begin(r, out);
	r->begun = true;
	while (out->len < PIECE_SIZE && r->left > 0 && trace_next(r->trace, r->after, &r->present) &&
	    r->present.number <= r->last) {
		r->after = r->present.number;
		r->left--;
		r->line(r, out, &r->present);
	}
	if (out->len >= PIECE_SIZE)
		return out->failed ? E_NOMEM : 1;
	if (r->end != NULL)
		r->end(r, out);
	return out->failed ? E_NOMEM : 0;
}

/* NULL: the refusal is made. */
static struct reading *
reading_new(struct http_call *call)
{
	unsigned bus = api_bus_number(call);
	struct api_traces *traces = traces_of(call);
	struct reading *r;
	struct bus_trace *b;

	if (bus == 0)
		return NULL;
	if ((r = calloc(1, sizeof(*r))) == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the trace");
		return NULL;
	}
	b = &traces->buses[bus - 1];
	pthread_mutex_lock(&traces->lock);
	end_when_over(call->server->poll, b, bus);
	if (b->trace != NULL) {
		r->trace = trace_hold(b->trace);
		r->open = b->open;
		r->since = b->since;
		r->until = b->until;
		r->last = trace_last(b->trace);
	}
	pthread_mutex_unlock(&traces->lock);
	r->bus = bus;
	r->left = LINES_MOST;
	call->job = r;
	call->job_free = reading_free;
	if (r->trace != NULL)
		return r;
	http_fail(call, 404, NULL, "bus %u is not traced; POST begins that", bus);
	return NULL;
}

static void
put_hex(struct text *out, const struct trace_line *line, const char *between)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < line->len; i++) {
		char pair[2] = { digits[line->bytes[i] >> 4], digits[line->bytes[i] & 15] };

		if (i > 0)
			text_str(out, between);
		text_add(out, pair, 2);
	}
}

static const char *
way_name(enum tap_direction way)
{
	return way == TAP_SENT ? "tx" : "rx";
}

static void
json_line(struct text *out, const struct trace_line *line)
{
	text_printf(out, "\"t\":%lld.%06d,\"dir\":\"%s\",\"hex\":\"",
	    (long long)(line->utc_us / 1000000), (int)(line->utc_us % 1000000), way_name(line->way));
	put_hex(out, line, "");
	text_str(out, "\"}");
}

static void
lines_begin(struct reading *r, struct text *out)
{
	text_printf(out, "{\"bus\":%u,\"open\":%s,\"since\":%lld,\"until\":%lld,\"lines\":[", r->bus,
	    r->open ? "true" : "false", (long long)r->since, (long long)r->until);
}

static void
lines_line(struct reading *r, struct text *out, const struct trace_line *line)
{
	text_printf(out, "%s\n{\"n\":%llu,", r->comma ? "," : "", (unsigned long long)line->number);
	json_line(out, line);
	r->comma = true;
}

static void
lines_end(struct reading *r, struct text *out)
{
	text_printf(out, "],\"last\":%llu}\n", (unsigned long long)r->last);
}

static void
text_line(struct reading *r, struct text *out, const struct trace_line *line)
{
	struct civil t = civil_from_utc((struct zone){ 0 }, line->utc_us / 1000000);

	(void)r;
	text_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ %s ", t.year, t.month, t.day, t.hour,
	    t.minute, t.second, (int)(line->utc_us % 1000000), way_name(line->way));
	put_hex(out, line, " ");
	text_str(out, "\n");
}

void
api_trace_get(struct http_call *call)
{
	const char *format = http_arg(call, "format");
	size_t after = 0, limit = LINES;
	struct reading *r;

	if (!api_arg_count(call, "after", &after) || !api_arg_count(call, "limit", &limit))
		return;
	if (format != NULL && strcmp(format, "text") != 0 && strcmp(format, "json") != 0) {
		http_fail(call, 422, "format", "format: json or text");
		return;
	}
	if ((r = reading_new(call)) == NULL)
		return;
	r->after = after;
	if (limit > 0 && limit < r->left)
		r->left = limit;
	if (format != NULL && format[0] == 't') {
		call->type = "text/plain; charset=utf-8";
		r->line = text_line;
	} else {
		r->begin = lines_begin;
		r->line = lines_line;
		r->end = lines_end;
	}
	call->more = reading_more;
}

static void
pcapng_head(struct reading *r, struct text *out)
{
	pcapng_begin(out, meter_iface_name(IFACE_1 + r->bus - 1));
}

static void
pcapng_line(struct reading *r, struct text *out, const struct trace_line *line)
{
	(void)r;
	pcapng_packet(out, line->way, line->utc_us, line->bytes, line->len);
}

void
api_trace_pcapng(struct http_call *call)
{
	struct reading *r = reading_new(call);

	if (r == NULL)
		return;
	call->type = "application/x-pcapng";
	call->disposition = "attachment; filename=\"bus.pcapng\"";
	r->begin = pcapng_head;
	r->line = pcapng_line;
	call->more = reading_more;
}

/* ---- events ---- */

static void
tell_bus(struct api *api, struct bus_trace *b, unsigned bus, struct trace_line *line)
{
	uint64_t settled = trace_settled(b->trace, clock_utc_us());

	/* The numbers of lines tell a listener what it has missed. */
	if (settled > b->told + 2 * EVENTS_A_TICK)
		b->told = settled - EVENTS_A_TICK;
	for (int i = 0; i < EVENTS_A_TICK && trace_next(b->trace, b->told, line); i++) {
		struct text json = { 0 };

		if (line->number > settled)
			break;
		b->told = line->number;
		text_printf(&json, "{\"bus\":%u,\"n\":%llu,", bus, (unsigned long long)line->number);
		json_line(&json, line);
		if (!json.failed)
			api_events_tell(api->events, "trace", json.p, LEVEL_ADMIN);
		text_free(&json);
	}
}

void
api_traces_tell(struct api *api)
{
	static struct trace_line line; /* of the loop */
	struct api_traces *traces = api->buses->traces;

	pthread_mutex_lock(&traces->lock);
	for (unsigned i = 0; i < SERIAL_BUSES; i++) {
		struct bus_trace *b = &traces->buses[i];

		end_when_over(api->server->poll, b, i + 1);
		if (b->trace != NULL)
			tell_bus(api, b, i + 1, &line);
	}
	pthread_mutex_unlock(&traces->lock);
}
