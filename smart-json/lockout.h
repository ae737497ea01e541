/* Counts wrong logins by source address (smart-json.md 3.1).  Pure: the time is told. */
#ifndef USPD_SMART_JSON_LOCKOUT_H
#define USPD_SMART_JSON_LOCKOUT_H

#include <stdint.h>

enum { LOCKOUT_WRONG = 10, LOCKOUT_WINDOW_S = 60, LOCKOUT_PEERS = 256 };

/* Start with a zeroed structure.  The address longest quiet makes room for a new one. */
struct lockout {
	struct lockout_peer {
		char peer[64];
		int64_t wrong_us[LOCKOUT_WRONG];	/* a ring */
		uint64_t n;
	} peers[LOCKOUT_PEERS];
};

/* Seconds until the address may try again; 0: now. */
unsigned lockout_wait_s(const struct lockout *, const char *peer, int64_t now_us);
void lockout_wrong(struct lockout *, const char *peer, int64_t now_us);

#endif
