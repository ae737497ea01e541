/* The poller: decides what is missing and due, gives it to the buses, keeps link health, checks
 * clocks (specs/poller.md).  Any thread may call these functions; none blocks on a bus. */
#ifndef USPD_POLL_POLL_H
#define USPD_POLL_POLL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "src/base/err.h"
#include "src/model/meter.h"
#include "src/model/record.h"

struct poll;
struct store;

/* A serial line of this board; borrowed during poll_open(). */
struct poll_line {
	const char *device;		/* NULL: the board has no such line */
	struct line_options options;	/* name: "Iface1" ... */
};
int poll_open(struct poll **, struct store *, const struct poll_line[SERIAL_BUSES]) USPD_MUST_CHECK;
void poll_close(struct poll *);		/* stops all buses cleanly; NULL allowed */
void poll_reload(struct poll *);	/* settings or meters changed: takes the new snapshot */

/* ---- buses ---- */

enum bus_state { BUS_IDLE, BUS_POLLING, BUS_TRANSIT, BUS_NO_DEVICE, BUS_SCAN };
struct poll_bus_status {
	char name[32];			/* "Iface1", or the endpoint of a TCP meter */
	enum bus_state state;
	uint32_t meters, silent;	/* rows on this bus; of them marked silent */
	uint32_t meter;			/* id being talked to, 0 */
	char job[24];			/* record type being read, "clock", ... */
	uint32_t waiting;		/* meters with work waiting */
	char holder[64];		/* BUS_TRANSIT: the client, see poll_lease_holder(); "" */
	int64_t holder_since;		/* UTC; 0 */
	struct line_counters line;
	uint64_t ideal_us;		/* least time the exchanges so far could take (poller.md 8) */
	uint64_t worked_us;		/* it had work: from first requests to last answers */
};
/* Fills at most max, returns how many there are. */
size_t poll_buses(struct poll *, struct poll_bus_status *, size_t max);
const char *bus_state_name(enum bus_state);

/* ---- meters ---- */

enum link_state { LINK_NEW, LINK_OK, LINK_DOUBT, LINK_SILENT, LINK_AUTH, LINK_HOLD, LINK_BLOCKED,
	LINK_NO_DRIVER };
struct poll_meter_status {
	enum link_state link;
	int64_t last_answer, last_try;	/* UTC, 0 never */
	int32_t diff_s;			/* meter clock - device clock */
	bool diff_known;
	int last_error;
	uint32_t answers, failures;	/* conversations since start */
	uint32_t missing;		/* grid points known to be missing now (day, month, profile) */
	uint32_t wanted;		/* grid points the archive should hold */
	char serial[32];
};
int poll_meter(struct poll *, uint32_t meter_id, struct poll_meter_status *) USPD_MUST_CHECK;
const char *link_state_name(enum link_state);

/* ---- orders by hand or by a protocol (class 1) ---- */

struct poll_order {
	const uint32_t *meters;		/* ids; n_meters 0 = all */
	size_t n_meters;
	uint32_t types;			/* REC_BIT mask; 0 = whatever is missing */
	uint64_t journals;		/* journal_bit mask with REC_BIT(REC_EL_JOURNAL); 0 = all */
	int64_t from, to;		/* 0 = the whole depth */
	bool again;			/* also what is stored already */
	bool newest;			/* of grid types only the newest label */
};
/* Starts a run.  E_NOTFOUND names no meter of the table. */
int poll_start(struct poll *, const struct poll_order *, uint64_t *run) USPD_MUST_CHECK;

struct poll_progress {
	uint64_t run;
	uint32_t total, done, failed;	/* meters */
	uint64_t records;
	bool finished;
};
int poll_progress(struct poll *, uint64_t run, struct poll_progress *) USPD_MUST_CHECK;

/* Sum over all meters: how full the archive is. */
struct poll_totals {
	uint32_t meters, answering, silent, no_driver, untried;
	uint64_t wanted, missing;	/* grid points */
	uint64_t records;		/* brought since start */
};
void poll_totals(struct poll *, struct poll_totals *);

#endif
