/* What the server says in two languages. */
#include <string.h>

#include "smart-json/http_words.h"
#include "src/base/err.h"
#include "tests/unit/unit.h"

/* The conversions of a format in their order: "%s: %.40s" is "s.40s". */
static void
conversions(const char *format, char *to, size_t size)
{
	size_t n = 0;

	while ((format = strchr(format, '%')) != NULL && n + 16 < size) {
		size_t len = strcspn(++format, "diuscxX%") + 1;

		ck_assert_uint_lt(len, 16);
		memcpy(to + n, format, len);
		n += len;
		format += len;
	}
	to[n] = '\0';
}

START_TEST(both_languages_take_the_same_arguments)
{
	char english[128], russian[128];

	for (const struct http_word *w = http_words; w->english != NULL; w++) {
		conversions(w->english, english, sizeof(english));
		conversions(w->russian, russian, sizeof(russian));
		/* The last ones may be left out. */
		ck_assert_msg(strncmp(english, russian, strlen(russian)) == 0, "%s | %s", w->english,
		    w->russian);
		for (const struct http_word *other = http_words; other != w; other++)
			ck_assert_str_ne(other->english, w->english);
	}
}
END_TEST

START_TEST(a_text_is_said_in_the_language_that_is_wanted)
{
	ck_assert_str_eq(http_word(true, "no such path"), "no such path");
	ck_assert_str_eq(http_word(false, "no such path"), "такого пути нет");
	ck_assert_str_eq(http_word(false, "what nobody has translated"), "what nobody has translated");
	ck_assert_str_eq(http_word(false, "%s"), "%s");
}
END_TEST

START_TEST(every_error_of_the_house_has_its_russian)
{
	for (int err = -1; err > -E_COUNT; err--)
		ck_assert_msg(strcmp(http_word(false, uspd_strerror(err)), uspd_strerror(err)) != 0,
		    "%s", uspd_strerror(err));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("http_words");
	TCase *tc = tcase_create("words");

	tcase_add_test(tc, both_languages_take_the_same_arguments);
	tcase_add_test(tc, a_text_is_said_in_the_language_that_is_wanted);
	tcase_add_test(tc, every_error_of_the_house_has_its_russian);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
