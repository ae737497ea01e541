#include "smart-json/meter_import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/model/model.h"

enum { HUBS_DEEP = 16 };	/* a longer chain of parents is a loop */

struct import_row *
import_add(struct meter_import *import, unsigned line)
{
	if (import->n == import->size) {
		size_t size = import->size != 0 ? import->size * 2 : 64;
		struct import_row *rows;

		if (import->n >= IMPORT_ROWS_MAX ||
		    (rows = realloc(import->rows, size * sizeof(*rows))) == NULL)
			return NULL;
		import->rows = rows;
		import->size = size;
	}
	memset(&import->rows[import->n], 0, sizeof(import->rows[0]));
	import->rows[import->n].line = line;
	return &import->rows[import->n++];
}

void
import_note(struct meter_import *import, bool error, unsigned line, enum meter_column column,
    const char *fmt, ...)
{
	struct import_note *note;
	va_list ap;

	error ? import->n_errors++ : import->n_warnings++;
	if (import->notes == NULL)
		import->notes = calloc(IMPORT_NOTES_MAX, sizeof(*import->notes));
	if (import->notes == NULL || import->n_notes == IMPORT_NOTES_MAX)
		return;
	note = &import->notes[import->n_notes++];
	note->error = error;
	note->line = line;
	note->column = column;
	va_start(ap, fmt);
	vsnprintf(note->text, sizeof(note->text), fmt, ap);
	va_end(ap);
}

void
import_free(struct meter_import *import)
{
	free(import->rows);
	free(import->notes);
	memset(import, 0, sizeof(*import));
}

static int
by_id(const void *a, const void *b)
{
	const struct import_row *const *x = a, *const *y = b;

	if ((*x)->row.id != (*y)->row.id)
		return (*x)->row.id < (*y)->row.id ? -1 : 1;
	return (*x)->line < (*y)->line ? -1 : (*x)->line > (*y)->line;
}

/* Rows without an id get those after the greatest one known. */
static void
give_ids(struct meter_import *import, const struct meter_table *now)
{
	uint32_t greatest = now->n > 0 ? now->rows[now->n - 1].id : 0;

	for (size_t i = 0; i < import->n; i++)
		if (import->rows[i].row.id > greatest)
			greatest = import->rows[i].row.id;
	for (size_t i = 0; i < import->n; i++) {
		if (import->rows[i].row.id != 0)
			continue;
		if (greatest >= INT32_MAX)
			import_note(import, true, import->rows[i].line, COL_ID, "no free id is left");
		else
			import->rows[i].row.id = ++greatest;
	}
}

static void
check_twice(struct meter_import *import, struct import_row **sorted)
{
	for (size_t i = 1; i < import->n; i++)
		if (sorted[i]->row.id == sorted[i - 1]->row.id)
			import_note(import, true, sorted[i]->line, COL_ID,
			    "id %u stands in row %u already", (unsigned)sorted[i]->row.id,
			    sorted[i - 1]->line);
}

