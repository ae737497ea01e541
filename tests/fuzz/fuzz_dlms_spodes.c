/* The СПОДЭС family against a meter whose association is in order and whose answers are anything:
 * columns,
 * rows, logs, calendars.  The first octet chooses what is asked; each answer has two octets of length.
 * */
#include <stdlib.h>
#include <string.h>

#include "meters/dlms/spodes.h"

enum { STEPS = 24, FRAME_SIZE = 2100, INFO_MOST = 2000, LLC_LEN = 3, ASKS = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct meter_session session;
static struct calendar calendar;
static uint8_t answers[STEPS][FRAME_SIZE];

static int
keep(struct sink *sink, const struct record *r)
{
	(void)sink;
	if (r->type == REC_NONE || r->type >= REC_COUNT || (r->present >> (VALUE_SLOTS - 1) >> 1) != 0)
		abort();
	return E_OK;
}

static size_t
put_frame(uint8_t *to, unsigned step, const uint8_t *info, size_t len)
{
	struct hdlc_frame f = { .to = { { 0x41 }, 1 }, .from = { { 0x02, 0x21 }, 2 }, .final = true,
		.kind = step == 0 ? HDLC_UA : HDLC_I, .ns = (step + 7) & 7, .nr = step & 7,
		.info = info, .info_len = len };
	struct wr w = wr_init(to, FRAME_SIZE);

	hdlc_put(&w, &f);
	return wr_ok(&w) ? w.len : 0;
}

static size_t
put_answer(uint8_t *to, unsigned step, struct rd *r)
{
	static const uint8_t aare[] = { 0xe6, 0xe7, 0x00, 0x61, 0x29, 0xa1, 0x09, 0x06, 0x07, 0x60,
		0x85, 0x74,
		0x05, 0x08, 0x01, 0x01, 0xa2, 0x03, 0x02, 0x01, 0x00, 0xa3, 0x05, 0xa1, 0x03, 0x02,
		    0x01,
		0x00, 0xbe, 0x10, 0x04, 0x0e, 0x08, 0x00, 0x06, 0x5f, 0x1f, 0x04, 0x00, 0x00, 0x1a,
		    0x1d,
		0x02, 0x00, 0x00, 0x07 };
	uint8_t info[LLC_LEN + INFO_MOST] = { 0xe6, 0xe7, 0x00 };
	size_t len;

	if (step == 0)
		return put_frame(to, step, NULL, 0);
	if (step == 1)
		return put_frame(to, step, aare, sizeof(aare));
	len = rd_u16_be(r) % INFO_MOST;
	if (len > rd_left(r))
		len = rd_left(r);
	rd_bytes(r, info + LLC_LEN, len);
	return put_frame(to, step, info, LLC_LEN + len);
}

static void
read(enum record_type type, unsigned journal)
{
	struct query q = { .type = type, .journal = (uint16_t)journal, .from = 1795118400,
		.to = 1795204800 };
	struct sink sink = { keep };

	if (type == REC_EL_JOURNAL)
		q.from = 0;
	(void)!spodes_family.read(&session, &q, &sink);
}

static void
ask(unsigned what)
{
	struct meter_config config;
	int64_t utc;
	bool on;

	switch (what) {
	case 0: (void)!spodes_family.identify(&session, &config); break;
	case 1: read(REC_EL_DAY, 0); break;
	case 2: read(REC_EL_MONTH, 0); break;
	case 3: read(REC_EL_PROFILE, 0); break;
	case 4: read(REC_EL_MOMENT_ENERGY, 0); break;
	case 5: read(REC_EL_MOMENT_QUALITY, 0); break;
	case 6: read(REC_EL_JOURNAL, J_TIME_CORR); break;
	case 7: read(REC_EL_JOURNAL, J_LIM_F_MAX); break;
	case 8: read(REC_EL_JOURNAL, J_PWR); break;
	case 9: (void)!spodes_family.clock_get(&session, &utc); break;
	case 10: (void)!spodes_family.relay_get(&session, 1, &on); break;
	case 11: (void)!spodes_family.clock_correct(&session, 1795118400); break;
	default:
		(void)!spodes_family.calendar_get(&session, (enum calendar_part)(what % 5), what & 1,
		    &calendar);
		break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct line_settings settings = { 9600, 8, PARITY_NONE, 1 };
	static const struct line_timing timing = { .answer_ms = 1, .gap_ms = 1, .tries = 1 };
	struct script_step steps[STEPS];
	struct rd r = rd_init(data, len);
	unsigned what = rd_u8(&r) % ASKS;
	struct line *line;

	for (unsigned i = 0; i < STEPS; i++)
		steps[i] = (struct script_step){ .rx = answers[i], .rx_len = put_answer(answers[i], i,
		    &r) };
	memset(&session, 0, offsetof(struct meter_session, rx));
	memcpy(session.address_text, "16", 3);
	memcpy(session.password_read, "1", 1);
	session.password_read_len = 1;
	session.type = 36;
	session.zone.offset_s = 10800;
	if (line_open_script(&line, steps, STEPS) < 0)
		return 0;
	session.line = line;
	if (line_configure(line, &settings, &timing, SOFT_NONE) == E_OK &&
	    spodes_family.open(&session) == E_OK) {
		ask(what);
		ask((what + 1) % ASKS);
		spodes_family.close(&session);
	}
	line_close(line);
	return 0;
}
