/* What a message carries: a template of data for a template of meters, so many newest values, from
 * the archive or read now (event-model.md 7.5), as the JSON of docs/message.schema.json (smart-json.md
 * 10.3, system.md 10.1).  Any thread; blocks on the disk and, of readings made now, on the meters. */
#ifndef USPD_EVENTS_MESSAGE_CONTENT_H
#define USPD_EVENTS_MESSAGE_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/text.h"
#include "src/model/record.h"
#include "src/store/store.h"

struct content_measure {
	char name[40];
	enum record_type type;
	uint16_t journal;
	bool now;		/* the meter itself is asked */
};
enum { CONTENT_MEASURES_MOST = 64, CONTENT_DEPTH_MOST = 20000 };

/* What was read now of one meter for one measure: entries of "vals" without brackets. */
struct content_reading { struct text vals; const char *error; };

struct content {
	struct store *store;
	struct settings settings;
	const struct meter_table *table;	/* held */
	const struct meter_row **meters;	/* by id */
	size_t n_meters;
	struct content_measure measures[CONTENT_MEASURES_MOST];
	size_t n_measures;
	uint32_t depth;
	bool moment;				/* some measure is read now */
	struct content_reading *readings;	/* by meter, then measure; NULL: none */
};

/* Reads a row of TABLE_MESSAGES and what it names.  E_NOTFOUND: *why, a constant, says what is
 * missing.  E_NOMEM. */
int content_open(struct content *, struct store *, int64_t row, const char **why) USPD_MUST_CHECK;
void content_close(struct content *);
/* Is this measure one of this meter's class? */
bool content_fits(const struct content_measure *, const struct meter_row *);
/* One entry of "vals". */
void content_print_record(struct text *, const struct content *, const struct record *);

struct content_print {
	uint64_t number;		/* msgId */
	const char *name, *serial;	/* of the device */
	int64_t time;
	size_t part_bytes;		/* split by meters where it is longer */
	/* Each part, in order; a negative return ends it and is passed on. */
	int (*part)(void *arg, unsigned part, unsigned parts, const char *payload, size_t len);
	void *arg;
};
/* E_NOMEM, errors of the store and of part(). */
int content_print(const struct content *, const struct content_print *) USPD_MUST_CHECK;

struct poll;
/* Asks the meters for what is to be read now; waits until all have answered or `seconds` have passed
 * or *stop is set.  How many meters gave all they were asked and how many did not.  E_NOMEM. */
int content_read_now(struct content *, struct poll *, uint32_t seconds, const _Atomic bool *stop,
    size_t *ok, size_t *failed) USPD_MUST_CHECK;

#endif
