/* What may stand before the bytes of a transit connection.  Pure.
 *
 * PROXY v1 (of the proxy before a TLS row), at most 107 bytes:
 *	PROXY TCP4 192.0.2.7 192.0.2.1 50123 4444\r\n
 *	PROXY UNKNOWN ...\r\n
 * SET (transit.md 6.3), at most 32 bytes:
 *	SET 9600,8n1\n */
#ifndef USPD_TRANSIT_HEADER_H
#define USPD_TRANSIT_HEADER_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"

enum { HEADER_PROXY_MOST = 107, HEADER_SET_MOST = 32 };
enum header_verdict {
	HEADER_MORE,		/* goes well so far */
	HEADER_WHOLE,		/* *len bytes are the header */
	HEADER_NONE		/* these bytes are no such header */
};

/* "192.0.2.7:50123" and the address as IPv6 (IPv4 mapped); "" and zeros: unknown. */
struct header_end { char text[64]; uint8_t address[16]; uint16_t port; };
struct header_proxy { struct header_end client, server; };
enum header_verdict header_proxy(const uint8_t *, size_t, struct header_proxy *, size_t *len);
enum header_verdict header_set(const uint8_t *, size_t, struct line_settings *, size_t *len);

#endif
