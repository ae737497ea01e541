#include "meters/dlms/acse_codec.h"

#include <string.h>

enum { TAG_CONTEXT = 0xa1, TAG_RESULT = 0xa2, TAG_DIAGNOSTIC = 0xa3, TAG_RESPONDING_TITLE = 0xa4,
	TAG_CALLING_TITLE = 0xa6, TAG_RESPONDER_REQUIREMENTS = 0x88, TAG_RESPONDER_MECHANISM = 0x89,
	TAG_REQUIREMENTS = 0x8a, TAG_MECHANISM = 0x8b, TAG_RESPONDING_VALUE = 0xaa,
	TAG_CALLING_VALUE = 0xac, TAG_USER = 0xbe, TAG_REASON = 0x80, TAG_OCTETS = 0x04,
	TAG_INTEGER = 0x02, TAG_PROVIDER = 0xa2, TAG_OID = 0x06, TAG_CHARACTERS = 0x80 };
enum { OID_CONTEXT = 1, OID_MECHANISM = 2, OID_LEN = 7 };
static const uint8_t oid_head[] = { 0x60, 0x85, 0x74, 0x05, 0x08 };

/* ---- writing ---- */

/* Lengths of what we send stay below 128 but for user information: the long form then. */
static void
put_head(struct wr *w, uint8_t tag, size_t len)
{
	wr_u8(w, tag);
	if (len > UINT8_MAX)
		w->failed = true;
	if (len >= 0x80)
		wr_u8(w, 0x81);
	wr_u8(w, (uint8_t)len);
}

static size_t
head_len(size_t len)
{
	return len >= 0x80 ? 3 : 2;
}

static void
put_oid(struct wr *w, uint8_t kind, uint8_t number)
{
	wr_bytes(w, oid_head, sizeof(oid_head));
	wr_u8(w, kind);
	wr_u8(w, number);
}

static void
put_nested(struct wr *w, uint8_t outer, uint8_t inner, struct octets o)
{
	put_head(w, outer, head_len(o.len) + o.len);
	put_head(w, inner, o.len);
	wr_bytes(w, o.p, o.len);
}

static void
put_elements(struct wr *w, const struct acse *a)
{
	if (a->apdu == APDU_RLRQ) {
		put_head(w, TAG_REASON, 1);
		wr_u8(w, (uint8_t)(a->reason > 0 ? a->reason : 0));
	} else {
		put_head(w, TAG_CONTEXT, OID_LEN + 2);
		put_head(w, TAG_OID, OID_LEN);
		put_oid(w, OID_CONTEXT, a->context);
	}
	if (a->title.len > 0)
		put_nested(w, TAG_CALLING_TITLE, TAG_OCTETS, a->title);
	if (a->mechanism != 0) {
		static const uint8_t functional_unit[] = { TAG_REQUIREMENTS, 2, 0x07, 0x80 };

		wr_bytes(w, functional_unit, sizeof(functional_unit));
		put_head(w, TAG_MECHANISM, OID_LEN);
		put_oid(w, OID_MECHANISM, a->mechanism);
		put_nested(w, TAG_CALLING_VALUE, TAG_CHARACTERS, a->value);
	}
	if (a->user.len > 0)
		put_nested(w, TAG_USER, TAG_OCTETS, a->user);
}

void
acse_put(struct wr *w, const struct acse *a)
{
	uint8_t body[512];
	struct wr in = wr_init(body, sizeof(body));

	put_elements(&in, a);
	if (!wr_ok(&in))
		w->failed = true;
	put_head(w, a->apdu, in.len);
	wr_bytes(w, body, in.len);
}

void
initiate_put(struct wr *w, const struct initiate *i)
{
	static const uint8_t conformance_tag[] = { 0x5f, 0x1f, 0x04, 0x00 };

	wr_u8(w, INITIATE_REQUEST);
	wr_u8(w, 0); /* no dedicated key */
	wr_u8(w, 0); /* response allowed: default */
	wr_u8(w, 0); /* no quality of service */
	wr_u8(w, i->version);
	wr_bytes(w, conformance_tag, sizeof(conformance_tag));
	wr_u8(w, (uint8_t)(i->conformance >> 16));
	wr_u16_be(w, (uint16_t)i->conformance);
	wr_u16_be(w, i->max_pdu);
}

/* ---- parsing ---- */

/* Tag and content of the next element; a content that ends too early is cut: recorded meters have
 * wrong inner lengths (5.6). */
static bool
next_element(struct rd *r, uint8_t *tag, struct rd *content)
{
	size_t len;

	if (rd_left(r) < 2)
		return false;
	*tag = rd_u8(r);
	len = rd_u8(r);
	if (len == 0x81)
		len = rd_u8(r);
	else if (len == 0x82)
		len = rd_u16_be(r);
	else if (len > 0x82)
		r->failed = true;
	if (rd_failed(r))
		return false;
	if (len > rd_left(r))
		len = rd_left(r);
	*content = rd_init(rd_take(r, len), len);
	return true;
}

