/* Profiles of simulated СПОДЭС meters: columns and selective access (meter-spodes-dlms.md 7.8,
 * 10.4). */
#include "sim/dlms.h"

#include <stdlib.h>
#include <string.h>

enum { BY_RANGE = 1, BY_ENTRY = 2, SORT_FIFO = 1, SORT_LIFO = 2, CLOCK_COLUMN = 0,
    BUFFER_MOST = 8 << 20 };

/* What of a profile is asked. */
struct selection {
	struct sim_dlms_columns columns;
	struct sim_dlms_moment *rows;
	size_t n;
};

/* ---- columns ---- */

static const struct sim_dlms_object *
named(const struct sim_meter *m, const char *text, unsigned *attribute)
{
	unsigned v[SIM_NAME_SIZE - 1];
	uint8_t name[SIM_NAME_SIZE] = { 0, 0, 0, 0, 0, 255 };
	int used = 0;

	*attribute = 2;
	if (sscanf(text, "%3u.%3u.%3u.%3u.%3u%n", &v[0], &v[1], &v[2], &v[3], &v[4], &used) != 5)
		return NULL;
	if (text[used] == '/' && sscanf(text + used, "/%1u", attribute) != 1)
		return NULL;
	for (unsigned i = 0; i < SIM_NAME_SIZE - 1; i++)
		name[i] = (uint8_t)v[i];
	return sim_dlms_find(m, name);
}

/* "1.0.1.29.0", with an attribute "1.0.1.6.0/5", with another's value "1.0.1.29.0=1.0.2.29.0". */
static bool
add_column(struct sim_meter *m, const char *text, struct sim_dlms_columns *to)
{
	unsigned attribute, unused;
	const char *other = strchr(text, '=');
	const struct sim_dlms_object *object = named(m, text, &attribute);
	const struct sim_dlms_object *value = other != NULL ? named(m, other + 1, &unused) : object;

	if (object == NULL || value == NULL || to->n == SIM_COLUMNS_MAX)
		return false;
	to->at[to->n++] = (struct sim_dlms_column){ object, value, (uint8_t)attribute };
	return true;
}

/* All tariffs of a kind, the sum before or behind them. */
static void
add_energy(struct sim_meter *m, unsigned c, int sum_first, struct sim_dlms_columns *to)
{
	char text[24];

	for (int i = 0; i < 5; i++) {
		snprintf(text, sizeof(text), "1.0.%u.8.%d", c, sum_first != 0 ? i : (i + 1) % 5);
		(void)add_column(m, text, to);
	}
}

static void
default_columns(struct sim_meter *m, enum sim_dlms_profile profile, struct sim_dlms_columns *to)
{
	char text[24];
	const struct sim_dlms_object *o;

	(void)add_column(m, "0.0.1.0.0", to);
	for (size_t i = 0; profile == SIM_PROFILE_NOW && (o = sim_dlms_object_at(i)) != NULL; i++)
		if (o->what == SIM_INSTANT && sim_dlms_keeps(m, o))
			to->at[to->n++] = (struct sim_dlms_column){ o, o, 2 };
	for (unsigned c = 1; profile == SIM_PROFILE_NOW && c <= 4; c++) {
		snprintf(text, sizeof(text), "1.0.%u.8.0", c);
		(void)add_column(m, text, to);
	}
	for (unsigned c = 1; c <= 4; c++) {
		snprintf(text, sizeof(text), "1.0.%u.29.0", c);
		if (profile == SIM_PROFILE_LOAD)
			(void)add_column(m, text, to);
		if (profile == SIM_PROFILE_DAY || profile == SIM_PROFILE_MONTH)
			add_energy(m, c, profile == SIM_PROFILE_MONTH, to);
	}
}

bool
sim_dlms_parse_columns(struct sim_meter *m, enum sim_dlms_profile profile, const json_t *list)
{
	struct sim_dlms_columns *to = &m->u.dlms->columns[profile];
	json_t *one;
	size_t i;

	to->n = 0;
	if (list == NULL) {
		default_columns(m, profile, to);
		return true;
	}
	json_array_foreach((json_t *)list, i, one)
		if (!json_is_string(one) || !add_column(m, json_string_value(one), to))
			return false;
	return to->n > 0;
}

