/* The address of a meter row with its options, over what is known of the type (19.1, 20). */
#include "meters/dlms/spodes.h"

#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LEN = 20, VALUE_MAX = 24 };

/* ---- makers (20) ----
 * What differs between meters is a row here: chosen by the type of the row, or by the option
 * model=NAME.  PHYSICAL: added to the number in the address; octets 0: as short as it fits. */
static const struct maker {
	const char *name;
	uint16_t type;		/* 0: by name only */
	uint8_t plus;		/* to the physical address */
	uint8_t octets;		/* of the server address */
	bool disc_first;
	bool no_list;
	uint16_t info;		/* 0: the default */
} makers[] = {
	{ .name = "spodes", .type = 36 },
	{ .name = "mercury", .disc_first = true },	/* 204, 208, 234, 150 */
	{ .name = "milur" },				/* 107S, 307S: number is serial + 16 already */
	{ .name = "ce", .octets = 1 },			/* CE207, CE208, CE307, CE308 */
	{ .name = "nartis", .octets = 2 },
	{ .name = "rim" }, { .name = "mirtek" }, { .name = "fobos" }, { .name = "iprom" },
	{ .name = "mir" }, { .name = "kvant" }, { .name = "neva" }, { .name = "skat" },
	{ .name = "toresco" }, { .name = "smarton" }, { .name = "rotek" }, { .name = "stem300" },
	{ .name = "pulsar" }, { .name = "mur" },
	{ .name = "plain", .info = HDLC_INFO_PLAIN },
};
enum { MAKERS = sizeof(makers) / sizeof(*makers) };

/* ---- options ---- */

#define AUTHS "lls|hls2|gmac|gmac-enc|none"	/* enum spodes_auth */
#define AT(member) offsetof(struct spodes_options, member)
struct option {
	const char *name;
	enum { OPTION_BYTE, OPTION_WORD, OPTION_BOOL, OPTION_TITLE, OPTION_CHOICE, OPTION_BOTH } kind;
	size_t at;
	uint32_t least, most;
	const char *choices;	/* "a|b|c": the number of the choice */
};
static const struct option options[] = {
	{ "transport", OPTION_CHOICE, AT(transport), 0, 0, "hdlc|wrapper" },
	{ "client_rd", OPTION_BYTE, AT(client_rd), 1, 127, NULL },
	{ "client_wr", OPTION_BYTE, AT(client_wr), 1, 127, NULL },
	{ "auth", OPTION_BOTH, AT(auth_rd), 0, 0, AUTHS },	/* and auth_wr */
	{ "auth_rd", OPTION_CHOICE, AT(auth_rd), 0, 0, AUTHS },
	{ "auth_wr", OPTION_CHOICE, AT(auth_wr), 0, 0, AUTHS },
	{ "title", OPTION_TITLE, AT(title), 0, 0, NULL },
	{ "hdlc_info", OPTION_WORD, AT(info), HDLC_INFO_MIN, HDLC_INFO_MAX, NULL },
	{ "hdlc_window", OPTION_BYTE, AT(window), 1, HDLC_WINDOW_MAX, NULL },
	{ "max_pdu", OPTION_WORD, AT(max_pdu), 128, DLMS_MAX_PDU, NULL },
	{ "rows", OPTION_BYTE, AT(rows), 1, 255, NULL },
	{ "range_dev", OPTION_CHOICE, AT(range_dev), 0, 0, "auto|none|copy" },
	{ "lp_stamp", OPTION_CHOICE, AT(lp_stamp), 0, 0, "end|start" },
	{ "day_stamp", OPTION_CHOICE, AT(day_stamp), 0, 0, "end|begin" },
	{ "billing_day", OPTION_BYTE, AT(billing_day), 1, 28, NULL },
	{ "disc_first", OPTION_BOOL, AT(disc_first), 0, 1, NULL },
	{ "null_is_missing", OPTION_BOOL, AT(null_is_missing), 0, 1, NULL },
	{ "pw_pad16", OPTION_BOOL, AT(pw_pad16), 0, 1, NULL },
	{ "magnet_as_unauth", OPTION_BOOL, AT(magnet_as_unauth), 0, 1, NULL },
	{ "no_list", OPTION_BOOL, AT(no_list), 0, 1, NULL },
	{ "release", OPTION_BOOL, AT(release), 0, 1, NULL },
};
enum { OPTIONS = sizeof(options) / sizeof(*options) };

static bool
number(const char **text, uint32_t most, uint32_t *n)
{
	const char *start = *text;

	*n = 0;
	for (; **text >= '0' && **text <= '9'; (*text)++) {
		*n = *n * 10 + (uint32_t)(**text - '0');
		if (*n > most)
			return false;
	}
	return *text > start;
}

static bool
choice(const char *choices, const char *value, uint8_t *n)
{
	size_t len = strlen(value);

	for (*n = 0; *choices != '\0'; (*n)++) {
		size_t n_choice = strcspn(choices, "|");

		if (n_choice == len && strncmp(choices, value, len) == 0)
			return true;
		choices += n_choice;
		choices += *choices == '|';
	}
	return false;
}