static struct octets
whole(const struct rd *r)
{
	return (struct octets){ r->p, rd_left(r) };
}

/* Content of the element inside; the octets themselves when there is none of that tag. */
static struct octets
inner(struct rd r, uint8_t wanted)
{
	struct octets bare = whole(&r);
	struct rd content;
	uint8_t tag;

	if (next_element(&r, &tag, &content) && tag == wanted)
		return whole(&content);
	return bare;
}

static uint8_t
oid_number(struct octets o, uint8_t kind)
{
	bool ours = o.len == OID_LEN && memcmp(o.p, oid_head, sizeof(oid_head)) == 0 && o.p[5] == kind;

	return ours ? o.p[6] : 0;
}

static int
integer(struct octets o)
{
	return o.len == 1 ? o.p[0] : -1;
}

static void
parse_diagnostic(struct acse *a, struct rd content)
{
	struct rd choice;
	uint8_t tag;

	if (!next_element(&content, &tag, &choice))
		return;
	a->by_provider = tag == TAG_PROVIDER;
	a->diagnostic = integer(inner(choice, TAG_INTEGER));
}

static void
parse_element(struct acse *a, uint8_t tag, struct rd content)
{
	switch (tag) {
	case TAG_CONTEXT:
		a->context = oid_number(inner(content, TAG_OID), OID_CONTEXT);
		break;
	case TAG_RESULT:
		a->result = integer(inner(content, TAG_INTEGER));
		break;
	case TAG_DIAGNOSTIC:
		parse_diagnostic(a, content);
		break;
	case TAG_RESPONDING_TITLE: case TAG_CALLING_TITLE:
		a->title = inner(content, TAG_OCTETS);
		break;
	case TAG_RESPONDER_REQUIREMENTS: case TAG_REQUIREMENTS:
		a->requirements = whole(&content);
		break;
	case TAG_RESPONDER_MECHANISM: case TAG_MECHANISM:
		a->mechanism = oid_number(whole(&content), OID_MECHANISM);
		break;
	case TAG_RESPONDING_VALUE: case TAG_CALLING_VALUE:
		a->value = inner(content, TAG_CHARACTERS);
		break;
	case TAG_USER:
		a->user = inner(content, TAG_OCTETS);
		break;
	case TAG_REASON:
		a->reason = integer(whole(&content));
		break;
	default:
		break; /* unknown ones are skipped */
	}
}

int
acse_parse(const uint8_t *p, size_t len, struct acse *a)
{
	struct rd r = rd_init(p, len), body, content;
	uint8_t tag;

	*a = (struct acse){ .result = -1, .diagnostic = -1, .reason = -1 };
	if (!next_element(&r, &a->apdu, &body) || a->apdu < APDU_AARQ || a->apdu > APDU_RLRE)
		return E_FRAME;
	while (next_element(&body, &tag, &content))
		parse_element(a, tag, content);
	if (a->apdu == APDU_AARE && a->result < 0)
		return E_FRAME;
	return E_OK;
}

int
acse_verdict(const struct acse *a)
{
	if (a->result == 0)
		return E_OK;
	return a->result == 2 ? E_BUSY : E_DENIED;
}

static int
parse_error(struct rd *r, struct initiate *i)
{
	rd_skip(r, 1); /* initiateError */
	rd_skip(r, 1); /* of kind initiate */
	i->error = rd_u8(r);
	return rd_failed(r) ? E_FRAME : E_OK;
}

int
initiate_parse(struct octets user, struct initiate *i)
{
	struct rd r = rd_init(user.p, user.len);
	uint8_t key_len;

	*i = (struct initiate){ .tag = rd_u8(&r) };
	if (i->tag == INITIATE_ERROR)
		return parse_error(&r, i);
	if (i->tag == INITIATE_REQUEST) {
		if (rd_u8(&r) != 0) {
			key_len = rd_u8(&r);
			rd_skip(&r, key_len);
		}
		if (rd_u8(&r) != 0)
			rd_skip(&r, 1);
	} else if (i->tag != INITIATE_RESPONSE)
		return E_FRAME;
	if (rd_u8(&r) != 0)
		rd_skip(&r, 1); /* quality of service */
	i->version = rd_u8(&r);
	rd_skip(&r, 4); /* 5F 1F 04, unused bits */
	i->conformance = rd_u24_be(&r);
	i->max_pdu = rd_u16_be(&r);
	if (i->tag == INITIATE_RESPONSE && !rd_failed(&r)) {
		i->has_vaa = rd_left(&r) >= 2;
		i->vaa = i->has_vaa ? rd_u16_be(&r) : 0;
	}
	return rd_failed(&r) ? E_FRAME : E_OK;
}
