#include "tests/unit/sim_dlms_help.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/sim_help.h"

enum { HEX_SIZE = 4 << 20, REQUEST_INFO = 128 };

unsigned simclient_frames, simclient_control;

static struct sim_street *street;
static struct sim_meter *meter;
static int64_t at_us;
static unsigned ns, nr, client_now;
static char answer[2 * SIM_ANSWER_MAX + 1], joined[HEX_SIZE], value[HEX_SIZE];

struct sim_meter *
simclient_make(const char *type, const char *keys)
{
	char json[3000];

	snprintf(json, sizeof(json),
	    "{\"tz_min\":180,\"buses\":[{\"name\":\"b\",\"tcp\":\"127.0.0.1:0\",\"meters\":["
	    "{\"type\":\"%s\","
	    "\"serial\":\"000000123456\",\"address\":16%s%s}]}]}",
	    type, *keys != '\0' ? "," : "", keys);
	sim_help_street(&street, json, true, SPODES_NOW_US);
	at_us = SPODES_NOW_US;
	meter = &street->buses[0].meters[0];
	return meter;
}

void
simclient_end(void)
{
	sim_street_free(street);
	street = NULL;
}

void
simclient_at(int64_t now_us)
{
	at_us = now_us;
}

static size_t
from_hex(const char *hex, uint8_t *to, size_t size)
{
	size_t n = 0;

	for (; *hex != '\0'; hex++) {
		unsigned byte;

		if (*hex == ' ')
			continue;
		ck_assert_int_eq(sscanf(hex, "%2x", &byte), 1);
		ck_assert_uint_lt(n, size);
		to[n++] = (uint8_t)byte;
		hex++;
	}
	return n;
}

static void
to_hex(const uint8_t *from, size_t n, char *to)
{
	for (size_t i = 0; i < n; i++)
		snprintf(to + 2 * i, 3, "%02X", from[i]);
	to[2 * n] = '\0';
}

static size_t
exchange(const uint8_t *req, size_t n, uint8_t out[SIM_ANSWER_MAX])
{
	return sim_meter_answer(meter, at_us, req, n, out);
}

const char *
simclient_raw(const char *hex)
{
	uint8_t req[SIM_REQUEST_MAX], out[SIM_ANSWER_MAX];
	size_t n = from_hex(hex, req, sizeof(req));

	n = exchange(req, n, out);
	to_hex(out, n, answer);
	return answer;
}

/* X-25 by the bit, so that nothing is shared with the simulator. */
static unsigned
check_sum(const uint8_t *p, size_t n)
{
	unsigned crc = 0xFFFF;

	for (size_t i = 0; i < 8 * n; i++) {
		unsigned bit = (p[i / 8] >> i % 8 ^ crc) & 1;

		crc = crc >> 1 ^ (bit != 0 ? 0x8408 : 0);
	}
	return crc ^ 0xFFFF;
}

static size_t
build(const char *server, unsigned client, unsigned control, bool more, const uint8_t *info, size_t n,
    uint8_t *to)
{
	size_t at = 3, length;

	at += from_hex(server, to + at, 4);
	to[at++] = (uint8_t)(client << 1 | 1);
	to[at++] = (uint8_t)control;
	length = at - 1 + (n > 0 ? 2 + n : 0) + 2;
	to[0] = 0x7E;
	to[1] = (uint8_t)(0xA0 | (more ? 8 : 0) | length >> 8);
	to[2] = (uint8_t)length;
	if (n > 0) {
		unsigned head = check_sum(to + 1, at - 1);

		to[at++] = (uint8_t)head;
		to[at++] = (uint8_t)(head >> 8);
		memcpy(to + at, info, n);
		at += n;
	}
	unsigned all = check_sum(to + 1, at - 1);

	to[at++] = (uint8_t)all;
	to[at++] = (uint8_t)(all >> 8);
	to[at++] = 0x7E;
	return at;
}

const char *
simclient_frame(const char *server, unsigned client, unsigned control, const char *info)
{
	uint8_t octets[3000], req[SIM_REQUEST_MAX], out[SIM_ANSWER_MAX];
	size_t n = from_hex(info, octets, sizeof(octets));

	n = build(server, client, control, false, octets, n, req);
	n = exchange(req, n, out);
	to_hex(out, n, answer);
	return answer;
}

const char *
simclient_connect(unsigned client, const char *parameters)
{
	ns = nr = 0;
	client_now = client;
	return simclient_frame("0221", client, 0x93, parameters);
}

/* Reads the frames of one answer; true when another run has to be asked for. */
static bool
take_frames(const uint8_t *p, size_t n, uint8_t *to, size_t *len)
{
	bool more = false;

	simclient_frames = 0;
	for (size_t i = 0; i + 9 < n;) {
		size_t length = (size_t)(p[i + 1] & 7) << 8 | p[i + 2];

		ck_assert_uint_eq(p[i], 0x7E);
		ck_assert_uint_eq(p[i + length + 1], 0x7E);
		ck_assert_uint_eq(check_sum(p + i + 1, length) ^ 0xFFFF, 0xF0B8);
		simclient_control = p[i + 6];
		simclient_frames++;
		more = (p[i + 1] & 8) != 0;
		if ((simclient_control & 1) == 0) {
			ck_assert_uint_eq(simclient_control >> 1 & 7, nr);
			nr = (nr + 1) & 7;
			memcpy(to + *len, p + i + 9, length - 10);
			*len += length - 10;
		}
		i += length + 2;
	}
	return more;
}

