/* Accounts, tickets, lock-out, and what is written down of changes; then the same from outside. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/accounts.h"
#include "smart-json/edit.h"
#include "smart-json/lockout.h"
#include "smart-json/password.h"
#include "src/base/clock.h"
#include "tests/unit/http_help.h"
#include "tests/unit/unit.h"

/* ---- a clock of our own ---- */

static int64_t moved_us;

static int64_t
utc_us(void)
{
	return INT64_C(1717189200000000) + moved_us;
}

static int64_t
mono_us(void)
{
	return INT64_C(5000000000) + moved_us;
}

static void
pass_minutes(int minutes)
{
	moved_us += minutes * INT64_C(60000000);
}

/* ---- accounts over a store ---- */

static struct accounts *accounts;

static void
put_account(const char *key, const char *json)
{
	struct store_edit edit = { .kind = EDIT_ROW,
		.table = TABLE_ACCOUNTS,
		.key = key,
		.text = json };
	char why[256];
	size_t failed;

	ck_assert_int_eq(store_edit(http_store, &edit, 1, &failed, why, sizeof(why)), E_OK);
}

static void
remove_account(const char *key)
{
	struct store_edit edit = { .kind = EDIT_ROW_REMOVE, .table = TABLE_ACCOUNTS, .key = key };
	char why[256];
	size_t failed;

	ck_assert_int_eq(store_edit(http_store, &edit, 1, &failed, why, sizeof(why)), E_OK);
}

/* A row as the table keeps it. */
static void
add_account(int id, const char *login, const char *password, int level)
{
	char hash[PASSWORD_HASH_SIZE], key[16], json[512];

	ck_assert_int_eq(password_hash(password, hash), E_OK);
	snprintf(key, sizeof(key), "%d", id);
	snprintf(json, sizeof(json), "{\"id\":%d,\"login\":\"%s\",\"lvl\":%d,\"hash\":\"%s\"}", id,
	    login, level, hash);
	put_account(key, json);
}

static void
setup(void)
{
	static const struct clock_source source = { utc_us, mono_us };

	moved_us = 0;
	clock_replace(&source);
	http_setup();
	ck_assert_int_eq(accounts_open(&accounts, http_store), E_OK);
}

static void
teardown(void)
{
	accounts_close(accounts);
	clock_replace(NULL);
	http_teardown();
}

static int
login(const char *name, const char *password, char cookie[static 64])
{
	char ticket[TICKET_SIZE] = "";
	unsigned retry_s;
	int rc = accounts_login(accounts, name, password, "10.0.0.1", ticket, &retry_s);

	if (rc == E_OK)
		snprintf(cookie, 64, "sessionid=%s", ticket);
	return rc;
}

static int
known(const char *cookie)
{
	struct ticket ticket;

	return accounts_ticket(accounts, cookie, &ticket);
}

START_TEST(the_factory_account_logs_in_and_must_change)
{
	struct ticket ticket;
	char cookie[64];

	ck_assert_int_eq(login("admin", "wrong", cookie), E_DENIED);
	ck_assert_int_eq(login("Admin", "admin", cookie), E_DENIED);
	ck_assert_int_eq(login("admin", "", cookie), E_DENIED);
	ck_assert_int_eq(login("", "", cookie), E_DENIED);
	ck_assert_int_eq(login("admin", "admin", cookie), E_OK);
	ck_assert_int_eq(accounts_ticket(accounts, cookie, &ticket), E_OK);
	ck_assert_str_eq(ticket.login, "admin");
	ck_assert_int_eq(ticket.level, 2);
	ck_assert_int_eq(ticket.must_change, MUST_CHANGE_IN_PAGES);
	ck_assert_int_eq(store_setting_put(http_store, "http.force_change", "2"), E_OK);
	ck_assert_int_eq(accounts_ticket(accounts, cookie, &ticket), E_OK);
	ck_assert_int_eq(ticket.must_change, MUST_CHANGE);
	ck_assert_int_eq(store_setting_put(http_store, "http.force_change", "0"), E_OK);
	ck_assert_int_eq(accounts_ticket(accounts, cookie, &ticket), E_OK);
	ck_assert(!ticket.must_change);
}
END_TEST

