/* Every view of every settings table: what its description takes, refuses and gives back. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/smart.h"
#include "smart-json/view_hooks.h"
#include "tests/unit/unit.h"

enum { VIEWS_MOST = 100 };
static const struct view *views[VIEWS_MOST];
static int n_views;

static void
list_views(void)
{
	for (size_t i = 0; view_lists[i] != NULL; i++)
		for (const struct view *v = view_lists[i]; v->path != NULL; v++)
			views[n_views++] = v;
}

/* ---- a good row of any view ---- */

static const struct { view_checker *check; const char *json; } checked[] = {
	{ check_ipv4, "\"10.0.0.1\"" }, { check_netmask, "\"255.255.252.0\"" },
	{ check_networks, "[\"10.0.0.0/8\",\"::1\"]" }, { check_record_types, "[\"ElDayEnergy\"]" },
	{ check_event_type, "\"Scheduler\"" }, { check_pin, "\"0042\"" }, { check_time_zone, "5.75" },
	{ check_storages, "[{\"type\":3,\"depth\":7}]" }, { check_rtu_password, "\"abcd\"" },
	{ check_line_text, "\"9600,8n1\"" }, { check_type_name, "\"MILURIC\"" },
	{ check_iface_name, "\"iface2\"" }, { check_address, "\"ТЕСТ\"" },
	{ check_meter_password, "\"пароль\"" },
	{ check_number, "-2.5" },
	{ check_readings, "[{\"meterId\":1,\"measure\":\"ElMomentQuality\"}]" },
};
/* Of members that are made into others; 3 is a type of meter and of schedule. */
static const struct { const char *stored, *json; } made[] = {
	{ "type31", "3" }, { "min31", "5" }, { "hour31", "6" }, { "day31", "7" },
};

static json_t *
parse(const char *text)
{
	json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

	ck_assert_ptr_nonnull(json);
	return json;
}

static json_t *
text_of_letters(int64_t n)
{
	char *text = calloc(1, (size_t)n + 1);
	json_t *json;

	memset(text, 'x', (size_t)n);
	json = json_string(text);
	free(text);
	return json;
}

static json_t *
good_value(const struct member *m)
{
	for (size_t i = 0; i < sizeof(checked) / sizeof(checked[0]); i++)
		if (m->check == checked[i].check)
			return parse(checked[i].json);
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		if (m->stored != NULL && strcmp(m->stored, made[i].stored) == 0)
			return parse(made[i].json);
	switch (m->kind) {
	case MEMBER_INT:    return json_integer(m->choices != NULL ? m->choices[1].code : m->most);
	case MEMBER_BOOL:   return json_true();
	case MEMBER_TEXT:   return text_of_letters(m->least > 0 ? m->least : 1);
	case MEMBER_INTS:   return json_pack("[I,I]", (json_int_t)m->least, (json_int_t)m->most);
	case MEMBER_TEXTS:  return json_pack("[o]", text_of_letters(m->most));
	case MEMBER_CHOICE: return json_string(m->choices[0].text);
	case MEMBER_CODE:   return json_integer(m->choices[1].code);
	case MEMBER_ANY:    break;
	}
	ck_abort_msg("no sample of %s", m->name);
	return NULL;
}

static json_t *
good_row(const struct view *view)
{
	json_t *row = json_object();

	for (const struct member *m = view->members; m->name != NULL; m++)
		if ((m->flags & M_ANSWER) == 0)
			json_object_set_new(row, m->name, good_value(m));
	return row;
}

static struct view_set
set_of(const struct view *view)
{
	struct view_set set = { .view = view, .full = true, .secrets = true, .level = LEVEL_ADMIN };

	settings_defaults(&set.settings);
	return set;
}

