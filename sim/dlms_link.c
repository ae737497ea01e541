/* The meter's end of an HDLC link (meter-spodes-dlms.md 3): connect, number, segment, repeat. */
#include "sim/dlms.h"

#include <string.h>

#include "sim/dlms_hdlc.h"

enum {
	INFO_PLAIN = 128,		/* without parameters, both ways (3.5) */
	REQUEST_MOST = 65536,		/* an APDU in segments */
	PAR_INFO_TX = 5, PAR_INFO_RX = 6, PAR_WINDOW_TX = 7, PAR_WINDOW_RX = 8,
	REJECT_CONTROL = 1, REJECT_LONG = 4, REJECT_NUMBER = 8,		/* W Y Z of FRMR */
	BROADCAST_2 = 0x7F, BROADCAST_4 = 0x3FFF,
};
static const uint8_t llc[3] = { 0xE6, 0xE7, 0x00 };

/* One frame and where its answer goes. */
struct turn {
	struct sim_dlms_call *call;
	const struct sim_hdlc *in;
	struct sim_hdlc out;		/* addresses are filled in */
	struct wr *w;
};

static uint8_t
next(unsigned number)
{
	return number & 7;
}

static void
put(struct turn *turn, unsigned control, const uint8_t *info, size_t n)
{
	struct sim_hdlc out = turn->out;

	out.control = (uint8_t)control;
	out.info = info;
	out.info_n = n;
	sim_hdlc_put(turn->w, &out);
}

static void
put_supervisory(struct turn *turn, unsigned control)
{
	put(turn, control | (unsigned)turn->call->d->link.vr << 5, NULL, 0);
}

static void
reject(struct turn *turn, unsigned why)
{
	struct sim_dlms_link *link = &turn->call->d->link;
	uint8_t info[3] = { turn->in->control,
		(uint8_t)(next(link->base + link->sent) << 1 | link->vr << 5), (uint8_t)why };

	link->rejected = true;
	put(turn, SIM_HDLC_FRMR, info, sizeof(info));
}

/* Parameter `id` of SNRM (05 and 06: 1 or 2 octets, windows: 1 or 4), or what is meant without it. */
static unsigned
parameter(const struct sim_hdlc *in, unsigned id, unsigned otherwise)
{
	struct rd r = rd_init(in->info, in->info_n);

	rd_skip(&r, 3);
	while (rd_left(&r) >= 2) {
		unsigned found = rd_u8(&r), n = rd_u8(&r), v = 0;

		if (n > 4 || n > rd_left(&r))
			return otherwise;
		while (n-- > 0)
			v = v << 8 | rd_u8(&r);
		if (found == id)
			return v;
	}
	return otherwise;
}

static unsigned
least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static void
put_size(struct wr *w, unsigned id, unsigned v, bool two)
{
	wr_u8(w, (uint8_t)id);
	wr_u8(w, two || v > 0xFF ? 2 : 1);
	if (two || v > 0xFF)
		wr_u16_be(w, (uint16_t)v);
	else
		wr_u8(w, (uint8_t)v);
}

static void
put_ua(struct turn *turn, unsigned window_rx)
{
	const struct sim_dlms *d = turn->call->d;
	uint8_t info[40];
	struct wr w = wr_init(info, sizeof(info));
	bool two = d->k.ua == SIM_UA_TWO;

	wr_u16_be(&w, 0x8180);
	wr_u8(&w, 0);
	put_size(&w, PAR_INFO_TX, d->link.info_tx, two);
	put_size(&w, PAR_INFO_RX, d->link.info_rx, two);
	wr_u8(&w, PAR_WINDOW_TX);
	wr_u8(&w, 4);
	wr_u32_be(&w, d->link.window_tx);
	wr_u8(&w, PAR_WINDOW_RX);
	wr_u8(&w, 4);
	wr_u32_be(&w, window_rx);
	info[2] = (uint8_t)(w.len - 3);
	put(turn, SIM_HDLC_UA, info, d->k.ua == SIM_UA_EMPTY ? 0 : w.len);
}