/* The registers of a profile, attribute 3. */
static void
scale_columns(const struct sim_meter *m, unsigned which, struct sim_dlms_columns *to)
{
	static const uint8_t scaled[] = { SIM_PROFILE_MONTH, SIM_PROFILE_DAY, SIM_PROFILE_NOW,
		SIM_PROFILE_LOAD };
	const struct sim_dlms *d = m->u.dlms;
	const struct sim_dlms_columns *from = &d->columns[scaled[which - SIM_SCALE_MONTH]];

	to->n = 0;
	for (unsigned i = 0; i < from->n; i++) {
		struct sim_dlms_column c = from->at[d->k.scale_reversed ? from->n - 1 - i : i];

		if (c.object->class_id != SIM_CLASS_REGISTER &&
		    c.object->class_id != SIM_CLASS_EXTENDED)
			continue;
		c.attribute = 3;
		to->at[to->n++] = c;
	}
}

void
sim_dlms_columns_of(const struct sim_meter *m, const struct sim_dlms_object *o,
    struct sim_dlms_columns *to)
{
	if (o->what == SIM_LOG)
		sim_dlms_log_columns(m, o->x, to);
	else if (o->x < SIM_PROFILES)
		*to = m->u.dlms->columns[o->x];
	else
		scale_columns(m, o->x, to);
}

static void
put_object(const struct sim_dlms_column *c, struct text *to)
{
	sim_ax_count(to, AX_STRUCTURE, 4);
	sim_ax_number(to, AX_U16, c->object->class_id);
	sim_ax_octets(to, c->object->name, SIM_NAME_SIZE);
	sim_ax_number(to, AX_I8, c->attribute);
	sim_ax_number(to, AX_U16, 0);
}

/* ---- selective access ---- */

/* A restricting object or a wanted column: its place among the columns, -1 none. */
static int
take_column(struct rd *r, const struct sim_dlms_columns *columns)
{
	int64_t class_id, attribute, index;
	uint8_t name[SIM_NAME_SIZE];

	if (rd_u16_be(r) != 0x0204 || !sim_ax_take_int(r, &class_id) || rd_u16_be(r) != 0x0906)
		return -1;
	rd_bytes(r, name, sizeof(name));
	if (!sim_ax_take_int(r, &attribute) || !sim_ax_take_int(r, &index))
		return -1;
	for (unsigned i = 0; i < columns->n; i++)
		if (columns->at[i].object->class_id == class_id &&
		    columns->at[i].attribute == attribute &&
		    memcmp(columns->at[i].object->name, name, sizeof(name)) == 0)
			return (int)i;
	return -1;
}

static int
select_columns(const struct sim_dlms *d, struct rd *r, struct sim_dlms_columns *columns)
{
	struct sim_dlms_columns wanted = { 0 };
	size_t n;

	if (rd_u8(r) != AX_ARRAY)
		return SIM_DAR_TYPE_WRONG;
	for (n = sim_ax_take_length(r); n > 0; n--) {
		int at = take_column(r, columns);

		if (rd_failed(r) || at < 0 || wanted.n == SIM_COLUMNS_MAX)
			return SIM_DAR_SCOPE;
		wanted.at[wanted.n++] = columns->at[at];
	}
	if (wanted.n > 0 && d->k.column_select)
		*columns = wanted;
	return rd_failed(r) ? SIM_DAR_TYPE_WRONG : SIM_DAR_DONE;
}

static int
select_range(struct sim_dlms_call *call, const struct sim_dlms_object *o, struct rd *r,
    struct selection *s)
{
	const struct sim_dlms_keys *k = &call->d->k;
	int64_t from, to;
	int from_deviation, to_deviation, result;
	size_t kept = 0;

