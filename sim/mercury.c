/* Frames, channel and configuration of the Mercury 23x.
 *
 *   request  ADDR CODE [parameter] [data] CRClo CRChi
 *   answer   ADDR data... CRClo CRChi, or ADDR STATUS CRClo CRChi
 *
 * Silence on a foreign address, a bad CRC and a wrong number of bytes (2.1). */
#include "sim/mercury.h"

#include <stdio.h>
#include <string.h>

#include "src/base/checksum.h"

enum { GROUP_ADDRESS = 0x00, BROADCAST = 0xFE };

enum {
	CODE_TEST = 0x00, CODE_OPEN = 0x01, CODE_CLOSE = 0x02, CODE_WRITE = 0x03, CODE_JOURNAL = 0x04,
	CODE_ENERGY = 0x05, CODE_MEMORY = 0x06, CODE_PARAMETER = 0x08, CODE_QUADRANTS = 0x15,
	CODE_RELATIVE = 0x16,
};

const char *const sim_mercury_keys[] = {
	"fw",
	"pass_rd",
	"pass_wr",
	"ratio_u",
	"ratio_i",
	"ring",
	"long_reads",
	"arrays",
	"relative_read",
	"unsupported",
	"losses",
	"ring_overflow",
	"relay_permission",
	"errors",
	"lock_after",
	NULL,
};

/* 20 s before firmware 2.2.2 (2.4). */
static int64_t
channel_us(const struct sim_mercury *me)
{
	return me->fw[0] * 10000 + me->fw[1] * 100 + me->fw[2] < 20202 ? 20000000 : 240000000;
}

int
sim_mercury_unsupported(const struct sim_mercury_call *call)
{
	return call->m->u.mercury.silent_unsupported ? SIM_REPLY_NONE : SIM_BAD_COMMAND;
}

void
sim_mercury_put4(struct wr *w, uint32_t v)
{
	wr_u8(w, (uint8_t)(v >> 16));
	wr_u8(w, (uint8_t)(v >> 24));
	wr_u8(w, (uint8_t)v);
	wr_u8(w, (uint8_t)(v >> 8));
}

void
sim_mercury_put3(struct wr *w, uint32_t v, uint8_t flags)
{
	wr_u8(w, (uint8_t)((v >> 16 & 0x3F) | flags));
	wr_u8(w, (uint8_t)v);
	wr_u8(w, (uint8_t)(v >> 8));
}

void
sim_mercury_put_time(struct wr *w, int64_t t)
{
	struct civil c = sim_civil(t);
	const int fields[6] = { c.second, c.minute, c.hour, c.day, c.month, c.year % 100 };

	for (int i = 0; i < 6; i++)
		wr_u8(w, t == 0 ? 0 : bcd_encode((unsigned)fields[i]));
}

static int
open_channel(struct sim_mercury_call *call)
{
	struct sim_mercury *me = &call->m->u.mercury;

	if (call->n != 7)
		return SIM_REPLY_NONE;
	call->m->counters.signons++;
	if (call->p[0] != 1 && call->p[0] != 2)
		return SIM_BAD_COMMAND;
	if (me->locked_day == sim_day(call->t))
		return SIM_LEVEL_LOW;
	if (memcmp(&call->p[1], me->pass[call->p[0] - 1], 6) != 0) {
		call->m->counters.wrong_passwords++;
		if (++me->wrong == me->lock_after)
			me->locked_day = sim_day(call->t);
		return SIM_LEVEL_LOW;
	}
	me->wrong = 0;
	me->level = call->p[0];
	return SIM_DONE;
}

static int
close_channel(struct sim_mercury_call *call)
{
	if (call->n != 0)
		return SIM_REPLY_NONE;
	call->m->u.mercury.level = 0;
	return SIM_DONE;
}

/* Serial number and latch need no open channel on the newer models (2.3, 2.9). */
static bool
needs_channel(const struct sim_mercury_call *call, uint8_t code)
{
	if (code == CODE_WRITE)
		return !(call->n == 1 && call->p[0] == 0x08);
	if (code == CODE_PARAMETER)
		return !(call->m->u.mercury.class234 && call->n == 1 && call->p[0] == 0x00);
	return true;
}

