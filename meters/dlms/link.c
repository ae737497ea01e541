/* The two ways to a meter: HDLC, and the wrapper of TCP (meter-spodes-dlms.md 4). */
#include "meters/dlms/dlms.h"

#include <string.h>

#include "meters/dlms/wrapper_codec.h"

/* No repeats: TCP loses nothing, and a late answer would be taken for that of the next request. */
static int
wrapper_ask(struct dlms *d, struct octets apdu, size_t at, size_t *len)
{
	const struct wrapper_expect expect = { .from = d->logical, .to = d->client };
	uint8_t buf[DLMS_REQUEST_MAX + CIPHER_OVERHEAD + WRAPPER_HEAD];
	struct wr w = wr_init(buf, sizeof(buf));
	int rc;

	wrapper_put(&w, d->client, d->logical, apdu.p, apdu.len);
	if (!wr_ok(&w) || at >= d->apdu_size)
		return E_LIMIT;
	rc = line_exchange(d->line, w.buf, w.len, wrapper_framer, &expect, d->apdu + at,
	    d->apdu_size - at, len);
	if (rc < 0) {
		d->is_linked = false;
		return rc;
	}
	*len -= WRAPPER_HEAD;
	memmove(d->apdu + at, d->apdu + at + WRAPPER_HEAD, *len);
	return E_OK;
}

int
dlms_link_open(struct dlms *d)
{
	if (d->transport == DLMS_HDLC)
		return hdlc_link_open(d);
	d->is_linked = true;
	return E_OK;
}

int
dlms_link_ask(struct dlms *d, struct octets apdu, size_t at, size_t *len)
{
	return d->transport == DLMS_HDLC ? hdlc_link_ask(d, apdu, at, len) :
					   wrapper_ask(d, apdu, at, len);
}

void
dlms_link_close(struct dlms *d)
{
	if (d->is_linked && d->transport == DLMS_HDLC)
		hdlc_link_close(d);
	d->is_linked = false;
}
