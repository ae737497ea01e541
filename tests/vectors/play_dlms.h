/* Parts of the DLMS adapters: octets, values and APDUs to JSON under the names of the vectors. */
#ifndef USPD_TESTS_VECTORS_PLAY_DLMS_H
#define USPD_TESTS_VECTORS_PLAY_DLMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/dlms/cipher.h"
#include "meters/dlms/xdlms_codec.h"
#include "tests/vectors/play.h"

enum { PLAY_DLMS_MAX = 16 * 1024 };
struct play_octets {
	uint8_t p[PLAY_DLMS_MAX];
	size_t len;
};

/* Of one side of the conversation. */
struct play_side {
	struct play_octets joined;	/* segments of an APDU, or blocks of a value */
	uint8_t title[ACSE_TITLE_LEN];
};
struct play_dlms {
	struct cipher cipher;		/* keys of the vector; titles and counters as seen */
	struct play_side sent, received;
	struct play_octets blocks;	/* raw blocks of the value being read */
	bool wants_list;		/* the request was one with a list */
	/* For the proofs. */
	unsigned mechanism;
	uint8_t secret[64];
	size_t secret_len;
	struct play_octets ctos, stoc, pass3, pass4;
	char fault[160];		/* what our codec does otherwise; "" while all is well */
};

bool play_dlms_hex(const json_t *text, struct play_octets *);
json_t *play_dlms_hex_json(const uint8_t *, size_t);
void play_dlms_set(json_t *to, const char *key, json_t *value);
void play_dlms_set_int(json_t *to, const char *key, json_int_t);
/* Hands `out` over unless a fault was found. */
enum play_result play_dlms_finish(const struct play_dlms *, json_t *out, json_t **made, char *why,
    size_t why_size);
void play_dlms_fault(struct play_dlms *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The next value as the vectors write it; NULL when it cannot be read. */
json_t *play_dlms_value(struct axdr *);
/* One whole value. */
json_t *play_dlms_value_of(const uint8_t *, size_t);
json_t *play_dlms_name(const uint8_t name[6]);			/* "1.0.1.8.0.255" */
json_t *play_dlms_cosem(const struct cosem *);			/* "3/1.0.1.8.0.255/2" */
/* "2026-11-20 20:41:41" */
json_t *play_dlms_civil(const struct civil *);

/* One whole APDU of either side, protected or not; it is built again by our codec and compared. */
json_t *play_dlms_request(struct play_dlms *, const uint8_t *, size_t);
json_t *play_dlms_answer(struct play_dlms *, const uint8_t *, size_t);

/* Asks everything of a recorded session again through our client over the scripted line.  NULL: it went
 * as recorded, or the session has choices that are not ours; else what went otherwise. */
const char *play_dlms_replay(const json_t *vector, bool is_wrapper);

#endif
