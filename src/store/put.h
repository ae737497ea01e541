/* What happens to a record that arrives: identity, replacement, rings (data-model.md 1, 6).
 * Everything here runs in the writer thread inside its transaction. */
#ifndef USPD_STORE_PUT_H
#define USPD_STORE_PUT_H

#include <stdbool.h>
#include <stdint.h>

#include "src/model/settings.h"
#include "src/store/archive.h"
#include "src/store/day.h"
#include "src/store/ring.h"

struct putter {
	struct archive *archive;
	struct rings *rings;
	const struct settings *settings;	/* depths */
	struct zone zone;
	struct bucket_span span, span_kept;	/* of all rows; as last committed */
	struct day open;	/* being filled; written when another day comes or at the end */
	int64_t sequence;	/* of this commit */
	bool fold;		/* the rings are wanted in their table at this commit */
	struct day old;		/* where the oldest slice of a full ring lies; never dirty */
};

void putter_free(struct putter *);

/* E_INVALID: the record cannot be one of its type.  Any thread. */
int put_check(const struct record *) USPD_MUST_CHECK;
int put_record(struct putter *, uint16_t dev, const struct record *) USPD_MUST_CHECK;
/* Writes what is still held back: before COMMIT. */
int put_finish(struct putter *) USPD_MUST_CHECK;
void put_kept(struct putter *);		/* after COMMIT */
void put_undo(struct putter *);		/* after ROLLBACK */

/* Removes at most `max` records of a ring that is longer than the settings say. */
int put_trim(struct putter *, uint32_t key, unsigned max, bool *more) USPD_MUST_CHECK;
/* Removes at most `max` rows of a meter; !*more: nothing of it is left. */
int put_purge(struct putter *, uint16_t dev, unsigned max, bool *more) USPD_MUST_CHECK;

/* Where a record of this time stamp may be, under every zone there ever was. */
void put_range(const struct putter *, enum record_type, int64_t from, int64_t to,
    int64_t *first, int64_t *last);
void put_ring_add(struct store_ring *, int64_t ts);

/* Implemented in put_profile.c and put_journal.c. */
int put_slice(struct putter *, uint16_t dev, const struct record *) USPD_MUST_CHECK;
int put_slice_trim(struct putter *, uint16_t dev, struct store_ring *) USPD_MUST_CHECK;
int put_journal(struct putter *, uint16_t dev, const struct record *) USPD_MUST_CHECK;
int put_journal_trim(struct putter *, uint32_t key, struct store_ring *) USPD_MUST_CHECK;

/* Code of a journal record in the table, and seq of an event. */
static inline int
journal_code_of(enum record_type type, uint16_t journal)
{
	return type == REC_PLS_JOURNAL ? PULSE_JOURNAL_BASE + journal : journal;
}

#endif