START_TEST(hashed_accounts_log_in_unless_their_level_is_0)
{
	struct ticket ticket;
	char cookie[64];

	add_account(2, "диспетчер", "пароль-7", 1);
	add_account(3, "nobody", "x", 0);
	ck_assert_int_eq(login("диспетчер", "пароль-7", cookie), E_OK);
	ck_assert_int_eq(accounts_ticket(accounts, cookie, &ticket), E_OK);
	ck_assert_int_eq(ticket.level, 1);
	ck_assert(!ticket.must_change);
	ck_assert_int_eq(login("диспетчер", "пароль-8", cookie), E_DENIED);
	ck_assert_int_eq(login("nobody", "x", cookie), E_DENIED);
}
END_TEST

START_TEST(the_last_valid_ticket_of_a_cookie_counts)
{
	char first[64], second[64], both[256];
	struct ticket ticket;

	add_account(2, "user", "x", 1);
	ck_assert_int_eq(login("admin", "admin", first), E_OK);
	ck_assert_int_eq(login("user", "x", second), E_OK);
	ck_assert_str_ne(first, second);
	snprintf(both, sizeof(both), "%s; %s; sessionid=00000000000000000000", first, second);
	ck_assert_int_eq(accounts_ticket(accounts, both, &ticket), E_OK);
	ck_assert_str_eq(ticket.login, "user");
	accounts_logoff(accounts, both);
	ck_assert_int_eq(accounts_ticket(accounts, both, &ticket), E_OK);
	ck_assert_str_eq(ticket.login, "admin");
	accounts_logoff(accounts, both);
	ck_assert_int_eq(known(both), E_DENIED);
}
END_TEST

START_TEST(tickets_end_by_disuse_or_by_age)
{
	char cookie[64];

	ck_assert_int_eq(login("admin", "admin", cookie), E_OK);
	for (int i = 0; i < 4; i++) {
		pass_minutes(29);
		ck_assert_int_eq(known(cookie), E_OK);
	}
	pass_minutes(31);
	ck_assert_int_eq(known(cookie), E_DENIED);
	ck_assert_int_eq(store_setting_put(http_store, "http.ticket_sliding", "0"), E_OK);
	ck_assert_int_eq(login("admin", "admin", cookie), E_OK);
	pass_minutes(29);
	ck_assert_int_eq(known(cookie), E_OK);
	pass_minutes(2);
	ck_assert_int_eq(known(cookie), E_DENIED);
}
END_TEST

START_TEST(the_oldest_ticket_makes_room)
{
	static char cookies[TICKETS_MOST + 1][64];
	static struct ticket_info list[TICKETS_MOST];

	for (int i = 0; i <= TICKETS_MOST; i++)
		ck_assert_int_eq(login("admin", "admin", cookies[i]), E_OK);
	ck_assert_int_eq(known(cookies[0]), E_DENIED);
	ck_assert_int_eq(known(cookies[1]), E_OK);
	ck_assert_int_eq(known(cookies[TICKETS_MOST]), E_OK);
	ck_assert_uint_eq(accounts_tickets(accounts, list, TICKETS_MOST), TICKETS_MOST);
	ck_assert_str_eq(list[0].peer, "10.0.0.1");
	ck_assert_int_eq(list[0].until - list[0].used, 30 * 60);
	ck_assert_int_eq(list[0].since, utc_us() / 1000000);
	ck_assert(accounts_end_ticket(accounts, list[0].number));
	ck_assert(!accounts_end_ticket(accounts, list[0].number));
	ck_assert_int_eq(known(cookies[1]), E_DENIED);
}
END_TEST

