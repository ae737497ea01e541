/* /api/v1, changes of much at once: many meters, files of meters, the whole configuration. */
#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "smart-json/backup.h"
#include "smart-json/seal.h"
#include "tests/unit/http_help.h"
#include "tests/unit/unit.h"

static char *
dump(const json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

	ck_assert_ptr_nonnull(text);
	return text;
}

static json_t *
ask(long status, const char *method, const char *path, const char *body)
{
	json_t *json;

	http_expect(status, method, path, body, &json);
	return json;
}

static void
put_row(enum table table, const char *key, const char *json)
{
	const struct store_edit edit = { .kind = EDIT_ROW, .table = table, .key = key, .text = json };

	ck_assert_int_eq(store_edit(http_store, &edit, 1, NULL, NULL, 0), E_OK);
}

static const char *
row_of(enum table table, const char *key)
{
	static char text[1024];
	const struct table_rows *rows = store_table(http_store, table);

	text[0] = '\0';
	for (size_t i = 0; i < rows->n; i++)
		if (strcmp(rows->rows[i].key, key) == 0)
			snprintf(text, sizeof(text), "%d%s", (int)rows->rows[i].number,
			    rows->rows[i].json);
	table_rows_release(rows);
	return text;
}

static struct meter_row
meter_of(uint32_t id)
{
	const struct meter_table *table = store_meters(http_store);
	const struct meter_row *row = meter_table_find(table, id);
	struct meter_row copy = { 0 };

	if (row != NULL)
		copy = *row;
	meter_table_release(table);
	return copy;
}

static size_t
meters_count(void)
{
	const struct meter_table *table = store_meters(http_store);
	size_t n = table->n;

	meter_table_release(table);
	return n;
}

/* ---- many meters ---- */

START_TEST(one_change_is_made_for_many_meters)
{
	json_t *answer;
	uint64_t audited;

	http_add_meters();
	ck_assert_int_eq(store_sync(http_store), E_OK);
	audited = store_journal_last(http_store, DJ_AUDIT);
	answer = ask(200, "POST", "/api/v1/meters/bulk?dry=1",
	    "{\"ids\":[6,7],\"set\":{\"iface\":\"Iface3\",\"cfg\":\"19200,8e1\",\"note\":\"x\"}}");
	ck_assert_int_eq(json_number_of(answer, "changed"), 2);
	ck_assert_int_eq(meter_of(6).iface, IFACE_1);
	json_decref(answer);
	answer = ask(200, "POST", "/api/v1/meters/bulk",
	    "{\"ids\":[7,6],\"set\":{\"iface\":\"Iface3\",\"cfg\":\"19200,8e1\",\"pass_rd\":\"0a0b\","
	    "\"group\":\"дом\",\"rtu_num\":5,\"type\":\"SE303\"}}");
	ck_assert_int_eq(json_number_of(answer, "changed"), 2);
	json_decref(answer);
	for (uint32_t id = 6; id <= 7; id++) {
		struct meter_row row = meter_of(id);

		ck_assert_int_eq(row.iface, IFACE_3);
		ck_assert_str_eq(row.line, "19200,8e1");
		ck_assert_str_eq(row.password_read, "0a0b");
		ck_assert_str_eq(row.group, "дом");
		ck_assert_int_eq(row.rtu_object, 5);
		ck_assert_str_ne(row.address, "");
	}
	ck_assert_int_eq(store_sync(http_store), E_OK);
	ck_assert_uint_eq(store_journal_last(http_store, DJ_AUDIT), audited + 2);
}
END_TEST

