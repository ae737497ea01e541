/* Opening and closing, and questions with what is kept of them (19.2, 3.5, 3.9, 6.2). */
#include "meters/dlms/spodes.h"

#include <stddef.h>
#include <string.h>

enum { PUBLIC_CLIENT = 16, FRAME_AREA = 4096, INFO_TX = 128, WAYS = 4 };
enum { COUNTER_STEP = 1024, FIRST_COUNTER = 1 };
enum { GMAC_PASSWORD = 2 * CRYPTO_KEY, HLS2_PASSWORD = CRYPTO_KEY, HEX_PREFIX = 4 };

/* ---- counters (6.2) ---- */

/* The counters of the next step are marked as used, durably, before any of them is. */
static int
reserve(struct meter_session *s, uint32_t next)
{
	struct spodes_memory *m = spodes_memory(s);
	uint32_t before = m->counter;
	int rc;

	if (next <= before)
		return E_OK;
	if (next > UINT32_MAX - COUNTER_STEP)
		return E_LIMIT; /* the key is used up */
	m->counter = next + COUNTER_STEP;
	rc = s->save != NULL ? s->save(s) : E_OK;
	if (rc < 0)
		m->counter = before;
	return rc;
}

static bool
is_counted(const struct dlms *d)
{
	return d->context == CONTEXT_CIPHERED || d->mechanism == MECHANISM_GMAC;
}

/* Before a question, which takes at most a few: repeats, corrections. */
static int
reserve_some(struct meter_session *s)
{
	enum { A_FEW = 64 };
	struct spodes *x = spodes_of(s);

	if (!is_counted(&x->dlms))
		return E_OK;
	return reserve(s, x->dlms.cipher.counter + A_FEW);
}

/* ---- what the meter taught us ---- */

static void
remember(struct meter_session *s)
{
	struct spodes_memory *m = spodes_memory(s);
	const struct dlms *d = &spodes_of(s)->dlms;

	if (is_counted(d))
		spodes_fleeting(s)->counter = d->cipher.counter;
	if (d->no_list)
		m->facts |= FACT_NO_LIST;
	if (d->conformance == DLMS_CONFORMANCE_LESS)
		m->facts |= FACT_LESS;
}

/* In the clear of the public client everything but a few objects is refused: it is the password that
 * is missing. */
static int
judge(const struct spodes *x, int rc)
{
	if (rc == E_REFUSED && x->dlms.client == PUBLIC_CLIENT)
		return E_DENIED;
	if (rc == E_INVALID)
		return E_UNSUPPORTED;
	return rc;
}

static void
note_answer(struct meter_session *s, int rc)
{
	struct dlms *d = &spodes_of(s)->dlms;

	remember(s);
	if (rc >= 0 || d->is_open)
		d->reopens = 0;
}

int
spodes_get(struct meter_session *s, const struct cosem *name, struct octets selection,
    struct octets *data)
{
	struct spodes *x = spodes_of(s);
	int rc = reserve_some(s);

	if (rc == E_OK)
		rc = dlms_get(&x->dlms, name, selection, data);
	note_answer(s, rc);
	rc = judge(x, rc);
	return rc == E_REFUSED ? E_UNSUPPORTED : rc;
}

int
spodes_get_many(struct meter_session *s, const struct cosem *names, size_t n, dlms_taker *take,
    void *arg)
{
	struct spodes *x = spodes_of(s);
	int rc = reserve_some(s);

	if (rc == E_OK)
		rc = dlms_get_many(&x->dlms, names, n, take, arg);
	note_answer(s, rc);
	return judge(x, rc);
}

int
spodes_action(struct meter_session *s, const struct cosem *name, struct octets data)
{
	struct spodes *x = spodes_of(s);
	int rc = reserve_some(s);

	if (rc == E_OK)
		rc = dlms_action(&x->dlms, name, data, NULL);
	remember(s);
	return judge(x, rc);
}

int
spodes_set(struct meter_session *s, const struct cosem *name, struct octets data)
{
	struct spodes *x = spodes_of(s);
	int rc = reserve_some(s);

	if (rc == E_OK)
		rc = dlms_set(&x->dlms, name, data);
	remember(s);
	return judge(x, rc);
}

int
spodes_number(struct meter_session *s, const struct cosem *name, int64_t *n)
{
	struct octets data;
	struct axdr_value v;
	struct axdr a;
	int rc = spodes_get(s, name, (struct octets){ NULL, 0 }, &data);

	if (rc < 0)
		return rc;
	a = axdr_init(data.p, data.len);
	return axdr_next(&a, &v) == E_OK && axdr_int(&v, n) ? E_OK : E_UNSUPPORTED;
}

/* ---- opening ---- */

struct password {
	uint8_t p[METER_PASSWORD_MAX], len;
};

static bool
is_printable(const struct password *w)
{
	for (size_t i = 0; i < w->len; i++)
		if (w->p[i] < ' ' || w->p[i] > '~')
			return false;
	return true;
}

