#include "src/transit/greet.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/base/loop.h"

enum { GREETING_S = 5 };

struct greeting {
	LIST_ENTRY(greeting) next;
	struct greetings *greetings;
	struct tcp_row row;
	struct event *event;
	int fd;
};
struct greetings {
	struct loop *loop;
	void (*greeted)(void *, const struct tcp_row *, int, const struct header_proxy *);
	void *arg;
	LIST_HEAD(greeting_list, greeting) all;
	size_t n;
};

int
greetings_open(struct greetings **out, struct loop *loop,
    void (*greeted)(void *, const struct tcp_row *, int, const struct header_proxy *), void *arg)
{
	struct greetings *all = calloc(1, sizeof(*all));

	*out = all;
	if (all == NULL)
		return E_NOMEM;
	all->loop = loop;
	all->greeted = greeted;
	all->arg = arg;
	LIST_INIT(&all->all);
	return E_OK;
}

static void
forget(struct greeting *g)
{
	LIST_REMOVE(g, next);
	g->greetings->n--;
	if (g->event != NULL)
		event_free(g->event);
	free(g);
}

void
greetings_close(struct greetings *all)
{
	struct greeting *g, *after;

	if (all == NULL)
		return;
	for (g = LIST_FIRST(&all->all); g != NULL; g = after) {
		after = LIST_NEXT(g, next);
		close(g->fd);
		forget(g);
	}
	free(all);
}

/* Looks without taking, so that the client's own bytes stay in the socket.  A line that comes in
 * pieces would be seen again at once: the proxy sends it whole, in its first segment. */
static void
on_input(evutil_socket_t fd, short what, void *arg)
{
	struct greeting *g = arg;
	uint8_t bytes[HEADER_PROXY_MOST];
	ssize_t n = what & EV_TIMEOUT ? 0 : recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	struct header_proxy proxy;
	size_t len = 0;

	if (n > 0 && header_proxy(bytes, (size_t)n, &proxy, &len) == HEADER_WHOLE &&
	    recv(fd, bytes, len, MSG_DONTWAIT) == (ssize_t)len) {
		g->greetings->greeted(g->greetings->arg, &g->row, g->fd, &proxy);
	} else {
		log_warn("transit", "port=%u: a proxy did not tell its client; closed", g->row.port);
		close(g->fd);
	}
	forget(g);
}

void
greet(struct greetings *all, const struct tcp_row *row, int fd)
{
	static const struct timeval longest = { .tv_sec = GREETING_S };
	struct greeting *g = calloc(1, sizeof(*g));

	if (g == NULL) {
		close(fd);
		return;
	}
	*g = (struct greeting){ .greetings = all, .row = *row, .fd = fd };
	LIST_INSERT_HEAD(&all->all, g, next);
	all->n++;
	g->event = event_new(loop_base(all->loop), fd, EV_READ, on_input, g);
	if (g->event == NULL || event_add(g->event, &longest) != 0) {
		close(fd);
		forget(g);
	}
}

size_t
greetings_count(const struct greetings *all)
{
	return all->n;
}
