/* Contents of answers: time, energy, momentary values, profile, journals (meter-mercury-set.md 2). */
#include "meters/mercury230_codec.h"

#include "src/base/checksum.h"

enum { CENTURY = 2000 };

/* ---- time ---- */

/* Decodes n packed BCD bytes; -1 in a field that is none. */
static bool
decode_bcd(const uint8_t *bytes, int *out, size_t n)
{
	bool good = true;

	for (size_t i = 0; i < n; i++) {
		out[i] = bcd_decode(bytes[i]);
		good = good && out[i] >= 0;
	}
	return good;
}

static bool
all_equal(const uint8_t *p, size_t n, uint8_t value)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != value)
			return false;
	return true;
}

static bool
is_blank(const uint8_t *p, size_t n)
{
	return all_equal(p, n, 0x00) || all_equal(p, n, 0xff);
}

int
mercury230_decode_clock(struct rd *r, struct mercury230_clock *clock)
{
	uint8_t b[8];
	int v[8];

	rd_bytes(r, b, sizeof(b));
	if (rd_failed(r) || !decode_bcd(b, v, 8))
		return E_FRAME;
	*clock = (struct mercury230_clock){
		.t = { CENTURY + v[6], v[5], v[4], v[2], v[1], v[0] },
		.weekday = v[3],
		.season = v[7] == 1 ? SEASON_WINTER : v[7] == 0 ? SEASON_SUMMER : SEASON_UNKNOWN,
	};
	return civil_valid(&clock->t) ? E_OK : E_FRAME;
}

enum m230_stamp
mercury230_decode_stamp(struct rd *r, struct civil *t)
{
	uint8_t b[6];
	int v[6];
	bool good;

	rd_bytes(r, b, sizeof(b));
	if (rd_failed(r))
		return M230_STAMP_BAD;
	if (is_blank(b, sizeof(b)))
		return M230_STAMP_EMPTY;
	good = decode_bcd(b, v, 6);
	*t = (struct civil){ CENTURY + v[5], v[4], v[3], v[2], v[1], v[0] };
	return good && civil_valid(t) ? M230_STAMP_GOOD : M230_STAMP_BAD;
}

void
mercury230_encode_time(struct wr *w, const struct civil *t)
{
	wr_u8(w, bcd_encode((unsigned)t->second));
	wr_u8(w, bcd_encode((unsigned)t->minute));
	wr_u8(w, bcd_encode((unsigned)t->hour));
}

void
mercury230_encode_clock(struct wr *w, const struct civil *t, bool is_summer)
{
	int weekday = civil_weekday(civil_days(t->year, t->month, t->day));

	mercury230_encode_time(w, t);
	wr_u8(w, (uint8_t)(weekday == 0 ? 7 : weekday));
	wr_u8(w, bcd_encode((unsigned)t->day));
	wr_u8(w, bcd_encode((unsigned)t->month));
	wr_u8(w, bcd_encode((unsigned)(t->year % 100)));
	wr_u8(w, is_summer ? 0 : 1);
}

/* ---- energy ---- */

uint32_t
mercury230_decode_number(struct rd *r)
{
	uint32_t high = rd_u16_le(r);
	uint32_t low = rd_u16_le(r);

	return high << 16 | low;
}

void
mercury230_decode_energy(struct rd *r, struct mercury230_energy *e, unsigned kinds)
{
	*e = (struct mercury230_energy){ .present = 0 };
	for (unsigned k = 0; k < kinds; k++) {
		e->n[k] = mercury230_decode_number(r);
		if (e->n[k] != UINT32_MAX)
			e->present |= (uint8_t)(1u << k);
	}
}

/* ---- momentary values ---- */

static struct mercury230_value
value_of(uint8_t flags, uint32_t n, bool is_absent)
{
	return (struct mercury230_value){
		.n = n, .is_absent = is_absent,
		.is_active_reverse = (flags & 0x80) != 0,
		.is_reactive_reverse = (flags & 0x40) != 0,
	};
}

struct mercury230_value
mercury230_decode_value(struct rd *r)
{
	uint8_t high = rd_u8(r);
	uint16_t low = rd_u16_le(r);

	return value_of(high, (uint32_t)(high & 0x3f) << 16 | low, high == 0xff && low == 0xffff);
}

struct mercury230_value
mercury230_decode_latched(struct rd *r)
{
	uint16_t high = rd_u16_le(r);
	uint16_t low = rd_u16_le(r);

	return value_of((uint8_t)(high >> 8), (uint32_t)(high & 0x3fff) << 16 | low,
	    high == 0xffff && low == 0xffff);
}

