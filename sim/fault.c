/* What a bad wire makes of a good answer.  Every choice follows from seed, serial and count. */
#include "sim/bus.h"

#include <string.h>

enum { PAUSE_LEAST_NS = 8000000 };

static uint64_t
draw(const struct sim_meter *m, uint64_t what)
{
	return sim_hash(m->seed + 2 + what, m->load.serial, m->counters.answers);
}

/* One character loses one to three of its lower seven bits: a burst every checksum detects. */
static void
damage(const struct sim_meter *m, struct sim_send *s)
{
	uint64_t dice = draw(m, 0);
	uint8_t flips = (uint8_t)(1U << (dice >> 8) % 7 | 1U << (dice >> 16) % 7 |
	    1U << (dice >> 24) % 7);

	s->bytes[dice % s->len] ^= flips;
}

static void
foreign_first(const struct sim_meter *m, int64_t char_ns, struct sim_send *s)
{
	uint8_t own[SIM_ANSWER_MAX];
	size_t n = s->len, other;

	if (n > sizeof(own))
		return;
	memcpy(own, s->bytes, n);
	other = m->type->foreign(m, own, n, s->bytes);
	memcpy(s->bytes + other, own, n);
	s->len = other + n;
	if (other > 0) {
		s->pause_at = other;
		s->pause_ns = 8 * char_ns > PAUSE_LEAST_NS ? 8 * char_ns : PAUSE_LEAST_NS;
	}
}

static void
noise(const struct sim_meter *m, struct sim_send *s)
{
	uint64_t dice = draw(m, 1);
	size_t n = 1 + dice % 3;

	if ((dice >> 8) % 2 == 0) {
		memmove(s->bytes + n, s->bytes, s->len);
		memset(s->bytes, 0xFF, n);
	} else {
		memset(s->bytes + s->len, (dice >> 9) % 2 == 0 ? 0xFF : 0x00, n);
	}
	s->len += n;
}

static void
busy(const struct sim_meter *m, struct sim_send *s)
{
	uint8_t out[SIM_ANSWER_MAX];
	size_t n = m->type->busy(m, s->bytes, s->len, out);

	if (n == 0)
		return;
	memcpy(s->bytes, out, n);
	s->len = n;
}

void
sim_fault_apply(struct sim_meter *m, enum sim_fault fault, int64_t char_ns, struct sim_send *s)
{
	switch (fault) {
	case SIM_FAULT_lost:
		s->len = 0;
		break;
	case SIM_FAULT_damaged:
		damage(m, s);
		break;
	case SIM_FAULT_foreign:
		foreign_first(m, char_ns, s);
		break;
	case SIM_FAULT_partial:
		s->len = s->len > 1 ? 1 + draw(m, 2) % (s->len - 1) : 0;
		break;
	case SIM_FAULT_noise:
		noise(m, s);
		break;
	case SIM_FAULT_busy:
		busy(m, s);
		break;
	default:
		break;
	}
}
