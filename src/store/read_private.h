/* One read in progress; shared by read.c and read_journal.c. */
#ifndef USPD_STORE_READ_PRIVATE_H
#define USPD_STORE_READ_PRIVATE_H

#include "src/store/store_private.h"

struct reading {
	struct store *store;
	struct reader *reader;
	int dev;		/* or WALK_ALL_METERS */
	const struct store_range *range;
	store_each *each;
	void *arg;
	size_t emitted;
	bool ended_by_caller;
	/* A record is large: these live here and not on the stack of each step. */
	struct record record, other, stored, made;
	struct meter_state state;
};

/* Gives a record to the caller if the range wants it: 0 go on, 1 enough, negative error. */
int emit(struct reading *, uint16_t dev, struct record *);
int read_journals(struct reading *);

#endif
