/* Views: how a client of one dialect sees a table of settings (smart-json.md 5..9, 16, 18).
 *
 * A view says where its rows live, what names a row, and what members a row has.  From this one
 * description rows are checked, stored, printed, and faults are pointed at; both dialects have a
 * view of one table.  Rows are stored with the member names of dialect 40 (model/tables.h); what a
 * view does not know of a stored row it keeps.  The descriptions are data: view_*.c; a table that
 * needs more than data names functions of its own.  Workers only. */
#ifndef USPD_SMART_JSON_VIEW_H
#define USPD_SMART_JSON_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smart-json/http.h"
#include "src/store/store.h"

/* ---- faults ---- */

/* ROW(enumerator, status, res, Russian text, English text); texts are followed by a detail. */
#define FAULTS(ROW) \
	ROW(FAULT_MISSING, 400, RES_MISSING, "нет обязательного поля", "a required member is missing") \
	ROW(FAULT_WRAPPER, 400, RES_MISSING, "в теле нет списка записей", \
	    "the body has no list of rows") \
	ROW(FAULT_NO_ROW, 400, RES_TYPE, "запись должна быть объектом", "a row must be an object") \
	ROW(FAULT_NO_INT, 400, RES_TYPE, "нужно целое число", "a whole number is needed") \
	ROW(FAULT_NO_NUMBER, 400, RES_TYPE, "нужно число", "a number is needed") \
	ROW(FAULT_NO_BOOL, 400, RES_TYPE, "нужно true или false", "true or false is needed") \
	ROW(FAULT_NO_TEXT, 400, RES_TYPE, "нужен текст", "a text is needed") \
	ROW(FAULT_NO_LIST, 400, RES_TYPE, "нужен список", "a list is needed") \
	ROW(FAULT_DELETE, 400, RES_NOT_UNDERSTOOD, "непонятно, какие записи удалить", \
	    "which rows to delete is not said") \
	ROW(FAULT_RANGE, 422, RES_RANGE, "недопустимое значение", "the value is not allowed") \
	ROW(FAULT_LENGTH, 422, RES_RANGE, "недопустимая длина текста, знаков", \
	    "the text has a length not allowed, letters") \
	ROW(FAULT_UNKNOWN, 422, RES_RANGE, "неизвестное значение", "the value is unknown") \
	ROW(FAULT_IPV4, 422, RES_RANGE, "это не адрес IPv4", "this is no IPv4 address") \
	ROW(FAULT_NETMASK, 422, RES_RANGE, "это не маска сети", "this is no netmask") \
	ROW(FAULT_NETWORK, 422, RES_RANGE, "это не сеть вида 10.0.0.0/8", \
	    "this is no network like 10.0.0.0/8") \
	ROW(FAULT_PORT, 422, RES_RANGE, "порт занят самим устройством", \
	    "the device itself uses this port") \
	ROW(FAULT_SHARED, 422, RES_RANGE, "эти глубины у прибора общие и не могут различаться", \
	    "these depths are one and cannot differ") \
	ROW(FAULT_CIRCLE, 422, RES_RANGE, "родители прибора образуют кольцо", \
	    "the parents of the meter form a circle") \
	ROW(FAULT_ONE, 422, RES_RANGE, "запись здесь одна", "there is one row here") \
	ROW(FAULT_MODE, 422, RES_RANGE, "mode: merge или replace", "mode: merge or replace") \
	ROW(FAULT_NO_SUCH, 422, RES_NOT_FOUND, "такой записи нет, а добавить нельзя", \
	    "there is no such row, and none can be added") \
	ROW(FAULT_REFERENCE, 422, RES_NOT_FOUND, "ссылка на запись, которой нет", \
	    "it refers to a row that does not exist") \
	ROW(FAULT_EXISTS, 409, RES_DUPLICATE, "такая запись уже есть", "there is such a row already") \
	ROW(FAULT_TWICE, 409, RES_DUPLICATE, "значение уже занято другой записью", \
	    "another row has this value") \
	ROW(FAULT_IN_USE, 409, RES_IN_USE, "на запись ссылаются (?cascade=1 удалит и ссылки)", \
	    "other rows refer to it (?cascade=1 removes them too)") \
	ROW(FAULT_LAST_ADMIN, 409, RES_IN_USE, "должен остаться хотя бы один администратор", \
	    "one administrator at least must stay") \
	ROW(FAULT_FULL, 507, RES_FULL, "таблица полна", "the table is full") \
	ROW(FAULT_MEMORY, 503, RES_BUSY, "не хватило памяти; повторите позже", \
	    "out of memory; try again later")

