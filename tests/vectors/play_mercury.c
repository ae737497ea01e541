/* Adapter of the protocol mercury23x (meter-mercury-set.md 2): requests, frames, the rest in parts. */
#include "tests/vectors/play_mercury.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/checksum.h"
#include "tests/vectors/play.h"

enum { BYTES_MAX = 1024, CONSTANT_USUAL = 1000, BROADCAST = 0xfe, ECHO_MODE = 0x80 };

void
play_mercury_set(json_t *out, json_t *value, const char *key, ...)
{
	char name[96];
	va_list args;

	va_start(args, key);
	vsnprintf(name, sizeof(name), key, args);
	va_end(args);
	json_object_set_new(out, name, value);
}

json_t *
play_mercury_date(const struct civil *t)
{
	return json_sprintf("%04d-%02d-%02d", t->year, t->month, t->day);
}

json_t *
play_mercury_time(const struct civil *t, bool with_seconds)
{
	return with_seconds ?
	    json_sprintf("%04d-%02d-%02dT%02d:%02d:%02d", t->year, t->month, t->day, t->hour, t->minute,
		t->second) :
	    json_sprintf("%04d-%02d-%02dT%02d:%02d", t->year, t->month, t->day, t->hour, t->minute);
}

/* Bytes of a hex text, spaces allowed; -1 when it is none. */
static int
bytes_of(const char *text, uint8_t *bytes)
{
	int n = 0, half = -1;

	for (; text != NULL && *text != '\0'; text++) {
		const char *digit;

		if (isspace((unsigned char)*text))
			continue;
		digit = strchr("0123456789abcdef", tolower((unsigned char)*text));
		if (digit == NULL || n == BYTES_MAX)
			return -1;
		if (half < 0)
			half = (int)(digit - "0123456789abcdef");
		else {
			bytes[n++] = (uint8_t)(half << 4 | (int)(digit - "0123456789abcdef"));
			half = -1;
		}
	}
	return half < 0 ? n : -1;
}

/* ---- answers ---- */

static void
play_status(struct play_mercury *p, uint8_t byte)
{
	play_int(p->out, "status", byte & 0x0f);
	play_int(p->out, "status_raw", byte);
	play_bool(p->out, "ok", (byte & 0x0f) == M230_DONE);
	play_bool(p->out, "echo_mode", p->q->code == M230_TEST && byte == ECHO_MODE);
	if (p->q->code == M230_OPEN || p->q->code == M230_WRITE)
		play_mercury_write(p);
}

static void
play_data(struct play_mercury *p, struct rd *r)
{
	uint8_t param = p->q->n > 0 ? p->q->args[0] : 0;

	switch (p->q->code) {
	case M230_EVENTS:
		play_mercury_events(p, r);
		break;
	case M230_ENERGY:
	case M230_LOSSES:
		play_mercury_energy(p, r);
		break;
	case M230_MEMORY:
	case M230_RELATIVE:
		play_mercury_memory(p, r);
		break;
	case M230_PARAM:
		if (param == M230_ONE_VALUE || param == M230_LATCHED || param == M230_ALL_PHASES)
			play_mercury_values(p, r);
		else if (param == M230_POINTER || param == M230_POINTER2)
			play_mercury_pointer(p, r);
		else
			play_mercury_param(p, r);
		break;
	default:
		break;
	}
}

/* What the framer makes of the received bytes: the frame in *rx of *len bytes, or false. */
static bool
take_frame(struct play_mercury *p, const struct mercury230_expect *e, const uint8_t **rx, size_t *len)
{
	while (*len > 0) {
		struct framing f = mercury230_framer(e, *rx, *len);

		switch (f.verdict) {
		case FRAME_WHOLE:
		case FRAME_SILENT:
			play_int(p->out, "trailing", (*len - f.n));
			*len = f.n;
			return true;
		case FRAME_FOREIGN:
			play_bool(p->out, "foreign", true);
			play_bool(p->out, "accepted", false);
			/* fallthrough */
		case FRAME_NOISE:
			*rx += f.n;
			*len -= f.n;
			break;
		default:
			return false;
		}
	}
	return false;
}

