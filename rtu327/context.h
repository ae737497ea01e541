/* What an answer needs to know: an immutable snapshot of settings, passwords, maps and of which
 * meter has which serial number.  Made in a worker thread, then shared; the loop counts holders. */
#ifndef USPD_RTU327_CONTEXT_H
#define USPD_RTU327_CONTEXT_H

#include "rtu327/auth.h"
#include "rtu327/eventmap.h"
#include "src/model/meter.h"
#include "src/model/settings.h"
#include "src/store/store.h"

struct rtu327_key {
	uint64_t serial;	/* the last ten digits as a number */
	uint32_t row;		/* index in meters->rows */
};

struct rtu327_context {
	unsigned holders;			/* loop thread only */
	struct store *store;
	struct settings settings;
	struct zone zone;
	struct rtu327_auth auth;
	struct rtu327_map events, log;
	size_t bad_passwords, bad_map_rows;	/* entries of the settings that make no sense */
	uint64_t sequence;			/* store_sequence() when this was made */
	const struct meter_table *meters;
	size_t unread;				/* meters whose serial number could not be read */
	size_t doubles;				/* meters hidden by another one of equal number */
	uint32_t double_id, double_of;		/* ids of one such pair */
	size_t n;
	struct rtu327_key keys[];		/* ascending by serial */
};

/* Reads settings, meter table and serial numbers; held once.  Asks the store for the state of every
 * meter, so not in the loop.  A state that cannot be read only counts in `unread`.  E_NOMEM. */
int rtu327_context_make(struct rtu327_context **, struct store *) USPD_MUST_CHECK;
struct rtu327_context *rtu327_context_hold(struct rtu327_context *);
void rtu327_context_release(struct rtu327_context *);	/* the last one frees; NULL allowed */

/* Digits of a serial number as a key: non-digits are left out, of more than ten the last ten count
 * (rtu-327.md 5).  false: no digit at all. */
bool rtu327_serial_key(const char *serial, uint64_t *key);
/* NULL when no meter has this number. */
const struct meter_row *rtu327_context_meter(const struct rtu327_context *, const char *serial);

#endif
