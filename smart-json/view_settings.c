/* Tables that are settings of the device: local time, depths of the archive, passwords of RTU-327. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "smart-json/view_hooks.h"
#include "src/model/model.h"

enum { SETTING_TEXT = 256, MINUTES_LEAST = -12 * 60, MINUTES_MOST = 14 * 60 };

static int
edit_default(struct edits *edits, const char *key)
{
	struct settings settings;
	char text[SETTING_TEXT];
	int rc;

	settings_defaults(&settings);
	rc = settings_get(&settings, key, text, sizeof(text));
	return rc < 0 ? rc : edits_setting(edits, key, text, -1);
}

static int
edit_number(struct edits *edits, const char *key, int64_t number, int asked)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, number);
	return edits_setting(edits, key, text, asked);
}

/* ---- time/local (8.8): hours from UTC, and halves and quarters of them as an extension ---- */

static bool
zone_minutes(const json_t *tz, int64_t *minutes)
{
	double hours = json_number_value(tz);

	/* Before it becomes an integer: anything may have come. */
	if (!(hours >= -12 && hours <= 14))
		return false;
	*minutes = (int64_t)lround(hours * 60);
	return fabs(hours * 60 - (double)*minutes) < 1e-6;
}

json_t *
check_time_zone(json_t *value, const struct member *m, struct fault *fault)
{
	json_t *number = value;
	int64_t minutes;

	if (view_integer(value, &minutes))
		number = json_integer(minutes);
	else if (json_is_real(value))
		json_incref(number);
	else
		number = NULL;
	json_decref(value);
	if (number == NULL) {
		fault_set(fault, FAULT_NO_NUMBER, m->name, -1, m->name);
		return NULL;
	}
	if (zone_minutes(number, &minutes))
		return number;
	return view_refuse(number, FAULT_RANGE, m, fault);
}

static int
load_time(struct view_set *set)
{
	int64_t minutes = set->settings.tz_min;
	json_t *row = json_object();

	json_object_set_new(row, "tz",
	    minutes % 60 == 0 ? json_integer(minutes / 60) : json_real((double)minutes / 60));
	json_object_set_new(row, "dst", json_boolean(set->settings.dst));
	return view_set_add(set, "1", 1, row);
}

static int
save_time(struct view_set *set, struct edits *edits)
{
	const json_t *row = set->rows[0].next, *given;
	int64_t minutes = 0;
	int rc;

	if (set->factory) {
		rc = edit_default(edits, "time.tz_min");
		return rc < 0 ? rc : edit_default(edits, "time.dst");
	}
	if (!view_row_changed(&set->rows[0]))
		return E_OK;
	if ((given = json_object_get(row, "tzMinutes")) != NULL)
		minutes = json_integer_value(given);
	else if (!zone_minutes(json_object_get(row, "tz"), &minutes))
		return E_INTERNAL;
	rc = edit_number(edits, "time.tz_min", minutes, -1);
	return rc < 0 ? rc :
			edit_number(edits, "time.dst", json_is_true(json_object_get(row, "dst")), -1);
}

const struct view_source view_local_time = { load_time, save_time };

/* ---- depths of the archive (8.17 and meter/arch of 9.2) ---- */

/* Several record types share a depth.  ROW(record type, setting, field, D31 storage type or -1) */
#define DEPTHS(ROW) \
	ROW(REC_EL_MOMENT_ENERGY, "depth.moment", depth_moment, 0) \
	ROW(REC_EL_MOMENT_QUALITY, "depth.moment", depth_moment, -1) \
	ROW(REC_EL_DAY, "depth.day", depth_day, 3) \
	ROW(REC_EL_DAY_CONS, "depth.day", depth_day, 1) \
	ROW(REC_EL_MONTH, "depth.month", depth_month, 4) \
	ROW(REC_EL_MONTH_CONS, "depth.month", depth_month, 2) \
	ROW(REC_EL_PROFILE, "depth.profile", depth_profile, 5) \
	ROW(REC_EL_JOURNAL, "depth.journal", depth_journal, -1) \
	ROW(REC_PLS_MOMENT, "depth.moment", depth_moment, 0) \
	ROW(REC_PLS_HOUR, "depth.hour", depth_hour, 6) \
	ROW(REC_PLS_DAY, "depth.day", depth_day, 3) \
	ROW(REC_PLS_MONTH, "depth.month", depth_month, 4) \
	ROW(REC_PLS_JOURNAL, "depth.journal", depth_journal, -1) \
	ROW(REC_DIG_MOMENT, "depth.moment", depth_moment, -1) \
	ROW(REC_DIG_JOURNAL, "depth.journal", depth_journal, -1) \
	ROW(REC_GEN_MOMENT, "depth.moment", depth_moment, -1) \
	ROW(REC_GEN_HOUR, "depth.hour", depth_hour, -1) \
	ROW(REC_GEN_DAY, "depth.day", depth_day, -1) \
	ROW(REC_GEN_MONTH, "depth.month", depth_month, -1)