static void
connect(struct turn *turn)
{
	struct sim_dlms *d = turn->call->d;
	uint8_t client = turn->in->source[0] >> 1;
	bool known = client == d->k.client_public || client == d->k.client_reader ||
	    client == d->k.client_configurator;
	unsigned window_rx;

	if (d->link.open && d->k.disc_first)
		return;
	if (!known || (d->link.open && d->k.one_client && d->link.client != client)) {
		put(turn, SIM_HDLC_DM, NULL, 0);
		return;
	}
	sim_dlms_forget(d);
	d->link.open = true;
	d->link.client = client;
	if (d->k.ua == SIM_UA_EMPTY) {
		d->link.info_tx = d->link.info_rx = INFO_PLAIN;
		d->link.window_tx = 1;
		window_rx = 1;
	} else {
		d->link.info_tx = (uint16_t)least((unsigned)d->k.info_tx,
		    parameter(turn->in, PAR_INFO_RX, INFO_PLAIN));
		d->link.info_rx = (uint16_t)least((unsigned)d->k.info_rx,
		    parameter(turn->in, PAR_INFO_TX, INFO_PLAIN));
		d->link.window_tx = (uint8_t)least((unsigned)d->k.window_tx,
		    parameter(turn->in, PAR_WINDOW_RX, 1));
		window_rx = least((unsigned)d->k.window_rx, parameter(turn->in, PAR_WINDOW_TX, 1));
	}
	if (d->link.info_tx < 8 || d->link.window_tx == 0)
		d->link.open = false;
	else
		put_ua(turn, window_rx);
}

static void
disconnect(struct turn *turn)
{
	struct sim_dlms *d = turn->call->d;

	if (!d->link.open || d->link.client != turn->in->source[0] >> 1) {
		put(turn, SIM_HDLC_DM, NULL, 0);
		return;
	}
	put_ua(turn, 1);
	sim_dlms_forget(d);
}

static unsigned
segments(const struct sim_dlms *d)
{
	return (unsigned)((d->answer.len + d->link.info_tx - 1) / d->link.info_tx);
}

/* Sends what the window allows from the first segment that is not acknowledged. */
static void
send_segments(struct turn *turn)
{
	struct sim_dlms *d = turn->call->d;
	unsigned all = segments(d), end = d->link.acked + d->link.window_tx;
	struct sim_hdlc out = turn->out;

	if (end > all)
		end = all;
	for (unsigned i = d->link.acked; i < end; i++) {
		size_t at = (size_t)i * d->link.info_tx;
		bool last = i + 1 == end;

		out.control = (uint8_t)(d->link.vr << 5 | (last ? SIM_HDLC_POLL : 0) |
		    next(d->link.base + i) << 1);
		out.more = i + 1 < all;
		out.info = (const uint8_t *)d->answer.p + at;
		out.info_n = d->answer.len - at < d->link.info_tx ? d->answer.len - at :
								    d->link.info_tx;
		sim_hdlc_put(turn->w, &out);
	}
	if (end > d->link.sent)
		d->link.sent = end;
}

/* N(R) of the client: the segments before it have arrived. */
static bool
acknowledge(struct sim_dlms *d, unsigned nr)
{
	unsigned more = next(nr - next(d->link.base + d->link.acked));

	if (d->link.acked + more > d->link.sent)
		return false;
	d->link.acked += more;
	return true;
}

/* Continues, or repeats from N(R); with nothing left says how far we have read. */
static void
go_on(struct turn *turn)
{
	struct sim_dlms *d = turn->call->d;

	if (!acknowledge(d, turn->in->control >> 5))
		reject(turn, REJECT_NUMBER);
	else if (d->link.acked < segments(d))
		send_segments(turn);
	else
		put_supervisory(turn, SIM_HDLC_RR);
}

static void
answer_apdu(struct turn *turn)
{
	struct sim_dlms *d = turn->call->d;
	struct text made = { NULL };
	size_t n = d->request.len;
	const uint8_t *p = (const uint8_t *)d->request.p;

	d->link.base = next(d->link.base + d->link.sent);
	d->link.sent = d->link.acked = 0;
	text_clear(&d->answer);
	turn->call->bare = false;
	if (n > 3 && p[0] == 0xE6 && p[1] == 0xE6 && p[2] == 0)
		sim_dlms_apdu(turn->call, p + 3, n - 3, &made);
	text_clear(&d->request);
	if (made.len > 0 && !turn->call->bare)
		text_add(&d->answer, llc, sizeof(llc));
	text_add(&d->answer, made.p, made.len);
	text_free(&made);
}

/* An unsolicited DataNotification comes before every n-th answer (18). */
static void
push(struct turn *turn)
{
	struct sim_dlms *d = turn->call->d;
	struct text body = { NULL };

	if (d->k.push_every == 0 || ++d->pushes % (unsigned)d->k.push_every != 0)
		return;
	text_add(&body, llc, sizeof(llc));
	sim_ax_byte(&body, 0x0F);
	sim_ax_be(&body, d->pushes, 4);
	sim_ax_byte(&body, AX_STAMP_SIZE);
	sim_ax_stamp(&body, turn->call->t, d->k.deviation_min, 0);
	sim_ax_number(&body, AX_U32, 0x10);
	if (!body.failed)
		put(turn, SIM_HDLC_UI, (const uint8_t *)body.p, body.len);
	text_free(&body);
}

