#include <inttypes.h>
#include <stdlib.h>

#include "smart-json/api.h"
#include "smart-json/data_export.h"
#include "src/base/clock.h"
#include "src/poll/grid.h"

/* GET completeness: of each meter and day (month), the share of the records that the archive should
 * hold by now.  A profile is counted by its minutes: the length of its slices does not matter. */

enum { COLUMNS_MOST = 400, CELLS_MOST = 1000000, DEFAULT_DAYS = 31, DEFAULT_MONTHS = 12 };

struct map {
	struct export *x;
	struct grid grid;		/* of the records */
	struct grid columns;
	int64_t start[COLUMNS_MOST + 1];	/* of each column, and the end of the last */
	size_t n_columns;
	int64_t newest;			/* label that can be there */
	uint32_t *place;		/* by device: meter + 1 */
	uint16_t *have;			/* minutes, hours or records; n_meters * n_columns */
};

static void
map_free(struct map *m)
{
	free(m->place);
	free(m->have);
	export_free(m->x);
}

/* A slice belongs to the day in which it ends last. */
static int64_t
moment_of(const struct map *m, int64_t label)
{
	return m->grid.label == GRID_END ? label - 1 : label;
}

static int
count_record(void *arg, uint16_t dev, const struct record *r)
{
	struct map *m = arg;
	int64_t at = moment_of(m, r->ts);
	size_t low = 0, high = m->n_columns;

	if (m->place[dev] == 0 || !r->valid || at < m->start[0] || at >= m->start[m->n_columns])
		return E_OK;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (m->start[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	m->have[(m->place[dev] - 1) * m->n_columns + low] += (uint16_t)(r->type == REC_EL_PROFILE ?
		r->period_min :
		1);
	return E_OK;
}

/* What column i should hold by now; 0: nothing yet. */
static int64_t
wanted(const struct map *m, size_t i)
{
	int64_t begin = m->start[i], end = m->start[i + 1], limit;

	if (m->grid.unit != GRID_SECONDS)
		return begin <= m->newest;
	limit = m->grid.label == GRID_POINT ? m->newest + m->grid.step_s : m->newest;
	if (end > limit)
		end = limit;
	if (end <= begin)
		return 0;
	return (end - begin) / (m->grid.label == GRID_END ? 60 : m->grid.step_s);
}

static bool
make_columns(struct http_call *call, struct map *m)
{
	bool months = m->grid.unit == GRID_MONTHS;
	int64_t now = clock_utc(), at;

	if (!grid_of(months ? REC_EL_MONTH : REC_EL_DAY, m->x->zone, 0, &m->columns))
		return false;
	if (m->x->range.to > now)
		m->x->range.to = now;
	if (m->x->range.from == 0)
		m->x->range.from = grid_step(&m->columns, grid_newest(&m->columns, m->x->range.to),
		    1 - (months ? DEFAULT_MONTHS : DEFAULT_DAYS));
	m->newest = grid_newest(&m->grid, now);
	at = grid_newest(&m->columns, m->x->range.from);
	while (at <= m->x->range.to && m->n_columns < COLUMNS_MOST) {
		m->start[m->n_columns++] = at;
		at = grid_step(&m->columns, at, 1);
	}
	m->start[m->n_columns] = at;
	if (m->n_columns > 0 && at > m->x->range.to && m->n_columns * m->x->n_meters <= CELLS_MOST)
		return true;
	http_fail(call, 422, "from",
	    "from and to: 1 to %d days or months, and not so many meters at once", COLUMNS_MOST);
	return false;
}

static int
count_records(struct map *m)
{
	struct store_range range = m->x->range;
	struct export *x = m->x;
	int rc = E_OK;

	range.from = m->start[0];
	range.to = m->start[m->n_columns];
	m->place = calloc(UINT16_MAX + 1, sizeof(m->place[0]));
	m->have = calloc(x->n_meters * m->n_columns + 1, sizeof(m->have[0]));
	if (m->place == NULL || m->have == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < x->n_meters; i++)
		m->place[x->table->rows[x->meters[i]].dev] = (uint32_t)i + 1;
	if (x->n_meters * 4 > x->table->n)
		return store_read_all(x->store, &range, count_record, m);
	for (size_t i = 0; i < x->n_meters && rc == E_OK; i++)
		rc = store_read(x->store, x->table->rows[x->meters[i]].dev, &range, count_record, m);
	return rc;
}

static void
print_map(struct text *t, const struct map *m)
{
	char time[CIVIL_TEXT_SIZE];

	text_printf(t, "{\"type\":\"%s\",\"step\":\"%s\",\"columns\":[",
	    record_type_info(m->x->range.type)->name, m->grid.unit == GRID_MONTHS ? "month" : "day");
	for (size_t i = 0; i < m->n_columns; i++)
		text_printf(t, "%s\"%.10s\"", i > 0 ? "," : "",
		    civil_print(m->x->zone, m->start[i], 'T', time));
	text_str(t, "],\"meters\":[");
	for (size_t meter = 0; meter < m->x->n_meters; meter++) {
		const uint16_t *have = &m->have[meter * m->n_columns];

		text_printf(t, "%s\n{\"id\":%" PRIu32 ",\"share\":[", meter > 0 ? "," : "",
		    m->x->table->rows[m->x->meters[meter]].id);
		for (size_t i = 0; i < m->n_columns; i++) {
			int64_t all = wanted(m, i), percent = all > 0 ? have[i] * 100 / all : 0;

			text_str(t, i > 0 ? "," : "");
			if (all > 0)
				text_printf(t, "%d", percent > 100 ? 100 : (int)percent);
			else
				text_str(t, "null");
		}
		text_str(t, "]}");
	}
	text_str(t, "]}\n");
}

void
api_completeness(struct http_call *call)
{
	struct map m = { .x = export_make(call) };
	int rc;

	if (m.x == NULL)
		return;
	if (!grid_of(m.x->range.type, m.x->zone, 0, &m.grid)) {
		http_fail(call, 422, "type", "type: records of this kind have no grid");
	} else if (make_columns(call, &m)) {
		rc = count_records(&m);
		if (rc < 0 && rc != E_NOTFOUND)
			http_fail_err(call, rc, NULL, "the archive cannot be read");
		else
			print_map(&call->out, &m);
	}
	map_free(&m);
}
