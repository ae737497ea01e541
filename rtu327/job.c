#include "rtu327/job.h"

#include <event2/event.h>

#include "src/base/loop.h"

static void
run(void *arg)
{
	struct rtu327_job *job = arg;
	struct rtu327_jobs *jobs = job->jobs;
	bool closing;

	pthread_mutex_lock(&jobs->lock);
	closing = jobs->closing;
	pthread_mutex_unlock(&jobs->lock);
	job->run(job, closing);
	pthread_mutex_lock(&jobs->lock);
	STAILQ_INSERT_TAIL(&jobs->over, job, next);
	event_active(jobs->wake, 0, 0);
	if (--jobs->pending == 0)
		pthread_cond_signal(&jobs->idle);
	pthread_mutex_unlock(&jobs->lock);
}

/* The loop's own way back is not used: by then the job may be gone. */
static void
ran(void *arg)
{
	(void)arg;
}

static void
finish(struct rtu327_jobs *jobs)
{
	struct rtu327_job_list over = STAILQ_HEAD_INITIALIZER(over);
	struct rtu327_job *job;

	pthread_mutex_lock(&jobs->lock);
	STAILQ_CONCAT(&over, &jobs->over);
	pthread_mutex_unlock(&jobs->lock);
	while ((job = STAILQ_FIRST(&over)) != NULL) {
		STAILQ_REMOVE_HEAD(&over, next);
		job->done(job);
	}
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	finish(arg);
}

int
rtu327_jobs_open(struct rtu327_jobs *jobs, struct loop *loop)
{
	jobs->wake = event_new(loop_base(loop), -1, EV_PERSIST, on_wake, jobs);
	if (jobs->wake == NULL)
		return E_NOMEM;
	jobs->loop = loop;
	jobs->pending = 0;
	jobs->closing = false;
	STAILQ_INIT(&jobs->over);
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->idle, NULL);
	event_add(jobs->wake, NULL);
	return E_OK;
}

void
rtu327_jobs_close(struct rtu327_jobs *jobs)
{
	if (jobs->wake == NULL)
		return;
	pthread_mutex_lock(&jobs->lock);
	jobs->closing = true;
	while (jobs->pending > 0)
		pthread_cond_wait(&jobs->idle, &jobs->lock);
	pthread_mutex_unlock(&jobs->lock);
	finish(jobs);
	event_free(jobs->wake);
	jobs->wake = NULL;
	pthread_mutex_destroy(&jobs->lock);
	pthread_cond_destroy(&jobs->idle);
}

int
rtu327_jobs_start(struct rtu327_jobs *jobs, struct rtu327_job *job)
{
	int rc;

	job->jobs = jobs;
	pthread_mutex_lock(&jobs->lock);
	jobs->pending++;
	pthread_mutex_unlock(&jobs->lock);
	rc = loop_work(jobs->loop, run, ran, job);
	if (rc < 0) {
		pthread_mutex_lock(&jobs->lock);
		jobs->pending--;
		pthread_mutex_unlock(&jobs->lock);
	}
	return rc;
}
