/* The HDLC link: set-up, segments both ways, windows, repeats (meter-spodes-dlms.md 3.5, 3.6, 3.8).
 *
 * We always poll (P/F set) and so answer once per run of the meter's frames.  The line repeats what was
 * damaged by itself; here silence, busy meters and lost segments are dealt with. */
#include "meters/dlms/dlms.h"

#include <string.h>

enum { LLC_LEN = 3, TURNS_MOST = 2000, SILENCES_MOST = 3, POLLS_MOST = 10, BUSY_MOST = 25 };
enum { POLL_PAUSE_MS = 100, BUSY_PAUSE_MS = 200, SETUP_TRIES = 2 };
static const uint8_t llc_sent[LLC_LEN] = { 0xe6, 0xe6, 0x00 };
static const uint8_t llc_received[LLC_LEN] = { 0xe6, 0xe7, 0x00 };

/* ---- one turn ---- */

static struct hdlc_address
client_of(const struct dlms *d)
{
	return (struct hdlc_address){ { (uint8_t)(d->client << 1 | 1) }, 1 };
}

/* Sends one frame, polling; *n octets of frames come back in d->frame. */
static int
turn(struct dlms *d, const struct hdlc_frame *frame, size_t *n)
{
	const struct hdlc_expect expect = { .to = client_of(d), .from = d->server };
	uint8_t buf[DLMS_INFO_TX_MAX + HDLC_OVERHEAD];
	struct wr w = wr_init(buf, sizeof(buf));
	struct hdlc_frame f = *frame;
	int rc;

	f.to = d->server;
	f.from = client_of(d);
	f.final = true;
	hdlc_put(&w, &f);
	if (!wr_ok(&w))
		return E_LIMIT;
	rc = line_exchange(d->line, w.buf, w.len, hdlc_framer, &expect, d->frame, d->frame_size, n);
	return rc == E_FOREIGN ? E_TIMEOUT : rc;
}

/* ---- set-up (3.5) ---- */

static int
send_command(struct dlms *d, enum hdlc_kind kind, struct hdlc_frame *answer)
{
	uint8_t info[32];
	struct wr w = wr_init(info, sizeof(info));
	struct hdlc_frame f = { .kind = kind };
	size_t n, used;
	int rc;

	if (kind == HDLC_SNRM && !d->plain_limits) {
		hdlc_put_limits(&w, &d->propose);
		f.info = info;
		f.info_len = w.len;
	}
	rc = turn(d, &f, &n);
	return rc < 0 ? rc : hdlc_parse(d->frame, n, &used, answer);
}

static int
take_limits(struct dlms *d, const struct hdlc_frame *ua)
{
	const struct hdlc_limits ours = d->plain_limits ? hdlc_limits_plain : d->propose;
	struct hdlc_limits theirs;
	size_t most;
	int rc = hdlc_parse_limits(ua->info, ua->info_len, &theirs);

	if (rc < 0)
		return rc;
	d->limits = hdlc_agree(&ours, &theirs);
	if (d->limits.info_tx > DLMS_INFO_TX_MAX)
		d->limits.info_tx = DLMS_INFO_TX_MAX;
	most = d->frame_size / (d->limits.info_rx + (size_t)HDLC_OVERHEAD);
	if (d->limits.window_rx > most)
		d->limits.window_rx = (uint8_t)most;
	d->vs = d->vr = 0;
	d->is_linked = true;
	return E_OK;
}

int
hdlc_link_open(struct dlms *d)
{
	struct hdlc_frame answer;
	int rc;

	d->is_linked = false;
	if (d->disc_first) {
		rc = send_command(d, HDLC_DISC, &answer);
		if (rc < 0 && rc != E_TIMEOUT && rc != E_FRAME && rc != E_CHECKSUM)
			return rc;
	}
	for (int i = 0; i < SETUP_TRIES; i++) {
		rc = send_command(d, HDLC_SNRM, &answer);
		if (rc < 0)
			return rc;
		if (answer.kind == HDLC_UA)
			return take_limits(d, &answer);
		if (answer.kind == HDLC_FRMR)
			d->plain_limits = true;
		else if ((rc = send_command(d, HDLC_DISC, &answer)) < 0)
			return rc;
	}
	return E_BUSY;
}

void
hdlc_link_close(struct dlms *d)
{
	struct hdlc_frame answer;

	/* Either answer, or none, is good: the meter's own time limit does the rest. */
	(void)!send_command(d, HDLC_DISC, &answer);
	d->is_linked = false;
}

/* ---- a request and its answer (3.6) ---- */

struct talk {
	struct dlms *d;
	struct octets request;		/* LLC included */
	size_t acked;			/* octets of it the meter has */
	uint8_t *to;
	size_t room, len;
	bool is_begun;			/* the first segment of the answer is there */
	bool is_whole;
	bool must_poll;			/* RR is next, though the request is not acknowledged */
	bool has_rejected;
	bool must_reject;
	unsigned turns, silences, polls, busy;
};

static bool
is_sent(const struct talk *t)
{
	return t->acked == t->request.len;
}

static size_t
next_piece(const struct talk *t)
{
	size_t left = t->request.len - t->acked, most = t->d->limits.info_tx;

	return left < most ? left : most;
}

static struct hdlc_frame
next_frame(struct talk *t)
{
	struct dlms *d = t->d;
	struct hdlc_frame f = { .kind = HDLC_RR, .nr = d->vr };
	size_t piece = next_piece(t);

	if (t->must_reject)
		f.kind = HDLC_REJ;
	else if (!is_sent(t) && !t->must_poll) {
		f = (struct hdlc_frame){ .kind = HDLC_I, .ns = d->vs, .nr = d->vr };
		f.info = t->request.p + t->acked;
		f.info_len = piece;
		f.segmented = t->acked + piece < t->request.len;
	}
	t->must_reject = t->must_poll = false;
	return f;
}

