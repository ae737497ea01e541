/* What the members of a meter's row mean, however a client has written them. */
#include <stdio.h>
#include <string.h>

#include "drivers/line.h"
#include "meters/meters.h"
#include "smart-json/smart_meters.h"
#include "smart-json/view_hooks.h"
#include "src/model/model.h"

/* ---- what the members mean ---- */

bool
iface_meant(const char *name, enum meter_iface *iface)
{
	*iface = meter_iface_by_name(name);
	return *iface != IFACE_NONE || texts_alike(name, IFACE_5_NAME);
}

bool
line_meant(const json_t *cfg, unsigned type, char line[static LINE_SIZE])
{
	const struct meter_family *family = meter_family_of(type);
	struct line_settings settings = { .bits = 8, .stop = 1 };
	const char *text = json_string_value(cfg);
	char both[40];
	int64_t baud;

	*line = '\0';
	if (cfg == NULL || json_is_null(cfg) || (text != NULL && *text == '\0'))
		return true;
	if (view_integer(cfg, &baud)) {
		if (baud == 0)
			return true;
		if (family != NULL)
			settings = family->settings;
		settings.baud = baud > 0 && baud <= UINT32_MAX ? (uint32_t)baud : 0;
		line_settings_print(&settings, both, sizeof(both));
		text = both;
	}
	if (text == NULL || line_settings_parse(&settings, text) < 0)
		return false;
	return (size_t)snprintf(line, LINE_SIZE, "%s", text) < LINE_SIZE;
}

bool
line_meant_31(const json_t *cfg, unsigned type, char line[static LINE_SIZE])
{
	static const char letters[] = "neo";
	json_int_t baud = json_integer_value(json_object_get(cfg, "br"));
	const json_t *size = json_object_get(cfg, "size"), *parity = json_object_get(cfg, "parity"),
		     *stop = json_object_get(cfg, "stop");
	struct line_settings settings;
	json_t *speed = json_integer(baud);
	bool meant = line_meant(speed, type, line);

	json_decref(speed);
	if (!meant || *line == '\0' || line_settings_parse(&settings, line) < 0)
		return meant;
	snprintf(line, LINE_SIZE, "%lld,%lld%c%lld", (long long)baud,
	    size != NULL ? (long long)json_integer_value(size) : (long long)settings.bits,
	    letters[parity != NULL ? json_integer_value(parity) : (json_int_t)settings.parity],
	    stop != NULL ? (long long)json_integer_value(stop) : (long long)settings.stop);
	return line_settings_parse(&settings, line) == E_OK;
}

static bool
is_hex(const char *text)
{
	return strlen(text) % 2 == 0 && strspn(text, "0123456789abcdefABCDEF") == strlen(text);
}

#define HEX "hex:"

bool
password_meant(const char *text, char hex[static PASSWORD_SIZE])
{
	/* "hex:" keeps a meter's driver from taking octets for text; where it does not fit, they are
	 * too many to be mistaken (meter-spodes-dlms.md 5.4). */
	if (strncmp(text, HEX, strlen(HEX)) == 0 && strlen(text) > (PASSWORD_SIZE - 1) / 2)
		text += strlen(HEX);
	if (is_hex(text))
		return (size_t)snprintf(hex, PASSWORD_SIZE, "%s", text) < PASSWORD_SIZE;
	*hex = '\0';
	if (strlen(text) > (PASSWORD_SIZE - 1) / 2)
		return false;
	for (size_t i = 0; text[i] != '\0'; i++)
		snprintf(hex + 2 * i, PASSWORD_SIZE - 2 * i, "%02x", (unsigned char)text[i]);
	return true;
}

json_t *
plain_cfg_31(const char *line)
{
	struct line_settings settings;

	if (*line == '\0' || line_settings_parse(&settings, line) < 0)
		return json_pack("{s:i}", "br", 0);
	return json_pack("{s:I,s:i,s:i,s:i}", "br", (json_int_t)settings.baud, "size", settings.bits,
	    "parity", (int)settings.parity, "stop", settings.stop);
}

/* ---- checks of members ---- */

json_t *
check_type_name(json_t *value, const struct member *m, struct fault *fault)
{
	if (meter_type_by_name(json_string_value(value)) != NULL)
		return value;
	return view_refuse(value, FAULT_UNKNOWN, m, fault);
}

json_t *
check_iface_name(json_t *value, const struct member *m, struct fault *fault)
{
	enum meter_iface iface;

	return iface_meant(json_string_value(value), &iface) ?
	    value :
	    view_refuse(value, FAULT_UNKNOWN, m, fault);
}

json_t *
check_line_text(json_t *value, const struct member *m, struct fault *fault)
{
	char line[LINE_SIZE];

	if (!json_is_string(value) && !json_is_integer(value) && !json_is_null(value))
		return view_refuse(value, FAULT_NO_TEXT, m, fault);
	return line_meant(value, 0, line) ? value : view_refuse(value, FAULT_RANGE, m, fault);
}

json_t *
check_address(json_t *value, const struct member *m, struct fault *fault)
{
	return json_string_length(value) < ADDRESS_SIZE ? value :
							  view_refuse(value, FAULT_LENGTH, m, fault);
}

json_t *
check_meter_password(json_t *value, const struct member *m, struct fault *fault)
{
	char hex[PASSWORD_SIZE];

	if (password_meant(json_string_value(value), hex))
		return value;
	fault_set(fault, FAULT_LENGTH, m->name, -1, m->name);
	json_decref(value);
	return NULL;
}
