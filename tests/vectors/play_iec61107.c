/* Vectors of the base protocol: traffic as a UART set to 8N1 sees it.  The parity bit is checked and
 * removed, the telegram taken apart, built again and given its parity back. */
#include "tests/vectors/play_iec61107.h"

#include <stdio.h>
#include <string.h>

#include "drivers/line_private.h"
#include "src/base/cursor.h"
#include "tests/vectors/play.h"

bool
play_hex(const json_t *text, struct play_bytes *out)
{
	const char *hex = json_is_string(text) ? json_string_value(text) : "";
	size_t digits = strlen(hex);

	out->len = digits / 2;
	if (digits % 2 != 0 || out->len > sizeof out->data)
		return false;
	for (size_t i = 0; i < out->len; i++) {
		unsigned b;

		if (sscanf(hex + 2 * i, "%2x", &b) != 1)
			return false;
		out->data[i] = (uint8_t)b;
	}
	return true;
}

json_t *
play_hex_json(const struct play_bytes *b)
{
	static char text[2 * IEC_FRAME_MAX + 1];

	text[0] = '\0';
	for (size_t i = 0; i < b->len; i++)
		snprintf(text + 2 * i, 3, "%02x", b->data[i]);
	return json_string(text);
}

json_t *
play_text(struct iec_text t)
{
	char text[512];

	iec_text_copy(t, text, sizeof text);
	return json_string(text);
}

static void
build(struct wr *w, const struct iec_telegram *t, enum iec_bcc mode)
{
	char address[IEC_ADDRESS_MAX + 1];

	iec_text_copy(t->address, address, sizeof address);
	switch (t->kind) {
	case IEC_KIND_SIGN_ON:
		iec_put_sign_on(w, address);
		break;
	case IEC_KIND_OPTION:
		iec_put_option(w, t->baud, t->mode);
		break;
	case IEC_KIND_COMMAND:
		iec_put_command(w, mode, t->command, t->body);
		break;
	case IEC_KIND_SESSIONLESS:
		iec_put_sessionless(w, mode, address, t->command, t->body);
		break;
	case IEC_KIND_BREAK:
		iec_put_break(w, mode);
		break;
	case IEC_KIND_ACK: case IEC_KIND_NAK:
		wr_u8(w, t->kind == IEC_KIND_ACK ? IEC_ACK : IEC_NAK);
		break;
	case IEC_KIND_IDENT: case IEC_KIND_ANSWER:
		break;
	}
}

bool
play_rebuilds(const struct iec_telegram *t, enum iec_bcc mode, const struct play_bytes *b)
{
	static uint8_t buf[IEC_FRAME_MAX];
	struct wr w = wr_init(buf, sizeof buf);

	build(&w, t, mode);
	return wr_ok(&w) && w.len == b->len && memcmp(buf, b->data, b->len) == 0;
}

bool
play_framed(enum iec_bcc mode, const struct play_bytes *b)
{
	const struct iec_expect any = { .bcc = mode,
		.ack = true,
		.nak = true,
		.soh = true,
		.stx = true };
	bool is_ident = b->len > 0 && b->data[0] == '/';
	struct framing f = is_ident ? iec_ident_framer(NULL, b->data, b->len) :
				      iec_framer(&any, b->data, b->len);

	return (f.verdict == FRAME_WHOLE || f.verdict == FRAME_SILENT) && f.n == b->len;
}

void
play_ident(json_t *to, const struct iec_telegram *t)
{
	char text[IEC_IDENT_MAX + 8], ident[IEC_IDENT_MAX];

	iec_text_copy(t->ident, ident, sizeof ident);
	snprintf(text, sizeof text, "%.3s%c%s%s", t->vendor, t->baud, t->hdlc ? "\\2" : "", ident);
	json_object_set_new(to, "ident", json_string(text));
	json_object_set_new(to, "vendor", json_string(t->vendor));
	json_object_set_new(to, "model", json_string(ident));
	snprintf(text, sizeof text, "%c", t->baud);
	json_object_set_new(to, "baud_digit", json_string(text));
}

/* ---- the base adapter ---- */

/* Takes the parity off; false when a byte has the wrong one. */
static bool
strip(const struct play_bytes *wire, struct play_bytes *plain)
{
	bool good = true;

	plain->len = wire->len;
	for (size_t i = 0; i < wire->len; i++) {
		plain->data[i] = wire->data[i] & 0x7F;
		good = good && parity_even(plain->data[i]) == wire->data[i];
	}
	return good;
}

static void
put_or_append(json_t *to, const char *key, json_t *value)
{
	json_t *before = json_object_get(to, key), *both;

	if (before == NULL) {
		json_object_set_new(to, key, value);
	} else if (json_is_array(before)) {
		json_array_append_new(before, value);
	} else {
		both = json_array();
		json_array_append(both, before);
		json_array_append_new(both, value);
		json_object_set_new(to, key, both);
	}
}

static bool
play_side(json_t *made, const json_t *hex, const char *side)
{
	static struct play_bytes wire, plain;
	struct iec_telegram t;
	char key[24];
	bool even;

	if (!play_hex(hex, &wire))
		return false;
	if (wire.len == 0)
		return true;
	even = strip(&wire, &plain);
	snprintf(key, sizeof key, "%s_7bit", side);
	put_or_append(made, key, play_hex_json(&plain));
	snprintf(key, sizeof key, "%s_parity", side);
	json_object_set_new(made, key, json_string(even ? "even" : "none"));
	if (iec_parse(plain.data, plain.len, IEC_BCC_EITHER, &t) < 0)
		return false;
	if (t.kind == IEC_KIND_IDENT)
		play_ident(made, &t);
	else if (t.kind != IEC_KIND_ANSWER && !play_rebuilds(&t, IEC_BCC_ADD, &plain) &&
	    !play_rebuilds(&t, IEC_BCC_XOR, &plain))
		return false;
	if (t.body.p != NULL) {
		snprintf(key, sizeof key, "%s_text", side);
		json_object_set_new(made, key, play_text(t.body));
	}
	return play_framed(IEC_BCC_EITHER, &plain) || t.kind == IEC_KIND_SIGN_ON ||
	    t.kind == IEC_KIND_OPTION || t.kind == IEC_KIND_SESSIONLESS;
}

enum play_result
play_iec61107_base(const json_t *vector, json_t **made, char *why, size_t why_size)
{
	const json_t *exchange = json_object_get(vector, "exchange"), *step;
	size_t i;

	*made = json_object();
	json_array_foreach(exchange, i, step) {
		if (play_side(*made, json_object_get(step, "tx"), "tx") &&
		    play_side(*made, json_object_get(step, "rx"), "rx"))
			continue;
		snprintf(why, why_size, "step %zu is not a telegram we build or know", i + 1);
		json_decref(*made);
		*made = NULL;
		return PLAY_DIFFERED;
	}
	return PLAY_DECODED;
}
