#include "smart-json/api.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"

/* GET meters: the table with the state of every link, filtered, sorted, a page of it. */

struct entry {
	const struct meter_row *row;
	struct poll_meter_status status;
	bool known;			/* status holds */
};

enum sort_key { BY_ID, BY_ADDR, BY_TYPE, BY_IFACE, BY_SERIAL, BY_STATE, BY_LAST, BY_DIFF, BY_MISSING,
	BY_GROUP, BY_NOTE, SORT_KEYS };
static const char *const sort_names[SORT_KEYS] = {
	"id", "addr", "type", "iface", "serial", "state", "last", "diff", "missing", "group", "note"
};

struct filter {
	char needle[128];
	enum meter_iface bus;
	const struct meter_type *type;
	const char *state;
	enum sort_key key;
	bool down;
	size_t offset, limit;
};

static bool
read_sort(struct http_call *call, struct filter *f)
{
	const char *text = http_arg(call, "sort");

	if (text == NULL || *text == '\0')
		return true;
	f->down = *text == '-';
	text += f->down;
	for (int i = 0; i < SORT_KEYS; i++) {
		if (strcmp(text, sort_names[i]) == 0) {
			f->key = (enum sort_key)i;
			return true;
		}
	}
	http_fail(call, 422, "sort",
	    "sort: \"%.24s\" is none of id, addr, type, iface, serial, state, last, "
	    "diff, missing, group, note",
	    text);
	return false;
}

static bool
is_state(const char *name)
{
	for (int i = LINK_NEW; i <= LINK_NO_DRIVER; i++)
		if (strcmp(name, link_state_name((enum link_state)i)) == 0)
			return true;
	return false;
}

static bool
read_filter(struct http_call *call, struct filter *f)
{
	const char *q = http_arg(call, "q"), *bus = http_arg(call, "bus");
	const char *type = http_arg(call, "type"), *state = http_arg(call, "state");

	utf8_fold(f->needle, sizeof(f->needle), q != NULL ? q : "");
	if (bus != NULL && *bus != '\0') {
		f->bus = *bus >= '1' && *bus <= '4' && bus[1] == '\0' ? (enum meter_iface)(*bus - '0') :
									meter_iface_by_name(bus);
		if (f->bus == IFACE_NONE) {
			http_fail(call, 422, "bus", "bus: \"%.24s\" is none of 1..4, Ethernet, Hub",
			    bus);
			return false;
		}
	}
	if (type != NULL && *type != '\0' && (f->type = meter_type_by_name(type)) == NULL) {
		http_fail(call, 422, "type", "type: unknown type of meter \"%.32s\"", type);
		return false;
	}
	if (state != NULL && *state != '\0') {
		if (!is_state(state)) {
			http_fail(call, 422, "state", "state: \"%.24s\" is no state of a link", state);
			return false;
		}
		f->state = state;
	}
	f->limit = 100;
	return read_sort(call, f) && api_arg_count(call, "offset", &f->offset) &&
	    api_arg_count(call, "limit", &f->limit);
}

static void
load(struct http_call *call, const struct meter_row *row, struct entry *e)
{
	struct meter_state state;

	memset(e, 0, sizeof(*e));
	e->row = row;
	if (call->server->poll != NULL) {
		e->known = poll_meter(call->server->poll, row->id, &e->status) == E_OK;
	} else if (store_state_get(call->server->store, row->dev, &state) == E_OK) {
		memcpy(e->status.serial, state.config.serial, sizeof(e->status.serial));
		e->status.last_answer = state.last_answer;
	}
}

static bool
matches(const struct filter *f, const struct entry *e)
{
	static const enum meter_column searched[] = { COL_ID, COL_ADDR, COL_TYPE, COL_GROUP, COL_NOTE,
		COL_RTU_SERIAL };
	char buf[COL_TEXT_SIZE];

	if ((f->bus != IFACE_NONE && e->row->iface != f->bus) ||
	    (f->type != NULL && e->row->type != f->type->id))
		return false;
	if (f->state != NULL && (!e->known || strcmp(link_state_name(e->status.link), f->state) != 0))
		return false;
	for (size_t i = 0; i < sizeof(searched) / sizeof(searched[0]); i++)
		if (utf8_contains(meter_column_print(e->row, searched[i], buf), f->needle))
			return true;
	return utf8_contains(e->status.serial, f->needle);
}

static int
compare_numbers(int64_t a, int64_t b)
{
	return a < b ? -1 : a > b;
}

/* Digit strings by value, others as text. */
static int
compare_texts(const char *a, const char *b)
{
	size_t n = strspn(a, "0123456789"), m = strspn(b, "0123456789");

	if (a[n] == '\0' && b[m] == '\0' && n != m)
		return n < m ? -1 : 1;
	return strcmp(a, b);
}