static int
dispatch(struct sim_mercury_call *call, uint8_t code, bool grouped)
{
	struct sim_mercury *me = &call->m->u.mercury;

	switch (code) {
	case CODE_TEST:
		return call->n == 0 ? SIM_DONE : SIM_REPLY_NONE;
	case CODE_OPEN:
		return open_channel(call);
	case CODE_CLOSE:
		return close_channel(call);
	case CODE_WRITE:
		if (grouped)
			return SIM_REPLY_NONE;
		break;
	case CODE_QUADRANTS: case CODE_RELATIVE:
		if (!me->class234)
			return sim_mercury_unsupported(call);
		break;
	case CODE_JOURNAL: case CODE_ENERGY: case CODE_MEMORY: case CODE_PARAMETER:
		break;
	default:
		return sim_mercury_unsupported(call);
	}
	if (me->level == 0 && needs_channel(call, code))
		return SIM_NOT_OPEN;
	switch (code) {
	case CODE_WRITE:	return sim_mercury_write(call, me->level);
	case CODE_JOURNAL:	return sim_mercury_journal(call);
	case CODE_ENERGY:	return sim_mercury_energy(call);
	case CODE_MEMORY:	return sim_mercury_memory(call);
	case CODE_QUADRANTS:	return sim_mercury_energy_quadrants(call);
	case CODE_RELATIVE:	return sim_mercury_relative(call);
	default:		return sim_mercury_parameter(call);
	}
}

static size_t
seal(uint8_t *out, size_t n)
{
	uint16_t crc = crc16_modbus(out, n);

	out[n] = (uint8_t)crc;
	out[n + 1] = (uint8_t)(crc >> 8);
	return n + 2;
}

size_t
sim_mercury_answer(struct sim_meter *m, int64_t now_us, const uint8_t *req, size_t n,
    uint8_t out[SIM_ANSWER_MAX])
{
	struct sim_mercury *me = &m->u.mercury;
	struct wr w = wr_init(out, SIM_ANSWER_MAX - 2);
	struct sim_mercury_call call = { .m = m, .now_us = now_us, .w = &w };
	int status;

	if (n < 4 || (req[0] != m->address && req[0] != GROUP_ADDRESS && req[0] != BROADCAST) ||
	    crc16_modbus(req, n) != 0)
		return 0;
	m->counters.heard++;
	if (now_us >= me->open_until_us)
		me->level = 0;
	call.t = sim_meter_time(m, now_us);
	call.p = req + 2;
	call.n = n - 4;
	wr_u8(&w, req[0]);
	status = dispatch(&call, req[1], req[0] == GROUP_ADDRESS);
	if (status == SIM_REPLY_NONE)
		return 0;
	me->open_until_us = now_us + channel_us(me);
	if (req[0] == BROADCAST)
		return 0;
	if (status >= 0) {
		w.len = 1;
		wr_u8(&w, (uint8_t)status);
	}
	return wr_ok(&w) ? seal(out, w.len) : 0;
}

/* The neighbour's answer of the same form with other contents. */
size_t
sim_mercury_foreign(const struct sim_meter *m, const uint8_t *answer, size_t n,
    uint8_t out[SIM_ANSWER_MAX])
{
	if (n < 4)
		return 0;
	memcpy(out, answer, n);
	out[0] = (uint8_t)(m->address % 240 + 1);
	if (n > 4)
		for (size_t i = 1; i < n - 2; i++)
			out[i] ^= (uint8_t)(i % 3);
	return seal(out, n - 2);
}

size_t
sim_mercury_busy(const struct sim_meter *m, const uint8_t *answer, size_t n,
    uint8_t out[SIM_ANSWER_MAX])
{
	(void)m;
	if (n < 4)
		return 0;
	out[0] = answer[0];
	out[1] = SIM_BUSY;
	return seal(out, 2);
}

void
sim_mercury_table(const struct sim_meter *m, char *addr, char *rd, char *wr, size_t size)
{
	const struct sim_mercury *me = &m->u.mercury;

	snprintf(addr, size, "%u", m->address);
	for (size_t i = 0; i < 6 && size > 12; i++) {
		snprintf(rd + 2 * i, size - 2 * i, "%02x", me->pass[0][i]);
		snprintf(wr + 2 * i, size - 2 * i, "%02x", me->pass[1][i]);
	}
}

static bool
hex_password(const json_t *keys, const char *key, uint8_t to[6])
{
	const json_t *value = json_object_get(keys, key);
	const char *text = json_string_value(value);

	if (value == NULL)
		return true;
	if (text == NULL || strlen(text) != 12 || strspn(text, "0123456789abcdefABCDEF") != 12)
		return false;
	for (int i = 0; i < 6; i++) {
		unsigned byte = 0;

		if (sscanf(text + 2 * i, "%2x", &byte) != 1)
			return false;
		to[i] = (uint8_t)byte;
	}
	return true;
}

