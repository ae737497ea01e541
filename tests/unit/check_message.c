/* Contents of messages: which meters, measures and values, and how they are split. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/events/message_account.h"
#include "src/events/message_content.h"
#include "src/events/smtp.h"
#include "tests/unit/store_help.h"
#include "tests/unit/unit.h"

enum { METERS = 3, DAYS = 5, PARTS_MOST = 8, DAY_S = 86400 };

static struct fixture f;
static char *parts[PARTS_MOST];
static unsigned n_parts;

static void
edit(enum table table, const char *key, const char *json)
{
	struct store_edit row = { .kind = EDIT_ROW, .table = table, .key = key, .text = json };
	char why[128] = "";

	ck_assert_msg(store_edit(f.store, &row, 1, NULL, why, sizeof(why)) == E_OK, "%s", why);
}

static void
add_meters(void)
{
	static const uint16_t types[METERS] = { 3, 3, 93 };
	struct meter_change changes[METERS];
	size_t failed;
	char why[128];

	memset(changes, 0, sizeof(changes));
	for (unsigned i = 0; i < METERS; i++) {
		changes[i].row.id = i + 1;
		changes[i].row.type = types[i];
		changes[i].row.iface = IFACE_1;
		snprintf(changes[i].row.address, sizeof(changes[i].row.address), "%u", i + 1);
	}
	ck_assert_int_eq(store_meters_change(f.store, changes, METERS, &failed, why, sizeof(why)),
	    E_OK);
}

static void
setup(void)
{
	fixture_open(&f);
	add_meters();
	edit(TABLE_ARCH_TEMPLATES, "day",
	    "{\"name\":\"day\",\"types\":[\"ElDayEnergy\",\"ElJrnlPwr\",\"Nothing\"]}");
	edit(TABLE_ARCH_TEMPLATES, "none", "{\"name\":\"none\",\"types\":[\"Nothing\"]}");
	edit(TABLE_METER_TEMPLATES, "one", "{\"name\":\"one\",\"meters\":[2,99]}");
	edit(TABLE_METER_TEMPLATES, "gone", "{\"name\":\"gone\",\"meters\":[99]}");
	for (unsigned dev = 1; dev <= 2; dev++)
		for (int day = 1; day <= DAYS; day++) {
			struct record r = fixture_energy(REC_EL_DAY,
			    1700000000 / DAY_S * DAY_S + day * DAY_S - 10800, day * 1000 + dev);

			fixture_put(&f, (uint16_t)dev, &r);
		}
}

static void
forget_parts(void)
{
	while (n_parts > 0)
		free(parts[--n_parts]);
}

static void
teardown(void)
{
	forget_parts();
	fixture_close(&f);
}

static int
take_part(void *arg, unsigned part, unsigned of, const char *payload, size_t len)
{
	(void)arg;
	ck_assert_uint_eq(part, n_parts + 1);
	ck_assert_uint_le(part, of);
	ck_assert_uint_lt(n_parts, PARTS_MOST);
	parts[n_parts++] = strndup(payload, len);
	return E_OK;
}

static void
message(const char *json)
{
	edit(TABLE_MESSAGES, "1", json);
}

static int
print(size_t part_bytes, const char **why)
{
	struct content c;
	struct content_print p = { .number = 0x1234, .name = "Дом \"7\"", .serial = "sn1",
		.time = 1700000000,
		.part_bytes = part_bytes, .part = take_part };
	int rc = content_open(&c, f.store, 1, why);

	if (rc == E_OK) {
		rc = content_print(&c, &p);
		content_close(&c);
	}
	return rc;
}

static json_t *
part(unsigned i)
{
	json_t *root = json_loads(parts[i], 0, NULL);

	ck_assert_msg(root != NULL, "%s", parts[i]);
	return root;
}

static json_t *
devices(const json_t *root, size_t measure)
{
	return json_object_get(json_array_get(json_object_get(root, "measures"), measure), "devices");
}

START_TEST(newest_values_go_out_oldest_first)
{
	const char *why;
	json_t *root, *vals;

	message("{\"id\":1,\"meterDataTemplateId\":1,\"dataDepth\":2,\"dataClass\":\"arch\"}");
	ck_assert_int_eq(print(100000, &why), E_OK);
	ck_assert_uint_eq(n_parts, 1);
	root = part(0);
	ck_assert_uint_eq(json_array_size(json_object_get(root, "measures")), 2);
	ck_assert_uint_eq(json_array_size(devices(root, 0)), 2); /* the third counts pulses */
	vals = json_object_get(json_array_get(devices(root, 0), 0), "vals");
	ck_assert_uint_eq(json_array_size(vals), 2);
	ck_assert_int_lt(json_integer_value(json_object_get(json_array_get(vals, 0), "ts")),
	    json_integer_value(json_object_get(json_array_get(vals, 1), "ts")));
	ck_assert_ptr_nonnull(strstr(parts[0], "{\"tag\":\"A+0\",\"val\":5.001}"));
	ck_assert_ptr_null(strstr(parts[0], "\"val\":3.001"));
	ck_assert(json_is_null(json_object_get(json_array_get(devices(root, 1), 0), "vals")));
	ck_assert_str_eq(json_string_value(json_object_get(root, "msgId")), "0000000000001234");
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(root, "device"), "name")),
	    "Дом \"7\"");
	ck_assert_ptr_null(json_object_get(root, "part"));
	json_decref(root);
}
END_TEST

