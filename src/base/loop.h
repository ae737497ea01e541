/* The main loop: owns every socket, timer and signal; and a few worker threads for long reads.
 *
 * libevent stops here and at the servers, which take the base from loop_base().  Functions run in
 * the loop's thread unless said otherwise; nothing in that thread may block longer than 5 ms. */
#ifndef USPD_BASE_LOOP_H
#define USPD_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"

struct event_base;
struct loop;

int loop_open(struct loop **) USPD_MUST_CHECK;
void loop_close(struct loop *);		/* waits for work in progress; its `done` is not called */
/* Ends the worker threads after the job each is at; later work is never run.  Call it before the
 * objects that jobs use are closed. */
void loop_end_work(struct loop *);	/* NULL allowed */
int loop_run(struct loop *);		/* until loop_stop(); E_OK */
void loop_stop(struct loop *);		/* any thread */
struct event_base *loop_base(struct loop *);

/* Runs fn(arg) in the loop soon.  Any thread. */
int loop_post(struct loop *, void (*fn)(void *arg), void *arg) USPD_MUST_CHECK;

/* Runs `run` in one of two worker threads, then `done` in the loop.  Any thread; the queue holds
 * 256, E_LIMIT beyond.  arg belongs to the job until done returns. */
int loop_work(struct loop *, void (*run)(void *arg), void (*done)(void *arg),
    void *arg) USPD_MUST_CHECK;

struct loop_timer;
/* First after ms, then (repeat) every ms.  NULL when out of memory. */
struct loop_timer *loop_timer(struct loop *, uint32_t ms, bool repeat, void (*fn)(void *arg),
    void *arg);
void loop_timer_free(struct loop_timer *);	/* NULL allowed; also from within fn */

/* Calls fn when somebody sets the system clock.  At most one. */
int loop_clock(struct loop *, void (*fn)(void *arg), void *arg) USPD_MUST_CHECK;

/* Calls fn when the signal arrives, as an ordinary event of the loop. */
int loop_signal(struct loop *, int number, void (*fn)(void *arg), void *arg) USPD_MUST_CHECK;

#endif
