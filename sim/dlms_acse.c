/* Associations of simulated СПОДЭС meters (meter-spodes-dlms.md 5). */
#include "sim/dlms.h"

#include <string.h>

#include "sim/dlms_crypto.h"

enum {
	AARE = 0x61, RLRE = 0x63, INITIATE = 0x01, INITIATE_ANSWER = 0x08, GLO_INITIATE = 0x21,
	GLO_INITIATE_ANSWER = 0x28, CONTEXT_PLAIN = 1, CONTEXT_CIPHERED = 3, TITLE_SIZE = 8,
	CHALLENGE_LEAST = 8, CHALLENGE = 16, GMAC_SIZE = 17,
	ACCEPTED = 0, REJECTED = 1,
	/* diagnostics (5.3) */
	NOTHING_WRONG = 0, NO_REASON = 1, CONTEXT_WRONG = 2, MECHANISM_UNKNOWN = 11,
	AUTHENTICATION_FAILED = 13,
	AUTHENTICATION_REQUIRED = 14, PASS_3_FOLLOWS = 14,
	CONFORMANCE_PLAIN = 0x00101D, PROTECTION = 0x400000, LISTS = 0x000200,
	LOG_ACCESS = 6, ACCESS_TRIED = 1, ACCESS_LOCKED = 3,
};
static const uint8_t oid[] = { 0x60, 0x85, 0x74, 0x05, 0x08 };
static const uint8_t mechanism_number[] = { 0, 1, 2, 5 };	/* by SIM_AUTH_ */
static const uint32_t offered[SIM_ROLES] = { 0x001010, 0x001215, 0x001A1D };

/* What an AARQ says. */
struct aarq {
	unsigned context, mechanism;
	bool has_title, has_initiate, has_secret;
	uint8_t title[TITLE_SIZE];
	struct sim_octets secret;
	struct rd user;
	uint32_t conformance;
	unsigned pdu;
	uint8_t control;		/* of the ciphered initiateRequest, 0 plain */
};

static unsigned
object_identifier(struct rd r, unsigned arc)
{
	const uint8_t *at = rd_take(&r, sizeof(oid));

	return at != NULL && memcmp(at, oid, sizeof(oid)) == 0 && rd_u8(&r) == arc ? rd_u8(&r) : 0;
}

static bool
take_element(struct rd *r, uint8_t *tag, struct rd *value)
{
	size_t n;
	const uint8_t *at;

	*tag = rd_u8(r);
	n = sim_ax_take_length(r);
	at = rd_take(r, n);
	if (at == NULL || rd_failed(r))
		return false;
	*value = rd_init(at, n);
	return true;
}

static bool
parse(const uint8_t *p, size_t n, struct aarq *a)
{
	struct rd r = rd_init(p, n), v, inner;
	uint8_t tag, inside;
	size_t length;

	if (!take_element(&r, &tag, &v) || rd_left(&r) > 0)
		return false;
	for (r = v; rd_left(&r) > 0;) {
		if (!take_element(&r, &tag, &v))
			return false;
		inner = v;
		switch (tag) {
		case 0xA1:
			if (take_element(&inner, &inside, &v) && inside == 0x06)
				a->context = object_identifier(v, 1);
			break;
		case 0xA6:
			a->has_title = take_element(&inner, &inside, &v) && rd_left(&v) == TITLE_SIZE;
			if (a->has_title)
				rd_bytes(&v, a->title, TITLE_SIZE);
			break;
		case 0x8B:
			a->mechanism = object_identifier(inner, 2);
			break;
		case 0xAC:
			if (!take_element(&inner, &inside, &v) || rd_left(&v) > SIM_DLMS_OCTETS_MAX)
				return false;
			length = rd_left(&v);
			a->secret.n = (uint8_t)length;
			a->has_secret = true;
			rd_bytes(&v, a->secret.v, length);
			break;
		case 0xBE:
			a->has_initiate = take_element(&inner, &inside, &a->user) && inside == 0x04;
			break;
		default:
			break;
		}
	}
	return a->context != 0 && a->has_initiate;
}

static bool
parse_initiate(struct rd r, struct aarq *a)
{
	unsigned tag = rd_u8(&r);

	if (rd_u8(&r) != 0) /* dedicated key */
		rd_skip(&r, sim_ax_take_length(&r));
	for (int optional = 0; optional < 2; optional++)
		if (rd_u8(&r) != 0)
			rd_skip(&r, 1);
	rd_skip(&r, 1); /* DLMS version */
	if (tag != INITIATE || rd_u8(&r) != 0x5F || rd_u8(&r) != 0x1F || rd_u8(&r) != 0x04 ||
	    rd_u8(&r) != 0)
		return false;
	a->conformance = rd_u24_be(&r);
	a->pdu = rd_u16_be(&r);
	return !rd_failed(&r);
}