START_TEST(a_template_of_meters_chooses)
{
	const char *why;
	json_t *root;

	message("{\"id\":1,\"meterDataTemplateId\":1,\"meterTemplateId\":1,\"dataDepth\":0,"
		"\"dataClass\":\"arch\"}");
	ck_assert_int_eq(print(100000, &why), E_OK);
	root = part(0);
	ck_assert_uint_eq(json_array_size(devices(root, 0)), 1);
	ck_assert_int_eq(
	    json_integer_value(json_object_get(json_array_get(devices(root, 0), 0), "meterId")), 2);
	ck_assert_uint_eq(json_array_size(json_object_get(json_array_get(devices(root, 0), 0), "vals")),
	    1);
	json_decref(root);
}
END_TEST

START_TEST(a_large_message_is_split_by_meters)
{
	const char *why;
	int64_t seen = 0;

	message("{\"id\":1,\"meterDataTemplateId\":1,\"dataDepth\":5,\"dataClass\":\"arch\"}");
	ck_assert_int_eq(print(1000, &why), E_OK);
	ck_assert_uint_ge(n_parts, 2);
	for (unsigned i = 0; i < n_parts; i++) {
		json_t *root = part(i), *meter;
		size_t k;

		ck_assert_int_eq(json_integer_value(json_object_get(root, "part")), i + 1);
		ck_assert_int_eq(json_integer_value(json_object_get(root, "parts")), n_parts);
		json_array_foreach(devices(root, 0), k, meter)
			seen = seen * 10 + json_integer_value(json_object_get(meter, "meterId"));
		json_decref(root);
	}
	ck_assert_int_eq(seen, 12);
}
END_TEST

static const char *const nothing[] = {
	"{\"id\":2,\"meterDataTemplateId\":1,\"dataDepth\":1,\"dataClass\":\"arch\"}",
	"{\"id\":1,\"meterDataTemplateId\":9,\"dataDepth\":1,\"dataClass\":\"arch\"}",
	"{\"id\":1,\"meterDataTemplateId\":2,\"dataDepth\":1,\"dataClass\":\"arch\"}",
	"{\"id\":1,\"meterDataTemplateId\":1,\"meterTemplateId\":9,\"dataDepth\":1,"
	    "\"dataClass\":\"arch\"}",
	"{\"id\":1,\"meterDataTemplateId\":1,\"meterTemplateId\":2,\"dataDepth\":1,"
	    "\"dataClass\":\"arch\"}",
};

START_TEST(what_names_nothing_says_why)
{
	const char *why = NULL;

	message(nothing[_i]);
	ck_assert_int_eq(print(100000, &why), E_NOTFOUND);
	ck_assert_ptr_nonnull(why);
	ck_assert_uint_eq(n_parts, 0);
}
END_TEST