enum fault_kind {
	FAULT_NONE,
#define ROW(id, status, res, russian, english) id,
	FAULTS(ROW)
#undef ROW
	FAULT_COUNT
};
struct fault {
	enum fault_kind kind;
	char where[80];		/* pointer below the row: "/port", "/meters/2"; "" the row */
	char detail[96];
};
/* The first fault stays.  member may be ""; `item` of a list, or -1.  Returns E_INVALID. */
int fault_set(struct fault *, enum fault_kind, const char *member, int item, const char *detail);
/* The same with a value as the detail. */
int fault_value(struct fault *, enum fault_kind, const char *member, const json_t *value);
/* Answers with the fault; `base` is the pointer to the row. */
void fault_answer(struct http_call *, const struct fault *, const char *base);

/* ---- description ---- */

/* What an integer stands for.  Lists end with text NULL and code NO_CODE. */
enum { NO_CODE = -1 };
struct choice { int code; const char *text; };

enum member_kind {
	MEMBER_INT,	/* least..most, or one of the codes of choices */
	MEMBER_BOOL,
	MEMBER_TEXT,	/* least..most letters */
	MEMBER_INTS,	/* a list; least..most each */
	MEMBER_TEXTS,	/* a list; least..most letters each */
	MEMBER_CHOICE,	/* one of the texts of choices; case and blanks do not count */
	MEMBER_CODE,	/* one of the codes of choices; the text is stored */
	MEMBER_ANY,	/* its `check` looks after it */
};
enum {
	M_REQUIRED = 1,
	M_NULL = 2,	/* null is a value, and kept; of other members it is the same as absent (18) */
	M_ANSWER = 4,	/* in answers only; its value comes from the source of the rows */
	M_SECRET = 8,	/* blanked for those who may not know it */
	M_EXTRA = 16,	/* not of the protocol: shown on ?full=1 only, kept when not given */
	M_OR_255 = 32,	/* 255 is allowed besides the range: any */
};
struct member {
	const char *name;
	const char *stored;	/* NULL: the same */
	const char *aliases;	/* "authopt|auth_opt" */
	enum member_kind kind;
	unsigned flags;
	int64_t least, most;
	const char *preset;	/* JSON shown when the row, written in the other dialect, lacks it */
	const struct choice *choices;
	/* Looks further at a converted value; takes it and returns it or another one, or NULL with
	 * the fault set. */
	json_t *(*check)(json_t *value, const struct member *, struct fault *);
};

enum view_kind {
	VIEW_KEYED,	/* a list; PUT adds and replaces rows by their key */
	VIEW_LIST,	/* a list that PUT replaces whole */
	VIEW_FLAT,	/* one row, without a wrapper */
	VIEW_ONE,	/* a list of one row */
};
enum {
	V_UPDATE_ONLY = 1,	/* rows are changed, never added or removed */
	V_NO_POST = 2, V_NO_DELETE = 4,
	V_POST_IS_PUT = 8,	/* rows stand for things that are there */
	V_REPEATS = 16,		/* rows may repeat their key */
	V_EMPTIES = 32,		/* cleared, it is empty, not as from the factory */
	V_SPELLINGS = 64,	/* the list is given under Settings and settings */
	V_NUMBERED = 128,	/* ?ids=1 shows the number of a row as id */
	V_NUMBERS = 256,	/* rows without an id get one when they are shown */
	V_ACCOUNTS = 512,	/* smart-json.md 8.1 */
};

struct view_set;
struct view_row;
struct edits;

/* Where rows live.  Functions return 0 or a negative code; E_INVALID: the fault of the set says. */
struct view_source {
	int (*load)(struct view_set *);
	int (*save)(struct view_set *, struct edits *);
};

struct view {
	const char *path;
	unsigned dialects;
	enum view_kind kind;
	unsigned flags;
	const struct view_source *source;
	enum table table;
	const char *wrapper;	/* NULL: Settings */
	const char *key;	/* stored member that names a row; NULL for one row */
	const char *other_key;	/* may name rows to delete too */
	const char *unique;	/* stored member that no two rows share */
	const char *only;	/* of a keyed table this row alone (VIEW_FLAT) */
	const char *subset;	/* of a shared table the rows with this "action" */
	const struct member *members;	/* ends with name NULL */
	/* After the members: makes the stored row of what was taken; `old` may be NULL. */
	int (*take)(const struct view_set *, json_t *stored, const json_t *old, struct fault *);
	/* After the members: finishes the row for the client.  false: it cannot be shown. */
	bool (*show)(const struct view_set *, json_t *wire, const struct view_row *);
	/* Looks at the whole set as it would be; faults name the row by set->fault_row. */
	int (*settle)(struct view_set *);
};

