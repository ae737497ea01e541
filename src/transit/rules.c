/* What sessions go by: settings, and the line parameters of "uart" (smart-json.md 8.6). */
#include <jansson.h>

#include "src/store/store.h"
#include "src/transit/transit_private.h"

static bool
read_uart(const char *json, int64_t *iface, struct line_settings *s)
{
	static const enum line_parity parities[] = { PARITY_NONE, PARITY_EVEN, PARITY_ODD };
	json_t *row = json_loads(json, 0, NULL);
	json_t *baud = json_object_get(row, "br");
	int64_t size = json_integer_value(json_object_get(row, "size"));
	int64_t parity = json_integer_value(json_object_get(row, "parity"));
	int64_t stop = json_integer_value(json_object_get(row, "stop"));
	bool good = json_is_integer(json_object_get(row, "iface")) && json_is_integer(baud) &&
	    (size == 7 || size == 8) && parity >= 0 && parity <= 2 && (stop == 1 || stop == 2);

	*iface = json_integer_value(json_object_get(row, "iface"));
	/* 0 is "by the type of the meter", which transit does not know: the standard's 9600. */
	if (good)
		*s = (struct line_settings){
			json_integer_value(baud) > 0 ? (uint32_t)json_integer_value(baud) : 9600,
			(uint8_t)size, parities[parity], (uint8_t)stop };
	json_decref(row);
	return good;
}

static void
read_uarts(struct transit *t, struct line_settings uarts[static SERIAL_BUSES])
{
	const struct table_rows *rows = store_table(t->options.store, TABLE_UART);
	struct line_settings settings;
	int64_t iface;

	for (int i = 0; i < SERIAL_BUSES; i++)
		uarts[i] = (struct line_settings){ 9600, 8, PARITY_NONE, 1 };
	for (size_t i = 0; rows != NULL && i < rows->n; i++)
		if (read_uart(rows->rows[i].json, &iface, &settings) && iface >= 0 &&
		    iface < SERIAL_BUSES)
			uarts[iface] = settings;
	table_rows_release(rows);
}

void
rules_follow(struct transit *t)
{
	struct line_settings uarts[SERIAL_BUSES];
	struct settings s;
	struct desk_rules rules;

	store_settings(t->options.store, &s);
	read_uarts(t, uarts);
	rules = (struct desk_rules){
		.idle_us = s.transit_idle_s * 1000000,
		.max_session_us = s.transit_max_session_s * 1000000,
		.gather_us = s.transit_gather_ms * 1000,
		.drain_quiet_us = s.transit_drain_quiet_s * 1000000,
		.drain_most_us = s.transit_drain_max_s * 1000000,
		.release_us = s.transit_release_ms * 1000,
		.warn_us = s.transit_share_h * INT64_C(3600000000),
		.take_ms = (uint32_t)s.transit_take_ms,
		.is_idle_client = s.transit_idle_client != 0,
		.is_live = s.transit_apply_live != 0,
	};
	for (int i = 0; i < SERIAL_BUSES; i++) {
		rules.uart = uarts[i];
		desk_rules_set(t->desks[i], &rules);
	}
}
