/* Journals and one-shot reads of Энергомера classic under the names of the vectors. */
#include "tests/vectors/play_energomera.h"

#include <stdio.h>
#include <string.h>

#include "src/base/cursor.h"

/* ---- journals ---- */

bool
play_is_ring(const char *name)
{
	static const char *const rings[] = { "PHASE", "JOVER", "JCORT", "DENIA", "ELOCK", "ACCES" };

	for (size_t i = 0; i < sizeof rings / sizeof *rings; i++)
		if (strcmp(name, rings[i]) == 0)
			return true;
	return false;
}

static json_t *
event_json(int32_t minute, unsigned journal, unsigned event)
{
	struct civil c = civil_from_utc((struct zone){ 0, false }, (int64_t)minute * 60);
	char text[32];

	snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d", c.year % 10000, c.month % 100,
	    c.day % 100, c.hour % 100, c.minute % 100);
	return json_pack("[s, i, i]", text, (int)journal, (int)event);
}

bool
play_ring(struct play *p, const char *name, struct iec_text body)
{
	static struct energomera_ring ring;
	json_t *events = json_array(), *values = json_array();

	if (energomera_ring(body, name, &ring) < 0)
		return play_fail(p, "ring not understood");
	energomera_ring_sort(&ring, -1);
	for (size_t i = 0; i < ring.n; i++) {
		json_array_append_new(values, json_integer(ring.record[i].value));
		for (size_t k = 0; k < ENERGOMERA_JOURNALS; k++) {
			const struct energomera_journal *j = &energomera_journals[k];
			unsigned event;

			if (strcmp(energomera_name(j->ring), name) == 0 &&
			    energomera_ring_event(&ring, i, j, &event))
				json_array_append_new(events,
				    event_json(ring.record[i].minute, j->journal, event));
		}
	}
	play_put(p, "records|count", json_integer((json_int_t)ring.n));
	play_put(p, "values|masks|codes", values);
	play_put(p, "events", events);
	return true;
}

/* ---- one-shot read ---- */

static const struct {
	uint16_t id;
	const char *name, *keys;
	const char *parts[8];
} groups[] = {
	{ 0x1001, "ET0PE", "A+_kWh", { "total", "T1", "T2", "T3", "T4", "T5" } },
	{ 0x1002, "ET0PI", "A-_kWh", { "total", "T1", "T2", "T3", "T4", "T5" } },
	{ 0x1004, "ET0QE", "R+_kvarh", { "total", "T1", "T2", "T3", "T4", "T5" } },
	{ 0x1008, "ET0QI", "R-_kvarh", { "total", "T1", "T2", "T3", "T4", "T5" } },
	{ 0x4001, "VOLTA", "U_V", { "A", "B", "C" } },
	{ 0x4002, "CURRE", "I_A", { "A", "B", "C" } },
	{ 0x4003, "POWPP", "P_kW", { "A", "B", "C", "sum" } },
	{ 0x4007, "COS_f", "cos", { "A", "B", "C", "sum" } },
	{ 0x400B, "CORUU", "angles_deg|CORUU", { "AB", "BC", "CA" } },
	{ 0x400D, "FREQU", "f_Hz", { "f" } },
};

static void
put_group_item(struct play *p, const struct energomera_group_item *item,
    const struct energomera_values *v, unsigned *at)
{
	unsigned n = (unsigned)__builtin_popcount(item->mask), i = *at;
	char key[32];

	*at += n;
	for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
		if (groups[g].id != item->id)
			continue;
		play_put(p, groups[g].keys, play_reals(v, i, n));
		for (unsigned bit = 0; bit < 8; bit++) {
			if ((item->mask >> bit & 1) == 0)
				continue;
			snprintf(key, sizeof key, "%s_%s", groups[g].name,
			    groups[g].parts[bit] != NULL ? groups[g].parts[bit] : "x");
			play_put(p, key, play_real(v, i++));
		}
	}
	snprintf(key, sizeof key, "%04X", item->id);
	play_put(p, key, play_reals(v, *at - n, n));
}

/* Items of the request, by our own syntax walker; the serial number is text and stays so. */
static bool
read_group_request(struct iec_text inner, struct energomera_group_item *item, size_t *n)
{
	struct iec_walk w = iec_walk(inner);
	struct iec_value v;
	uint8_t buf[256];
	struct wr again = wr_init(buf, sizeof buf);

	for (*n = 0; iec_next(&w, &v) == 1; ++*n) {
		unsigned id, mask;
		char text[24];

		if (*n == 16 || v.name.len != 4 || v.text.len > 2)
			return false;
		iec_text_copy(v.name, text, sizeof text);
		if (sscanf(text, "%4x", &id) != 1)
			return false;
		iec_text_copy(v.text, text, sizeof text);
		if (sscanf(text, "%2x", &mask) != 1)
			return false;
		item[*n] = (struct energomera_group_item){ (uint16_t)id, (uint8_t)mask, PLAY_DECIMALS };
	}
	energomera_group_request(&again, item, *n);
	return wr_ok(&again) && again.len == inner.len && memcmp(buf, inner.p, inner.len) == 0;
}

bool
play_group(struct play *p, struct iec_text inner, struct iec_text body)
{
	struct energomera_group_item item[16];
	struct energomera_values v;
	struct iec_walk w = iec_walk(body);
	struct iec_value value;
	size_t n;
	unsigned at = 0;

	if (!read_group_request(inner, item, &n))
		return play_fail(p, "GROUP request is not one we build");
	for (size_t i = 0; i < n; i++)
		if (item[i].id == 0x5003)
			item[i].decimals = 0; /* 15 digits have no room for a fraction */
	if (energomera_group_answer(body, item, n, &v) < 0)
		return play_fail(p, "GROUP answer does not hold what was asked");
	for (size_t i = 0; i < n; i++)
		put_group_item(p, &item[i], &v, &at);
	while (iec_next(&w, &value) == 1)
		if (iec_text_is(value.name, "5003"))
			play_put(p, "serial|SNUMB|5003", play_text(value.text));
	return true;
}
