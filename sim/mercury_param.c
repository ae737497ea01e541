/* Code 08: identification, state, momentary and latched values (2.5, 2.8, 2.13, 2.14). */
#include "sim/mercury.h"

#include "src/base/checksum.h"

enum { CURRENT = 0x16, LATCHED = 0x14, SINGLE = 0x11 };
enum { P_REVERSE = 0x80, Q_REVERSE = 0x40 };
enum { E_CLOCK_RUNNING = 46 };		/* E-47 */

static void
put_serial(struct sim_mercury_call *call)
{
	struct civil made = sim_civil(sim_epoch(call->m->load.serial));
	uint64_t serial = call->m->load.serial;

	for (uint64_t unit = 1000000; unit > 0; unit /= 100)
		wr_u8(call->w, (uint8_t)(serial / unit % 100));
	wr_u8(call->w, bcd_encode((unsigned)made.day));
	wr_u8(call->w, bcd_encode((unsigned)made.month));
	wr_u8(call->w, bcd_encode((unsigned)(made.year % 100)));
}

static void
put_firmware(struct sim_mercury_call *call)
{
	for (int i = 0; i < 3; i++)
		wr_u8(call->w, bcd_encode(call->m->u.mercury.fw[i]));
}

static uint16_t
firmware_crc(const struct sim_mercury *me)
{
	return crc16_modbus(me->fw, sizeof(me->fw));
}

static int
identity(struct sim_mercury_call *call)
{
	const struct sim_mercury *me = &call->m->u.mercury;

	if (!me->long_reads || (call->n == 2 && !me->class234))
		return sim_mercury_unsupported(call);
	if (call->n == 2 && call->p[1] != 0)
		return SIM_BAD_COMMAND;
	put_serial(call);
	put_firmware(call);
	wr_bytes(call->w, me->variant, sizeof(me->variant));
	if (call->n == 2) {
		wr_u16_be(call->w, firmware_crc(me));
		wr_bytes(call->w, (const uint8_t[6]){ 0 }, 6);
	}
	return SIM_REPLY_DATA;
}

/* Highest 16-bit word first, low byte first in a word; older firmware sends fewer bytes. */
static int
state_word(struct sim_mercury_call *call)
{
	const struct sim_mercury *me = &call->m->u.mercury;
	uint64_t errors = me->errors;
	uint8_t all[6];
	size_t n = me->fw[0] < 2 ? 4 : me->long_reads ? 6 : 5;

	if (sim_clock_slewing(&call->m->clock, call->now_us))
		errors |= UINT64_C(1) << E_CLOCK_RUNNING;
	for (int word = 0; word < 3; word++) {
		all[2 * word] = (uint8_t)(errors >> (32 - 16 * word));
		all[2 * word + 1] = (uint8_t)(errors >> (40 - 16 * word));
	}
	wr_bytes(call->w, all + 6 - n, n);
	return SIM_REPLY_DATA;
}

static uint8_t
flags(const struct sim_instant *now)
{
	return (uint8_t)((now->p_reverse ? P_REVERSE : 0) | (now->q_reverse ? Q_REVERSE : 0));
}

static void
put_unsigned(struct wr *w, const int32_t *v, int n)
{
	for (int i = 0; i < n; i++)
		sim_mercury_put3(w, (uint32_t)v[i], 0);
}

/* Sum and phases of P, Q, S or cos; latched powers have four bytes. */
static void
put_powers(struct wr *w, const int32_t v[4], uint8_t sign, bool wide)
{
	for (int i = 0; i < 4; i++) {
		uint32_t n = (uint32_t)v[i];

		if (wide)
			sim_mercury_put4(w, (n & 0x3FFFFFFF) | (uint32_t)sign << 24);
		else
			sim_mercury_put3(w, n, sign);
	}
}

static void
put_signed16(struct wr *w, int32_t v)
{
	wr_u16_be(w, (uint16_t)v);
}

