/* Characters, frames, sign-on and session of the Energomera meters (chapters 1 and 2).
 *
 *   /?address! CR LF                      -> /EKT5CE303v11 CR LF
 *   ACK 0 5 1 CR LF                       -> SOH P0 STX (address) ETX BCC
 *   SOH P1 STX (password) ETX BCC         -> ACK, or SOH B0 ETX BCC
 *   SOH R1 STX NAME(argument) ETX BCC     -> STX NAME(value) CR LF ... ETX BCC
 *   /?address! SOH R1 STX GROUP(...) ETX BCC, without a session */
#include "sim/energomera.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "src/base/checksum.h"

enum { SOH = 0x01, STX = 0x02, ETX = 0x03, ACK = 0x06, LF = 0x0A, CR = 0x0D, NAK = 0x15 };
enum { CHARACTER_US = 1042, COMMAND_MAX = 256, WRONG_MOST = 3 };

const char *const sim_energomera_keys[] = {
	"password", "parity", "group", "button", "missing", "session_ms", "idpas", "lock_after",
	"refuse", NULL,
};

static bool
parity_even(uint8_t c)
{
	return __builtin_parity(c) == 0;
}

/* The 7-bit characters without leading noise; *good is false when one had a wrong parity. */
static size_t
strip(const uint8_t *req, size_t n, bool plain, char text[SIM_REQUEST_MAX], bool *good)
{
	size_t skip = 0, kept = 0;

	*good = true;
	while (skip < n && (req[skip] == 0x00 || req[skip] == 0xFF))
		skip++;
	for (size_t i = skip; i < n && kept < SIM_REQUEST_MAX; i++) {
		if (!plain && !parity_even(req[i]))
			*good = false;
		text[kept++] = (char)(req[i] & 0x7F);
	}
	return kept;
}

/* Length of a SOH...ETX BCC telegram at text[0], 0 when it is not complete. */
static size_t
telegram(const char *text, size_t n)
{
	const char *end = memchr(text, ETX, n);

	if (n < 4 || text[0] != SOH || end == NULL || (size_t)(end - text) + 2 > n)
		return 0;
	return (size_t)(end - text) + 2;
}

bool
sim_energomera_whole(const uint8_t *req, size_t n)
{
	char text[SIM_REQUEST_MAX];
	const char *soh;
	bool good;

	if (n > SIM_REQUEST_MAX)
		return false;
	n = strip(req, n, true, text, &good);
	if (n < 4)
		return false;
	if (text[0] == SOH)
		return telegram(text, n) == n;
	if (text[0] == ACK)
		return n == 6 && text[5] == LF;
	if (text[0] != '/')
		return false;
	soh = memchr(text, SOH, n);
	if (soh != NULL)
		return telegram(soh, n - (size_t)(soh - text)) == n - (size_t)(soh - text);
	return text[n - 1] == LF && text[n - 2] == CR;
}

