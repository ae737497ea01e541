/* RFC 2217: what a client asks of the port, done on our line (transit.md 6.2). */
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "src/transit/tenant.h"

static const int64_t break_most_us = 2000000;

/* 1 none, 2 odd, 3 even in the protocol's numbers. */
static const enum line_parity com_parity[] = { PARITY_NONE, PARITY_NONE, PARITY_ODD, PARITY_EVEN };

static bool
wanted_settings(struct line_settings *s, const struct rfc2217_ask *ask)
{
	switch (ask->command) {
	case COM_BAUDRATE:
		s->baud = ask->value;
		return ask->value != 0;
	case COM_DATASIZE:
		s->bits = (uint8_t)ask->value;
		return ask->value == 7 || ask->value == 8;
	case COM_PARITY:
		if (ask->value >= 1 && ask->value <= 3)
			s->parity = com_parity[ask->value];
		return ask->value >= 1 && ask->value <= 3;
	case COM_STOPSIZE:
		s->stop = (uint8_t)ask->value;
		return ask->value == 1 || ask->value == 2;
	default:
		return false;
	}
}

static uint32_t
setting_in_force(const struct line_settings *s, enum rfc2217_command command)
{
	switch (command) {
	case COM_BAUDRATE: return s->baud;
	case COM_DATASIZE: return s->bits;
	case COM_PARITY:   return s->parity == PARITY_NONE ? 1 : s->parity == PARITY_ODD ? 2 : 3;
	default:           return s->stop;
	}
}

void
com_port_break(struct tenant *t, bool is_on)
{
	if (t->fd >= 0)
		(void)ioctl(t->fd, is_on ? TIOCSBRK : TIOCCBRK);
	t->break_until_us = is_on ? t->now_us + break_most_us : 0;
}

/* Flow control there is none; breaks are made; other lines of the port are ours (transit.md 6). */
static uint32_t
control(struct tenant *t, uint32_t value)
{
	if (value <= 3)
		return 1;
	if (value == 4)
		return t->break_until_us != 0 ? 5 : 6;
	if (value == 5 || value == 6)
		com_port_break(t, value == 5);
	return value >= 13 ? 14 : value;
}

static void
purge(struct tenant *t, struct client *c, uint32_t which)
{
	if (which & 1)
		c->out_at = c->out_n = 0;
	if (which & 2)
		c->tx_n = 0;
	if (t->fd >= 0 && which >= 1 && which <= 3)
		(void)tcflush(t->fd, which == 1 ? TCIFLUSH : which == 2 ? TCOFLUSH : TCIOFLUSH);
}

static int
port_settings(struct tenant *t, struct client *c, const struct rfc2217_ask *ask, struct wr *w)
{
	struct line_settings settings = t->settings;
	int rc = E_OK;

	if (wanted_settings(&settings, ask)) {
		c->has_settings = true;
		if (!line_settings_equal(&settings, &t->settings))
			rc = pump_settings(t, &settings);
	}
	rfc2217_answer(w, ask->command, setting_in_force(&t->settings, ask->command));
	return rc == E_LOST || rc == E_STOPPED ? rc : E_OK;
}

int
com_port_obey(struct tenant *t, struct client *c, const struct rfc2217_ask *ask)
{
	enum { CTS_DSR_DCD = 0xb0 };
	uint8_t bytes[2 * RFC2217_ANSWER_MOST];
	struct wr w = wr_init(bytes, sizeof(bytes));
	char name[32];
	int rc = E_OK;

	switch (ask->command) {
	case COM_SIGNATURE:
		snprintf(name, sizeof(name), "openuspd Iface%u", t->desk->options.bus);
		if (ask->value == 0)
			rfc2217_answer_signature(&w, name);
		break;
	case COM_BAUDRATE:
	case COM_DATASIZE:
	case COM_PARITY:
	case COM_STOPSIZE:
		rc = port_settings(t, c, ask, &w);
		break;
	case COM_CONTROL:
		rfc2217_answer(&w, COM_CONTROL, control(t, ask->value));
		break;
	case COM_SUSPEND:
	case COM_RESUME:
		c->is_suspended = ask->command == COM_SUSPEND;
		break;
	case COM_LINE_MASK:
		c->line_mask = (uint8_t)ask->value;
		rfc2217_answer(&w, COM_LINE_MASK, ask->value);
		break;
	case COM_MODEM_MASK:
		c->modem_mask = (uint8_t)ask->value;
		rfc2217_answer(&w, COM_MODEM_MASK, ask->value);
		if (ask->value & CTS_DSR_DCD)
			rfc2217_answer(&w, COM_NOTIFY_MODEM, CTS_DSR_DCD);
		break;
	case COM_PURGE:
		purge(t, c, ask->value);
		rfc2217_answer(&w, COM_PURGE, ask->value);
		break;
	default:
		break;
	}
	if (w.len > 0)
		(void)client_answer(c, bytes, w.len, t->now_us);
	return rc;
}