bool
mercury230_value_milli(const struct mercury230_value *v, enum m230_kind kind, unsigned power,
    int64_t *milli)
{
	bool by_active = kind == M230_COS || (kind == M230_POWER && power == 0);
	bool by_reactive = kind == M230_POWER && power == 1;
	bool negative = by_active ? v->is_active_reverse : by_reactive && v->is_reactive_reverse;
	bool in_thousandths = kind == M230_CURRENT || kind == M230_COS;
	int64_t n = in_thousandths ? v->n : (int64_t)v->n * 10;

	if (v->is_absent || (kind == M230_COS && n > 1000))
		return false;
	*milli = negative ? -n : n;
	return true;
}

static void
decode_values(struct rd *r, struct mercury230_value *to, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = mercury230_decode_value(r);
}

int
mercury230_decode_block(struct rd *r, struct mercury230_block *b)
{
	size_t len = rd_left(r);

	if (len != 78 && len != 86)
		return E_FRAME;
	*b = (struct mercury230_block){ .has_extras = len == 86 };
	for (int power = 0; power < 3; power++)
		decode_values(r, b->p[power], 4);
	decode_values(r, b->u, 3);
	decode_values(r, b->angle, 3);
	decode_values(r, b->i, 3);
	decode_values(r, b->cos, 4);
	b->f = mercury230_decode_value(r);
	for (int i = 0; i < 3 && b->has_extras; i++)
		b->harmonic[i] = rd_u16_le(r);
	if (b->has_extras)
		b->temperature = (int16_t)rd_u16_be(r);
	return rd_done(r) ? E_OK : E_FRAME;
}

/* ---- load profile ---- */

/* hh mm dd MM yy, as in profile records. */
static bool
decode_minute(struct rd *r, struct civil *t, bool *is_empty)
{
	uint8_t b[5] = { 0 };
	int v[5];
	bool good;

	rd_bytes(r, b, sizeof(b));
	*is_empty = is_blank(b, sizeof(b));
	good = decode_bcd(b, v, 5);
	*t = (struct civil){ CENTURY + v[4], v[3], v[2], v[0], v[1], 0 };
	return good && civil_valid(t);
}

static bool
is_period(unsigned minutes)
{
	return minutes >= 1 && minutes <= 60;
}

int
mercury230_decode_pointer(struct rd *r, struct mercury230_pointer *p)
{
	bool good;

	*p = (struct mercury230_pointer){ .word = rd_u16_be(r) };
	p->state = rd_u8(r);
	good = decode_minute(r, &p->t, &p->is_empty);
	p->period_min = rd_u8(r);
	if (rd_failed(r))
		return E_FRAME;
	return (good && is_period(p->period_min)) || p->is_empty ? E_OK : E_FRAME;
}

void
mercury230_decode_slice(struct rd *r, struct mercury230_slice *s)
{
	static const uint8_t nothing[M230_RECORD_LEN];
	const uint8_t *raw = rd_take(r, M230_RECORD_LEN);
	struct rd in = rd_init(raw != NULL ? raw : nothing, M230_RECORD_LEN);
	bool no_time, good;

	*s = (struct mercury230_slice){ .state = rd_u8(&in) };
	good = decode_minute(&in, &s->t, &no_time);
	s->period_min = rd_u8(&in);
	s->is_empty = raw == NULL || is_blank(raw, M230_RECORD_LEN);
	s->is_bad = !s->is_empty && !(good && is_period(s->period_min));
	for (int k = 0; k < 4; k++) {
		s->n[k] = rd_u16_le(&in);
		if (s->n[k] != UINT16_MAX)
			s->present |= (uint8_t)(1u << k);
	}
}

static int64_t
divide_rounded(int64_t num, int64_t den)
{
	return (2 * num + den) / (2 * den);
}

/* kW = N * 60 / (2 * A * period); a milliwatt is a millionth of it. */
int64_t
mercury230_slice_power(uint16_t n, uint32_t constant, unsigned period_min)
{
	return divide_rounded((int64_t)n * 30 * 1000000, (int64_t)constant * period_min);
}

int64_t
mercury230_pulses_energy(uint32_t n, uint32_t constant)
{
	return divide_rounded((int64_t)n * 1000000, 2 * (int64_t)constant);
}

/* ---- journals ---- */

unsigned
mercury230_journal_size(unsigned j)
{
	if ((j >= 0x01 && j <= 0x06) || (j >= 0x12 && j <= 0x14) || (j >= 0x17 && j <= 0x1a) ||
	    (j >= 0x20 && j <= 0x2f))
		return 12;
	return (j >= 0x07 && j <= 0x11) || j == 0x15 || j == 0x16 ? 6 : 0;
}

unsigned
mercury230_journal_depth(unsigned j)
{
	return j >= 0x20 && j <= 0x2f ? M230_PQ_DEPTH : M230_JOURNAL_DEPTH;
}

