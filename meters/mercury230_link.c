/* Log-in, statuses, and an unknown form told from a lost link (meter-mercury-set.md 2.1, 2.3, 2.4). */
#include "meters/mercury230.h"

#include <string.h>

enum { PASSWORD_LEN = 6, LEVEL_READ = 1, LEVEL_WRITE = 2, ASCII_ZERO = 0x30 };
enum { REPEATS_MAX = 3, NOT_READY_MAX = 3, NOT_READY_MS = 1000, BUSY_MAX = 5, BUSY_MS = 2000,
	LATE_ANSWER_MS = 300 };

/* One exchange.  *status is the low nibble of a one-byte answer, -1 when data came. */
static int
exchange(struct meter_session *s, const struct mercury230_request *q, struct rd *data, int *status)
{
	struct mercury230_expect expect = mercury230_expect_of(q);
	uint8_t tx[M230_REQUEST_MAX];
	size_t tx_len = mercury230_encode(q, tx, sizeof(tx)), rx_len = 0;
	int rc;

	if (tx_len == 0)
		return E_INVALID;
	rc = line_exchange(s->line, tx, tx_len, mercury230_framer, &expect, s->rx, sizeof(s->rx),
	    &rx_len);
	if (rc == E_TIMEOUT || rc == E_LOST)
		s->is_open = false; /* the meter may have closed it meanwhile */
	if (rc < 0)
		return rc;
	if (rx_len < M230_STATUS_LEN)
		return E_FRAME;
	*data = rd_init(s->rx + 1, rx_len - M230_OVERHEAD);
	*status = rx_len == M230_STATUS_LEN ? s->rx[1] & 0x0f : -1;
	return E_OK;
}

static int
request_init(const struct meter_session *s, struct mercury230_request *q, uint8_t code,
    const uint8_t *args, size_t n)
{
	if (n > M230_ARGS_MAX)
		return E_INVALID;
	*q = (struct mercury230_request){
		.address = (uint8_t)s->address, .code = code, .n = (uint8_t)n,
	};
	if (n > 0)
		memcpy(q->args, args, n);
	return E_OK;
}

/* ---- log-in ---- */

/* The same digits as the meter may be programmed for: 01 <-> '1'.  False: no other notation. */
static bool
other_notation(uint8_t password[PASSWORD_LEN])
{
	bool digits = true, ascii = true;

	for (int i = 0; i < PASSWORD_LEN; i++) {
		digits = digits && password[i] <= 9;
		ascii = ascii && password[i] >= ASCII_ZERO && password[i] <= ASCII_ZERO + 9;
	}
	for (int i = 0; i < PASSWORD_LEN && (digits || ascii); i++)
		password[i] = (uint8_t)(password[i] ^ ASCII_ZERO);
	return digits || ascii;
}

/* E_UNSUPPORTED: refused in a way that a wrong notation may cause. */
static int
log_in(struct meter_session *s, uint8_t level, const uint8_t password[PASSWORD_LEN])
{
	struct mercury230_request q;
	uint8_t args[1 + PASSWORD_LEN] = { level };
	struct rd data;
	int status = -1, rc;

	memcpy(args + 1, password, PASSWORD_LEN);
	for (int tries = 0;; tries++) {
		rc = request_init(s, &q, M230_OPEN, args, sizeof(args));
		if (rc == E_OK)
			rc = exchange(s, &q, &data, &status);
		if (rc < 0 || (status != M230_REPEAT && status != M230_METER_BUSY))
			break;
		if (tries == REPEATS_MAX)
			return E_BUSY;
		if (status == M230_METER_BUSY && (rc = line_silence(s->line, BUSY_MS)) < 0)
			break;
	}
	if (rc < 0)
		return rc;
	if (status == M230_DONE)
		return E_OK;
	return status == M230_BAD_COMMAND || status == M230_INTERNAL || status == M230_LOW_LEVEL ?
	    E_UNSUPPORTED :
	    E_METER;
}

static int
open_level(struct meter_session *s, uint8_t level)
{
	struct mercury230_memory *m = mercury230_memory(s);
	bool write = level == LEVEL_WRITE;
	uint8_t bit = write ? 2 : 1, password[PASSWORD_LEN];
	int rc;

	s->is_open = false;
	m->has_clock = 0; /* a pause of unknown length lies before a log-in */
	if ((write ? s->password_write_len : s->password_read_len) != PASSWORD_LEN)
		return E_DENIED;
	memcpy(password, write ? s->password_write : s->password_read, PASSWORD_LEN);
	if (m->has_other_notation & bit)
		other_notation(password);
	rc = log_in(s, level, password);
	if (rc == E_UNSUPPORTED && other_notation(password)) {
		rc = log_in(s, level, password);
		if (rc == E_OK)
			m->has_other_notation ^= bit;
	}
	s->is_open = rc == E_OK;
	return rc == E_UNSUPPORTED ? E_DENIED : rc;
}

int
mercury230_open(struct meter_session *s)
{
	return open_level(s, s->writing ? LEVEL_WRITE : LEVEL_READ);
}

void
mercury230_close(struct meter_session *s)
{
	struct mercury230_request q;
	struct rd data;
	int status;

	if (s->is_open && request_init(s, &q, M230_CLOSE, NULL, 0) == E_OK &&
	    exchange(s, &q, &data, &status) < 0)
		s->is_open = false; /* best effort: the meter closes by itself in 240 s */
	s->is_open = false;
}

