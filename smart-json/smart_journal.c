#include "smart-json/smart.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/api.h"
#include "src/store/store.h"

/* GET /jrnl/... (smart-json.md 14): journals of the device, oldest first, in the members that old
 * clients know.  A row as stored may hold more; ?full=1 shows it.  Filters of ours: ?from= &to=
 * (time of the row), &limit=, &order=desc. */

enum { PIECE_ROWS = 500, DESCENDING_MOST = 10000, LOGIN_LETTERS = 16 };

enum kind {
	INT, BOOL, TEXT,
	TEXT16,		/* its first 16 letters */
	MOMENT,		/* stored as UTC seconds, printed in the device's zone */
	PARTY,		/* {"id": int, "type": text} */
};
/* What stands before the members. */
enum { WITH_ID = 1, WITH_TIME = 2, WITH_UNIX = 4, USUAL = WITH_ID | WITH_TIME };

enum { MEMBERS_MOST = 6 };
struct jrnl {
	enum device_journal code;
	unsigned head;
	struct { const char *name; enum kind kind; } members[MEMBERS_MOST];	/* name NULL ends */
	const char *ours;	/* rows with this member are shown on ?full=1 only */
};

#define SENSOR { { "sens", INT }, { "state", INT } }
#define NUMBER { { "number", TEXT } }
#define RESULT { { "res", INT } }
#define MESSAGE { "idMsg", INT }, { "idTo", INT }, { "res", INT }
static const struct jrnl journals[] = {
	{ DJ_ACTION, WITH_UNIX, { { "event", PARTY }, { "action", PARTY } } },
	{ DJ_TIME, WITH_ID, { { "oldTime", MOMENT }, { "newTime", MOMENT }, { "source", INT } } },
	{ DJ_METER_ANSWER, USUAL, { { "idMeter", INT }, { "type", INT }, { "iface", INT },
	    { "addr", TEXT }, { "answer", BOOL } } },
	{ DJ_AUTH, USUAL, { { "login", TEXT16 }, { "lvl", INT } } },
	{ DJ_RESET, USUAL, { { "reason", INT } } },
	/* Old clients know a row for the beginning of a connection, not for its end (transit.md 8). */
	{ DJ_SRVCONN, USUAL, { { "server", TEXT }, { "client", TEXT }, { "iface", INT } }, "end" },
	{ DJ_UPDATE, USUAL, { { "version", TEXT } } },
	{ DJ_UPDATE_LOADER, USUAL, { { "version", TEXT }, { "status", INT } } },
	{ DJ_PPP_CLIENT, USUAL, RESULT },
	{ DJ_PPP_SERVER, USUAL, RESULT },
	{ DJ_CALL, USUAL, NUMBER },
	{ DJ_SMS_GET, USUAL, NUMBER },
	{ DJ_DIN_SENS, USUAL, SENSOR },
	{ DJ_DIN_LINE, USUAL, SENSOR },
	{ DJ_DIN_POWER, USUAL, SENSOR },
	{ DJ_DIN_CHARGE, USUAL, SENSOR },
	{ DJ_DIN_OPEN, USUAL, SENSOR },
	{ DJ_MAIL_MSG, USUAL, { MESSAGE, { "idSrv", INT }, { "action", INT } } },
	{ DJ_MAIL_SEND, USUAL, { MESSAGE, { "idSrv", INT } } },
	{ DJ_SMS_MSG, USUAL, { { "idMsg", INT }, { "idTo", INT }, { "action", INT }, { "res", INT } } },
	{ DJ_SMS_SEND, USUAL, { { "idMsg", INT }, { "idTo", INT }, { "res", INT }, { "err", INT } } },
	{ DJ_MQTT_CONNECT, WITH_ID, { { "connect", MOMENT }, { "disconnect", MOMENT },
	    { "address", TEXT }, { "port", INT }, { "res", INT } } },
	{ DJ_MQTT_MESSAGE, USUAL, { { "file", TEXT }, { "topicH", TEXT16 }, { "topicL", TEXT16 },
	    { "status", INT } } },
};

static const struct jrnl *
journal_of(const char *name)
{
	for (size_t i = 0; i < sizeof(journals) / sizeof(journals[0]); i++)
		if (strcmp(store_journal_name(journals[i].code), name) == 0)
			return &journals[i];
	return NULL;
}

/* ---- one row ---- */

static json_t *
letters(const char *text, size_t most)
{
	size_t len = 0;

	for (; text[len] != '\0' && most > 0; most--)
		do
			len++;
		while ((text[len] & 0xc0) == 0x80);
	return json_stringn(text, len);
}

/* A moment may be stored as text already; one that never came is "". */
static json_t *
moment(const json_t *value, struct zone zone)
{
	char buf[CIVIL_TEXT_SIZE];

	if (!json_is_integer(value))
		return json_string(json_is_string(value) ? json_string_value(value) : "");
	return json_string(civil_print(zone, json_integer_value(value), 'T', buf));
}

