/* Measures: what clients ask meters and archives for, in both dialects (smart-json.md 10.5, 10.6).
 * One table of names; pure. */
#ifndef USPD_SMART_JSON_SMART_MEASURE_H
#define USPD_SMART_JSON_SMART_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/model/calendar.h"
#include "src/model/meter.h"
#include "src/model/model.h"

enum { METER_CLASSES = CLASS_GENERIC + 1 };
#define CLASS_BIT(class) (1u << (class))

enum measure_job {
	JOB_RECORDS,		/* records of `types` */
	JOB_TIME, JOB_RELAY, JOB_SERIAL,
	JOB_CALENDAR,		/* tariff calendar of a meter, read */
	JOB_LINK,		/* the device's own journal of answering meters */
	JOB_ORDER,		/* a writing job: not by this way (smart-json.md 10.6) */
};

struct measure {
	char name[32];		/* canonical spelling in the dialect */
	enum measure_job job;
	bool now;		/* the meter itself is asked */
	unsigned classes;	/* CLASS_BIT of the meters it fits; others are not listed */
	enum record_type types[METER_CLASSES];	/* JOB_RECORDS; REC_NONE where it does not fit */
	uint16_t journal;	/* of REC_EL_JOURNAL */
	enum calendar_part part;	/* JOB_CALENDAR */
	bool active;		/* of the active one */
};

/* From where a request takes its measures: the two endpoints of dialect 40, and that of 31. */
enum measure_source { MEASURES_ARCH, MEASURES_MOMENT, MEASURES_31 };
/* Letter case and blanks do not matter; misspellings of known clients are understood.
 * own_journals: also the kinds from 101 on.  E_NOTFOUND. */
int measure_find(enum measure_source, const char *text, bool own_journals, struct measure *)
    USPD_MUST_CHECK;

enum meter_class measure_class(const struct meter_row *);	/* an unknown type is electric */
/* What of a meter the measure reads; REC_NONE: nothing from the archive. */
enum record_type measure_type(const struct measure *, const struct meter_row *);
bool measure_fits(const struct measure *, const struct meter_row *);

/* Equal but for letter case and blanks (smart-json.md 2, space stripping). */
bool measure_same_name(const char *, const char *);

#endif