START_TEST(changed_accounts_lose_their_tickets_and_no_others)
{
	char admin[64], user[64];

	add_account(2, "user", "x", 1);
	ck_assert_int_eq(login("admin", "admin", admin), E_OK);
	ck_assert_int_eq(login("user", "x", user), E_OK);
	add_account(2, "user", "x", 2); /* another level, another salt */
	ck_assert_int_eq(known(user), E_DENIED);
	ck_assert_int_eq(known(admin), E_OK);
	ck_assert_int_eq(login("user", "x", user), E_OK);
	remove_account("2");
	accounts_changed(accounts);
	ck_assert_int_eq(known(user), E_DENIED);
	add_account(2, "user", "x", 1);
	ck_assert_int_eq(known(user), E_DENIED);
	ck_assert_int_eq(known(admin), E_OK);
}
END_TEST

START_TEST(ten_wrong_logins_lock_the_address_for_a_minute)
{
	char ticket[TICKET_SIZE];
	unsigned retry_s;

	for (int i = 0; i < LOCKOUT_WRONG; i++)
		ck_assert_int_eq(accounts_login(accounts, "admin", "x", "10.0.0.9", ticket, &retry_s),
		    E_DENIED);
	ck_assert_int_eq(accounts_login(accounts, "admin", "admin", "10.0.0.9", ticket, &retry_s),
	    E_BUSY);
	ck_assert_uint_eq(retry_s, 60);
	ck_assert_int_eq(accounts_login(accounts, "admin", "admin", "10.0.0.8", ticket, &retry_s),
	    E_OK);
	pass_minutes(1);
	ck_assert_int_eq(accounts_login(accounts, "admin", "admin", "10.0.0.9", ticket, &retry_s),
	    E_OK);
}
END_TEST

static int
take_row(void *arg, uint64_t id, int64_t ts, const char *json)
{
	(void)id;
	(void)ts;
	snprintf(arg, 4096, "%s", json);
	return 0;
}

START_TEST(a_login_is_journalled_by_its_first_16_letters)
{
	static char row[4096];
	char cookie[64];

	add_account(2, "абвгдежзийклмнопрст", "x", 1);
	ck_assert_int_eq(login("абвгдежзийклмнопрст", "y", cookie), E_DENIED);
	ck_assert_int_eq(login("абвгдежзийклмнопрст", "x", cookie), E_OK);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	ck_assert_int_eq(store_journal_read(http_store, DJ_AUTH, 0, 0, false, take_row, row), E_OK);
	ck_assert_str_eq(row, "{\"login\":\"абвгдежзийклмноп\",\"lvl\":1}");
	ck_assert_uint_eq(store_journal_last(http_store, DJ_AUTH), 1);
}
END_TEST

START_TEST(passwords_become_hashes_and_nothing_else_does)
{
	json_t *row = json_loads("{\"id\":2,\"login\":\"a\",\"password\":\"secret\",\"lvl\":1,"
				 "\"hash\":\"chosen\",\"factory\":true}",
	    0, NULL);
	json_t *again = json_loads("{\"id\":2,\"login\":\"b\",\"password\":\"\",\"lvl\":2}", 0, NULL);
	json_t *empty = json_deep_copy(again);
	const char *hash;

	ck_assert_int_eq(accounts_seal(row, NULL), E_OK);
	ck_assert_ptr_null(json_object_get(row, "password"));
	ck_assert_ptr_null(json_object_get(row, "factory"));
	ck_assert_ptr_nonnull(hash = json_string_value(json_object_get(row, "hash")));
	ck_assert(strncmp(hash, "$y$", 3) == 0);
	ck_assert(password_fits("secret", hash));
	ck_assert(!password_fits("Secret", hash));
	ck_assert_int_eq(accounts_seal(again, row), E_OK);
	ck_assert_str_eq(json_string_of(again, "hash"), hash);
	ck_assert_str_eq(json_string_of(again, "login"), "b");
	ck_assert_ptr_null(json_object_get(again, "password"));
	/* The same password is no change, another one is. */
	json_object_set_new(again, "password", json_string("secret"));
	ck_assert_int_eq(accounts_seal(again, row), E_OK);
	ck_assert_str_eq(json_string_of(again, "hash"), hash);
	json_object_set_new(again, "password", json_string("Secret"));
	ck_assert_int_eq(accounts_seal(again, row), E_OK);
	ck_assert_str_ne(json_string_of(again, "hash"), hash);
	ck_assert_int_eq(accounts_seal(empty, NULL), E_INVALID);
	json_decref(row);
	json_decref(again);
	json_decref(empty);
}
END_TEST