/* BWRI A0: everything at once. */
static int
everything(struct sim_mercury_call *call, const struct sim_instant *now, bool latched)
{
	const struct sim_mercury *me = &call->m->u.mercury;

	if (!me->long_reads)
		return sim_mercury_unsupported(call);
	if (latched) {
		sim_mercury_put_time(call->w, call->m->u.mercury.latched_t);
		wr_u8(call->w, 1);
		wr_u8(call->w, 0);
		for (unsigned tariff = 1; tariff <= SIM_TARIFFS; tariff++)
			sim_mercury_put_registers(call, tariff, me->latched_t);
		sim_mercury_put_registers(call, 0, me->latched_t);
	}
	put_powers(call->w, now->p, flags(now), latched);
	put_powers(call->w, now->q, flags(now), latched);
	put_powers(call->w, now->s, flags(now), latched);
	put_unsigned(call->w, now->u, 3);
	put_unsigned(call->w, now->angle, 3);
	put_unsigned(call->w, now->i, 3);
	put_powers(call->w, now->cosine, flags(now), false);
	put_unsigned(call->w, &now->frequency, 1);
	if (!latched && me->class234) {
		for (int i = 0; i < 3; i++)
			wr_u16_le(call->w, (uint16_t)now->harmonics[i]);
		put_signed16(call->w, now->temperature);
	}
	return SIM_REPLY_DATA;
}

static int
powers(struct sim_mercury_call *call, const struct sim_instant *now, unsigned bwri)
{
	const int32_t *rows[3] = { now->p, now->q, now->s };
	unsigned row = bwri >> 2 & 3;

	if (row == 3)
		return SIM_BAD_COMMAND;
	if (call->p[0] == SINGLE)
		sim_mercury_put3(call->w, (uint32_t)rows[row][bwri & 3], flags(now));
	else
		put_powers(call->w, rows[row], flags(now), call->p[0] == LATCHED);
	return SIM_REPLY_DATA;
}

static int
by_phase(struct sim_mercury_call *call, const int32_t v[3], unsigned phase)
{
	if (call->p[0] != SINGLE)
		put_unsigned(call->w, v, 3);
	else if (phase == 0)
		return SIM_BAD_COMMAND;
	else
		put_unsigned(call->w, &v[phase - 1], 1);
	return SIM_REPLY_DATA;
}

static int
harmonics(struct sim_mercury_call *call, const struct sim_instant *now, unsigned phase)
{
	if (call->p[0] == SINGLE && phase == 0)
		return SIM_BAD_COMMAND;
	for (unsigned i = 1; i <= 3; i++)
		if (call->p[0] != SINGLE || i == phase)
			wr_u16_le(call->w, (uint16_t)now->harmonics[i - 1]);
	return SIM_REPLY_DATA;
}

static int
cosines(struct sim_mercury_call *call, const struct sim_instant *now, unsigned phase)
{
	if (call->p[0] == SINGLE)
		sim_mercury_put3(call->w, (uint32_t)now->cosine[phase], flags(now));
	else
		put_powers(call->w, now->cosine, flags(now), false);
	return SIM_REPLY_DATA;
}

static int
latched_only(struct sim_mercury_call *call, unsigned kind, unsigned tariff)
{
	if (call->p[0] != LATCHED || tariff > SIM_TARIFFS)
		return SIM_BAD_COMMAND;
	if (kind == 0xF) {
		sim_mercury_put_registers(call, tariff, call->m->u.mercury.latched_t);
		return SIM_REPLY_DATA;
	}
	sim_mercury_put_time(call->w, call->m->u.mercury.latched_t);
	wr_u16_be(call->w, 0x0100);
	return SIM_REPLY_DATA;
}

