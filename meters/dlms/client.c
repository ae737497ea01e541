/* Questions: GET, SET, ACTION, lists and blocks (meter-spodes-dlms.md 7). */
#include "meters/dlms/dlms.h"

#include <string.h>

enum { BLOCKS_MOST = 2000, REOPENS_MOST = 2, LIST_MOST = 20, LIST_HEAD = 4, LIST_ITEM = 10 };
enum { BLOCK_HEAD = 32, COUNTERS_MOST = 1 };

/* ---- one APDU each way ---- */

/* An error of the link leaves numbers and segments behind that only a new association clears. */
static int
send_apdu(struct dlms *d, struct octets plain, size_t at, size_t *len)
{
	uint8_t buf[DLMS_REQUEST_MAX + CIPHER_OVERHEAD];
	struct wr w = wr_init(buf, sizeof(buf));
	int rc = E_OK;

	if (d->cipher.is_on) {
		rc = cipher_protect(&d->cipher, plain, &w);
		plain = (struct octets){ buf, w.len };
	}
	if (rc == E_OK && (rc = dlms_link_ask(d, plain, at, len)) < 0)
		d->is_open = false;
	return rc;
}

/* In the clear only refusals are believed. */
static int
take_protection(struct dlms *d, size_t at, size_t *len, bool *is_clear)
{
	int rc;

	*is_clear = false;
	if (*len == 0)
		return E_FRAME;
	if (!cipher_is_protected(d->apdu + at, *len)) {
		*is_clear = d->cipher.is_on;
		return E_OK;
	}
	if (!d->cipher.is_on)
		return E_FRAME;
	rc = cipher_unprotect(&d->cipher, d->apdu + at, len);
	if (rc < 0)
		d->is_open = false;
	return rc;
}

static int
take_exception(struct dlms *d, const struct xdlms_answer *a)
{
	d->result = -1;
	if (a->service == EXCEPTION_DECIPHER)
		return E_DENIED;
	if (a->has_counter && d->cipher.is_on && a->counter < UINT32_MAX - 1) {
		if (d->cipher.counter <= a->counter)
			d->cipher.counter = a->counter + 1;
		return E_EXISTS;
	}
	if (a->state == EXCEPTION_NOT_ALLOWED && a->service == EXCEPTION_IMPOSSIBLE) {
		d->is_open = false; /* the meter has lost the association */
		return E_FRAME;
	}
	return a->service == EXCEPTION_UNSUPPORTED ? E_UNSUPPORTED : E_METER;
}

static int
ask_once(struct dlms *d, struct octets plain, size_t at, struct xdlms_answer *a)
{
	bool is_clear = false, is_slow = d->is_slow;
	size_t len;
	int rc;

	d->result = -1;
	rc = send_apdu(d, plain, at, &len);
	d->is_slow = is_slow;
	if (rc == E_OK)
		rc = take_protection(d, at, &len, &is_clear);
	if (rc == E_OK)
		rc = xdlms_parse(d->apdu + at, len, a);
	if (rc < 0)
		return rc;
	if (a->kind == XDLMS_EXCEPTION)
		return take_exception(d, a);
	if (is_clear && (a->data.len > 0 || a->result == RESULT_SUCCESS))
		return E_FRAME;
	d->result = a->result;
	return E_OK;
}

/* With the one correction of the counter that the meter may ask for. */
static int
ask(struct dlms *d, struct octets plain, size_t at, struct xdlms_answer *a)
{
	int rc = d->is_open ? ask_once(d, plain, at, a) : E_FRAME;

	if (rc == E_EXISTS)
		rc = ask_once(d, plain, at, a);
	d->is_slow = false;
	return rc == E_EXISTS ? E_DENIED : rc;
}

static int
fail(struct dlms *d, int rc)
{
	d->is_open = false;
	return rc;
}

/* ---- reading ---- */

/* Joins the blocks from the first one on at the beginning of the buffer. */
static int
join_blocks(struct dlms *d, struct xdlms_answer *a, struct octets *data)
{
	size_t joined = 0;
	int rc;

	for (uint32_t block = 1;; block++) {
		uint8_t buf[16];
		struct wr w = wr_init(buf, sizeof(buf));

		if (a->kind != XDLMS_BLOCK || block > BLOCKS_MOST)
			return fail(d, E_FRAME);
		if (a->result != RESULT_SUCCESS)
			return cosem_result_error((unsigned)a->result);
		if (a->block != block || (a->data.len == 0 && !a->last)) {
			d->result = RESULT_BLOCK_NUMBER;
			return fail(d, E_METER);
		}
		if (a->data.len > 0)
			memmove(d->apdu + joined, a->data.p, a->data.len);
		joined += a->data.len;
		if (a->last)
			break;
		xdlms_put_get_next(&w, block);
		d->is_slow = true;
		rc = ask(d, (struct octets){ buf, w.len }, joined, a);
		if (rc < 0)
			return rc == E_LIMIT ? fail(d, rc) : rc;
	}
	*data = (struct octets){ d->apdu, joined };
	return E_OK;
}

