/* GET, SET and ACTION of simulated СПОДЭС meters, with lists and blocks (meter-spodes-dlms.md 7). */
#include "sim/dlms.h"

#include <string.h>

enum {
	GET = 0xC0, SET = 0xC1, ACTION = 0xC3, GET_ANSWER = 0xC4, SET_ANSWER = 0xC5,
	ACTION_ANSWER = 0xC7,
	GLO_GET = 0xC8, GLO_SET = 0xC9, GLO_ACTION = 0xCB, GENERAL_GLO = 0xDB, GLO_TO_ANSWER = 4,
	AARQ = 0x60, RLRQ = 0x62, EXCEPTION = 0xD8,
	NORMAL = 1, GET_NEXT = 2, GET_LIST = 3, SET_FIRST = 2, SET_NEXT = 3, ANSWER_BLOCK = 2,
	SET_ANSWER_LAST = 3,
	TITLE_SIZE = 8, TARGET = 9, BLOCKS_GET = 0x001000,
	PROTECTION_ROOM = 24, TITLE_ROOM = 9, BLOCK_ROOM = 12, VALUE_MOST = 65536, SET_MOST = 8192,
	NOT_ALLOWED = 1, UNKNOWN = 2, NOT_POSSIBLE = 1, NOT_SUPPORTED = 2, TOO_LONG = 4,
	DECIPHERING = 5,
	COUNTER = 6,
};

void
sim_dlms_exception(struct sim_dlms_call *call, unsigned state, unsigned service, struct text *to)
{
	text_clear(to);
	sim_ax_byte(to, EXCEPTION);
	sim_ax_byte(to, state);
	sim_ax_byte(to, service);
	if (service == COUNTER)
		sim_ax_be(to, call->d->counter_seen, 4);
	call->bare = call->d->k.bare_exceptions;
}

/* Tag, form and invoke-id of an answer. */
static void
put_head(struct sim_dlms_call *call, unsigned tag, unsigned form, uint8_t invoke, struct text *to)
{
	sim_ax_byte(to, tag);
	sim_ax_byte(to, form);
	sim_ax_byte(to, call->d->k.invoke_id < 0 ? invoke : (unsigned)call->d->k.invoke_id);
}

/* Octets of a plain answer that the agreed PDU has room for. */
static size_t
room(const struct sim_dlms *d)
{
	size_t less = d->as.ciphered ? PROTECTION_ROOM : 0;

	if ((d->as.conformance & 0x400000) != 0)
		less += TITLE_ROOM;
	return d->as.pdu > less + BLOCK_ROOM + 1 ? d->as.pdu - less : BLOCK_ROOM + 1;
}

static int
find(struct sim_dlms_call *call, struct rd *r, const struct sim_dlms_object **found,
    unsigned *attribute)
{
	uint8_t name[SIM_NAME_SIZE];
	unsigned class_id = rd_u16_be(r);

	rd_bytes(r, name, sizeof(name));
	*attribute = rd_u8(r);
	*found = sim_dlms_find(call->m, name);
	if (call->d->as.role == SIM_PUBLIC && (*found == NULL || !(*found)->open))
		return SIM_DAR_DENIED;
	if (*found == NULL)
		return SIM_DAR_UNDEFINED;
	return (*found)->class_id == class_id ? SIM_DAR_DONE : SIM_DAR_CLASS_WRONG;
}

/* One attribute descriptor with its selector; what is missing in `r` shows there. */
static int
get_one(struct sim_dlms_call *call, struct rd *r, struct text *to)
{
	const struct sim_dlms_object *object;
	unsigned attribute, selector = 0;
	int result = find(call, r, &object, &attribute);
	struct rd parameters;

	if (rd_u8(r) != 0)
		selector = rd_u8(r);
	parameters = *r;
	if (selector != 0 && !sim_ax_skip(r, 0))
		r->failed = true;
	if (rd_failed(r))
		return SIM_DAR_OTHER;
	if (result != SIM_DAR_DONE)
		return result;
	parameters.end = r->p;
	return sim_dlms_get(call, object, attribute, selector, &parameters, to);
}