void
mercury230_decode_programming(struct rd *r, struct mercury230_programming *p)
{
	uint8_t b[3] = { 0 };
	int v[3];
	bool good;

	*p = (struct mercury230_programming){ .stamp = M230_STAMP_BAD };
	rd_bytes(r, b, sizeof(b));
	p->count = rd_u8(r);
	rd_bytes(r, p->mask03, sizeof(p->mask03));
	p->mask07 = rd_u8(r);
	good = decode_bcd(b, v, 3);
	p->date = (struct civil){ .year = CENTURY + v[2], .month = v[1], .day = v[0] };
	if (is_blank(b, sizeof(b)))
		p->stamp = M230_STAMP_EMPTY;
	else if (!rd_failed(r) && good && civil_valid(&p->date))
		p->stamp = M230_STAMP_GOOD;
}

/* Three 16-bit words, the highest first, each low byte first. */
uint64_t
mercury230_decode_state(struct rd *r, size_t len)
{
	uint64_t word = 0;

	if (len % 2 != 0)
		word = rd_u8(r); /* five bytes: the highest word has only its low half */
	for (size_t i = 0; i < len / 2; i++)
		word = word << 16 | rd_u16_le(r);
	return word;
}

/* ---- identity ---- */

/* Documents say BCD, devices also send plain binary (2.5). */
static struct civil
made_date(const uint8_t b[3])
{
	struct civil t;
	int v[3];

	if (decode_bcd(b, v, 3)) {
		t = (struct civil){ .year = CENTURY + v[2], .month = v[1], .day = v[0] };
		if (civil_valid(&t))
			return t;
	}
	t = (struct civil){ .year = CENTURY + b[2], .month = b[1], .day = b[0] };
	return b[2] < 100 && civil_valid(&t) ? t : (struct civil){ 0 };
}

int
mercury230_decode_serial(struct rd *r, struct mercury230_serial *s)
{
	uint8_t b[7];

	rd_bytes(r, b, sizeof(b));
	if (rd_failed(r))
		return E_FRAME;
	for (int i = 0; i < 4; i++) {
		if (b[i] > 99)
			return E_FRAME;
		s->text[2 * i] = (char)('0' + b[i] / 10);
		s->text[2 * i + 1] = (char)('0' + b[i] % 10);
	}
	s->text[8] = '\0';
	s->made = made_date(b + 4);
	return E_OK;
}

int
mercury230_decode_firmware(struct rd *r, uint8_t fw[3])
{
	uint8_t b[3];
	int v[3];

	rd_bytes(r, b, sizeof(b));
	if (rd_failed(r) || !decode_bcd(b, v, 3))
		return E_FRAME;
	for (int i = 0; i < 3; i++)
		fw[i] = (uint8_t)v[i];
	return E_OK;
}

int
mercury230_decode_variant(struct rd *r, size_t len, struct mercury230_variant *v)
{
	static const uint8_t classes[4] = { 2, 5, 10, 20 };
	static const uint16_t voltages[4] = { 577, 2300, 0, 0 };
	static const uint8_t currents[4] = { 5, 1, 10, 0 };
	static const uint16_t constants[6] = { 5000, 25000, 1250, 500, 1000, 250 };
	uint8_t b[6] = { 0 };

	if (len < 2 || len > sizeof(b))
		return E_FRAME;
	rd_bytes(r, b, len);
	if (rd_failed(r))
		return E_FRAME;
	*v = (struct mercury230_variant){
		.len = (uint8_t)len,
		.class_a = classes[b[0] >> 6], .class_r = classes[b[0] >> 4 & 3],
		.u_nominal_dv = voltages[b[0] >> 2 & 3], .i_nominal = currents[b[0] & 3],
		.constant = (b[1] & 0x0f) < 6 ? constants[b[1] & 0x0f] : 0,
		.is_one_way = (b[1] & 0x80) != 0, .has_temperature_range = (b[1] & 0x40) != 0,
		.has_profile = (b[1] & 0x20) != 0, .phases = b[1] & 0x10 ? 1 : 3,
		.is_modulus = (b[2] & 0x80) != 0, .has_internal_tariffs = (b[2] & 0x40) != 0,
		.is_active_only = (b[2] >> 4 & 3) == 1, .execution = b[2] & 0x0f,
		.has_big_memory = (b[3] & 0x80) != 0, .has_plm = (b[3] & 0x40) != 0,
		.has_gsm = (b[3] & 0x20) != 0, .has_optoport = (b[3] & 0x10) != 0,
		.interface = b[3] >> 2 & 3, .has_external_supply = (b[3] & 0x02) != 0,
		.has_cover_seal = (b[3] & 0x01) != 0, .has_terminal_seal = (b[4] & 0x10) != 0,
		.has_quality = (b[4] & 0x02) != 0, .has_phase_energy = (b[4] & 0x01) != 0,
	};
	for (size_t i = 0; i < sizeof(b); i++)
		v->raw[i] = b[i];
	return E_OK;
}
