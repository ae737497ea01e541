/* The contract of a meter family (specs/style-models.md 4.1).
 *
 * A family is a pure codec plus a dialogue over a line.  It knows no database, no thread and no
 * clock of its own; it emits only values that were checked (checksum, address, plausible date,
 * digits) and never turns "not kept" into zero.
 *
 * What a returned error means to the poller:
 *   E_OK            period served; labels that were not emitted do not exist in the meter
 *                   (a family may also emit valid = false markers itself)
 *   E_TIMEOUT, E_CHECKSUM, E_FRAME, E_FOREIGN   link trouble
 *   E_DENIED        password or level refused: no retry before settings change
 *   E_UNSUPPORTED   this meter does not keep this; remembered, tried again after a week
 *   E_NODATA        the meter has no record in this period
 *   E_BUSY          the meter asks to wait; same job again later
 *   E_REFUSED       refused for now (clock corrected today already, button needed)
 *   E_METER         internal error of the meter
 *   E_PREEMPTED, E_STOPPED, E_LOST   passed through from the line, never swallowed */
#ifndef USPD_METERS_METERS_H
#define USPD_METERS_METERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "src/base/civil.h"
#include "src/base/err.h"
#include "src/model/calendar.h"
#include "src/model/record.h"

enum { METER_RX_SIZE = 20 * 1024, METER_MEMORY_SIZE = 768, METER_PASSWORD_MAX = 32,
	METER_SCRATCH_SIZE = 1536, METER_FLEETING_SIZE = 16 };

/* One conversation (сеанс) with one meter; made and owned by the bus worker. */
struct meter_session {
	struct line *line;
	struct zone zone;		/* meters keep device local time */
	uint16_t type;			/* id of the meter type */
	char address_text[64];		/* as in the meter table */
	uint32_t address;		/* its number where it is one, else 0 */
	uint8_t password_read[METER_PASSWORD_MAX], password_write[METER_PASSWORD_MAX];
	uint8_t password_read_len, password_write_len;
	bool writing;			/* open() uses the write password */
	bool is_open;			/* kept by the family's open/close */
	uint8_t memory[METER_MEMORY_SIZE];	/* what the family learned of this meter (capabilities,
					 * constants); kept over restarts, cleared when the serial
					 * number or the row changes; all zero at first */
	/* The family's own from one visit to the next, but not over restarts; cleared with memory. */
	_Alignas(8) uint8_t fleeting[METER_FLEETING_SIZE];
	/* The family's own while the session is open; what it was before open() means nothing. */
	_Alignas(16) uint8_t scratch[METER_SCRATCH_SIZE];
	uint8_t rx[METER_RX_SIZE];	/* answers */
	/* Makes `memory` as it is now durable before it returns: for what must not be lost when the
	 * power fails in the middle of a visit (counters of ciphering).  NULL: kept after the visit. */
	int (*save)(struct meter_session *);
	void *saver;			/* of who made the session, for save() */
};

struct meter_family {
	const char *name;		/* "mercury230", as in logs */
	const uint16_t *types;		/* meter types served, 0 ends */
	struct line_settings settings;	/* of such meters as delivered */
	struct line_timing timing;
	enum soft_parity soft_parity;
	uint32_t measures;		/* REC_BIT of every record type it can ever give */
	uint64_t journals;		/* journal_bit of every journal it can ever give */
	uint16_t clock_soft_max_s;	/* largest correction the meter accepts at once; 0: no limit */
	bool clock_slews;		/* a correction takes as long as it is large */
	uint8_t clock_frame;		/* bytes of the correction request, to time its end */
	bool must_close;		/* left open it disturbs the next meter: close each visit */
	uint16_t idle_ms;		/* the session dies after this silence (0: never): reopen */
	uint8_t memory_version;		/* changes when the layout of memory changes */

	/* Names an address that cannot be one of this family.  E_INVALID; NULL: a number 1..240. */
	int (*check_address)(const char *text);
	int (*open)(struct meter_session *);		/* log in; may be NULL */
	int (*read)(struct meter_session *, const struct query *, struct sink *);
	int (*clock_get)(struct meter_session *, int64_t *utc);	/* the meter's time, as UTC */
	int (*clock_correct)(struct meter_session *, int64_t utc); /* soft: by the correction command */
	int (*clock_set)(struct meter_session *, int64_t utc);	/* hard: operator only */
	int (*relay_get)(struct meter_session *, unsigned number, bool *on);
	int (*relay_set)(struct meter_session *, unsigned number, bool on);	/* NULL: has none */
	int (*identify)(struct meter_session *, struct meter_config *);
	/* One part of the tariff calendar: of the active one or of the passive one that is to follow
	 * it.  Only the passive one is set, with the write password.  NULL: has none. */
	int (*calendar_get)(struct meter_session *, enum calendar_part, bool passive,
	    struct calendar *);
	int (*calendar_set)(struct meter_session *, enum calendar_part, const struct calendar *);
	void (*close)(struct meter_session *);		/* log out, best effort; may be NULL */
};

/* The table of families: one row each.  Adding a family = its file + a row here. */
#define METER_FAMILIES(ROW) \
	ROW(mercury230) \
	ROW(energomera) \
	ROW(spodes)

#define ROW(name) extern const struct meter_family name##_family;
METER_FAMILIES(ROW)
#undef ROW

const struct meter_family *meter_family_of(unsigned type);	/* NULL: no driver */
const struct meter_family *meter_family_by_name(const char *);
extern const struct meter_family *const meter_families[];	/* NULL ends */

#endif
