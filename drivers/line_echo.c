/* Echo: on CAN transceivers and some half-duplex adapters every byte sent comes back (poller.md
 * 2.1, 2.4).  It may come in pieces and it may be followed by the answer in the same read.
 *
 * Three things are easily mistaken for it: an answer that begins like the request (the address
 * byte), one that is a prefix of it, and one that is identical (test link of the Mercury family).
 * So bytes are only held back while they equal the request, and are given back at the first that
 * differs or when the line falls silent. */
#include "drivers/line_private.h"

#include "src/base/clock.h"
#include "src/base/log.h"

enum { ECHO_VOTES = 3, ECHO_VOTE_LEAST_LEN = 3 };
/* A decision is reconsidered after so long without one good answer. */
static const int64_t echo_doubt_us = INT64_C(3600) * 1000000;

struct echo_filter
echo_begin(const struct line *line, size_t tx_len)
{
	struct echo_filter filter = { .len = tx_len };

	filter.state = line->echo.belief == ECHO_ABSENT ? ECHO_NONE : ECHO_COMPARING;
	filter.is_sure = line->echo.belief == ECHO_PRESENT;
	return filter;
}

static void
removed(struct line *line, struct echo_filter *f)
{
	f->state = ECHO_REMOVED;
	line->count.echoes++;
}

void
echo_strip(struct line *line, struct echo_filter *f, const uint8_t *bytes, size_t n, size_t *skip,
    size_t *restore)
{
	size_t i = 0;

	*restore = 0;
	while (f->state == ECHO_COMPARING && i < n && bytes[i] == line->raw[f->matched]) {
		i++;
		if (++f->matched == f->len)
			f->state = ECHO_MATCHED;
	}
	if (f->state == ECHO_COMPARING && i < n) {
		f->state = ECHO_NONE;
		*restore = f->matched;
	}
	/* What follows a copy of the request shows that the copy was an echo. */
	if (f->state == ECHO_MATCHED && (f->is_sure || i < n))
		removed(line, f);
	*skip = i;
}

size_t
echo_give_back(struct echo_filter *f)
{
	size_t held = f->state == ECHO_COMPARING || f->state == ECHO_MATCHED ? f->matched : 0;

	f->state = ECHO_NONE;
	return held;
}

static void
decide(struct line *line, enum echo_belief belief)
{
	line->echo.belief = belief;
	line->echo.decided_us = clock_mono_us();
	log_info("line", "line=%s echo=%s: decided by the first answers", line->name,
	    belief == ECHO_PRESENT ? "on" : "off");
}

void
echo_vote(struct line *line, const struct echo_filter *f, bool is_echo)
{
	struct echo_memory *echo = &line->echo;

	if (echo->belief != ECHO_UNKNOWN || f->len < ECHO_VOTE_LEAST_LEN)
		return;
	if (is_echo)
		echo->for_echo++;
	else
		echo->against++;
	if (echo->for_echo + echo->against < ECHO_VOTES)
		return;
	decide(line, echo->for_echo > echo->against ? ECHO_PRESENT : ECHO_ABSENT);
}

void
echo_doubt(struct line *line, int64_t now_us)
{
	struct echo_memory *echo = &line->echo;

	if (!echo->is_auto || echo->belief == ECHO_UNKNOWN ||
	    now_us - echo->decided_us < echo_doubt_us || now_us - line->answer_us < echo_doubt_us)
		return;
	*echo = (struct echo_memory){ .is_auto = true };
}
