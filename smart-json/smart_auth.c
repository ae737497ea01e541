#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "smart-json/accounts.h"
#include "smart-json/smart.h"
#include "src/store/store.h"

/* Login, logoff, and the gate of the old page (smart-json.md 3). */

enum { COOKIE_SIZE = 128 };

static void
say_ok(struct http_call *call)
{
	call->type = "text/html";
	text_str(&call->out, "200 OK");
}

/* The attributes can be switched off for clients that take the field apart naively. */
static void
set_cookie(struct http_call *call, const char *ticket)
{
	struct settings settings;
	char *cookie = malloc(COOKIE_SIZE);

	if (cookie == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "no login now");
		return;
	}
	store_settings(call->server->store, &settings);
	snprintf(cookie, COOKIE_SIZE, "sessionid=%s%s%s", ticket,
	    settings.http_cookie_flags ? "; Path=/; HttpOnly; SameSite=Strict" : "",
	    settings.http_cookie_flags && call->tls ? "; Secure" : "");
	call->job = cookie;
	call->job_free = free;
	call->cookie = cookie;
	say_ok(call);
}

void
smart_auth(struct http_call *call)
{
	const char *login, *password;
	char ticket[TICKET_SIZE];
	json_t *body;
	int rc;

	if (call->server->accounts == NULL) {
		http_fail(call, 501, NULL, "there are no accounts on this server");
		return;
	}
	if ((body = smart_body(call)) == NULL)
		return;
	login = json_string_value(json_object_get(body, "login"));
	password = json_string_value(json_object_get(body, "password"));
	if (login == NULL || password == NULL) {
		http_fail_res(call, 400, RES_MISSING, login == NULL ? "/login" : "/password",
		    "login and password are needed, as strings");
	} else if ((rc = accounts_login(call->server->accounts, login, password, call->peer, ticket,
			&call->retry_after_s)) == E_OK) {
		set_cookie(call, ticket);
	} else if (rc == E_DENIED) {
		http_fail(call, 403, NULL, "wrong login or password");
	} else if (rc == E_BUSY) {
		http_fail(call, 429, NULL, "too many wrong logins; try again later");
	} else {
		http_fail_err(call, rc, NULL, "no login now");
	}
	json_decref(body);
}

/* Only the ticket that counts ends: the last valid one. */
void
smart_logoff(struct http_call *call)
{
	struct accounts *accounts = call->server->accounts;
	const struct http_head *head = call->head;
	struct ticket ticket;

	for (size_t i = head->n_fields; i-- > 0 && accounts != NULL;) {
		if (strcasecmp(head->fields[i].name, "Cookie") != 0 ||
		    accounts_ticket(accounts, head->fields[i].value, &ticket) < 0)
			continue;
		accounts_logoff(accounts, head->fields[i].value);
		break;
	}
	say_ok(call);
}

void
smart_main_index(struct http_call *call)
{
	say_ok(call);
}