static int
read_once(struct dlms *d, struct octets request, struct octets *data)
{
	struct xdlms_answer a;
	int rc = ask(d, request, 0, &a);

	if (rc < 0)
		return rc;
	if (a.kind == XDLMS_BLOCK)
		return join_blocks(d, &a, data);
	if (a.kind != XDLMS_DATA)
		return fail(d, E_FRAME);
	*data = a.data;
	return cosem_result_error((unsigned)a.result);
}

/* May a read be asked again?  Over a new association when the old one is lost; once more after an
 * error that may pass. */
static bool
may_repeat(struct dlms *d, int *rc, bool *is_repeated)
{
	if (!d->is_open && d->reopens < REOPENS_MOST && (*rc == E_FRAME || *rc == E_METER)) {
		d->reopens++;
		dlms_link_close(d);
		*rc = dlms_open(d);
		return *rc == E_OK;
	}
	if (*rc != E_METER || *is_repeated)
		return false;
	*is_repeated = true;
	return true;
}

int
dlms_get(struct dlms *d, const struct cosem *name, struct octets selection, struct octets *data)
{
	uint8_t buf[128];
	struct wr w = wr_init(buf, sizeof(buf));
	bool is_repeated = false;
	int rc;

	xdlms_put_get(&w, name, selection);
	if (!wr_ok(&w))
		return E_LIMIT;
	do {
		d->is_slow = name->class == CLASS_PROFILE && name->index == 2;
		rc = read_once(d, (struct octets){ buf, w.len }, data);
	} while (rc < 0 && may_repeat(d, &rc, &is_repeated));
	return rc;
}

/* ---- lists ---- */

/* The items one request may hold (7.2). */
static size_t
list_room(const struct dlms *d)
{
	size_t room = d->peer_pdu != 0 ? d->peer_pdu : UINT16_MAX;
	size_t info = d->transport == DLMS_HDLC ? d->limits.info_tx - 3u : UINT16_MAX, n;

	if (d->cipher.is_on) {
		room = room > CIPHER_OVERHEAD ? room - CIPHER_OVERHEAD : 0;
		info = info > CIPHER_OVERHEAD ? info - CIPHER_OVERHEAD : 0;
	}
	if (info < room)
		room = info;
	n = room > LIST_HEAD ? (room - LIST_HEAD) / LIST_ITEM : 0;
	return n > LIST_MOST ? LIST_MOST : n;
}

/* Hands out the results there are; fewer than asked mean that this meter cuts lists. */
static int
take_list(struct dlms *d, struct octets body, uint32_t count, size_t from, size_t n, dlms_taker *take,
    void *arg, size_t *taken)
{
	struct axdr a = axdr_init(body.p, body.len);
	int result, rc;

	for (*taken = 0; *taken < n && *taken < count && rd_left(&a.r) > 0; (*taken)++) {
		struct axdr value;
		struct axdr_value v;

		rc = xdlms_list_next(&a, &result);
		if (rc < 0)
			break;
		value = a;
		if (result == RESULT_SUCCESS &&
		    (axdr_next(&a, &v) < 0 || axdr_skip(&a, &v) < 0 || axdr_leave(&a, 0) < 0))
			break;
		rc = take(arg, from + *taken, result, result == RESULT_SUCCESS ? &value : NULL);
		if (rc < 0)
			return rc;
	}
	if (*taken < n)
		d->no_list = true;
	return E_OK;
}

static int
ask_list(struct dlms *d, const struct cosem *names, size_t from, size_t n, dlms_taker *take, void *arg,
    size_t *taken)
{
	uint8_t buf[LIST_HEAD + LIST_MOST * LIST_ITEM];
	struct wr w = wr_init(buf, sizeof(buf));
	struct xdlms_answer a;
	struct octets body;
	struct rd r;
	int rc;

	*taken = 0;
	xdlms_put_get_list(&w, names + from, n);
	rc = ask(d, (struct octets){ buf, w.len }, 0, &a);
	if (rc == E_OK && a.kind == XDLMS_BLOCK) {
		rc = join_blocks(d, &a, &body);
		if (rc == E_OK) {
			r = rd_init(body.p, body.len);
			a.count = axdr_length(&r);
			a.data = (struct octets){ r.p, rd_left(&r) };
			a.kind = XDLMS_LIST;
		}
	}
	if (rc == E_UNSUPPORTED || rc == E_METER || rc == E_REFUSED ||
	    (rc == E_OK && a.kind != XDLMS_LIST)) {
		d->no_list = true;
		return E_OK;
	}
	return rc < 0 ? rc : take_list(d, a.data, a.count, from, n, take, arg, taken);
}