/* ---- asking ---- */

/* What was tried for one request already. */
struct patience { unsigned internal, repeats, not_ready, busy; bool is_reopened, is_raised; };

/* Decides on a status: E_OK to send the request again, else what to return. */
static int
obey(struct meter_session *s, int status, struct patience *p)
{
	switch (status) {
	case M230_BAD_COMMAND:
		return E_UNSUPPORTED;
	case M230_INTERNAL:
		return p->internal++ == 0 ? E_OK : E_METER;
	case M230_LOW_LEVEL:
		if (p->is_raised || s->writing || s->password_write_len == 0)
			return E_DENIED;
		p->is_raised = true;
		return open_level(s, LEVEL_WRITE);
	case M230_ALREADY_CORRECTED:
		return E_REFUSED;
	case M230_NOT_OPEN:
		s->is_open = false;
		if (p->is_reopened)
			return E_BUSY;
		p->is_reopened = true;
		return mercury230_open(s);
	case M230_REPEAT:
		return p->repeats++ < REPEATS_MAX ? E_OK : E_BUSY;
	case M230_NOT_READY:
		return p->not_ready++ < NOT_READY_MAX ? line_silence(s->line, NOT_READY_MS) : E_BUSY;
	case M230_METER_BUSY:
		return p->busy++ < BUSY_MAX ? line_silence(s->line, BUSY_MS) : E_BUSY;
	default:
		return E_METER;
	}
}

static int
send_request(struct meter_session *s, const struct mercury230_request *q, struct rd *data)
{
	bool is_read = q->code >= M230_EVENTS;
	struct patience patience = { 0 };
	int status, rc;

	for (;;) {
		rc = exchange(s, q, data, &status);
		if (rc < 0 || status < 0)
			return rc;
		if (status == M230_DONE)
			return is_read ? E_FRAME : E_OK;
		rc = obey(s, status, &patience);
		if (rc < 0)
			return rc;
	}
}

int
mercury230_ask(struct meter_session *s, struct rd *data, uint8_t code, const uint8_t *args, size_t n)
{
	struct mercury230_request q;
	int rc = request_init(s, &q, code, args, n);

	if (rc == E_OK && !s->is_open)
		rc = mercury230_open(s);
	return rc == E_OK ? send_request(s, &q, data) : rc;
}

/* Reads the clock: every firmware knows it, and its answer cannot be an echo of the request.
 * Any answer proves the link; only a proper one proves the session. */
static int
test_link(struct meter_session *s)
{
	struct mercury230_request q;
	struct rd data;
	int status, rc = request_init(s, &q, M230_EVENTS, M230_ARGS(0x00));

	if (rc == E_OK)
		rc = exchange(s, &q, &data, &status);
	if (rc == E_OK)
		s->is_open = status < 0;
	return rc;
}

int
mercury230_try(struct meter_session *s, uint8_t *ability, struct rd *data, uint8_t code,
    const uint8_t *args, size_t n)
{
	int rc = E_UNSUPPORTED;

	if (*ability == M230_REFUSES || *ability == M230_IGNORES)
		return E_UNSUPPORTED;
	/* A single silence may be a lost byte: the form is given up when it fails twice between
	 * two good answers. */
	for (int silences = 0; silences < 2; silences++) {
		rc = mercury230_ask(s, data, code, args, n);
		if (rc == E_OK)
			*ability = M230_KNOWS;
		else if (rc == E_UNSUPPORTED && *ability == M230_UNKNOWN)
			*ability = M230_REFUSES;
		if (rc != E_TIMEOUT || *ability == M230_KNOWS)
			return rc;
		/* Answers carry no number: one that is only late must not pass for the next. */
		if ((rc = line_silence(s->line, LATE_ANSWER_MS)) < 0 || (rc = test_link(s)) < 0)
			return rc;
	}
	*ability = M230_IGNORES;
	return E_UNSUPPORTED;
}

/* ---- what kind of meter ---- */

void
mercury230_set_firmware(struct meter_session *s, const uint8_t fw[3])
{
	struct mercury230_memory *m = mercury230_memory(s), fresh = { 0 };

	if (m->variant_len != 0 && memcmp(m->firmware, fw, 3) != 0) {
		fresh.has_other_notation = m->has_other_notation;
		*m = fresh;
	}
	memcpy(m->firmware, fw, 3);
}

int
mercury230_learn(struct meter_session *s, struct mercury230_variant *v)
{
	struct mercury230_memory *m = mercury230_memory(s);
	uint8_t fw[3];
	struct rd r;
	int rc;

	if (!m->is_learned) {
		rc = mercury230_ask(s, &r, M230_PARAM, M230_ARGS(M230_FIRMWARE));
		if (rc == E_OK)
			rc = mercury230_decode_firmware(&r, fw);
		if (rc < 0)
			return rc;
		mercury230_set_firmware(s, fw);
		rc = mercury230_ask(s, &r, M230_PARAM, M230_ARGS(M230_VARIANT));
		if (rc < 0)
			return rc;
		m->variant_len = sizeof(m->variant);
		if (rd_left(&r) < sizeof(m->variant))
			m->variant_len = (uint8_t)rd_left(&r);
		rd_bytes(&r, m->variant, m->variant_len);
		m->is_learned = 1;
	}
	r = rd_init(m->variant, m->variant_len);
	return mercury230_decode_variant(&r, m->variant_len, v) < 0 ? E_UNSUPPORTED : E_OK;
}