static enum sim_dlms_role
role_of(const struct sim_dlms *d, unsigned client)
{
	return client == (unsigned)d->k.client_public	 ? SIM_PUBLIC :
	    client == (unsigned)d->k.client_reader	 ? SIM_READER :
	    client == (unsigned)d->k.client_configurator ? SIM_CONFIGURATOR :
							   SIM_NOBODY;
}

static unsigned
authentication(const struct sim_dlms *d, enum sim_dlms_role role)
{
	return role == SIM_READER    ? d->k.auth_reader :
	    role == SIM_CONFIGURATOR ? d->k.auth_configurator :
				       SIM_AUTH_NONE;
}

static const struct sim_octets *
secret_of(const struct sim_dlms *d, enum sim_dlms_role role)
{
	return role == SIM_CONFIGURATOR ? &d->k.secret : &d->k.password;
}

static bool
same_password(const struct sim_dlms *d, const struct sim_octets *own, const struct sim_octets *given)
{
	uint8_t padded[SIM_DLMS_OCTETS_MAX] = { 0 };
	size_t n = own->n;

	memcpy(padded, own->v, own->n);
	if (d->k.password_pad16 && n < SIM_KEY_SIZE)
		n = SIM_KEY_SIZE;
	return given->n == n && memcmp(given->v, padded, n) == 0;
}

static void
wrong_secret(struct sim_dlms_call *call)
{
	struct sim_dlms *d = call->d;

	call->m->counters.wrong_passwords++;
	sim_dlms_note(call, LOG_ACCESS, ACCESS_TRIED, 0);
	if (d->k.lock_after == 0 || ++d->wrong < (unsigned)d->k.lock_after)
		return;
	d->wrong = 0;
	d->locked_day = sim_day(call->t);
	sim_dlms_note(call, LOG_ACCESS, ACCESS_LOCKED, 0);
}

/* Diagnostic of a refusal, or NOTHING_WRONG, or PASS_3_FOLLOWS with *pending. */
static unsigned
judge(struct sim_dlms_call *call, const struct aarq *a, enum sim_dlms_role role, bool *pending)
{
	struct sim_dlms *d = call->d;
	unsigned wanted = authentication(d, role);

	*pending = false;
	if (role == SIM_NOBODY)
		return NO_REASON;
	if ((a->context != CONTEXT_PLAIN && a->context != CONTEXT_CIPHERED) ||
	    (a->context == CONTEXT_CIPHERED &&
		(d->k.security == SIM_SECURITY_PLAIN || role == SIM_PUBLIC)) ||
	    (a->context == CONTEXT_PLAIN && d->k.security == SIM_SECURITY_CIPHERED &&
		role != SIM_PUBLIC))
		return CONTEXT_WRONG;
	if (wanted == SIM_AUTH_NONE)
		return NOTHING_WRONG;
	if (a->mechanism == 0 || !a->has_secret)
		return AUTHENTICATION_REQUIRED;
	if (a->mechanism != mechanism_number[wanted])
		return MECHANISM_UNKNOWN;
	if (d->locked_day == sim_day(call->t))
		return AUTHENTICATION_FAILED;
	if (wanted != SIM_AUTH_LLS) {
		*pending = a->secret.n >= CHALLENGE_LEAST && (wanted != SIM_AUTH_GMAC || a->has_title);
		return *pending ? PASS_3_FOLLOWS : NO_REASON;
	}
	if (!same_password(d, secret_of(d, role), &a->secret)) {
		wrong_secret(call);
		return AUTHENTICATION_FAILED;
	}
	d->wrong = 0;
	return NOTHING_WRONG;
}

static void
make_challenge(struct sim_dlms_call *call, struct sim_octets *to)
{
	const struct sim_octets *given = &call->d->k.challenge;
	uint64_t half;

	if (given->n > 0) {
		*to = *given;
		return;
	}
	to->n = CHALLENGE;
	for (unsigned i = 0; i < CHALLENGE; i++) {
		half = sim_hash(call->m->load.serial, call->m->seed + call->d->associations,
		    3000 + i / 8);
		to->v[i] = (uint8_t)(0x21 + (half >> i % 8 * 8 & 0xFF) % 0x5E);
	}
}

