/* Requests, framer and decoders of Меркурий 23x.  The first byte chooses a request from those the
 * driver sends, the rest is what is received: as answer to that request, and as a request itself. */
#include <stdlib.h>
#include <string.h>

#include "meters/mercury230_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mercury230_request requests[] = {
	{ 5, M230_TEST, 0, { 0 } },
	{ 5, M230_EVENTS, 1, { 0x00 } },
	{ 5, M230_EVENTS, 2, { 0x01, M230_ALL_RECORDS } },
	{ 5, M230_EVENTS, 2, { 0x20, M230_ALL_RECORDS } },
	{ 5, M230_EVENTS, 2, { 0x14, M230_LAST_RECORD } },
	{ 5, M230_EVENTS, 2, { 0x77, M230_LAST_RECORD } },
	{ 5, M230_ENERGY, 2, { 0x00, M230_ALL_TARIFFS } },
	{ 5, M230_MEMORY, 4, { 0x03, 0x01, 0x20, 0xff } },
	{ 5, M230_PARAM, 1, { M230_STATE_WORD } },
	{ 5, M230_PARAM, 2, { M230_IDENTITY, 0 } },
	{ 5, M230_PARAM, 1, { M230_POINTER } },
	{ 5, M230_PARAM, 2, { M230_ALL_PHASES, M230_FAST_BLOCK } },
	{ 5, M230_PARAM, 1, { M230_VARIANT } },
	{ 5, M230_RELATIVE, 4, { 0x03, 0, 0, 17 } },
};

static void
decode(struct rd r)
{
	struct mercury230_clock clock;
	struct mercury230_energy energy;
	struct mercury230_block block;
	struct mercury230_pointer pointer;
	struct mercury230_slice slice;
	struct mercury230_serial serial;
	struct mercury230_variant variant;
	struct mercury230_programming programming;
	struct civil t;
	uint8_t fw[3];
	struct rd again;
	size_t len = rd_left(&r);

	again = r;
	if (mercury230_decode_clock(&again, &clock) == E_OK && !civil_valid(&clock.t))
		abort();
	again = r;
	if (mercury230_decode_stamp(&again, &t) == M230_STAMP_GOOD && !civil_valid(&t))
		abort();
	again = r;
	mercury230_decode_energy(&again, &energy, 4);
	again = r;
	if (mercury230_decode_block(&again, &block) == E_OK && len != 78 && len != 86)
		abort();
	again = r;
	if (mercury230_decode_pointer(&again, &pointer) == E_OK && !pointer.is_empty &&
	    !civil_valid(&pointer.t))
		abort();
	for (again = r; rd_left(&again) > 0;) {
		mercury230_decode_slice(&again, &slice);
		if (!slice.is_empty && !slice.is_bad &&
		    (!civil_valid(&slice.t) || slice.period_min == 0))
			abort();
	}
	again = r;
	if (mercury230_decode_serial(&again, &serial) == E_OK && strlen(serial.text) != 8)
		abort();
	again = r;
	if (mercury230_decode_variant(&again, len, &variant) == E_OK && len > 6)
		abort();
	again = r;
	mercury230_decode_programming(&again, &programming);
	again = r;
	mercury230_decode_state(&again, len);
	again = r;
	if (mercury230_decode_firmware(&again, fw) == E_OK && fw[0] > 99)
		abort();
}

static void
request_again(const uint8_t *data, size_t size)
{
	struct mercury230_request q;
	uint8_t frame[M230_REQUEST_MAX];

	if (mercury230_parse_request(&q, data, size) == E_OK &&
	    (mercury230_encode(&q, frame, sizeof(frame)) != size || memcmp(frame, data, size) != 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mercury230_expect e;

	if (size == 0)
		return 0;
	e = mercury230_expect_of(&requests[data[0] % (sizeof(requests) / sizeof(requests[0]))]);
	data++;
	size--;
	request_again(data, size);
	decode(rd_init(data, size));
	while (size > 0) {
		struct framing f = mercury230_framer(&e, data, size);

		if (f.n == 0 || (f.verdict != FRAME_MORE && f.n > size))
			abort();
		if (f.verdict == FRAME_MORE)
			break;
		if (f.verdict == FRAME_WHOLE || f.verdict == FRAME_SILENT)
			decode(rd_init(data + 1, f.n - M230_OVERHEAD));
		data += f.n;
		size -= f.n;
	}
	return 0;
}
