/* How far back each series of a meter is wanted, and how much of that is not stored yet. */
#include "src/poll/poll_private.h"

#include "src/base/clock.h"

enum { DAY_S = 86400 };

static uint32_t
series_depth(const struct settings *s, const struct meter_config *config, enum series series)
{
	uint32_t own = series == SERIES_PROFILE ? config->profile_depth :
	    series == SERIES_DAY		? config->day_depth :
						  config->month_depth;
	uint32_t ours = store_depth(s, poll_series_type[series]);

	return own != 0 && own < ours ? own : ours;
}

static int64_t
series_delay(const struct settings *s, enum series series)
{
	return series == SERIES_PROFILE ? s->poll_profile_delay_s : s->poll_day_delay_s;
}

bool
poll_series_span(const struct settings *s, struct zone zone, const struct poll_meter *m,
    enum series series, int64_t now, struct grid *grid, int64_t *oldest, int64_t *newest)
{
	enum record_type type = poll_series_type[series];
	int64_t limit = m->state.serial_since;

	if (m->family == NULL || !(m->family->measures & ~m->state.refused & REC_BIT(type)))
		return false;
	grid_of(type, zone, m->state.config.period_min, grid);
	*newest = grid_newest(grid, now - series_delay(s, series));
	*oldest = grid_step(grid, *newest, 1 - (int)series_depth(s, &m->state.config, series));
	if (s->poll_backfill_days > 0 && now - s->poll_backfill_days * DAY_S > limit)
		limit = now - s->poll_backfill_days * DAY_S;
	if (*oldest < limit)
		*oldest = limit; /* grid_missing() walks down from `newest` */
	return *newest >= *oldest;
}

void
poll_count_missing(struct poll *poll, struct poll_meter *m)
{
	int64_t now = clock_utc(), oldest, newest;
	struct store_ring ring;
	struct grid grid;

	m->wanted = m->missing = 0;
	m->count_again = INT64_MAX;
	for (int s = 0; s < SERIES_COUNT; s++) {
		uint32_t wanted = 0, newer = 0, have;
		int64_t due;

		if (!poll_series_span(&poll->settings, poll->zone, m, (enum series)s, now, &grid,
			&oldest, &newest))
			continue;
		due = grid_step(&grid, newest, grid.label == GRID_START ? 2 : 1) +
		    series_delay(&poll->settings, (enum series)s);
		if (due < m->count_again)
			m->count_again = due;
		if (grid.unit == GRID_SECONDS)
			wanted = (uint32_t)((newest - oldest) / grid.step_s) + 1;
		else
			for (int64_t l = newest; l >= oldest; l = grid_step(&grid, l, -1))
				wanted++;
		store_ring(poll->store, m->row.dev, poll_series_type[s], 0, &ring);
		if (ring.count == 0 || ring.newest < newest)
			newer = grid.unit == GRID_SECONDS && ring.count > 0 && ring.newest >= oldest ?
			    (uint32_t)((newest - ring.newest) / grid.step_s) :
			    1;
		have = ring.count < wanted ? ring.count : wanted;
		m->wanted += wanted;
		m->missing += newer > wanted - have ? newer : wanted - have;
	}
}