static const struct { const char *body, *where; } bad_bulks[] = {
	{ "{}", "/ids" },
	{ "{\"ids\":[]}", "/ids" },
	{ "{\"ids\":[6]}", "/set" },
	{ "{\"ids\":[6],\"set\":{}}", "/set" },
	{ "{\"ids\":[6,9],\"set\":{\"note\":\"x\"}}", "/ids/1" },
	{ "{\"ids\":[6,\"7\"],\"set\":{\"note\":\"x\"}}", "/ids/1" },
	{ "{\"ids\":[6,7,6],\"set\":{\"note\":\"x\"}}", "/ids/2" },
	{ "{\"ids\":[7,6],\"set\":{\"cfg\":\"fast\"}}", "/set/cfg" },
	{ "{\"ids\":[7,6],\"set\":{\"note\":true}}", "/set/note" },
	{ "{\"ids\":[6,7],\"set\":{\"addr\":\"1\"}}", "/set" },
	{ "{\"ids\":[6,7],\"set\":{\"id\":1}}", "/set" },
	{ "{\"ids\":[6,7],\"set\":{\"colour\":1}}", "/set" },
};

START_TEST(faulty_bulk_change_changes_nothing)
{
	struct meter_row before;
	json_t *answer;

	http_add_meters();
	before = meter_of(6);
	answer = ask(422, "POST", "/api/v1/meters/bulk", bad_bulks[_i].body);
	ck_assert_str_eq(json_string_of(answer, "where"), bad_bulks[_i].where);
	json_decref(answer);
	ck_assert(memcmp(&before, &(struct meter_row[]){ meter_of(6) }[0], sizeof(before)) == 0);
}
END_TEST

/* ---- files ---- */

static struct http_answer
upload(const char *path, const struct http_answer *file)
{
	return http_ask_with("POST", path, file->body.p, file->body.len, NULL);
}

START_TEST(both_kinds_of_file_are_judged_alike)
{
	struct http_answer csv, xlsx, of_csv, of_xlsx;

	http_add_meters();
	csv = http_ask("GET", "/api/v1/meters.csv?passwords=1", NULL);
	xlsx = http_ask("GET", "/api/v1/meters.xlsx?passwords=1", NULL);
	ck_assert_int_eq(xlsx.status, 200);
	ck_assert(memcmp(xlsx.body.p, "PK", 2) == 0);
	ck_assert_ptr_nonnull(strstr(xlsx.fields.p, "spreadsheetml"));
	http_expect(200, "DELETE", "/api/v1/meters/7", NULL, NULL);
	http_expect(200, "POST", "/api/v1/meters", "{\"id\":6,\"note\":\"other\"}", NULL);
	http_expect(200, "POST", "/api/v1/meters", "{\"id\":9,\"type\":3,\"addr\":\"1\",\"iface\":1}",
	    NULL);
	for (int i = 0; i < 2; i++) {
		const char *args = i == 0 ? "dry=1" : "dry=1&mode=replace";
		char path[64];

		snprintf(path, sizeof(path), "/api/v1/meters.csv?%s", args);
		of_csv = upload(path, &csv);
		snprintf(path, sizeof(path), "/api/v1/meters.xlsx?%s", args);
		of_xlsx = upload(path, &xlsx);
		ck_assert_int_eq(of_csv.status, 200);
		ck_assert_str_eq(of_csv.body.p, of_xlsx.body.p);
		ck_assert_ptr_nonnull(strstr(of_csv.body.p, "\"added\":1,\"changed\":1"));
		http_forget(&of_csv);
		http_forget(&of_xlsx);
	}
	of_xlsx = upload("/api/v1/meters.xlsx?mode=replace", &xlsx);
	ck_assert_int_eq(of_xlsx.status, 200);
	ck_assert_uint_eq(meters_count(), 2);
	http_forget(&of_xlsx);
	of_xlsx = upload("/api/v1/meters.xlsx?mode=never", &xlsx);
	ck_assert_int_eq(of_xlsx.status, 422);
	http_forget(&of_xlsx);
	of_xlsx = upload("/api/v1/meters.xlsx", &csv);
	ck_assert_int_eq(of_xlsx.status, 422);
	ck_assert_ptr_nonnull(strstr(of_xlsx.body.p, "not an XLSX"));
	http_forget(&of_xlsx);
	http_forget(&csv);
	http_forget(&xlsx);
}
END_TEST

