#include "meters/dlms/xdlms_codec.h"

enum { NORMAL = 1, WITH_BLOCK = 2, WITH_LIST = 3 };
enum { GET_NEXT = 2, SET_FIRST = 2, SET_NEXT = 3, SET_LIST = 4, SET_LAST_ANSWER = 3,
	SET_LIST_ANSWER = 5 };
enum { CHOICE_DATA = 0, CHOICE_RESULT = 1, BY_RANGE = 1, BY_ENTRY = 2 };

/* ---- requests ---- */

static void
put_head(struct wr *w, uint8_t apdu, uint8_t type)
{
	wr_u8(w, apdu);
	wr_u8(w, type);
	wr_u8(w, XDLMS_INVOKE);
}

static void
put_raw(struct wr *w, struct octets raw)
{
	axdr_put_length(w, raw.len);
	wr_bytes(w, raw.p, raw.len);
}

static void
put_names(struct wr *w, const struct cosem *names, size_t n)
{
	axdr_put_length(w, n);
	for (size_t i = 0; i < n; i++) {
		cosem_put(w, &names[i]);
		wr_u8(w, 0);
	}
}

void
xdlms_put_get(struct wr *w, const struct cosem *name, struct octets selection)
{
	put_head(w, APDU_GET, NORMAL);
	cosem_put(w, name);
	wr_u8(w, selection.len > 0);
	wr_bytes(w, selection.p, selection.len);
}

void
xdlms_put_get_next(struct wr *w, uint32_t block)
{
	put_head(w, APDU_GET, GET_NEXT);
	wr_u32_be(w, block);
}

void
xdlms_put_get_list(struct wr *w, const struct cosem *names, size_t n)
{
	put_head(w, APDU_GET, WITH_LIST);
	put_names(w, names, n);
}

void
xdlms_put_set(struct wr *w, const struct cosem *name, struct octets data)
{
	put_head(w, APDU_SET, NORMAL);
	cosem_put(w, name);
	wr_u8(w, 0);
	wr_bytes(w, data.p, data.len);
}

void
xdlms_put_set_first(struct wr *w, const struct cosem *name, bool last, struct octets raw)
{
	put_head(w, APDU_SET, SET_FIRST);
	cosem_put(w, name);
	wr_u8(w, 0);
	wr_u8(w, last);
	wr_u32_be(w, 1);
	put_raw(w, raw);
}

void
xdlms_put_set_next(struct wr *w, bool last, uint32_t block, struct octets raw)
{
	put_head(w, APDU_SET, SET_NEXT);
	wr_u8(w, last);
	wr_u32_be(w, block);
	put_raw(w, raw);
}

void
xdlms_put_set_list(struct wr *w, const struct cosem *names, size_t n, struct octets data)
{
	put_head(w, APDU_SET, SET_LIST);
	put_names(w, names, n);
	axdr_put_length(w, n);
	wr_bytes(w, data.p, data.len);
}

void
xdlms_put_action(struct wr *w, const struct cosem *name, struct octets data)
{
	put_head(w, APDU_ACTION, NORMAL);
	cosem_put(w, name);
	wr_u8(w, data.len > 0);
	wr_bytes(w, data.p, data.len);
}

static void
put_time_value(struct wr *w, const struct cosem_time *t)
{
	wr_u8(w, AXDR_OCTETS);
	wr_u8(w, COSEM_TIME_LEN);
	cosem_put_time(w, t);
}

void
xdlms_put_range(struct wr *w, const struct cosem *by, const struct cosem_time *from,
    const struct cosem_time *to)
{
	wr_u8(w, BY_RANGE);
	axdr_put_struct(w, 4);
	cosem_put_captured(w, by);
	put_time_value(w, from);
	put_time_value(w, to);
	axdr_put_array(w, 0);
}

void
xdlms_put_entries(struct wr *w, uint32_t from, uint32_t to, uint16_t from_column, uint16_t to_column)
{
	wr_u8(w, BY_ENTRY);
	axdr_put_struct(w, 4);
	axdr_put_u32(w, from);
	axdr_put_u32(w, to);
	axdr_put_u16(w, from_column);
	axdr_put_u16(w, to_column);
}

/* ---- answers ---- */

static struct octets
rest(struct rd *r)
{
	size_t len = rd_left(r);

	return (struct octets){ rd_take(r, len), len };
}

/* 00 data, or 01 and the result. */
static void
take_choice(struct rd *r, struct xdlms_answer *a)
{
	uint8_t choice = rd_u8(r);

	if (choice == CHOICE_DATA)
		a->data = rest(r);
	else if (choice == CHOICE_RESULT)
		a->result = rd_u8(r);
	else
		r->failed = true;
}