static const char *const unchanged[] = { "", "admin" };

START_TEST(the_factory_row_written_back_stays_the_factory_row)
{
	json_t *table = json_loads(table_factory(TABLE_ACCOUNTS), 0, NULL);
	json_t *factory = json_array_get(table, 0);
	json_t *row = json_pack("{s:i, s:s, s:s, s:i}", "id", 1, "login", "admin", "password",
	    unchanged[_i], "lvl", 2);
	json_t *changed = json_pack("{s:i, s:s, s:s, s:i}", "id", 1, "login", "admin", "password",
	    "other", "lvl", 2);

	ck_assert_int_eq(accounts_seal(row, factory), E_OK);
	ck_assert_str_eq(json_string_of(row, "password"), "admin");
	ck_assert(json_is_true(json_object_get(row, "factory")));
	ck_assert_int_eq(accounts_seal(changed, factory), E_OK);
	ck_assert_ptr_null(json_object_get(changed, "factory"));
	ck_assert_ptr_nonnull(json_object_get(changed, "hash"));
	json_decref(table);
	json_decref(row);
	json_decref(changed);
}
END_TEST

/* ---- lock-out alone ---- */

START_TEST(many_addresses_do_not_unlock_each_other)
{
	struct lockout *lockout = calloc(1, sizeof(*lockout));
	char peer[64];

	for (int i = 0; i < LOCKOUT_WRONG; i++)
		lockout_wrong(lockout, "10.0.0.1", 1000 + i);
	for (int i = 0; i < LOCKOUT_PEERS - 1; i++) {
		snprintf(peer, sizeof(peer), "10.0.1.%d", i);
		lockout_wrong(lockout, peer, 2000 + i);
	}
	ck_assert_uint_gt(lockout_wait_s(lockout, "10.0.0.1", 3000), 0);
	ck_assert_uint_eq(lockout_wait_s(lockout, "10.0.1.1", 3000), 0);
	ck_assert_uint_eq(lockout_wait_s(lockout, "10.0.0.1", 3000 + 60000000), 0);
	free(lockout);
}
END_TEST

/* ---- audit ---- */

START_TEST(secrets_are_blanked_wherever_they_stand)
{
	json_t *json = json_loads("{\"a\":[{\"password\":\"x\",\"pin\":1,\"b\":{\"key\":\"y\"}}],"
				  "\"login\":\"z\",\"hash\":\"h\",\"passRd\":null}",
	    0, NULL);
	char *dump;

	edit_blank_secrets(json);
	dump = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	ck_assert_str_eq(dump,
	    "{\"a\":[{\"b\":{\"key\":\"\"},\"password\":\"\",\"pin\":\"\"}],"
	    "\"hash\":\"\",\"login\":\"z\",\"passRd\":null}");
	free(dump);
	json_decref(json);
}
END_TEST

static const char *const letters[] = { "x", "\"", "я", "\\u0001" };

