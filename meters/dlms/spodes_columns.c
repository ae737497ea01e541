/* Columns of the profiles: what they hold, their scalers and period, read once (10.4, 13). */
#include "meters/dlms/spodes.h"

#include <string.h>

enum { MINUTES_MOST = 60, DAY_S = 86400 };

/* The profiles: C D E of 1.0.C.D.E, the profile of their scalers, their room in the memory. */
static const struct {
	uint8_t c, d, e, scalers;	/* 1.0.94.7.scalers */
	uint8_t room;
	size_t profile, what, scaler;
} profiles[] = {
#define ROOM(name) offsetof(struct spodes_memory, name), offsetof(struct spodes_memory, name##_what), \
	offsetof(struct spodes_memory, name##_scaler)
	[PROFILE_LOAD] = { 99, 1, 0, 4, LOAD_COLUMNS, ROOM(load) },
	[PROFILE_DAY] = { 98, 2, 0, 2, DAY_COLUMNS, ROOM(day) },
	[PROFILE_MONTH] = { 98, 1, 0, 1, DAY_COLUMNS, ROOM(month) },
	[PROFILE_MOMENT] = { 94, 7, 0, 3, MOMENT_COLUMNS, ROOM(moment) },
#undef ROOM
};
enum { PROFILES = sizeof(profiles) / sizeof(*profiles) };

struct cosem
spodes_profile_object(enum spodes_profile_id id, int attribute)
{
	return COSEM(CLASS_PROFILE, 1, 0, profiles[id].c, profiles[id].d, profiles[id].e,
	    (int8_t)attribute);
}

struct spodes_profile *
spodes_profile(struct meter_session *s, enum spodes_profile_id id)
{
	return (struct spodes_profile *)(void *)(s->memory + profiles[id].profile);
}

static uint8_t *
whats(struct meter_session *s, enum spodes_profile_id id)
{
	return s->memory + profiles[id].what;
}

static int8_t *
scalers(struct meter_session *s, enum spodes_profile_id id)
{
	return (int8_t *)(void *)(s->memory + profiles[id].scaler);
}

/* ---- capture objects ---- */

struct captured {
	struct cosem objects[SPODES_COLUMNS_MAX];
	uint8_t what[SPODES_COLUMNS_MAX];
	unsigned n;
};

static bool
is_repeated(const struct captured *c, const struct cosem *object)
{
	for (unsigned i = 0; i < c->n; i++)
		if (memcmp(c->objects[i].name, object->name, sizeof(object->name)) == 0 &&
		    c->objects[i].index == object->index)
			return true;
	return false;
}

/* A name that comes twice is not to be trusted the second time (10.4).  `attribute` is the one whose
 * columns are wanted: 2 values, 3 scalers. */
static int
parse_captured(struct octets data, int attribute, struct captured *c)
{
	struct axdr a = axdr_init(data.p, data.len);
	uint32_t n;
	int rc = axdr_enter(&a, AXDR_ARRAY, &n);

	c->n = 0;
	if (rc < 0)
		return rc;
	if (n > SPODES_COLUMNS_MAX)
		return E_UNSUPPORTED;
	for (; n > 0; n--) {
		struct cosem *object = &c->objects[c->n];
		struct cosem as_value;
		uint16_t index;
		bool is_second;

		rc = cosem_captured(&a, object, &index);
		if (rc < 0)
			return rc;
		is_second = is_repeated(c, object);
		as_value = *object;
		as_value.index = object->index == attribute ? 2 : 0;
		c->what[c->n] = is_second ? WHAT_OTHER : spodes_what(&as_value, index);
		c->n++;
	}
	return E_OK;
}

/* ---- scalers ---- */

struct wanted {
	struct cosem names[SPODES_COLUMNS_MAX];
	uint8_t column[SPODES_COLUMNS_MAX];
	const uint8_t *what;
	int8_t *scaler;
	unsigned n;
};

static int
take_scaler(void *arg, size_t i, int result, struct axdr *value)
{
	struct wanted *w = arg;
	struct cosem_scale scale;

	(void)result;
	if (value != NULL && cosem_scale(value, &scale) == E_OK && scale.scaler != SPODES_NO_SCALER)
		w->scaler[w->column[i]] = scale.scaler;
	return E_OK;
}

/* What another profile of this meter has told of the same register. */
static int8_t
known_scaler(struct meter_session *s, uint8_t what)
{
	for (unsigned id = 0; id < PROFILES; id++) {
		const struct spodes_profile *p = spodes_profile(s, (enum spodes_profile_id)id);

		for (unsigned i = 0; p->known == SPODES_KNOWN && i < p->n; i++)
			if (whats(s, (enum spodes_profile_id)id)[i] == what)
				return scalers(s, (enum spodes_profile_id)id)[i];
	}
	return SPODES_NO_SCALER;
}

/* One row of {scaler, unit} under the same names, in an order of its own. */
static int
from_scale_profile(struct meter_session *s, enum spodes_profile_id id, struct wanted *w, unsigned n)
{
	struct cosem object = COSEM(CLASS_PROFILE, 1, 0, 94, 7, profiles[id].scalers, 3);
	struct captured c;
	struct octets data;
	struct axdr_value v;
	struct axdr a;
	uint32_t rows, count;
	int rc = spodes_get(s, &object, (struct octets){ NULL, 0 }, &data);

	if (rc == E_OK)
		rc = parse_captured(data, 3, &c);
	object.index = 2;
	if (rc == E_OK)
		rc = spodes_get(s, &object, (struct octets){ NULL, 0 }, &data);
	if (rc < 0)
		return rc;
	a = axdr_init(data.p, data.len);
	if (axdr_enter(&a, AXDR_ARRAY, &rows) < 0 || rows == 0 ||
	    axdr_enter(&a, AXDR_STRUCT, &count) < 0 || count != c.n)
		return E_UNSUPPORTED;
	for (unsigned i = 0; i < c.n; i++) {
		struct axdr before = a;
		struct cosem_scale scale;

		if (axdr_next(&a, &v) < 0 || axdr_skip(&a, &v) < 0)
			return E_UNSUPPORTED;
		if (!spodes_is_scaled(c.what[i]) || cosem_scale(&before, &scale) < 0)
			continue;
		for (unsigned k = 0; k < n; k++)
			if (w->what[k] == c.what[i])
				w->scaler[k] = scale.scaler;
	}
	return E_OK;
}

static bool
is_refusal(int rc)
{
	return rc == E_UNSUPPORTED || rc == E_REFUSED || rc == E_METER || rc == E_INVALID;
}

/* By a list of attribute 3, which is shorter than the profile of scalers; by that for what is left. */
static int
read_scalers(struct meter_session *s, enum spodes_profile_id id, const struct captured *c,
    int8_t *scaler)
{
	struct wanted w = { .what = c->what, .scaler = scaler };
	bool is_missing = false;
	int rc;

	for (unsigned i = 0; i < c->n; i++) {
		scaler[i] = spodes_is_scaled(c->what[i]) ? known_scaler(s, c->what[i]) : 0;
		if (scaler[i] != SPODES_NO_SCALER)
			continue;
		w.names[w.n] = c->objects[i];
		w.names[w.n].index = 3;
		w.column[w.n++] = (uint8_t)i;
	}
	rc = spodes_get_many(s, w.names, w.n, take_scaler, &w);
	if (rc < 0 && !is_refusal(rc))
		return rc;
	for (unsigned i = 0; i < c->n; i++)
		is_missing = is_missing || scaler[i] == SPODES_NO_SCALER;
	if (!is_missing)
		return E_OK;
	rc = from_scale_profile(s, id, &w, c->n);
	return rc < 0 && !is_refusal(rc) ? rc : E_OK;
}

/* ---- period ---- */

/* Seconds; some meters say minutes. */
static int
read_period(struct meter_session *s, enum spodes_profile_id id, uint32_t *period_s)
{
	const struct cosem object = spodes_profile_object(id, 4);
	int64_t n;
	int rc = spodes_number(s, &object, &n);

	if (rc < 0)
		return rc;
	if (n >= 1 && n <= MINUTES_MOST)
		n *= 60;
	if (n < 60 || n > DAY_S || n % 60 != 0)
		return E_UNSUPPORTED;
	*period_s = (uint32_t)n;
	return E_OK;
}

/* ---- learning ---- */

static int
learn(struct meter_session *s, enum spodes_profile_id id)
{
	struct spodes_profile *p = spodes_profile(s, id), learned = { .known = SPODES_KNOWN };
	const struct cosem object = spodes_profile_object(id, 3);
	int8_t scaler[SPODES_COLUMNS_MAX];
	struct captured c;
	struct octets data;
	uint32_t period_s = 0;
	int rc = spodes_get(s, &object, (struct octets){ NULL, 0 }, &data);

	if (rc == E_OK)
		rc = parse_captured(data, 2, &c);
	if (rc == E_OK && (c.n == 0 || c.n > profiles[id].room))
		rc = E_UNSUPPORTED;
	if (rc == E_OK)
		rc = read_scalers(s, id, &c, scaler);
	if (rc == E_OK && id == PROFILE_LOAD)
		rc = read_period(s, id, &period_s);
	if (rc == E_UNSUPPORTED) {
		*p = (struct spodes_profile){ .known = SPODES_ABSENT };
		return rc;
	}
	if (rc < 0)
		return rc;
	learned.n = (uint8_t)c.n;
	learned.period_s = id == PROFILE_DAY ? DAY_S : period_s;
	learned.by_entry = c.what[0] != WHAT_CLOCK;
	memcpy(whats(s, id), c.what, c.n);
	memcpy(scalers(s, id), scaler, c.n);
	*p = learned;
	return E_OK;
}

int
spodes_columns(struct meter_session *s, enum spodes_profile_id id, struct spodes_columns *c)
{
	const struct spodes_profile *p = spodes_profile(s, id);
	int rc = p->known == SPODES_UNKNOWN ? learn(s, id) : E_OK;

	if (rc < 0)
		return rc;
	if (p->known != SPODES_KNOWN)
		return E_UNSUPPORTED;
	*c = (struct spodes_columns){
		.what = whats(s, id), .scaler = scalers(s, id), .n = p->n, .period_s = p->period_s,
		.null_is_missing = spodes_of(s)->options.null_is_missing,
	};
	return E_OK;
}
