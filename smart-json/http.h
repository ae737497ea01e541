/* The HTTP server: connections, limits, guards, and a table of routes (smart-json.md 2, 4, 19).
 *
 * A space is a prefix of paths with its table of routes; a route names a path, its methods, the
 * level it needs, where its handler runs and the longest body.  Handlers in a worker may wait
 * (store, disk); handlers in the loop may not.  A handler fills call->out, or names a function
 * that makes the answer piece by piece, so that an answer of any size takes constant memory.
 *
 * libevent's evhttp is not used: in the version of Debian 12 it has no hook between head and body
 * (limits per route), none for new connections (their number), no deadline for a slow sender, and
 * goes on reading into memory while an answer is made. */
#ifndef USPD_SMART_JSON_HTTP_H
#define USPD_SMART_JSON_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smart-json/http_head.h"
#include "src/base/err.h"
#include "src/base/text.h"

struct http;
struct loop;
struct poll;
struct store;

struct http_options {
	struct loop *loop;
	struct store *store;
	struct poll *poll;	/* NULL: what needs it answers 503 */
	const char *bind;	/* literal address; NULL or "": 127.0.0.1 */
	uint16_t port;		/* 0: any free one, see http_port() */
	const char *dir;	/* data directory with api.token; NULL: only peers of this machine */
	uint32_t idle_ms;	/* connection without a whole request is closed after; 0: 60 s */
};

/* In the loop's thread.  Options are copied, what they point to is borrowed.  E_EXISTS: the port is
 * taken; E_INVALID: bad address; E_NOMEM, E_IO.  The log says why. */
int http_open(struct http **, const struct http_options *) USPD_MUST_CHECK;
uint16_t http_port(const struct http *);
/* After loop_end_work(): handlers in workers are past, and before loop_close(). */
void http_close(struct http *);			/* NULL allowed */

/* ---- for handlers ---- */

enum { HTTP_BODY = 1 << 20, HTTP_BODY_TABLE = 10 << 20, HTTP_CONNECTIONS = 64, HTTP_PATH_ARGS = 2 };
enum http_level { LEVEL_NONE, LEVEL_USER, LEVEL_ADMIN };	/* smart-json.md 3.5 */
enum http_place { IN_LOOP, IN_WORKER };

struct http_call {
	const struct http_options *server;
	void *state;			/* of the space */
	const struct http_head *head;
	const char *arg[HTTP_PATH_ARGS];	/* what stood for "{}" or "{*}" in the path */
	const char *body;		/* NUL-terminated */
	size_t body_len;
	enum http_level level;

	int status;			/* 200 at first */
	const char *type;		/* "application/json" at first; a literal */
	const char *disposition;	/* Content-Disposition; a literal or NULL */
	const char *allow;		/* set by the server for 405 */
	struct text out;
	/* When set, called again and again in a worker after each piece has left: 1 more follows,
	 * 0 this was the last, negative: the answer is broken off. */
	int (*more)(struct http_call *);
	bool events;			/* server-sent events: stays open, http_event() sends */
	void (*gone)(struct http_call *);	/* in the loop: the call ends here */
	void *job;			/* the handler's own, freed by job_free */
	void (*job_free)(void *);
};
typedef void http_handler(struct http_call *);

struct http_route {
	const char *path;	/* below the prefix: "meters/{}"; "{*}" takes the rest */
	unsigned methods;	/* HTTP_GET | ...; HEAD comes with GET */
	enum http_level level;
	enum http_place place;
	uint32_t body_most;
	http_handler *handler;
};

struct http_space {
	const char *prefix;	/* "/api/v1" */
	const struct http_route *routes;	/* rows of one path stand together */
	size_t n_routes;
	int status_unknown;	/* of a path not in the table: 404, or 405 (smart-json.md 4) */
	int (*open)(void **state, const struct http_options *);
	void (*close)(void *state);
};

const char *http_arg(const struct http_call *, const char *name);	/* of the query; NULL */

/* The one form of error answers (smart-json.md 5); `where` is a pointer to the member, or NULL. */
void http_fail(struct http_call *, int status, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for an error code of the rooms below. */
void http_fail_err(struct http_call *, int err, const char *where, const char *what);

/* Sends one event to a listener; in the loop.  One that is too slow is dropped (gone() runs). */
void http_event(struct http_call *, const char *data, size_t len);

#endif
