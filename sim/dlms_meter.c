/* A СПОДЭС meter as its bus sees it: one request in, one answer out. */
#include "sim/dlms.h"

#include <stdlib.h>
#include <string.h>

#include "sim/dlms_hdlc.h"

enum { WRAPPER_HEAD = 8, WRAPPER_VERSION = 1 };

/* Length of the wrapped APDU; 0 when this is no whole wrapper. */
static size_t
wrapped(const uint8_t *req, size_t n)
{
	struct rd r = rd_init(req, n);
	unsigned version = rd_u16_be(&r);
	size_t length;

	rd_skip(&r, 4);
	length = rd_u16_be(&r);
	return !rd_failed(&r) && version == WRAPPER_VERSION && length > 0 && rd_left(&r) == length ?
	    length :
	    0;
}

bool
sim_dlms_whole(const uint8_t *req, size_t n)
{
	return wrapped(req, n) > 0 || (n > 0 && req[n - 1] == SIM_HDLC_FLAG && sim_hdlc_ends(req, n));
}

/* The client's number, our logical device, length, APDU (4). */
static size_t
answer_wrapper(struct sim_dlms_call *call, const uint8_t *req, size_t n, struct wr *w)
{
	struct text made = { NULL };
	unsigned client = (unsigned)req[2] << 8 | req[3], logical = (unsigned)req[4] << 8 | req[5];
	size_t length = wrapped(req, n);

	if (length == 0 || logical != (unsigned)call->d->k.logical || client > 0x7F)
		return 0;
	call->m->counters.heard++;
	call->client = (uint8_t)client;
	if (call->d->link.client != client)
		sim_dlms_forget(call->d);
	call->d->link.client = (uint8_t)client;
	sim_dlms_apdu(call, req + WRAPPER_HEAD, length, &made);
	if (made.len > 0 && !made.failed && made.len <= UINT16_MAX) {
		wr_u16_be(w, WRAPPER_VERSION);
		wr_u16_be(w, (uint16_t)logical);
		wr_u16_be(w, (uint16_t)client);
		wr_u16_be(w, (uint16_t)made.len);
		wr_bytes(w, made.p, made.len);
	}
	text_free(&made);
	return wr_ok(w) ? w->len : 0;
}

void
sim_dlms_forget_association(struct sim_dlms *d)
{
	d->as = (struct sim_dlms_association){ .role = SIM_NOBODY };
	d->get.active = d->set.active = false;
	text_clear(&d->get.data);
	text_clear(&d->set.data);
}

void
sim_dlms_forget(struct sim_dlms *d)
{
	uint32_t frames = d->link.frames;

	sim_dlms_forget_association(d);
	d->link = (struct sim_dlms_link){ .frames = frames };
	text_clear(&d->request);
	text_clear(&d->answer);
}

size_t
sim_dlms_answer(struct sim_meter *m, int64_t now_us, const uint8_t *req, size_t n,
    uint8_t out[SIM_ANSWER_MAX])
{
	struct sim_dlms *d = m->u.dlms;
	struct sim_dlms_call call = { .m = m,
		.d = d,
		.now_us = now_us,
		.t = sim_meter_time(m, now_us) };
	struct wr w = wr_init(out, SIM_ANSWER_MAX);
	bool wrapper = wrapped(req, n) > 0;

	if (d->k.inactivity_s > 0 && now_us - d->heard_us > d->k.inactivity_s * INT64_C(1000000))
		sim_dlms_forget(d);
	if (d->serial != m->load.serial) { /* exchanged for another meter */
		d->serial = m->load.serial;
		sim_dlms_forget(d);
	}
	if (wrapper && d->k.transport != SIM_TRANSPORT_HDLC)
		n = answer_wrapper(&call, req, n, &w);
	else if (!wrapper && d->k.transport != SIM_TRANSPORT_WRAPPER)
		n = sim_dlms_link(&call, req, n, &w);
	else
		n = 0;
	if (n > 0)
		d->heard_us = now_us;
	return n;
}

/* The same frame from the physical device one further. */
size_t
sim_dlms_foreign(const struct sim_meter *m, const uint8_t *answer, size_t n,
    uint8_t out[SIM_ANSWER_MAX])
{
	struct wr w = wr_init(out, SIM_ANSWER_MAX);
	struct sim_hdlc f;
	unsigned upper, lower;
	size_t at = 0;

	(void)m;
	while (sim_hdlc_next(answer, n, &at, &f)) {
		sim_hdlc_numbers(f.source, f.source_n, &upper, &lower);
		sim_hdlc_address(f.source_n == 1 ? upper % 126 + 1 : upper, lower % 125 + 1, f.source_n,
		    f.source);
		sim_hdlc_put(&w, &f);
	}
	return wr_ok(&w) ? w.len : 0;
}

/* Receiver not ready; the answer waits for RR. */
size_t
sim_dlms_busy(const struct sim_meter *m, const uint8_t *answer, size_t n, uint8_t out[SIM_ANSWER_MAX])
{
	struct wr w = wr_init(out, SIM_ANSWER_MAX);
	struct sim_hdlc f;
	size_t at = 0;

	(void)m;
	if (!sim_hdlc_next(answer, n, &at, &f) || (f.control & 1) != 0)
		return 0;
	f.control = (uint8_t)(SIM_HDLC_RNR | (f.control & 0xE0));
	f.info_n = 0;
	f.more = false;
	sim_hdlc_put(&w, &f);
	return wr_ok(&w) ? w.len : 0;
}
