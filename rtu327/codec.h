/* RTU-327 codec, both directions (rtu-327.md 1, 2, 6): frames, requests and the parts of replies.
 * Pure: no clock, no log, no allocation, no I/O.  The server, the client tool and the vector
 * player share it.
 *
 *   02 | NN NN | II II | AAAA password | SS SS | C | D ... | KK KK
 *        N big-endian: bytes from II to the end of D;  KK: checksum over those, big-endian
 *
 * A reply has the same shape: AAAA and SS are zero and C is the result code.  Three oddities: the
 * checksum is not a standard CRC-16 (rtu-327.md 2); N and KK are big-endian while every field of D
 * but the BCD serial number is little-endian; an absent value is -1.0. */
#ifndef USPD_RTU327_CODEC_H
#define USPD_RTU327_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/cursor.h"
#include "src/base/err.h"

enum {
	RTU327_START = 0x02,
	RTU327_PREFIX = 3,		/* start and length */
	RTU327_HEADER = 9,		/* least body: number, password, reserved, code */
	RTU327_OVERHEAD = 5,		/* start, length and checksum around a body */
	RTU327_BODY_MOST = 65535,
	RTU327_FRAME_MOST = RTU327_BODY_MOST + RTU327_OVERHEAD,
	RTU327_DIGITS = 10,		/* of a serial number (заводской номер) */
	RTU327_CHANNELS = 4,
};

/* Commands and the layout of their parameters (rtu-327.md 6), a letter per field: N serial number
 * BCD5, M mask, I interval, t TIME_T, C count UINT16, c count UINT8, k channel number, s section
 * UINT8, d delta INT32, L the three fields of GETLOG.  ROW(enumerator, code, name, layout) */
#define RTU327_COMMANDS(ROW) \
	ROW(RTU327_GETVERSION, 3, "GETVERSION", "") \
	ROW(RTU327_GETMAXLOGID, 101, "GETMAXLOGID", "s") \
	ROW(RTU327_GETSHORTLP, 105, "GETSHORTLP", "NMItC") \
	ROW(RTU327_GETTESTS, 107, "GETTESTS", "Ntc") \
	ROW(RTU327_GETAUTOREAD, 109, "GETAUTOREAD", "Ntkc") \
	ROW(RTU327_GETLP, 111, "GETLP", "NMtC") \
	ROW(RTU327_GETSHPRM, 112, "GETSHPRM", "N") \
	ROW(RTU327_GETPOK, 113, "GETPOK", "NMt") \
	ROW(RTU327_GETTIME, 114, "GETTIME", "") \
	ROW(RTU327_SETTIME, 115, "SETTIME", "d") \
	ROW(RTU327_GETMTRLOG, 116, "GETMTRLOG", "NtC") \
	ROW(RTU327_GETLOG, 117, "GETLOG", "L")
enum rtu327_command {
#define ROW(id, code, name, layout) id = code,
	RTU327_COMMANDS(ROW)
#undef ROW
};
const char *rtu327_command_name(unsigned code);		/* "?" when not one of ours */

/* Result codes (rtu-327.md 3).  ROW(enumerator, code, text) */
#define RTU327_RESULTS(ROW) \
	ROW(RTU327_OK, 0, "ok") \
	ROW(RTU327_SERVER_ERROR, 1, "server error") \
	ROW(RTU327_NO_MORE_DATA, 2, "no more data") \
	ROW(RTU327_DATABASE_ERROR, 3, "database error") \
	ROW(RTU327_NO_METER, 4, "meter not found") \
	ROW(RTU327_BAD_COMMAND, 5, "bad command") \
	ROW(RTU327_BAD_PARAMETERS, 6, "bad parameters") \
	ROW(RTU327_WRONG_INTERVAL, 7, "wrong interval") \
	ROW(RTU327_NO_DATA, 8, "no data for the interval") \
	ROW(RTU327_WRONG_PASSWORD, 10, "wrong password") \
	ROW(RTU327_NO_RIGHTS, 11, "no rights for the operation") \
	ROW(RTU327_BAD_CRC, 60, "checksum error in the request")
