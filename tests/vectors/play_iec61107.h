/* Shared by the adapters of IEC 62056-21 vectors. */
#ifndef USPD_TESTS_VECTORS_PLAY_IEC61107_H
#define USPD_TESTS_VECTORS_PLAY_IEC61107_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meters/iec61107.h"

struct play_bytes {
	uint8_t data[IEC_FRAME_MAX];
	size_t len;
};

/* Hex digits to bytes; an absent text gives none.  False when it is not hex or too long. */
bool play_hex(const json_t *, struct play_bytes *);
json_t *play_hex_json(const struct play_bytes *);
/* Builds the telegram that was taken apart again; false when it is not the same bytes. */
bool play_rebuilds(const struct iec_telegram *, enum iec_bcc, const struct play_bytes *);
/* Our framer takes exactly these bytes as one answer. */
bool play_framed(enum iec_bcc, const struct play_bytes *);
json_t *play_text(struct iec_text);
void play_ident(json_t *to, const struct iec_telegram *);

#endif