	if (k->range == SIM_RANGE_REFUSED)
		return SIM_DAR_OTHER;
	if (rd_u16_be(r) != 0x0204)
		return SIM_DAR_TYPE_WRONG;
	if (take_column(r, &s->columns) != CLOCK_COLUMN)
		return rd_failed(r) ? SIM_DAR_TYPE_WRONG : SIM_DAR_SCOPE;
	if (!sim_ax_take_stamp(r, &from, &from_deviation) || !sim_ax_take_stamp(r, &to, &to_deviation))
		return SIM_DAR_TYPE_WRONG;
	result = select_columns(call->d, r, &s->columns);
	if (result != SIM_DAR_DONE)
		return result;
	if (k->range == SIM_RANGE_IGNORED)
		from = to = INT64_MIN;
	s->rows = sim_dlms_rows(call->m, o, from, call->t, &s->n);
	if (k->range == SIM_RANGE_OWN &&
	    (from_deviation != k->deviation_min || to_deviation != k->deviation_min))
		s->n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->rows[i].stamp >= from && (to == INT64_MIN || s->rows[i].stamp <= to))
			s->rows[kept++] = s->rows[i];
	s->n = kept;
	return SIM_DAR_DONE;
}

static void
turn_round(struct selection *s)
{
	for (size_t a = 0, b = s->n; a + 1 < b; a++) {
		struct sim_dlms_moment swapped = s->rows[--b];

		s->rows[b] = s->rows[a];
		s->rows[a] = swapped;
	}
}

/* Places count from 1 in the order of the buffer; 0 as an end is the last. */
static int
select_entries(struct sim_dlms_call *call, const struct sim_dlms_object *o, struct rd *r,
    struct selection *s)
{
	int64_t from, to, first, last;

	if (call->d->k.entry == SIM_ENTRY_REFUSED)
		return SIM_DAR_OTHER;
	if (rd_u16_be(r) != 0x0204 || !sim_ax_take_int(r, &from) || !sim_ax_take_int(r, &to) ||
	    !sim_ax_take_int(r, &first) || !sim_ax_take_int(r, &last))
		return SIM_DAR_TYPE_WRONG;
	s->rows = sim_dlms_rows(call->m, o, INT64_MIN, call->t, &s->n);
	if (call->d->k.newest_first)
		turn_round(s);
	if (to == 0 || to > (int64_t)s->n)
		to = (int64_t)s->n;
	if (last == 0 || last > s->columns.n)
		last = s->columns.n;
	if (from < 1 || first < 1 || first > last) {
		s->n = 0;
		return SIM_DAR_SCOPE;
	}
	s->n = from <= to ? (size_t)(to - from + 1) : 0;
	if (s->n > 0)
		memmove(s->rows, s->rows + from - 1, s->n * sizeof(*s->rows));
	memmove(s->columns.at, s->columns.at + first - 1,
	    (size_t)(last - first + 1) * sizeof(s->columns.at[0]));
	s->columns.n = (unsigned)(last - first + 1);
	return SIM_DAR_DONE;
}

/* ---- the buffer ---- */

static void
put_cell(struct sim_dlms_call *call, const struct sim_dlms_column *c, const struct sim_dlms_moment *row,
    struct text *to)
{
	if (!sim_dlms_value(call->m, c->value, c->attribute, row, to))
		sim_ax_byte(to, AX_NULL);
}

/* Null-data for what follows from the row before (8.2). */
static bool
follows(struct sim_dlms_call *call, const struct sim_dlms_column *c, const struct sim_dlms_moment *row,
    const struct text *cell)
{
	const struct sim_dlms_moment *before = row - 1;
	struct text same = { NULL };
	bool equal;

	if (c->object->class_id == SIM_CLASS_CLOCK)
		return row->stamp == before->stamp + call->d->k.period_s &&
		    row->clock_status == before->clock_status;
	put_cell(call, c, before, &same);
	equal = same.len == cell->len && memcmp(same.p, cell->p, same.len) == 0;
	text_free(&same);
	return equal;
}

static void
put_rows(struct sim_dlms_call *call, const struct selection *s, bool with_nulls, struct text *to)
{
	struct text cell = { NULL };

	sim_ax_count(to, AX_ARRAY, s->n);
	for (size_t i = 0; i < s->n && to->len < BUFFER_MOST; i++) {
		sim_ax_count(to, AX_STRUCTURE, s->columns.n);
		for (unsigned c = 0; c < s->columns.n; c++) {
			text_clear(&cell);
			put_cell(call, &s->columns.at[c], &s->rows[i], &cell);
			if (with_nulls && i > 0 && follows(call, &s->columns.at[c], &s->rows[i], &cell))
				sim_ax_byte(to, AX_NULL);
			else
				text_add(to, cell.p, cell.len);
		}
	}
	text_free(&cell);
}