/* Copies in the data directory, and that they are nobody else's to read. */
static unsigned
copies(void)
{
	DIR *dir = opendir(http_dir);
	struct dirent *entry;
	struct stat st;
	char path[400];
	unsigned n = 0;

	while ((entry = readdir(dir)) != NULL) {
		if (strncmp(entry->d_name, "backup", 6) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", http_dir, entry->d_name);
		ck_assert_int_eq(stat(path, &st), 0);
		ck_assert_uint_eq(st.st_mode & 0777, 0600);
		n++;
	}
	closedir(dir);
	return n;
}

START_TEST(import_keeps_the_table_as_it_was_in_a_file)
{
	char csv[200];

	for (int i = 1; i <= 7; i++) {
		struct http_answer answer;

		snprintf(csv, sizeof(csv), "id;type;addr;iface\n%d;Mercury23x;%d;Iface1\n", 20 + i, i);
		answer = http_ask_with("POST", "/api/v1/meters.csv?dry=1", csv, strlen(csv),
		    http_token_field());
		ck_assert_int_eq(answer.status, 200);
		http_forget(&answer);
		ck_assert_uint_eq(copies(), i <= 5 ? (unsigned)i - 1 : 5);
		answer = http_ask_with("POST", "/api/v1/meters.csv", csv, strlen(csv),
		    http_token_field());
		ck_assert_int_eq(answer.status, 200);
		http_forget(&answer);
		ck_assert_uint_eq(copies(), i <= 5 ? (unsigned)i : 5);
	}
}
END_TEST

/* ---- the whole ---- */

static void
fill(void)
{
	http_add_meters();
	ck_assert_int_eq(store_setting_put(http_store, "depth.day", "200"), E_OK);
	ck_assert_int_eq(store_setting_put(http_store, "rtu.auth", "12344321"), E_OK);
	put_row(TABLE_MQTT, "5", "{\"id\":5,\"addr\":\"a\",\"password\":\"hush1\"}");
	put_row(TABLE_MQTT, "4", "{\"id\":4,\"password\":\"hush2\",\"x\":{\"key\":\"hush3\"}}");
	put_row(TABLE_SIM, "1", "{\"id\":1,\"pin\":\"hush4\"}");
	put_row(TABLE_ACCOUNTS, "1", "{\"id\":1,\"login\":\"admin\",\"lvl\":2,\"hash\":\"hush5\"}");
	put_row(TABLE_ACCOUNTS, "2", "{\"id\":2,\"login\":\"ivan\",\"lvl\":1,\"hash\":\"hush6\"}");
}

static void
spoil(void)
{
	const struct store_edit edits[] = {
		{ .kind = EDIT_SETTING, .key = "depth.day", .text = "300" },
		{ .kind = EDIT_SETTING, .key = "rtu.auth", .text = "55555555" },
		{ .kind = EDIT_ROW, .table = TABLE_MQTT, .key = "5",
		    .text = "{\"id\":5,\"addr\":\"b\",\"password\":\"newer\"}" },
		{ .kind = EDIT_ROW_REMOVE, .table = TABLE_MQTT, .key = "4" },
		{ .kind = EDIT_ROW, .table = TABLE_MQTT, .key = "6", .text = "{\"id\":6}" },
		{ .kind = EDIT_ROW, .table = TABLE_SNTP, .key = "1", .text = "{\"addr\":\"t\"}" },
	};

	ck_assert_int_eq(store_edit(http_store, edits, 6, NULL, NULL, 0), E_OK);
	http_expect(200, "DELETE", "/api/v1/meters/7", NULL, NULL);
	http_expect(200, "POST", "/api/v1/meters", "{\"id\":6,\"note\":\"o\",\"pass_rd\":\"0707\"}",
	    NULL);
}

static json_t *
backup_now(const char *path, const char *body)
{
	return ask(200, body != NULL ? "POST" : "GET", path, body);
}

START_TEST(backup_without_secrets_has_none_and_restoring_keeps_them)
{
	json_t *backup, *answer;
	char *text;

	fill();
	backup = backup_now("/api/v1/backup", NULL);
	text = dump(backup);
	ck_assert_ptr_null(strstr(text, "hush"));
	ck_assert_ptr_null(strstr(text, "12344321"));
	ck_assert_ptr_null(strstr(text, "pass_rd"));
	ck_assert_ptr_null(strstr(text, "sealed"));
	spoil();
	answer = ask(200, "POST", "/api/v1/restore?dry=1", text);
	ck_assert(json_is_false(json_object_get(answer, "applied")));
	json_decref(answer);
	ck_assert_uint_eq(meters_count(), 1);
	answer = ask(200, "POST", "/api/v1/restore", text);
	ck_assert(json_is_true(json_object_get(answer, "applied")));
	ck_assert_str_eq(
	    json_string_of(json_object_get(json_object_get(answer, "settings"), "depth.day"), "before"),
	    "300");
	ck_assert_int_eq(json_number_of(json_object_get(answer, "meters"), "added"), 1);
	ck_assert_int_eq(json_number_of(json_object_get(answer, "meters"), "changed"), 1);
	json_decref(answer);
	ck_assert_str_eq(meter_of(6).note, "кв. 12");
	ck_assert_str_eq(meter_of(6).password_read, "0707");
	ck_assert_uint_eq(meter_of(7).id, 7);
	ck_assert_str_eq(row_of(TABLE_MQTT, "5"), "1{\"id\":5,\"addr\":\"a\",\"password\":\"newer\"}");
	ck_assert_str_eq(row_of(TABLE_MQTT, "4"), "4{\"id\":4,\"password\":\"\",\"x\":{\"key\":\"\"}}");
	ck_assert_str_eq(row_of(TABLE_MQTT, "6"), "");
	ck_assert_str_eq(row_of(TABLE_SNTP, "1"), "");
	ck_assert_str_eq(row_of(TABLE_SIM, "1"), "1{\"id\":1,\"pin\":\"hush4\"}");
	ck_assert_ptr_nonnull(strstr(row_of(TABLE_ACCOUNTS, "2"), "hush6"));
	answer = ask(200, "POST", "/api/v1/restore", text);
	ck_assert_int_eq(json_number_of(answer, "edits"), 0);
	json_decref(answer);
	json_decref(backup);
	free(text);
}
END_TEST

START_TEST(sealed_backup_brings_everything_back)
{
	json_t *backup, *answer, *wrapped;
	char *text;

	fill();
	backup = backup_now("/api/v1/backup", "{\"passphrase\":\"пароль 1\"}");
	text = dump(backup);
	ck_assert_ptr_null(strstr(text, "hush"));
	spoil();
	http_expect(200, "DELETE", "/api/v1/meters/6", NULL, NULL);
	wrapped = json_pack("{s:O,s:s}", "backup", backup, "passphrase", "пароль 2");
	free(text);
	text = dump(wrapped);
	answer = ask(422, "POST", "/api/v1/restore", text);
	ck_assert_str_eq(json_string_of(answer, "where"), "/passphrase");
	json_decref(answer);
	json_object_set_new(wrapped, "passphrase", json_string("пароль 1"));
	free(text);
	text = dump(wrapped);
	answer = ask(200, "POST", "/api/v1/restore", text);
	ck_assert_uint_eq(json_array_size(json_object_get(answer, "warnings")), 0);
	free(text);
	text = dump(answer);
	ck_assert_ptr_null(strstr(text, "hush"));
	ck_assert_ptr_null(strstr(text, "12344321"));
	json_decref(answer);
	ck_assert_str_eq(row_of(TABLE_MQTT, "5"), "1{\"id\":5,\"addr\":\"a\",\"password\":\"hush1\"}");
	ck_assert_str_eq(row_of(TABLE_MQTT, "4"),
	    "4{\"id\":4,\"password\":\"hush2\",\"x\":{\"key\":\"hush3\"}}");
	ck_assert_str_ne(meter_of(6).password_read, "0707");
	json_decref(wrapped);
	json_decref(backup);
	free(text);
}
END_TEST

START_TEST(pass_phrase_may_come_in_a_field)
{
	struct http_answer answer = http_ask_with("GET", "/api/v1/backup?secrets=1", NULL, 0,
	    "X-Passphrase: open sesame");

	ck_assert_int_eq(answer.status, 200);
	ck_assert_ptr_nonnull(strstr(answer.body.p, "\"sealed\""));
	http_forget(&answer);
	http_expect(422, "GET", "/api/v1/backup?secrets=1", NULL, NULL);
	http_expect(422, "POST", "/api/v1/backup", "{\"passphrase\":\"short\"}", NULL);
	http_expect(422, "POST", "/api/v1/backup", "{}", NULL);
}
END_TEST

/* Each is merged into a good backup; "-": that member is taken out. */
static const struct { const char *change; long status; const char *where; } documents[] = {
	{ "{\"made\":1}", 422, "/checksum" },
	{ "{\"checksum\":7}", 422, "/checksum" },
	{ "{\"checksum\":\"-\"}", 200, NULL },
	{ "{\"openuspd\":\"other\"}", 422, NULL },
	{ "{\"version\":2}", 422, "/version" },
	{ "{\"checksum\":\"-\",\"settings\":{\"depth.day\":\"0\"}}", 422, "/settings/depth.day" },
	{ "{\"checksum\":\"-\",\"settings\":{\"depth.day\":[]}}", 422, "/settings/depth.day" },
	{ "{\"checksum\":\"-\",\"settings\":{\"depth.day\":210,\"no.such\":\"1\"}}", 200, NULL },
	{ "{\"checksum\":\"-\",\"settings\":7}", 422, "/settings" },
	{ "{\"checksum\":\"-\",\"meters\":{}}", 422, "/meters" },
	{ "{\"checksum\":\"-\",\"meters\":[7]}", 422, "/meters/0" },
	{ "{\"checksum\":\"-\",\"meters\":[{\"id\":6},{\"id\":8}]}", 422, "/meters/1/type" },
	{ "{\"checksum\":\"-\",\"meters\":[{\"id\":6},{}]}", 422, "/meters/1/id" },
	{ "{\"checksum\":\"-\",\"meters\":[{\"id\":6,\"wire\":{\"line\":1}}]}", 200, NULL },
	{ "{\"checksum\":\"-\",\"meters\":[{\"id\":6,\"cfg\":\"x\"}]}", 422, "/meters/0/cfg" },
	{ "{\"checksum\":\"-\",\"meters\":\"-\"}", 200, NULL },
	{ "{\"checksum\":\"-\",\"meters\":[]}", 200, NULL },
	{ "{\"checksum\":\"-\",\"tables\":[]}", 422, "/tables" },
	{ "{\"checksum\":\"-\",\"tables\":{\"ip\":7}}", 422, "/tables" },
	{ "{\"checksum\":\"-\",\"tables\":{\"ip\":[{\"row\":{}}]}}", 422, "/tables/ip/0" },
	{ "{\"checksum\":\"-\",\"tables\":{\"ip\":[{\"name\":\"1\",\"row\":[]}]}}", 422,
	    "/tables/ip/0" },
	{ "{\"checksum\":\"-\",\"tables\":{\"ip\":[{\"name\":\"1\",\"row\":{}},"
	  "{\"name\":\"1\",\"row\":{}}]}}", 422, "/tables/ip/1" },
	{ "{\"checksum\":\"-\",\"tables\":{\"no/such\":[]}}", 200, NULL },
	{ "{\"checksum\":\"-\",\"tables\":{\"ip\":[{\"name\":\"1\",\"row\":{\"iface\":\"eth0\","
	  "\"dhcp\":\"yes\"}}]}}", 422, "/tables/ip/0" },
	{ "{\"checksum\":\"-\",\"tables\":{\"servers/tcp\":[{\"name\":\"1\",\"row\":{"
	  "\"port\":70000}}]}}", 422, "/tables/servers/tcp/0" },
	{ "{\"checksum\":\"-\",\"sealed\":{\"cipher\":\"rot13\"}}", 200, NULL },
};

START_TEST(document_is_checked_whole)
{
	json_t *backup, *change, *value, *answer, *before, *after;
	const char *name;
	char *text;

	fill();
	backup = backup_now("/api/v1/backup", NULL);
	change = json_loads(documents[_i].change, 0, NULL);
	ck_assert_ptr_nonnull(change);
	json_object_foreach(change, name, value) {
		if (json_is_string(value) && strcmp(json_string_value(value), "-") == 0)
			json_object_del(backup, name);
		else
			json_object_set(backup, name, value);
	}
	text = dump(backup);
	before = backup_make(http_store, NULL, true);
	answer = ask(documents[_i].status, "POST", "/api/v1/restore", text);
	if (documents[_i].where != NULL)
		ck_assert_str_eq(json_string_of(answer, "where"), documents[_i].where);
	after = backup_make(http_store, NULL, true);
	for (size_t i = 0; documents[_i].status != 200 && i < 3; i++) {
		static const char *const parts[] = { "settings", "meters", "tables" };

		ck_assert(
		    json_equal(json_object_get(before, parts[i]), json_object_get(after, parts[i])));
	}
	json_decref(before);
	json_decref(after);
	json_decref(answer);
	json_decref(change);
	json_decref(backup);
	free(text);
}
END_TEST

/* What one device gives is what another takes; and nobody is locked out of either. */
START_TEST(accounts_never_lock_everybody_out)
{
	json_t *backup, *answer;
	char *text;

	fill();
	backup = backup_now("/api/v1/backup", NULL);
	text = dump(backup);
	/* Another device: its administrator has another name. */
	put_row(TABLE_ACCOUNTS, "1", "{\"id\":1,\"login\":\"root\",\"lvl\":2,\"hash\":\"mine\"}");
	answer = ask(200, "POST", "/api/v1/restore", text);
	ck_assert_uint_ge(json_array_size(json_object_get(answer, "warnings")), 2);
	ck_assert_ptr_nonnull(strstr(row_of(TABLE_ACCOUNTS, "1"), "mine"));
	json_decref(answer);
	/* Its file as from the factory does not bring the factory's password back. */
	json_object_set_new(json_object_get(backup, "tables"), "proto/json/auth", json_null());
	json_object_del(backup, "checksum");
	free(text);
	text = dump(backup);
	answer = ask(200, "POST", "/api/v1/restore", text);
	ck_assert_ptr_nonnull(strstr(row_of(TABLE_ACCOUNTS, "1"), "mine"));
	json_decref(answer);
	json_decref(backup);
	free(text);
}
END_TEST

START_TEST(order_of_rows_comes_back)
{
	json_t *backup;
	char *text;

	put_row(TABLE_SNTP, "a", "{\"n\":1}");
	put_row(TABLE_SNTP, "b", "{\"n\":2}");
	backup = backup_now("/api/v1/backup", NULL);
	text = dump(backup);
	http_expect(200, "POST", "/api/v1/restore", text, NULL);
	ck_assert_str_eq(row_of(TABLE_SNTP, "a"), "1{\"n\":1}");
	ck_assert_int_eq(
	    store_edit(http_store,
		&(struct store_edit){ .kind = EDIT_ROW_REMOVE, .table = TABLE_SNTP, .key = "a" }, 1,
		NULL, NULL, 0),
	    E_OK);
	http_expect(200, "POST", "/api/v1/restore", text, NULL);
	ck_assert_str_eq(row_of(TABLE_SNTP, "a"), "3{\"n\":1}");
	ck_assert_str_eq(row_of(TABLE_SNTP, "b"), "4{\"n\":2}");
	json_decref(backup);
	free(text);
}
END_TEST

START_TEST(restore_keeps_what_was_and_needs_an_administrator)
{
	struct http_answer backup, answer;

	answer = http_ask("GET", "/api/v1/backup", NULL);
	ck_assert(answer.status == 401 || answer.status == 403);
	http_forget(&answer);
	backup = http_ask_with("GET", "/api/v1/backup", NULL, 0, http_token_field());
	ck_assert_int_eq(backup.status, 200);
	answer = http_ask_with("POST", "/api/v1/restore", backup.body.p, backup.body.len,
	    http_token_field());
	ck_assert_int_eq(answer.status, 200);
	ck_assert_uint_eq(copies(), 0); /* nothing changed */
	http_forget(&answer);
	ck_assert_int_eq(store_setting_put(http_store, "depth.day", "300"), E_OK);
	answer = http_ask_with("POST", "/api/v1/restore", backup.body.p, backup.body.len,
	    http_token_field());
	ck_assert_int_eq(answer.status, 200);
	ck_assert_uint_eq(copies(), 1);
	http_forget(&answer);
	http_forget(&backup);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	ck_assert_uint_eq(store_journal_last(http_store, DJ_AUDIT), 1);
}
END_TEST

/* ---- the seal ---- */

START_TEST(seal_opens_with_its_pass_phrase_only)
{
	json_t *sealed = seal_close("text", 4, "right one"), *broken;
	static const char *const members[] = { "salt", "iv", "tag", "data" };
	char *text;
	size_t len;

	ck_assert_int_eq(seal_open(sealed, "wrong one", &text, &len), E_DENIED);
	ck_assert_int_eq(seal_open(sealed, "right one", &text, &len), E_OK);
	ck_assert_uint_eq(len, 4);
	ck_assert_str_eq(text, "text");
	seal_forget(text, len);
	for (size_t i = 0; i < 4; i++) {
		char changed[64];

		snprintf(changed, sizeof(changed), "%s", json_string_of(sealed, members[i]));
		changed[0] = changed[0] == 'A' ? 'B' : 'A';
		broken = json_copy(sealed);
		json_object_set_new(broken, members[i], json_string(changed));
		ck_assert_int_eq(seal_open(broken, "right one", &text, &len), E_DENIED);
		json_object_set_new(broken, members[i], json_string("!"));
		ck_assert_int_eq(seal_open(broken, "right one", &text, &len), E_INVALID);
		json_object_del(broken, members[i]);
		ck_assert_int_eq(seal_open(broken, "right one", &text, &len), E_INVALID);
		json_decref(broken);
	}
	broken = json_copy(sealed);
	json_object_set_new(broken, "n", json_integer(1 << 30));
	ck_assert_int_eq(seal_open(broken, "right one", &text, &len), E_INVALID);
	json_decref(broken);
	json_decref(sealed);
	ck_assert_int_eq(seal_open(NULL, "right one", &text, &len), E_INVALID);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("api_config");
	TCase *open = tcase_create("open"), *guarded = tcase_create("guarded");

	tcase_add_checked_fixture(open, http_setup, http_teardown);
	tcase_set_timeout(open, 60);
	tcase_add_test(open, one_change_is_made_for_many_meters);
	tcase_add_loop_test(open, faulty_bulk_change_changes_nothing, 0, COUNT(bad_bulks));
	tcase_add_test(open, both_kinds_of_file_are_judged_alike);
	tcase_add_test(open, backup_without_secrets_has_none_and_restoring_keeps_them);
	tcase_add_test(open, sealed_backup_brings_everything_back);
	tcase_add_test(open, pass_phrase_may_come_in_a_field);
	tcase_add_loop_test(open, document_is_checked_whole, 0, COUNT(documents));
	tcase_add_test(open, accounts_never_lock_everybody_out);
	tcase_add_test(open, order_of_rows_comes_back);
	tcase_add_test(open, seal_opens_with_its_pass_phrase_only);
	suite_add_tcase(suite, open);
	tcase_add_checked_fixture(guarded, http_setup_guarded, http_teardown);
	tcase_set_timeout(guarded, 60);
	tcase_add_test(guarded, import_keeps_the_table_as_it_was_in_a_file);
	tcase_add_test(guarded, restore_keeps_what_was_and_needs_an_administrator);
	suite_add_tcase(suite, guarded);
	return unit_main(suite);
}