static void
information(struct turn *turn)
{
	struct sim_dlms *d = turn->call->d;
	const struct sim_hdlc *in = turn->in;
	uint8_t ns = in->control >> 1 & 7;
	bool poll = (in->control & SIM_HDLC_POLL) != 0;

	if (d->k.drop_every > 0 && ++d->link.frames % (unsigned)d->k.drop_every == 0) {
		sim_dlms_forget(d);
		put(turn, SIM_HDLC_DM, NULL, 0);
		return;
	}
	if (in->info_n > d->link.info_rx || d->request.len + in->info_n > REQUEST_MOST) {
		reject(turn, REJECT_LONG);
		return;
	}
	if (ns == next(d->link.vr + 7U) && poll && d->request.len == 0) {
		go_on(turn); /* heard before: the same answer, nothing is done again */
		return;
	}
	if (ns != d->link.vr) {
		if (poll)
			put_supervisory(turn, ns == next(d->link.vr + 7U) ? SIM_HDLC_RR : SIM_HDLC_REJ);
		return;
	}
	d->link.vr = next(d->link.vr + 1U);
	text_add(&d->request, in->info, in->info_n);
	if (in->more) {
		if (poll)
			put_supervisory(turn, SIM_HDLC_RR);
		return;
	}
	answer_apdu(turn);
	push(turn);
	if (poll && d->answer.len > 0)
		send_segments(turn);
}

static void
handle(struct turn *turn)
{
	struct sim_dlms *d = turn->call->d;
	uint8_t control = turn->in->control, kind = control & ~SIM_HDLC_POLL;
	bool poll = (control & SIM_HDLC_POLL) != 0;

	if (kind == (SIM_HDLC_SNRM & ~SIM_HDLC_POLL)) {
		connect(turn);
	} else if (kind == (SIM_HDLC_DISC & ~SIM_HDLC_POLL)) {
		disconnect(turn);
	} else if (!d->link.open || d->link.client != turn->in->source[0] >> 1) {
		if (poll)
			put(turn, SIM_HDLC_DM, NULL, 0);
	} else if (d->link.rejected) {
		reject(turn, REJECT_CONTROL);
	} else if ((control & 1) == 0) {
		information(turn);
	} else if ((control & 0x0F) == 0x01 || (control & 0x0F) == 0x09) {
		if (poll)
			go_on(turn);
	} else if ((control & 0x0F) == 0x05) {
		if (poll)
			put_supervisory(turn, SIM_HDLC_RR);
	} else {
		reject(turn, REJECT_CONTROL);
	}
}

/* Is the frame for this meter, in a form it listens to? */
static bool
addressed(const struct turn *turn)
{
	const struct sim_dlms *d = turn->call->d;
	const struct sim_hdlc *in = turn->in;
	unsigned upper, lower, size = (unsigned)d->k.address_size;

	if (in->source_n != 1 || (size == 0 ? in->destination_n == 1 : in->destination_n != size))
		return false;
	sim_hdlc_numbers(in->destination, in->destination_n, &upper, &lower);
	if (in->destination_n == 1)
		return upper == turn->call->m->address;
	return upper == (unsigned)d->k.logical &&
	    (lower == turn->call->m->address ||
		lower == (in->destination_n == 2 ? BROADCAST_2 : BROADCAST_4));
}

size_t
sim_dlms_link(struct sim_dlms_call *call, const uint8_t *req, size_t n, struct wr *w)
{
	struct sim_hdlc in;
	size_t at = 0;

	while (sim_hdlc_next(req, n, &at, &in)) {
		struct turn turn = { .call = call, .in = &in, .w = w };

		if (!addressed(&turn))
			continue;
		call->m->counters.heard++;
		call->client = in.source[0] >> 1;
		turn.out.destination_n = 1;
		turn.out.destination[0] = in.source[0];
		turn.out.source_n = in.destination_n;
		sim_hdlc_address(
		    (unsigned)(in.destination_n == 1 ? call->m->address : call->d->k.logical),
		    call->m->address, in.destination_n, turn.out.source);
		handle(&turn);
	}
	return wr_ok(w) ? w->len : 0;
}