extern const struct view *const view_lists[];	/* NULL ends; each list ends with path NULL */
extern const struct view views_40[], views_31[], views_iec[];
const struct view *view_find(const char *path, unsigned dialect);	/* NULL: none */
const struct member *view_member(const struct view *, const char *stored);

/* ---- one row ---- */

/* Checks a row of a client and makes the row to store; `old` is what is stored now, or NULL.
 * NULL: the fault is set. */
json_t *view_take(const struct view_set *, const json_t *wire, const json_t *old, struct fault *);
/* The row for the client, or NULL when this view cannot express it. */
json_t *view_show(const struct view_set *, const struct view_row *);
/* One value as the member describes it; a new reference, or NULL with the fault set. */
json_t *view_take_value(const struct member *, const json_t *, struct fault *);
/* An integer, or a text that is a plain decimal. */
bool view_integer(const json_t *, int64_t *);
bool texts_alike(const char *, const char *);	/* but for case and blanks */

/* ---- the rows of a view ---- */

struct view_row {
	char *store_key;	/* NULL: new */
	int64_t number;		/* of the store; 0 new */
	json_t *now, *next;	/* stored rows; NULL: not there */
	int asked;		/* index of the row in the request, -1 none */
	bool numbered;		/* its id was made up when it was read */
};
/* 0 to go on; others end the walk. */
typedef int view_sink(void *arg, const struct view_set *, const struct view_row *);
struct view_set {
	const struct view *view;
	struct store *store;
	struct settings settings;
	enum http_level level;
	bool full, ids, secrets;	/* ?full=1, ?ids=1, secrets are shown */
	struct view_row *rows;
	size_t n, size;
	json_t *index;		/* key as text: place in rows */
	const struct meter_table *meters;	/* of the source of meters */
	bool whole;		/* the list is written anew in its order */
	bool factory, empty;	/* the table is cleared: to the factory's rows, to no rows */
	struct fault fault;
	int fault_row;		/* index in the request, -1 */
	view_sink *sink;	/* takes the rows instead of `rows` */
	void *sink_arg;
};
int view_load(struct view_set *, const struct view *, const struct http_call *) USPD_MUST_CHECK;
/* Loads the set to read it once: rows go to the sink one by one and are not kept, so that a large
 * table takes little memory.  Passes on what the sink returned. */
int view_each(struct view_set *, const struct view *, const struct http_call *, view_sink *, void *arg)
    USPD_MUST_CHECK;
void view_unload(struct view_set *);
/* Adds a row that is stored; takes the reference, the key is copied. */
int view_set_add(struct view_set *, const char *store_key, int64_t number, json_t *row) USPD_MUST_CHECK;
/* Adds a new row of the request; `old` (NULL allowed) is the row it takes the place of. */
int view_set_new(struct view_set *, json_t *row, struct view_row *old, int asked) USPD_MUST_CHECK;
/* The row with this key, or NULL; it may have been removed from the set (next NULL). */
struct view_row *view_set_find(struct view_set *, const char *key);
enum { VIEW_KEY_SIZE = 1100 };	/* 255 letters of UTF-8 and a prefix */
/* The key of a stored row as text; "" without. */
const char *view_key(const struct view *, const json_t *stored, char buf[static VIEW_KEY_SIZE]);
bool view_row_changed(const struct view_row *);

/* ---- edits ---- */

struct edits {
	struct store_edit *list;
	int *asked;		/* row of the request each comes from, -1 */
	size_t n, size;
	void **owned;		/* texts and meter rows the list points to */
	size_t n_owned, size_owned;
};
/* Keep a copy of what is pointed to; `asked` as in struct view_row. */
int edits_row(struct edits *, enum table, const char *key, const json_t *row,
    int asked) USPD_MUST_CHECK;
int edits_remove(struct edits *, enum table, const char *key) USPD_MUST_CHECK;
int edits_table(struct edits *, int kind, enum table) USPD_MUST_CHECK;
int edits_setting(struct edits *, const char *key, const char *text, int asked) USPD_MUST_CHECK;
int edits_meter(struct edits *, const struct meter_row *, bool remove, int asked) USPD_MUST_CHECK;
void edits_free(struct edits *);

extern const struct view_source view_tables;	/* rows of a table of the store: view_set.c */

/* ---- references between rows (view_refs.c) ---- */

/* Looks at references when the set is written: with strict references those of changed rows must
 * exist; rows that others refer to are not removed, or with `cascade` the others go too (more edits).
 * E_INVALID: the fault of the set. */
int view_check_refs(struct view_set *, struct edits *, bool strict, bool cascade) USPD_MUST_CHECK;

#endif
