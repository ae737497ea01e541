/* The TCP wrapper: version 0001, source, destination, length, APDU (meter-spodes-dlms.md 4). */
#ifndef USPD_METERS_DLMS_WRAPPER_CODEC_H
#define USPD_METERS_DLMS_WRAPPER_CODEC_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "src/base/cursor.h"
#include "src/base/err.h"

enum { WRAPPER_HEAD = 8 };
struct wrapper { uint16_t from, to; const uint8_t *apdu; size_t len; };

void wrapper_put(struct wr *, uint16_t from, uint16_t to, const uint8_t *apdu, size_t len);
/* One whole wrapper, exactly.  E_FRAME. */
int wrapper_parse(const uint8_t *, size_t, struct wrapper *) USPD_MUST_CHECK;

/* Framer: the ports are those of the awaited answer; notifications are dropped as foreign. */
struct wrapper_expect { uint16_t from, to; };
framer wrapper_framer;

#endif