/* What the row does not say comes from the meter as it is, or from the defaults of its type. */
static void
complete(struct import_row *r, const struct meter_row *old, struct meter_import *import)
{
	static const enum meter_column needed[] = { COL_TYPE, COL_ADDR, COL_IFACE };
	const struct meter_type *type;

	if (old != NULL) {
		for (int c = 0; c < COL_COUNT; c++)
			if ((r->given & COL_BIT(c)) == 0)
				meter_column_copy(&r->row, old, (enum meter_column)c);
		r->row.dev = old->dev;
		memcpy(r->row.wire, old->wire, sizeof(r->row.wire));
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if ((r->given & COL_BIT(needed[i])) == 0)
			import_note(import, true, r->line, needed[i], "%s is missing",
			    meter_column_name(needed[i]));
	if ((type = meter_type_by_id(r->row.type)) == NULL)
		return;
	if ((r->given & COL_BIT(COL_PASS_RD)) == 0)
		snprintf(r->row.password_read, sizeof(r->row.password_read), "%s", type->password_read);
	if ((r->given & COL_BIT(COL_PASS_WR)) == 0)
		snprintf(r->row.password_write, sizeof(r->row.password_write), "%s",
		    type->password_write);
}

/* The table as it would be: rows sorted by id, each with the line it comes from (0: as it is). */
struct future { const struct meter_row *row; unsigned line; };

static size_t
merge(struct future *to, struct import_row **sorted, size_t n, const struct meter_table *now,
    bool replace)
{
	size_t at = 0, i = 0, j = 0;

	while (i < n || j < now->n) {
		if (i < n && (j == now->n || sorted[i]->row.id <= now->rows[j].id)) {
			j += j < now->n && sorted[i]->row.id == now->rows[j].id;
			to[at++] = (struct future){ &sorted[i]->row, sorted[i]->line };
			i++;
		} else {
			if (!replace)
				to[at++] = (struct future){ &now->rows[j], 0 };
			j++;
		}
	}
	return at;
}

static const struct future *
find(const struct future *all, size_t n, uint32_t id)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (all[middle].row->id == id)
			return &all[middle];
		if (all[middle].row->id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void
check_parents(struct meter_import *import, const struct future *all, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct future *f = &all[i];
		int deep = 0;

		if (all[i].line == 0)
			continue;
		if (f->row->iface == IFACE_HUB && f->row->parent == 0)
			import_note(import, false, f->line, COL_PARENT,
			    "on a hub, but parent is 0: it will not be read");
		while (f != NULL && f->row->parent != 0 && deep++ < HUBS_DEEP)
			f = find(all, n, f->row->parent);
		if (deep > HUBS_DEEP)
			import_note(import, true, all[i].line, COL_PARENT,
			    "its parents go round in a circle");
		else if (f == NULL && deep == 1)
			import_note(import, false, all[i].line, COL_PARENT,
			    "meter %u is not in the table", (unsigned)all[i].row->parent);
	}
}

static void
check_endpoint(struct meter_import *import, const struct future *f)
{
	const char *colon = strrchr(f->row->address, ':');
	long port = colon != NULL ? strtol(colon + 1, NULL, 10) : 0;

	if (f->line != 0 && f->row->iface == IFACE_ETHERNET &&
	    (colon == f->row->address || port < 1 || port > 65535))
		import_note(import, true, f->line, COL_ADDR, "on Ethernet the address is host:port");
}

static int
by_place(const void *a, const void *b)
{
	const struct meter_row *x = ((const struct future *)a)->row,
			       *y = ((const struct future *)b)->row;

	if (x->iface != y->iface)
		return x->iface < y->iface ? -1 : 1;
	if (x->parent != y->parent)
		return x->parent < y->parent ? -1 : 1;
	return strcmp(x->address, y->address);
}

/* The same address twice on one bus: allowed, transit chains repeat it (smart-json.md 8.12). */
static void
check_places(struct meter_import *import, struct future *all, size_t n)
{
	qsort(all, n, sizeof(*all), by_place);
	for (size_t i = 1; i < n; i++) {
		const struct future *f = all[i].line != 0 ? &all[i] : &all[i - 1];
		const struct future *other = all[i].line != 0 ? &all[i - 1] : &all[i];

		if (f->line != 0 && by_place(&all[i - 1], &all[i]) == 0)
			import_note(import, false, f->line, COL_ADDR,
			    "meter %u has the same address on %s", (unsigned)other->row->id,
			    meter_iface_name(f->row->iface));
	}
}

static bool
equal(const struct meter_row *a, const struct meter_row *b)
{
	char x[COL_TEXT_SIZE], y[COL_TEXT_SIZE];

	for (int c = 0; c < COL_COUNT; c++)
		if (strcmp(meter_column_print(a, (enum meter_column)c, x),
			meter_column_print(b, (enum meter_column)c, y)) != 0)
			return false;
	return strcmp(a->wire, b->wire) == 0;
}

static void
plan_removals(struct import_plan *plan, struct import_row **sorted, size_t n,
    const struct meter_table *now)
{
	size_t i = 0;

	for (size_t j = 0; j < now->n; j++) {
		while (i < n && sorted[i]->row.id < now->rows[j].id)
			i++;
		if (i < n && sorted[i]->row.id == now->rows[j].id)
			continue;
		plan->changes[plan->n++] = (struct meter_change){ .remove = true, .row = now->rows[j] };
		plan->removed++;
	}
}

static void
plan_rows(struct import_plan *plan, struct import_row **sorted, size_t n, const struct meter_table *now)
{
	for (size_t i = 0; i < n; i++) {
		const struct meter_row *old = meter_table_find(now, sorted[i]->row.id);

		if (old != NULL && equal(old, &sorted[i]->row)) {
			plan->unchanged++;
			continue;
		}
		plan->lines[plan->n] = sorted[i]->line;
		plan->changes[plan->n++] = (struct meter_change){ .row = sorted[i]->row };
		old != NULL ? plan->changed++ : plan->added++;
	}
}

static void
check_all(struct meter_import *import, struct import_row **sorted, struct future *all,
    const struct meter_table *now, bool replace)
{
	size_t n;

	give_ids(import, now);
	for (size_t i = 0; i < import->n; i++)
		sorted[i] = &import->rows[i];
	qsort(sorted, import->n, sizeof(*sorted), by_id);
	check_twice(import, sorted);
	for (size_t i = 0; i < import->n; i++)
		complete(sorted[i], meter_table_find(now, sorted[i]->row.id), import);
	if (import->n_errors > 0)
		return;
	n = merge(all, sorted, import->n, now, replace);
	check_parents(import, all, n);
	for (size_t i = 0; i < n; i++)
		check_endpoint(import, &all[i]);
	check_places(import, all, n);
}

int
import_plan(struct import_plan *plan, struct meter_import *import, const struct meter_table *now,
    bool replace)
{
	size_t most = import->n + now->n + 1;
	struct import_row **sorted = calloc(import->n + 1, sizeof(*sorted));
	struct future *all = calloc(most, sizeof(*all));
	int rc = E_NOMEM;

	memset(plan, 0, sizeof(*plan));
	if (sorted == NULL || all == NULL)
		goto out;
	if (replace && import->n == 0 && import->n_errors == 0)
		import_note(import, true, 0, COL_COUNT, "no rows: this would remove every meter");
	check_all(import, sorted, all, now, replace);
	rc = E_INVALID;
	if (import->n_errors > 0)
		goto out;
	rc = E_NOMEM;
	plan->changes = calloc(most, sizeof(*plan->changes));
	plan->lines = calloc(most, sizeof(*plan->lines));
	if (plan->changes == NULL || plan->lines == NULL)
		goto out;
	if (replace)
		plan_removals(plan, sorted, import->n, now);
	plan_rows(plan, sorted, import->n, now);
	rc = E_OK;
out:
	free(sorted);
	free(all);
	if (rc < 0)
		import_plan_free(plan);
	return rc;
}

void
import_plan_free(struct import_plan *plan)
{
	free(plan->changes);
	free(plan->lines);
	memset(plan, 0, sizeof(*plan));
}
