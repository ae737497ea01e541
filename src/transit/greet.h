/* The PROXY line before a TLS client (transit.md 2): waited for in the loop, then handed on. */
#ifndef USPD_TRANSIT_GREET_H
#define USPD_TRANSIT_GREET_H

#include <stddef.h>

#include "src/base/err.h"
#include "src/transit/header.h"
#include "src/transit/row.h"

struct greetings;
struct loop;

int greetings_open(struct greetings **, struct loop *,
    void (*greeted)(void *arg, const struct tcp_row *, int fd, const struct header_proxy *),
    void *arg) USPD_MUST_CHECK;
void greetings_close(struct greetings *);	/* NULL allowed */
/* Takes the descriptor; a connection without a good line is closed.  The loop's thread. */
void greet(struct greetings *, const struct tcp_row *, int fd);
size_t greetings_count(const struct greetings *);

#endif
