/* The nginx in front of us: keeps its configuration as the settings say (system.md 4).
 *
 * The configuration is DATA/nginx/nginx.conf; a unit of its own runs nginx with it while it exists
 * (rootfs-overlay).  A new one is tested by nginx before it takes the place of the old one, then
 * nginx is told; sessions survive that.  Faulty settings leave the old configuration in force and a
 * row in the system journal. */
#ifndef USPD_SYSTEM_FRONT_H
#define USPD_SYSTEM_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"

struct front;
struct loop;
struct store;

struct front_options {
	struct store *store;
	struct loop *loop;
	const char *data_dir;
	const char *run_dir;		/* where sockets of rows with TLS are: tls-PORT.sock */
	const char *http_bind;		/* where we serve HTTP */
	uint16_t http_port;
	const char *nginx;		/* program; NULL: "nginx" */
	const char *reload;		/* command line that makes nginx read its configuration again or
					 * start; NULL: SIGHUP to the process of its pid file */
};
/* In the loop's thread; begins to follow the settings at once.  E_NOMEM. */
int front_open(struct front **, const struct front_options *) USPD_MUST_CHECK;
/* Settings or tables may have changed.  In the loop; the work is done in a worker. */
void front_follow(struct front *);		/* NULL allowed */
bool front_is_busy(const struct front *);	/* it is still at it; in the loop */
/* After loop_end_work(). */
void front_close(struct front *);		/* NULL allowed */

#endif