static const struct { const char *text, *words; } words[] = {
	{ "box 7", "box 7" },
	{ "", "" },
	{ "a\r\nBcc: b", "=?UTF-8?B?YQ0KQmNjOiBi?=" },
	{ "Дом", "=?UTF-8?B?0JTQvtC8?=" },
	{ "ДомДомДомДомДомДомДомДом",
	    "=?UTF-8?B?0JTQvtC80JTQvtC80JTQvtC80JTQvtC80JTQvtC80JTQvtC80JTQvtC80JQ=?=\r\n"
	    " =?UTF-8?B?0L7QvA==?=" },
};

START_TEST(subjects_are_ascii)
{
	struct text t = { 0 };

	smtp_print_words(&t, words[_i].text);
	ck_assert_str_eq(t.len > 0 ? t.p : "", words[_i].words);
	text_free(&t);
}
END_TEST

START_TEST(data_as_csv)
{
	static const char payload[] =
	    "{\"measures\":[{\"measure\":\"M\",\"devices\":[{\"meterId\":7,\"serial\":\"s\","
	    "\"vals\":[{\"ts\":5,\"tags\":[{\"tag\":\"A+0\",\"val\":1.25},"
	    "{\"tag\":\"x\",\"val\":null}]}]},{\"meterId\":8,\"serial\":null,\"vals\":null}]}]}";
	struct text t = { 0 };

	ck_assert_int_eq(smtp_print_csv(&t, payload, strlen(payload)), E_OK);
	ck_assert_str_eq(t.p,
	    "measure;meterId;serial;ts;tag;val\r\nM;7;s;5;A+0;1.25\r\nM;7;s;5;x;null\r\n");
	text_free(&t);
}
END_TEST

static const struct { enum outbox_kind kind; const char *json; bool good;
	enum account_kind is; } accounts[] = {
	{ OUTBOX_BROKER, "{\"addr\":\"b\",\"port\":1883,\"prefix\":\"p\",\"cropt\":2}",
	    true, ACCOUNT_MQTT },
	{ OUTBOX_BROKER, "{\"addr\":\"https://x/y\",\"port\":1}", true, ACCOUNT_HTTP },
	{ OUTBOX_MAIL, "{\"server\":\"m\",\"port\":25,\"email\":\"a@b\"}", true, ACCOUNT_SMTP },
	{ OUTBOX_MAIL, "{\"server\":\"m\",\"port\":25,\"email\":\"a@b\\r\\nX: y\"}",
	    false, ACCOUNT_SMTP },
	{ OUTBOX_BROKER, "{\"port\":1883}", false, ACCOUNT_MQTT },
	{ OUTBOX_BROKER, "{\"addr\":\"b\",\"port\":70000}", false, ACCOUNT_MQTT },
	{ OUTBOX_BROKER, "nonsense", false, ACCOUNT_MQTT },
};

START_TEST(rows_make_accounts)
{
	struct settings settings;
	struct account a;

	settings_defaults(&settings);
	ck_assert(
	    account_parse(&a, accounts[_i].kind, accounts[_i].json, &settings) == accounts[_i].good);
	ck_assert_int_eq(a.kind, accounts[_i].is);
	ck_assert(a.cert_check);
	account_free(&a);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int
main(void)
{
	Suite *s = suite_create("message");
	TCase *tc = tcase_create("content"), *pure = tcase_create("texts");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, newest_values_go_out_oldest_first);
	tcase_add_test(tc, a_template_of_meters_chooses);
	tcase_add_test(tc, a_large_message_is_split_by_meters);
	tcase_add_loop_test(tc, what_names_nothing_says_why, 0, COUNT(nothing));
	tcase_add_loop_test(pure, subjects_are_ascii, 0, COUNT(words));
	tcase_add_test(pure, data_as_csv);
	tcase_add_loop_test(pure, rows_make_accounts, 0, COUNT(accounts));
	suite_add_tcase(s, tc);
	suite_add_tcase(s, pure);
	return unit_main(s);
}
