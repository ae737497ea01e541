/* Any bytes as what a transit client or a proxy may send: telnet with the com port option fed whole
 * and byte by byte, the PROXY line, the SET line. */
#include <stdlib.h>
#include <string.h>

#include "src/transit/header.h"
#include "src/transit/rfc2217.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct made {
	uint8_t *data, *reply;
	struct wr d, r;
	uint32_t asks;		/* a sum over what was asked */
};

static void
feed(struct made *m, const uint8_t *in, size_t size, size_t piece)
{
	struct rfc2217 telnet = { 0 };
	struct rfc2217_ask ask;

	m->data = malloc(size + 1);
	m->reply = malloc(3 * size + 1);
	if (m->data == NULL || m->reply == NULL)
		abort();
	m->d = wr_init(m->data, size + 1);
	m->r = wr_init(m->reply, 3 * size + 1);
	m->asks = 0;
	for (size_t at = 0; at < size;) {
		size_t n = size - at < piece ? size - at : piece;
		size_t taken = rfc2217_take(&telnet, in + at, n, &m->d, &ask, &m->r);

		if (taken == 0 || taken > n)
			abort();
		at += taken;
		if (ask.command != COM_NONE)
			m->asks = m->asks * 31 + (uint32_t)ask.command * 7 + ask.value;
	}
	if (!wr_ok(&m->d) || !wr_ok(&m->r))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line_settings settings;
	struct header_proxy proxy;
	struct made whole, pieces;
	size_t len = 0;

	feed(&whole, data, size, size);
	feed(&pieces, data, size, 1);
	if (whole.asks != pieces.asks || whole.d.len != pieces.d.len || whole.r.len != pieces.r.len ||
	    memcmp(whole.data, pieces.data, whole.d.len) != 0 ||
	    memcmp(whole.reply, pieces.reply, whole.r.len) != 0)
		abort();
	free(whole.data);
	free(whole.reply);
	free(pieces.data);
	free(pieces.reply);
	if (header_proxy(data, size, &proxy, &len) == HEADER_WHOLE &&
	    (len > size || len > HEADER_PROXY_MOST))
		abort();
	if (header_set(data, size, &settings, &len) == HEADER_WHOLE &&
	    (len > size || len > HEADER_SET_MOST))
		abort();
	return 0;
}
