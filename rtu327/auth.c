#include "rtu327/auth.h"

#include <string.h>

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool
from_hex(const char *text, uint8_t out[RTU327_PASSWORD])
{
	for (size_t i = 0; i < RTU327_PASSWORD; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool
rtu327_password(const char *text, size_t len, uint8_t out[RTU327_PASSWORD])
{
	memset(out, 0, RTU327_PASSWORD);
	if (len == 2 * RTU327_PASSWORD)
		return from_hex(text, out);
	if (len < 1 || len > RTU327_PASSWORD)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < ' ' || text[i] > '~')
			return false;
		out[i] = (uint8_t)text[i];
	}
	return true;
}

size_t
rtu327_auth_parse(struct rtu327_auth *auth, const char *text, bool required)
{
	size_t bad = 0, len, whole;

	memset(auth, 0, sizeof(*auth));
	auth->required = required;
	for (;; text += whole + 1) {
		bool write = true;

		whole = len = strcspn(text, ",");
		if (len > 2 && memcmp(text + len - 2, ":r", 2) == 0) {
			write = false;
			len -= 2;
		}
		if (len > 0 && auth->n < RTU327_PASSWORDS &&
		    rtu327_password(text, len, auth->entries[auth->n].bytes))
			auth->entries[auth->n++].write = write;
		else if (len > 0)
			bad++;
		if (text[whole] == '\0')
			return bad;
	}
}

enum rtu327_rights
rtu327_auth_check(const struct rtu327_auth *auth, const uint8_t password[RTU327_PASSWORD])
{
	unsigned reads = 0, writes = 0;

	for (size_t i = 0; i < auth->n; i++) {
		volatile unsigned differs = 0;

		for (size_t j = 0; j < RTU327_PASSWORD; j++)
			differs |= (unsigned)(auth->entries[i].bytes[j] ^ password[j]);
		reads |= differs == 0;
		writes |= (differs == 0) & auth->entries[i].write;
	}
	if (auth->n == 0 && !auth->required)
		return RTU327_WRITES;
	return writes != 0 ? RTU327_WRITES : reads != 0 ? RTU327_READS : RTU327_REFUSED;
}
