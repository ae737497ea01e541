#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "smart-json/api.h"
#include "smart-json/http_fields.h"
#include "smart-json/http_private.h"
#include "smart-json/smart.h"
#include "src/base/log.h"

/* The spaces served: a new one is a row here; the one without a prefix comes last. */
const struct http_space *const http_spaces[] = { &api_space, &smart_space, NULL };
_Static_assert(sizeof(http_spaces) / sizeof(http_spaces[0]) <= SPACES_MAX, "room for every state");

static const char metrics_path[] = "/metrics";	/* open to everybody by http.metrics_open */
static const char accounts_path[] = "settings/proto/json/auth";

/* ---- which handler ---- */

/* What a path leads to. */
struct found {
	const struct http_space *space;
	unsigned methods;	/* served by its routes; 0: no such path */
	bool open;		/* one of them needs no ticket */
};

/* Compares a path with a pattern; "{}" takes one segment, "{*}" the rest.  Cuts the path at the
 * ends of what was taken only when all of it fits. */
static bool
path_fits(const char *pattern, char *path, char *arg[HTTP_PATH_ARGS])
{
	char *end[HTTP_PATH_ARGS] = { NULL };
	size_t n = 0;

	while (*pattern != '\0') {
		if (*pattern != '{') {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		if (n == HTTP_PATH_ARGS || *path == '\0' || *path == '/')
			return false;
		arg[n] = path;
		path += pattern[1] == '*' ? strlen(path) : strcspn(path, "/");
		end[n++] = path;
		pattern = strchr(pattern, '}') + 1;
	}
	if (*path != '\0')
		return false;
	for (size_t i = 0; i < n; i++)
		*end[i] = '\0';
	return true;
}

static const struct http_space *
find_space(struct exchange *ex, char **rest)
{
	const struct http_space *const *spaces = ex->http->options.spaces;

	for (size_t i = 0; i < ex->http->n_states; i++) {
		size_t n = strlen(spaces[i]->prefix);

		if (strncmp(ex->head.path, spaces[i]->prefix, n) != 0 ||
		    (ex->head.path[n] != '/' && ex->head.path[n] != '\0'))
			continue;
		*rest = ex->head.path + n + (ex->head.path[n] == '/');
		ex->call.state = ex->http->state[i];
		return spaces[i];
	}
	return NULL;
}

static bool
method_served(enum http_method asked, unsigned methods)
{
	return ((unsigned)asked & methods) != 0 || (asked == HTTP_HEAD && (methods & HTTP_GET) != 0);
}

static void
take_route(struct exchange *ex, struct found *found, const struct http_route *route)
{
	found->methods |= route->methods;
	found->open |= route->level == LEVEL_ANYBODY;
	if (method_served(ex->head.method, route->methods))
		ex->route = route;
}

/* A route of the other dialect is as good as none. */
static void
find_route(struct exchange *ex, struct found *found)
{
	char *rest = NULL, *arg[HTTP_PATH_ARGS] = { NULL };
	const struct http_space *space = find_space(ex, &rest);
	const char *path = NULL;

	found->space = space;
	if (space != NULL && *space->prefix == '\0' && http_is_page(ex->head.path)) {
		take_route(ex, found, &http_static_route);
		return;
	}
	for (size_t i = 0; space != NULL && i < space->n_routes && ex->route == NULL; i++) {
		const struct http_route *route = &space->routes[i];

		if (route->dialects != 0 && (route->dialects & ex->call.dialect) == 0)
			continue;
		if (path != NULL ? strcmp(route->path, path) != 0 : !path_fits(route->path, rest, arg))
			continue;
		path = route->path;
		take_route(ex, found, route);
	}
	memcpy(ex->call.arg, arg, sizeof(arg));
}

/* ---- who asks ---- */

static const char *
dialect_name(const struct exchange *ex)
{
	return ex->call.dialect == DIALECT_40 ? "40" : "31";
}

/* What a proxy on this machine tells of the client, and what the client tells of itself. */
static void
look_at_client(struct exchange *ex)
{
	const char *dialect = http_head_field(&ex->head, "X-Protocol-USPD");
	const char *address = http_head_field(&ex->head, "X-Real-IP");
	const char *scheme = http_head_field(&ex->head, "X-Forwarded-Proto");
	struct conn *conn = ex->conn;

	ex->call.dialect = dialect != NULL && strcmp(dialect, "40") == 0 ? DIALECT_40 : DIALECT_31;
	if (conn->local && address != NULL && http_is_address(address))
		snprintf(conn->peer, sizeof(conn->peer), "%s", address);
	ex->call.tls = conn->local && scheme != NULL && strcmp(scheme, "https") == 0;
	memcpy(ex->call.peer, conn->peer, sizeof(conn->peer));
}

/* Russian, unless the client prefers English (smart-json.md 5); programs that use /api/v1 without
 * telling a language read the English of its documents. */
static bool
english_wanted(const struct exchange *ex, const struct http_space *space)
{
	const char *accept = http_head_field(&ex->head, "Accept-Language");

	return accept != NULL ? http_english_preferred(accept) :
				space != NULL && *space->prefix != '\0';
}

static void
take_login(struct exchange *ex, enum http_level level, const char *login)
{
	ex->call.level = level;
	snprintf(ex->login, sizeof(ex->login), "%s", login);
	ex->call.login = ex->login;
}

/* Of several valid tickets the last counts (smart-json.md 3.1). */
static bool
take_ticket(struct exchange *ex)
{
	struct ticket ticket;

	for (size_t i = ex->head.n_fields; i-- > 0;) {
		if (strcasecmp(ex->head.fields[i].name, "Cookie") != 0 ||
		    accounts_ticket(ex->http->options.accounts, ex->head.fields[i].value, &ticket) < 0)
			continue;
		take_login(ex, (enum http_level)ticket.level, ticket.login);
		ex->must_change = ticket.must_change;
		ex->call.must_change = ticket.must_change != MUST_NOT_CHANGE;
		return true;
	}
	return false;
}

static bool
is_known(struct exchange *ex)
{
	const char *authorization = http_head_field(&ex->head, "Authorization");

	if (ex->http->options.dir == NULL) {
		ex->call.level = LEVEL_ADMIN;
		return true;
	}
	/* A token that is sent must be right. */
	if (authorization == NULL)
		return take_ticket(ex);
	if (!http_token_matches(authorization, ex->http->token))
		return false;
	take_login(ex, LEVEL_ADMIN, "token");
	return true;
}

/* ---- may he ---- */

static void
list_methods(char *buf, size_t size, unsigned methods)
{
	static const char *const names[] = { "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS" };
	struct { char *p; size_t left; } at = { buf, size };

	*buf = '\0';
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int n;

		if ((methods >> i & 1) == 0)
			continue;
		n = snprintf(at.p, at.left, "%s%s", at.p == buf ? "" : ", ", names[i]);
		if (n < 0 || (size_t)n >= at.left)
			return;
		at.p += n;
		at.left -= (size_t)n;
	}
}