static void
put_apdu(const uint8_t *req, size_t n, uint8_t out[SIM_ANSWER_MAX], size_t *got)
{
	uint8_t frame[SIM_REQUEST_MAX];

	for (size_t done = 0; done < n;) {
		size_t part = n - done < REQUEST_INFO ? n - done : REQUEST_INFO;

		*got = exchange(frame,
		    build("0221", client_now, nr << 5 | 0x10 | ns << 1, done + part < n, req + done,
			part, frame),
		    out);
		ns = (ns + 1) & 7;
		done += part;
	}
}

const char *
simclient_apdu(const char *hex)
{
	static uint8_t all[SIM_ANSWER_MAX];
	uint8_t req[SIM_REQUEST_MAX] = { 0xE6, 0xE6, 0x00 }, out[SIM_ANSWER_MAX], frame[64];
	size_t n = 3 + from_hex(hex, req + 3, sizeof(req) - 3), got = 0, len = 0;

	put_apdu(req, n, out, &got);
	while (take_frames(out, got, all, &len))
		got = exchange(frame, build("0221", client_now, nr << 5 | 0x11, false, NULL, 0, frame),
		    out);
	if (len >= 3 && all[0] == 0xE6 && all[1] == 0xE7)
		to_hex(all + 3, len - 3, answer);
	else
		to_hex(all, len, answer);
	return answer;
}

void
simclient_read(void)
{
	(void)simclient_connect(32, "");
	ck_assert_ptr_nonnull(
	    strstr(simclient_apdu("6034A1090607608574050801018A0207808B0760857405080201AC08"
				  "8006313131313131BE10040E01000000065F1F0400621E5DFFFF"),
		"A203020100"));
}

/* Pass 3 of the fixed challenge of the recording, which the meter must have been given. */
void
simclient_write(void)
{
	(void)simclient_connect(48, "");
	ck_assert_ptr_nonnull(strstr(
	    simclient_apdu(
		"603EA1090607608574050801018A0207808B0760857405080202AC128010165D3F764C64104D6B57286E53"
		"014C1FBE10040E01000000065F1F0400621E5DFFFF"),
	    "A203020100A305A10302010E"));
	ck_assert_str_eq(
	    simclient_apdu("C301C1000F0000280000FF01010910E9EA9E13B9C32943FC326617559FBAEC"),
	    "C701C100010009100754EDC428306778DD3C99D54F7B0938");
}

const char *
simclient_get(unsigned class_id, const char *name, unsigned attribute, const char *selector)
{
	unsigned v[5];
	char hex[600];

	ck_assert_int_eq(sscanf(name, "%u.%u.%u.%u.%u", &v[0], &v[1], &v[2], &v[3], &v[4]), 5);
	snprintf(hex, sizeof(hex), "C001C1%04X%02X%02X%02X%02X%02XFF%02X%s%s", class_id, v[0], v[1],
	    v[2], v[3], v[4], attribute, *selector == '\0' ? "00" : "01", selector);
	return simclient_apdu(hex);
}

/* Length octets at p in hex; moves p behind them. */
static size_t
take_length(const char **p)
{
	unsigned first, v;

	ck_assert_int_eq(sscanf(*p, "%2x", &first), 1);
	*p += 2;
	if (first < 0x80)
		return first;
	ck_assert_int_eq(sscanf(*p, first == 0x81 ? "%2x" : "%4x", &v), 1);
	*p += first == 0x81 ? 2 : 4;
	return v;
}

const char *
simclient_value(unsigned class_id, const char *name, unsigned attribute, const char *selector)
{
	const char *got = simclient_get(class_id, name, attribute, selector), *raw;
	char next[64];
	size_t len = 0, n;

	if (strncmp(got, "C401C100", 8) == 0) {
		snprintf(value, sizeof(value), "%s", got + 8);
		return value;
	}
	for (unsigned block = 1;; block++) {
		unsigned last, number;

		ck_assert_msg(sscanf(got, "C402C1%2x%8x00", &last, &number) == 2, "%.40s", got);
		ck_assert_uint_eq(number, block);
		raw = got + 18;
		n = take_length(&raw);
		ck_assert_uint_eq(strlen(raw), 2 * n);
		ck_assert_uint_lt(len + 2 * n, sizeof(joined));
		memcpy(joined + len, raw, 2 * n + 1);
		len += 2 * n;
		if (last != 0)
			break;
		snprintf(next, sizeof(next), "C002C1%08X", block);
		got = simclient_apdu(next);
	}
	return joined;
}

const char *
simclient_stamp(int64_t t, unsigned status)
{
	static char hex[4][2 * 12 + 1];
	static unsigned turn;
	struct civil c = sim_civil(t);
	int weekday = civil_weekday(civil_days(c.year, c.month, c.day));
	uint8_t octets[12] = { (uint8_t)(c.year >> 8), (uint8_t)c.year, (uint8_t)c.month,
		(uint8_t)c.day, (uint8_t)(weekday == 0 ? 7 : weekday), (uint8_t)c.hour,
		(uint8_t)c.minute, (uint8_t)c.second, 0, 0xFF, 0x4C, (uint8_t)status };
	char *to = hex[turn++ % 4];

	to_hex(octets, sizeof(octets), to);
	return to;
}

const char *
simclient_range(int64_t from, int64_t to)
{
	static char hex[200];

	snprintf(hex, sizeof(hex), "010204020412000809060000010000FF0F02120000090C%s090C%s0100",
	    simclient_stamp(from, 0), simclient_stamp(to, 0));
	return hex;
}
