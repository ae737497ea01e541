/* Everything that reads octets of a DLMS meter: frames, values, APDUs, protections, rows of profiles
 * and
 * logs.  The whole input is given to each, with and without its frame. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "meters/dlms/dlms.h"
#include "meters/dlms/spodes_codec.h"
#include "meters/dlms/wrapper_codec.h"

enum { COPY_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_framing(struct framing f, size_t len)
{
	if (f.n == 0 || (f.verdict != FRAME_MORE && f.n > len))
		abort();
}

static void
frames(const uint8_t *data, size_t len)
{
	const struct hdlc_expect expect = { { { 0x41 }, 1 }, { { 0x02, 0x21 }, 2 } };
	const struct wrapper_expect ports = { .from = 1, .to = 32 };
	struct hdlc_limits limits;
	struct hdlc_reject reject;
	struct hdlc_frame f;
	struct wrapper w;
	size_t used;

	check_framing(hdlc_framer(&expect, data, len), len);
	check_framing(wrapper_framer(&ports, data, len), len);
	(void)!wrapper_parse(data, len, &w);
	if (hdlc_parse(data, len, &used, &f) == E_OK) {
		if (used > len || f.info_len > len)
			abort();
		(void)!hdlc_reject(&f, &reject);
		(void)!hdlc_parse_limits(f.info, f.info_len, &limits);
	}
	if (hdlc_parse_limits(data, len, &limits) == E_OK &&
	    (limits.info_rx > HDLC_INFO_MAX || limits.window_rx > HDLC_WINDOW_MAX))
		abort();
}

static void
values(const uint8_t *data, size_t len)
{
	struct axdr a = axdr_init(data, len);
	struct axdr_value v;
	struct cosem_time t;
	char text[32];
	int64_t n;

	while (axdr_next(&a, &v) == E_OK) {
		if (v.depth > AXDR_DEPTH || v.len > len)
			abort();
		if (axdr_int(&v, &n) && axdr_is_float(&v))
			abort();
		for (int scaler = -8; scaler <= 8; scaler += 4)
			(void)axdr_milli(&v, scaler, &n);
		if (cosem_time_of(&v, &t) == E_OK && !civil_valid(&t.t))
			abort();
		if (!axdr_is_container(&v) && cosem_text(&v, text, sizeof(text)) &&
		    strlen(text) >= sizeof(text))
			abort();
	}
	a = axdr_init(data, len);
	if (axdr_next(&a, &v) == E_OK)
		(void)!axdr_skip(&a, &v);
}

static void
apdus(const uint8_t *data, size_t len)
{
	struct xdlms_answer x;
	struct initiate i;
	struct acse a;
	int result;

	if (acse_parse(data, len, &a) == E_OK) {
		(void)!initiate_parse(a.user, &i);
		(void)acse_verdict(&a);
	}
	(void)!initiate_parse((struct octets){ data, len }, &i);
	if (xdlms_parse(data, len, &x) < 0)
		return;
	if (x.data.len > len)
		abort();
	if (x.kind == XDLMS_LIST) {
		struct axdr r = axdr_init(x.data.p, x.data.len);
		struct axdr_value v;

		for (uint32_t k = 0; k < x.count && xdlms_list_next(&r, &result) == E_OK; k++)
			if (result == RESULT_SUCCESS && axdr_next(&r, &v) < 0)
				break;
	}
	if (x.data.len > 0)
		values(x.data.p, x.data.len);
}

static void
protections(const uint8_t *data, size_t len)
{
	uint8_t copy[COPY_MAX];
	struct cipher c = { .is_on = true };

	if (len > sizeof(copy) || len == 0)
		return;
	memcpy(copy, data, len);
	if (cipher_unprotect(&c, copy, &len) == E_OK && len > sizeof(copy))
		abort();
}

static void
rows(const uint8_t *data, size_t len)
{
	static const uint8_t what[] = { WHAT_CLOCK, WHAT_INTERVAL, WHAT_ENERGY, WHAT_STATUS };
	static const int8_t scaler[] = { 0, -1, 3, 0 };
	const struct spodes_columns c = { .what = what, .scaler = scaler, .n = 4, .period_s = 1800 };
	const struct zone zone = { 10800, false };
	struct spodes_slice slice = { .is_begun = false };
	struct spodes_row row = { .has_time = false };
	struct axdr a = axdr_init(data, len);
	struct cosem object;
	struct record rec;
	uint16_t index;
	uint32_t n;

	if (axdr_enter(&a, AXDR_ARRAY, &n) == E_OK)
		while (spodes_row_next(&a, &c, zone, &row) == 1) {
			slice.label = spodes_slice_label(&row, c.period_s, zone, STAMP_END);
			spodes_slice_add(&slice, &c, &row);
			spodes_slice_record(&slice, c.period_s, &rec);
		}
	a = axdr_init(data, len);
	if (axdr_enter(&a, AXDR_ARRAY, &n) == E_OK)
		while (cosem_captured(&a, &object, &index) == E_OK)
			if (spodes_what(&object, index) >= WHAT_END)
				abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct hdlc_frame f;
	size_t used;

	frames(data, len);
	values(data, len);
	apdus(data, len);
	protections(data, len);
	rows(data, len);
	/* What stands in a good frame, without it. */
	if (hdlc_parse(data, len, &used, &f) == E_OK && f.info_len > 3) {
		apdus(f.info + 3, f.info_len - 3);
		protections(f.info + 3, f.info_len - 3);
	}
	return 0;
}
