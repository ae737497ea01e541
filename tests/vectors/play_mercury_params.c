/* mercury23x: identity, parameters, and what writes carry. */
#include <stdio.h>

#include "src/base/checksum.h"
#include "tests/vectors/play_mercury.h"

/* ---- identity (2.5) ---- */

static void
play_variant(struct play_mercury *p, struct rd *r, size_t len)
{
	json_t *o = p->out;
	struct mercury230_variant v;

	if (mercury230_decode_variant(r, len, &v) < 0)
		return;
	json_object_set_new(o, "classA", json_real(v.class_a / 10.0));
	json_object_set_new(o, "classR", json_real(v.class_r / 10.0));
	json_object_set_new(o, "Un", json_real(v.u_nominal_dv / 10.0));
	play_int(o, "In", v.i_nominal);
	play_int(o, "directions", v.is_one_way ? 1 : 2);
	play_bool(o, "temp_range", v.has_temperature_range);
	play_bool(o, "profile", v.has_profile);
	play_int(o, "phases", v.phases);
	play_int(o, "const", v.constant);
	play_int(o, "A", v.constant);
	play_int(o, "variant_no", v.execution);
	play_text(o, "type", v.is_active_only ? "A" : "AR");
	play_bool(o, "reactive", !v.is_active_only);
	play_text(o, "phase_sum", v.is_modulus ? "modulus" : "signed");
	play_text(o, "tariff_unit", v.has_internal_tariffs ? "internal" : "external");
	play_text(o, "mem3", v.has_big_memory ? "131x8" : "65.5x8");
	play_bool(o, "plm", v.has_plm);
	play_bool(o, "plc", v.has_plm);
	play_bool(o, "gsm", v.has_gsm);
	play_bool(o, "optoport", v.has_optoport);
	play_text(o, "iface", v.interface == 1 ? "RS-485" : v.interface == 0 ? "CAN" : "");
	play_bool(o, "ext_supply", v.has_external_supply);
	play_bool(o, "external_supply", v.has_external_supply);
	play_bool(o, "cover_seal", v.has_cover_seal);
	play_bool(o, "terminal_seal", v.has_terminal_seal);
	play_bool(o, "pq", v.has_quality);
	play_bool(o, "phase_energy", v.has_phase_energy);
	json_object_set_new(o, "variant",
	    json_sprintf("%02X%02X%02X%02X%02X%02X", v.raw[0], v.raw[1], v.raw[2], v.raw[3], v.raw[4],
		v.raw[5]));
}

static void
play_firmware(struct play_mercury *p, struct rd *r)
{
	uint8_t fw[3];

	if (mercury230_decode_firmware(r, fw) == E_OK)
		json_object_set_new(p->out, "fw", json_sprintf("%u.%u.%u", fw[0], fw[1], fw[2]));
	else
		json_object_set_new(p->out, "fw", json_null());
}

static void
play_checksum(struct play_mercury *p, struct rd *r)
{
	json_object_set_new(p->out, "fw_crc", json_sprintf("%04X", rd_u16_be(r)));
}

static void
play_identity(struct play_mercury *p, struct rd *r)
{
	struct mercury230_serial s;
	int rc = mercury230_decode_serial(r, &s);

	json_object_set_new(p->out, "serial", rc == E_OK ? json_string(s.text) : json_null());
	json_object_set_new(p->out, "made",
	    rc == E_OK && s.made.year != 0 ? play_mercury_date(&s.made) : json_null());
	if (rd_left(r) == 0)
		return;
	play_firmware(p, r);
	play_variant(p, r, 6);
	if (rd_left(r) < 8)
		return;
	play_checksum(p, r);
	json_object_set_new(p->out, "variant_ext", json_sprintf("%02X", rd_u8(r)));
}

/* ---- words of bits ---- */

static void
play_errors(struct play_mercury *p, struct rd *r)
{
	size_t len = rd_left(r);
	const uint8_t *raw = r->p;
	json_t *list = json_array();
	char hex[24] = "";
	uint64_t word;

	for (size_t i = 0; i < len && i < 6; i++)
		snprintf(hex + 3 * i, sizeof(hex) - 3 * i, "%s%02X", i > 0 ? " " : "", raw[i]);
	word = mercury230_decode_state(r, len);
	for (unsigned e = 1; e <= 48; e++)
		if (word >> (e - 1) & 1)
			json_array_append_new(list, json_sprintf("E-%02u", e));
	json_object_set_new(p->out, "error",
	    json_array_size(list) > 0 ? json_incref(json_array_get(list, 0)) : json_null());
	json_object_set_new(p->out, "errors", list);
	play_text(p->out, "state", hex);
	play_text(p->out, "raw", hex);
}