int
spodes_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
title(const char *value, uint8_t *to)
{
	if (strlen(value) != 2 * (size_t)ACSE_TITLE_LEN)
		return false;
	for (int i = 0; i < ACSE_TITLE_LEN; i++) {
		int high = spodes_digit(value[2 * i]), low = spodes_digit(value[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		to[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int
set_option(struct spodes_options *o, const struct option *option, const char *value)
{
	uint8_t *at = (uint8_t *)o + option->at;
	uint16_t word;
	uint32_t n;

	if (option->kind == OPTION_CHOICE)
		return choice(option->choices, value, at) ? E_OK : E_INVALID;
	if (option->kind == OPTION_BOTH) {
		if (!choice(option->choices, value, &o->auth_rd))
			return E_INVALID;
		o->auth_wr = o->auth_rd;
		return E_OK;
	}
	if (option->kind == OPTION_TITLE)
		return title(value, at) ? E_OK : E_INVALID;
	if (!number(&value, option->most, &n) || *value != '\0' || n < option->least)
		return E_INVALID;
	word = (uint16_t)n;
	if (option->kind == OPTION_WORD)
		memcpy(at, &word, sizeof(word));
	else
		*at = (uint8_t)n;
	return E_OK;
}

static void
set_maker(struct spodes_options *o, const struct maker *m, struct maker *chosen)
{
	*chosen = *m;
	o->disc_first = m->disc_first;
	o->no_list = m->no_list;
	if (m->info != 0)
		o->info = m->info;
}

/* name=value up to the next semicolon. */
static int
take_option(struct spodes_options *o, struct maker *chosen, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	char name[NAME_MAX_LEN], value[VALUE_MAX];
	size_t n_name, n_value;

	if (equals == NULL)
		return E_INVALID;
	n_name = (size_t)(equals - text);
	n_value = len - n_name - 1;
	if (n_name >= sizeof(name) || n_value >= sizeof(value))
		return E_INVALID;
	memcpy(name, text, n_name);
	name[n_name] = '\0';
	memcpy(value, equals + 1, n_value);
	value[n_value] = '\0';
	for (size_t i = 0; i < MAKERS && strcmp(name, "model") == 0; i++)
		if (strcmp(makers[i].name, value) == 0) {
			set_maker(o, &makers[i], chosen);
			return E_OK;
		}
	for (size_t i = 0; i < OPTIONS; i++)
		if (strcmp(options[i].name, name) == 0)
			return set_option(o, &options[i], value);
	return E_INVALID;
}

/* A bare 1 is the one-octet address; otherwise the logical device is 1. */
static int
take_address(struct spodes_options *o, const struct maker *m, const char *text, const char *end)
{
	uint32_t first, second = 0, octets = m->octets, logical = 1;
	bool has_colon;
	int physical;

	/* Nothing but an end of a network: the meter is alone there, behind the wrapper. */
	if (text == end) {
		o->transport = DLMS_WRAPPER;
		o->logical = 1;
		return hdlc_address(&o->server, 1, HDLC_NO_PHYSICAL, 1);
	}
	if (!number(&text, 0x3fff, &first))
		return E_INVALID;
	has_colon = *text == ':';
	if (has_colon) {
		text++;
		if (!number(&text, 0x3fff, &second))
			return E_INVALID;
		logical = first;
	}
	if (*text == '/') {
		text++;
		if (!number(&text, 4, &octets))
			return E_INVALID;
	}
	if (text != end)
		return E_INVALID;
	physical = (int)(has_colon ? second : first) + m->plus;
	if (!has_colon && (octets == 1 || (octets == 0 && first == 1))) {
		logical = first;
		physical = HDLC_NO_PHYSICAL;
		octets = 1;
	}
	o->logical = (uint16_t)logical;
	return hdlc_address(&o->server, logical, physical, octets);
}

int
spodes_options(struct spodes_options *o, unsigned type, const char *text)
{
	/* Ours in protected APDUs; any eight octets do, the meter takes what it is told. */
	static const uint8_t our_title[ACSE_TITLE_LEN] = { 'U', 'S', 'P', 0, 0, 0, 0, 1 };
	const char *end = text + strcspn(text, ";"), *at = end;
	struct maker chosen = makers[0];
	int rc = E_OK;

	*o = (struct spodes_options){
		.info = 1024, .max_pdu = DLMS_MAX_PDU, .window = 1, .client_rd = 32, .client_wr = 48,
		.auth_wr = AUTH_HLS2, .rows = 48, .day_stamp = STAMP_START, .billing_day = 1,
	};
	memcpy(o->title, our_title, sizeof(our_title));
	for (size_t i = 0; i < MAKERS; i++)
		if (makers[i].type == type && type != 0)
			set_maker(o, &makers[i], &chosen);
	while (rc == E_OK && *at == ';') {
		size_t len = strcspn(at + 1, ";");

		rc = take_option(o, &chosen, at + 1, len);
		at += 1 + len;
	}
	return rc == E_OK ? take_address(o, &chosen, text, end) : rc;
}