START_TEST(changes_of_any_length_are_written_down)
{
	struct http_options server = { .store = http_store };
	struct http_call call = { .server = &server, .login = "admin", .peer = "10.0.0.1" };
	static char row[4096];
	struct text big = { 0 };
	json_t *after, *read;

	for (int i = 0; i < 5000; i++)
		text_str(&big, letters[_i]);
	after = json_pack("{s:s, s:s}", "password", "hidden", "note", big.p);
	edit_audit(&call, "settings/x", "7", NULL, after);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	ck_assert_int_eq(store_journal_read(http_store, DJ_AUDIT, 0, 0, false, take_row, row), E_OK);
	ck_assert_ptr_null(strstr(row, "hidden"));
	ck_assert_ptr_nonnull(read = json_loads(row, 0, NULL));
	ck_assert_str_eq(json_string_of(read, "login"), "admin");
	ck_assert_str_eq(json_string_of(read, "key"), "7");
	ck_assert(json_is_null(json_object_get(read, "before")));
	json_decref(read);
	json_decref(after);
	text_free(&big);
}
END_TEST

/* ---- from outside ---- */

static struct http_answer
ask_as(const char *cookie, const char *method, const char *path, const char *body)
{
	char field[256];

	snprintf(field, sizeof(field), "Cookie: %s", cookie);
	return http_ask_with(method, path, body, body != NULL ? strlen(body) : 0, field);
}

static void
expect_as(const char *cookie, long status, const char *method, const char *path, const char *body,
    const char *text)
{
	struct http_answer a = ask_as(cookie, method, path, body);

	ck_assert_msg(a.status == status, "%s %s: %ld: %s", method, path, a.status,
	    a.body.p != NULL ? a.body.p : "");
	if (text != NULL)
		ck_assert_msg(strstr(a.body.p, text) != NULL, "%s: %s", path, a.body.p);
	http_forget(&a);
}

static void
log_in(const char *body, char cookie[static 64])
{
	struct http_answer a = http_ask("POST", "/auth", body);
	const char *field;

	ck_assert_int_eq(a.status, 200);
	ck_assert_str_eq(a.body.p, "200 OK");
	ck_assert_ptr_nonnull(strstr(a.fields.p, "Content-Type: text/html"));
	ck_assert_ptr_nonnull(field = strstr(a.fields.p, "Set-Cookie: sessionid="));
	ck_assert_uint_eq(strspn(field + 22, "0123456789"), 20);
	ck_assert(strncmp(field + 42, "; Path=/; HttpOnly; SameSite=Strict\r\n", 37) == 0);
	snprintf(cookie, 64, "%.30s", field + 12);
	http_forget(&a);
}

static const char good[] = "{\"login\":\"admin\",\"password\":\"admin\"}";

static const struct { const char *body; long status; } bodies[] = {
	{ "{\"login\":\"admin\",\"password\":\"wrong\"}", 403 },
	{ "{\"login\":\"nobody\",\"password\":\"admin\"}", 403 },
	{ "{\"login\":\"admin\"}", 400 }, { "{\"password\":\"admin\"}", 400 }, { "{}", 400 },
	{ "{\"login\":\"admin\",\"password\":7}", 400 }, { "{\"login\":null,\"password\":\"a\"}", 400 },
	{ "[\"admin\",\"admin\"]", 400 }, { "login=admin&password=admin", 400 }, { "", 400 },
	{ "\"admin\"", 400 }, { "{\"login\":\"admin\",\"password\":\"admin\"", 400 },
	{ "{\"login\":\"adm\\u0000in\",\"password\":\"admin\"}", 400 },
	{ "\xef\xbb\xbf{\"login\":\"admin\",\"password\":\"admin\"}", 200 },
	{ "{\"login\":\"x\",\"login\":\"admin\",\"password\":\"admin\",\"more\":[1]}", 200 },
};

START_TEST(a_login_gets_its_status)
{
	struct http_answer a = http_ask("POST", "/auth", bodies[_i].body);

	ck_assert_msg(a.status == bodies[_i].status, "%s: %ld", bodies[_i].body, a.status);
	ck_assert_int_eq(strstr(a.fields.p, "Set-Cookie") != NULL, a.status == 200);
	http_forget(&a);
}
END_TEST

