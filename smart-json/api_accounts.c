#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/accounts.h"
#include "smart-json/api.h"
#include "smart-json/edit.h"
#include "src/base/clock.h"

/* Who is logged in. */

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
