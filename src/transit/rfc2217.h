/* Telnet with the com port option (RFC 854, RFC 2217; transit.md 6.2), the side of the port.  Pure.
 *
 * Client to port:   data, FF as FF FF
 *                   FF FB|FC|FD|FE option            WILL, WONT, DO, DONT
 *                   FF FA 2C command value... FF F0  com port option; in it too FF is FF FF
 *                   FF other                         ignored
 * Port to client:   the same; answers carry command + 100 and the value in force.
 *
 * We open no negotiation: an answer is sent only where a request changes something or is refused, so
 * two such ends never talk in circles. */
#ifndef USPD_TRANSIT_RFC2217_H
#define USPD_TRANSIT_RFC2217_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/cursor.h"

enum rfc2217_command {
	COM_NONE = -1,
	COM_SIGNATURE = 0, COM_BAUDRATE = 1, COM_DATASIZE = 2, COM_PARITY = 3, COM_STOPSIZE = 4,
	COM_CONTROL = 5, COM_NOTIFY_LINE = 6, COM_NOTIFY_MODEM = 7, COM_SUSPEND = 8, COM_RESUME = 9,
	COM_LINE_MASK = 10, COM_MODEM_MASK = 11, COM_PURGE = 12
};

enum { RFC2217_SUB = 64, RFC2217_ANSWER_MOST = 2 * RFC2217_SUB + 8 };
struct rfc2217 {
	enum { TELNET_DATA, TELNET_IAC, TELNET_OPTION, TELNET_SUB, TELNET_SUB_IAC } state;
	uint8_t verb;			/* WILL .. DONT of TELNET_OPTION */
	uint8_t ours, theirs;		/* options in force: bit 0 BINARY, 1 SUPPRESS-GO-AHEAD, 2 44 */
	uint8_t sub[RFC2217_SUB];
	size_t sub_len;			/* more than RFC2217_SUB: too long, ignored */
};

/* What the client asks of the port. */
struct rfc2217_ask {
	enum rfc2217_command command;	/* COM_NONE: nothing */
	uint32_t value;			/* SIGNATURE: 0 asks for ours, else it tells its own */
};

/* Takes bytes of the client until one asks for something or `data` is full; what the negotiation
 * answers goes to `reply` (of at least 3 * n bytes).  Returns how many bytes were taken. */
size_t rfc2217_take(struct rfc2217 *, const uint8_t *in, size_t n, struct wr *data,
    struct rfc2217_ask *, struct wr *reply);
/* The answer to `command` with its value: 4 bytes of COM_BAUDRATE, 1 of others. */
void rfc2217_answer(struct wr *, enum rfc2217_command, uint32_t value);
void rfc2217_answer_signature(struct wr *, const char *text);
/* Data to the client: FF doubled. */
void rfc2217_put(struct wr *, const uint8_t *, size_t n);

#endif
