/* The endpoints of meter data (smart-json.md 10.1). */
#include "smart-json/smart_data.h"

#include <stdlib.h>

#include "smart-json/smart.h"
#include "src/base/log.h"

static int
next_piece(struct http_call *call)
{
	struct data_job *job = call->job;
	int rc = data_answer_piece(job->answer, &call->out);

	if (rc < 0) /* the answer breaks off without its end: nobody takes a part for the whole */
		log_error("http", "path=%s: the archive cannot be read: %s", call->head->path,
		    uspd_strerror(rc));
	return rc;
}

void
data_answer_send(struct http_call *call)
{
	struct data_job *job = call->job;
	int rc = data_answer_piece(job->answer, &call->out);

	if (rc < 0)
		http_fail_err(call, rc, NULL, "the archive cannot be read");
	else if (rc > 0)
		call->more = next_piece;
}

static void
free_job(void *arg)
{
	struct data_job *job = arg;

	data_answer_free(job->answer);
	free(job);
}

static void
answer_from_archive(struct http_call *call, struct data_query *q)
{
	struct data_job *job = calloc(1, sizeof(*job));

	if (job == NULL || data_answer_make(&job->answer, q, NULL, NULL) < 0) {
		if (job == NULL)
			data_query_free(q);
		free(job);
		http_fail_err(call, E_NOMEM, NULL, "the request");
		return;
	}
	call->job = job;
	call->job_free = free_job;
	data_answer_send(call);
}

void
smart_arch(struct http_call *call)
{
	struct data_query *q = data_query_make(call, MEASURES_ARCH);

	if (q != NULL)
		answer_from_archive(call, q);
}

void
smart_moment(struct http_call *call)
{
	struct data_query *q = data_query_make(call, MEASURES_MOMENT);

	if (q != NULL)
		data_ask_meters(call, q);
}

void
smart_data31(struct http_call *call)
{
	struct data_query *q = data_query_make(call, MEASURES_31);
	bool now = false;

	if (q == NULL)
		return;
	for (size_t i = 0; i < q->n_measures; i++)
		now = now || q->measures[i].now;
	if (now)
		data_ask_meters(call, q);
	else
		answer_from_archive(call, q);
}
