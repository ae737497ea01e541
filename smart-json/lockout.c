#include "smart-json/lockout.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_US (LOCKOUT_WINDOW_S * INT64_C(1000000))

static int64_t
last_us(const struct lockout_peer *p)
{
	return p->n > 0 ? p->wrong_us[(p->n - 1) % LOCKOUT_WRONG] : INT64_MIN;
}

unsigned
lockout_wait_s(const struct lockout *lockout, const char *peer, int64_t now_us)
{
	for (size_t i = 0; i < LOCKOUT_PEERS; i++) {
		const struct lockout_peer *p = &lockout->peers[i];
		int64_t until_us;

		if (p->n < LOCKOUT_WRONG || strcmp(p->peer, peer) != 0)
			continue;
		/* The oldest of the last ten. */
		until_us = p->wrong_us[p->n % LOCKOUT_WRONG] + WINDOW_US;
		return until_us > now_us ? (unsigned)((until_us - now_us + 999999) / 1000000) : 0;
	}
	return 0;
}

void
lockout_wrong(struct lockout *lockout, const char *peer, int64_t now_us)
{
	struct lockout_peer *own = NULL, *quietest = &lockout->peers[0];

	for (size_t i = 0; i < LOCKOUT_PEERS && own == NULL; i++) {
		struct lockout_peer *p = &lockout->peers[i];

		if (p->n > 0 && strcmp(p->peer, peer) == 0)
			own = p;
		if (last_us(p) < last_us(quietest))
			quietest = p;
	}
	if (own == NULL) {
		own = quietest;
		memset(own, 0, sizeof(*own));
		snprintf(own->peer, sizeof(own->peer), "%s", peer);
	}
	own->wrong_us[own->n++ % LOCKOUT_WRONG] = now_us;
}
