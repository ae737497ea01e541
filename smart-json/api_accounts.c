#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/accounts.h"
#include "smart-json/api.h"
#include "smart-json/edit.h"
#include "src/base/clock.h"

/* Who is logged in, and who changed what. */

enum { AUDIT_LIMIT = 100, AUDIT_MOST = 1000 };

/* ---- tickets ---- */

void
api_tickets_get(struct http_call *call)
{
	struct ticket_info *list = calloc(TICKETS_MOST, sizeof(*list));
	json_t *rows = json_array();
	size_t n = 0;

	if (list != NULL && call->server->accounts != NULL)
		n = accounts_tickets(call->server->accounts, list, TICKETS_MOST);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows,
		    json_pack("{s:I, s:s, s:i, s:s, s:I, s:I, s:I}", "number",
			(json_int_t)list[i].number, "login", list[i].login, "lvl", list[i].level,
			"peer", list[i].peer, "since", (json_int_t)list[i].since, "used",
			(json_int_t)list[i].used, "until", (json_int_t)list[i].until));
	free(list);
	api_reply(call, json_pack("{s:o, s:I}", "rows", rows, "time", (json_int_t)clock_utc()));
}

void
api_tickets_delete(struct http_call *call)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(call->arg[0], &end, 10);
	if (*call->arg[0] < '0' || *call->arg[0] > '9' || *end != '\0' || errno != 0)
		http_fail(call, 422, NULL, "\"%.40s\" is not the number of a ticket", call->arg[0]);
	else if (call->server->accounts == NULL || !accounts_end_ticket(call->server->accounts, number))
		http_fail(call, 404, NULL, "there is no ticket %llu", number);
	else
		edit_audit(call, "ticket", call->arg[0], NULL, NULL);
}

/* ---- audit ---- */

struct audit {
	struct text *out;
	struct zone zone;
	int64_t from, to;
	size_t limit, n;
	bool more;
};

static int
print_row(void *arg, uint64_t id, int64_t ts, const char *json)
{
	struct audit *job = arg;
	char time[CIVIL_TEXT_SIZE];
	size_t len = strlen(json);

	if (ts < job->from || ts > job->to)
		return 0;
	if (job->n == job->limit) {
		job->more = true;
		return 1;
	}
	text_printf(job->out, "%s{\"id\":%" PRIu64 ",\"ts\":%" PRId64 ",\"time\":\"%s\"",
	    job->n++ > 0 ? ",\n" : "", id, ts, civil_print(job->zone, ts, 'T', time));
	/* The stored text is an object; its members follow ours. */
	if (len > 2 && json[0] == '{' && json[len - 1] == '}')
		text_printf(job->out, ",%s", json + 1);
	else
		text_str(job->out, "}");
	return job->out->failed ? E_NOMEM : 0;
}

void
api_audit(struct http_call *call)
{
	struct audit job = { .out = &call->out, .zone = store_zone(call->server->store),
		.from = INT64_MIN, .to = INT64_MAX, .limit = AUDIT_LIMIT };
	const char *order = http_arg(call, "order");
	bool newest_first = order == NULL || strcmp(order, "desc") == 0;
	size_t after = 0;
	int rc;

	if (!newest_first && strcmp(order, "asc") != 0) {
		http_fail(call, 422, "order", "order: asc or desc");
		return;
	}
	if (!api_arg_time(call, "from", &job.from) || !api_arg_time(call, "to", &job.to) ||
	    !api_arg_count(call, "limit", &job.limit) || !api_arg_count(call, "after", &after))
		return;
	if (job.limit == 0 || job.limit > AUDIT_MOST)
		job.limit = AUDIT_MOST;
	text_str(&call->out, "{\"rows\":[");
	rc = store_journal_read(call->server->store, DJ_AUDIT, after, 0, newest_first, print_row, &job);
	if (rc < 0)
		http_fail_err(call, rc, NULL, "the journal cannot be read");
	else
		text_printf(&call->out, "],\"more\":%s,\"last\":%" PRIu64 "}\n",
		    job.more ? "true" : "false", store_journal_last(call->server->store, DJ_AUDIT));
}
