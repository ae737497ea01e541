#include "smart-json/http_private.h"

#include <stdio.h>
#include <string.h>

#include "smart-json/api.h"

/* The spaces served: a new one is a row here. */
const struct http_space *const http_spaces[] = { &api_space };
const size_t http_n_spaces = sizeof(http_spaces) / sizeof(http_spaces[0]);
_Static_assert(sizeof(http_spaces) / sizeof(http_spaces[0]) <= SPACES_MAX, "room for every state");

int
exchange_admit(struct exchange *ex)
{
	const char *host = http_head_field(&ex->head, "Host");
	const char *authorization = http_head_field(&ex->head, "Authorization");
	bool known = authorization != NULL ? http_token_matches(authorization, ex->http->token) :
					     ex->conn->local;

	if (!http_host_allowed(host))
		http_fail(&ex->call, 403, NULL, "foreign Host: ask by address or as localhost");
	else if (!http_origin_allowed(http_head_field(&ex->head, "Origin"), host))
		http_fail(&ex->call, 403, NULL, "pages of other sites may not ask");
	else if (!known)
		http_fail(&ex->call, 401, NULL,
		    "the token is missing or wrong: see api.token in the data directory");
	else
		ex->call.level = LEVEL_ADMIN;
	return ex->call.level != LEVEL_NONE ? 0 : ex->call.status;
}

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
	for (size_t i = 0; i < http_n_spaces; i++) {
		size_t n = strlen(http_spaces[i]->prefix);

		if (strncmp(ex->head.path, http_spaces[i]->prefix, n) != 0 ||
		    (ex->head.path[n] != '/' && ex->head.path[n] != '\0'))
			continue;
		*rest = ex->head.path + n + (ex->head.path[n] == '/');
		ex->call.state = ex->http->state[i];
		return http_spaces[i];
	}
	return NULL;
}

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

static bool
method_served(enum http_method asked, unsigned methods)
{
	return ((unsigned)asked & methods) != 0 || (asked == HTTP_HEAD && (methods & HTTP_GET) != 0);
}

int
exchange_route(struct exchange *ex)
{
	struct http_call *call = &ex->call;
	char *rest = NULL, *arg[HTTP_PATH_ARGS] = { NULL };
	const struct http_space *space;
	unsigned methods = 0;

	if ((space = find_space(ex, &rest)) == NULL) {
		http_fail(call, 404, NULL, "no such path: %s", ex->head.path);
		return call->status;
	}
	for (size_t i = 0; i < space->n_routes && ex->route == NULL; i++) {
		if (methods != 0 && strcmp(space->routes[i].path, space->routes[i - 1].path) != 0)
			break;
		if (methods == 0 && !path_fits(space->routes[i].path, rest, arg))
			continue;
		methods |= space->routes[i].methods;
		if (method_served(ex->head.method, space->routes[i].methods))
			ex->route = &space->routes[i];
	}
	memcpy(call->arg, arg, sizeof(arg));
	if (methods == 0) {
		http_fail(call, space->status_unknown, NULL, "no such path: %s", ex->head.path);
	} else if (ex->route == NULL) {
		list_methods(ex->allow, sizeof(ex->allow),
		    methods | HTTP_OPTIONS | ((methods & HTTP_GET) != 0 ? HTTP_HEAD : 0));
		call->allow = ex->allow;
		if (ex->head.method == HTTP_OPTIONS)
			call->status = 204;
		else
			http_fail(call, 405, NULL, "this path answers to: %s", ex->allow);
	} else if (call->level < ex->route->level) {
		http_fail(call, 403, NULL, "your account may not do this");
	}
	return call->status == 200 ? 0 : call->status;
}