static void
put_initiate(struct sim_dlms_call *call, const struct aarq *a, uint32_t conformance, struct text *to)
{
	struct text plain = { NULL };

	sim_ax_be(&plain, INITIATE_ANSWER << 8, 2);
	sim_ax_be(&plain, 0x065F1F0400, 5);
	sim_ax_be(&plain, conformance, 3);
	sim_ax_be(&plain, (uint64_t)call->d->k.max_pdu, 2);
	sim_ax_be(&plain, 0x0007, 2);
	if (a->control != 0) {
		sim_ax_byte(to, GLO_INITIATE_ANSWER);
		sim_dlms_protect(call, a->control, (const uint8_t *)plain.p, plain.len, to);
	} else {
		text_add(to, plain.p, plain.len);
	}
	text_free(&plain);
}

static void
put_context(struct text *to, unsigned context)
{
	sim_ax_be(to, 0xA1090607, 4);
	text_add(to, oid, sizeof(oid));
	sim_ax_be(to, 0x0100 | context, 2);
}

static void
put_answer(struct sim_dlms_call *call, const struct aarq *a, unsigned result, unsigned diagnostic,
    const struct text *user, struct text *to)
{
	const struct sim_dlms *d = call->d;
	struct text body = { NULL };
	uint8_t title[TITLE_SIZE];

	put_context(&body, a->context);
	sim_ax_be(&body, 0xA203020100 | result, 5);
	sim_ax_be(&body, UINT64_C(0xA305A103020100) | diagnostic, 7);
	if (result == ACCEPTED &&
	    (a->context == CONTEXT_CIPHERED || d->as.mechanism == SIM_AUTH_GMAC)) {
		sim_dlms_own_title(call->m, title);
		sim_ax_be(&body, 0xA40A0408, 4);
		text_add(&body, title, TITLE_SIZE);
	}
	if (result == ACCEPTED && d->as.pending) {
		sim_ax_be(&body, 0x88020780, 4);
		sim_ax_be(&body, 0x8907, 2);
		text_add(&body, oid, sizeof(oid));
		sim_ax_be(&body, 0x0200U | mechanism_number[d->as.mechanism], 2);
		sim_ax_count(&body, 0xAA, 2U + d->as.to_client.n);
		sim_ax_count(&body, 0x80, d->as.to_client.n);
		text_add(&body, d->as.to_client.v, d->as.to_client.n);
	}
	sim_ax_count(&body, 0xBE, user->len + 2);
	sim_ax_count(&body, 0x04, user->len);
	text_add(&body, user->p, user->len);
	sim_ax_count(to, AARE, body.len);
	text_add(to, body.p, body.len);
	text_free(&body);
}

static uint32_t
conformance_of(const struct sim_dlms *d, enum sim_dlms_role role, uint32_t proposed)
{
	uint32_t own = role < SIM_ROLES ? offered[role] : 0;

	if (!d->k.with_list)
		own &= ~(uint32_t)LISTS;
	if (d->k.general_protection)
		own |= PROTECTION;
	return own & proposed;
}

static void
open_association(struct sim_dlms_call *call, const struct aarq *a, enum sim_dlms_role role,
    bool pending)
{
	struct sim_dlms *d = call->d;

	sim_dlms_forget_association(d);
	d->associations++;
	call->m->counters.signons++;
	d->as.role = role;
	d->as.mechanism = (uint8_t)authentication(d, role);
	d->as.pending = pending;
	d->as.ciphered = a->context == CONTEXT_CIPHERED;
	d->as.conformance = conformance_of(d, role, a->conformance);
	d->as.pdu = (uint16_t)(a->pdu != 0 && a->pdu < (unsigned)d->k.max_pdu ? a->pdu :
										(unsigned)d->k.max_pdu);
	memcpy(d->as.title, a->title, TITLE_SIZE);
	d->as.to_server = a->secret;
	if (pending)
		make_challenge(call, &d->as.to_client);
}

/* The initiateRequest, deciphered where it is; false: the answer is already in `to`. */
static bool
take_initiate(struct sim_dlms_call *call, struct aarq *a, struct text *to)
{
	struct text plain = { NULL };
	struct rd r = a->user;
	unsigned error;
	bool good;

	if (a->context != CONTEXT_CIPHERED || r.p == r.end || *r.p != GLO_INITIATE) {
		good = parse_initiate(r, a) && a->context != CONTEXT_CIPHERED;
		if (!good)
			sim_dlms_exception(call, 1, 1, to);
		return good;
	}
	rd_skip(&r, 1);
	(void)sim_ax_take_length(&r);
	error = sim_dlms_unprotect(call, a->title, r, &plain, &a->control);
	good = error == 0 && parse_initiate(rd_init((const uint8_t *)plain.p, plain.len), a);
	if (!good)
		sim_dlms_exception(call, 1, error != 0 ? error : 1, to);
	text_free(&plain);
	return good;
}