static void
play_load_word(struct play_mercury *p, struct rd *r)
{
	static const char *const bits[] = {
		"pulse_is_load_control", "power_limit_allowed", "energy_limit_allowed",
		"load_off_by_command",
		"off_by_limit_T1", "off_by_limit_T2", "off_by_limit_T3", "off_by_limit_T4", "bit8",
		"current_off", "on_forbidden",
	};
	uint8_t low = rd_u8(r), high = rd_u8(r);
	unsigned word = (unsigned)high << 8 | low;

	json_object_set_new(p->out, "word_first_byte", json_sprintf("%02X", low));
	json_object_set_new(p->out, "word_second_byte", json_sprintf("%02X", high));
	json_object_set_new(p->out, "word", json_sprintf("%04X", word));
	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		play_bool(p->out, bits[i], word >> i & 1);
	play_text(p->out, "relay", word & 0x200 ? "off" : "on");
	play_text(p->out, "load", word & 0x200 ? "off" : "on");
	play_bool(p->out, "load_control", word & 1);
	play_bool(p->out, "power_limit_control", word & 2);
	play_bool(p->out, "energy_limit_control", word & 4);
}

static void
play_operations(struct play_mercury *p, struct rd *r)
{
	static const char *const bits[] = { "defaults", "energy_init", "profile_init", "profile2_init",
	    "loss_profile", "pq_task", "bit6", "bit7", "tariff_table", "clock_correction" };
	uint8_t first = rd_u8(r), second = rd_u8(r);
	unsigned word = (unsigned)second << 8 | first;

	for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		play_bool(p->out, bits[i], word >> i & 1);
	play_bool(p->out, "busy", word != 0);
	play_bool(p->out, "clock_correction_running", word >> 9 & 1);
}

/* ---- limits and other parameters ---- */

static void
play_quality_limits(struct play_mercury *p, struct rd *r, bool low_first)
{
	static const char *const shorts[4] = { "min_lim", "min_norm", "max_norm", "max_lim" };
	static const char *const longs[4] = { "min_limit", "min_normal", "max_normal", "max_limit" };

	for (unsigned i = 0; i < 8; i++) {
		const char *name = i < 4 ? "U" : "f", *unit = i < 4 ? "V" : "Hz";
		double value = (low_first ? rd_u16_le(r) : rd_u16_be(r)) / 100.0;

		for (int k = 0; k < 2; k++) {
			const char *limit = k == 0 ? shorts[i % 4] : longs[i % 4];

			play_mercury_set(p->out, json_real(value), "%s_%s_%s", name, limit, unit);
			play_mercury_set(p->out, json_real(value), "%s%s_%s", name, limit, unit);
		}
	}
}

static void
play_simple(struct play_mercury *p, struct rd *r, unsigned param)
{
	struct mercury230_value v;
	uint32_t n;
	char location[5] = "";

	switch (param) {
	case 0x02:
		play_int(p->out, "Kn", rd_u16_be(r));
		play_int(p->out, "Kt", rd_u16_be(r));
		break;
	case 0x05:
		play_int(p->out, "address", rd_u16_be(r));
		break;
	case 0x0b:
		rd_bytes(r, location, 4);
		json_object_set_new(p->out, "location", json_stringn_nocheck(location, 4));
		break;
	case 0x17:
		n = rd_u16_be(r);
		play_int(p->out, "tariff", (n >> 1 & 7) + 1);
		play_bool(p->out, "single_tariff", n & 1);
		break;
	case 0x19:
		v = mercury230_decode_value(r);
		json_object_set_new(p->out, "limit_W", json_real(v.n / 100.0));
		play_int(p->out, "limit_raw", v.n);
		break;
	case 0x1a:
		n = mercury230_decode_number(r);
		json_object_set_new(p->out, "limit_Wh",
		    n == UINT32_MAX ? json_null() : json_integer(n));
		play_int(p->out, "tariff", p->q->n > 1 ? p->q->args[1] : 0);
		break;
	case 0x20:
		play_quality_limits(p, r, true);
		break;
	case 0x21:
		for (int i = 0; i < 2; i++) {
			const char *name = i == 0 ? "U" : "f";

			n = rd_u8(r);
			play_mercury_set(p->out, json_integer(n), "avg_%s_s", name);
			play_mercury_set(p->out, json_integer(n), "%s_avg_s", name);
			play_mercury_set(p->out, json_integer(n), "%s_s", name);
		}
		break;
	default: /* 04, 1D and what is only shown raw */
		n = rd_left(r) == 2 ? rd_u16_be(r) : rd_u8(r);
		json_object_set_new(p->out, "raw", json_sprintf("%04X", n));
		json_object_set_new(p->out, "flags_raw", json_sprintf("%04X", n));
		play_int(p->out, "multiplier", n);
		play_int(p->out, "mult", n);
	}
}

