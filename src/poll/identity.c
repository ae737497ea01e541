/* Who answers at this address (poller.md 3.1, 3.2). */
#include "src/poll/poll_private.h"

#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"

enum {
	UNSUPPORTED_TTL_S = 7 * 86400,	/* refused measures are tried once more after a week */
	EXCHANGES_A_DAY = 3,
};

static int
ask_identity(struct conversation *c, void *arg)
{
	return c->meter->family->identify(c->session, arg);
}

/* A wrong or exchanged meter under the same address. */
static void
serial_changed(struct conversation *c, const struct meter_config *config)
{
	struct poll_meter *m = c->meter;
	int64_t now = clock_utc();
	bool flutters;

	pthread_mutex_lock(&c->poll->lock);
	m->serial_changes_at[2] = m->serial_changes_at[1];
	m->serial_changes_at[1] = m->serial_changes_at[0];
	m->serial_changes_at[0] = now;
	flutters = m->serial_changes_at[EXCHANGES_A_DAY - 1] > now - 86400;
	poll_journal(c->poll, "warn", c->bus->name, "meter %u: serial number changed %s -> %s%s",
	    m->row.id, m->state.config.serial, config->serial,
	    flutters ? "; two meters seem to share one address, its archives are no longer read" : "");
	if (flutters || c->settings.serial_hold)
		m->link = LINK_HOLD;
	m->state.serial_since = now;
	m->state.refused = 0;
	m->state.refused_journals = 0;
	m->backfill_stage = 0;
	m->backfill_done = false;
	memset(&m->series, 0, sizeof(m->series));
	pthread_mutex_unlock(&c->poll->lock);
	memset(c->session->memory, 0, sizeof(c->session->memory));
	memset(c->session->fleeting, 0, sizeof(c->session->fleeting));
}

static int
store_config(struct conversation *c, const struct meter_config *config)
{
	struct record r = { .type = REC_EL_CONFIG, .valid = true, .ts = clock_utc(), .config = config };

	return store_put(c->poll->store, c->meter->row.dev, &r, 1);
}

int
poll_identify(struct conversation *c)
{
	struct poll_meter *m = c->meter;
	struct meter_config config = { 0 };
	int64_t now = clock_utc();
	bool changed;
	int rc;

	rc = conversation_ask(c, "identity", ask_identity, &config);
	if (rc < 0)
		return rc;
	if (m->state.config.serial[0] != '\0' && strcmp(m->state.config.serial, config.serial) != 0) {
		serial_changed(c, &config);
		/* What the exchanged meter can is asked anew, from an empty memory. */
		c->session->is_open = false;
		if ((rc = conversation_ask(c, "identity", ask_identity, &config)) < 0)
			return rc;
	}
	changed = memcmp(&m->state.config, &config, sizeof(config)) != 0;
	pthread_mutex_lock(&c->poll->lock);
	m->state.config = config;
	m->state.config_ts = now;
	m->identified_day = day_start(c->zone, now);
	if (now - m->state.refused_at > UNSUPPORTED_TTL_S) {
		m->state.refused = 0;
		m->state.refused_journals = 0;
	}
	pthread_mutex_unlock(&c->poll->lock);
	c->state_changed = true;
	poll_check_day(c);
	if (!changed)
		return E_OK;
	log_info("poll", "bus=%s meter=%u address=%s: serial=%s model=%s firmware=%s", c->bus->name,
	    m->row.id, m->row.address, config.serial, config.model, config.firmware);
	return store_config(c, &config);
}