/* Every member is there and of its type, whatever the row holds: clients read them unchecked. */
static json_t *
shown(const json_t *value, enum kind kind, struct zone zone)
{
	const char *text = json_is_string(value) ? json_string_value(value) : "";
	const char *type = json_string_value(json_object_get(value, "type"));

	switch (kind) {
	case INT:    return json_integer(json_integer_value(value));
	case BOOL:   return json_boolean(json_is_true(value));
	case TEXT:   return json_string(text);
	case TEXT16: return letters(text, LOGIN_LETTERS);
	case MOMENT: return moment(value, zone);
	case PARTY:
		return json_pack("{s:I, s:s}", "id", json_integer_value(json_object_get(value, "id")),
		    "type", type != NULL ? type : "");
	}
	return NULL;
}

static json_t *
row_of(const struct jrnl *journal, struct zone zone, bool full, uint64_t id, int64_t ts,
    const json_t *from)
{
	json_t *row = json_object();
	char time[CIVIL_TEXT_SIZE];
	unsigned head = journal->head | (full ? WITH_ID : 0) |
	    (full && (journal->head & WITH_UNIX) == 0 ? WITH_TIME : 0);

	if ((head & WITH_ID) != 0)
		json_object_set_new(row, "id", json_integer((json_int_t)id));
	if ((head & WITH_TIME) != 0)
		json_object_set_new(row, "time", json_string(civil_print(zone, ts, 'T', time)));
	if ((head & WITH_UNIX) != 0)
		json_object_set_new(row, "time", json_integer(ts));
	for (size_t i = 0; i < MEMBERS_MOST && journal->members[i].name != NULL; i++)
		json_object_set_new(row, journal->members[i].name,
		    shown(json_object_get(from, journal->members[i].name), journal->members[i].kind,
			zone));
	if (full && json_is_object(from))
		json_object_update_missing(row, (json_t *)from);
	return row;
}

/* ---- the answer ---- */

struct job {
	const struct jrnl *journal;
	struct text *out;
	struct zone zone;
	int64_t from, to;
	size_t left;		/* rows that may still be given */
	uint64_t after;		/* the last one looked at */
	size_t looked, given;
	bool full, descending, empty_null;
};

static int
take_row(void *arg, uint64_t id, int64_t ts, const char *stored)
{
	struct job *job = arg;
	const struct jrnl *journal = job->journal;
	json_t *from, *row = NULL;
	char *dump;

	job->after = id;
	job->looked++;
	if (ts < job->from || ts > job->to)
		return 0;
	if (job->left == 0)
		return 1;
	from = json_loads(stored, 0, NULL);
	if (job->full || journal->ours == NULL || json_object_get(from, journal->ours) == NULL)
		row = row_of(journal, job->zone, job->full, id, ts, from);
	json_decref(from);
	if (row == NULL)
		return 0;
	dump = json_dumps(row, JSON_COMPACT);
	json_decref(row);
	if (dump == NULL)
		return E_NOMEM;
	text_str(job->out, job->given == 0 ? "[" : ",\n");
	text_str(job->out, dump);
	free(dump);
	job->left--;
	job->given++;
	return job->out->failed ? E_NOMEM : 0;
}

static void
finish(struct job *job)
{
	text_str(job->out, job->given > 0 ? "]}\n" : job->empty_null ? "null}\n" : "[]}\n");
}

/* A piece of the ascending answer. */
static int
more_rows(struct http_call *call)
{
	struct job *job = call->job;
	int rc;

	job->looked = 0;
	rc = store_journal_read(call->server->store, job->journal->code, job->after, PIECE_ROWS, false,
	    take_row, job);
	if (rc < 0)
		return rc;
	if (job->looked == PIECE_ROWS && job->left > 0)
		return 1;
	finish(job);
	return 0;
}

/* From the newest on, in one go. */
static void
answer_descending(struct http_call *call, struct job *job)
{
	int rc;

	if (job->left > DESCENDING_MOST)
		job->left = DESCENDING_MOST;
	rc = store_journal_read(call->server->store, job->journal->code, 0, 0, true, take_row, job);
	if (rc < 0)
		http_fail_err(call, rc, NULL, "the journal cannot be read");
	else
		finish(job);
}

void
smart_journal(struct http_call *call)
{
	const struct jrnl *journal = journal_of(call->arg[0]);
	const char *order = http_arg(call, "order");
	struct settings settings;
	struct job *job;

	if (journal == NULL) {
		http_fail(call, 405, NULL, "there is no journal \"%.40s\"", call->arg[0]);
		return;
	}
	if ((job = malloc(sizeof(*job))) == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the journal cannot be read");
		return;
	}
	call->job = job;
	call->job_free = free;
	store_settings(call->server->store, &settings);
	*job = (struct job){ .journal = journal, .out = &call->out,
		.zone = store_zone(call->server->store), .from = INT64_MIN, .to = INT64_MAX,
		.left = SIZE_MAX, .full = api_arg_flag(call, "full"),
		.descending = order != NULL && strcmp(order, "desc") == 0,
		.empty_null = settings.http_empty_null != 0 };
	if (!api_arg_time(call, "from", &job->from) || !api_arg_time(call, "to", &job->to) ||
	    !api_arg_count(call, "limit", &job->left))
		return;
	if (job->left == 0)
		job->left = SIZE_MAX;
	text_str(&call->out, "{\"Jrnl\":");
	if (job->descending)
		answer_descending(call, job);
	else
		call->more = more_rows;
}
