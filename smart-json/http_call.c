#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>

#include "smart-json/http_gzip.h"
#include "smart-json/http_private.h"
#include "src/base/clock.h"
#include "src/base/loop.h"

/* One request while it runs: in the loop, in a worker, waiting for somebody, sending piece by piece. */

enum { RESUME_AGAIN_US = 20000 };

struct exchange *
exchange_new(struct conn *conn)
{
	struct exchange *ex = calloc(1, sizeof(*ex));

	if (ex == NULL)
		return NULL;
	ex->http = conn->http;
	ex->conn = conn;
	ex->call.server = &conn->http->options;
	ex->call.head = &ex->head;
	ex->call.login = ex->login;
	ex->call.status = 200;
	ex->call.type = "application/json";
	ex->call.body = "";
	LIST_INSERT_HEAD(&conn->http->exchanges, ex, next);
	conn->exchange = ex;
	return ex;
}

void
exchange_free(struct exchange *ex)
{
	if (ex->call.gone != NULL)
		ex->call.gone(&ex->call);
	if (ex->call.job_free != NULL)
		ex->call.job_free(ex->call.job);
	LIST_REMOVE(ex, next);
	ex->http->body_bytes -= ex->body.len;
	upload_close(ex);
	gzip_close(ex->gzip);
	text_free(&ex->call.out);
	text_free(&ex->body);
	free(ex->head_text);
	free(ex);
}

/* Who works on it, or will resume it, gives it back later. */
void
exchange_leave(struct exchange *ex)
{
	ex->conn = NULL;
	if (!ex->working && ex->stage != EXCHANGE_WAITING)
		exchange_free(ex);
}

/* A worker that had it has ended, with or without the handler's having set a resumption. */
void
exchange_stop(struct exchange *ex)
{
	if (ex->stage != EXCHANGE_WAITING && !(ex->working && ex->call.resumed != NULL)) {
		exchange_free(ex);
		return;
	}
	if (ex->call.gone != NULL)
		ex->call.gone(&ex->call);
	ex->call.gone = NULL;
}

/* ---- running ---- */

static void resume(struct exchange *ex);
static void run_again(struct exchange *ex);

/* After more() has run. */
static void
after_piece(struct exchange *ex)
{
	if (ex->result < 0 || ex->call.out.failed) {
		/* No end mark: the client sees that the answer is cut. */
		conn_free(ex->conn);
		return;
	}
	ex->last = ex->result == 0;
	if (!ex->last && ex->call.out.len == 0) {
		run_again(ex);
		return;
	}
	exchange_send_chunk(ex, &ex->call.out);
	if (ex->last && ex->head.minor == 1)
		evbuffer_add(bufferevent_get_output(ex->conn->bev), "0\r\n\r\n", 5);
	else if (ex->last && evbuffer_get_length(bufferevent_get_output(ex->conn->bev)) == 0)
		conn_finished(ex->conn);
}

/* After the handler, or more(), has run; in the loop. */
static void
after_run(struct exchange *ex)
{
	if (ex->stage == EXCHANGE_FIRST && ex->call.resumed != NULL) {
		ex->stage = EXCHANGE_WAITING;
		if (ex->resume_early)
			resume(ex);
	} else if (ex->conn == NULL) {
		exchange_free(ex);
	} else if (ex->started) {
		after_piece(ex);
	} else if ((ex->call.more != NULL || ex->call.events) && ex->call.status == 200) {
		exchange_start_stream(ex);
	} else {
		exchange_answer(ex);
	}
}

static void
work_run(void *arg)
{
	struct exchange *ex = arg;

	if (ex->started)
		ex->result = ex->call.more(&ex->call);
	else if (ex->stage == EXCHANGE_RESUMED)
		ex->call.resumed(&ex->call);
	else
		ex->route->handler(&ex->call);
	if (ex->started || ex->stage == EXCHANGE_RESUMED || ex->call.resumed == NULL)
		exchange_compress(ex);
}

static void
work_done(void *arg)
{
	struct exchange *ex = arg;

	ex->working = false;
	after_run(ex);
}

static int
to_worker(struct exchange *ex)
{
	int rc = loop_work(ex->http->options.loop, work_run, work_done, ex);

	ex->working = rc == E_OK;
	return rc;
}

static void
run_again(struct exchange *ex)
{
	if (to_worker(ex) < 0)
		conn_free(ex->conn);
}

static void
answer_busy(struct exchange *ex)
{
	http_fail(&ex->call, 503, NULL, "too many requests wait; try again later");
	exchange_answer(ex);
}

void
exchange_run(struct exchange *ex)
{
	ex->call.body = ex->body.p != NULL ? ex->body.p : "";
	ex->call.body_len = ex->body.len;
	if (ex->route->place == IN_LOOP) {
		ex->route->handler(&ex->call);
		after_run(ex);
	} else if (to_worker(ex) < 0) {
		answer_busy(ex);
	}
}

void
exchange_drained(struct exchange *ex)
{
	if (ex->last)
		conn_finished(ex->conn);
	else if (!ex->working)
		run_again(ex);
}

/* ---- answers that come later ---- */

static void
resume(struct exchange *ex)
{
	ex->stage = EXCHANGE_RESUMED;
	if (to_worker(ex) == E_OK)
		return;
	if (ex->conn == NULL)
		exchange_free(ex);
	else
		answer_busy(ex);
}

static void
resume_in_loop(void *arg)
{
	struct exchange *ex = arg;

	/* Its handler may not have come back yet. */
	if (ex->stage == EXCHANGE_WAITING)
		resume(ex);
	else
		ex->resume_early = true;
}

void
http_resume(struct http_call *call)
{
	struct exchange *ex = (struct exchange *)call;

	/* Somebody waits for it: memory comes back, or everything ends. */
	while (loop_post(ex->http->options.loop, resume_in_loop, ex) < 0)
		clock_sleep_until_us(clock_mono_us() + RESUME_AGAIN_US);
}

const char *
http_arg(const struct http_call *call, const char *name)
{
	return http_head_arg(call->head, name);
}