static int
compare(const void *x, const void *y, void *arg)
{
	const struct filter *f = arg;
	const struct entry *a = x, *b = y;
	char p[COL_TEXT_SIZE], q[COL_TEXT_SIZE];
	int order = 0;

	switch (f->key) {
	case BY_ADDR:    order = compare_texts(a->row->address, b->row->address); break;
	case BY_TYPE:
		order = strcmp(meter_column_print(a->row, COL_TYPE, p),
		    meter_column_print(b->row, COL_TYPE, q));
		break;
	case BY_IFACE:   order = compare_numbers(a->row->iface, b->row->iface); break;
	case BY_SERIAL:  order = compare_texts(a->status.serial, b->status.serial); break;
	case BY_STATE:   order = compare_numbers(a->status.link, b->status.link); break;
	case BY_LAST:    order = compare_numbers(a->status.last_answer, b->status.last_answer); break;
	case BY_DIFF:    order = compare_numbers(labs(a->status.diff_s), labs(b->status.diff_s)); break;
	case BY_MISSING: order = compare_numbers(a->status.missing, b->status.missing); break;
	case BY_GROUP:   order = compare_texts(a->row->group, b->row->group); break;
	case BY_NOTE:    order = compare_texts(a->row->note, b->row->note); break;
	case BY_ID: case SORT_KEYS: break;
	}
	if (order == 0)
		order = compare_numbers(a->row->id, b->row->id);
	return f->down ? -order : order;
}

static void
print_time(struct text *t, const char *name, int64_t ts)
{
	if (ts != 0)
		text_printf(t, ",\"%s\":%" PRId64, name, ts);
	else
		text_printf(t, ",\"%s\":null", name);
}

static void
print_status(struct text *t, const struct entry *e)
{
	const struct poll_meter_status *s = &e->status;

	text_str(t, ",\"serial\":");
	text_json(t, *s->serial != '\0' ? s->serial : NULL);
	text_str(t, ",\"state\":");
	text_json(t, e->known ? link_state_name(s->link) : NULL);
	print_time(t, "last", s->last_answer);
	if (!e->known) {
		text_str(t, ",\"diff\":null,\"missing\":null,\"wanted\":null");
		return;
	}
	print_time(t, "tried", s->last_try);
	if (s->diff_known)
		text_printf(t, ",\"diff\":%" PRId32, s->diff_s);
	else
		text_str(t, ",\"diff\":null");
	text_printf(t,
	    ",\"missing\":%" PRIu32 ",\"wanted\":%" PRIu32 ",\"answers\":%" PRIu32
	    ",\"failures\":%" PRIu32 ",\"error\":",
	    s->missing, s->wanted, s->answers, s->failures);
	text_json(t, s->last_error < 0 ? uspd_strerror(s->last_error) : NULL);
}

static void
print_entry(struct text *t, const struct entry *e, bool passwords)
{
	char buf[COL_TEXT_SIZE];

	text_printf(t, "{\"index\":%u", e->row->dev);
	for (int c = 0; c < COL_COUNT; c++) {
		const char *value = meter_column_print(e->row, (enum meter_column)c, buf);

		if (c == COL_SERIAL || (!passwords && (COL_PASSWORDS & COL_BIT(c)) != 0))
			continue;
		text_printf(t, ",\"%s\":", meter_column_name((enum meter_column)c));
		if (meter_column_is_number((enum meter_column)c))
			text_str(t, value);
		else
			text_json(t, value);
	}
	print_status(t, e);
	text_str(t, "}");
}

void
api_meters_list(struct http_call *call)
{
	const struct meter_table *table = store_meters(call->server->store);
	struct filter f = { .key = BY_ID };
	struct entry *entries = NULL;
	bool passwords = call->level >= LEVEL_ADMIN && api_arg_flag(call, "passwords");
	size_t n = 0, end;

	if (!read_filter(call, &f))
		goto out;
	if (table == NULL || (entries = calloc(table->n + 1, sizeof(*entries))) == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the table cannot be listed");
		goto out;
	}
	for (size_t i = 0; i < table->n; i++) {
		load(call, &table->rows[i], &entries[n]);
		n += matches(&f, &entries[n]);
	}
	qsort_r(entries, n, sizeof(*entries), compare, &f);
	if (f.offset > n)
		f.offset = n;
	end = f.limit == 0 || f.limit > n - f.offset ? n : f.offset + f.limit;
	text_printf(&call->out, "{\"total\":%zu,\"time\":%" PRId64 ",\"rows\":[", n, clock_utc());
	for (size_t i = f.offset; i < end; i++) {
		if (i > f.offset)
			text_str(&call->out, ",\n");
		print_entry(&call->out, &entries[i], passwords);
	}
	text_str(&call->out, "]}\n");
out:
	free(entries);
	if (table != NULL)
		meter_table_release(table);
}
