/* The whole client against a meter that answers anything: the input is cut into answers, each put into
 * a good frame, so that what lies behind checksums is reached: segments, blocks, lists, associations.
 * */
#include <stdlib.h>
#include <string.h>

#include "meters/dlms/dlms.h"

enum { STEPS = 24, ANSWER_MAX = 300, FRAME_MAX = 400, APDU_SIZE = 4096, CONTROLS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static uint8_t apdu[APDU_SIZE], frame[APDU_SIZE], answers[STEPS][FRAME_MAX];

/* One octet of control, one of length, then the information. */
static size_t
put_answer(uint8_t *to, struct rd *r)
{
	struct hdlc_frame f = { .to = { { 0x41 }, 1 }, .from = { { 0x02, 0x21 }, 2 } };
	struct wr w = wr_init(to, FRAME_MAX);
	uint8_t control = rd_u8(r);
	size_t len = rd_u8(r);

	if (len > rd_left(r))
		len = rd_left(r);
	f.info = rd_take(r, len);
	f.info_len = len;
	f.kind = (enum hdlc_kind)(control % (HDLC_UNKNOWN + 1));
	if (control & 0x80)
		f.kind = HDLC_I;
	f.ns = control >> 4 & 7;
	f.nr = (control + 1) & 7;
	f.final = (control & 0x08) == 0;
	f.segmented = (control & 0x40) != 0;
	hdlc_put(&w, &f);
	return wr_ok(&w) ? w.len : 0;
}

static int
pass(void *arg, size_t i, int result, struct axdr *value)
{
	struct axdr_value v;

	(void)arg;
	(void)i;
	(void)result;
	if (value != NULL)
		(void)!axdr_next(value, &v);
	return E_OK;
}

static void
talk(struct dlms *d)
{
	static const struct cosem names[] = {
		{ CLASS_REGISTER, { 1, 0, 1, 8, 0, 255 }, 2 }, { CLASS_REGISTER, { 1, 0, 2, 8, 0, 255 },
		2 },
	};
	const struct cosem profile = COSEM(CLASS_PROFILE, 1, 0, 99, 1, 0, 2);
	static const uint8_t value[] = { AXDR_U8, 1 };
	struct octets data;

	if (dlms_open(d) < 0) {
		/* What follows is of interest too. */
		d->is_open = d->is_linked = true;
		d->limits = hdlc_limits_plain;
		d->agreed = DLMS_CONFORMANCE;
	}
	(void)!dlms_get_all(d, &profile, &data);
	(void)!dlms_get_many(d, names, 2, pass, NULL);
	(void)!dlms_set(d, &names[0], (struct octets){ value, sizeof(value) });
	(void)!dlms_action(d, &names[0], (struct octets){ value, sizeof(value) }, &data);
	dlms_close(d);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct line_settings settings = { 9600, 8, PARITY_NONE, 1 };
	static const struct line_timing timing = { .answer_ms = 1, .gap_ms = 1, .tries = 1 };
	struct script_step steps[STEPS];
	struct rd r = rd_init(data, len);
	struct line *line;
	struct dlms d = {
		.apdu = apdu, .apdu_size = sizeof(apdu), .frame = frame, .frame_size = sizeof(frame),
		.server = { { 0x02, 0x21 }, 2 }, .client = 32, .context = CONTEXT_PLAIN,
		.mechanism = MECHANISM_LLS, .secret = "1", .secret_len = 1,
		.propose = { 128, 1024, 1, 3 }, .conformance = DLMS_CONFORMANCE,
		.max_pdu = DLMS_MAX_PDU,
		.cipher = { .control = SC_BOTH },
	};

	if (len > 0 && (data[0] & 1)) {
		d.context = CONTEXT_CIPHERED;
		d.mechanism = MECHANISM_GMAC;
	}
	for (size_t i = 0; i < STEPS; i++)
		steps[i] = (struct script_step){ .rx = answers[i],
			.rx_len = put_answer(answers[i], &r) };
	if (line_open_script(&line, steps, STEPS) < 0)
		return 0;
	if (line_configure(line, &settings, &timing, SOFT_NONE) == E_OK) {
		d.line = line;
		talk(&d);
	}
	line_close(line);
	return 0;
}
