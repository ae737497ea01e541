/* Shared by http.c (connections), http_route.c (which handler) and http_call.c (one request and its
 * answer); nobody else. */
#ifndef USPD_SMART_JSON_HTTP_PRIVATE_H
#define USPD_SMART_JSON_HTTP_PRIVATE_H

#include <sys/queue.h>

#include "smart-json/http.h"
#include "smart-json/http_guard.h"

struct bufferevent;
struct evconnlistener;
struct loop_timer;
struct conn;

/* One request and its answer.  The loop owns it but while `working`; a connection that closes
 * meanwhile leaves it behind (conn NULL), and it is freed when the worker gives it back. */
struct exchange {
	struct http_call call;		/* first: handlers see only this */
	LIST_ENTRY(exchange) next;
	struct http *http;
	struct conn *conn;
	const struct http_route *route;
	char *head_text;
	char allow[64];
	struct http_head head;
	struct text body;
	bool working, started, streaming, last;
	int result;			/* of the last call of more() */
};
LIST_HEAD(exchanges, exchange);

enum conn_state {
	CONN_HEAD,	/* waiting for, or in the middle of, a head */
	CONN_BODY,
	CONN_BUSY,	/* the handler runs, or the answer leaves */
	CONN_EVENTS,
	CONN_LINGER,	/* answered; what still comes is dropped (smart-json.md 19) */
};

struct conn {
	LIST_ENTRY(conn) next;
	struct http *http;
	struct bufferevent *bev;
	struct exchange *exchange;
	enum conn_state state;
	int64_t since_us;		/* when the state began */
	uint64_t body_left, body_got, dropped;
	struct http_chunks chunks;
	bool local, eof, unread;	/* unread: a refused body is still to come */
};
LIST_HEAD(conns, conn);

enum { SPACES_MAX = 4 };

struct http {
	struct http_options options;
	struct evconnlistener *listener;
	struct loop_timer *sweep;
	struct conns conns;
	unsigned n_conns;
	struct exchanges exchanges;
	size_t body_bytes;		/* bodies in memory, all connections */
	void *state[SPACES_MAX];
	size_t n_states;
	char token[HTTP_TOKEN_SIZE];
};

/* ---- http_route.c ---- */

extern const struct http_space *const http_spaces[];
extern const size_t http_n_spaces;

/* Who asks, and what page made the browser ask.  0, or the status of the refusal made. */
int exchange_admit(struct exchange *);
/* Finds the route and checks method and level.  0, or the status of the answer made. */
int exchange_route(struct exchange *);

/* ---- http_call.c ---- */

struct exchange *exchange_new(struct conn *);
void exchange_free(struct exchange *);
void exchange_run(struct exchange *);
/* The output buffer of the connection has drained. */
void exchange_drained(struct exchange *);
/* Sends what call->out holds as the whole answer. */
void exchange_answer(struct exchange *);

/* ---- http.c ---- */

void conn_finished(struct conn *);	/* the answer has left */
void conn_free(struct conn *);
bool conn_keeps(const struct conn *);	/* another request may follow on it */

#endif