/* Programs of old know nothing of it; pages name their origin. */
static const struct { const char *setting, *path, *origin, *status; } barred[] = {
	{ "1", "/settings/name", "", "200" },
	{ "1", "/api/v1/settings", "", "403" },
	{ "1", "/settings/name", "Origin: http://localhost\r\n", "403" },
	{ "1", "/settings/proto/json/auth", "Origin: http://localhost\r\n", "200" },
	{ "2", "/settings/name", "", "403" },
	{ "2", "/settings/proto/json/auth", "", "200" },
	{ "0", "/api/v1/settings", "", "200" },
	{ "0", "/settings/name", "Origin: http://localhost\r\n", "200" },
};

START_TEST(the_factory_password_bars_whom_the_setting_names)
{
	bool api = strncmp(barred[_i].path, "/api", 4) == 0;
	const char *body = api ? "{}" : "{\"name\":\"x\",\"Settings\":[]}";
	struct text answer = { 0 };
	char cookie[64], request[512];

	log_in(good, cookie);
	ck_assert_int_eq(store_setting_put(http_store, "http.force_change", barred[_i].setting), E_OK);
	snprintf(request, sizeof(request),
	    "PUT %s " H11 "Cookie: %s\r\n%sConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
	    barred[_i].path, cookie, barred[_i].origin, strlen(body), body);
	http_talk(request, strlen(request), &answer);
	ck_assert_msg(strncmp(answer.p + 9, barred[_i].status, 3) == 0, "%s", answer.p);
	text_free(&answer);
}
END_TEST

START_TEST(tickets_open_what_their_level_allows)
{
	char admin[64], user[64];
	struct http_answer a;
	json_t *json;

	log_in("{\"login\":\"admin\",\"password\":\"admin\"}", admin);
	expect_as(admin, 200, "GET", "/main_index", NULL, "200 OK");
	expect_as(admin, 200, "GET", "/api/v1/settings", NULL, NULL);
	expect_as(admin, 403, "PUT", "/api/v1/settings", "{}", "factory password");
	ck_assert_int_eq(store_setting_put(http_store, "http.force_change", "0"), E_OK);
	expect_as(admin, 200, "PUT", "/api/v1/settings", "{}", NULL);
	add_account(2, "user", "x", 1);
	log_in("{\"login\":\"user\",\"password\":\"x\"}", user);
	expect_as(user, 200, "GET", "/api/v1/status", NULL, NULL);
	expect_as(user, 403, "PUT", "/api/v1/settings", "{}", "your account");
	expect_as(user, 403, "GET", "/api/v1/tickets", NULL, NULL);
	expect_as(admin, 200, "GET", "/api/v1/tickets", NULL, "\"login\":\"user\"");
	expect_as(user, 200, "POST", "/logoff", "whatever", "200 OK");
	expect_as(user, 401, "POST", "/logoff", NULL, NULL);
	expect_as(user, 401, "GET", "/main_index", NULL, NULL);
	expect_as(admin, 422, "DELETE", "/api/v1/tickets/x", NULL, NULL);
	expect_as(admin, 404, "DELETE", "/api/v1/tickets/99", NULL, NULL);
	expect_as(admin, 200, "DELETE", "/api/v1/tickets/1", NULL, NULL);
	expect_as(admin, 401, "GET", "/main_index", NULL, NULL);
	ck_assert_int_eq(store_sync(http_store), E_OK);
	a = http_ask_with("GET", "/api/v1/audit?limit=1", NULL, 0, http_token_field());

	json = json_loadb(a.body.p, a.body.len, 0, NULL);
	ck_assert_str_eq(json_string_of(json_array_get(json_object_get(json, "rows"), 0), "what"),
	    "ticket");
	json_decref(json);
	http_forget(&a);
}
END_TEST