static void
refuse_method(struct exchange *ex, unsigned methods)
{
	struct http_call *call = &ex->call;

	list_methods(ex->allow, sizeof(ex->allow),
	    methods | HTTP_OPTIONS | ((methods & HTTP_GET) != 0 ? HTTP_HEAD : 0));
	call->allow = ex->allow;
	if (ex->head.method == HTTP_OPTIONS)
		call->status = 204;
	else
		http_fail(call, 405, NULL, "this path answers to: %s", ex->allow);
}

static void
refuse_unknown(struct exchange *ex, const struct http_space *space)
{
	int status = space != NULL && space->status_unknown != 0 ? space->status_unknown : 404;

	http_fail(&ex->call, status, NULL, "no such path: %s", ex->head.path);
}

/* So that the field can tell what old clients ask for (smart-json.md 21, 10). */
static void
log_405(const struct exchange *ex, const struct found *found)
{
	if (ex->call.status == 405 && ex->call.level != LEVEL_NONE && found->space != NULL &&
	    *found->space->prefix == '\0')
		log_info("http", "url=%s dialect=%s peer=%s: %s", ex->head.path, dialect_name(ex),
		    ex->call.peer, found->methods == 0 ? "not served" : "not with this method");
}

static void
refuse_stranger(struct exchange *ex, const struct http_space *space)
{
	bool legacy = ex->call.dialect == DIALECT_31 && space != NULL && *space->prefix == '\0';
	struct settings settings;
	int status = 401;

	if (legacy) {
		store_settings(ex->http->options.store, &settings);
		status = (int)settings.http_unauth_31;
	}
	http_fail(&ex->call, status == 403 ? 403 : 401, NULL,
	    http_head_field(&ex->head, "Authorization") != NULL ?
		"the token is wrong: see api.token in the data directory" :
		"log in first: the ticket is missing or has expired");
}

static bool
is_open(struct exchange *ex, const struct found *found)
{
	struct settings settings;

	if (found->open || strcmp(ex->head.path, metrics_path) != 0)
		return found->open;
	store_settings(ex->http->options.store, &settings);
	if (settings.http_metrics_open != 0)
		ex->call.level = LEVEL_USER;
	return settings.http_metrics_open != 0;
}

/* Programs that speak SMART-JSON know of no such demand, and tell nobody of it: as it is set from the
 * factory it is for what people use, /api/v1 and pages, whose browsers name their origin. */
static bool
password_barred(const struct exchange *ex, const struct http_space *space)
{
	const struct http_route *route = ex->route;

	if (ex->must_change == MUST_NOT_CHANGE || route->level < LEVEL_ADMIN ||
	    (route->methods & HTTP_GET) != 0 || strcmp(route->path, accounts_path) == 0)
		return false;
	return ex->must_change == MUST_CHANGE || *space->prefix != '\0' ||
	    http_head_field(&ex->head, "Origin") != NULL;
}

static void
check_level(struct exchange *ex, const struct http_space *space)
{
	if (ex->call.level < ex->route->level)
		http_fail(&ex->call, 403, NULL, "your account may not do this");
	else if (password_barred(ex, space))
		http_fail(&ex->call, 403, NULL,
		    "the factory password must be changed before anything else: write the account "
		    "with a new password to /%s",
		    accounts_path);
}

int
exchange_check(struct exchange *ex)
{
	struct found found = { 0 };
	struct http_call *call = &ex->call;
	const char *host = http_head_field(&ex->head, "Host");

	look_at_client(ex);
	find_route(ex, &found);
	ex->call.english = english_wanted(ex, found.space);
	if (!http_host_valid(host))
		http_fail(call, 400, NULL, "the Host field is broken");
	else if (ex->head.method == HTTP_OTHER)
		refuse_method(ex, found.methods);
	else if (!http_origin_allowed(http_head_field(&ex->head, "Origin"), host))
		http_fail(call, 403, NULL, "pages of other sites may not ask");
	else if (!is_open(ex, &found) && !is_known(ex))
		refuse_stranger(ex, found.space);
	if (call->status == 200 && found.methods == 0)
		refuse_unknown(ex, found.space);
	else if (call->status == 200 && ex->route == NULL)
		refuse_method(ex, found.methods);
	else if (call->status == 200)
		check_level(ex, found.space);
	log_405(ex, &found);
	return call->status == 200 ? 0 : call->status;
}
