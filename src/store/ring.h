/* Ring counters in memory: how many records of a kind a meter has, the oldest and the newest.
 *
 * They are loaded once; after that the writer changes the copy here, writes what changed with every
 * commit, and takes it back when a commit fails.  Any thread may read.
 *
 * The records of one commit come from meters all over the table `ring`, a page each.  So a commit
 * appends its changes to `ring_log`, where they share one page, and only when the log has grown is
 * it folded into `ring`: a quarter of the pages that four busy buses write (storage.md 3). */
#ifndef USPD_STORE_RING_H
#define USPD_STORE_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/store/db.h"
#include "src/store/store.h"

struct rings;

/* Kind of a ring: journals have one for each code. */
static inline uint32_t
ring_key(uint16_t dev, enum record_type type, uint16_t journal)
{
	return ((uint32_t)journal << 5 | (uint32_t)type) << 16 | dev;
}

static inline uint16_t ring_dev(uint32_t key) { return (uint16_t)key; }
static inline enum record_type ring_type(uint32_t key) { return (enum record_type)(key >> 16 & 31); }
static inline uint16_t ring_journal(uint32_t key) { return (uint16_t)(key >> 21); }

int rings_open(struct rings **) USPD_MUST_CHECK;
void rings_close(struct rings *);	/* NULL allowed */
/* Forgets what was there.  *sequence: the last one in the log, 0 when it is empty; may be NULL. */
int rings_load(struct rings *, sqlite3 *, int64_t *sequence) USPD_MUST_CHECK;
uint64_t rings_total(struct rings *);	/* records of all rings */

/* As committed, zeros when there is none.  Any thread. */
void rings_get_committed(struct rings *, uint32_t key, struct store_ring *);

/* Writer thread only: as in the transaction that is open. */
void rings_get(struct rings *, uint32_t key, struct store_ring *);
int rings_set(struct rings *, uint32_t key, const struct store_ring *) USPD_MUST_CHECK;
/* Writes what was set since the last rings_keep() or rings_undo(); inside a transaction.
 * `fold`: into `ring` in any case.  *folded: the log is empty now, `sequence` is not in it. */
int rings_save(struct rings *, sqlite3 *, int64_t sequence, bool fold, bool *folded) USPD_MUST_CHECK;
void rings_keep(struct rings *);	/* committed */
void rings_undo(struct rings *);	/* rolled back */

/* Copies the keys with records that `want` accepts, ascending by meter, then kind.  The caller
 * frees *keys.  Any thread. */
typedef bool rings_want(void *arg, uint32_t key, const struct store_ring *);
int rings_list(struct rings *, rings_want *, void *arg, uint32_t **keys, size_t *n) USPD_MUST_CHECK;

#endif
