#include "src/base/loop.h"

#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/time.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum { WORKERS = 2, WORK_LIMIT = 256, SIGNALS = 8 };

struct job {
	STAILQ_ENTRY(job) next;
	void (*run)(void *);	/* NULL: only `done`, in the loop */
	void (*done)(void *);
	void *arg;
};
STAILQ_HEAD(jobs, job);

struct signal_call {
	struct event *event;
	void (*fn)(void *);
	void *arg;
};

struct loop {
	struct event_base *base;
	struct event *wake;
	struct signal_call signals[SIGNALS];
	struct signal_call clock;	/* its event is of clock_fd */
	int clock_fd;
	pthread_mutex_t lock;
	pthread_cond_t work_ready;
	struct jobs work, finished;
	size_t working;			/* queued in `work` */
	bool closing;
	pthread_t threads[WORKERS];
	unsigned n_threads;
};

struct loop_timer {
	struct event *event;
	void (*fn)(void *);
	void *arg;
};

static void *
worker(void *arg)
{
	struct loop *loop = arg;
	struct job *job;

	pthread_mutex_lock(&loop->lock);
	while (!loop->closing) {
		job = STAILQ_FIRST(&loop->work);
		if (job == NULL) {
			pthread_cond_wait(&loop->work_ready, &loop->lock);
			continue;
		}
		STAILQ_REMOVE_HEAD(&loop->work, next);
		loop->working--;
		pthread_mutex_unlock(&loop->lock);
		job->run(job->arg);
		pthread_mutex_lock(&loop->lock);
		STAILQ_INSERT_TAIL(&loop->finished, job, next);
		event_active(loop->wake, 0, 0);
	}
	pthread_mutex_unlock(&loop->lock);
	return NULL;
}

static void
deliver(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;
	struct jobs ready = STAILQ_HEAD_INITIALIZER(ready);
	struct job *job;

	(void)fd;
	(void)what;
	pthread_mutex_lock(&loop->lock);
	STAILQ_CONCAT(&ready, &loop->finished);
	pthread_mutex_unlock(&loop->lock);
	while ((job = STAILQ_FIRST(&ready)) != NULL) {
		STAILQ_REMOVE_HEAD(&ready, next);
		job->done(job->arg);
		free(job);
	}
}

static void
libevent_log(int severity, const char *text)
{
	if (severity >= EVENT_LOG_WARN)
		log_warn("loop", "libevent: %s", text);
}

int
loop_open(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	*out = NULL;
	if (loop == NULL)
		return E_NOMEM;
	loop->clock_fd = -1;
	event_set_log_callback(libevent_log);
	pthread_mutex_init(&loop->lock, NULL);
	pthread_cond_init(&loop->work_ready, NULL);
	STAILQ_INIT(&loop->work);
	STAILQ_INIT(&loop->finished);
	if (evthread_use_pthreads() != 0 || (loop->base = event_base_new()) == NULL ||
	    (loop->wake = event_new(loop->base, -1, EV_PERSIST, deliver, loop)) == NULL)
		goto fail;
	event_add(loop->wake, NULL);
	for (; loop->n_threads < WORKERS; loop->n_threads++)
		if (pthread_create(&loop->threads[loop->n_threads], NULL, worker, loop) != 0)
			goto fail;
	*out = loop;
	return E_OK;
fail:
	loop_close(loop);
	return E_NOMEM;
}

static void
free_jobs(struct jobs *jobs)
{
	struct job *job;

	while ((job = STAILQ_FIRST(jobs)) != NULL) {
		STAILQ_REMOVE_HEAD(jobs, next);
		free(job);
	}
}

void
loop_end_work(struct loop *loop)
{
	if (loop == NULL)
		return;
	pthread_mutex_lock(&loop->lock);
	loop->closing = true;
	pthread_cond_broadcast(&loop->work_ready);
	pthread_mutex_unlock(&loop->lock);
	for (unsigned i = 0; i < loop->n_threads; i++)
		pthread_join(loop->threads[i], NULL);
	loop->n_threads = 0;
}

