/* How a poll goes, drawn for people: in place on a terminal, else as a line now and then. */
#ifndef USPD_TOOLS_CTL_PROGRESS_H
#define USPD_TOOLS_CTL_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum { PROGRESS_SAMPLES = 32 };

/* What the archive should hold, holds and waits for, in grid points (docs/api.md, status). */
struct progress_fill {
	long long wanted, missing;	/* of the meters that can be reached */
	long long untried;		/* meters that have not been talked to yet */
};

struct progress {
	bool redraw;			/* a terminal */
	unsigned drawn;			/* lines of the last picture */
	int64_t began_ms, told_ms;	/* monotonic */
	struct { int64_t ms; long long have; } samples[PROGRESS_SAMPLES];
	unsigned n_samples;
};

void progress_open(struct progress *);
/* One look.  `status` and `run` are answers of the daemon; `last` draws whatever the time is. */
void progress_draw(struct progress *, const struct progress_fill *, const json_t *status,
    const json_t *run, bool last);

#endif
