#include "rtu327/context.h"

#include <stdlib.h>

static const uint64_t TEN_DIGITS = UINT64_C(10000000000);

bool
rtu327_serial_key(const char *serial, uint64_t *key)
{
	bool any = false;

	*key = 0;
	for (; *serial != '\0'; serial++) {
		if (*serial < '0' || *serial > '9')
			continue;
		*key = (*key * 10 + (uint64_t)(*serial - '0')) % TEN_DIGITS;
		any = true;
	}
	return any;
}

static int
by_serial(const void *a, const void *b)
{
	const struct rtu327_key *x = a, *y = b;

	if (x->serial != y->serial)
		return x->serial < y->serial ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

/* Of meters with equal numbers the first of the table is kept (rtu-327.md 5). */
static void
hide_doubles(struct rtu327_context *ctx)
{
	size_t kept = 0;

	qsort(ctx->keys, ctx->n, sizeof(ctx->keys[0]), by_serial);
	for (size_t i = 0; i < ctx->n; i++) {
		if (kept > 0 && ctx->keys[kept - 1].serial == ctx->keys[i].serial) {
			ctx->doubles++;
			ctx->double_id = ctx->meters->rows[ctx->keys[i].row].id;
			ctx->double_of = ctx->meters->rows[ctx->keys[kept - 1].row].id;
			continue;
		}
		ctx->keys[kept++] = ctx->keys[i];
	}
	ctx->n = kept;
}

static void
collect(struct rtu327_context *ctx)
{
	for (size_t i = 0; i < ctx->meters->n; i++) {
		const struct meter_row *row = &ctx->meters->rows[i];
		const char *serial = row->rtu_serial;
		struct meter_state state;
		uint64_t key;

		if (!rtu327_serial_key(serial, &key)) {
			if (store_state_get(ctx->store, row->dev, &state) < 0) {
				ctx->unread++;
				continue;
			}
			serial = state.config.serial;
		}
		if (rtu327_serial_key(serial, &key))
			ctx->keys[ctx->n++] = (struct rtu327_key){ key, (uint32_t)i };
	}
	hide_doubles(ctx);
}

int
rtu327_context_make(struct rtu327_context **out, struct store *store)
{
	uint64_t sequence = store_sequence(store);
	const struct meter_table *meters = store_meters(store);
	struct rtu327_context *ctx;

	*out = NULL;
	ctx = calloc(1, sizeof(*ctx) + meters->n * sizeof(ctx->keys[0]));
	if (ctx == NULL) {
		meter_table_release(meters);
		return E_NOMEM;
	}
	ctx->holders = 1;
	ctx->store = store;
	ctx->sequence = sequence;
	ctx->meters = meters;
	store_settings(store, &ctx->settings);
	ctx->zone = store_zone(store);
	ctx->bad_passwords = rtu327_auth_parse(&ctx->auth, ctx->settings.rtu_auth,
	    ctx->settings.rtu_auth_required != 0);
	ctx->bad_map_rows = rtu327_event_map(&ctx->events, ctx->settings.rtu_event_map);
	ctx->bad_map_rows += rtu327_log_map(&ctx->log, ctx->settings.rtu_log_map);
	collect(ctx);
	*out = ctx;
	return E_OK;
}

struct rtu327_context *
rtu327_context_hold(struct rtu327_context *ctx)
{
	ctx->holders++;
	return ctx;
}

void
rtu327_context_release(struct rtu327_context *ctx)
{
	if (ctx == NULL || --ctx->holders > 0)
		return;
	meter_table_release(ctx->meters);
	free(ctx);
}

const struct meter_row *
rtu327_context_meter(const struct rtu327_context *ctx, const char *serial)
{
	struct rtu327_key wanted = { 0 };
	size_t low = 0, high = ctx->n;

	if (!rtu327_serial_key(serial, &wanted.serial))
		return NULL;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ctx->keys[middle].serial < wanted.serial)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == ctx->n || ctx->keys[low].serial != wanted.serial)
		return NULL;
	return &ctx->meters->rows[ctx->keys[low].row];
}
