/* Checksums of the wire protocols, and binary-coded decimal. */
#ifndef USPD_BASE_CHECKSUM_H
#define USPD_BASE_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* CRC-16/MODBUS, sent low byte first (meter-mercury-set.md 1.1). */
uint16_t crc16_modbus(const uint8_t *, size_t);
/* RTU-327: CCITT polynomial, unaugmented, bytes sign-extended (rtu-327.md 2); is_signed false
 * gives the variant for odd clients. */
uint16_t crc16_rtu327(const uint8_t *, size_t, bool is_signed);
/* Sum and exclusive-or over 7-bit characters (meter-iec61107.md 2.1). */
uint8_t sum7(const uint8_t *, size_t);
uint8_t xor7(const uint8_t *, size_t);

/* Packed BCD byte to 0..99, -1 when a nibble exceeds 9; and back (value taken modulo 100). */
int bcd_decode(uint8_t);
uint8_t bcd_encode(unsigned);

#endif
