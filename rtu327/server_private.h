/* Shared by the files of the server; nobody else includes it.  Everything in the loop thread. */
#ifndef USPD_RTU327_SERVER_PRIVATE_H
#define USPD_RTU327_SERVER_PRIVATE_H

#include <stdbool.h>
#include <sys/queue.h>

#include "src/system/address.h"
#include "rtu327/answer.h"
#include "rtu327/job.h"
#include "rtu327/receiver.h"
#include "rtu327/server.h"

struct event;
struct evbuffer;
struct loop_timer;
struct question;

/* A SETTIME that was carried out, to know its repetition (rtu-327.md 8.4). */
struct settime_memo {
	bool valid;
	uint8_t number[2];
	int32_t delta_s;
	int64_t at_ms;
};

struct connection {
	LIST_ENTRY(connection) next;
	struct rtu327 *server;
	int fd;
	uint16_t port;			/* of rtu327_take(); 0 our own */
	struct event *readable, *writable, *timer;
	struct evbuffer *out;
	struct rtu327_receiver receiver;
	struct question *question;	/* being answered by a worker; no other is started */
	bool paused;			/* we do not read: buffer or output queue is full */
	bool ended;			/* the peer has finished sending */
	bool drained;			/* the receiver wants more bytes */
	bool closing;			/* close when the output has gone */
	bool served;			/* has sent a valid frame */
	unsigned wrong_passwords;	/* in a row */
	struct settime_memo settime;
	int64_t valid_ms;		/* last valid frame, or the beginning */
	int64_t progress_ms;		/* output moved, or began to wait */
	uint64_t bytes_in, bytes_out, frames, errors;
	char peer[ADDRESS_TEXT], local[ADDRESS_TEXT];
};
LIST_HEAD(connections, connection);

struct rtu327 {
	struct rtu327_options options;
	char bind[ADDRESS_TEXT];
	int fd;
	struct event *acceptable;
	struct loop_timer *rest;	/* runs while accepting is suspended */
	struct loop_timer *upkeep, *deferred;
	struct rtu327_context *context;	/* NULL until the first one is made */
	struct rtu327_limits limits;
	bool building, again;		/* a context is being made; another one is wanted */
	bool missed;			/* somebody asked for a serial number nobody has */
	bool doubles_told;
	int64_t built_ms;		/* the last build began */
	int64_t build_took_ms;
	struct connections connections;
	struct rtu327_counters counters;
	bool closing;
	struct rtu327_jobs jobs;
};

int64_t rtu327_now_ms(void);
/* Somebody asked for a serial number nobody has: perhaps the snapshot is old. */
void server_missed(struct rtu327 *);

/* ---- connection.c ---- */

/* Takes over fd; on failure it is closed. */
void connection_open(struct rtu327 *, int fd, const struct sockaddr_storage *peer, uint16_t port);
/* `why` goes to the log. */
void connection_close(struct connection *, const char *why);
/* Does what can be done now: requests, output, timers.  May free the connection. */
void connection_run(struct connection *);

/* ---- service.c ---- */

/* Serves one valid frame: queues the reply or hands the question to a worker. */
void service_frame(struct connection *, const uint8_t *body, size_t len);
/* Replies code 60 to a frame with a bad checksum. */
void service_corrupt(struct connection *, const uint8_t *body, size_t len);
/* The connection is going: its question's answer is not wanted any more. */
void service_forget(struct question *);
/* A row of a journal of the device, written by a worker. */
void service_note(struct rtu327 *, enum device_journal, int64_t ts, const char *json);
/* A line of the system journal, and of the log. */
void service_journal(struct rtu327 *, const char *text, const char *peer);

#endif
