#include "meters/dlms/cipher.h"

#include <string.h>

#include "meters/dlms/axdr_codec.h"

enum { SUITE_MASK = 0x0f, GMAC_LEN = 1 + 4 + CRYPTO_TAG, AAD_MAX = 1 + CRYPTO_KEY };

/* Plain APDU, its protected form. */
static const struct { uint8_t plain, protected; } forms[] = {
	{ 0x01, 0x21 }, { 0x08, 0x28 }, { 0xc0, 0xc8 }, { 0xc1, 0xc9 }, { 0xc3, 0xcb },
	{ 0xc4, 0xcc }, { 0xc5, 0xcd }, { 0xc7, 0xcf },
};
enum { FORMS = sizeof(forms) / sizeof(*forms) };

/* ---- octets ---- */

static void
put_iv(uint8_t iv[CRYPTO_IV], const uint8_t title[ACSE_TITLE_LEN], uint32_t counter)
{
	struct wr w = wr_init(iv, CRYPTO_IV);

	wr_bytes(&w, title, ACSE_TITLE_LEN);
	wr_u32_be(&w, counter);
}

/* What is authenticated: SC | AK, and with SC 10 the text itself too, which then stays as it is.
 * Nothing with SC 20. */
struct message {
	struct crypto_gcm m;
	uint8_t iv[CRYPTO_IV], aad[AAD_MAX];
};

static void
prepare(struct message *x, const struct cipher *c, const uint8_t *title, uint32_t counter,
    uint8_t control, uint8_t *text, size_t len)
{
	struct wr w = wr_init(x->aad, sizeof(x->aad));

	put_iv(x->iv, title, counter);
	wr_u8(&w, control);
	wr_bytes(&w, c->auth_key, sizeof(c->auth_key));
	x->m = (struct crypto_gcm){ .key = c->key, .iv = x->iv, .head = x->aad };
	if (control & SC_AUTHENTICATED)
		x->m.head_len = w.len;
	if (control & SC_ENCRYPTED) {
		x->m.text = text;
		x->m.len = len;
	} else {
		x->m.more = text;
		x->m.more_len = len;
	}
}

/* ---- sending (6.1, 6.4) ---- */

static uint8_t
protected_form(uint8_t plain)
{
	for (size_t i = 0; i < FORMS; i++)
		if (forms[i].plain == plain)
			return forms[i].protected;
	return 0;
}

bool
cipher_is_protected(const uint8_t *apdu, size_t len)
{
	if (len == 0)
		return false;
	for (size_t i = 0; i < FORMS; i++)
		if (forms[i].protected == apdu[0])
			return true;
	return apdu[0] == APDU_GENERAL_GLO;
}

int
cipher_protect(struct cipher *c, struct octets plain, struct wr *w)
{
	bool has_tag = (c->control & SC_AUTHENTICATED) != 0;
	uint8_t form = plain.len > 0 ? protected_form(plain.p[0]) : 0;
	uint8_t tag[CRYPTO_TAG];
	struct message x;
	size_t start;
	int rc;

	if (form == 0)
		return E_INVALID;
	if (c->counter == UINT32_MAX)
		return E_LIMIT;
	if (c->is_general && form >= 0xc8) {
		wr_u8(w, APDU_GENERAL_GLO);
		wr_u8(w, ACSE_TITLE_LEN);
		wr_bytes(w, c->title, ACSE_TITLE_LEN);
	} else
		wr_u8(w, form);
	axdr_put_length(w, 5 + plain.len + (has_tag ? CRYPTO_TAG : 0));
	wr_u8(w, c->control);
	wr_u32_be(w, c->counter);
	start = w->len;
	wr_bytes(w, plain.p, plain.len);
	if (!wr_ok(w))
		return E_LIMIT;
	prepare(&x, c, c->title, c->counter++, c->control, w->buf + start, plain.len);
	rc = crypto_seal(&x.m, tag);
	if (rc < 0)
		return rc;
	if (has_tag)
		wr_bytes(w, tag, sizeof(tag));
	return wr_ok(w) ? E_OK : E_LIMIT;
}

/* ---- receiving ---- */

/* Tag, title, length, SC, IC; *body is what follows, its tag included. */
static int
parse_head(const uint8_t *apdu, size_t len, struct protection *p, struct octets *body)
{
	struct rd r = rd_init(apdu, len);
	size_t n;

	*p = (struct protection){ .tag = rd_u8(&r) };
	if (p->tag == APDU_GENERAL_GLO) {
		n = rd_u8(&r);
		p->has_title = n == ACSE_TITLE_LEN;
		if (p->has_title)
			rd_bytes(&r, p->title, ACSE_TITLE_LEN);
		else
			rd_skip(&r, n);
	}
	n = axdr_length(&r);
	if (rd_failed(&r) || n < 5 || n > rd_left(&r))
		return E_FRAME;
	p->control = rd_u8(&r);
	p->counter = rd_u32_be(&r);
	*body = (struct octets){ r.p, n - 5 };
	return E_OK;
}

int
cipher_open(const struct cipher *c, const uint8_t *title, uint8_t *apdu, size_t *len,
    struct protection *p)
{
	uint8_t *text, *tag = NULL;
	struct octets body;
	struct message x;
	int rc = parse_head(apdu, *len, p, &body);

