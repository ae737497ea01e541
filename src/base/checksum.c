#include "src/base/checksum.h"

#include <pthread.h>

static uint16_t modbus_table[256], ccitt_table[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
fill_tables(void)
{
	for (unsigned i = 0; i < 256; i++) {
		unsigned reflected = i, straight = i << 8;

		for (int bit = 0; bit < 8; bit++) {
			reflected = reflected & 1 ? reflected >> 1 ^ 0xA001 : reflected >> 1;
			straight = straight & 0x8000 ? straight << 1 ^ 0x1021 : straight << 1;
		}
		modbus_table[i] = (uint16_t)reflected;
		ccitt_table[i] = (uint16_t)straight;
	}
}

uint16_t
crc16_modbus(const uint8_t *data, size_t len)
{
	uint16_t crc = 0xFFFF;

	pthread_once(&once, fill_tables);
	for (size_t i = 0; i < len; i++)
		crc = (uint16_t)(crc >> 8 ^ modbus_table[(crc ^ data[i]) & 0xFF]);
	return crc;
}

uint16_t
crc16_rtu327(const uint8_t *data, size_t len, bool is_signed)
{
	uint16_t crc = 0xFFFF;

	pthread_once(&once, fill_tables);
	for (size_t i = 0; i < len; i++) {
		/* The reference code XORed a C `char`: bytes above 7F reach the high half too. */
		uint16_t x = is_signed ? (uint16_t)(int16_t)(int8_t)data[i] : data[i];

		crc = (uint16_t)(ccitt_table[crc >> 8] ^ crc << 8 ^ x);
	}
	return crc;
}

uint8_t
sum7(const uint8_t *data, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += data[i] & 0x7Fu;
	return sum & 0x7F;
}

uint8_t
xor7(const uint8_t *data, size_t len)
{
	unsigned sum = 0;

	for (size_t i = 0; i < len; i++)
		sum ^= data[i];
	return sum & 0x7F;
}

int
bcd_decode(uint8_t b)
{
	return (b >> 4) > 9 || (b & 15) > 9 ? -1 : (b >> 4) * 10 + (b & 15);
}

uint8_t
bcd_encode(unsigned v)
{
	return (uint8_t)(v / 10 % 10 << 4 | v % 10);
}
