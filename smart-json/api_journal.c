#include "smart-json/api.h"

#include <inttypes.h>
#include <string.h>

#include "src/base/civil.h"

/* Journals of the device, whole rows; that of changes has a path of its own. */

enum { JOURNAL_LIMIT = 1000, AUDIT_LIMIT = 100, AUDIT_MOST = 1000 };

struct page {
	struct text *out;
	struct zone zone;
	int64_t from, to;	/* of the times of rows */
	size_t n, limit;
	bool more;
};

static int
print_row(void *arg, uint64_t id, int64_t ts, const char *json)
{
	struct page *page = arg;
	char time[CIVIL_TEXT_SIZE];
	size_t len = strlen(json);

	if (ts < page->from || ts > page->to)
		return 0;
	if (page->n == page->limit) {
		page->more = true;
		return 1;
	}
	text_printf(page->out, "%s{\"id\":%" PRIu64 ",\"ts\":%" PRId64 ",\"time\":\"%s\"",
	    page->n++ > 0 ? ",\n" : "", id, ts, civil_print(page->zone, ts, 'T', time));
	/* The stored text is an object; its members follow ours. */
	if (len > 2 && json[0] == '{' && json[len - 1] == '}')
		text_printf(page->out, ",%s", json + 1);
	else
		text_str(page->out, "}");
	return page->out->failed ? E_NOMEM : 0;
}

/* limit: unless the client says another; most: whatever it says. */
static void
answer_rows(struct http_call *call, enum device_journal kind, const char *order, size_t limit,
    size_t most)
{
	struct page page = { .out = &call->out, .zone = store_zone(call->server->store),
		.from = INT64_MIN, .to = INT64_MAX, .limit = limit };
	const char *asked = http_arg(call, "order");
	size_t after = 0;
	int rc;

	order = asked != NULL ? asked : order;
	if (strcmp(order, "asc") != 0 && strcmp(order, "desc") != 0) {
		http_fail(call, 422, "order", "order: asc or desc");
		return;
	}
	if (!api_arg_count(call, "after", &after) || !api_arg_count(call, "limit", &page.limit) ||
	    !api_arg_time(call, "from", &page.from) || !api_arg_time(call, "to", &page.to))
		return;
	if (page.limit == 0 || page.limit > most)
		page.limit = most;
	text_str(&call->out, "{\"rows\":[");
	rc = store_journal_read(call->server->store, kind, after, 0, order[0] == 'd', print_row, &page);
	if (rc < 0)
		http_fail_err(call, rc, NULL, "the journal cannot be read");
	else
		text_printf(&call->out, "],\"more\":%s,\"last\":%" PRIu64 "}\n",
		    page.more ? "true" : "false", store_journal_last(call->server->store, kind));
}

void
api_journal(struct http_call *call)
{
	unsigned kind = 0;

	while (
	    kind < DJ_COUNT && strcmp(call->arg[0], store_journal_name((enum device_journal)kind)) != 0)
		kind++;
	if (kind == DJ_COUNT)
		http_fail(call, 404, NULL, "there is no journal \"%.40s\"", call->arg[0]);
	else if (kind == DJ_AUDIT && call->level < LEVEL_ADMIN)
		http_fail(call, 403, NULL, "your account may not do this");
	else
		answer_rows(call, (enum device_journal)kind, "asc", JOURNAL_LIMIT, SIZE_MAX);
}

void
api_audit(struct http_call *call)
{
	answer_rows(call, DJ_AUDIT, "desc", AUDIT_LIMIT, AUDIT_MOST);
}