START_TEST(too_many_wrong_logins_are_told_when_to_return)
{
	char cookie[64];
	struct http_answer a;

	log_in("{\"login\":\"admin\",\"password\":\"admin\"}", cookie);
	for (int i = 0; i < LOCKOUT_WRONG; i++)
		http_expect(403, "POST", "/auth", "{\"login\":\"admin\",\"password\":\"x\"}", NULL);
	http_expect(400, "POST", "/auth", "{", NULL);
	a = http_ask("POST", "/auth", "{\"login\":\"admin\",\"password\":\"admin\"}");
	ck_assert_int_eq(a.status, 429);
	ck_assert_ptr_nonnull(strstr(a.fields.p, "Retry-After: "));
	http_forget(&a);
	expect_as(cookie, 200, "GET", "/main_index", NULL, NULL);
	a = http_ask_with("POST", "/auth", good, strlen(good),
	    "X-Real-IP: 10.0.0.1");
	ck_assert_int_eq(a.status, 200);
	http_forget(&a);
}
END_TEST

START_TEST(the_cookie_may_be_bare_and_is_secure_over_tls)
{
	struct http_answer a = http_ask_with("POST", "/auth",
	    good, strlen(good), "X-Forwarded-Proto: https");
	const char *field;

	ck_assert_ptr_nonnull(strstr(a.fields.p, "SameSite=Strict; Secure\r\n"));
	http_forget(&a);
	ck_assert_int_eq(store_setting_put(http_store, "http.cookie_flags", "0"), E_OK);
	a = http_ask("POST", "/auth", "{\"login\":\"admin\",\"password\":\"admin\"}");
	ck_assert_ptr_nonnull(field = strstr(a.fields.p, "Set-Cookie: sessionid="));
	ck_assert(strncmp(field + 42, "\r\n", 2) == 0);
	http_forget(&a);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("accounts");
	TCase *inside = tcase_create("accounts");
	TCase *outside = tcase_create("login");

	tcase_add_checked_fixture(inside, setup, teardown);
	tcase_set_timeout(inside, 60);
	tcase_add_test(inside, the_factory_account_logs_in_and_must_change);
	tcase_add_test(inside, hashed_accounts_log_in_unless_their_level_is_0);
	tcase_add_test(inside, the_last_valid_ticket_of_a_cookie_counts);
	tcase_add_test(inside, tickets_end_by_disuse_or_by_age);
	tcase_add_test(inside, the_oldest_ticket_makes_room);
	tcase_add_test(inside, changed_accounts_lose_their_tickets_and_no_others);
	tcase_add_test(inside, ten_wrong_logins_lock_the_address_for_a_minute);
	tcase_add_test(inside, a_login_is_journalled_by_its_first_16_letters);
	tcase_add_test(inside, passwords_become_hashes_and_nothing_else_does);
	tcase_add_loop_test(inside, the_factory_row_written_back_stays_the_factory_row, 0,
	    COUNT(unchanged));
	tcase_add_test(inside, many_addresses_do_not_unlock_each_other);
	tcase_add_test(inside, secrets_are_blanked_wherever_they_stand);
	tcase_add_loop_test(inside, changes_of_any_length_are_written_down, 0, COUNT(letters));
	suite_add_tcase(suite, inside);
	tcase_add_checked_fixture(outside, http_setup_guarded, http_teardown);
	tcase_set_timeout(outside, 60);
	tcase_add_loop_test(outside, a_login_gets_its_status, 0, COUNT(bodies));
	tcase_add_loop_test(outside, the_factory_password_bars_whom_the_setting_names, 0,
	    COUNT(barred));
	tcase_add_test(outside, tickets_open_what_their_level_allows);
	tcase_add_test(outside, too_many_wrong_logins_are_told_when_to_return);
	tcase_add_test(outside, the_cookie_may_be_bare_and_is_secure_over_tls);
	suite_add_tcase(suite, outside);
	return unit_main(suite);
}
