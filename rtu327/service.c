/* What becomes of a request: an answer at once, a question to the archive, or the clock. */
#include "rtu327/server_private.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/civil.h"
#include "src/base/clock.h"
#include "src/base/log.h"

enum {
	SETTIME_REPEAT_MS = 10000,	/* rtu-327.md 8.4 */
	SMALL_REPLY = 64,
};

/* A request on its way through a worker thread. */
struct question {
	struct rtu327_job job;			/* first member */
	struct connection *connection;		/* NULL: gone */
	struct rtu327_context *context;
	struct rtu327_request request;
	uint8_t *reply;				/* NULL: no memory, or the server is closing */
	size_t len;
	enum rtu327_result result;
};

/* ---- journals ---- */

/* A row on its way into a journal: the store may let a writer wait, the loop may not. */
struct note {
	struct rtu327_job job;			/* first member */
	struct store *store;
	enum device_journal journal;
	int64_t ts;
	char json[256];
};

static void
write_note(struct rtu327_job *job, bool closing)
{
	struct note *n = (struct note *)job;

	(void)closing;
	if (store_journal_add(n->store, n->journal, n->ts, n->json) < 0)
		log_warn("rtu327", "not journalled: %s", n->json);
}

static void
note_written(struct rtu327_job *job)
{
	free(job);
}

void
service_note(struct rtu327 *server, enum device_journal journal, int64_t ts, const char *json)
{
	struct note *n = calloc(1, sizeof(*n));

	if (n != NULL) {
		*n = (struct note){
			.job = { .run = write_note, .done = note_written },
			.store = server->options.store, .journal = journal, .ts = ts,
		};
		snprintf(n->json, sizeof(n->json), "%s", json);
		if (rtu327_jobs_start(&server->jobs, &n->job) == E_OK)
			return;
	}
	free(n);
	log_warn("rtu327", "not journalled: %s", json);
}

void
service_journal(struct rtu327 *server, const char *text, const char *peer)
{
	char json[256];

	log_warn("rtu327", "client=%s: %s", peer, text);
	snprintf(json, sizeof(json), "{\"level\":\"warn\",\"unit\":\"rtu327\",\"text\":\"%s: %s\"}",
	    text, peer);
	service_note(server, DJ_SYSTEM, clock_utc(), json);
}

/* A request as hexadecimal digits, the password as stars. */
static void
trace_request(const struct connection *c, const uint8_t *body, size_t len)
{
	enum { MOST = 40, PASSWORD_AT = 2, PASSWORD_END = 6 };
	static const char digits[] = "0123456789abcdef";
	char text[2 * MOST + 1] = "";

	for (size_t i = 0; i < len && i < MOST; i++) {
		bool masked = i >= PASSWORD_AT && i < PASSWORD_END;

		text[2 * i] = masked ? '*' : digits[body[i] >> 4];
		text[2 * i + 1] = masked ? '*' : digits[body[i] & 15];
	}
	log_debug("rtu327", "client=%s rx=%s%s", c->peer, text, len > MOST ? "..." : "");
}

/* ---- replies ---- */

static void
count(struct connection *c, enum rtu327_result result)
{
	if (result == RTU327_OK)
		return;
	c->errors++;
	c->server->counters.errors++;
}

static void
refuse(struct connection *c, const uint8_t number[2], enum rtu327_result result)
{
	uint8_t reply[RTU327_ERROR_REPLY];
	size_t len = rtu327_refuse(c->server->context, number, result, reply);

	if (evbuffer_add(c->out, reply, len) != 0)
		c->closing = true;
	count(c, result);
}

void
service_corrupt(struct connection *c, const uint8_t *body, size_t len)
{
	trace_request(c, body, len);
	c->server->counters.corrupt++;
	refuse(c, body, RTU327_BAD_CRC);
}

/* ---- questions to the archive ---- */

static void
ask(struct rtu327_job *job, bool closing)
{
	struct question *q = (struct question *)job;
	uint8_t *buf, *fitting;

	if (closing || (buf = malloc(RTU327_FRAME_MOST)) == NULL)
		return;
	q->result = rtu327_answer(q->context, &q->request, buf, RTU327_FRAME_MOST, &q->len);
	fitting = realloc(buf, q->len);
	q->reply = fitting != NULL ? fitting : buf;
}

static void
free_reply(const void *data, size_t len, void *arg)
{
	(void)data;
	(void)len;
	free(arg);
}

