/* The scripted line: compares what is sent with the script and gives the answers in it.  It never
 * waits: what the script does not give is silence at once. */
#include "drivers/line_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/cursor.h"

struct line_scripted {
	const struct script_step *steps;
	size_t n, played;
	struct rd answer;		/* what is left of the current answer */
	char error[512];		/* "" while all is as expected */
};

enum { SCRIPT_SHOWN = 48 };		/* bytes of a request shown in the error text */

static int
script_open(struct line *line)
{
	(void)line;
	return E_OK;
}

static void
script_shut(struct line *line)
{
	(void)line;
}

static void
script_free(struct line *line)
{
	free(line->own);
}

static int
script_configure(struct line *line, const struct line_settings *settings)
{
	(void)line;
	(void)settings;
	return E_OK;
}

static void
append_hex(char *text, size_t size, const uint8_t *bytes, size_t n)
{
	size_t shown = n < SCRIPT_SHOWN ? n : SCRIPT_SHOWN, at = 0;

	for (size_t i = 0; i < shown && at + 3 <= size; i++, at += 2)
		snprintf(text + at, size - at, "%02x", bytes[i]);
	if (shown < n && at + 4 <= size)
		snprintf(text + at, size - at, "...");
}

static void
note_difference(struct line_scripted *s, const struct script_step *step, const uint8_t *tx, size_t n)
{
	char expected[2 * SCRIPT_SHOWN + 4] = "the end", sent[2 * SCRIPT_SHOWN + 4] = "";
	size_t at = 0;

	if (step != NULL) {
		append_hex(expected, sizeof(expected), step->tx, step->tx_len);
		while (at < n && at < step->tx_len && step->tx[at] == tx[at])
			at++;
	}
	append_hex(sent, sizeof(sent), tx, n);
	snprintf(s->error, sizeof(s->error), "step %zu: expected %s sent %s (byte %zu differs)",
	    s->played + 1, expected, sent, at);
}

/* A request that differs is met with silence, and so is everything after it. */
static int
script_write(struct line *line, const uint8_t *tx, size_t n)
{
	struct line_scripted *s = line->own;
	const struct script_step *step = s->played < s->n ? &s->steps[s->played] : NULL;

	s->answer = rd_init(NULL, 0);
	if (s->error[0] != '\0')
		return E_OK;
	if (step == NULL || (step->tx != NULL && (step->tx_len != n || memcmp(step->tx, tx, n) != 0))) {
		note_difference(s, step, tx, n);
		return E_OK;
	}
	s->answer = rd_init(step->rx, step->rx_len);
	s->played++;
	return E_OK;
}

static int
script_wait_wake(struct line *line, int64_t until_us)
{
	(void)until_us;
	return atomic_load(&line->is_woken) ? E_STOPPED : WAIT_TIME;
}

static int
script_wait(struct line *line, int64_t until_us)
{
	struct line_scripted *s = line->own;
	int rc = script_wait_wake(line, until_us);

	return rc == WAIT_TIME && rd_left(&s->answer) > 0 ? WAIT_READY : rc;
}

static int
script_read(struct line *line, uint8_t *bytes, size_t size, size_t *n)
{
	struct line_scripted *s = line->own;
	size_t left = rd_left(&s->answer);

	*n = left < size ? left : size;
	rd_bytes(&s->answer, bytes, *n);
	return E_OK;
}

static const struct line_backend script_backend = {
	.keeps_gap_min = true,
	.answer_ms = 500,
	.gap_min_ms = 5,
	.open = script_open,
	.shut = script_shut,
	.free = script_free,
	.configure = script_configure,
	.write = script_write,
	.wait = script_wait,
	.wait_wake = script_wait_wake,
	.read = script_read,
};

int
line_open_script(struct line **out, const struct script_step *steps, size_t n)
{
	/* What the script says comes is the answer, even when it equals the request. */
	const struct line_options options = { .name = "script", .echo = ECHO_OFF };
	struct line_scripted *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (s == NULL)
		return E_NOMEM;
	s->steps = steps;
	s->n = n;
	s->answer = rd_init(NULL, 0);
	rc = line_new(out, &script_backend, &options);
	if (rc < 0)
		free(s);
	else
		(*out)->own = s;
	return rc;
}

size_t
line_script_played(const struct line *line)
{
	const struct line_scripted *s = line->own;

	return line->backend == &script_backend ? s->played : 0;
}

const char *
line_script_error(const struct line *line)
{
	const struct line_scripted *s = line->own;

	return line->backend == &script_backend && s->error[0] != '\0' ? s->error : NULL;
}