static void
expect_fault(const struct view *view, const json_t *wire, enum fault_kind kind, const char *member)
{
	struct view_set set = set_of(view);
	struct fault fault = { 0 };
	char where[80];
	json_t *row = view_take(&set, wire, NULL, &fault);

	snprintf(where, sizeof(where), "/%s", member);
	ck_assert_msg(row == NULL, "%s: %s was taken", view->path, member);
	ck_assert_msg(kind == FAULT_COUNT || fault.kind == kind, "%s/%s: fault %d instead of %d",
	    view->path, member, fault.kind, kind);
	ck_assert_msg(strncmp(fault.where, where, strlen(where)) == 0, "%s: %s instead of %s",
	    view->path, fault.where, where);
}

/* The row with one member replaced; takes the value. */
static void
expect_refused(const struct view *view, const struct member *m, json_t *value, enum fault_kind kind)
{
	json_t *wire = good_row(view);

	json_object_set_new(wire, m->name, value);
	expect_fault(view, wire, kind, m->name);
	json_decref(wire);
}

static json_t *
taken(const struct view *view, const json_t *wire, const json_t *old)
{
	struct view_set set = set_of(view);
	struct fault fault = { 0 };
	json_t *row = view_take(&set, wire, old, &fault);

	ck_assert_msg(row != NULL, "%s: fault %d at %s: %s", view->path, fault.kind, fault.where,
	    fault.detail);
	return row;
}

static json_t *
shown(const struct view_set *set, json_t *stored)
{
	struct view_row row = { .now = stored, .next = stored, .number = 5 };

	return view_show(set, &row);
}

/* ---- tests ---- */

START_TEST(a_good_row_comes_back_as_it_was_sent)
{
	const struct view *view = views[_i];
	struct view_set set = set_of(view);
	json_t *wire = good_row(view), *row, *answer;
	bool account = (view->flags & V_ACCOUNTS) != 0;

	row = taken(view, wire, NULL);
	answer = shown(&set, row);
	ck_assert_msg(answer != NULL, "%s: not shown", view->path);
	for (const struct member *m = view->members; m->name != NULL; m++)
		if ((m->flags & M_ANSWER) == 0 && !(account && (m->flags & M_SECRET) != 0))
			ck_assert_msg(json_equal(json_object_get(answer, m->name),
					  json_object_get(wire, m->name)),
			    "%s: %s is another", view->path, m->name);
	json_decref(wire);
	json_decref(answer);
	json_decref(row);
}
END_TEST

START_TEST(a_required_member_must_be_there)
{
	const struct view *view = views[_i];

	for (const struct member *m = view->members; m->name != NULL; m++) {
		json_t *wire;

		if ((m->flags & M_REQUIRED) == 0)
			continue;
		wire = good_row(view);
		json_object_del(wire, m->name);
		expect_fault(view, wire, FAULT_MISSING, m->name);
		if ((m->flags & M_NULL) == 0) {
			json_object_set_new(wire, m->name, json_null());
			expect_fault(view, wire, FAULT_MISSING, m->name);
		}
		json_decref(wire);
	}
}
END_TEST

START_TEST(null_of_an_optional_member_is_kept_or_as_absent)
{
	const struct view *view = views[_i];
	struct view_set set = set_of(view);

	for (const struct member *m = view->members; m->name != NULL; m++) {
		json_t *wire, *row, *answer;

		if ((m->flags & (M_REQUIRED | M_ANSWER | M_EXTRA)) != 0 || view->kind == VIEW_FLAT ||
		    view->take == take_meter_31)
			continue;
		wire = good_row(view);
		json_object_set_new(wire, m->name, json_null());
		row = taken(view, wire, NULL);
		answer = shown(&set, row);
		if ((m->flags & M_NULL) != 0)
			ck_assert_msg(json_is_null(json_object_get(answer, m->name)), "%s: %s",
			    view->path, m->name);
		else
			ck_assert_msg(!json_is_null(json_object_get(answer, m->name)), "%s: %s",
			    view->path, m->name);
		json_decref(answer);
		json_decref(row);
		json_decref(wire);
	}
}
END_TEST