void
loop_close(struct loop *loop)
{
	if (loop == NULL)
		return;
	loop_end_work(loop);
	free_jobs(&loop->work);
	free_jobs(&loop->finished);
	for (unsigned i = 0; i < SIGNALS; i++)
		if (loop->signals[i].event != NULL)
			event_free(loop->signals[i].event);
	if (loop->clock.event != NULL)
		event_free(loop->clock.event);
	if (loop->clock_fd >= 0)
		close(loop->clock_fd);
	if (loop->wake != NULL)
		event_free(loop->wake);
	if (loop->base != NULL)
		event_base_free(loop->base);
	pthread_cond_destroy(&loop->work_ready);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

int
loop_run(struct loop *loop)
{
	return event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? E_INTERNAL : E_OK;
}

void
loop_stop(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

static int
enqueue(struct loop *loop, void (*run)(void *), void (*done)(void *), void *arg)
{
	struct job *job;
	int rc = E_OK;

	pthread_mutex_lock(&loop->lock);
	if (run != NULL && loop->working >= WORK_LIMIT) {
		rc = E_LIMIT;
	} else if ((job = malloc(sizeof(*job))) == NULL) {
		rc = E_NOMEM;
	} else {
		*job = (struct job){ .run = run, .done = done, .arg = arg };
		if (run != NULL) {
			STAILQ_INSERT_TAIL(&loop->work, job, next);
			loop->working++;
			pthread_cond_signal(&loop->work_ready);
		} else {
			STAILQ_INSERT_TAIL(&loop->finished, job, next);
			event_active(loop->wake, 0, 0);
		}
	}
	pthread_mutex_unlock(&loop->lock);
	return rc;
}

int
loop_post(struct loop *loop, void (*fn)(void *), void *arg)
{
	return enqueue(loop, NULL, fn, arg);
}

int
loop_work(struct loop *loop, void (*run)(void *), void (*done)(void *), void *arg)
{
	return enqueue(loop, run, done, arg);
}

static void
timer_fired(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;

	(void)fd;
	(void)what;
	timer->fn(timer->arg);
}

struct loop_timer *
loop_timer(struct loop *loop, uint32_t ms, bool repeat, void (*fn)(void *), void *arg)
{
	struct timeval tv = {
		.tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)(ms % 1000) * 1000,
	};
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL)
		return NULL;
	timer->fn = fn;
	timer->arg = arg;
	timer->event = event_new(loop->base, -1, repeat ? EV_PERSIST : 0, timer_fired, timer);
	if (timer->event == NULL || event_add(timer->event, &tv) != 0) {
		loop_timer_free(timer);
		return NULL;
	}
	return timer;
}

void
loop_timer_free(struct loop_timer *timer)
{
	if (timer == NULL)
		return;
	if (timer->event != NULL)
		event_free(timer->event);
	free(timer);
}

static void
signal_arrived(evutil_socket_t fd, short what, void *arg)
{
	struct signal_call *call = arg;

	(void)fd;
	(void)what;
	call->fn(call->arg);
}

int
loop_signal(struct loop *loop, int number, void (*fn)(void *), void *arg)
{
	for (unsigned i = 0; i < SIGNALS; i++) {
		struct signal_call *call = &loop->signals[i];

		if (call->event != NULL)
			continue;
		call->fn = fn;
		call->arg = arg;
		call->event = evsignal_new(loop->base, number, signal_arrived, call);
		if (call->event == NULL)
			return E_NOMEM;
		return event_add(call->event, NULL) == 0 ? E_OK : E_INTERNAL;
	}
	return E_LIMIT;
}

static void
clock_set(evutil_socket_t fd, short what, void *arg)
{
	struct loop *loop = arg;

	(void)what;
	if (clock_watch_take(fd))
		loop->clock.fn(loop->clock.arg);
}

int
loop_clock(struct loop *loop, void (*fn)(void *), void *arg)
{
	if (loop->clock.event != NULL)
		return E_LIMIT;
	loop->clock_fd = clock_watch();
	if (loop->clock_fd < 0)
		return E_IO;
	loop->clock = (struct signal_call){ .fn = fn, .arg = arg };
	loop->clock.event = event_new(loop->base, loop->clock_fd, EV_READ | EV_PERSIST, clock_set,
	    loop);
	if (loop->clock.event == NULL || event_add(loop->clock.event, NULL) != 0)
		return E_NOMEM;
	return E_OK;
}
