/* Services GET, SET, ACTION and what meters send by themselves (meter-spodes-dlms.md 7, 18).
 * Pure functions. */
#ifndef USPD_METERS_DLMS_XDLMS_CODEC_H
#define USPD_METERS_DLMS_XDLMS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/dlms/acse_codec.h"
#include "meters/dlms/cosem_codec.h"

enum xdlms_apdu { APDU_NOTIFICATION = 0x0f, APDU_GET = 0xc0, APDU_SET = 0xc1, APDU_EVENT = 0xc2,
	APDU_ACTION = 0xc3, APDU_GET_RESPONSE = 0xc4, APDU_SET_RESPONSE = 0xc5,
	APDU_ACTION_RESPONSE = 0xc7, APDU_EXCEPTION = 0xd8 };
enum { XDLMS_INVOKE = 0xc1 };	/* confirmed, high priority, number 1 (7.1) */

/* ---- requests ---- */

/* `selection`: selector and its data as written below; empty: all. */
void xdlms_put_get(struct wr *, const struct cosem *, struct octets selection);
void xdlms_put_get_next(struct wr *, uint32_t block);
void xdlms_put_get_list(struct wr *, const struct cosem *, size_t n);
void xdlms_put_set(struct wr *, const struct cosem *, struct octets data);
void xdlms_put_set_first(struct wr *, const struct cosem *, bool last, struct octets raw);
void xdlms_put_set_next(struct wr *, bool last, uint32_t block, struct octets raw);
/* All names, then all data (already encoded one after the other). */
void xdlms_put_set_list(struct wr *, const struct cosem *, size_t n, struct octets data);
/* Empty data: no parameter. */
void xdlms_put_action(struct wr *, const struct cosem *, struct octets data);

/* Selective access (7.8), selector included.  Both ends belong to it; `by` is the profile's column 0.
 * */
void xdlms_put_range(struct wr *, const struct cosem *by, const struct cosem_time *from,
    const struct cosem_time *to);
/* 1-based; to 0: the last. */
void xdlms_put_entries(struct wr *, uint32_t from, uint32_t to, uint16_t from_column,
    uint16_t to_column);

/* ---- answers ---- */

enum xdlms_kind { XDLMS_DATA, XDLMS_BLOCK, XDLMS_LIST, XDLMS_SET, XDLMS_SET_BLOCK, XDLMS_SET_LAST,
	XDLMS_SET_LIST, XDLMS_ACTION, XDLMS_EXCEPTION, XDLMS_NOTIFICATION, XDLMS_EVENT };
struct xdlms_answer {
	enum xdlms_kind kind;
	uint8_t invoke;
	int result;		/* data-access-result or action-result; 0 when there is data */
	bool last;		/* BLOCK */
	uint32_t block;		/* BLOCK, SET_BLOCK, SET_LAST */
	struct octets data;	/* DATA: the value and what follows; BLOCK: its raw octets; LIST and
				 * SET_LIST: behind the count; ACTION: what it returns, or none;
				 * NOTIFICATION: the body */
	uint32_t count;		/* LIST, SET_LIST */
	uint8_t state, service;	/* EXCEPTION */
	bool has_counter;
	uint32_t counter;	/* EXCEPTION 1/6: the counter expected; NOTIFICATION: its invoke id */
	struct octets time;	/* NOTIFICATION */
};
/* E_FRAME: truncated or unknown. */
int xdlms_parse(const uint8_t *, size_t, struct xdlms_answer *) USPD_MUST_CHECK;

/* Walks the results of a LIST: *result 0 and the reader stands before the value, or a result. */
int xdlms_list_next(struct axdr *, int *result) USPD_MUST_CHECK;

enum { EXCEPTION_NOT_ALLOWED = 1, EXCEPTION_UNKNOWN = 2 };
enum { EXCEPTION_IMPOSSIBLE = 1, EXCEPTION_UNSUPPORTED = 2, EXCEPTION_OTHER = 3, EXCEPTION_PDU = 4,
	EXCEPTION_DECIPHER = 5, EXCEPTION_COUNTER = 6 };

#endif
