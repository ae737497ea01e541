#include "src/store/pack.h"

#include <stdbool.h>
#include <string.h>

enum { HEAD_VALID = 1, HEAD_SCALE = 1, HEAD_DIFF = 8, HEAD_QUARTERS = 16, HEAD_KNOWN = 31 };
enum { QUARTER_S = 900 };
static const int64_t scales[] = { 1, 10, 100, 1000 };

/* Differences of time stamps from outside must not overflow: they wrap both ways. */
static int64_t
minus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static int64_t
plus(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* The largest scale up to `most` that divides every present value. */
static unsigned
scale_of(const int64_t *v, uint64_t present, unsigned most)
{
	for (unsigned i = 0; present >> i != 0; i++) {
		if ((present >> i & 1) != 0)
			while (most > 0 && v[i] % scales[most] != 0)
				most--;
		if (i == 63)
			break;
	}
	return most;
}

void
pack_record(struct wr *w, const struct record *r, int64_t base)
{
	int64_t offset = minus(r->ts, base);
	unsigned scale = r->valid ? scale_of(r->v, r->present, 3) : 0;
	bool quarters = offset % QUARTER_S == 0;

	wr_u8(w,
	    (uint8_t)((r->valid ? HEAD_VALID : 0) | scale << HEAD_SCALE |
		(r->diff_s != 0 ? HEAD_DIFF : 0) | (quarters ? HEAD_QUARTERS : 0)));
	wr_zigzag(w, quarters ? offset / QUARTER_S : offset);
	if (r->diff_s != 0)
		wr_zigzag(w, r->diff_s);
	if (!r->valid) {
		wr_zigzag(w, minus(record_has(r, 0) ? r->v[0] : r->ts, base));
		return;
	}
	wr_varint(w, r->present);
	for (unsigned i = 0; i < VALUE_SLOTS; i++)
		if (record_has(r, i))
			wr_zigzag(w, r->v[i] / scales[scale]);
}

static int
read_values(struct rd *r, uint64_t present, unsigned scale, int64_t *v)
{
	for (; present != 0; present &= present - 1) {
		int slot = __builtin_ctzll(present);

		if (__builtin_mul_overflow(rd_zigzag(r), scales[scale], &v[slot]))
			return E_CORRUPT;
	}
	return E_OK;
}

static int
read_diff(struct rd *r, int32_t *diff_s)
{
	int64_t diff = rd_zigzag(r);

	*diff_s = (int32_t)diff;
	return diff >= INT32_MIN && diff <= INT32_MAX ? E_OK : E_CORRUPT;
}

int
unpack_record(const uint8_t *data, size_t len, int64_t base, struct record *to)
{
	struct rd r = rd_init(data, len);
	uint8_t head = rd_u8(&r);
	int64_t offset = rd_zigzag(&r);

	*to = (struct record){ .valid = (head & HEAD_VALID) != 0 };
	if ((head & ~HEAD_KNOWN) != 0)
		return E_CORRUPT;
	if ((head & HEAD_QUARTERS) != 0 && __builtin_mul_overflow(offset, QUARTER_S, &offset))
		return E_CORRUPT;
	to->ts = plus(base, offset);
	if ((head & HEAD_DIFF) != 0 && read_diff(&r, &to->diff_s) < 0)
		return E_CORRUPT;
	if (!to->valid)
		record_set(to, 0, plus(base, rd_zigzag(&r)));
	else {
		to->present = rd_varint(&r);
		if (read_values(&r, to->present, head >> HEAD_SCALE & 3, to->v) < 0)
			return E_CORRUPT;
	}
	return rd_done(&r) ? E_OK : E_CORRUPT;
}

enum { RUN_VALID = 1, RUN_FLAGS = 1, RUN_DIFF = 32, RUN_BITMAP = 64 };
enum { FLAGS_MASK = 15, BITMAP_MASK = 15 };
enum step { STEP_PERIOD, STEP_MINUTE, STEP_SECOND };

static int64_t
step_s(enum step step, uint16_t period_min)
{
	return step == STEP_SECOND ? 1 : step == STEP_MINUTE || period_min == 0 ? 60 : period_min * 60;
}

/* The coarsest step that reaches every slice. */
static enum step
step_of(const struct slice *s, size_t n, int64_t base)
{
	enum step step = STEP_PERIOD;

	if (minus(s[0].ts, base) % 60 != 0)
		return STEP_SECOND;
	for (size_t i = 1; i < n; i++) {
		int64_t distance = minus(s[i].ts, s[0].ts);

		if (distance % 60 != 0)
			return STEP_SECOND;
		if (distance % step_s(STEP_PERIOD, s[0].period_min) != 0)
			step = STEP_MINUTE;
	}
	return step;
}

static unsigned
slices_scale(const struct slice *s, size_t n)
{
	unsigned scale = 3;

	for (size_t i = 0; i < n && scale > 0; i++)
		if (s[i].valid)
			scale = scale_of(s[i].v, s[i].present, scale);
	return scale;
}

static bool
same_run(const struct slice *a, const struct slice *b, int64_t step)
{
	return minus(b->ts, a->ts) == step && a->valid == b->valid && a->flags == b->flags &&
	    a->diff_s == b->diff_s && (a->valid ? a->present == b->present : a->v[0] == b->v[0]);
}

void
pack_slices(struct wr *w, const struct slice *s, size_t n, int64_t base)
{
	enum step step = step_of(s, n, base);
	int64_t step_seconds = step_s(step, s[0].period_min), next = s[0].ts;
	unsigned scale = slices_scale(s, n);
	struct slice last = { 0 };
	size_t count;

	wr_u8(w, (uint8_t)(scale | (unsigned)step << 2));
	wr_zigzag(w, minus(s[0].ts, base) / (step == STEP_SECOND ? 1 : 60));
	for (size_t i = 0; i < n; i += count) {
		const struct slice *run = &s[i];
		bool diff = run->diff_s != last.diff_s;
		bool bitmap = run->valid && run->present != last.present;

		for (count = 1; i + count < n; count++)
			if (!same_run(&run[count - 1], &run[count], step_seconds))
				break;
		wr_varint(w, (uint64_t)(minus(run->ts, next) / step_seconds));
		wr_varint(w, count);
		wr_u8(w,
		    (uint8_t)((run->valid ? RUN_VALID : 0) | (run->flags & FLAGS_MASK) << RUN_FLAGS |
			(diff ? RUN_DIFF : 0) | (bitmap ? RUN_BITMAP : 0)));
		if (diff)
			wr_zigzag(w, last.diff_s = run->diff_s);
		if (bitmap)
			wr_u8(w, last.present = run->present & BITMAP_MASK);
		if (!run->valid)
			wr_zigzag(w, minus(run->v[0], base));
		for (size_t k = 0; run->valid && k < count; k++)
			for (unsigned slot = 0; slot < PROFILE_SLOTS; slot++)
				if ((run->present >> slot & 1) != 0)
					wr_zigzag(w, run[k].v[slot] / scales[scale]);
		next = plus(run[count - 1].ts, step_seconds);
	}
}

/* Walks the runs; `s` NULL only counts. */
struct unpacking {
	struct rd r;
	struct slice like;	/* attributes of the run, time of its next slice */
	int64_t base, step;
	unsigned scale;
	size_t n, max;
};

static int
unpack_run(struct unpacking *u, struct slice *s)
{
	uint64_t skip = rd_varint(&u->r), count = rd_varint(&u->r);
	uint8_t attributes = rd_u8(&u->r);
	int64_t jump;

	if (count == 0 || count > u->max - u->n || (attributes & 128) != 0 || skip > INT32_MAX)
		return E_CORRUPT;
	if (__builtin_mul_overflow((int64_t)skip, u->step, &jump) ||
	    __builtin_add_overflow(u->like.ts, jump, &u->like.ts))
		return E_CORRUPT;
	u->like.valid = (attributes & RUN_VALID) != 0;
	u->like.flags = attributes >> RUN_FLAGS & FLAGS_MASK;
	if ((attributes & RUN_DIFF) != 0 && read_diff(&u->r, &u->like.diff_s) < 0)
		return E_CORRUPT;
	if ((attributes & RUN_BITMAP) != 0)
		u->like.present = rd_u8(&u->r);
	if (u->like.present > BITMAP_MASK)
		return E_CORRUPT;
	int64_t made = u->like.valid ? 0 : plus(u->base, rd_zigzag(&u->r));

	for (; count > 0 && !rd_failed(&u->r); count--, u->n++) {
		struct slice slice = u->like;

		if (!slice.valid) {
			slice.present = 0;
			slice.v[0] = made;
		} else if (read_values(&u->r, slice.present, u->scale, slice.v) < 0)
			return E_CORRUPT;
		if (s != NULL)
			s[u->n] = slice;
		if (__builtin_add_overflow(u->like.ts, u->step, &u->like.ts))
			return E_CORRUPT;
	}
	return rd_failed(&u->r) ? E_CORRUPT : E_OK;
}

int
unpack_slices(const uint8_t *data, size_t len, int64_t base, uint16_t period_min, struct slice *s,
    size_t max, size_t *n)
{
	struct unpacking u = { .r = rd_init(data, len), .base = base, .max = max };
	uint8_t head = rd_u8(&u.r);
	int64_t first = rd_zigzag(&u.r);

	*n = 0;
	if (head >> 2 > STEP_SECOND)
		return E_CORRUPT;
	u.scale = head & 3;
	u.step = step_s((enum step)(head >> 2), period_min);
	u.like.period_min = period_min;
	if (__builtin_mul_overflow(first, head >> 2 == STEP_SECOND ? 1 : 60, &first) ||
	    __builtin_add_overflow(base, first, &u.like.ts))
		return E_CORRUPT;
	do {
		if (unpack_run(&u, s) < 0)
			return E_CORRUPT;
	} while (rd_left(&u.r) > 0);
	*n = u.n;
	return E_OK;
}

size_t
unpack_slices_count(const uint8_t *data, size_t len)
{
	size_t n;

	return unpack_slices(data, len, 0, 1, NULL, DAY_SLICES_MAX, &n) == E_OK ? n : 0;
}

void
pack_config(struct wr *w, const struct meter_config *c)
{
	wr_zigzag(w, c->is_dst);
	wr_zigzag(w, c->is_clock);
	wr_zigzag(w, c->is_tariff);
	wr_zigzag(w, c->is_a_minus);
	wr_zigzag(w, c->is_r_plus);
	wr_zigzag(w, c->is_r_minus);
	wr_varint(w, c->profile_arrays);
	wr_varint(w, c->tariffs);
	wr_varint(w, c->relays);
	wr_varint(w, c->period_min);
	wr_varint(w, c->ratio_i);
	wr_varint(w, c->ratio_u);
	wr_varint(w, c->constant);
	wr_varint(w, c->profile_depth);
	wr_varint(w, c->day_depth);
	wr_varint(w, c->day_cons_depth);
	wr_varint(w, c->month_depth);
	wr_varint(w, c->month_cons_depth);
}

static uint32_t
limited(struct rd *r, uint32_t most)
{
	uint64_t v = rd_varint(r);

	r->failed |= v > most;
	return (uint32_t)v;
}

static int8_t
tristate(struct rd *r)
{
	int64_t v = rd_zigzag(r);

	r->failed |= v < -1 || v > 1;
	return (int8_t)v;
}

int
unpack_config(const uint8_t *data, size_t len, struct meter_config *c)
{
	struct rd r = rd_init(data, len);

	c->is_dst = tristate(&r);
	c->is_clock = tristate(&r);
	c->is_tariff = tristate(&r);
	c->is_a_minus = tristate(&r);
	c->is_r_plus = tristate(&r);
	c->is_r_minus = tristate(&r);
	c->profile_arrays = (uint8_t)limited(&r, UINT8_MAX);
	c->tariffs = (uint8_t)limited(&r, UINT8_MAX);
	c->relays = (uint8_t)limited(&r, UINT8_MAX);
	c->period_min = (uint16_t)limited(&r, UINT16_MAX);
	c->ratio_i = limited(&r, UINT32_MAX);
	c->ratio_u = limited(&r, UINT32_MAX);
	c->constant = limited(&r, UINT32_MAX);
	c->profile_depth = limited(&r, UINT32_MAX);
	c->day_depth = limited(&r, UINT32_MAX);
	c->day_cons_depth = limited(&r, UINT32_MAX);
	c->month_depth = limited(&r, UINT32_MAX);
	c->month_cons_depth = limited(&r, UINT32_MAX);
	return rd_done(&r) ? E_OK : E_CORRUPT;
}
