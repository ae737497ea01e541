#include "src/transit/linger.h"

#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "src/base/loop.h"

enum { LINGER_S = 5, LINGER_BYTES = 1 << 20 };

struct leaving {
	LIST_ENTRY(leaving) next;
	struct lingers *lingers;
	struct event *event;
	int fd;
	size_t dropped;
};
struct lingers {
	pthread_mutex_t lock;
	struct loop *loop;
	LIST_HEAD(leaving_list, leaving) all;
	size_t n;
};

int
lingers_open(struct lingers **out, struct loop *loop)
{
	struct lingers *l = calloc(1, sizeof(*l));

	*out = l;
	if (l == NULL)
		return E_NOMEM;
	l->loop = loop;
	pthread_mutex_init(&l->lock, NULL);
	LIST_INIT(&l->all);
	return E_OK;
}

static void
end(struct leaving *c)
{
	struct lingers *l = c->lingers;

	pthread_mutex_lock(&l->lock);
	LIST_REMOVE(c, next);
	l->n--;
	pthread_mutex_unlock(&l->lock);
	if (c->event != NULL)
		event_free(c->event);
	close(c->fd);
	free(c);
}

void
lingers_close(struct lingers *l)
{
	struct leaving *c, *after;

	if (l == NULL)
		return;
	for (c = LIST_FIRST(&l->all); c != NULL; c = after) {
		after = LIST_NEXT(c, next);
		end(c);
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	struct leaving *c = arg;
	char waste[4096];
	ssize_t got = what & EV_TIMEOUT ? 0 : recv(fd, waste, sizeof(waste), MSG_DONTWAIT);

	if (got > 0)
		c->dropped += (size_t)got;
	if (got <= 0 || c->dropped > LINGER_BYTES)
		end(c);
}

static void
begin(void *arg)
{
	static const struct timeval longest = { .tv_sec = LINGER_S };
	struct leaving *c = arg;

	c->event = event_new(loop_base(c->lingers->loop), c->fd, EV_READ | EV_PERSIST, on_input, c);
	if (c->event == NULL || event_add(c->event, &longest) != 0)
		end(c);
}

void
linger(struct lingers *l, int fd)
{
	struct leaving *c = calloc(1, sizeof(*c));

	shutdown(fd, SHUT_WR);
	if (c == NULL) {
		close(fd);
		return;
	}
	*c = (struct leaving){ .lingers = l, .fd = fd };
	pthread_mutex_lock(&l->lock);
	LIST_INSERT_HEAD(&l->all, c, next);
	l->n++;
	pthread_mutex_unlock(&l->lock);
	if (loop_post(l->loop, begin, c) < 0)
		end(c);
}

size_t
lingers_count(struct lingers *l)
{
	size_t n;

	pthread_mutex_lock(&l->lock);
	n = l->n;
	pthread_mutex_unlock(&l->lock);
	return n;
}
