/* bench-dlms: octets on the wire for the last 48 half hours, by frame size, PDU and window, beside the
 * figures of meter-spodes-dlms.md 14.  The meter is a script of answers; what the client sends is
 * counted
 * by the line.  Exit code 1 when a figure is more than 3 % above the page's. */
#include <stdio.h>
#include <string.h>

#include "meters/dlms/dlms.h"

enum { ROWS = 48, ROW_LEN = 36, STEPS_MAX = 64, FRAME_SIZE = 2100, RUN_SIZE = 4096, LLC_LEN = 3,
	BLOCK_HEAD = 12, CHAR_US = 1042, DATA_MAX = 2048 };

/* Octets and exchanges as the page has them (recorded or computed there). */
static const struct plan {
	unsigned info, pdu, window, octets, exchanges;
} plans[] = {
	{ 128, 100, 1, 2747, 20 }, { 128, 512, 1, 2268, 17 }, { 128, 8192, 1, 2114, 14 },
	{ 128, 8192, 3, 2024, 5 }, { 128, 8192, 7, 1994, 2 }, { 248, 1024, 1, 2015, 8 },
	{ 1024, 4096, 1, 1850, 2 }, { 2030, 8192, 1, 1828, 1 },
};

struct meter {
	struct script_step steps[STEPS_MAX];
	size_t n;
	uint8_t runs[STEPS_MAX][RUN_SIZE];
	uint8_t ns, nr;
	const struct plan *plan;
};

static struct meter meter;
static uint8_t apdu[16 * 1024], frames[RUN_SIZE];

static void
add_run(struct meter *m, size_t len)
{
	m->steps[m->n] = (struct script_step){ .rx = m->runs[m->n], .rx_len = len };
	m->n++;
}

static void
add_frame(struct meter *m, struct wr *w, enum hdlc_kind kind, const uint8_t *info, size_t len,
    bool segmented,
    bool final)
{
	const struct hdlc_frame f = { .to = { { 0x41 }, 1 }, .from = { { 0x02, 0x21 }, 2 },
		.kind = kind,
		.final = final, .segmented = segmented, .ns = m->ns, .nr = m->nr, .info = info,
		.info_len = len };

	hdlc_put(w, &f);
	if (kind == HDLC_I)
		m->ns = (m->ns + 1) & 7;
}

static void
add_ua(struct meter *m)
{
	const struct hdlc_limits limits = { (uint16_t)m->plan->info, 128, (uint8_t)m->plan->window, 1 };
	uint8_t info[32];
	struct wr i = wr_init(info, sizeof(info)), w = wr_init(m->runs[m->n], RUN_SIZE);

	hdlc_put_limits(&i, &limits);
	add_frame(m, &w, HDLC_UA, info, i.len, false, true);
	add_run(m, w.len);
	m->ns = m->nr = 0;
}

/* An APDU in segments, a window of them at a time; each run answers one frame of ours. */
static void
add_apdu(struct meter *m, const uint8_t *p, size_t len)
{
	uint8_t all[DATA_MAX + 64] = { 0xe6, 0xe7, 0x00 };
	size_t at = 0, total = LLC_LEN + len;

	memcpy(all + LLC_LEN, p, len);
	m->nr = (m->nr + 1) & 7;
	while (at < total) {
		struct wr w = wr_init(m->runs[m->n], RUN_SIZE);

		for (unsigned i = 0; i < m->plan->window && at < total; i++) {
			size_t n = total - at < m->plan->info ? total - at : m->plan->info;
			bool more = at + n < total;

			add_frame(m, &w, HDLC_I, all + at, n, more, i + 1 == m->plan->window || !more);
			at += n;
		}
		add_run(m, w.len);
	}
}

static size_t
put_rows(uint8_t *to)
{
	static const uint8_t row[ROW_LEN] = { 0x02, 0x05, 0x09, 0x0c, 0x07, 0xea, 0x0b, 0x13, 0x04,
		0x00, 0x1e,
		0x00, 0x00, 0xff, 0x4c, 0x00, 0x06, 0, 0, 1, 0x9d, 0x06, 0, 0, 0, 0, 0x06, 0, 0, 0,
		    0xad,
		0x06, 0, 0, 0, 4 };

	to[0] = AXDR_ARRAY;
	to[1] = ROWS;
	for (int i = 0; i < ROWS; i++)
		memcpy(to + 2 + i * ROW_LEN, row, ROW_LEN);
	return 2 + ROWS * ROW_LEN;
}