/* The next block of a long GET. */
static void
put_block(struct sim_dlms_call *call, uint8_t invoke, struct text *to)
{
	struct sim_dlms *d = call->d;
	size_t left = d->get.data.len - d->get.done, n = room(d) - BLOCK_ROOM;
	bool last = left <= n;

	n = last ? left : n;
	put_head(call, GET_ANSWER, ANSWER_BLOCK, invoke, to);
	sim_ax_byte(to, last);
	sim_ax_be(to, ++d->get.number, 4);
	sim_ax_byte(to, 0);
	sim_ax_length(to, n);
	text_add(to, d->get.data.p + d->get.done, n);
	d->get.done += n;
	if (!last)
		return;
	d->get.active = false;
	text_clear(&d->get.data);
}

static void
put_block_error(struct sim_dlms_call *call, uint8_t invoke, uint32_t number, int error, struct text *to)
{
	put_head(call, GET_ANSWER, ANSWER_BLOCK, invoke, to);
	sim_ax_byte(to, 1);
	sim_ax_be(to, number, 4);
	sim_ax_byte(to, 1);
	sim_ax_byte(to, (unsigned)error);
}

/* Answers at once where it fits, else begins with blocks.  `choice`: an octet "data" comes before the
 * value, in the short form only. */
static void
put_or_begin(struct sim_dlms_call *call, unsigned form, uint8_t invoke, const struct text *data,
    bool choice, struct text *to)
{
	struct sim_dlms *d = call->d;

	if (data->len + 3 + choice <= room(d)) {
		put_head(call, GET_ANSWER, form, invoke, to);
		if (choice)
			sim_ax_byte(to, 0);
		text_add(to, data->p, data->len);
		return;
	}
	if ((d->as.conformance & BLOCKS_GET) == 0) {
		put_head(call, GET_ANSWER, NORMAL, invoke, to);
		sim_ax_byte(to, 1);
		sim_ax_byte(to, SIM_DAR_OTHER);
		return;
	}
	text_clear(&d->get.data);
	text_add(&d->get.data, data->p, data->len);
	d->get.active = true;
	d->get.number = 0;
	d->get.done = 0;
	put_block(call, invoke, to);
}

static void
get_normal(struct sim_dlms_call *call, uint8_t invoke, struct rd *r, struct text *to)
{
	struct text data = { NULL };
	int result = get_one(call, r, &data);

	if (data.failed)
		result = SIM_DAR_OTHER;
	if (result == SIM_DAR_DONE) {
		for (int i = 0; i < call->d->k.surplus; i++)
			sim_ax_byte(&data, 0x09 + (unsigned)i % 3);
		put_or_begin(call, NORMAL, invoke, &data, true, to);
	} else {
		put_head(call, GET_ANSWER, NORMAL, invoke, to);
		sim_ax_byte(to, 1);
		sim_ax_byte(to, (unsigned)result);
	}
	text_free(&data);
}

static void
get_list(struct sim_dlms_call *call, uint8_t invoke, struct rd *r, struct text *to)
{
	struct text data = { NULL }, one = { NULL };
	unsigned n = rd_u8(r), answered = 0;

	for (; answered < n; answered++) {
		int result = get_one(call, r, &one);

		if (rd_failed(r))
			break;
		if (result != SIM_DAR_DONE && call->d->k.list_cut)
			break;
		sim_ax_byte(&data, result != SIM_DAR_DONE);
		if (result == SIM_DAR_DONE)
			text_add(&data, one.p, one.len);
		else
			sim_ax_byte(&data, (unsigned)result);
		text_clear(&one);
	}
	text_clear(&one);
	sim_ax_length(&one, answered);
	text_add(&one, data.p, data.len);
	if (rd_failed(r) || n == 0 || one.failed || data.failed)
		sim_dlms_exception(call, UNKNOWN, NOT_POSSIBLE, to);
	else
		put_or_begin(call, GET_LIST, invoke, &one, false, to);
	text_free(&data);
	text_free(&one);
}

static void
get_next(struct sim_dlms_call *call, uint8_t invoke, uint32_t number, struct text *to)
{
	struct sim_dlms *d = call->d;

	if (d->get.active && number == d->get.number) {
		put_block(call, invoke, to);
		return;
	}
	put_block_error(call, invoke, number, d->get.active ? SIM_DAR_BLOCK_WRONG : SIM_DAR_NO_LONG_GET,
	    to);
	d->get.active = false;
}

static void
get(struct sim_dlms_call *call, struct rd *r, struct text *to)
{
	unsigned form = rd_u8(r);
	uint8_t invoke = rd_u8(r);

	if (form != GET_NEXT)
		call->d->get.active = false;
	if (form == NORMAL)
		get_normal(call, invoke, r, to);
	else if (form == GET_NEXT)
		get_next(call, invoke, rd_u32_be(r), to);
	else if (form == GET_LIST && call->d->k.with_list)
		get_list(call, invoke, r, to);
	else
		sim_dlms_exception(call, UNKNOWN, NOT_SUPPORTED, to);
}

