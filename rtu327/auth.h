/* Passwords of RTU-327 (rtu-327.md 4): four raw bytes in every request, no session. Pure. */
#ifndef USPD_RTU327_AUTH_H
#define USPD_RTU327_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RTU327_PASSWORDS = 64, RTU327_PASSWORD = 4 };

struct rtu327_auth {
	size_t n;
	bool required;		/* false: with an empty list everybody is let in */
	struct {
		uint8_t bytes[RTU327_PASSWORD];
		bool write;
	} entries[RTU327_PASSWORDS];
};

enum rtu327_rights { RTU327_REFUSED, RTU327_READS, RTU327_WRITES };

/* One password as people write it: exactly 8 hexadecimal digits, else 1..4 printable ASCII
 * characters padded with zeros.  false: neither. */
bool rtu327_password(const char *text, size_t len, uint8_t out[RTU327_PASSWORD]);
/* The setting rtu.auth: comma-separated, ":r" after one makes it read-only.  Returns the number of
 * entries left out because they cannot be passwords. */
size_t rtu327_auth_parse(struct rtu327_auth *, const char *text, bool required);
/* Takes the same time whatever the password is. */
enum rtu327_rights rtu327_auth_check(const struct rtu327_auth *,
    const uint8_t password[RTU327_PASSWORD]);

#endif