START_TEST(a_value_of_the_wrong_kind_is_refused)
{
	const struct view *view = views[_i];

	for (const struct member *m = view->members; m->name != NULL; m++) {
		if ((m->flags & M_ANSWER) != 0)
			continue;
		expect_refused(view, m, json_pack("{s:i}", "a", 1), FAULT_COUNT);
		if (m->kind != MEMBER_INTS && m->kind != MEMBER_TEXTS && m->check != check_storages)
			expect_refused(view, m, json_array(), FAULT_COUNT);
		if (m->kind == MEMBER_INT)
			expect_refused(view, m, json_real(1.5), FAULT_NO_INT);
		if (m->kind == MEMBER_INT || m->kind == MEMBER_CODE)
			expect_refused(view, m, json_string("12x"), FAULT_NO_INT);
		if (m->kind == MEMBER_TEXT || m->kind == MEMBER_CHOICE)
			expect_refused(view, m, json_integer(1), FAULT_NO_TEXT);
		if (m->kind == MEMBER_BOOL)
			expect_refused(view, m, json_integer(2), FAULT_NO_BOOL);
		if (m->kind == MEMBER_INTS)
			expect_refused(view, m, parse("[7,\"x\"]"), FAULT_NO_INT);
	}
}
END_TEST

START_TEST(a_value_out_of_range_is_refused)
{
	const struct view *view = views[_i];

	for (const struct member *m = view->members; m->name != NULL; m++) {
		if ((m->flags & M_ANSWER) != 0)
			continue;
		if (m->kind == MEMBER_INT && m->choices == NULL) {
			expect_refused(view, m, json_integer(m->least - 1), FAULT_RANGE);
			expect_refused(view, m, json_integer(m->most + 1), FAULT_RANGE);
		} else if (m->kind == MEMBER_INT) {
			expect_refused(view, m, json_integer(9601), FAULT_RANGE);
		} else if (m->kind == MEMBER_TEXT) {
			expect_refused(view, m, text_of_letters(m->most + 1), FAULT_LENGTH);
			if (m->least > 0)
				expect_refused(view, m, json_string(""), FAULT_LENGTH);
		} else if (m->kind == MEMBER_CHOICE) {
			expect_refused(view, m, json_string("nothing"), FAULT_UNKNOWN);
		} else if (m->kind == MEMBER_CODE) {
			expect_refused(view, m, json_integer(99), FAULT_UNKNOWN);
		} else if (m->kind == MEMBER_INTS) {
			expect_refused(view, m, json_pack("[I]", (json_int_t)m->most + 1), FAULT_RANGE);
		}
	}
}
END_TEST

START_TEST(numbers_as_text_and_truth_as_numbers_are_taken)
{
	const struct view *view = views[_i];
	struct view_set set = set_of(view);
	json_t *wire = good_row(view), *odd = good_row(view), *row, *answer;
	char text[24];

	for (const struct member *m = view->members; m->name != NULL; m++) {
		json_t *value = json_object_get(wire, m->name);

		if (json_is_integer(value) && m->check == NULL) {
			snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value));
			json_object_set_new(odd, m->name, json_string(text));
		} else if (json_is_boolean(value)) {
			json_object_set_new(odd, m->name, json_integer(json_is_true(value)));
		}
	}
	row = taken(view, odd, NULL);
	answer = shown(&set, row);
	for (const struct member *m = view->members; m->name != NULL; m++)
		if ((m->flags & (M_ANSWER | M_SECRET)) == 0)
			ck_assert_msg(json_equal(json_object_get(answer, m->name),
					  json_object_get(wire, m->name)),
			    "%s: %s", view->path, m->name);
	json_decref(wire);
	json_decref(odd);
	json_decref(row);
	json_decref(answer);
}
END_TEST

