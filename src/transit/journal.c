/* Rows of the journal of connections (smart-json.md 14, srvconn; transit.md 8): one when a session
 * opens; one more when it ends, which clients of the protocol see only when they ask for it, and is
 * told apart by its member "reason". */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/text.h"
#include "src/store/store.h"
#include "src/transit/desk.h"

static void
add(struct store *store, enum device_journal journal, struct text *row)
{
	text_str(row, "}");
	if (store != NULL &&
	    (row->failed || store_journal_add(store, journal, clock_utc(), row->p) < 0))
		log_warn("transit", "a row of a journal is lost: %s",
		    row->failed ? "no memory" : row->p);
	text_free(row);
}

static void
begin(struct text *row, const struct client *c)
{
	text_str(row, "{\"server\":");
	text_json(row, c->server);
	text_str(row, ",\"client\":");
	text_json(row, c->peer);
	text_printf(row, ",\"iface\":%d", (int)c->network);
}

void
journal_opened(struct store *store, const struct client *c)
{
	struct text row = { 0 };

	begin(&row, c);
	add(store, DJ_SRVCONN, &row);
	log_info("transit", "bus=%u client=%s port=%u: session begins", c->row.bus, c->peer,
	    c->row.port);
}

void
journal_ended(struct store *store, const struct client *c, enum client_end end)
{
	uint64_t from = atomic_load(&c->from_client), to = atomic_load(&c->to_client);
	uint64_t lost = atomic_load(&c->lost);
	struct text row = { 0 };

	begin(&row, c);
	text_printf(&row,
	    ",\"opened\":%" PRId64 ",\"end\":%" PRId64 ",\"reason\":\"%s\",\"fromClient\":%" PRIu64
	    ",\"toClient\":%" PRIu64 ",\"lost\":%" PRIu64,
	    c->since, clock_utc(), client_end_name(end), from, to, lost);
	add(store, DJ_SRVCONN, &row);
	log_info("transit",
	    "bus=%u client=%s reason=%s from_client=%" PRIu64 " to_client=%" PRIu64 " lost=%" PRIu64
	    ": session ends",
	    c->row.bus, c->peer, client_end_name(end), from, to, lost);
}

void
journal_turned_away(struct store *store, const struct client *c, enum client_end end)
{
	struct text row = { 0 };

	begin(&row, c);
	text_printf(&row, ",\"reason\":\"%s\"", client_end_name(end));
	add(store, DJ_SRVCONN, &row);
	log_info("transit", "bus=%u client=%s port=%u reason=%s: turned away", c->row.bus, c->peer,
	    c->row.port, client_end_name(end));
}

void
journal_line(struct store *store, unsigned bus, const char *fmt, ...)
{
	struct text row = { 0 };
	char what[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	log_warn("transit", "bus=%u: %s", bus, what);
	text_printf(&row,
	    "{\"level\":\"warn\",\"unit\":\"Iface%u\",\"code\":\"transit\",\"text\":", bus);
	text_json(&row, what);
	add(store, DJ_SYSTEM, &row);
}