void
play_mercury_param(struct play_mercury *p, struct rd *r)
{
	unsigned param = p->q->args[0];

	if (param == M230_SERIAL || param == M230_IDENTITY)
		play_identity(p, r);
	else if (param == M230_FIRMWARE)
		play_firmware(p, r);
	else if (param == M230_VARIANT)
		play_variant(p, r, rd_left(r));
	else if (param == M230_STATE_WORD)
		play_errors(p, r);
	else if (param == M230_LOAD_WORD)
		play_load_word(p, r);
	else if (param == 0x24)
		play_operations(p, r);
	else if (param == 0x26)
		play_checksum(p, r);
	else
		play_simple(p, r, param);
}

/* ---- what writes carry (2.4, 2.10, 2.13) ---- */

static void
play_open(struct play_mercury *p)
{
	const uint8_t *password = p->q->args + 1;
	bool ascii = true;
	char hex[13];

	for (int i = 0; i < 6; i++) {
		ascii = ascii && password[i] >= '0' && password[i] <= '9';
		snprintf(hex + 2 * i, sizeof(hex) - 2 * (size_t)i, "%02x", password[i]);
	}
	play_int(p->out, "level", p->q->args[0]);
	play_text(p->out, "password", hex);
	play_text(p->out, "notation", ascii ? "ascii" : "binary");
}

static void
play_port(struct play_mercury *p, uint8_t byte)
{
	static const int speeds[16] = { 9600, 4800, 2400, 1200, 600, 300, 19200, 38400, 57600, 115200 };
	static const char *const parities[4] = { "none", "odd", "even", "" };

	play_int(p->out, "baud", speeds[byte & 0x0f]);
	play_int(p->out, "speed", speeds[byte & 0x0f]);
	play_text(p->out, "parity", parities[byte >> 4 & 3]);
	play_bool(p->out, "open_access", byte & 0x40);
	play_bool(p->out, "echo", byte & 0x80);
	play_bool(p->out, "request_echo", byte & 0x80);
}

static void
play_set_time(struct play_mercury *p, struct rd *r, unsigned param)
{
	uint8_t b[8] = { 0 };
	struct civil t;

	rd_bytes(r, b, param == M230_SET_TIME ? 8 : 3);
	t = (struct civil){ 2000 + bcd_decode(b[6]), bcd_decode(b[5]), bcd_decode(b[4]),
	    bcd_decode(b[2]), bcd_decode(b[1]), bcd_decode(b[0]) };
	if (param == M230_CORRECT_TIME) {
		json_object_set_new(p->out, "to",
		    json_sprintf("%02d:%02d:%02d", t.hour, t.minute, t.second));
		return;
	}
	json_object_set_new(p->out, "to", play_mercury_time(&t, true));
	json_object_set_new(p->out, "time", play_mercury_time(&t, true));
	play_int(p->out, "weekday", b[3]);
	play_int(p->out, "winter", b[7]);
}

static void
play_limit(struct play_mercury *p, struct rd *r, unsigned param)
{
	if (param == 0x2c)
		json_object_set_new(p->out, "limit_W", json_real(rd_u24_be(r) / 100.0));
	else if (param == 0x2e) {
		play_int(p->out, "tariff", rd_u8(r));
		play_int(p->out, "limit_Wh", rd_u32_be(r));
	} else
		play_quality_limits(p, r, false);
}

static void
play_switch(struct play_mercury *p, unsigned param, uint8_t byte)
{
	play_int(p->out, "value", byte);
	if (param == M230_SET_LOAD) {
		play_text(p->out, "load", byte == 0 ? "on" : "off");
		play_bool(p->out, "on", byte == 0);
		play_bool(p->out, "off", byte != 0);
	} else
		play_bool(p->out, "control", byte != 0);
}

void
play_mercury_write(struct play_mercury *p)
{
	unsigned param = p->q->n > 0 ? p->q->args[0] : 0;
	struct rd r = rd_init(p->q->args + 1, p->q->n > 0 ? p->q->n - 1u : 0);

	if (p->q->code == M230_OPEN) {
		if (p->q->n == 7)
			play_open(p);
	} else if (param == M230_SET_TIME || param == M230_CORRECT_TIME)
		play_set_time(p, &r, param);
	else if (param == 0x00) {
		play_int(p->out, "period_min", rd_u8(&r));
		play_bool(p->out, "init", rd_u8(&r));
	} else if (param == 0x1b) {
		play_int(p->out, "Kn", rd_u16_be(&r));
		play_int(p->out, "Kt", rd_u16_be(&r));
	} else if (param == 0x05)
		play_int(p->out, "new_address", rd_u8(&r));
	else if (param == 0x14 || param == 0x15)
		play_port(p, rd_u8(&r));
	else if (param == 0x26)
		play_int(p->out, "control_s", rd_u16_be(&r));
	else if (param == 0x2c || param == 0x2e || param == 0x36)
		play_limit(p, &r, param);
	else if (param == 0x32)
		play_int(p->out, "multiplier", rd_u8(&r));
	else if (rd_left(&r) == 1)
		play_switch(p, param, rd_u8(&r));
}
