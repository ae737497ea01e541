#include "tests/unit/sim_help.h"

#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "src/base/checksum.h"

void
sim_help_street(struct sim_street **street, const char *json, bool unpaced, int64_t now_us)
{
	struct sim_options options = { .unpaced = unpaced };
	json_t *root = json_loads(json, 0, NULL);
	char why[200] = "";

	ck_assert_ptr_nonnull(root);
	sim_street_free(*street);
	*street = sim_street_parse(root, &options, now_us, why, sizeof(why));
	ck_assert_msg(*street != NULL, "%s", why);
	json_decref(root);
}

size_t
sim_help_frame(const char *hex, uint8_t *to, size_t size)
{
	size_t n = strlen(hex) / 2;
	uint16_t crc;

	ck_assert_uint_le(n + 2, size);
	for (size_t i = 0; i < n; i++) {
		unsigned byte;

		ck_assert_int_eq(sscanf(hex + 2 * i, "%2x", &byte), 1);
		to[i] = (uint8_t)byte;
	}
	crc = crc16_modbus(to, n);
	to[n] = (uint8_t)crc;
	to[n + 1] = (uint8_t)(crc >> 8);
	return n + 2;
}
