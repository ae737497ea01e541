#include "meters/dlms/spodes_events_codec.h"

#include <stddef.h>

enum { LAST_PROGRAM_CODE = 150, RESERVED_PROGRAM_CODE = 120 };
enum { WORD_F_LOW = 0x10 | 0x20 | 0x4000, WORD_F_HIGH = 0x40 | 0x80 | 0x8000 };

const struct spodes_pair spodes_pairs[SPODES_PAIRS] = {
#define ROW(journal, log) { journal, log },
	SPODES_JOURNALS(ROW)
#undef ROW
};

/* Log, journal, event, the codes that mean it. */
#define CODES(...) (const uint8_t[]){ __VA_ARGS__, 0 }
static const struct {
	uint8_t log;
	uint16_t journal;
	uint8_t event;
	const uint8_t *codes;	/* 0 ends */
} meanings[] = {
	{ 0, J_PWR_A, 0, CODES(1) }, { 0, J_PWR_A, 1, CODES(2) },
	{ 0, J_PWR_B, 0, CODES(3) }, { 0, J_PWR_B, 1, CODES(4) },
	{ 0, J_PWR_C, 0, CODES(5) }, { 0, J_PWR_C, 1, CODES(6) },
	{ 0, J_LIM_UA_MAX, 1, CODES(7, 13) }, { 0, J_LIM_UA_MAX, 0, CODES(8, 14) },
	{ 0, J_LIM_UB_MAX, 1, CODES(15) }, { 0, J_LIM_UB_MAX, 0, CODES(16) },
	{ 0, J_LIM_UC_MAX, 1, CODES(17) }, { 0, J_LIM_UC_MAX, 0, CODES(18) },
	{ 0, J_LIM_UA_MIN, 1, CODES(9, 19) }, { 0, J_LIM_UA_MIN, 0, CODES(10, 20) },
	{ 0, J_LIM_UB_MIN, 1, CODES(21) }, { 0, J_LIM_UB_MIN, 0, CODES(22) },
	{ 0, J_LIM_UC_MIN, 1, CODES(23) }, { 0, J_LIM_UC_MIN, 0, CODES(24) },
	{ 1, J_LIM_IA_MAX, 1, CODES(17, 25) }, { 1, J_LIM_IA_MAX, 0, CODES(18, 26) },
	{ 1, J_LIM_IB_MAX, 1, CODES(27) }, { 1, J_LIM_IB_MAX, 0, CODES(28) },
	{ 1, J_LIM_IC_MAX, 1, CODES(29) }, { 1, J_LIM_IC_MAX, 0, CODES(30) },
	{ 1, J_REVERSE, 1, CODES(1, 3, 5, 33, 35) }, { 1, J_REVERSE, 0, CODES(2, 4, 6, 34, 36) },
	{ 2, J_PWR, 0, CODES(1, 29) }, { 2, J_PWR, 1, CODES(2) },
	{ 2, J_RELAY, 0, CODES(3, 6, 8, 9, 10, 11, 13, 14, 15, 18, 19, 25, 28) },
	{ 2, J_RELAY, 1, CODES(4, 7, 12, 20, 21, 22, 23, 24, 26, 27) },
	{ 2, J_LIM_E_TRF, 1, CODES(19) },
	{ 2, J_LIM_PWR, 1, CODES(8) }, { 2, J_LIM_PWR, 0, CODES(20) },
	{ 3, J_TIME_CORR, 0, CODES(3, 63, 68) }, { 3, J_RESET, 0, CODES(35, 36) },
	{ 3, J_C1_INIT, 0, CODES(31, 46) }, { 3, J_C2_INIT, 0, CODES(32, 47) },
	{ 3, J_TRF_CORR, 0, CODES(5, 6, 7, 8, 9, 49, 150) }, { 3, J_OPEN, 1, CODES(143) },
	{ 4, J_OPEN, 0, CODES(3, 5) }, { 4, J_UNAUTH, 0, CODES(4) },
	{ 4, J_MAGNET, 1, CODES(1, 6) }, { 4, J_MAGNET, 0, CODES(2, 7) },
};
enum { MEANINGS = sizeof(meanings) / sizeof(*meanings) };

static bool
has_code(const uint8_t *codes, int64_t code)
{
	for (; *codes != 0; codes++)
		if (*codes == code)
			return true;
	return false;
}

static unsigned
add(struct spodes_event *out, unsigned n, unsigned journal, unsigned event, unsigned id)
{
	out[n] = (struct spodes_event){ (uint16_t)journal, (uint16_t)event, (uint16_t)id };
	return n + 1;
}

/* Limits begin with the first of their bits and end with the last (12). */
static unsigned
quality_events(int64_t word, int64_t before, struct spodes_event out[SPODES_EVENTS_MOST])
{
	static const struct { unsigned mask; uint16_t journal; } limits[] = {
		{ WORD_F_HIGH, J_LIM_F_MAX }, { WORD_F_LOW, J_LIM_F_MIN },
	};
	unsigned id = LOG_QUALITY * SPODES_ID_STEP + (unsigned)(word & 0xff), n = 0;

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++) {
		bool is = (word & limits[i].mask) != 0, was = (before & limits[i].mask) != 0;

		if ((word & ~before & limits[i].mask) != 0)
			n = add(out, n, limits[i].journal, 1, id);
		else if (was && !is)
			n = add(out, n, limits[i].journal, 0, id);
	}
	return n;
}

static unsigned
program_event(int64_t code, bool has_time_log, struct spodes_event *out, unsigned n)
{
	bool is_time = code == 3 || code == 63 || code == 68;

	if (n > 0 || is_time || code < 1 || code > LAST_PROGRAM_CODE || code == RESERVED_PROGRAM_CODE)
		return n > 0 && is_time && has_time_log ? 0 : n;
	return add(out, n, J_PROG, 0, LOG_PROGRAM * SPODES_ID_STEP + (unsigned)code);
}

unsigned
spodes_events(unsigned log, int64_t code, int64_t before, bool has_time_log,
    struct spodes_event out[SPODES_EVENTS_MOST])
{
	unsigned id = (unsigned)(log * SPODES_ID_STEP + (unsigned)(code & 0xffff)), n = 0;

	if (log == LOG_QUALITY)
		return quality_events(code, before, out);
	if (log == LOG_POWER_CONTROL)
		return add(out, 0, J_LIM_PWR, code != 0,
		    LOG_POWER_CONTROL * SPODES_ID_STEP + (unsigned)(code & 0xff));
	for (size_t i = 0; i < MEANINGS && n < SPODES_EVENTS_MOST; i++)
		if (meanings[i].log == log && has_code(meanings[i].codes, code))
			n = add(out, n, meanings[i].journal, meanings[i].event, id);
	if (log == LOG_PROGRAM)
		return program_event(code, has_time_log, out, n);
	/* The rest is kept under the meter's own code; "ready to be switched on" is no event. */
	if (n == 0 && log <= LOG_EXTERNAL && code > 0 && code <= UINT8_MAX &&
	    !(log == LOG_POWER && code == 5))
		n = add(out, 0, J_OTHER, (unsigned)code, id);
	return n;
}

uint32_t
spodes_logs_of(unsigned journal)
{
	uint32_t logs = 0;

	for (unsigned i = 0; i < SPODES_PAIRS; i++)
		if (spodes_pairs[i].journal == journal)
			logs |= UINT32_C(1) << spodes_pairs[i].log;
	return logs;
}