static void
from_digits(struct password *w)
{
	struct password raw = { .len = 0 };

	for (size_t i = HEX_PREFIX; i + 1 < w->len; i += 2) {
		int high = spodes_digit((char)w->p[i]), low = spodes_digit((char)w->p[i + 1]);

		if (high < 0 || low < 0)
			return;
		raw.p[raw.len++] = (uint8_t)(high << 4 | low);
	}
	*w = raw;
}

static void
to_digits(struct password *w)
{
	static const char digits[] = "0123456789ABCDEF";
	const struct password raw = *w;

	w->len = (uint8_t)(2 * raw.len);
	for (size_t i = 0; i < raw.len; i++) {
		w->p[2 * i] = (uint8_t)digits[raw.p[i] >> 4];
		w->p[2 * i + 1] = (uint8_t)digits[raw.p[i] & 15];
	}
}

/* Rows hold octets by their digits, but people write passwords of meters as they are read aloud (5.4,
 * 19.1): "111111" is then no three octets, and no secret has eight.  "hex:" says octets are meant. */
static struct password
password_meant(const uint8_t *p, uint8_t len, unsigned auth)
{
	struct password w = { .len = len };

	memcpy(w.p, p, len);
	if (len > HEX_PREFIX && memcmp(p, "hex:", HEX_PREFIX) == 0)
		from_digits(&w);
	else if (2 * len <= HLS2_PASSWORD &&
	    (auth == AUTH_HLS2 ? 2 * len == HLS2_PASSWORD : auth == AUTH_LLS && !is_printable(&w)))
		to_digits(&w);
	return w;
}

static int
take_secrets(struct dlms *d, const struct spodes_options *o, unsigned auth, const struct password *w)
{
	static const uint8_t mechanisms[] = {
		[AUTH_LLS] = MECHANISM_LLS, [AUTH_HLS2] = MECHANISM_AES, [AUTH_GMAC] = MECHANISM_GMAC,
		[AUTH_GMAC_ENC] = MECHANISM_GMAC, [AUTH_NONE] = MECHANISM_NONE,
	};
	bool has_keys = auth == AUTH_GMAC || auth == AUTH_GMAC_ENC;

	d->mechanism = mechanisms[auth];
	d->context = auth == AUTH_GMAC_ENC ? CONTEXT_CIPHERED : CONTEXT_PLAIN;
	if ((auth == AUTH_HLS2 && w->len != HLS2_PASSWORD) || (has_keys && w->len != GMAC_PASSWORD))
		return E_DENIED;
	if (has_keys) {
		/* The encryption key and then the authentication key. */
		memcpy(d->cipher.key, w->p, CRYPTO_KEY);
		memcpy(d->cipher.auth_key, w->p + CRYPTO_KEY, CRYPTO_KEY);
		return E_OK;
	}
	memcpy(d->secret, w->p, w->len);
	d->secret_len = o->pw_pad16 && auth == AUTH_LLS && w->len < CRYPTO_KEY ? CRYPTO_KEY : w->len;
	return E_OK;
}

/* Who we are in this visit (1): reader, configurator, or without a password the public client. */
static int
take_role(struct meter_session *s, struct dlms *d, const struct spodes_options *o)
{
	unsigned auth = s->writing ? o->auth_wr : o->auth_rd;
	struct password w = s->writing ?
	    password_meant(s->password_write, s->password_write_len, auth) :
	    password_meant(s->password_read, s->password_read_len, auth);
	int rc;

	d->client = s->writing ? o->client_wr : o->client_rd;
	d->context = CONTEXT_PLAIN;
	d->mechanism = MECHANISM_NONE;
	if (auth == AUTH_NONE)
		return E_OK;
	if (w.len == 0) {
		d->client = PUBLIC_CLIENT;
		return s->writing ? E_DENIED : E_OK;
	}
	rc = take_secrets(d, o, auth, &w);
	crypto_wipe(&w, sizeof(w));
	return rc;
}

/* The ways to connect a silent meter are tried one a time, so that a dead one costs one exchange. */
static void
take_way(struct dlms *d, const struct spodes_memory *m, const struct spodes_options *o)
{
	unsigned way = m->try % WAYS;

	d->plain_limits = (m->facts & FACT_PLAIN) || o->info == HDLC_INFO_PLAIN ||
	    (way >= 2 && !(m->facts & FACT_PARAMETERS));
	d->disc_first = o->disc_first || (m->facts & FACT_DISC_FIRST) || (way & 1);
}

static void
note_way(struct spodes_memory *m, const struct dlms *d, const struct spodes_options *o, int rc)
{
	if (d->transport != DLMS_HDLC)
		return;
	if (rc == E_TIMEOUT && !d->is_linked) {
		m->try++;
		return;
	}
	if (!d->is_linked && rc < 0)
		return;
	if (d->disc_first && !o->disc_first && m->try % WAYS != 0)
		m->facts |= FACT_DISC_FIRST;
	if (!d->plain_limits)
		m->facts |= FACT_PARAMETERS;
	else if (o->info != HDLC_INFO_PLAIN && !(m->facts & FACT_PARAMETERS))
		m->facts |= FACT_PLAIN;
	m->try = 0;
}

