/* The outer ends of a bus: pseudo-terminal, TCP listener, real serial port. */
#ifndef USPD_SIM_PORT_H
#define USPD_SIM_PORT_H

#include "sim/bus.h"
#include "src/base/err.h"

/* Opens; a pty gets a symbolic link links/<bus name> when links is not NULL, a TCP bus its real
 * port number. */
int sim_port_open(struct sim_bus *, const char *links) USPD_MUST_CHECK;
void sim_port_close(struct sim_bus *, const char *links);
/* Takes a new client; the one before is hung up. */
int sim_port_accept(struct sim_bus *) USPD_MUST_CHECK;
/* The speed and character length the host has set on a pty. */
void sim_port_follow(struct sim_bus *);

#endif
