/* 7E1 made in software on an 8N1 line (meter-iec61107.md 1): the parity bit takes the place of
 * bit 7.  A byte with wrong parity is kept with bit 7 cleared; the frame's checksum decides. */
#include "drivers/line_private.h"

#include <string.h>

uint8_t
parity_even(uint8_t byte)
{
	uint8_t seven = byte & 0x7f;

	return __builtin_parity(seven) ? seven | 0x80 : seven;
}

/* A 7-bit format of the port itself leaves nothing to do for software. */
static enum soft_parity
soft_in_force(const struct line *line)
{
	return line->settings.bits == 8 ? line->soft : SOFT_NONE;
}

void
parity_encode(struct line *line, const uint8_t *tx, size_t len)
{
	bool is_even = soft_in_force(line) != SOFT_NONE && !line->is_soft_off;
	uint8_t mask = soft_in_force(line) != SOFT_NONE || line->settings.bits == 7 ? 0x7f : 0xff;

	for (size_t i = 0; i < len; i++)
		line->raw[i] = is_even ? parity_even(tx[i]) : tx[i] & mask;
}

void
parity_decode(const struct line *line, uint8_t *bytes, size_t len, struct parity_tally *tally)
{
	if (soft_in_force(line) == SOFT_NONE && line->settings.bits == 8)
		return;
	for (size_t i = 0; i < len; i++) {
		tally->marked += bytes[i] >> 7;
		tally->wrong += bytes[i] != parity_even(bytes[i]);
		bytes[i] &= 0x7f;
	}
	tally->bytes += len;
}

void
parity_settle(struct line *line, const struct parity_tally *tally)
{
	if (soft_in_force(line) == SOFT_NONE || line->is_soft_off || tally->wrong == 0)
		return;
	/* No byte carries the bit though some should: this peer has no parity at all. */
	if (line->soft == SOFT_AUTO && tally->marked == 0) {
		line->is_soft_off = true;
		return;
	}
	line->count.parity_errors += tally->wrong;
}