static int
momentary(struct sim_mercury_call *call)
{
	int64_t t = call->p[0] == LATCHED ? call->m->u.mercury.latched_t : call->t;
	unsigned bwri = call->p[1];
	struct sim_instant now;

	if (t == 0)
		return SIM_NO_RESULT;
	sim_instant(call->m, t, &now);
	switch (bwri >> 4) {
	case 0x0:
		return powers(call, &now, bwri);
	case 0x1:
		return by_phase(call, now.u, bwri & 3);
	case 0x2:
		return by_phase(call, now.i, bwri & 3);
	case 0x3:
		return cosines(call, &now, bwri & 3);
	case 0x4:
		put_unsigned(call->w, &now.frequency, 1);
		return SIM_REPLY_DATA;
	case 0x5:
		return by_phase(call, now.angle, bwri & 3);
	case 0x6:
		return harmonics(call, &now, bwri & 3);
	case 0x7:
		put_signed16(call->w, now.temperature);
		return SIM_REPLY_DATA;
	case 0xA:
		if (call->p[0] == SINGLE || bwri != 0xA0)
			return SIM_BAD_COMMAND;
		return everything(call, &now, call->p[0] == LATCHED);
	case 0xE: case 0xF:
		return latched_only(call, bwri >> 4, bwri & 0xF);
	default:
		return SIM_BAD_COMMAND;
	}
}

static void
put_quality_limits(struct sim_mercury_call *call)
{
	const uint8_t *limits = call->m->u.mercury.quality_limits;

	/* Written high byte first, read low byte first (2.13). */
	for (int i = 0; i < 16; i += 2) {
		wr_u8(call->w, limits[i + 1]);
		wr_u8(call->w, limits[i]);
	}
}

static int
short_parameter(struct sim_mercury_call *call)
{
	const struct sim_meter *m = call->m;
	const struct sim_mercury *me = &m->u.mercury;

	switch (call->p[0]) {
	case 0x00:
		put_serial(call);
		break;
	case 0x01:
		return identity(call);
	case 0x02:
		wr_u16_be(call->w, me->ratio_u);
		wr_u16_be(call->w, me->ratio_i);
		break;
	case 0x03:
		put_firmware(call);
		break;
	case 0x04: case 0x1D:
		wr_u16_be(call->w, 0x0001);
		break;
	case 0x05:
		wr_u16_be(call->w, m->address);
		break;
	case 0x09:
		wr_u16_be(call->w, 0);
		break;
	case 0x0A:
		return state_word(call);
	case 0x0B:
		wr_text(call->w, "SIM ");
		break;
	case 0x12:
		wr_bytes(call->w, me->variant, sizeof(me->variant));
		break;
	case 0x13: case 0x15:
		return sim_mercury_last_record(call, call->p[0] == 0x15);
	case 0x17:
		wr_u16_be(call->w, (uint16_t)((sim_tariff(call->t) - 1) << 1));
		break;
	case 0x18:
		wr_u16_le(call->w, me->load_word);
		break;
	case 0x19:
		wr_bytes(call->w, me->power_limit, sizeof(me->power_limit));
		break;
	case 0x20:
		put_quality_limits(call);
		break;
	case 0x21:
		wr_u16_be(call->w, 0x0303);
		break;
	case 0x24:
		wr_u16_be(call->w, sim_clock_slewing(&m->clock, call->now_us) ? 0x0002 : 0);
		break;
	case 0x26:
		wr_u16_be(call->w, firmware_crc(me));
		break;
	default:
		return sim_mercury_unsupported(call);
	}
	return SIM_REPLY_DATA;
}

int
sim_mercury_parameter(struct sim_mercury_call *call)
{
	if (call->n == 1)
		return short_parameter(call);
	if (call->n != 2)
		return SIM_REPLY_NONE;
	switch (call->p[0]) {
	case 0x01:
		return identity(call);
	case SINGLE: case LATCHED: case CURRENT:
		return momentary(call);
	case 0x1A:
		if (call->p[1] < 1 || call->p[1] > 4)
			return SIM_BAD_COMMAND;
		wr_bytes(call->w, call->m->u.mercury.energy_limit[call->p[1] - 1], 4);
		return SIM_REPLY_DATA;
	default:
		return SIM_REPLY_NONE;
	}
}