static void
add_rows(struct meter *m)
{
	uint8_t data[DATA_MAX], out[DATA_MAX + 16];
	size_t len = put_rows(data), most = m->plan->pdu - BLOCK_HEAD, at = 0;

	if (len + 4 <= m->plan->pdu) {
		memcpy(out, "\xc4\x01\xc1\x00", 4);
		memcpy(out + 4, data, len);
		add_apdu(m, out, len + 4);
		return;
	}
	for (uint32_t block = 1; at < len; block++) {
		struct wr w = wr_init(out, sizeof(out));
		size_t n = len - at < most ? len - at : most;

		wr_bytes(&w, "\xc4\x02\xc1", 3);
		wr_u8(&w, at + n == len);
		wr_u32_be(&w, block);
		wr_u8(&w, 0);
		axdr_put_length(&w, n);
		wr_bytes(&w, data + at, n);
		add_apdu(m, out, w.len);
		at += n;
	}
}

static void
begin(const struct plan *plan)
{
	static const uint8_t aare[] = { 0x61, 0x29, 0xa1, 0x09, 0x06, 0x07, 0x60, 0x85, 0x74, 0x05,
		0x08, 0x01,
		0x01, 0xa2, 0x03, 0x02, 0x01, 0x00, 0xa3, 0x05, 0xa1, 0x03, 0x02, 0x01, 0x00, 0xbe,
		    0x10,
		0x04, 0x0e, 0x08, 0x00, 0x06, 0x5f, 0x1f, 0x04, 0x00, 0x00, 0x12, 0x15, 0x02, 0x00,
		    0x00,
		0x07 };

	memset(&meter, 0, sizeof(meter));
	meter.plan = plan;
	add_ua(&meter);
	add_apdu(&meter, aare, sizeof(aare));
	add_rows(&meter);
}

/* The request of one span of the load profile, as the family makes it. */
static int
ask(struct dlms *d)
{
	const struct cosem profile = COSEM(CLASS_PROFILE, 1, 0, 99, 1, 0, 2);
	const struct cosem by = COSEM(CLASS_CLOCK, 0, 0, 1, 0, 0, 2);
	const struct cosem_time from = cosem_time_at((struct zone){ 10800, false }, 1795037400);
	const struct cosem_time to = cosem_time_at((struct zone){ 10800, false }, 1795122000);
	uint8_t buf[96];
	struct wr w = wr_init(buf, sizeof(buf));
	struct octets data;
	int rc;

	xdlms_put_range(&w, &by, &from, &to);
	rc = dlms_get(d, &profile, (struct octets){ buf, w.len }, &data);
	return rc == E_OK && data.len != 2 + (size_t)ROWS * ROW_LEN ? E_FRAME : rc;
}

static int
measure(const struct plan *plan)
{
	static const struct line_settings settings = { 9600, 8, PARITY_NONE, 1 };
	static const struct line_timing timing = { .answer_ms = 100, .gap_ms = 5, .tries = 1 };
	struct dlms d = {
		.apdu = apdu, .apdu_size = sizeof(apdu), .frame = frames, .frame_size = sizeof(frames),
		.server = { { 0x02, 0x21 }, 2 }, .client = 32, .context = CONTEXT_PLAIN,
		.mechanism = MECHANISM_LLS, .secret = "111111", .secret_len = 6,
		.propose = { 128, (uint16_t)plan->info, 1, (uint8_t)plan->window },
		.conformance = DLMS_CONFORMANCE, .max_pdu = (uint16_t)plan->pdu,
	};
	struct line_counters before, after;
	unsigned octets, exchanges;
	struct line *line;
	int rc;

	begin(plan);
	if (line_open_script(&line, meter.steps, meter.n) < 0)
		return 1;
	d.line = line;
	rc = line_configure(line, &settings, &timing, SOFT_NONE);
	if (rc == E_OK)
		rc = dlms_open(&d);
	line_counters(line, &before);
	if (rc == E_OK)
		rc = ask(&d);
	line_counters(line, &after);
	line_close(line);
	octets = (unsigned)(after.tx_bytes + after.rx_bytes - before.tx_bytes - before.rx_bytes);
	exchanges = (unsigned)(after.exchanges - before.exchanges);
	printf("%6u %6u %6u %8u %8u %6u %6u %8.2f  %s\n", plan->info, plan->pdu, plan->window, octets,
	    plan->octets, exchanges, plan->exchanges, octets * (double)CHAR_US / 1e6,
	    rc < 0 ? uspd_strerror(rc) : "");
	return rc < 0 || octets * 100 > plan->octets * 103;
}

int
main(void)
{
	int failed = 0;

	printf("48 half hours by range, 48 rows of 36 octets (meter-spodes-dlms.md 14)\n");
	printf("%6s %6s %6s %8s %8s %6s %6s %8s\n", "info", "pdu", "window", "octets", "page", "turns",
	    "page", "s, 9600");
	for (size_t i = 0; i < sizeof(plans) / sizeof(*plans); i++)
		failed |= measure(&plans[i]);
	return failed;
}
