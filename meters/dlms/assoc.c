/* The association: AARQ, proofs, farewell (meter-spodes-dlms.md 5, 6.2). */
#include "meters/dlms/dlms.h"

#include <string.h>

enum { REFUSALS_MOST = 3 };

static const struct cosem reply_to_hls = { CLASS_ASSOCIATION, { 0, 0, 40, 0, 0, 255 }, 1 };

static bool
needs_title(const struct dlms *d)
{
	return d->context == CONTEXT_CIPHERED || d->mechanism == MECHANISM_GMAC;
}

/* ---- AARQ ---- */

static int
put_user(struct dlms *d, struct wr *w)
{
	const struct initiate i = {
		.version = DLMS_VERSION, .conformance = d->conformance, .max_pdu = d->max_pdu,
	};
	uint8_t plain[32];
	struct wr p = wr_init(plain, sizeof(plain));

	initiate_put(d->context == CONTEXT_CIPHERED ? &p : w, &i);
	if (d->context != CONTEXT_CIPHERED)
		return E_OK;
	return cipher_protect(&d->cipher, (struct octets){ plain, p.len }, w);
}

static int
put_aarq(struct dlms *d, struct wr *w, uint8_t apdu)
{
	uint8_t user[96];
	struct wr u = wr_init(user, sizeof(user));
	struct acse a = { .apdu = apdu, .context = d->context };
	int rc = put_user(d, &u);

	if (rc < 0)
		return rc;
	a.user = (struct octets){ user, u.len };
	if (apdu == APDU_AARQ) {
		a.mechanism = d->mechanism;
		a.value = mechanism_is_high(d->mechanism) ?
		    (struct octets){ d->challenge, d->challenge_len } :
		    (struct octets){ d->secret, d->secret_len };
		if (needs_title(d))
			a.title = (struct octets){ d->cipher.title, ACSE_TITLE_LEN };
	}
	acse_put(w, &a);
	return wr_ok(w) ? E_OK : E_LIMIT;
}

static int
make_challenge(struct dlms *d)
{
	int rc = E_OK;

	if (!mechanism_is_high(d->mechanism) || d->challenge_len > 0)
		return E_OK;
	rc = crypto_random(d->challenge, sizeof(d->challenge));
	d->challenge_len = DLMS_CHALLENGE;
	return rc;
}

/* ---- AARE ---- */

/* The octets lie in the answer's buffer, where they are opened in place. */
static int
open_user(struct dlms *d, struct octets *user)
{
	uint8_t *at = d->apdu + (user->p - d->apdu);

	if (!cipher_is_protected(at, user->len))
		return d->context == CONTEXT_CIPHERED && user->p[0] != INITIATE_ERROR ? E_DENIED : E_OK;
	if (d->context != CONTEXT_CIPHERED)
		return E_FRAME;
	d->cipher.peer_known = false;
	return cipher_unprotect(&d->cipher, at, &user->len);
}

/* E_EXISTS: refused for something now corrected, to be tried again. */
static int
take_initiate(struct dlms *d, struct octets user)
{
	struct initiate i;
	int rc = user.len > 0 ? open_user(d, &user) : E_FRAME;

	if (rc == E_OK)
		rc = initiate_parse(user, &i);
	if (rc == E_CHECKSUM)
		return E_DENIED; /* another key than ours */
	if (rc < 0)
		return rc;
	if (i.tag == INITIATE_ERROR) {
		if (i.error != INITIATE_ERROR_CONFORMANCE || d->conformance == DLMS_CONFORMANCE_LESS)
			return E_DENIED;
		d->conformance = DLMS_CONFORMANCE_LESS;
		return E_EXISTS;
	}
	d->agreed = i.conformance & d->conformance;
	d->peer_pdu = i.max_pdu;
	d->cipher.is_general = (i.conformance & d->conformance & CONF_GENERAL_PROTECTION) != 0;
	return E_OK;
}

static int
take_aare(struct dlms *d, size_t len, struct proof *challenge)
{
	struct acse a;
	int rc = acse_parse(d->apdu, len, &a);

	if (rc < 0)
		return rc;
	if (a.apdu != APDU_AARE)
		return E_FRAME;
	rc = acse_verdict(&a);
	if (rc < 0)
		return a.user.len > 0 && a.user.p[0] == INITIATE_ERROR && rc == E_DENIED ?
		    take_initiate(d, a.user) :
		    rc;
	if (needs_title(d)) {
		if (a.title.len != ACSE_TITLE_LEN)
			return E_DENIED;
		memcpy(d->cipher.peer_title, a.title.p, ACSE_TITLE_LEN);
	}
	if (mechanism_is_high(d->mechanism)) {
		if (a.value.len == 0 || a.value.len > sizeof(challenge->p))
			return E_DENIED;
		memcpy(challenge->p, a.value.p, a.value.len);
		challenge->len = a.value.len;
	}
	return take_initiate(d, a.user);
}

