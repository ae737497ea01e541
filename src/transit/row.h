/* A row of the table "servers/tcp" (smart-json.md 8.4, with the extensions of transit.md). */
#ifndef USPD_TRANSIT_ROW_H
#define USPD_TRANSIT_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/system/address.h"

enum transit_mode { MODE_REFUSE, MODE_KICK, MODE_WAIT, MODE_SHARED };	/* transit.md 4 */
enum transit_proto { PROTO_RAW, PROTO_LINE, PROTO_RFC2217 };		/* transit.md 6 */
enum transit_iface { FROM_ANY, FROM_ETH, FROM_MODEM };

enum { ROW_NETWORKS = 16 };

struct tcp_row {
	uint16_t port;
	unsigned bus;			/* 1..4; 0: RTU-327 */
	bool tls;
	enum transit_mode mode;
	enum transit_proto proto;
	enum transit_iface iface;
	uint32_t frame_hold_ms;		/* 0..1000; 0 = off */
	uint32_t wait_s;		/* 1..3600; 30 */
	uint32_t max_clients;		/* 1..16; 4 */
	uint32_t share_quiet_ms;	/* 10..60000; 300 */
	int32_t idle_s;			/* 0..86400; -1 = transit.idle_s of the settings */
	struct address_range allow[ROW_NETWORKS];
	unsigned n_allow;		/* 0: everybody */
};

/* Pure.  A member that is absent or empty has its default; port and type must be there.  E_INVALID:
 * a member makes no sense; `why` names it. */
int tcp_row_parse(struct tcp_row *, const char *json, char *why, size_t why_size) USPD_MUST_CHECK;
/* Same listener: sessions stay when only other members differ. */
bool tcp_row_same_listener(const struct tcp_row *, const struct tcp_row *);
/* `address` is IPv6, or IPv4 mapped into it. */
bool tcp_row_allows(const struct tcp_row *, const uint8_t address[static 16]);

#endif
