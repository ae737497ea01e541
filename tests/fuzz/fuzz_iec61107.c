/* Everything that reads bytes of an IEC 62056-21 meter: framers, telegrams, values, and every decoder
 * of Энергомера classic. */
#include <stdint.h>
#include <stdlib.h>

#include "meters/energomera_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* A frame the framer approves must be one the parser takes or refuses cleanly, within its bytes. */
static void
check_framing(struct framing f, size_t len)
{
	if (f.n == 0 || (f.verdict != FRAME_MORE && f.n > len))
		abort();
}

static void
walk(struct iec_text body)
{
	struct iec_walk w = iec_walk(body);
	struct iec_value v;
	char text[64];
	int64_t number;
	uint32_t small;

	while (iec_next(&w, &v) == 1) {
		iec_text_copy(v.text, text, sizeof text);
		(void)!iec_decimal(v.text, 6, &number);
		(void)!iec_number(v.text, UINT32_MAX, &small);
	}
}

static void
decode(struct iec_text body)
{
	static const struct energomera_group_item items[] = { { 0x400B, 7, 3 }, { 0x400D, 1, 3 } };
	static struct energomera_ring ring;
	static int64_t mw[48];
	struct energomera_values v;
	struct energomera_clock clock;
	struct iec_text text;
	unsigned event;
	size_t n;

	for (int name = 0; name < EN_COUNT; name++) {
		const char *s = energomera_name((enum energomera_name)name);

		(void)!energomera_answer(body, s);
		(void)!energomera_decimals(body, s, 6, &v);
		(void)!energomera_profile(body, s, mw, 48, &n);
		if (energomera_text(body, s, &text) == E_OK) {
			(void)!energomera_watch(text, &clock);
			(void)!energomera_date(text, &clock);
			(void)!energomera_time(text, &clock);
		}
		if (energomera_ring(body, s, &ring) != E_OK)
			continue;
		energomera_ring_sort(&ring, (int)(body.len % 7) - 1);
		for (size_t i = 0; i < ring.n; i++)
			for (size_t j = 0; j < ENERGOMERA_JOURNALS; j++)
				(void)energomera_ring_event(&ring, i, &energomera_journals[j], &event);
	}
	(void)!energomera_group_answer(body, items, 2, &v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct iec_expect expect = { .bcc = IEC_BCC_EITHER, .ack = true, .nak = true,
		.soh = true, .stx = true, .name = "ET0PE", .or_name = "GROUP" };
	struct iec_telegram t;

	check_framing(iec_framer(&expect, data, size), size);
	check_framing(iec_ident_framer(NULL, data, size), size);
	if (iec_parse(data, size, IEC_BCC_EITHER, &t) == E_OK && t.body.p != NULL) {
		walk(t.body);
		decode(t.body);
	}
	/* Without its frame too: a checksum is a wall no fuzzer climbs often. */
	if (size > 0) {
		walk((struct iec_text){ data, size });
		decode((struct iec_text){ data, size });
	}
	return 0;
}