static void
deliver(struct question *q)
{
	struct connection *c = q->connection;

	c->question = NULL;
	if (q->reply == NULL) {
		refuse(c, q->request.frame.number, RTU327_SERVER_ERROR);
	} else {
		count(c, q->result);
		if (q->result == (enum rtu327_result)q->context->settings.rtu_unknown_meter_code)
			server_missed(c->server);
		if (evbuffer_add_reference(c->out, q->reply, q->len, free_reply, q->reply) == 0)
			q->reply = NULL;
		else
			c->closing = true;
	}
	connection_run(c);
}

static void
answered(struct rtu327_job *job)
{
	struct question *q = (struct question *)job;

	if (q->connection != NULL)
		deliver(q);
	rtu327_context_release(q->context);
	free(q->reply);
	free(q);
}

void
service_forget(struct question *q)
{
	q->connection = NULL;
}

static void
ask_archive(struct connection *c, const struct rtu327_request *request)
{
	struct question *q = calloc(1, sizeof(*q));

	if (q == NULL) {
		refuse(c, request->frame.number, RTU327_SERVER_ERROR);
		return;
	}
	q->job = (struct rtu327_job){ .run = ask, .done = answered };
	q->connection = c;
	q->context = rtu327_context_hold(c->server->context);
	q->request = *request;
	if (rtu327_jobs_start(&c->server->jobs, &q->job) < 0) {
		rtu327_context_release(q->context);
		free(q);
		refuse(c, request->frame.number, RTU327_DATABASE_ERROR);
		return;
	}
	c->question = q;
}

/* ---- SETTIME (rtu-327.md 6.3) ---- */

static enum rtu327_result
set_time(struct connection *c, const struct rtu327_request *q)
{
	const struct rtu327_options *options = &c->server->options;
	struct settime_memo *memo = &c->settime;
	int64_t now = rtu327_now_ms(), before;
	char was[CIVIL_TEXT_SIZE], is[CIVIL_TEXT_SIZE];
	int rc;

	if (q->delta_s == 0)
		return RTU327_OK;
	if (c->server->context->settings.rtu_settime_dedup != 0 && memo->valid &&
	    now - memo->at_ms < SETTIME_REPEAT_MS && memo->delta_s == q->delta_s &&
	    memcmp(memo->number, q->frame.number, sizeof(memo->number)) == 0)
		return RTU327_OK;
	before = clock_utc();
	rc = E_UNSUPPORTED;
	if (options->clock_step != NULL)
		rc = options->clock_step(options->arg, q->delta_s);
	if (rc < 0) {
		log_error("rtu327", "client=%s delta_s=%d: clock not moved: %s", c->peer,
		    (int)q->delta_s, uspd_strerror(rc));
		return RTU327_SERVER_ERROR;
	}
	*memo = (struct settime_memo){ .valid = true, .delta_s = q->delta_s, .at_ms = rtu327_now_ms() };
	memcpy(memo->number, q->frame.number, sizeof(memo->number));
	civil_print(c->server->context->zone, before, 'T', was);
	civil_print(c->server->context->zone, before + q->delta_s, 'T', is);
	log_info("rtu327", "client=%s: clock moved from %s to %s", c->peer, was, is);
	return RTU327_OK;
}

/* ---- */

/* A client that guesses passwords is sent away (rtu-327.md 4). */
static void
watch_passwords(struct connection *c, enum rtu327_result result)
{
	if (result != RTU327_WRONG_PASSWORD) {
		c->wrong_passwords = 0;
		return;
	}
	if (++c->wrong_passwords < (unsigned)c->server->context->settings.rtu_auth_fail_limit)
		return;
	service_journal(c->server, "RTU-327: connection closed, too many wrong passwords", c->peer);
	c->closing = true;
}

static void
answer_now(struct connection *c, const struct rtu327_request *q)
{
	uint8_t reply[SMALL_REPLY];
	size_t len;

	count(c, rtu327_answer(c->server->context, q, reply, sizeof(reply), &len));
	if (evbuffer_add(c->out, reply, len) != 0)
		c->closing = true;
}

void
service_frame(struct connection *c, const uint8_t *body, size_t len)
{
	struct rtu327_request request;
	struct rtu327_frame frame;
	enum rtu327_result result;

	trace_request(c, body, len);
	if (rtu327_frame_open(body, len, &frame) < 0)
		return;
	result = rtu327_examine(c->server->context, &frame, &request);
	watch_passwords(c, result);
	if (result == RTU327_OK && frame.code == RTU327_SETTIME)
		refuse(c, frame.number, set_time(c, &request));
	else if (result != RTU327_OK)
		refuse(c, frame.number, result);
	else if (rtu327_asks_archive(&request))
		ask_archive(c, &request);
	else
		answer_now(c, &request);
}