static int
ask_single(struct dlms *d, const struct cosem *name, size_t i, dlms_taker *take, void *arg)
{
	struct octets data;
	struct axdr a;
	int rc = dlms_get_all(d, name, &data);

	if (rc < 0 && d->result < 0)
		return rc == E_UNSUPPORTED ? take(arg, i, RESULT_UNDEFINED, NULL) : rc;
	if (rc < 0)
		return d->is_open ? take(arg, i, d->result, NULL) : rc;
	a = axdr_init(data.p, data.len);
	return take(arg, i, RESULT_SUCCESS, &a);
}

int
dlms_get_many(struct dlms *d, const struct cosem *names, size_t n, dlms_taker *take, void *arg)
{
	size_t at = 0, taken;
	int rc = E_OK;

	while (at < n && rc == E_OK) {
		size_t room = list_room(d), left = n - at;

		if (d->no_list || !(d->agreed & CONF_MULTIPLE) || room < 2 || left < 2) {
			rc = ask_single(d, &names[at], at, take, arg);
			at++;
			continue;
		}
		rc = ask_list(d, names, at, left < room ? left : room, take, arg, &taken);
		if (rc == E_FRAME && !d->is_open) {
			bool is_repeated = true;

			if (may_repeat(d, &rc, &is_repeated))
				continue;
		}
		at += taken;
	}
	return rc;
}

/* ---- writing ---- */

static size_t
request_room(const struct dlms *d)
{
	size_t room = d->peer_pdu != 0 && d->peer_pdu < DLMS_REQUEST_MAX ? d->peer_pdu :
									   DLMS_REQUEST_MAX;

	if (d->cipher.is_on)
		room = room > CIPHER_OVERHEAD ? room - CIPHER_OVERHEAD : 0;
	return room;
}

static int
set_blocks(struct dlms *d, const struct cosem *name, struct octets data, size_t most)
{
	uint8_t buf[DLMS_REQUEST_MAX];
	struct xdlms_answer a;
	size_t at = 0;
	int rc;

	if (!(d->agreed & CONF_BLOCK_SET))
		return E_LIMIT;
	for (uint32_t block = 1;; block++) {
		struct wr w = wr_init(buf, sizeof(buf));
		struct octets raw = { data.p + at, data.len - at < most ? data.len - at : most };
		bool last = at + raw.len == data.len;

		if (block == 1)
			xdlms_put_set_first(&w, name, last, raw);
		else
			xdlms_put_set_next(&w, last, block, raw);
		if (!wr_ok(&w))
			return E_LIMIT;
		rc = ask(d, (struct octets){ buf, w.len }, 0, &a);
		if (rc < 0)
			return rc;
		if (a.kind == XDLMS_SET || (last && a.kind == XDLMS_SET_LAST))
			return cosem_result_error((unsigned)a.result);
		if (last || a.kind != XDLMS_SET_BLOCK || a.block != block)
			return fail(d, E_FRAME);
		at += raw.len;
	}
}

int
dlms_set(struct dlms *d, const struct cosem *name, struct octets data)
{
	size_t room = request_room(d);
	uint8_t buf[DLMS_REQUEST_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct xdlms_answer a;
	int rc;

	if (room <= BLOCK_HEAD)
		return E_LIMIT;
	if (data.len + BLOCK_HEAD > room)
		return set_blocks(d, name, data, room - BLOCK_HEAD);
	xdlms_put_set(&w, name, data);
	rc = wr_ok(&w) ? ask(d, (struct octets){ buf, w.len }, 0, &a) : E_LIMIT;
	if (rc < 0)
		return rc;
	if (a.kind != XDLMS_SET)
		return fail(d, E_FRAME);
	return cosem_result_error((unsigned)a.result);
}

int
dlms_action(struct dlms *d, const struct cosem *name, struct octets data, struct octets *returned)
{
	uint8_t buf[256];
	struct wr w = wr_init(buf, sizeof(buf));
	struct xdlms_answer a;
	int rc;

	xdlms_put_action(&w, name, data);
	d->is_slow = true;
	rc = wr_ok(&w) ? ask(d, (struct octets){ buf, w.len }, 0, &a) : E_LIMIT;
	if (rc < 0)
		return rc;
	if (a.kind != XDLMS_ACTION)
		return fail(d, E_FRAME);
	if (returned != NULL)
		*returned = a.data;
	return cosem_result_error((unsigned)a.result);
}
