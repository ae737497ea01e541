/* A stage for transit: a desk and its tenant over a pty and real sockets.  The poller is played by a
 * thread that lends the line when it is ordered. */
#ifndef USPD_TESTS_UNIT_TRANSIT_STAGE_H
#define USPD_TESTS_UNIT_TRANSIT_STAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "src/transit/desk.h"

enum { PATIENCE_MS = 5000 };		/* for what must come */

extern struct desk *stage_desk;
extern struct line *stage_line;
extern int stage_master, stage_slave;	/* of the pty; the slave is held open besides the line */
extern struct desk_rules stage_rules;
extern const struct tcp_row stage_row;	/* a plain one */

void stage_setup(void);
void stage_teardown(void);
void stage_follow_rules(void);		/* the desk takes stage_rules */
void stage_withhold(bool);		/* the bus is not lent for now */
unsigned stage_leases(void);		/* ordered so far */
void stage_wait_free(void);		/* until nobody holds the bus */
void stage_wait_stopped(void);		/* until a lease has ended with E_STOPPED */
bool stage_has_holder(void);

/* A client connects and is brought to the desk, as the listener does it. */
int stage_come(const struct tcp_row *);
int stage_come_in(const struct tcp_row *);	/* and has the bus */
void stage_say(int fd, const void *, size_t);
void stage_expect(int fd, const void *, size_t);
void stage_expect_end(int fd);			/* FIN; closes */
bool stage_is_silent(int fd, int ms);
/* Until there are so many clients and the last of them is in this phase. */
void stage_wait_phase(unsigned clients, enum transit_phase);

#endif
