/* The HTTP server: connections, limits, guards, and a table of routes (smart-json.md 2, 4, 19).
 *
 * A space is a prefix of paths with its table of routes; a route names a path, its methods, the
 * level it needs, where its handler runs and the longest body.  Handlers in a worker may wait
 * (store, disk); handlers in the loop may not.  A handler fills call->out, or names a function
 * that makes the answer piece by piece, so that an answer of any size takes constant memory.
 *
 * Who asks is told by a ticket (cookie of POST /auth), or by the token of this machine's own tools
 * (api.token in the data directory, "Authorization: Bearer"); an address proves nothing, as a proxy
 * may stand in front (smart-json.md 3).
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
#include "src/model/tags.h"

struct accounts;
struct device_orders;
struct events;
struct http;
struct http_space;
struct loop;
struct poll;
struct store;
struct transit;

struct http_options {
	struct loop *loop;
	struct store *store;
	struct poll *poll;	/* NULL: what needs it answers 503 */
	const char *bind;	/* literal address; NULL or "": 127.0.0.1 */
	uint16_t port;		/* 0: any free one, see http_port() */
	struct transit *transit;	/* NULL: no transit */
	struct events *events;	/* NULL: nothing runs by itself */
	const struct device_orders *orders;	/* NULL: what needs them answers 501 */
	struct accounts *accounts;	/* set by http_open() */
	const char *dir;	/* data directory; NULL: everybody is an administrator (tests) */
	const struct http_space *const *spaces;	/* ended by NULL; NULL: all of the house */
	const char *web;	/* directory of static pages, or NULL */
	uint32_t idle_ms;	/* without progress a request is dropped after; 0: 30 s */
};

/* In the loop's thread.  Options are copied, what they point to is borrowed.  E_EXISTS: the port is
 * taken; E_INVALID: bad address; E_NOMEM, E_IO.  The log says why. */
int http_open(struct http **, const struct http_options *) USPD_MUST_CHECK;
uint16_t http_port(const struct http *);
/* The end, in three steps: http_stop() after loop_end_work(), when handlers in workers are past:
 * connections are closed and gone() runs; then everything that may call http_resume() is closed
 * (the poller, transit); then http_close(), before loop_close().  A space's close() finds the
 * poller closed.  NULL allowed. */
void http_stop(struct http *);
void http_close(struct http *);

/* ---- for handlers ---- */

enum {
	HTTP_BODY = 1 << 20, HTTP_BODY_TABLE = 10 << 20, HTTP_BODY_FILE = 256 << 20,
	HTTP_BODY_SMART = 8 << 20,	/* smart-json.md 19 */
	HTTP_CONNECTIONS = 128, HTTP_CONNECTIONS_PEER = 64, HTTP_PATH_ARGS = 2
};
/* LEVEL_ANYBODY: also without a ticket (POST /auth, static pages). */
enum http_level { LEVEL_ANYBODY, LEVEL_NONE = 0, LEVEL_USER, LEVEL_ADMIN };	/* smart-json.md 3.5 */
enum http_place {
	IN_LOOP, IN_WORKER,
	IN_WORKER_FILE,		/* the body goes to a file, see call->body_file */
};

struct http_call;
typedef void http_handler(struct http_call *);
struct http_call {
	const struct http_options *server;
	void *state;			/* of the space */
	const struct http_head *head;
	const char *arg[HTTP_PATH_ARGS];	/* what stood for "{}" or "{*}" in the path */
	const char *body;		/* NUL-terminated */
	size_t body_len;
	const char *body_file;		/* IN_WORKER_FILE: path of a file with the body, removed after
					 * the handler unless it has renamed it; NULL: no body */
	enum http_level level;
	unsigned dialect;		/* DIALECT_31 or DIALECT_40 (X-Protocol-USPD) */
	const char *login;		/* whose ticket; "token" of api.token, "" nobody */
	bool must_change;		/* he has the factory's password and should choose his own */
	char peer[64];			/* address of the client, as told by a proxy here */
	bool tls;			/* it came through TLS (proxy) */
	bool english;			/* messages to people: http_words.h */

	int status;			/* 200 at first */
	const char *type;		/* "application/json" at first; a literal */
	const char *disposition;	/* Content-Disposition; a literal or NULL */
	const char *allow;		/* set by the server for 405 */
	const char *cookie;		/* Set-Cookie; in the handler's own memory (job) */
	unsigned retry_after_s;		/* Retry-After of 429 and 503 */
	struct text out;		/* gzipped by the server when that pays */
	/* When set, called again and again in a worker after each piece has left: 1 more follows,
	 * 0 this was the last, negative: the answer is broken off. */
	int (*more)(struct http_call *);
	bool events;			/* server-sent events: stays open, http_event() sends */
	void (*gone)(struct http_call *);	/* in the loop: the call ends here */
	/* A handler whose answer comes later, from another thread, sets this before it returns, and
	 * http_resume() is called exactly once, also before it has returned; `resumed` then makes the
	 * answer (in a worker). */
	http_handler *resumed;
	void *job;			/* the handler's own, freed by job_free */
	void (*job_free)(void *);
};
struct http_route {
	const char *path;	/* below the prefix: "meters/{}"; "{*}" takes the rest */
	unsigned methods;	/* HTTP_GET | ...; HEAD comes with GET */
	enum http_level level;
	enum http_place place;
	uint32_t body_most;
	http_handler *handler;
	unsigned dialects;	/* 0: any */
};

struct http_space {
	const char *prefix;	/* "/api/v1"; "": what no other space takes */
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

/* Any thread, once: call->resumed runs now.  A call whose client has gone meanwhile still resumes,
 * so that its job is freed in one place. */
void http_resume(struct http_call *);
/* A problem with the number of smart-json.md 5 (`res`) where the status alone does not tell it. */
void http_fail_res(struct http_call *, int status, int res, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Sends one event to a listener; in the loop.  One that is too slow is dropped (gone() runs). */
void http_event(struct http_call *, const char *data, size_t len);

#endif
