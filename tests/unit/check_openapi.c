/* The description of the interface and the tables of routes say the same. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>

#include "smart-json/openapi.h"
#include "tests/unit/unit.h"

START_TEST(every_route_is_described_and_nothing_else)
{
	json_t *faults, *document = openapi_document(&faults), *fault;
	size_t i;

	json_array_foreach(faults, i, fault)
		fprintf(stderr, "%s\n", json_string_value(fault));
	ck_assert_uint_eq(json_array_size(faults), 0);
	ck_assert_uint_gt(json_object_size(json_object_get(document, "paths")), 80);
	json_decref(faults);
	json_decref(document);
}
END_TEST

START_TEST(an_operation_tells_its_arguments_and_who_may)
{
	json_t *document = openapi_document(NULL), *paths = json_object_get(document, "paths");
	const json_t *operation = json_object_get(json_object_get(paths, "/api/v1/meters/{id}"),
	    "delete");
	const json_t *argument = json_array_get(json_object_get(operation, "parameters"), 0);

	ck_assert_str_eq(json_string_value(json_object_get(argument, "in")), "path");
	ck_assert_str_eq(json_string_value(json_object_get(argument, "name")), "id");
	ck_assert_int_eq(json_integer_value(json_object_get(operation, "x-level")), 2);
	operation = json_object_get(json_object_get(paths, "/settings/modem/sim"), "get");
	ck_assert_uint_eq(json_array_size(json_object_get(operation, "x-dialects")), 1);
	operation = json_object_get(json_object_get(paths, "/auth"), "post");
	ck_assert_ptr_nonnull(json_object_get(operation, "security"));
	ck_assert_ptr_nonnull(json_object_get(operation, "requestBody"));
	json_decref(document);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("openapi");
	TCase *tc = tcase_create("openapi");

	tcase_add_test(tc, every_route_is_described_and_nothing_else);
	tcase_add_test(tc, an_operation_tells_its_arguments_and_who_may);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