/* Writes a whole value to the attribute a descriptor names. */
static int
set_value(struct sim_dlms_call *call, struct rd *target, const uint8_t *p, size_t n)
{
	const struct sim_dlms_object *object;
	unsigned attribute;
	struct rd value = rd_init(p, n), whole = value;
	int result = find(call, target, &object, &attribute);

	if (result != SIM_DAR_DONE)
		return result;
	if (!sim_ax_skip(&whole, 0) || !rd_done(&whole))
		return SIM_DAR_TYPE_WRONG;
	if (call->d->as.role != SIM_CONFIGURATOR)
		return SIM_DAR_DENIED;
	return sim_dlms_set(call, object, attribute, &value);
}

static void
put_set_answer(struct sim_dlms_call *call, uint8_t invoke, int result, struct text *to)
{
	if (result == SIM_DAR_DENIED && call->d->k.set_exception) {
		sim_dlms_exception(call, UNKNOWN, NOT_SUPPORTED, to);
		return;
	}
	put_head(call, SET_ANSWER, NORMAL, invoke, to);
	sim_ax_byte(to, (unsigned)result);
}

/* One block of a long SET: last, number, length, raw. */
static void
set_block(struct sim_dlms_call *call, uint8_t invoke, struct rd *r, struct text *to)
{
	struct sim_dlms_blocks *set = &call->d->set;
	bool last = rd_u8(r) != 0;
	uint32_t number = rd_u32_be(r);
	size_t n = sim_ax_take_length(r);
	const uint8_t *raw = rd_take(r, n);
	struct rd target = rd_init(set->target, TARGET);
	int result = SIM_DAR_DONE;

	if (raw == NULL || number != set->number + 1 || set->data.len + n > SET_MOST)
		result = SIM_DAR_BLOCK_WRONG;
	set->number = number;
	if (result == SIM_DAR_DONE)
		text_add(&set->data, raw, n);
	if (result == SIM_DAR_DONE && !last) {
		put_head(call, SET_ANSWER, ANSWER_BLOCK, invoke, to);
		sim_ax_be(to, number, 4);
		return;
	}
	if (result == SIM_DAR_DONE)
		result = set_value(call, &target, (const uint8_t *)set->data.p, set->data.len);
	put_head(call, SET_ANSWER, SET_ANSWER_LAST, invoke, to);
	sim_ax_byte(to, (unsigned)result);
	sim_ax_be(to, number, 4);
	set->active = false;
	text_clear(&set->data);
}

static void
set(struct sim_dlms_call *call, struct rd *r, struct text *to)
{
	struct sim_dlms_blocks *blocks = &call->d->set;
	unsigned form = rd_u8(r);
	uint8_t invoke = rd_u8(r);
	struct rd target = *r;

	if (form == NORMAL || form == SET_FIRST) {
		rd_bytes(r, blocks->target, TARGET);
		if (rd_u8(r) != 0)
			r->failed = true; /* nothing is written selectively */
	}
	if (rd_failed(r) || (form == SET_NEXT && !blocks->active)) {
		put_set_answer(call, invoke, form == SET_NEXT ? SIM_DAR_NO_LONG_SET : SIM_DAR_OTHER,
		    to);
	} else if (form == NORMAL) {
		put_set_answer(call, invoke, set_value(call, &target, r->p, rd_left(r)), to);
	} else if (form == SET_FIRST || form == SET_NEXT) {
		if (form == SET_FIRST) {
			text_clear(&blocks->data);
			blocks->active = true;
			blocks->number = 0;
		}
		set_block(call, invoke, r, to);
	} else {
		sim_dlms_exception(call, UNKNOWN, NOT_SUPPORTED, to);
	}
}

