#include "drivers/line_private.h"

#include <stdio.h>
#include <string.h>

#include "src/base/cursor.h"

enum { BAUD_LEAST = 300, BAUD_MOST = 921600 };

static const char parity_letters[] = { [PARITY_NONE] = 'n', [PARITY_EVEN] = 'e', [PARITY_ODD] = 'o' };

bool
line_settings_valid(const struct line_settings *s)
{
	return s->baud >= BAUD_LEAST && s->baud <= BAUD_MOST && (s->bits == 7 || s->bits == 8) &&
	    (unsigned)s->parity < sizeof(parity_letters) && (s->stop == 1 || s->stop == 2);
}

static bool
parse_parity(uint8_t letter, enum line_parity *parity)
{
	for (size_t i = 0; i < sizeof(parity_letters); i++) {
		if ((letter | 0x20) == parity_letters[i]) {
			*parity = (enum line_parity)i;
			return true;
		}
	}
	return false;
}

int
line_settings_parse(struct line_settings *s, const char *text)
{
	struct line_settings made = { 0 };
	struct rd r = rd_init((const uint8_t *)text, text != NULL ? strlen(text) : 0);
	uint8_t c = rd_u8(&r);

	for (; c >= '0' && c <= '9' && made.baud <= BAUD_MOST; c = rd_u8(&r))
		made.baud = made.baud * 10 + (uint32_t)(c - '0');
	if (c != ',')
		return E_INVALID;
	made.bits = (uint8_t)(rd_u8(&r) - '0');
	if (!parse_parity(rd_u8(&r), &made.parity))
		return E_INVALID;
	made.stop = (uint8_t)(rd_u8(&r) - '0');
	if (!rd_done(&r) || !line_settings_valid(&made))
		return E_INVALID;
	*s = made;
	return E_OK;
}

void
line_settings_print(const struct line_settings *s, char *buf, size_t size)
{
	char parity = (unsigned)s->parity < sizeof(parity_letters) ? parity_letters[s->parity] : '?';

	snprintf(buf, size, "%u,%u%c%u", (unsigned)s->baud, (unsigned)s->bits, parity,
	    (unsigned)s->stop);
}

uint32_t
line_char_ns(const struct line_settings *s)
{
	uint32_t bits = 1U + s->bits + (s->parity != PARITY_NONE ? 1U : 0U) + s->stop;

	return s->baud == 0 ? 0 : (uint32_t)((bits * UINT64_C(1000000000) + s->baud / 2) / s->baud);
}

bool
line_settings_equal(const struct line_settings *a, const struct line_settings *b)
{
	return a->baud == b->baud && a->bits == b->bits && a->parity == b->parity && a->stop == b->stop;
}
