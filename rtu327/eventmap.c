#include "rtu327/eventmap.h"

#include <stdlib.h>
#include <string.h>

#include "src/model/model.h"

static const struct rtu327_map_row meter_events[] = {
	{ J_PWR, 0, 0 }, { J_PWR, 1, 1 },
	{ J_TIME_CORR, 0, 2 }, { J_TIME_CORR, 1, 3 },
	{ J_RESET, 0, 6 },
	{ J_OPEN, 0, 9 },
	{ J_PWR_A, 0, 209 }, { J_PWR_A, 1, 208 },
	{ J_PWR_B, 0, 211 }, { J_PWR_B, 1, 210 },
	{ J_PWR_C, 0, 213 }, { J_PWR_C, 1, 212 },
};

/* 0 power lost, 1 power restored or started, 2 and 3 time before and after a change, 9 case opened. */
static const struct rtu327_map_row device_events[] = {
	{ 0, 0, 0 }, { 0, 1, 1 }, { 0, 2, 2 }, { 0, 3, 3 }, { 0, 9, 9 },
};

/* A number 0..65535 that ends with `end`; NULL when it is not one, else what follows `end`. */
static const char *
number(const char *text, char end, uint16_t *out)
{
	char *after;
	unsigned long value;

	if (*text < '0' || *text > '9')
		return NULL;
	value = strtoul(text, &after, 10);
	if (value > UINT16_MAX || *after != end)
		return NULL;
	*out = (uint16_t)value;
	return after + 1;
}

static int
parse_row(const char *text, int with_journal, struct rtu327_map_row *row)
{
	uint16_t code;

	row->journal = 0;
	if (with_journal && (text = number(text, ':', &row->journal)) == NULL)
		return -1;
	if ((text = number(text, '=', &row->event)) == NULL)
		return -1;
	if (strcmp(text, "-") == 0) {
		row->code = RTU327_NOT_EXPORTED;
		return 0;
	}
	if (number(text, '\0', &code) == NULL)
		return -1;
	row->code = code;
	return 0;
}

static size_t
parse(struct rtu327_map *map, const char *text, int with_journal)
{
	size_t bad = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, ",");
		char one[32] = "";

		if (len < sizeof(one))
			memcpy(one, text, len);
		if (map->n < RTU327_MAP_ROWS && parse_row(one, with_journal, &map->rows[map->n]) == 0)
			map->n++;
		else if (len > 0)
			bad++;
		text += len + (text[len] == ',');
	}
	return bad;
}

size_t
rtu327_event_map(struct rtu327_map *map, const char *extra)
{
	memcpy(map->rows, meter_events, sizeof(meter_events));
	map->n = sizeof(meter_events) / sizeof(meter_events[0]);
	return parse(map, extra, 1);
}

size_t
rtu327_log_map(struct rtu327_map *map, const char *extra)
{
	memcpy(map->rows, device_events, sizeof(device_events));
	map->n = sizeof(device_events) / sizeof(device_events[0]);
	return parse(map, extra, 0);
}

int32_t
rtu327_map_find(const struct rtu327_map *map, uint16_t journal, int64_t event)
{
	for (size_t i = map->n; i-- > 0;)
		if (map->rows[i].journal == journal && map->rows[i].event == event)
			return map->rows[i].code;
	return RTU327_NOT_EXPORTED;
}