static void
action(struct sim_dlms_call *call, struct rd *r, struct text *to)
{
	const struct sim_dlms_object *object;
	unsigned form = rd_u8(r), method;
	uint8_t invoke = rd_u8(r);
	struct text data = { NULL };
	struct rd whole;
	int result;

	if (form != NORMAL) {
		sim_dlms_exception(call, UNKNOWN, NOT_SUPPORTED, to);
		return;
	}
	result = find(call, r, &object, &method);
	if (rd_u8(r) != 0) {
		whole = *r;
		if (!sim_ax_skip(&whole, 0) || !rd_done(&whole))
			result = SIM_DAR_TYPE_WRONG;
	}
	if (result == SIM_DAR_DONE && call->d->as.pending && object->class_id != SIM_CLASS_ASSOCIATION)
		result = SIM_DAR_DENIED;
	if (result == SIM_DAR_DONE)
		result = sim_dlms_action(call, object, method, r, &data);
	put_head(call, ACTION_ANSWER, NORMAL, invoke, to);
	sim_ax_byte(to, (unsigned)result);
	if (result == SIM_DAR_DONE && data.len > 0) {
		sim_ax_be(to, 0x0100, 2);
		text_add(to, data.p, data.len);
	} else if (result == SIM_DAR_DONE) {
		sim_ax_byte(to, 0);
	}
	text_free(&data);
}

void
sim_dlms_service(struct sim_dlms_call *call, const uint8_t *p, size_t n, struct text *to)
{
	struct rd r = rd_init(p, n);
	unsigned tag = rd_u8(&r);

	if (call->d->as.role == SIM_NOBODY || (call->d->as.pending && tag != ACTION)) {
		sim_dlms_exception(call, NOT_ALLOWED, NOT_POSSIBLE, to);
		return;
	}
	switch (tag) {
	case GET:
		get(call, &r, to);
		break;
	case SET:
		set(call, &r, to);
		break;
	case ACTION:
		action(call, &r, to);
		break;
	default:
		sim_dlms_exception(call, UNKNOWN, NOT_SUPPORTED, to);
	}
}

/* glo-...: tag LEN SC IC ...; general: DB 08 title LEN SC IC ... */
static void
protected_service(struct sim_dlms_call *call, const uint8_t *p, size_t n, struct text *to)
{
	struct text plain = { NULL }, answer = { NULL };
	struct rd r = rd_init(p, n);
	uint8_t tag = rd_u8(&r), control, title[TITLE_SIZE];
	bool general = tag == GENERAL_GLO;
	unsigned error = 0;

	memcpy(title, call->d->as.title, TITLE_SIZE);
	if (general && (rd_u8(&r) != TITLE_SIZE || rd_left(&r) < TITLE_SIZE))
		r.failed = true;
	else if (general)
		rd_bytes(&r, title, TITLE_SIZE);
	if (sim_ax_take_length(&r) != rd_left(&r) || rd_failed(&r) || !call->d->as.ciphered)
		error = DECIPHERING;
	else
		error = sim_dlms_unprotect(call, title, r, &plain, &control);
	if (error != 0) {
		sim_dlms_exception(call, NOT_ALLOWED, error, to);
		text_free(&plain);
		return;
	}
	sim_dlms_service(call, (const uint8_t *)plain.p, plain.len, &answer);
	if (answer.len > 0 && (uint8_t)answer.p[0] == EXCEPTION) {
		text_add(to, answer.p, answer.len);
	} else if (answer.len > 0) {
		sim_ax_byte(to, general ? GENERAL_GLO : tag + GLO_TO_ANSWER);
		sim_dlms_own_title(call->m, title);
		if (general)
			sim_ax_length(to, TITLE_SIZE);
		if (general)
			text_add(to, title, TITLE_SIZE);
		sim_dlms_protect(call, control, (const uint8_t *)answer.p, answer.len, to);
	}
	text_free(&plain);
	text_free(&answer);
}

void
sim_dlms_apdu(struct sim_dlms_call *call, const uint8_t *p, size_t n, struct text *to)
{
	uint8_t tag = n > 0 ? p[0] : 0;

	if (n > (size_t)call->d->k.max_pdu && tag != AARQ) {
		sim_dlms_exception(call, NOT_ALLOWED, TOO_LONG, to);
	} else if (tag == AARQ) {
		sim_dlms_associate(call, p, n, to);
	} else if (tag == RLRQ) {
		sim_dlms_release_association(call, p, n, to);
	} else if (call->d->as.role == SIM_NOBODY) {
		sim_dlms_exception(call, NOT_ALLOWED, NOT_POSSIBLE, to);
	} else if (tag == GLO_GET || tag == GLO_SET || tag == GLO_ACTION || tag == GENERAL_GLO) {
		protected_service(call, p, n, to);
	} else if (call->d->as.ciphered) {
		sim_dlms_exception(call, NOT_ALLOWED, DECIPHERING, to);
	} else {
		sim_dlms_service(call, p, n, to);
	}
}