	if (rc < 0)
		return rc;
	if ((p->control & SUITE_MASK) != 0 || (p->control & (SC_BROADCAST | SC_COMPRESSED)) != 0 ||
	    (p->control & SC_BOTH) == 0)
		return E_UNSUPPORTED;
	text = apdu + (body.p - apdu);
	if (p->control & SC_AUTHENTICATED) {
		if (body.len < CRYPTO_TAG)
			return E_FRAME;
		body.len -= CRYPTO_TAG;
		tag = text + body.len;
	}
	prepare(&x, c, p->has_title ? p->title : title, p->counter, p->control, text, body.len);
	rc = crypto_open(&x.m, tag);
	if (rc < 0)
		return rc;
	memmove(apdu, text, body.len);
	*len = body.len;
	return E_OK;
}

int
cipher_unprotect(struct cipher *c, uint8_t *apdu, size_t *len)
{
	struct protection p;
	int rc = cipher_open(c, c->peer_title, apdu, len, &p);

	if (rc < 0)
		return rc;
	if (p.has_title && memcmp(p.title, c->peer_title, ACSE_TITLE_LEN) != 0)
		return E_FOREIGN;
	if (c->peer_known && p.counter <= c->peer_counter && !c->is_replay_ok)
		return E_FOREIGN;
	c->peer_counter = p.counter;
	c->peer_known = true;
	return E_OK;
}

/* ---- proofs ---- */

/* AES-128 of the challenge under the secret, block by block, padded with zeros. */
static int
aes_proof(const struct secret *secret, struct octets challenge, struct proof *proof)
{
	uint8_t padded[PROOF_MAX] = { 0 };

	if (secret->len != CRYPTO_KEY || challenge.len == 0 || challenge.len > sizeof(padded))
		return E_INVALID;
	memcpy(padded, challenge.p, challenge.len);
	proof->len = (challenge.len + CRYPTO_BLOCK - 1) / CRYPTO_BLOCK * CRYPTO_BLOCK;
	return crypto_ecb(secret->p, padded, proof->p, proof->len);
}

static int
aes_make(struct cipher *c, struct secret secret, struct octets challenge, struct proof *proof)
{
	(void)c;
	return aes_proof(&secret, challenge, proof);
}

static int
aes_check(const struct cipher *c, struct secret secret, struct octets challenge, struct octets answer)
{
	struct proof wanted;
	int rc = aes_proof(&secret, challenge, &wanted);

	(void)c;
	if (rc < 0)
		return rc;
	return answer.len == wanted.len && crypto_equal(answer.p, wanted.p, wanted.len) ? E_OK :
											  E_DENIED;
}

/* SC 10 | IC | tag, the challenge authenticated by the sender's title and counter. */
static int
gmac_proof(const struct cipher *c, const uint8_t *title, uint32_t counter, struct octets challenge,
    struct proof *proof)
{
	struct wr w = wr_init(proof->p, sizeof(proof->p));
	uint8_t copy[PROOF_MAX];
	struct message x;

	if (challenge.len > sizeof(copy))
		return E_INVALID;
	memcpy(copy, challenge.p, challenge.len);
	prepare(&x, c, title, counter, SC_AUTHENTICATED, copy, challenge.len);
	wr_u8(&w, SC_AUTHENTICATED);
	wr_u32_be(&w, counter);
	proof->len = GMAC_LEN;
	return crypto_seal(&x.m, proof->p + w.len);
}

static int
gmac_make(struct cipher *c, struct secret secret, struct octets challenge, struct proof *proof)
{
	(void)secret;
	if (c->counter == UINT32_MAX)
		return E_LIMIT;
	return gmac_proof(c, c->title, c->counter++, challenge, proof);
}

static int
gmac_check(const struct cipher *c, struct secret secret, struct octets challenge, struct octets answer)
{
	struct rd r = rd_init(answer.p, answer.len);
	struct proof wanted;
	uint32_t counter;
	int rc;

	(void)secret;
	if (answer.len != GMAC_LEN || rd_u8(&r) != SC_AUTHENTICATED)
		return E_DENIED;
	counter = rd_u32_be(&r);
	rc = gmac_proof(c, c->peer_title, counter, challenge, &wanted);
	if (rc < 0)
		return rc;
	return crypto_equal(answer.p, wanted.p, GMAC_LEN) ? E_OK : E_DENIED;
}

/* Adding a mechanism is a row here. */
static const struct {
	unsigned number;
	int (*make)(struct cipher *, struct secret, struct octets challenge, struct proof *);
	int (*check)(const struct cipher *, struct secret, struct octets challenge,
	    struct octets answer);
} mechanisms[] = {
	{ MECHANISM_NONE, NULL, NULL },
	{ MECHANISM_LLS, NULL, NULL },
	{ MECHANISM_AES, aes_make, aes_check },
	{ MECHANISM_GMAC, gmac_make, gmac_check },
};
enum { MECHANISMS = sizeof(mechanisms) / sizeof(*mechanisms) };

bool
mechanism_is_known(unsigned number)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (mechanisms[i].number == number)
			return true;
	return false;
}

bool
mechanism_is_high(unsigned number)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (mechanisms[i].number == number)
			return mechanisms[i].make != NULL;
	return false;
}

int
proof_make(struct cipher *c, unsigned mechanism, struct secret secret, struct octets challenge,
    struct proof *proof)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (mechanisms[i].number == mechanism && mechanisms[i].make != NULL)
			return mechanisms[i].make(c, secret, challenge, proof);
	return E_UNSUPPORTED;
}

int
proof_check(const struct cipher *c, unsigned mechanism, struct secret secret, struct octets challenge,
    struct octets answer)
{
	for (size_t i = 0; i < MECHANISMS; i++)
		if (mechanisms[i].number == mechanism && mechanisms[i].check != NULL)
			return mechanisms[i].check(c, secret, challenge, answer);
	return E_UNSUPPORTED;
}