START_TEST(what_the_view_does_not_know_of_a_row_is_kept)
{
	const struct view *view = views[_i];
	json_t *wire = good_row(view), *old, *row;

	old = taken(view, wire, NULL);
	json_object_set_new(old, "foreign", json_integer(7));
	json_object_set_new(wire, "unknown", json_integer(8));
	row = taken(view, wire, old);
	ck_assert_int_eq(json_integer_value(json_object_get(row, "foreign")), 7);
	ck_assert_ptr_null(json_object_get(row, "unknown"));
	for (const struct member *m = view->members; m->name != NULL; m++)
		if ((m->flags & M_EXTRA) != 0)
			json_object_del(wire, m->name);
	json_decref(row);
	row = taken(view, wire, old);
	for (const struct member *m = view->members; m->name != NULL; m++)
		if ((m->flags & M_EXTRA) != 0)
			ck_assert_msg(json_object_get(row, m->stored != NULL ? m->stored : m->name) !=
				NULL,
			    "%s: %s was lost", view->path, m->name);
	json_decref(old);
	json_decref(row);
	json_decref(wire);
}
END_TEST

START_TEST(secrets_are_blank_for_those_who_may_not_know)
{
	const struct view *view = views[_i];
	struct view_set set = set_of(view);
	json_t *wire = good_row(view), *row, *answer;

	row = taken(view, wire, NULL);
	set.secrets = false;
	answer = shown(&set, row);
	for (const struct member *m = view->members; m->name != NULL; m++) {
		json_t *value = json_object_get(answer, m->name);

		if ((m->flags & M_SECRET) != 0)
			ck_assert_str_eq(json_string_value(value), "");
		else if (m->kind == MEMBER_TEXT)
			ck_assert_str_ne(json_string_value(value), "");
	}
	json_decref(answer);
	json_decref(row);
	json_decref(wire);
}
END_TEST

START_TEST(descriptions_are_sound)
{
	const struct view *view = views[_i];
	unsigned secrets = 0;

	ck_assert_ptr_nonnull(view->source);
	if (view->key != NULL && view->only == NULL)
		ck_assert_msg(view_member(view, view->key) != NULL, "%s: key", view->path);
	if (view->unique != NULL)
		ck_assert_msg(view_member(view, view->unique) != NULL, "%s: unique", view->path);
	ck_assert((view->kind == VIEW_FLAT || view->kind == VIEW_ONE) == (view->key == NULL) ||
	    view->only != NULL);
	for (const struct member *m = view->members; m->name != NULL; m++) {
		bool secret = strstr(m->name, "assword") != NULL ||
		    strstr(m->name, "pass") == m->name || strcmp(m->name, "pin") == 0 ||
		    strcmp(m->name, "key") == 0;

		ck_assert_msg(secret == ((m->flags & M_SECRET) != 0), "%s: %s", view->path, m->name);
		ck_assert((m->kind != MEMBER_CHOICE && m->kind != MEMBER_CODE) || m->choices != NULL);
		ck_assert(m->kind != MEMBER_ANY || m->check != NULL);
		secrets += secret;
	}
	ck_assert_uint_le(secrets, 2);
}
END_TEST

START_TEST(every_route_of_a_table_has_its_views)
{
	size_t routes = 0, found = 0;

	for (size_t i = 0; i < smart_space.n_routes; i++) {
		const struct http_route *route = &smart_space.routes[i];

		if (route->handler != smart_rows_get)
			continue;
		for (unsigned dialect = DIALECT_31; dialect <= DIALECT_40; dialect *= 2) {
			const struct view *view = view_find(route->path, dialect);

			ck_assert_msg(((route->dialects & dialect) != 0) == (view != NULL),
			    "%s in dialect %u", route->path, dialect == DIALECT_31 ? 31 : 40);
			routes += view != NULL;
		}
	}
	for (int i = 0; i < n_views; i++)
		found += views[i]->dialects == DIALECT_ANY ? 2 : 1;
	ck_assert_uint_eq(routes, found);
}
END_TEST

static const struct { const char *a, *b; bool alike; } names[] = {
	{ "Night run", "nightrun", true }, { "A", "a ", true }, { " ", "", true }, { "ab", "a", false },
	{ "iface 1", "IFACE1", true }, { "", "x", false },
};

START_TEST(names_are_compared_without_case_and_blanks)
{
	ck_assert_int_eq(texts_alike(names[_i].a, names[_i].b), names[_i].alike);
	ck_assert_int_eq(texts_alike(names[_i].b, names[_i].a), names[_i].alike);
}
END_TEST