void
sim_iec_put(struct wr *w, const char *fmt, ...)
{
	char text[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	wr_text(w, text);
}

bool
sim_iec_kind(const char *pair, enum sim_kind *kind)
{
	static const char pairs[SIM_KINDS][3] = { "PE", "PI", "QE", "QI" };

	for (int i = 0; i < SIM_KINDS; i++) {
		if (strcmp(pairs[i], pair) == 0) {
			*kind = (enum sim_kind)i;
			return true;
		}
	}
	return false;
}

static size_t
close_block(struct wr *w)
{
	wr_u8(w, ETX);
	wr_u8(w, sum7(w->buf + 1, w->len - 1));
	return wr_ok(w) ? w->len : 0;
}

static size_t
one_character(struct wr *w, uint8_t c)
{
	wr_u8(w, c);
	return w->len;
}

static size_t
break_session(struct sim_meter *m, struct wr *w)
{
	m->u.iec.state = SIM_IEC_IDLE;
	wr_u8(w, SOH);
	wr_text(w, "B0");
	return close_block(w);
}

static size_t
finish(struct sim_iec_call *call, int result)
{
	if (result == SIM_IEC_ACK) {
		call->w->len = 0;
		return one_character(call->w, ACK);
	}
	if (result != SIM_IEC_DATA)
		call->w->len = 1;
	if (result > 0)
		sim_iec_put(call->w, "%s(ERR%d)\r\n", call->name, result);
	return close_block(call->w);
}

static size_t
password(struct sim_meter *m, int64_t t, const char *argument, struct wr *w)
{
	struct sim_energomera *me = &m->u.iec;

	if (strcmp(argument, me->password) == 0) {
		me->wrong = 0;
		me->authorised = true;
		return one_character(w, ACK);
	}
	m->counters.wrong_passwords++;
	if (++me->wrong >= me->lock_after && me->lock_after > 0) {
		me->locked_day = sim_day(t);
		me->wrong = 0;
	}
	return break_session(m, w);
}

/* Splits NAME(argument); the argument may hold brackets (GROUP).  False: malformed. */
static bool
split(char *body, char **name, char **argument)
{
	size_t n = strlen(body);
	char *open = strchr(body, '(');

	if (open == NULL || n == 0 || body[n - 1] != ')')
		return false;
	body[n - 1] = '\0';
	*open = '\0';
	*name = body;
	*argument = open + 1;
	return true;
}

/* A telegram in session; text[0..n) is SOH c d [STX body] ETX BCC. */
static size_t
command(struct sim_meter *m, int64_t now_us, int64_t t, const char *text, size_t n, bool group_only,
    struct wr *w)
{
	char body[COMMAND_MAX], *name, *argument;
	struct sim_iec_call call = { .m = m, .now_us = now_us, .t = t, .w = w };
	char c = text[1], d = text[2];

	if (c == 'B' && d == '0') {
		m->u.iec.state = SIM_IEC_IDLE;
		return 0;
	}
	if (text[3] != STX || n < 6 || n - 6 >= sizeof(body))
		return one_character(w, NAK);
	memcpy(body, text + 4, n - 6);
	body[n - 6] = '\0';
	if (strlen(body) != n - 6 || !split(body, &name, &argument))
		return one_character(w, NAK);
	call.name = name;
	call.argument = argument;
	if (group_only && (c != 'R' || strcmp(name, "GROUP") != 0 || !m->u.iec.group))
		return 0;
	if (c == 'P' && d == '1')
		return password(m, t, argument, w);
	wr_u8(w, STX);
	if (group_only)
		return finish(&call, sim_iec_group(&call));
	if (c == 'R' && d == '1' && strcmp(name, "CTIME") == 0)
		return finish(&call, sim_iec_write(&call));
	if (c == 'R' && d == '1')
		return finish(&call,
		    sim_iec_is_journal(name) ? sim_iec_journal(&call) : sim_iec_read(&call));
	if (c == 'W' && d == '1')
		return finish(&call, sim_iec_write(&call));
	return finish(&call, SIM_IEC_ERR_COMMAND);
}

/* Leading zeros mean nothing; an empty address is everybody's (2.1). */
static bool
addressed(const struct sim_energomera *me, const char *address, size_t n)
{
	size_t own = strlen(me->address);

	if (n == 0)
		return true;
	while (n > 1 && *address == '0') {
		address++;
		n--;
	}
	return n == own && memcmp(address, me->address, n) == 0;
}

static size_t
sign_on(struct sim_meter *m, int64_t now_us, int64_t t, const char *text, size_t n, bool good,
    struct wr *w)
{
	struct sim_energomera *me = &m->u.iec;
	const char *mark = memchr(text, '!', n);
	size_t used;

	me->state = SIM_IEC_IDLE;
	if (n < 4 || text[1] != '?' || mark == NULL || !good || me->locked_day == sim_day(t) ||
	    !addressed(me, text + 2, (size_t)(mark - text) - 2))
		return 0;
	used = (size_t)(mark - text) + 1;
	m->counters.heard++;
	if (n - used >= 4 && text[used] == SOH) {
		size_t length = telegram(text + used, n - used);

		if (length == 0 || length != n - used)
			return 0;
		if (sum7((const uint8_t *)text + used + 1, length - 2) != (uint8_t)text[n - 1])
			return one_character(w, NAK);
		return command(m, now_us, t, text + used, length, true, w);
	}
	if (n - used != 2 || text[used] != CR || text[used + 1] != LF)
		return 0;
	m->counters.signons++;
	me->state = SIM_IEC_SIGNED;
	me->authorised = false;
	sim_iec_put(w, "/EKT5%sv11\r\n", me->model == 3 ? "CE301" : "CE303");
	return w->len;
}

static size_t
option(struct sim_meter *m, const char *text, size_t n, struct wr *w)
{
	if (m->u.iec.state != SIM_IEC_SIGNED || n != 6 || text[1] != '0' || text[3] != '1')
		return 0;
	m->u.iec.state = SIM_IEC_SESSION;
	wr_u8(w, SOH);
	wr_text(w, "P0");
	wr_u8(w, STX);
	sim_iec_put(w, "(%s)", m->u.iec.address);
	return close_block(w);
}

static size_t
in_session(struct sim_meter *m, int64_t now_us, int64_t t, const char *text, size_t n, bool good,
    struct wr *w)
{
	size_t length = telegram(text, n);

	if (m->u.iec.state != SIM_IEC_SESSION)
		return 0;
	m->counters.heard++;
	if (length != n || !good || sum7((const uint8_t *)text + 1, n - 2) != (uint8_t)text[n - 1])
		return one_character(w, NAK);
	return command(m, now_us, t, text, n, false, w);
}

size_t
sim_energomera_answer(struct sim_meter *m, int64_t now_us, const uint8_t *req, size_t n,
    uint8_t out[SIM_ANSWER_MAX])
{
	struct sim_energomera *me = &m->u.iec;
	char text[SIM_REQUEST_MAX];
	struct wr w = wr_init(out, SIM_ANSWER_MAX);
	int64_t t;
	bool good;

	if (now_us >= me->session_until_us)
		me->state = SIM_IEC_IDLE;
	if (n > SIM_REQUEST_MAX ||
	    (me->state == SIM_IEC_IDLE && (req[0] & 0x7F) != '/' && req[0] != 0x00 && req[0] != 0xFF))
		return 0;
	n = strip(req, n, me->plain, text, &good);
	if (n == 0)
		return 0;
	t = sim_meter_time(m, now_us);
	if (text[0] == '/')
		n = sign_on(m, now_us, t, text, n, good, &w);
	else if (text[0] == ACK && good)
		n = option(m, text, n, &w);
	else
		n = in_session(m, now_us, t, text, n, good, &w);
	if (n > 0) /* the session lives from the last character of the answer */
		me->session_until_us = now_us + m->latency_us + (int64_t)n * CHARACTER_US +
		    me->session_us;
	for (size_t i = 0; i < n && !me->plain; i++)
		if (!parity_even(out[i]))
			out[i] |= 0x80;
	return n;
}

static size_t
block(const struct sim_meter *m, uint8_t *out, const char *name, const char *value)
{
	struct wr w = wr_init(out, SIM_ANSWER_MAX);
	size_t n;

	wr_u8(&w, STX);
	sim_iec_put(&w, "%s(%s)\r\n", name, value);
	n = close_block(&w);
	for (size_t i = 0; i < n && !m->u.iec.plain; i++)
		if (!parity_even(out[i]))
			out[i] |= 0x80;
	return n;
}

/* The name a data block begins with; false when the answer is none. */
static bool
block_name(const uint8_t *answer, size_t n, char name[16])
{
	size_t i;

	if (n < 6 || (answer[0] & 0x7F) != STX)
		return false;
	for (i = 0; i < 15 && i + 1 < n && (answer[i + 1] & 0x7F) != '('; i++)
		name[i] = (char)(answer[i + 1] & 0x7F);
	name[i] = '\0';
	return i > 0 && i < 15;
}

size_t
sim_energomera_foreign(const struct sim_meter *m, const uint8_t *answer, size_t n,
    uint8_t out[SIM_ANSWER_MAX])
{
	char name[16];

	if (!block_name(answer, n, name))
		return 0;
	if (strcmp(name, "FREQU") == 0)
		return block(m, out, "VOLTA", "111.1");
	return block(m, out, "FREQU", "49.87");
}

size_t
sim_energomera_busy(const struct sim_meter *m, const uint8_t *answer, size_t n,
    uint8_t out[SIM_ANSWER_MAX])
{
	char name[16];

	return block_name(answer, n, name) ? block(m, out, name, "ERR19") : 0;
}

void
sim_energomera_table(const struct sim_meter *m, char *addr, char *rd, char *wr, size_t size)
{
	const char *password_text = m->u.iec.password;

	snprintf(addr, size, "%s", m->u.iec.address);
	*rd = *wr = '\0';
	for (size_t i = 0; password_text[i] != '\0' && 2 * i + 3 <= size; i++) {
		snprintf(rd + 2 * i, size - 2 * i, "%02x", (unsigned char)password_text[i]);
		snprintf(wr + 2 * i, size - 2 * i, "%02x", (unsigned char)password_text[i]);
	}
}

static bool
text_key(const json_t *keys, const char *key, char *to, size_t size)
{
	const json_t *value = json_object_get(keys, key);
	const char *text = json_string_value(value);

	if (value == NULL)
		return true;
	if (text == NULL || strlen(text) >= size)
		return false;
	memcpy(to, text, strlen(text) + 1);
	return true;
}

bool
sim_energomera_configure(struct sim_meter *m, const struct sim_type *type, const json_t *keys,
    char *why, size_t why_size)
{
	struct sim_energomera *me = &m->u.iec;
	const char *parity = json_string_value(json_object_get(keys, "parity"));
	const char *missing = json_string_value(json_object_get(keys, "missing"));
	bool is_303 = strcmp(type->name, "ce303") == 0;
	int64_t session_ms = 4000, lock_after = WRONG_MOST;
	size_t digits = strlen(m->serial), first;

	snprintf(me->password, sizeof(me->password), "777777");
	/* As delivered: the last nine digits of the serial number. */
	first = digits > 9 ? digits - 9 : 0;
	while (m->serial[first] == '0' && m->serial[first + 1] != '\0')
		first++;
	snprintf(me->address, sizeof(me->address), "%s", m->serial + first);
	me->model = is_303 ? 226 : 3;
	me->group = is_303;
	if (!text_key(keys, "password", me->password, sizeof(me->password)) ||
	    !text_key(keys, "refuse", me->refuse, sizeof(me->refuse)) ||
	    !text_key(keys, "idpas", me->address, sizeof(me->address)) ||
	    !sim_json_bool(keys, "group", &me->group) || !sim_json_bool(keys, "button", &me->button) ||
	    !sim_json_int(keys, "session_ms", 100, 600000, &session_ms) ||
	    !sim_json_int(keys, "lock_after", 0, 100, &lock_after)) {
		snprintf(why, why_size, "a key of the Energomera kind has a wrong value");
		return false;
	}
	me->plain = parity != NULL && strcmp(parity, "none") == 0;
	me->missing_err18 = missing != NULL && strcmp(missing, "err18") == 0;
	me->session_us = session_ms * 1000;
	me->lock_after = (unsigned)lock_after;
	me->locked_day = me->ctime_day = -1;
	return true;
}
