/* The device's journal of lost and found meters as a journal of each (smart-json.md 10.5). */
#include <stdlib.h>

#include "smart-json/smart_data.h"

static int
take_row(void *arg, uint64_t id, int64_t ts, const char *json)
{
	struct link_rows *links = arg;
	json_t *row = json_loads(json, 0, NULL);
	json_int_t meter = json_integer_value(json_object_get(row, "idMeter"));
	bool answer = json_is_true(json_object_get(row, "answer"));
	struct link_row *grown;

	json_decref(row);
	if (meter < 1 || meter > UINT32_MAX)
		return E_OK;
	if (links->n == links->size) {
		links->size = links->size > 0 ? links->size * 2 : 64;
		if ((grown = realloc(links->rows, links->size * sizeof(*grown))) == NULL)
			return E_NOMEM;
		links->rows = grown;
	}
	links->rows[links->n++] = (struct link_row){ (uint32_t)meter, answer, ts, id };
	return E_OK;
}

static int
compare(const void *a, const void *b)
{
	const struct link_row *x = a, *y = b;

	if (x->meter != y->meter)
		return x->meter < y->meter ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

int
link_rows_read(struct link_rows *links, struct store *store)
{
	int rc = store_journal_read(store, DJ_METER_ANSWER, 0, 0, false, take_row, links);

	if (rc >= 0 && links->n > 0)
		qsort(links->rows, links->n, sizeof(links->rows[0]), compare);
	return rc;
}

void
link_rows_free(struct link_rows *links)
{
	free(links->rows);
	*links = (struct link_rows){ NULL, 0, 0 };
}

const struct link_row *
link_rows_of(const struct link_rows *links, uint32_t meter, size_t *n)
{
	size_t low = 0, high = links->n;

	*n = 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (links->rows[middle].meter < meter)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + *n < links->n && links->rows[low + *n].meter == meter)
		(*n)++;
	return *n > 0 ? &links->rows[low] : NULL;
}