enum rtu327_result {
#define ROW(id, code, text) id = code,
	RTU327_RESULTS(ROW)
#undef ROW
};
const char *rtu327_result_text(unsigned code);		/* "unknown result" when not in the list */
/* The result code that tells a client of one of our errors. */
enum rtu327_result rtu327_result_of(enum uspd_err);

/* ---- frames ---- */

struct rtu327_frame {
	uint8_t number[2];		/* opaque, copied into the reply */
	uint8_t password[4];		/* zero in replies */
	uint8_t reserved[2];
	uint8_t code;			/* command, or result of a reply */
	const uint8_t *data;		/* borrowed from the bytes decoded */
	size_t len;
};

/* Takes a body (the N bytes; checksum verified already) apart.  E_FRAME when too short. */
int rtu327_frame_open(const uint8_t *body, size_t len, struct rtu327_frame *) USPD_MUST_CHECK;

/* One whole frame at the front of `bytes`; *used is its length.  E_NODATA: more bytes are needed
 * (*used: how many at least in all); E_FRAME: no frame starts here; E_CHECKSUM (*used and *frame
 * are set). */
int rtu327_frame_read(const uint8_t *bytes, size_t len, bool crc_unsigned,
    struct rtu327_frame *, size_t *used) USPD_MUST_CHECK;

/* Begins a frame at the writer's end (data of `frame` is not written) and returns where; after
 * the data has been written, end fills in length and checksum.  wr_ok() tells. */
size_t rtu327_frame_begin(struct wr *, const struct rtu327_frame *);
void rtu327_frame_end(struct wr *, size_t at, bool crc_unsigned);

/* ---- requests ---- */

/* GETLOG is seen in both byte orders and with a short count (rtu-327.md 6.12). */
enum rtu327_log_form { RTU327_LOG_LE, RTU327_LOG_BE, RTU327_LOG_LE_SHORT, RTU327_LOG_BE_SHORT };

struct rtu327_request {
	struct rtu327_frame frame;
	char serial[RTU327_DIGITS + 1];	/* decimal digits */
	uint8_t mask;			/* channels: bit 0 A+, 1 A-, 2 R+, 3 R- */
	uint8_t channel;		/* GETAUTOREAD: number 1..4 */
	uint8_t interval_min;		/* GETSHORTLP; 0 = the meter's own */
	uint16_t count;
	uint32_t time;			/* Tstart, Tday or Time: UTC seconds */
	int32_t delta_s;		/* SETTIME */
	uint32_t section, id;		/* GETMAXLOGID, GETLOG */
	enum rtu327_log_form form;
};

/* Decodes the parameters by layout.  E_UNSUPPORTED: command unknown; E_INVALID: wrong length or a
 * digit above 9 (only `frame` is set then). */
int rtu327_decode_request(const struct rtu327_frame *, struct rtu327_request *) USPD_MUST_CHECK;
/* Whether the values make sense: some channel, a count, a known section (result code 6). */
bool rtu327_request_sound(const struct rtu327_request *);
/* The whole frame.  E_LIMIT when it does not fit, E_UNSUPPORTED, E_INVALID (serial). */
int rtu327_encode_request(struct wr *, const struct rtu327_request *, bool crc_unsigned)
    USPD_MUST_CHECK;

unsigned rtu327_channels(uint8_t mask);			/* number of channels 0..4 in a mask */
extern const char *const rtu327_channel_names[RTU327_CHANNELS];	/* "A+", "A-", "R+", "R-" */

/* ---- parts of replies: what follows the result code ----
 *
 * put writes, get reads; a reader that ran short says so in rd_failed(). */

#define RTU327_MISSING (-1.0)

enum { RTU327_VERSION_DIGITS = 6 };

struct rtu327_shprm {			/* 6.4 */
	int16_t version;
	uint8_t type;			/* Typ_Sh, rtu-327.md 7 */
	double ratio_i, ratio_u, multiplier;
	uint8_t interval_min;
	int32_t object_type, object, feeder;
};
void rtu327_put_shprm(struct wr *, const struct rtu327_shprm *);
void rtu327_get_shprm(struct rd *, struct rtu327_shprm *);

