/* Traffic of a serial bus as a pcapng file (draft-ietf-opsawg-pcapng), for Wireshark and its kind.
 *
 * Link type 250, LINKTYPE_RTAC_SERIAL: a header of 12 bytes with the time and the direction before
 * the bytes of the wire.  Unlike the user types it is dissected without being told how, and the
 * direction is seen by programs that do not show the flags of a block; these tell it, too. */
#ifndef USPD_SMART_JSON_PCAPNG_H
#define USPD_SMART_JSON_PCAPNG_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "src/base/text.h"

/* The section and its one interface; `name` of it: "Iface1". */
void pcapng_begin(struct text *, const char *name);
/* One packet; len at most 65535. */
void pcapng_packet(struct text *, enum tap_direction, int64_t utc_us, const uint8_t *, size_t len);

#endif
