#include "sim/consumption.h"

enum {
	SLOTS_PER_DAY = 48,
	FIRST_EPOCH_DAY = 16436,	/* 2015-01-01 */
	NOISE_WEIGHT = 8,		/* not above the smallest hour weight: slots stay positive */
};

/* Relative load of each hour of the day, and how large a kind is relative to the others. */
static const uint8_t hour_weight[24] = {
	10, 9, 8, 8, 8, 9, 14, 24, 30, 26, 22, 20, 22, 21, 20, 20, 22, 28, 36, 40, 38, 32, 22, 14,
};
static const uint8_t hour_tariff[24] = {
	2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 3, 3, 4, 4, 3, 3, 3, 1, 1, 1, 1, 3, 3, 2,
};
static const uint8_t kind_factor[SIM_KINDS] = { 12, 1, 4, 2 };

static uint64_t
splitmix(uint64_t x)
{
	x += UINT64_C(0x9E3779B97F4A7C15);
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

uint64_t
sim_hash(uint64_t a, uint64_t b, uint64_t c)
{
	return splitmix(splitmix(splitmix(a) + b) + c);
}

int64_t
sim_epoch(uint64_t serial)
{
	return (int64_t)(FIRST_EPOCH_DAY + sim_hash(serial, 1000, 2) % 365) * SIM_DAY_S;
}

unsigned
sim_tariff(int64_t t)
{
	int64_t second = t % SIM_DAY_S;

	if (second < 0)
		second += SIM_DAY_S;
	return hour_tariff[second / 3600];
}

static uint64_t
scale(uint64_t serial, enum sim_kind kind)
{
	return (1 + sim_hash(serial, 1000, 1) % 8) * kind_factor[kind];
}

/* The irregular part of a tariff's counter before its slot number m. */
static uint64_t
noise(uint64_t serial, enum sim_kind kind, unsigned tariff, uint64_t m)
{
	return sim_hash(serial, (uint64_t)kind * 8 + tariff, m) % (NOISE_WEIGHT * scale(serial, kind));
}

/* Slots and weights of a tariff in the first `slots` half hours of a day. */
static void
day_part(unsigned tariff, unsigned slots, uint64_t *n, uint64_t *weight)
{
	*n = *weight = 0;
	for (unsigned h = 0; h < slots; h++) {
		if (hour_tariff[h / 2] != tariff)
			continue;
		*n += 1;
		*weight += hour_weight[h / 2];
	}
}

/* One tariff's counter, supply failures left out of account. */
static uint64_t
raw_tariff(uint64_t serial, enum sim_kind kind, unsigned tariff, int64_t since_epoch)
{
	uint64_t slot = (uint64_t)since_epoch / SIM_SLOT_S;
	uint64_t second = (uint64_t)since_epoch % SIM_SLOT_S;
	uint64_t day = slot / SLOTS_PER_DAY;
	unsigned h = (unsigned)(slot % SLOTS_PER_DAY);
	uint64_t k = scale(serial, kind);
	uint64_t day_n, day_weight, n, weight, m, counter, energy;

	day_part(tariff, SLOTS_PER_DAY, &day_n, &day_weight);
	day_part(tariff, h, &n, &weight);
	m = day * day_n + n;
	counter = (day * day_weight + weight) * k + noise(serial, kind, tariff, m);
	if (second > 0 && hour_tariff[h / 2] == tariff) {
		energy = hour_weight[h / 2] * k + noise(serial, kind, tariff, m + 1) -
		    noise(serial, kind, tariff, m);
		counter += energy * second / SIM_SLOT_S;
	}
	return counter;
}

static uint64_t
raw_counter(uint64_t serial, enum sim_kind kind, unsigned tariff, int64_t t)
{
	int64_t since_epoch = t - sim_epoch(serial);
	uint64_t sum = 0;

	if (since_epoch < 0)
		return 0;
	if (tariff != 0)
		return raw_tariff(serial, kind, tariff, since_epoch);
	for (unsigned i = 1; i <= SIM_TARIFFS; i++)
		sum += raw_tariff(serial, kind, i, since_epoch);
	return sum;
}

uint64_t
sim_counter(const struct sim_load *load, enum sim_kind kind, unsigned tariff, int64_t t)
{
	uint64_t counter = raw_counter(load->serial, kind, tariff, t);

	for (unsigned i = 0; i < load->n_outages && load->outages[i].from < t; i++) {
		const struct sim_outage *o = &load->outages[i];

		counter -= raw_counter(load->serial, kind, tariff, o->to < t ? o->to : t) -
		    raw_counter(load->serial, kind, tariff, o->from);
	}
	return counter;
}

uint32_t
sim_slot(const struct sim_load *load, enum sim_kind kind, int64_t end)
{
	unsigned tariff = sim_tariff(end - SIM_SLOT_S);

	return (uint32_t)(sim_counter(load, kind, tariff, end) -
	    sim_counter(load, kind, tariff, end - SIM_SLOT_S));
}

uint32_t
sim_slot_raw(uint64_t serial, enum sim_kind kind, int64_t end)
{
	unsigned tariff = sim_tariff(end - SIM_SLOT_S);

	return (uint32_t)(raw_counter(serial, kind, tariff, end) -
	    raw_counter(serial, kind, tariff, end - SIM_SLOT_S));
}

bool
sim_is_off(const struct sim_load *load, int64_t t)
{
	for (unsigned i = 0; i < load->n_outages; i++)
		if (load->outages[i].from <= t && t < load->outages[i].to)
			return true;
	return false;
}

int64_t
sim_off_seconds(const struct sim_load *load, int64_t from, int64_t to)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < load->n_outages; i++) {
		int64_t a = load->outages[i].from > from ? load->outages[i].from : from;
		int64_t b = load->outages[i].to < to ? load->outages[i].to : to;

		if (a < b)
			sum += b - a;
	}
	return sum;
}

bool
sim_add_outage(struct sim_load *load, int64_t from, int64_t to)
{
	if (load->n_outages == SIM_OUTAGES || to <= from ||
	    (load->n_outages > 0 && from <= load->outages[load->n_outages - 1].to))
		return false;
	load->outages[load->n_outages++] = (struct sim_outage){ from, to };
	return true;
}

bool
sim_make_outages(struct sim_load *load, unsigned count, int64_t from, int64_t to, int64_t max_s)
{
	int64_t part;

	if (count == 0 || count > SIM_OUTAGES || max_s < 60)
		return false;
	part = (to - from) / count;
	if (part <= max_s)
		return false;
	for (unsigned i = 0; i < count; i++) {
		int64_t length = 60 +
		    (int64_t)(sim_hash(load->serial, 1001, i) % (uint64_t)(max_s - 59));
		int64_t start = from + (int64_t)i * part +
		    (int64_t)(sim_hash(load->serial, 1002, i) % (uint64_t)(part - max_s));

		if (!sim_add_outage(load, start, start + length))
			return false;
	}
	return true;
}