void
sim_dlms_associate(struct sim_dlms_call *call, const uint8_t *p, size_t n, struct text *to)
{
	struct sim_dlms *d = call->d;
	struct aarq a = { .context = 0 };
	struct text user = { NULL };
	enum sim_dlms_role role = role_of(d, call->client);
	unsigned diagnostic;
	bool pending, refused;

	if (!parse(p, n, &a)) {
		sim_dlms_exception(call, 1, 1, to);
		return;
	}
	sim_dlms_forget_association(d);
	diagnostic = judge(call, &a, role, &pending);
	if (d->k.counter_restarts)
		d->counter_own = (uint32_t)d->k.counter_own;
	if (diagnostic == CONTEXT_WRONG)
		a.user = rd_init(NULL, 0);
	else if (!take_initiate(call, &a, to))
		return;
	refused = d->k.strict_conformance && (a.conformance & ~(uint32_t)CONFORMANCE_PLAIN) != 0;
	if (refused) {
		diagnostic = NO_REASON;
		sim_ax_be(&user, 0x0E010602, 4); /* initiate: incompatible conformance */
	} else if (diagnostic == NOTHING_WRONG || pending) {
		open_association(call, &a, role, pending);
		put_initiate(call, &a, d->as.conformance, &user);
	} else {
		put_initiate(call, &a, conformance_of(d, role, a.conformance), &user);
	}
	put_answer(call, &a, refused || d->as.role == SIM_NOBODY ? REJECTED : ACCEPTED, diagnostic,
	    &user, to);
	text_free(&user);
}

void
sim_dlms_release_association(struct sim_dlms_call *call, const uint8_t *p, size_t n, struct text *to)
{
	(void)p;
	(void)n;
	if (call->d->k.no_release) {
		sim_dlms_exception(call, 2, 2, to);
		return;
	}
	sim_dlms_forget_association(call->d);
	sim_ax_be(to, (uint64_t)RLRE << 32 | 0x03800100, 5);
}

/* Mechanism 2: the challenge, padded with zeros to whole blocks, under the secret. */
static bool
encrypt(const struct sim_octets *secret, const struct sim_octets *challenge, struct sim_octets *to)
{
	uint8_t key[SIM_DLMS_OCTETS_MAX] = { 0 }, padded[SIM_DLMS_OCTETS_MAX] = { 0 };

	memcpy(key, secret->v, secret->n);
	memcpy(padded, challenge->v, challenge->n);
	to->n = (uint8_t)((challenge->n + SIM_KEY_SIZE - 1) / SIM_KEY_SIZE * SIM_KEY_SIZE);
	return to->n <= sizeof(padded) && sim_aes_ecb(key, padded, to->n, to->v);
}

/* Mechanism 5: SC, counter, tag. */
static bool
tag_challenge(const struct sim_dlms *d, const uint8_t title[TITLE_SIZE], uint32_t counter,
    const struct sim_octets *challenge, struct sim_octets *to)
{
	struct wr w = wr_init(to->v, sizeof(to->v));

	wr_u8(&w, 0x10);
	wr_u32_be(&w, counter);
	to->n = GMAC_SIZE;
	return sim_dlms_gmac(d, title, counter, challenge, to->v + w.len);
}

int
sim_dlms_prove(struct sim_dlms_call *call, const uint8_t *p, size_t n, struct text *to)
{
	struct sim_dlms *d = call->d;
	struct sim_octets wanted = { 0 }, own = { 0 };
	uint8_t title[TITLE_SIZE];
	struct rd r = rd_init(p, n);
	bool made;

	if (!d->as.pending)
		return SIM_DAR_DENIED;
	if (d->as.mechanism == SIM_AUTH_GMAC) {
		rd_skip(&r, 1);
		made = tag_challenge(d, d->as.title, rd_u32_be(&r), &d->as.to_client, &wanted);
		sim_dlms_own_title(call->m, title);
		made = made && tag_challenge(d, title, d->counter_own, &d->as.to_server, &own);
		d->counter_own += d->k.reuse_counter ? 0 : 1;
	} else {
		made = encrypt(secret_of(d, d->as.role), &d->as.to_client, &wanted) &&
		    encrypt(secret_of(d, d->as.role), &d->as.to_server, &own);
	}
	if (!made || n != wanted.n || memcmp(p, wanted.v, n) != 0) {
		wrong_secret(call);
		return SIM_DAR_DENIED;
	}
	d->wrong = 0;
	d->as.pending = false;
	sim_ax_octets(to, own.v, own.n);
	return SIM_DAR_DONE;
}