static const struct { enum record_type type; const char *key; int storage; } depths[] = {
#define ROW(type, key, field, storage) { type, key, storage },
	DEPTHS(ROW)
#undef ROW
};
enum { N_DEPTHS = sizeof(depths) / sizeof(depths[0]) };
/* D31 storage types 9..50 are the journals 1..42; 8 is the configuration, one record. */
enum { STORAGE_CONFIG = 8, STORAGE_JOURNALS = 9, STORAGE_LAST = 50, STORAGE_NONE = 255 };
static const char *const depth_keys[] = {
	"depth.moment", "depth.day", "depth.month", "depth.profile", "depth.hour", "depth.journal"
};
enum { N_KEYS = sizeof(depth_keys) / sizeof(depth_keys[0]) };

/* The new values of the settings as they are asked for; a value that is as it was asks nothing, so
 * that a client may change one row of all it has read. */
struct new_depths { struct settings settings; bool given[N_KEYS]; };

static int
ask_depth(struct view_set *set, struct new_depths *new, const char *key, const char *name,
    json_int_t depth)
{
	char wanted[24], now[SETTING_TEXT], asked[SETTING_TEXT];
	unsigned at = 0;

	while (strcmp(depth_keys[at], key) != 0)
		at++;
	snprintf(wanted, sizeof(wanted), "%lld", (long long)depth);
	if (settings_get(&set->settings, key, now, sizeof(now)) < 0 ||
	    settings_get(&new->settings, key, asked, sizeof(asked)) < 0)
		return E_INTERNAL;
	if (strcmp(wanted, now) == 0)
		return E_OK;
	if (new->given[at] && strcmp(wanted, asked) != 0)
		return fault_set(&set->fault, FAULT_SHARED, "", -1, name);
	new->given[at] = true;
	if (settings_set(&new->settings, key, wanted) < 0)
		return fault_set(&set->fault, FAULT_RANGE, "", -1, wanted);
	return E_OK;
}

static int
edit_depths(const struct new_depths *new, struct edits *edits)
{
	char text[SETTING_TEXT];
	int rc = E_OK;

	for (unsigned i = 0; i < N_KEYS && rc == E_OK; i++) {
		if (!new->given[i])
			continue;
		rc = settings_get(&new->settings, depth_keys[i], text, sizeof(text));
		if (rc == E_OK)
			rc = edits_setting(edits, depth_keys[i], text, -1);
	}
	return rc;
}

static int
default_depths(struct edits *edits)
{
	int rc = E_OK;

	for (unsigned i = 0; i < N_KEYS && rc == E_OK; i++)
		rc = edit_default(edits, depth_keys[i]);
	return rc;
}

static int
load_depths(struct view_set *set)
{
	int rc = E_OK;

	for (unsigned i = 0; i < N_DEPTHS && rc == E_OK; i++)
		rc = view_set_add(set, "", i + 1,
		    json_pack("{s:s,s:I}", "type", record_type_info(depths[i].type)->name, "records",
			(json_int_t)store_depth(&set->settings, depths[i].type)));
	return rc;
}