/* The types once, then the values alone (8.3). */
static void
put_compact(struct sim_dlms_call *call, const struct selection *s, struct text *to)
{
	struct text cell = { NULL }, all = { NULL };

	sim_ax_byte(to, AX_COMPACT);
	sim_ax_count(to, AX_STRUCTURE, s->columns.n);
	for (unsigned c = 0; c < s->columns.n; c++) {
		text_clear(&cell);
		put_cell(call, &s->columns.at[c], &s->rows[0], &cell);
		text_add(to, cell.p, cell.len > 0);
	}
	for (size_t i = 0; i < s->n; i++) {
		for (unsigned c = 0; c < s->columns.n; c++) {
			text_clear(&cell);
			put_cell(call, &s->columns.at[c], &s->rows[i], &cell);
			text_add(&all, cell.p + 1, cell.len > 0 ? cell.len - 1 : 0);
		}
	}
	sim_ax_length(to, all.len);
	text_add(to, all.p, all.len);
	text_free(&cell);
	text_free(&all);
}

static int
get_buffer(struct sim_dlms_call *call, const struct sim_dlms_object *o, unsigned selector, struct rd *r,
    struct text *to)
{
	struct selection s = { .rows = NULL };
	const struct sim_dlms_keys *k = &call->d->k;
	bool is_load = o->what == SIM_PROFILE && o->x == SIM_PROFILE_LOAD;
	int result = SIM_DAR_DONE;

	sim_dlms_columns_of(call->m, o, &s.columns);
	if (selector == BY_RANGE)
		result = select_range(call, o, r, &s);
	else if (selector == BY_ENTRY)
		result = select_entries(call, o, r, &s);
	else if (selector == 0)
		s.rows = sim_dlms_rows(call->m, o, INT64_MIN, call->t, &s.n);
	else
		result = SIM_DAR_TYPE_WRONG;
	if (selector != BY_ENTRY && k->newest_first)
		turn_round(&s);
	if (result != SIM_DAR_DONE)
		call->m->counters.bad_reads++;
	else if (is_load && k->compact_rows && s.n > 0)
		put_compact(call, &s, to);
	else
		put_rows(call, &s, is_load && k->null_rows && !k->newest_first, to);
	free(s.rows);
	return result;
}

static size_t
entries_in_use(struct sim_dlms_call *call, const struct sim_dlms_object *o)
{
	size_t n;

	free(sim_dlms_rows(call->m, o, INT64_MIN, call->t, &n));
	return n;
}

int
sim_dlms_get_profile(struct sim_dlms_call *call, const struct sim_dlms_object *o, unsigned attribute,
    unsigned selector, struct rd *r, struct text *to)
{
	const struct sim_dlms_keys *k = &call->d->k;
	struct sim_dlms_columns columns;
	int64_t period = 0;

	sim_dlms_columns_of(call->m, o, &columns);
	if (o->what == SIM_PROFILE && o->x == SIM_PROFILE_LOAD)
		period = k->period_s;
	else if (o->what == SIM_PROFILE && o->x == SIM_PROFILE_DAY)
		period = SIM_DAY_S;
	switch (attribute) {
	case 2:
		return get_buffer(call, o, selector, r, to);
	case 3:
		sim_ax_count(to, AX_ARRAY, columns.n);
		for (unsigned i = 0; i < columns.n; i++)
			put_object(&columns.at[i], to);
		return SIM_DAR_DONE;
	case 4:
		sim_ax_number(to, AX_U32, period);
		return SIM_DAR_DONE;
	case 5:
		sim_ax_number(to, AX_ENUM, k->newest_first ? SORT_LIFO : SORT_FIFO);
		return SIM_DAR_DONE;
	case 6:
		if (columns.n > 0)
			put_object(&columns.at[CLOCK_COLUMN], to);
		return columns.n > 0 ? SIM_DAR_DONE : SIM_DAR_UNAVAILABLE;
	case 7:
		sim_ax_number(to, AX_U32, (int64_t)entries_in_use(call, o));
		return SIM_DAR_DONE;
	case 8:
		sim_ax_number(to, AX_U32, (int64_t)sim_dlms_depth(call->m, o));
		return SIM_DAR_DONE;
	default:
		return SIM_DAR_UNAVAILABLE;
	}
}
