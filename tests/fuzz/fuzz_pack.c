/* Packed rows of the archive: whatever decodes must encode to something that decodes to the same.
 * The first byte chooses the shape. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "src/store/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BASE = 1718409600, PERIOD = 30 };

static void
try_record(const uint8_t *data, size_t size)
{
	uint8_t bytes[PACK_RECORD_MAX];
	struct wr w = wr_init(bytes, sizeof(bytes));
	struct record r, again;

	if (unpack_record(data, size, BASE, &r) < 0)
		return;
	pack_record(&w, &r, BASE);
	assert(wr_ok(&w));
	assert(unpack_record(bytes, w.len, BASE, &again) == E_OK);
	assert(r.type == again.type && r.journal == again.journal && r.valid == again.valid &&
	    r.flags == again.flags && r.period_min == again.period_min && r.ts == again.ts &&
	    r.diff_s == again.diff_s && r.present == again.present &&
	    memcmp(r.v, again.v, sizeof(r.v)) == 0);
}

static void
try_slices(const uint8_t *data, size_t size)
{
	static struct slice slices[DAY_SLICES_MAX], again[DAY_SLICES_MAX];
	static uint8_t bytes[DAY_SLICES_MAX * PACK_SLICE_MAX + 32];
	struct wr w = wr_init(bytes, sizeof(bytes));
	size_t n, m;

	if (unpack_slices(data, size, BASE, PERIOD, slices, DAY_SLICES_MAX, &n) < 0)
		return;
	assert(n > 0 && n <= DAY_SLICES_MAX && unpack_slices_count(data, size) == n);
	/* Steps of a minute reach further than a day has room for in time stamps of slices. */
	for (size_t i = 0; i < n; i++)
		if (slices[i].ts < 0 || slices[i].ts > INT64_C(1) << 40)
			return;
	pack_slices(&w, slices, n, BASE);
	assert(wr_ok(&w));
	assert(unpack_slices(bytes, w.len, BASE, PERIOD, again, DAY_SLICES_MAX, &m) == E_OK && m == n);
	for (size_t i = 0; i < n; i++) {
		assert(slices[i].ts == again[i].ts && slices[i].valid == again[i].valid);
		assert(slices[i].flags == again[i].flags && slices[i].diff_s == again[i].diff_s);
		assert(slices[i].present == again[i].present);
		assert(memcmp(slices[i].v, again[i].v, sizeof(slices[i].v)) == 0);
	}
}

static void
try_config(const uint8_t *data, size_t size)
{
	struct meter_config config = { .serial = "" }, again = { .serial = "" };
	uint8_t bytes[PACK_CONFIG_MAX];
	struct wr w = wr_init(bytes, sizeof(bytes));

	if (unpack_config(data, size, &config) < 0)
		return;
	pack_config(&w, &config);
	assert(wr_ok(&w) && unpack_config(bytes, w.len, &again) == E_OK);
	assert(config.period_min == again.period_min && config.ratio_u == again.ratio_u &&
	    config.is_r_minus == again.is_r_minus && config.month_cons_depth == again.month_cons_depth);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	switch (data[0] % 3) {
	case 0: try_record(data + 1, size - 1); break;
	case 1: try_slices(data + 1, size - 1); break;
	case 2: try_config(data + 1, size - 1); break;
	}
	return 0;
}