static int
save_depths(struct view_set *set, struct edits *edits)
{
	struct new_depths new = { .settings = set->settings };
	int rc = E_OK;

	if (set->factory)
		return default_depths(edits);
	for (unsigned i = 0; i < set->n && rc == E_OK; i++) {
		const json_t *row = set->rows[i].next;

		if (!view_row_changed(&set->rows[i]))
			continue;
		set->fault_row = set->rows[i].asked;
		rc = ask_depth(set, &new, depths[i].key, record_type_info(depths[i].type)->name,
		    json_integer_value(json_object_get(row, "records")));
	}
	return rc < 0 ? rc : edit_depths(&new, edits);
}

const struct view_source view_depths = { load_depths, save_depths };

/* ---- meter/arch of dialect 31: the same depths by kind of meter ---- */

enum { ARCH_HUB, ARCH_ELECTRIC, ARCH_PULSE, ARCHIVES, ARCHIVE_METERS = 10000 };

static enum meter_class
class_of(int archive)
{
	return archive == ARCH_PULSE ? CLASS_PULSE : archive == ARCH_HUB ? CLASS_HUB : CLASS_ELECTRIC;
}

/* The setting of a storage type; NULL: it has a depth that cannot be set. */
static const char *
storage_key(json_int_t storage)
{
	if (storage >= STORAGE_JOURNALS && storage <= STORAGE_LAST)
		return "depth.journal";
	for (unsigned i = 0; i < N_DEPTHS; i++)
		if (depths[i].storage == storage)
			return depths[i].key;
	return NULL;
}

static void
add_storage(json_t *list, int storage, int64_t depth)
{
	json_array_append_new(list,
	    json_pack("{s:i,s:I}", "type", storage, "depth", (json_int_t)depth));
}

static json_t *
storages(const struct settings *settings, int archive)
{
	json_t *list = json_array();

	if (archive == ARCH_HUB)
		return list;
	for (unsigned i = 0; i < N_DEPTHS; i++)
		if (depths[i].storage >= 0 &&
		    (depths[i].type >= REC_PLS_CONFIG) == (archive == ARCH_PULSE))
			add_storage(list, depths[i].storage, store_depth(settings, depths[i].type));
	add_storage(list, STORAGE_CONFIG, 1);
	for (int storage = STORAGE_JOURNALS; storage <= STORAGE_LAST; storage++)
		if (archive == ARCH_ELECTRIC || storage == STORAGE_CONFIG + J_TIME_CORR)
			add_storage(list, storage, settings->depth_journal);
	return list;
}

static int
load_archives(struct view_set *set)
{
	const struct meter_table *meters = store_meters(set->store);
	size_t used[ARCHIVES] = { 0 };
	int rc = E_OK;

	for (size_t i = 0; i < meters->n; i++) {
		const struct meter_type *type = meter_type_by_id(meters->rows[i].type);

		for (int a = 0; a < ARCHIVES && type != NULL; a++)
			used[a] += type->class == class_of(a);
	}
	meter_table_release(meters);
	for (int a = 0; a < ARCHIVES && rc == E_OK; a++)
		rc = view_set_add(set, "", a + 1,
		    json_pack("{s:i,s:i,s:i,s:I,s:o}", "id", a, "type", a, "size", ARCHIVE_METERS,
			"free", (json_int_t)(used[a] < ARCHIVE_METERS ? ARCHIVE_METERS - used[a] : 0),
			"Storages", storages(&set->settings, a)));
	return rc;
}

json_t *
check_storages(json_t *value, const struct member *m, struct fault *fault)
{
	enum fault_kind kind = FAULT_NONE;
	int64_t type, depth;
	json_t *item;
	size_t i;

	if (!json_is_array(value)) {
		fault_set(fault, FAULT_NO_LIST, m->name, -1, m->name);
		json_decref(value);
		return NULL;
	}
	json_array_foreach(value, i, item) {
		if (!view_integer(json_object_get(item, "type"), &type) ||
		    !view_integer(json_object_get(item, "depth"), &depth))
			kind = FAULT_NO_INT;
		else if (type < 0 || (type > STORAGE_LAST && type != STORAGE_NONE) || depth < 0)
			kind = FAULT_RANGE;
		else
			json_object_update_new(item,
			    json_pack("{s:I,s:I}", "type", (json_int_t)type, "depth",
				(json_int_t)depth));
		if (kind == FAULT_NONE)
			continue;
		fault_set(fault, kind, m->name, (int)i, "type, depth");
		json_decref(value);
		return NULL;
	}
	return value;
}

