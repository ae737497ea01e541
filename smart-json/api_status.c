#include "smart-json/api.h"

#include <stdio.h>
#include <stdlib.h>

#include "smart-json/when.h"
#include "src/base/clock.h"
#include "src/base/version.h"

unsigned
api_share(uint64_t wanted, uint64_t missing)
{
	uint64_t share;

	if (wanted == 0 || missing == 0)
		return 10000;
	if (missing >= wanted)
		return 0;
	/* 128 bits are not needed: grid points are counted in millions. */
	share = (wanted - missing) * 10000 / wanted;
	return share > 9999 ? 9999 : (unsigned)share;
}

json_t *
api_bus_json(const struct poll_bus_status *bus)
{
	const struct line_counters *line = &bus->line;
	uint64_t busy = bus->worked_us, ideal = bus->ideal_us < busy ? bus->ideal_us : busy;
	uint64_t use = busy != 0 ? ideal * 10000 / busy : 0, busy_ms = busy / 1000;

	return json_pack(
	    "{s:s, s:s, s:i, s:i, s:i, s:s, s:i, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}",
	    "bus", bus->name, "state", bus_state_name(bus->state), "meters", (int)bus->meters, "silent",
	    (int)bus->silent, "meter", (int)bus->meter, "job", bus->job, "waiting", (int)bus->waiting,
	    "utilisation", (double)use / 100, "exchanges", (json_int_t)line->exchanges, "answers",
	    (json_int_t)line->answers, "timeouts", (json_int_t)line->timeouts, "damaged",
	    (json_int_t)line->damaged, "foreign", (json_int_t)line->foreign, "stray_bytes",
	    (json_int_t)line->stray_bytes, "tx_bytes", (json_int_t)line->tx_bytes, "rx_bytes",
	    (json_int_t)line->rx_bytes, "busy_s", (double)busy_ms / 1000);
}

json_t *
api_totals_json(const struct poll_totals *t)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:f}", "meters", (int)t->meters,
	    "answering", (int)t->answering, "silent", (int)t->silent, "no_driver", (int)t->no_driver,
	    "untried", (int)t->untried, "wanted", (json_int_t)t->wanted, "missing",
	    (json_int_t)t->missing, "records", (json_int_t)t->records, "percent",
	    api_share(t->wanted, t->missing) / 100.0);
}

json_t *
api_progress_json(const struct poll_progress *p)
{
	return json_pack("{s:I, s:i, s:i, s:i, s:I, s:b}", "run", (json_int_t)p->run, "total",
	    (int)p->total, "done", (int)p->done, "failed", (int)p->failed, "records",
	    (json_int_t)p->records, "finished", (int)p->finished);
}

static json_t *
buses_json(struct poll *poll)
{
	static const size_t size = API_BUSES * sizeof(struct poll_bus_status);
	struct poll_bus_status *buses = malloc(size);
	json_t *list = json_array();
	size_t n = buses != NULL ? poll_buses(poll, buses, API_BUSES) : 0;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, api_bus_json(&buses[i]));
	free(buses);
	return list;
}

static json_t *
store_json(struct store *store)
{
	struct store_stats s = { 0 };

	store_stats(store, &s);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "queued", (json_int_t)s.queued,
	    "commits", (json_int_t)s.commits, "records", (json_int_t)s.records, "refused_full",
	    (json_int_t)s.refused_full, "salvaged", (json_int_t)s.salvaged, "lost", (json_int_t)s.lost,
	    "sequence", (json_int_t)store_sequence(store), "trouble", s.write_trouble ? s.trouble : "");
}

static json_t *
memory_json(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	long rss = 0, peak = 0;
	char line[128];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		sscanf(line, "VmRSS: %ld", &rss);
		sscanf(line, "VmHWM: %ld", &peak);
	}
	if (f != NULL)
		fclose(f);
	return json_pack("{s:I, s:I}", "rss_kib", (json_int_t)rss, "peak_kib", (json_int_t)peak);
}

/* Who asks; the page shows what he may do, and asks for a password of his own. */
static json_t *
account_json(const struct http_call *call)
{
	return json_pack("{s:s, s:i, s:b}", "login", call->login, "lvl", (int)call->level,
	    "must_change", (int)call->must_change);
}

void
api_status(struct http_call *call)
{
	const struct api *api = call->state;
	struct poll *poll = call->server->poll;
	const struct meter_table *table = store_meters(call->server->store);
	struct zone zone = store_zone(call->server->store);
	struct poll_totals totals = { .meters = table != NULL ? (uint32_t)table->n : 0 };
	int64_t now = clock_utc();
	char local[CIVIL_TEXT_SIZE];

	if (table != NULL)
		meter_table_release(table);
	if (poll != NULL)
		poll_totals(poll, &totals);
	api_reply(call,
	    json_pack("{s:I, s:s, s:s, s:I, s:o, s:b, s:o, s:o, s:o, s:o}", "time", (json_int_t)now,
		"local", civil_print(zone, now, 'T', local), "version", USPD_VERSION, "uptime",
		(json_int_t)((clock_mono_us() - api->started_us) / 1000000), "account",
		account_json(call), "polling", poll != NULL, "totals", api_totals_json(&totals),
		"buses", poll != NULL ? buses_json(poll) : json_array(), "store",
		store_json(call->server->store), "memory", memory_json()));
}