/* Values of the channels of `mask` in bit order (GETPOK); others are left alone by get. */
void rtu327_put_channels(struct wr *, uint8_t mask, const double v[RTU327_CHANNELS]);
void rtu327_get_channels(struct rd *, uint8_t mask, double v[RTU327_CHANNELS]);

struct rtu327_lp {			/* 6.6: head of a load profile */
	uint16_t count;			/* intervals, at most 32767 */
	bool bit15;			/* always set by a server */
	uint8_t status;
	uint32_t last;			/* TLast: stamp of the last interval */
};
enum { RTU327_LP_HEAD = 7, RTU327_LP_MOST = 32767 };
void rtu327_put_lp(struct wr *, const struct rtu327_lp *);
void rtu327_get_lp(struct rd *, struct rtu327_lp *);
struct rtu327_interval {
	double energy[RTU327_CHANNELS];	/* kWh, kvarh */
	uint8_t stat;
};
/* GETSHORTLP has no stat. */
void rtu327_put_interval(struct wr *, uint8_t mask, bool with_stat, const struct rtu327_interval *);
void rtu327_get_interval(struct rd *, uint8_t mask, bool with_stat, struct rtu327_interval *);

/* Network quality (6.8).  ROW(bit, name) */
#define RTU327_QUALITY(ROW) \
	ROW(1, "Wa") ROW(2, "Wb") ROW(3, "Wc") ROW(4, "VAa") ROW(5, "VAb") ROW(6, "VAc") \
	ROW(7, "FREQ") ROW(8, "Ia") ROW(9, "Ib") ROW(10, "Ic") ROW(11, "Ua") ROW(12, "Ub") \
	ROW(13, "Uc") ROW(14, "PFangA") ROW(15, "PFangB") ROW(16, "PFangC") ROW(17, "PHangB") \
	ROW(18, "PhangC")
enum { RTU327_QUALITY_BITS = 32, RTU327_QUALITY_SENT = 0x00063FFE };
const char *rtu327_quality_name(unsigned bit);		/* NULL when the bit has no name */
struct rtu327_tests {
	uint32_t bits;
	uint8_t count, elements;
};
enum { RTU327_TESTS_HEAD = 6 };
void rtu327_put_tests(struct wr *, const struct rtu327_tests *);
void rtu327_get_tests(struct rd *, struct rtu327_tests *);
struct rtu327_slice {
	uint32_t time;
	double v[RTU327_QUALITY_BITS];	/* by bit */
};
void rtu327_put_slice(struct wr *, uint32_t bits, const struct rtu327_slice *);
void rtu327_get_slice(struct rd *, uint32_t bits, struct rtu327_slice *);

enum { RTU327_TARIFFS = 4, RTU327_AUTOREAD_SIZE = 198 };
struct rtu327_tariff {
	double energy, max;
	uint32_t max_time;
	double cumulative_max, coincident_max;
};
struct rtu327_autoread {		/* 6.9 показания авточтения */
	char serial[RTU327_DIGITS + 1];	/* as on the wire; a site may have it reversed */
	uint32_t time;
	struct rtu327_tariff tariffs[RTU327_TARIFFS];
	double total, quadrants[4];
};
void rtu327_put_autoread(struct wr *, const struct rtu327_autoread *);
void rtu327_get_autoread(struct rd *, struct rtu327_autoread *);

enum { RTU327_EVENT_SIZE = 6, RTU327_LOG_SIZE = 13 };
struct rtu327_event {			/* 6.10 */
	uint32_t time;
	uint16_t type;
};
void rtu327_put_event(struct wr *, const struct rtu327_event *);
void rtu327_get_event(struct rd *, struct rtu327_event *);

struct rtu327_log {			/* 6.12 */
	uint32_t id;
	uint16_t code;
	uint8_t device;
	uint32_t time;
	const uint8_t *param;		/* borrowed */
	uint16_t param_len;
};
void rtu327_put_log(struct wr *, const struct rtu327_log *);
void rtu327_get_log(struct rd *, struct rtu327_log *);

#endif