static int
save_archives(struct view_set *set, struct edits *edits)
{
	struct new_depths new = { .settings = set->settings };
	json_t *item;
	char name[32];
	int rc = E_OK;
	size_t j;

	if (set->factory)
		return default_depths(edits);
	for (size_t i = 0; i < set->n; i++) {
		if (!view_row_changed(&set->rows[i]))
			continue;
		set->fault_row = set->rows[i].asked;
		json_array_foreach(json_object_get(set->rows[i].next, "Storages"), j, item) {
			json_int_t storage = json_integer_value(json_object_get(item, "type"));
			const char *key = storage_key(storage);

			snprintf(name, sizeof(name), "%lld", (long long)storage);
			if (key != NULL && rc == E_OK)
				rc = ask_depth(set, &new, key, name,
				    json_integer_value(json_object_get(item, "depth")));
		}
	}
	return rc < 0 ? rc : edit_depths(&new, edits);
}

const struct view_source view_archives = { load_archives, save_archives };

/* ---- proto/rtu/auth: the setting rtu.auth; its places are the ids, empty ones are skipped ---- */

enum { RTU_PASSWORDS = 64 };
#define READ_ONLY_MARK ":r"

json_t *
check_rtu_password(json_t *value, const struct member *m, struct fault *fault)
{
	const char *text = json_string_value(value);
	size_t len = strlen(text), printable = 0;
	bool marked = len > 2 && strcmp(text + len - 2, READ_ONLY_MARK) == 0;

	while (text[printable] >= ' ' && text[printable] <= '~' && text[printable] != ',')
		printable++;
	if (!marked && ((len >= 1 && len <= 4 && printable == len) ||
			   (len == 8 && strspn(text, "0123456789abcdefABCDEF") == len)))
		return value;
	fault_set(fault, FAULT_RANGE, m->name, -1, m->name);
	json_decref(value);
	return NULL;
}

static int
load_passwords(struct view_set *set)
{
	const char *at = set->settings.rtu_auth;
	int rc = E_OK;

	for (int id = 1; rc == E_OK; id++) {
		size_t whole = strcspn(at, ","), len = whole;
		bool reads = len > 2 && memcmp(at + len - 2, READ_ONLY_MARK, 2) == 0;

		len -= reads ? 2 : 0;
		if (len > 0)
			rc = view_set_add(set, "", id,
			    json_pack("{s:i,s:s%,s:b}", "id", id, "password", at, len, "reads", reads));
		if (at[whole] == '\0')
			break;
		at += whole + 1;
	}
	return rc;
}

static int
save_passwords(struct view_set *set, struct edits *edits)
{
	const json_t *places[RTU_PASSWORDS + 1] = { NULL };
	struct text text = { 0 };
	int last = 0, rc = E_OK;

	if (set->factory)
		return edit_default(edits, "rtu.auth");
	for (size_t i = 0; i < set->n; i++) {
		json_int_t id = json_integer_value(json_object_get(set->rows[i].next, "id"));

		if (set->rows[i].next == NULL || id < 1 || id > RTU_PASSWORDS)
			continue;
		places[id] = set->rows[i].next;
		last = id > last ? (int)id : last;
	}
	text_str(&text, "");
	for (int id = 1; id <= last; id++)
		text_printf(&text, "%s%s%s", id > 1 ? "," : "",
		    places[id] != NULL ? json_string_value(json_object_get(places[id], "password")) :
					 "",
		    json_is_true(json_object_get(places[id], "reads")) ? READ_ONLY_MARK : "");
	if (text.failed)
		rc = E_NOMEM;
	else if (text.len >= sizeof(set->settings.rtu_auth))
		rc = fault_set(&set->fault, FAULT_FULL, "", -1, "rtu.auth");
	else
		rc = edits_setting(edits, "rtu.auth", text.len > 0 ? text.p : "", -1);
	text_free(&text);
	return rc;
}

const struct view_source view_rtu_passwords = { load_passwords, save_passwords };
