/* Floods of device journals (system.md 11): more than 100 rows a minute of one journal and code are
 * not stored but counted, and the system journal says how many there were.
 *
 * Journals of which each row is somebody's evidence (a meter, a person, a clock) are never folded: a
 * cut bus cable is five hundred rows at once, and none of them may be missing. */
#include "src/store/store_private.h"

#include <string.h>

enum { FLOOD_ROWS = 100, FLOOD_MS = 60000 };

static bool
is_evidence(enum device_journal kind)
{
	static const enum device_journal evidence[] = { DJ_TIME, DJ_METER_ANSWER, DJ_RESET, DJ_UPDATE,
		DJ_METER_TIME, DJ_METER_RELAY, DJ_AUDIT, DJ_UPDATE_LOADER };

	for (size_t i = 0; i < sizeof(evidence) / sizeof(evidence[0]); i++)
		if (kind == evidence[i])
			return true;
	return false;
}

/* Rows of the system journal are told apart by their code; two codes may share a slot. */
static unsigned
slot_of(const char *json)
{
	const char *code = strstr(json, "\"code\":\"");
	unsigned hash = 0;

	for (code = code != NULL ? code + 8 : ""; *code != '\0' && *code != '"'; code++)
		hash = hash * 31 + (unsigned char)*code;
	return hash % FLOOD_CODES;
}

bool
flood_folds(struct store *s, enum device_journal kind, const char *json)
{
	struct flood *f = &s->floods[kind][slot_of(json)];
	int64_t now = store_now_ms();
	bool folds;

	if (is_evidence(kind))
		return false;
	pthread_mutex_lock(&s->flood_lock);
	if (now - f->since_ms >= FLOOD_MS) {
		f->since_ms = now;
		f->rows = 0;
	}
	folds = f->rows == FLOOD_ROWS;
	if (!folds)
		f->rows++;
	else if (f->folded++ == 0)
		f->first_ms = now;
	pthread_mutex_unlock(&s->flood_lock);
	return folds;
}

void
flood_report(struct store *s, bool all)
{
	for (int i = 0; i < DJ_COUNT * FLOOD_CODES; i++) {
		struct flood *f = &s->floods[i / FLOOD_CODES][i % FLOOD_CODES];
		unsigned folded = 0;

		pthread_mutex_lock(&s->flood_lock);
		if (all || store_now_ms() - f->first_ms >= FLOOD_MS) {
			folded = f->folded;
			f->folded = 0;
		}
		pthread_mutex_unlock(&s->flood_lock);
		if (folded > 0)
			journal_system(s, "warn", "journal_flood", "journal %s: %u more rows",
			    store_journal_name((enum device_journal)(i / FLOOD_CODES)), folded);
	}
}
