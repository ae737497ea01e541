/* IEC 62056-21 (ГОСТ Р МЭК 61107), mode C: telegrams, checksums, framers, value syntax
 * (meter-iec61107.md 1, 2).  Everything here is the 7-bit view: the line adds and removes parity.
 *
 *	/?address! CR LF			sign-on
 *	/AAAz ident CR LF			identification
 *	ACK 0 z y CR LF				option select
 *	SOH P0|P1|R1|W1 STX name(text) ETX BCC	command, and the meter's password operand
 *	STX name(text)... ETX BCC		answer (EOT instead of ETX: more blocks follow)
 *	SOH B0 ETX BCC				break
 *	ACK, NAK				one byte
 *
 * The BCC may have any value, 02, 03, 06 and 15 included: nothing gives it another meaning.
 * Pure functions: no clock, no allocation, no state; any thread. */
#ifndef USPD_METERS_IEC61107_H
#define USPD_METERS_IEC61107_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "src/base/cursor.h"
#include "src/base/err.h"

enum { IEC_SOH = 0x01, IEC_STX = 0x02, IEC_ETX = 0x03, IEC_EOT = 0x04, IEC_ACK = 0x06, IEC_NAK = 0x15 };
enum { IEC_FRAME_MAX = 16 * 1024, IEC_ADDRESS_MAX = 32, IEC_IDENT_MAX = 64, IEC_REQUEST_MAX = 256 };

/* 2.1: sum or exclusive-or of 7-bit characters after the first SOH or STX, ETX included. */
enum iec_bcc { IEC_BCC_ADD, IEC_BCC_XOR, IEC_BCC_EITHER };
uint8_t iec_bcc(enum iec_bcc, const uint8_t *after_start, size_t len);	/* EITHER counts as ADD */

/* A piece of a received telegram; borrowed from it. */
struct iec_text {
	const uint8_t *p;
	size_t len;
};
struct iec_text iec_text(const char *);
bool iec_text_is(struct iec_text, const char *);
/* Copies as a C string without control characters; cut to size. */
void iec_text_copy(struct iec_text, char *to, size_t size);

/* ---- building ---- */

void iec_put_sign_on(struct wr *, const char *address);
/* mode '0' read-out, '1' programming, '6'.. the maker's own. */
void iec_put_option(struct wr *, char baud, char mode);
/* SOH command STX text ETX BCC; command "P1", "R1", "W1"; text "NAME(argument)" or "(password)". */
void iec_put_command(struct wr *, enum iec_bcc, const char *command, struct iec_text);
void iec_put_break(struct wr *, enum iec_bcc);
/* 2.7: sign-on without CR LF, immediately followed by a command. */
void iec_put_sessionless(struct wr *, enum iec_bcc, const char *address, const char *command,
    struct iec_text);

/* ---- taking apart ---- */

enum iec_kind { IEC_KIND_SIGN_ON, IEC_KIND_IDENT, IEC_KIND_OPTION, IEC_KIND_COMMAND, IEC_KIND_ANSWER,
	IEC_KIND_BREAK, IEC_KIND_ACK, IEC_KIND_NAK, IEC_KIND_SESSIONLESS };
struct iec_telegram {
	enum iec_kind kind;
	struct iec_text address;	/* SIGN_ON, SESSIONLESS */
	char baud, mode;		/* IDENT, OPTION */
	char vendor[4];			/* IDENT */
	bool hdlc;			/* IDENT: offers \2 */
	struct iec_text ident;		/* IDENT: after the baud digit, without extra modes */
	char command[3];		/* COMMAND, SESSIONLESS, BREAK */
	struct iec_text body;		/* COMMAND, ANSWER, SESSIONLESS: between STX and ETX */
	bool partial;			/* ANSWER: ends in EOT */
};
/* One whole telegram, exactly.  E_FRAME, E_CHECKSUM. */
int iec_parse(const uint8_t *, size_t, enum iec_bcc, struct iec_telegram *) USPD_MUST_CHECK;

/* Walks name(text)... of an answer (2.8): a name stands for the brackets after it too. */
struct iec_walk {
	struct rd r;
	struct iec_text name;
};
struct iec_value {
	struct iec_text name, text;
};
struct iec_walk iec_walk(struct iec_text body);
/* 1: *value is the next one; 0: the end; E_FRAME: not this syntax. */
int iec_next(struct iec_walk *, struct iec_value *) USPD_MUST_CHECK;

/* "-12.3456" as an integer in units of 10^-decimals, rounded half away from zero.  Only digits, one
 * point and a leading minus are a number; everything else is E_FRAME. */
int iec_decimal(struct iec_text, unsigned decimals, int64_t *) USPD_MUST_CHECK;
/* Digits only, at most `most`. */
int iec_number(struct iec_text, uint32_t most, uint32_t *) USPD_MUST_CHECK;

/* ---- framers (2.4) ---- */

/* `/`...LF; hint unused. */
framer iec_ident_framer;
/* Everything else; hint is a struct iec_expect: the allowed first bytes, the checksum, and, when
 * `name` is not NULL, the names an answer may carry (2.4.7): a good answer of another name is
 * FRAME_FOREIGN, one without a name is taken. */
framer iec_framer;
struct iec_expect {
	enum iec_bcc bcc;
	bool ack, nak, soh, stx;
	const char *name, *or_name;	/* or_name may be NULL */
};

#endif
