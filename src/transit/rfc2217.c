#include "src/transit/rfc2217.h"

#include <string.h>

enum { IAC = 255, DONT = 254, DO = 253, WONT = 252, WILL = 251, SB = 250, SE = 240 };
enum { OPTION_BINARY = 0, OPTION_NO_GO_AHEAD = 3, OPTION_COM_PORT = 44, ANSWER = 100 };

/* The bit of an option we take part in; 0 for all others (ECHO too). */
static uint8_t
option_bit(uint8_t option)
{
	switch (option) {
	case OPTION_BINARY:      return 1;
	case OPTION_NO_GO_AHEAD: return 2;
	case OPTION_COM_PORT:    return 4;
	default:                 return 0;
	}
}

static void
put_option(struct wr *w, uint8_t verb, uint8_t option)
{
	wr_u8(w, IAC);
	wr_u8(w, verb);
	wr_u8(w, option);
}

/* One direction of an option: `on` and `off` are what we say of it. */
static void
turn(uint8_t *in_force, bool wanted, uint8_t option, uint8_t on, uint8_t off, struct wr *reply)
{
	uint8_t bit = option_bit(option);

	if (bit == 0 && wanted) {
		put_option(reply, off, option);
	} else if (wanted != ((*in_force & bit) != 0)) {
		*in_force ^= bit;
		put_option(reply, wanted ? on : off, option);
	}
}

static void
negotiate(struct rfc2217 *t, uint8_t option, struct wr *reply)
{
	if (t->verb == WILL || t->verb == WONT)
		turn(&t->theirs, t->verb == WILL, option, DO, DONT, reply);
	else
		turn(&t->ours, t->verb == DO, option, WILL, WONT, reply);
}

static struct rfc2217_ask
read_sub(const struct rfc2217 *t)
{
	const struct rfc2217_ask nothing = { COM_NONE, 0 };
	struct rd r = rd_init(t->sub, t->sub_len <= RFC2217_SUB ? t->sub_len : 0);
	struct rfc2217_ask ask;

	if (rd_u8(&r) != OPTION_COM_PORT)
		return nothing;
	ask.command = (enum rfc2217_command)rd_u8(&r);
	ask.value = 0;
	switch (ask.command) {
	case COM_SIGNATURE:
		ask.value = (uint32_t)rd_left(&r);
		return rd_failed(&r) ? nothing : ask;
	case COM_BAUDRATE:
		ask.value = rd_u32_be(&r);
		break;
	case COM_SUSPEND:
	case COM_RESUME:
		break;
	case COM_DATASIZE:
	case COM_PARITY:
	case COM_STOPSIZE:
	case COM_CONTROL:
	case COM_LINE_MASK:
	case COM_MODEM_MASK:
	case COM_PURGE:
		ask.value = rd_u8(&r);
		break;
	default:
		return nothing;
	}
	return rd_done(&r) ? ask : nothing;
}

static void
add_to_sub(struct rfc2217 *t, uint8_t byte)
{
	if (t->sub_len < RFC2217_SUB)
		t->sub[t->sub_len] = byte;
	if (t->sub_len <= RFC2217_SUB)
		t->sub_len++;
}

static void
after_iac(struct rfc2217 *t, uint8_t byte, struct wr *data)
{
	t->state = TELNET_DATA;
	if (byte == IAC) {
		wr_u8(data, IAC);
	} else if (byte >= WILL) {
		t->verb = byte;
		t->state = TELNET_OPTION;
	} else if (byte == SB) {
		t->sub_len = 0;
		t->state = TELNET_SUB;
	}
}

static struct rfc2217_ask
step(struct rfc2217 *t, uint8_t byte, struct wr *data, struct wr *reply)
{
	struct rfc2217_ask ask = { COM_NONE, 0 };

	switch (t->state) {
	case TELNET_DATA:
		if (byte == IAC)
			t->state = TELNET_IAC;
		else
			wr_u8(data, byte);
		break;
	case TELNET_IAC:
		after_iac(t, byte, data);
		break;
	case TELNET_OPTION:
		negotiate(t, byte, reply);
		t->state = TELNET_DATA;
		break;
	case TELNET_SUB:
		if (byte == IAC)
			t->state = TELNET_SUB_IAC;
		else
			add_to_sub(t, byte);
		break;
	case TELNET_SUB_IAC:
		t->state = byte == IAC ? TELNET_SUB : TELNET_DATA;
		if (byte == IAC)
			add_to_sub(t, IAC);
		else if (byte == SE)
			ask = read_sub(t);
		break;
	}
	return ask;
}

size_t
rfc2217_take(struct rfc2217 *t, const uint8_t *in, size_t n, struct wr *data,
    struct rfc2217_ask *ask, struct wr *reply)
{
	size_t taken = 0;

	*ask = (struct rfc2217_ask){ COM_NONE, 0 };
	while (taken < n && data->len < data->size && ask->command == COM_NONE)
		*ask = step(t, in[taken++], data, reply);
	return taken;
}

static void
begin_answer(struct wr *w, enum rfc2217_command command)
{
	wr_u8(w, IAC);
	wr_u8(w, SB);
	wr_u8(w, OPTION_COM_PORT);
	wr_u8(w, (uint8_t)(command + ANSWER));
}

static void
end_answer(struct wr *w)
{
	wr_u8(w, IAC);
	wr_u8(w, SE);
}

void
rfc2217_put(struct wr *w, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == IAC)
			wr_u8(w, IAC);
		wr_u8(w, bytes[i]);
	}
}

void
rfc2217_answer(struct wr *w, enum rfc2217_command command, uint32_t value)
{
	uint8_t bytes[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8),
		(uint8_t)value };

	begin_answer(w, command);
	if (command == COM_BAUDRATE)
		rfc2217_put(w, bytes, 4);
	else
		rfc2217_put(w, bytes + 3, 1);
	end_answer(w);
}

void
rfc2217_answer_signature(struct wr *w, const char *text)
{
	size_t n = strlen(text);

	begin_answer(w, COM_SIGNATURE);
	rfc2217_put(w, (const uint8_t *)text, n < RFC2217_SUB ? n : RFC2217_SUB);
	end_answer(w);
}