/* The meter wants a higher counter than ours (6.2): once. */
static int
take_exception(struct dlms *d, size_t len, bool *is_corrected)
{
	struct xdlms_answer a;

	if (xdlms_parse(d->apdu, len, &a) < 0 || a.kind != XDLMS_EXCEPTION)
		return E_FRAME;
	if (a.service == EXCEPTION_DECIPHER)
		return E_DENIED;
	if (!a.has_counter || *is_corrected || a.counter >= UINT32_MAX - 1)
		return E_DENIED;
	*is_corrected = true;
	if (d->cipher.counter <= a.counter)
		d->cipher.counter = a.counter + 1;
	return E_EXISTS;
}

/* ---- passes 3 and 4 ---- */

static int
prove(struct dlms *d, const struct proof *challenge)
{
	const struct secret secret = { d->secret, d->secret_len };
	const struct octets ours = { d->challenge, d->challenge_len };
	uint8_t data[PROOF_MAX + 4];
	struct wr w = wr_init(data, sizeof(data));
	struct octets returned;
	struct axdr_value v;
	struct proof proof;
	struct axdr a;
	int rc = proof_make(&d->cipher, d->mechanism, secret,
	    (struct octets){ challenge->p, challenge->len }, &proof);

	if (rc < 0)
		return rc;
	axdr_put_octets(&w, proof.p, proof.len);
	rc = dlms_action(d, &reply_to_hls, (struct octets){ data, w.len }, &returned);
	if (rc == E_REFUSED || rc == E_UNSUPPORTED || rc == E_METER)
		return E_DENIED;
	if (rc < 0)
		return rc;
	a = axdr_init(returned.p, returned.len);
	if (axdr_next(&a, &v) < 0 || v.tag != AXDR_OCTETS)
		return E_DENIED; /* the meter does not prove that it is the one */
	return proof_check(&d->cipher, d->mechanism, secret, ours, (struct octets){ v.p, v.len });
}

/* ---- opening ---- */

static int
associate_once(struct dlms *d, struct proof *challenge, bool *is_corrected)
{
	uint8_t buf[256];
	struct wr w = wr_init(buf, sizeof(buf));
	size_t len;
	int rc = put_aarq(d, &w, APDU_AARQ);

	if (rc == E_OK)
		rc = dlms_link_ask(d, (struct octets){ buf, w.len }, 0, &len);
	crypto_wipe(buf, sizeof(buf));
	if (rc < 0)
		return rc;
	if (len > 0 && d->apdu[0] == APDU_EXCEPTION)
		return take_exception(d, len, is_corrected);
	return take_aare(d, len, challenge);
}

static int
associate(struct dlms *d)
{
	struct proof challenge = { .len = 0 };
	bool is_corrected = false;
	int rc = make_challenge(d);

	for (int i = 0; i < REFUSALS_MOST && rc == E_OK; i++) {
		rc = associate_once(d, &challenge, &is_corrected);
		if (rc != E_EXISTS)
			break;
		/* After a refusal only a new link is sure to listen. */
		dlms_link_close(d);
		rc = dlms_link_open(d);
	}
	if (rc < 0)
		return rc == E_EXISTS ? E_DENIED : rc;
	d->cipher.is_on = d->context == CONTEXT_CIPHERED;
	d->is_open = true;
	if (mechanism_is_high(d->mechanism))
		rc = prove(d, &challenge);
	return rc;
}

int
dlms_open(struct dlms *d)
{
	uint8_t challenge_len = d->challenge_len;
	int rc;

	d->is_open = d->cipher.is_on = d->cipher.is_general = false;
	if (!mechanism_is_known(d->mechanism))
		return E_INVALID;
	rc = dlms_link_open(d);
	if (rc < 0)
		return rc;
	rc = associate(d);
	d->challenge_len = challenge_len;
	if (rc < 0)
		dlms_close(d);
	return rc;
}

void
dlms_forget(struct dlms *d)
{
	d->is_open = d->is_linked = false;
}

void
dlms_close(struct dlms *d)
{
	uint8_t buf[160];
	struct wr w = wr_init(buf, sizeof(buf));
	size_t len;

	/* What the meter says to it does not matter (5.6). */
	if (d->is_open && d->is_linked && d->release && put_aarq(d, &w, APDU_RLRQ) == E_OK)
		(void)!dlms_link_ask(d, (struct octets){ buf, w.len }, 0, &len);
	d->is_open = false;
	dlms_link_close(d);
}