/* N(R) of whatever came tells whether our last segment has arrived. */
static void
acknowledge(struct talk *t, const struct hdlc_frame *f)
{
	struct dlms *d = t->d;

	if (is_sent(t) || f->nr != ((d->vs + 1) & 7))
		return;
	t->acked += next_piece(t);
	d->vs = (d->vs + 1) & 7;
}

static int
append(struct talk *t, const struct hdlc_frame *f)
{
	const uint8_t *p = f->info;
	size_t n = f->info_len;

	if (!t->is_begun && n >= LLC_LEN && memcmp(p, llc_received, LLC_LEN) == 0) {
		p += LLC_LEN;
		n -= LLC_LEN;
	}
	t->is_begun = true;
	if (n > t->room - t->len)
		return E_LIMIT;
	if (n > 0)
		memcpy(t->to + t->len, p, n);
	t->len += n;
	return E_OK;
}

static int
take_information(struct talk *t, const struct hdlc_frame *f)
{
	struct dlms *d = t->d;
	int rc;

	if (f->ns != d->vr) {
		/* One we have had is passed over; one too far means another was lost. */
		if (((d->vr - f->ns) & 7) > HDLC_WINDOW_MAX / 2 + 1) {
			if (t->has_rejected)
				return E_FRAME;
			t->has_rejected = t->must_reject = true;
		}
		return E_OK;
	}
	d->vr = (d->vr + 1) & 7;
	t->silences = t->polls = 0;
	t->has_rejected = false;
	rc = append(t, f);
	if (rc < 0 || f->segmented)
		return rc;
	if (t->len > 0 && (t->to[0] == APDU_NOTIFICATION || t->to[0] == APDU_EVENT)) {
		t->len = 0; /* the meter spoke of its own accord: the answer is still to come */
		t->is_begun = false;
		return E_OK;
	}
	t->is_whole = true;
	return E_OK;
}

static int
pause(struct talk *t, unsigned *count, unsigned most, uint32_t ms)
{
	t->must_poll = true;
	return ++*count > most ? E_BUSY : line_silence(t->d->line, ms);
}

static int
take_frame(struct talk *t, const struct hdlc_frame *f)
{
	struct hdlc_reject why;
	size_t acked = t->acked;

	switch (f->kind) {
	case HDLC_I:
		acknowledge(t, f);
		if (is_sent(t))
			return take_information(t, f);
		t->silences++; /* a late answer to something else */
		return E_OK;
	case HDLC_RR:
		acknowledge(t, f);
		if (is_sent(t)) /* it works on the answer */
			return pause(t, &t->polls, POLLS_MOST, POLL_PAUSE_MS);
		t->silences += t->acked == acked; /* it has not got the last frame: once more */
		return E_OK;
	case HDLC_RNR:
		acknowledge(t, f);
		return pause(t, &t->busy, BUSY_MOST, BUSY_PAUSE_MS);
	case HDLC_REJ:
		acknowledge(t, f);
		t->silences++;
		return E_OK;
	case HDLC_FRMR:
		if (hdlc_reject(f, &why) == E_OK && why.too_long)
			t->d->plain_limits = true;
		t->d->is_linked = false;
		return E_FRAME;
	case HDLC_DM: case HDLC_SNRM: case HDLC_DISC:
		t->d->is_linked = false;
		return E_FRAME;
	default:
		t->must_poll = true;
		return E_OK;
	}
}

static int
take_run(struct talk *t, size_t n)
{
	const uint8_t *p = t->d->frame;
	struct hdlc_frame f;
	size_t used;
	int rc = E_OK;

	while (rc == E_OK && n > 1 && !t->is_whole) {
		rc = hdlc_parse(p, n, &used, &f);
		if (rc < 0)
			return rc == E_NODATA ? E_FRAME : rc;
		rc = take_frame(t, &f);
		p += used;
		n -= used;
	}
	return rc;
}

/* First the same frame again, then only the question for what is ready (3.8). */
static int
on_silence(struct talk *t)
{
	t->silences++;
	t->must_poll = t->silences > 1 || t->d->is_slow;
	return t->silences >= SILENCES_MOST ? E_TIMEOUT : E_OK;
}

static int
converse(struct talk *t)
{
	struct hdlc_frame f;
	size_t n;
	int rc;

	while (!t->is_whole) {
		if (++t->turns > TURNS_MOST || t->silences > SILENCES_MOST)
			return E_FRAME;
		f = next_frame(t);
		rc = turn(t->d, &f, &n);
		rc = rc == E_TIMEOUT ? on_silence(t) : rc < 0 ? rc : take_run(t, n);
		if (rc < 0)
			return rc;
	}
	return E_OK;
}

int
hdlc_link_ask(struct dlms *d, struct octets apdu, size_t at, size_t *len)
{
	uint8_t buf[LLC_LEN + DLMS_REQUEST_MAX + CIPHER_OVERHEAD];
	struct wr w = wr_init(buf, sizeof(buf));
	struct talk t = { .d = d, .to = d->apdu + at, .room = d->apdu_size - at };
	int rc;

	wr_bytes(&w, llc_sent, LLC_LEN);
	wr_bytes(&w, apdu.p, apdu.len);
	if (!wr_ok(&w) || at > d->apdu_size)
		return E_LIMIT;
	if (!d->is_linked)
		return E_FRAME;
	t.request = (struct octets){ buf, w.len };
	rc = converse(&t);
	*len = t.len;
	d->is_slow = false;
	if (rc == E_TIMEOUT)
		d->is_linked = false; /* there is nobody to say farewell to */
	return rc;
}
