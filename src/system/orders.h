/* Orders to the device: setting its clock, asking time servers, restarting (system.md 5.5, 13); and
 * what the journal of starts says (smart-json.md 14, "reset").
 *
 * main.c makes one of these and hands orders_device() to the servers. */
#ifndef USPD_SYSTEM_ORDERS_H
#define USPD_SYSTEM_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/system/device.h"

struct loop;
struct orders;
struct store;

struct orders_options {
	struct store *store;
	struct loop *loop;
	const char *dir;		/* data directory: marks of starts and stops */
	/* Command lines, run through the shell; NULL: there is no such thing here. */
	const char *time_sync;		/* asks the time servers: "chronyc burst 4/8" */
	const char *reboot;		/* restarts the device: "systemctl reboot"; NULL: the daemon
					 * ends, and whoever supervises it starts it again */
	bool clock_system;		/* the system clock is ours, and the RTC with it */
	/* The clock has been set, `before` is what it showed.  In the thread that set it. */
	void (*stepped)(void *arg, int64_t before);
	/* The daemon is to end now.  In the loop. */
	void (*end)(void *arg);
	void *arg;
};
/* Journals the running firmware too, when it is another one than at the last start. */
int orders_open(struct orders **, const struct orders_options *) USPD_MUST_CHECK;
void orders_close(struct orders *);		/* after loop_end_work(); NULL allowed */
const struct device_orders *orders_device(const struct orders *);
/* As clock_set() of the device's orders, for a server that knows the difference: the fraction of a
 * second stays. */
int orders_clock_step(struct orders *, int64_t delta_us, enum clock_setter) USPD_MUST_CHECK;

/* At start: why the daemon starts, for DJ_RESET: 1 the device was switched on, 2 it was restarted by
 * order or the daemon alone was, 0 not known.  Remembers this start in `dir`. */
int orders_start_reason(const char *dir);

#endif
