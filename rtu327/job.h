/* Work handed to the loop's worker threads and handed back to the loop, such that its owner can be
 * closed at any moment without leaving anything behind. */
#ifndef USPD_RTU327_JOB_H
#define USPD_RTU327_JOB_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/queue.h>

#include "src/base/err.h"

struct event;
struct loop;

struct rtu327_job {
	STAILQ_ENTRY(rtu327_job) next;
	struct rtu327_jobs *jobs;
	/* In a worker thread; `closing`: the result is not wanted any more. */
	void (*run)(struct rtu327_job *, bool closing);
	/* In the loop, or in rtu327_jobs_close(); frees the job. */
	void (*done)(struct rtu327_job *);
};
STAILQ_HEAD(rtu327_job_list, rtu327_job);

struct rtu327_jobs {
	struct loop *loop;
	struct event *wake;
	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t idle;
	unsigned pending;		/* started, `run` has not returned yet */
	bool closing;
	struct rtu327_job_list over;	/* have run, wait for `done` */
};

int rtu327_jobs_open(struct rtu327_jobs *, struct loop *) USPD_MUST_CHECK;
/* Waits for all jobs and finishes them; the store may be closed after.  Allowed on zeroed memory. */
void rtu327_jobs_close(struct rtu327_jobs *);
/* The job, `run` and `done` set, belongs to the queue.  E_LIMIT, E_NOMEM: it does not. */
int rtu327_jobs_start(struct rtu327_jobs *, struct rtu327_job *) USPD_MUST_CHECK;

#endif