static void
play_answer(struct play_mercury *p, const uint8_t *rx, size_t len)
{
	struct mercury230_expect e = mercury230_expect_of(p->q);
	bool good = crc16_modbus(rx, len) == 0;
	struct rd r;

	play_bool(p->out, "foreign", false);
	if (!take_frame(p, &e, &rx, &len)) {
		play_bool(p->out, "crc_ok", good);
		play_bool(p->out, "accepted", false);
		play_bool(p->out, "valid", false);
		if (!good)
			play_text(p->out, "error", "crc");
		return;
	}
	play_bool(p->out, "crc_ok", true);
	play_bool(p->out, "accepted", true);
	play_bool(p->out, "valid", true);
	play_int(p->out, "address", rx[0]);
	r = rd_init(rx + 1, len - M230_OVERHEAD);
	if (len == M230_STATUS_LEN)
		play_status(p, rx[1]);
	else
		play_data(p, &r);
}

/* ---- requests ---- */

static void
play_silence(struct play_mercury *p)
{
	play_text(p->out, "reply", "none");
	play_bool(p->out, "broadcast", p->q->address == BROADCAST);
	if (p->q->code == M230_OPEN || p->q->code == M230_WRITE)
		play_mercury_write(p);
}

/* E_INVALID: not even hex; E_FRAME: our codec makes another frame of the same request. */
static int
play_exchange(struct play_mercury *p, const json_t *exchange)
{
	uint8_t tx[BYTES_MAX], rx[BYTES_MAX], again[M230_REQUEST_MAX];
	int tx_len = bytes_of(json_string_value(json_object_get(exchange, "tx")), tx);
	int rx_len = bytes_of(json_string_value(json_object_get(exchange, "rx")), rx);
	struct mercury230_request q = { .address = tx_len > 0 ? tx[0] : 0, .code = UINT8_MAX };
	int rc;

	if (tx_len < 1 || rx_len < 0)
		return E_INVALID;
	rc = mercury230_parse_request(&q, tx, (size_t)tx_len);
	play_bool(p->out, "tx_crc_ok", rc != E_CHECKSUM);
	if (rc == E_OK &&
	    (mercury230_encode(&q, again, sizeof(again)) != (size_t)tx_len ||
		memcmp(again, tx, (size_t)tx_len) != 0))
		return E_FRAME;
	p->q = &q;
	if (rx_len == 0)
		play_silence(p);
	else
		play_answer(p, rx, (size_t)rx_len);
	p->q = NULL;
	return E_OK;
}

/* The meter constant is not on the wire of a profile read: from the note ("A=1000"), else usual. */
static uint32_t
constant_of(const json_t *vector)
{
	const char *note = json_string_value(json_object_get(vector, "note"));
	const char *at = note != NULL ? strstr(note, "A=") : NULL;
	long value = at != NULL ? strtol(at + 2, NULL, 10) : 0;

	return value > 0 && value <= 100000 ? (uint32_t)value : CONSTANT_USUAL;
}

enum play_result
play_mercury23x(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	const json_t *exchanges = json_object_get(vector, "exchange");
	const json_t *decoded = json_object_get(vector, "decoded");
	struct play_mercury p = {
		.out = json_object(), .constant = constant_of(vector),
		/* A fact of the meter, not of the wire: only record numbers have an index. */
		.by_bytes = json_object_get(decoded, "last_index") == NULL,
	};
	enum play_result result = PLAY_DECODED;
	json_t *exchange;
	size_t i;

	if (json_array_size(exchanges) == 0) {
		snprintf(why, why_size, "no exchange in this vector");
		result = PLAY_SKIPPED;
	}
	json_array_foreach(exchanges, i, exchange) {
		int rc = play_exchange(&p, exchange);

		if (rc < 0) {
			snprintf(why, why_size, "exchange %zu: %s", i + 1,
			    rc == E_FRAME ? "our codec builds another request" : "not hex");
			result = PLAY_DIFFERED;
			break;
		}
	}
	*made = result == PLAY_DECODED ? json_incref(p.out) : NULL;
	json_decref(p.out);
	return result;
}