static void
set_variant(struct sim_meter *m)
{
	struct sim_mercury *me = &m->u.mercury;
	/* Class 1/2, 230 V, 5 A; 1000 imp/kWh with a profile; RS-485, per-phase energy, quality. */
	const uint8_t most[6] = { 0xB4, 0x24, 0x42, 0x16, 0x03, 0x00 };

	memcpy(me->variant, most, sizeof(most));
	if (!m->kinds[SIM_A_MINUS])
		me->variant[1] |= 0x80;
	if (m->single_phase)
		me->variant[1] |= 0x10;
	if (!m->kinds[SIM_R_PLUS])
		me->variant[2] |= 0x10;
	if (me->ring == 8192)
		me->variant[3] |= 0x80;
	if (me->class234)
		me->variant[5] |= 0x20;
}

/* What a firmware of this number can do (2.15). */
static bool
set_firmware(struct sim_mercury *me, const char *fw)
{
	unsigned a, b, c, number;

	if (sscanf(fw, "%2u.%2u.%2u", &a, &b, &c) != 3)
		return false;
	number = a * 10000 + b * 100 + c;
	me->fw[0] = (uint8_t)a;
	me->fw[1] = (uint8_t)b;
	me->fw[2] = (uint8_t)c;
	me->class234 = a >= 7;
	me->long_reads = number >= 20202;
	me->arrays = number >= 20300;
	me->last_form = number >= 20100;
	me->relative = a >= 8;
	return true;
}

bool
sim_mercury_configure(struct sim_meter *m, const struct sim_type *type, const json_t *keys,
    char *why, size_t why_size)
{
	struct sim_mercury *me = &m->u.mercury;
	const char *fw = json_string_value(json_object_get(keys, "fw"));
	const char *unsupported = json_string_value(json_object_get(keys, "unsupported"));
	int64_t ring, ratio_u = 1, ratio_i = 1, errors = 0, lock_after = 0;

	if (!set_firmware(me, fw != NULL ? fw : type->preset)) {
		snprintf(why, why_size, "fw is not of the form 2.3.4");
		return false;
	}
	ring = me->class234 ? 8192 : 4096;
	memset(me->pass[0], 1, 6);
	memset(me->pass[1], 2, 6);
	if (!sim_json_int(keys, "ring", 4096, 8192, &ring) || (ring != 4096 && ring != 8192) ||
	    !sim_json_int(keys, "ratio_u", 1, 65535, &ratio_u) ||
	    !sim_json_int(keys, "ratio_i", 1, 65535, &ratio_i) ||
	    !sim_json_int(keys, "errors", 0, INT64_C(0xFFFFFFFFFFFF), &errors) ||
	    !sim_json_int(keys, "lock_after", 0, 100, &lock_after) ||
	    !sim_json_bool(keys, "long_reads", &me->long_reads) ||
	    !sim_json_bool(keys, "arrays", &me->arrays) ||
	    !sim_json_bool(keys, "relative_read", &me->relative) ||
	    !sim_json_bool(keys, "losses", &me->losses) ||
	    !sim_json_bool(keys, "ring_overflow", &me->overflow) ||
	    !sim_json_bool(keys, "relay_permission", &me->relay_permission) ||
	    !hex_password(keys, "pass_rd", me->pass[0]) ||
	    !hex_password(keys, "pass_wr", me->pass[1])) {
		snprintf(why, why_size, "a key of the Mercury kind has a wrong value");
		return false;
	}
	me->silent_unsupported = unsupported != NULL && strcmp(unsupported, "silence") == 0;
	me->ring = (uint16_t)ring;
	me->ratio_u = (uint16_t)ratio_u;
	me->ratio_i = (uint16_t)ratio_i;
	me->errors = (uint64_t)errors;
	me->lock_after = (unsigned)lock_after;
	me->locked_day = me->corrected_day = -1;
	me->load_word = 0x0001;
	me->power_limit[0] = 0x3F;
	if (m->address < 1 || m->address == BROADCAST || m->address == 0xFF || strlen(m->serial) != 8) {
		snprintf(why, why_size,
		    "a Mercury needs an address of 1..253 and a serial of 8 digits");
		return false;
	}
	set_variant(m);
	return true;
}
