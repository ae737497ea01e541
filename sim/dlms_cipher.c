/* Suite 0: protected APDUs and the proofs of the keys (meter-spodes-dlms.md 5.5, 6). */
#include "sim/dlms.h"

#include <string.h>

#include "sim/dlms_crypto.h"

enum {
	AUTHENTICATED = 0x10, ENCRYPTED = 0x20, BOTH = 0x30,
	TITLE_SIZE = 8, HEAD = 5,
	DECIPHERING = 5, COUNTER = 6,	/* service errors of an exception-response (7.6) */
};

void
sim_dlms_own_title(const struct sim_meter *m, uint8_t title[TITLE_SIZE])
{
	const struct sim_octets *given = &m->u.dlms->k.title;
	uint64_t rest = m->load.serial;

	if (given->n == TITLE_SIZE) {
		memcpy(title, given->v, TITLE_SIZE);
		return;
	}
	memcpy(title, "SIM", 3);
	for (int i = TITLE_SIZE - 1; i >= 3; i--, rest /= 100)
		title[i] = (uint8_t)(rest % 100 / 10 << 4 | rest % 10);
}

static void
make_iv(const uint8_t title[TITLE_SIZE], uint32_t counter, uint8_t iv[SIM_IV_SIZE])
{
	struct wr w = wr_init(iv, SIM_IV_SIZE);

	wr_bytes(&w, title, TITLE_SIZE);
	wr_u32_be(&w, counter);
}

/* SC, authentication key and, where the text stays readable, the text. */
static void
make_aad(const struct sim_dlms *d, uint8_t control, const uint8_t *text, size_t n, struct text *aad)
{
	sim_ax_byte(aad, control);
	text_add(aad, d->k.ak.v, SIM_KEY_SIZE);
	if ((control & ENCRYPTED) == 0)
		text_add(aad, text, n);
}

bool
sim_dlms_gmac(const struct sim_dlms *d, const uint8_t title[TITLE_SIZE], uint32_t counter,
    const struct sim_octets *challenge, uint8_t tag[SIM_TAG_SIZE])
{
	uint8_t iv[SIM_IV_SIZE];
	struct text aad = { NULL };
	bool good;

	make_iv(title, counter, iv);
	make_aad(d, AUTHENTICATED, challenge->v, challenge->n, &aad);
	good = !aad.failed &&
	    sim_gcm_seal(&(struct sim_gcm){ d->k.ek.v, iv, (const uint8_t *)aad.p, aad.len }, NULL, 0,
		NULL, tag);
	text_free(&aad);
	return good;
}

/* Body and tag of one protected APDU to `plain`. */
static bool
open_body(const struct sim_dlms *d, uint8_t control, const uint8_t iv[SIM_IV_SIZE], struct rd r,
    struct text *plain)
{
	uint8_t none[SIM_TAG_SIZE], out[SIM_REQUEST_MAX];
	size_t n = rd_left(&r);
	struct text aad = { NULL };
	struct sim_gcm g = { .key = d->k.ek.v, .iv = iv };
	bool tagged = (control & AUTHENTICATED) != 0, good = false;
	const uint8_t *body, *tag;

	if (n > sizeof(out) || (tagged && n < SIM_TAG_SIZE))
		return false;
	n -= tagged ? SIM_TAG_SIZE : 0;
	body = rd_take(&r, n);
	if (!tagged) { /* counter mode: sealing again opens */
		good = sim_gcm_seal(&g, body, n, out, none);
		text_add(plain, out, n);
		return good;
	}
	tag = rd_take(&r, SIM_TAG_SIZE);
	make_aad(d, control, body, n, &aad);
	g.aad = (const uint8_t *)aad.p;
	g.aad_n = aad.len;
	if (tag != NULL && (control & ENCRYPTED) != 0) {
		good = sim_gcm_open(&g, body, n, out, tag);
		text_add(plain, out, good ? n : 0);
	} else if (tag != NULL) {
		good = sim_gcm_open(&g, NULL, 0, NULL, tag);
		text_add(plain, body, good ? n : 0);
	}
	text_free(&aad);
	return good;
}

unsigned
sim_dlms_unprotect(struct sim_dlms_call *call, const uint8_t title[TITLE_SIZE], struct rd r,
    struct text *plain, uint8_t *control)
{
	struct sim_dlms *d = call->d;
	uint8_t iv[SIM_IV_SIZE];
	uint32_t counter;

	*control = rd_u8(&r);
	counter = rd_u32_be(&r);
	if (rd_failed(&r) || (*control & ~BOTH) != 0 || (*control & BOTH) == 0 ||
	    d->k.ek.n != SIM_KEY_SIZE || d->k.ak.n != SIM_KEY_SIZE)
		return DECIPHERING;
	if (counter <= d->counter_seen) {
		call->m->counters.replays++;
		return COUNTER;
	}
	make_iv(title, counter, iv);
	if (!open_body(d, *control, iv, r, plain))
		return DECIPHERING;
	d->counter_seen = counter;
	return 0;
}

void
sim_dlms_protect(struct sim_dlms_call *call, uint8_t control, const uint8_t *plain, size_t n,
    struct text *to)
{
	struct sim_dlms *d = call->d;
	uint8_t title[TITLE_SIZE], iv[SIM_IV_SIZE], tag[SIM_TAG_SIZE], out[SIM_ANSWER_MAX];
	struct text aad = { NULL };
	struct sim_gcm g = { .key = d->k.ek.v, .iv = iv };
	bool tagged = (control & AUTHENTICATED) != 0, secret = (control & ENCRYPTED) != 0;

	if (n > sizeof(out))
		return;
	sim_dlms_own_title(call->m, title);
	make_iv(title, d->counter_own, iv);
	if (tagged)
		make_aad(d, control, plain, n, &aad);
	g.aad = (const uint8_t *)aad.p;
	g.aad_n = aad.len;
	if (secret)
		(void)sim_gcm_seal(&g, plain, n, out, tag);
	else
		(void)sim_gcm_seal(&g, NULL, 0, NULL, tag);
	sim_ax_length(to, HEAD + n + (tagged ? SIM_TAG_SIZE : 0));
	sim_ax_byte(to, control);
	sim_ax_be(to, d->counter_own++, 4);
	text_add(to, secret ? out : plain, n);
	if (tagged)
		text_add(to, tag, SIM_TAG_SIZE);
	text_free(&aad);
}