static void
take_block(struct rd *r, struct xdlms_answer *a)
{
	uint8_t choice;
	size_t len;

	a->kind = XDLMS_BLOCK;
	a->last = rd_u8(r) != 0;
	a->block = rd_u32_be(r);
	choice = rd_u8(r);
	if (choice == CHOICE_RESULT) {
		a->result = rd_u8(r);
		return;
	}
	len = axdr_length(r);
	if (choice != CHOICE_DATA || len > rd_left(r))
		r->failed = true;
	else
		a->data = (struct octets){ rd_take(r, len), len };
}

static void
take_list(struct rd *r, struct xdlms_answer *a, enum xdlms_kind kind)
{
	a->kind = kind;
	a->count = axdr_length(r);
	a->data = rest(r);
}

static void
parse_get(struct rd *r, uint8_t type, struct xdlms_answer *a)
{
	if (type == NORMAL) {
		a->kind = XDLMS_DATA;
		take_choice(r, a);
	} else if (type == WITH_BLOCK)
		take_block(r, a);
	else if (type == WITH_LIST)
		take_list(r, a, XDLMS_LIST);
	else
		r->failed = true;
}

static void
parse_set(struct rd *r, uint8_t type, struct xdlms_answer *a)
{
	switch (type) {
	case NORMAL:
		a->kind = XDLMS_SET;
		a->result = rd_u8(r);
		break;
	case WITH_BLOCK:
		a->kind = XDLMS_SET_BLOCK;
		a->block = rd_u32_be(r);
		break;
	case SET_LAST_ANSWER:
		a->kind = XDLMS_SET_LAST;
		a->result = rd_u8(r);
		a->block = rd_u32_be(r);
		break;
	case SET_LIST_ANSWER:
		take_list(r, a, XDLMS_SET_LIST);
		break;
	default:
		r->failed = true;
	}
}

/* The result, then perhaps what the method returns (7.5). */
static void
parse_action(struct rd *r, uint8_t type, struct xdlms_answer *a)
{
	struct xdlms_answer returned = { 0 };

	a->kind = XDLMS_ACTION;
	if (type != NORMAL)
		r->failed = true;
	a->result = rd_u8(r);
	if (rd_left(r) == 0 || rd_u8(r) == 0)
		return;
	take_choice(r, &returned);
	a->data = returned.data;
	if (a->result == RESULT_SUCCESS)
		a->result = returned.result;
}

static void
parse_exception(struct rd *r, struct xdlms_answer *a)
{
	a->kind = XDLMS_EXCEPTION;
	a->state = rd_u8(r);
	a->service = rd_u8(r);
	a->has_counter = a->service == EXCEPTION_COUNTER && rd_left(r) >= 4;
	a->counter = a->has_counter ? rd_u32_be(r) : 0;
}

/* Some meters tag the time as an octet string (18). */
static void
parse_notification(struct rd *r, struct xdlms_answer *a)
{
	size_t len;

	a->kind = XDLMS_NOTIFICATION;
	a->counter = rd_u32_be(r);
	if (rd_left(r) > 1 && r->p[0] == AXDR_OCTETS && r->p[1] == COSEM_TIME_LEN)
		rd_skip(r, 1);
	len = axdr_length(r);
	if (len > rd_left(r))
		r->failed = true;
	else
		a->time = (struct octets){ rd_take(r, len), len };
	a->data = rest(r);
}

int
xdlms_parse(const uint8_t *p, size_t len, struct xdlms_answer *a)
{
	struct rd r = rd_init(p, len);
	uint8_t apdu = rd_u8(&r), type = 0;

	*a = (struct xdlms_answer){ .kind = XDLMS_EVENT };
	if (apdu == APDU_GET_RESPONSE || apdu == APDU_SET_RESPONSE || apdu == APDU_ACTION_RESPONSE) {
		type = rd_u8(&r);
		a->invoke = rd_u8(&r);
	}
	switch (apdu) {
	case APDU_GET_RESPONSE:
		parse_get(&r, type, a);
		break;
	case APDU_SET_RESPONSE:
		parse_set(&r, type, a);
		break;
	case APDU_ACTION_RESPONSE:
		parse_action(&r, type, a);
		break;
	case APDU_EXCEPTION:
		parse_exception(&r, a);
		break;
	case APDU_NOTIFICATION:
		parse_notification(&r, a);
		break;
	case APDU_EVENT:
		a->data = rest(&r);
		break;
	default:
		return E_FRAME;
	}
	return rd_failed(&r) ? E_FRAME : E_OK;
}

int
xdlms_list_next(struct axdr *a, int *result)
{
	uint8_t choice = rd_u8(&a->r);

	*result = choice == CHOICE_RESULT ? rd_u8(&a->r) : RESULT_SUCCESS;
	if (choice > CHOICE_RESULT || rd_failed(&a->r))
		return E_FRAME;
	return E_OK;
}