static void
prepare(struct meter_session *s, struct dlms *d, const struct spodes_options *o)
{
	const struct spodes_memory *m = spodes_memory(s);
	size_t area = sizeof(s->rx) - FRAME_AREA;

	d->line = s->line;
	d->apdu = s->rx;
	d->apdu_size = area;
	d->frame = s->rx + area;
	d->frame_size = FRAME_AREA;
	d->transport = o->transport;
	d->server = o->server;
	d->logical = o->logical;
	d->propose = (struct hdlc_limits){ INFO_TX, o->info, 1, o->window };
	d->no_list = o->no_list || (m->facts & FACT_NO_LIST);
	d->release = o->release || o->transport == DLMS_WRAPPER;
	d->conformance = m->facts & FACT_LESS ? DLMS_CONFORMANCE_LESS : DLMS_CONFORMANCE;
	d->max_pdu = o->max_pdu;
	d->cipher.control = SC_BOTH;
	d->cipher.counter = spodes_fleeting(s)->counter != 0 ? spodes_fleeting(s)->counter : m->counter;
	memcpy(d->cipher.title, o->title, ACSE_TITLE_LEN);
	take_way(d, m, o);
}

/* At first contact the meter tells everybody the highest counter it has seen under this key (6.2).
 * What does not tell begins at 1 and corrects us by an exception.  Errors are those of the line and
 * of a meter that hears nobody. */
static int
ask_counter(struct meter_session *s)
{
	const struct cosem highest = COSEM(CLASS_DATA, 0, 0, 43, 1, 3, 2);
	struct dlms *d = &spodes_of(s)->dlms, own = *d;
	struct octets data;
	struct axdr_value v;
	struct axdr a;
	int64_t n = 0;
	int rc;

	d->client = PUBLIC_CLIENT;
	d->mechanism = MECHANISM_NONE;
	d->context = CONTEXT_PLAIN;
	rc = dlms_open(d);
	if (rc == E_OK)
		rc = dlms_get_all(d, &highest, &data);
	if (rc == E_OK) {
		a = axdr_init(data.p, data.len);
		if (axdr_next(&a, &v) < 0 || !axdr_int(&v, &n) || n < 0 || n >= UINT32_MAX)
			n = 0;
	}
	dlms_close(d);
	*d = own;
	d->cipher.counter = (uint32_t)n + FIRST_COUNTER;
	return rc == E_TIMEOUT || rc == E_BUSY || rc == E_LOST || rc == E_STOPPED || rc == E_PREEMPTED ?
	    rc :
	    E_OK;
}

/* The counter a new meter begins with.  One that is silent for the public client is in other visits
 * asked without. */
static int
first_counter(struct meter_session *s)
{
	struct spodes_memory *m = spodes_memory(s);
	int rc;

	spodes_of(s)->dlms.cipher.counter = FIRST_COUNTER;
	if (m->try % (2 * WAYS) >= WAYS)
		return E_OK;
	rc = ask_counter(s);
	if (rc == E_TIMEOUT)
		m->try++;
	return rc;
}

/* Nothing was learned of the counters of a meter that was not there. */
static void
forget_first_counter(struct meter_session *s)
{
	if (spodes_of(s)->dlms.cipher.counter != FIRST_COUNTER)
		return;
	spodes_memory(s)->counter = 0;
	spodes_fleeting(s)->counter = 0;
}

int
spodes_open(struct meter_session *s)
{
	struct spodes_memory *m = spodes_memory(s);
	struct spodes *x = spodes_of(s);
	bool is_new;
	int rc;

	memset(x, 0, sizeof(*x));
	rc = spodes_options(&x->options, s->type, s->address_text);
	if (rc == E_OK) {
		prepare(s, &x->dlms, &x->options);
		rc = take_role(s, &x->dlms, &x->options);
	}
	is_new = is_counted(&x->dlms) && m->counter == 0;
	if (rc == E_OK && is_new)
		rc = first_counter(s);
	if (rc == E_OK)
		rc = reserve_some(s);
	if (rc < 0)
		return rc;
	rc = dlms_open(&x->dlms);
	note_way(m, &x->dlms, &x->options, rc);
	remember(s);
	if (is_new && rc == E_TIMEOUT)
		forget_first_counter(s);
	return rc;
}

void
spodes_close(struct meter_session *s)
{
	struct spodes *x = spodes_of(s);

	dlms_close(&x->dlms);
	remember(s);
	crypto_wipe(&x->dlms.cipher, sizeof(x->dlms.cipher));
	crypto_wipe(x->dlms.secret, sizeof(x->dlms.secret));
}
