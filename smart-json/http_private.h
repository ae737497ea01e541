/* Shared by the files of the server, nobody else: http.c (listening, limits), http_conn.c (requests
 * as they arrive), http_route.c (who may ask what), http_call.c (one request while it runs),
 * http_answer.c (what goes back), http_upload.c (bodies in files), http_static.c (pages). */
#ifndef USPD_SMART_JSON_HTTP_PRIVATE_H
#define USPD_SMART_JSON_HTTP_PRIVATE_H

#include <sys/queue.h>

#include "smart-json/accounts.h"
#include "smart-json/http.h"
#include "smart-json/http_guard.h"

struct bufferevent;
struct evconnlistener;
struct gzip;
struct loop_timer;
struct conn;
struct upload;

enum exchange_stage {
	EXCHANGE_FIRST,		/* the handler is to run, or runs */
	EXCHANGE_WAITING,	/* for http_resume() */
	EXCHANGE_RESUMED,	/* call.resumed runs */
};

/* One request and its answer.  The loop owns it but while `working`; a connection that closes
 * meanwhile leaves it behind (conn NULL), and it is freed when the worker gives it back. */
struct exchange {
	struct http_call call;		/* first: handlers see only this */
	LIST_ENTRY(exchange) next;
	struct http *http;
	struct conn *conn;
	const struct http_route *route;
	char *head_text;
	char allow[64], login[LOGIN_SIZE];
	struct http_head head;
	struct text body;
	struct upload *upload;		/* IN_WORKER_FILE */
	enum exchange_stage stage;
	bool working, resume_early, started, streaming, last;
	enum must_change must_change;
	int result;			/* of the last call of more() */
	struct gzip *gzip;		/* of a streamed answer */
	bool gzipped;
	/* Fields of static pages; literals but the last. */
	const char *cache, *location;
	char etag[48];
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
	int64_t progress_us;		/* when something last came */
	int64_t waiting_us;		/* since when there is no whole request */
	uint64_t body_left, body_got, dropped;
	struct http_chunks chunks;
	char peer[64];			/* of the client, as a proxy tells */
	bool local, eof, unread;	/* unread: a refused body is still to come */
};
LIST_HEAD(conns, conn);

/* A client that sends all before it reads must get its 413 too, as long as it is not much too long:
 * what smart-json.md 19 takes as enough, 1 MiB, is less than a table that is just too large. */
enum { SPACES_MAX = 6, LINGER_MS = 2000, LINGER_BYTES = 32 << 20 };

struct http {
	struct http_options options;
	struct evconnlistener *listener;
	struct loop_timer *sweep;
	struct conns conns;
	unsigned n_conns;
	bool full;			/* the listener rests until there is room */
	struct exchanges exchanges;
	size_t body_bytes;		/* bodies in memory, all connections */
	bool uploading;			/* one at a time */
	uint64_t uploads;
	void *state[SPACES_MAX];
	size_t n_states;
	char token[HTTP_TOKEN_SIZE];
};

/* ---- http.c ---- */

/* Room for one more: a listener that rests wakes. */
void http_accept_again(struct http *);

/* ---- http_conn.c ---- */

void conn_free(struct conn *);
void conn_enter(struct conn *, enum conn_state);
void conn_arrived(struct conn *);	/* bytes are there */
void conn_finished(struct conn *);	/* the answer has left */
bool conn_keeps(const struct conn *);	/* another request may follow on it */
/* Answers without having read the rest of the request.  Status 0: the answer is made already. */
void conn_refuse(struct conn *, int status);
/* Reads on after a piece of the body has gone to its file; status: it could not. */
void conn_piece_stored(struct conn *, int status);

/* ---- http_route.c ---- */

extern const struct http_space *const http_spaces[];	/* ended by NULL */

/* Who asks, which handler is meant, and may it be asked (smart-json.md 4, order of checks).  0, or
 * the status of the answer made. */
int exchange_check(struct exchange *);

/* ---- http_call.c ---- */

struct exchange *exchange_new(struct conn *);
void exchange_free(struct exchange *);
/* The connection is gone. */
void exchange_leave(struct exchange *);
/* Everything stops: frees it, but for one that somebody may still resume. */
void exchange_stop(struct exchange *);
void exchange_run(struct exchange *);
/* The output buffer of the connection has drained. */
void exchange_drained(struct exchange *);

/* ---- http_answer.c ---- */

/* Sends what call->out holds as the whole answer. */
void exchange_answer(struct exchange *);
void exchange_start_stream(struct exchange *);
void exchange_send_chunk(struct exchange *, struct text *);
/* Compresses call->out when the client takes it; in a worker, or in the loop for short ones. */
void exchange_compress(struct exchange *);

/* ---- http_upload.c ---- */

/* Makes the folder of uploads, or removes what a lost supply left there; told when it cannot. */
void upload_prepare(const char *dir);
/* 0, or the status to refuse with: 423, 501, 507. */
int upload_open(struct exchange *);
void upload_close(struct exchange *);	/* removes the file, when it is still there */
/* Writes ex->body away in a worker and calls conn_piece_stored(); 0 or the status. */
int upload_store(struct exchange *);
enum { UPLOAD_PIECE = 128 * 1024 };

/* ---- http_static.c ---- */

extern const struct http_route http_static_route;
bool http_is_page(const char *path);	/* as opposed to a request of SMART-JSON */

#endif