static const struct { const char *json; bool is; int64_t number; } numbers[] = {
	{ "5", true, 5 }, { "\"5\"", true, 5 }, { "\"-7\"", true, -7 }, { "\" 5\"", false, 0 },
	{ "\"5 \"", false, 0 }, { "\"\"", false, 0 }, { "\"-\"", false, 0 }, { "5.0", false, 0 },
	{ "true", false, 0 }, { "\"0x5\"", false, 0 }, { "\"99999999999999999999\"", false, 0 },
	{ "\"+5\"", false, 0 }, { "null", false, 0 },
};

START_TEST(integers_are_numbers_or_plain_decimals)
{
	json_t *json = parse(numbers[_i].json);
	int64_t number = 0;

	ck_assert_msg(view_integer(json, &number) == numbers[_i].is, "%s", numbers[_i].json);
	if (numbers[_i].is)
		ck_assert_int_eq(number, numbers[_i].number);
	json_decref(json);
}
END_TEST

static const struct { const char *row, *pattern; } patterns[] = {
	{ "{\"id\":1}", "* * * * *" },
	{ "{\"id\":1,\"min\":0}", "0 * * * *" },
	{ "{\"id\":1,\"min\":30}", "*/30 * * * *" },
	{ "{\"id\":1,\"min\":7,\"hour\":null,\"day\":255,\"month\":0}", "*/7 * * * *" },
	{ "{\"id\":1,\"min\":5,\"hour\":0}", "5 0 * * *" },
	{ "{\"id\":1,\"hour\":4}", "0 4 * * *" },
	{ "{\"id\":1,\"min\":15,\"day\":10}", "15 * 10 * *" },
	{ "{\"id\":1,\"min\":15,\"hour\":1,\"day\":1,\"mon\":12}", "15 1 1 12 *" },
	{ "{\"id\":1,\"min\":255,\"month\":2}", "0 * * 2 *" },
};

START_TEST(a_schedule_has_its_crontab_expression)
{
	const struct view *view = view_find("settings/events/schdl", DIALECT_40);
	struct view_set set = set_of(view);
	json_t *wire = parse(patterns[_i].row), *row, *answer;

	row = taken(view, wire, NULL);
	answer = shown(&set, row);
	ck_assert_str_eq(json_string_value(json_object_get(answer, "pattern")), patterns[_i].pattern);
	json_decref(answer);
	json_decref(row);
	json_decref(wire);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("view");
	TCase *tc = tcase_create("view");

	list_views();
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_good_row_comes_back_as_it_was_sent, 0, n_views);
	tcase_add_loop_test(tc, a_required_member_must_be_there, 0, n_views);
	tcase_add_loop_test(tc, null_of_an_optional_member_is_kept_or_as_absent, 0, n_views);
	tcase_add_loop_test(tc, a_value_of_the_wrong_kind_is_refused, 0, n_views);
	tcase_add_loop_test(tc, a_value_out_of_range_is_refused, 0, n_views);
	tcase_add_loop_test(tc, numbers_as_text_and_truth_as_numbers_are_taken, 0, n_views);
	tcase_add_loop_test(tc, what_the_view_does_not_know_of_a_row_is_kept, 0, n_views);
	tcase_add_loop_test(tc, secrets_are_blank_for_those_who_may_not_know, 0, n_views);
	tcase_add_loop_test(tc, descriptions_are_sound, 0, n_views);
	tcase_add_test(tc, every_route_of_a_table_has_its_views);
	tcase_add_loop_test(tc, names_are_compared_without_case_and_blanks, 0,
	    sizeof(names) / sizeof(names[0]));
	tcase_add_loop_test(tc, integers_are_numbers_or_plain_decimals, 0,
	    sizeof(numbers) / sizeof(numbers[0]));
	tcase_add_loop_test(tc, a_schedule_has_its_crontab_expression, 0,
	    sizeof(patterns) / sizeof(patterns[0]));
	suite_add_tcase(s, tc);
	return unit_main(s);
}
