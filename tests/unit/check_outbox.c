/* The outbox: what is put stays until it is removed, in order, whatever lies in the folder. */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/log.h"
#include "src/events/outbox.h"
#include "tests/unit/unit.h"

static char dir[64];
static struct outbox *box;
static uint64_t lost[64];
static size_t n_lost;

static const struct outbox_place broker = { OUTBOX_BROKER, 1 }, mail = { OUTBOX_MAIL, 1 };

static void
note_lost(void *arg, const struct outbox_head *h)
{
	(void)arg;
	lost[n_lost++] = h->number;
}

static void
open_box(void)
{
	struct outbox_options o = { .dir = dir, .lost = note_lost };

	ck_assert_int_eq(outbox_open(&box, &o), E_OK);
}

static void
reopen(void)
{
	outbox_close(box);
	open_box();
}

static void
setup(void)
{
	log_setup(LOG_LEVEL_ERROR, NULL);
	snprintf(dir, sizeof(dir), "/tmp/check-outbox-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	n_lost = 0;
	open_box();
}

static void
teardown(void)
{
	outbox_close(box);
	unit_folder_remove(dir);
}

static uint64_t
put(struct outbox_place place, const char *payload)
{
	struct outbox_head h = { .number = outbox_number(box), .place = place, .part = 1, .parts = 1,
		.content = 7, .to = 3, .created = 1000, .delay_s = 5, .topic = "t/\"1\"" };

	h.message = h.number;
	ck_assert_int_eq(outbox_put(box, &h, payload, strlen(payload)), E_OK);
	return h.number;
}

static uint64_t
next_of(struct outbox_place place, uint64_t after)
{
	struct outbox_head h = { 0 };
	int64_t age;

	return outbox_next(box, place, after, &h, &age) ? h.number : 0;
}

static size_t
count(void)
{
	struct outbox_stats stats;

	outbox_stats(box, &stats);
	return stats.messages;
}

static void
write_file(const char *name, const char *text)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

START_TEST(order_is_kept_for_each_place_over_a_restart)
{
	uint64_t a = put(broker, "a"), b = put(mail, "b"), c = put(broker, "c");

	for (int i = 0; i < 2; i++) {
		ck_assert_uint_eq(next_of(broker, 0), a);
		ck_assert_uint_eq(next_of(broker, a), c);
		ck_assert_uint_eq(next_of(broker, c), 0);
		ck_assert_uint_eq(next_of(mail, 0), b);
		reopen();
	}
	ck_assert_uint_gt(outbox_number(box), c);
	outbox_remove(box, a);
	ck_assert_uint_eq(next_of(broker, 0), c);
	reopen();
	ck_assert_uint_eq(next_of(broker, 0), c);
}
END_TEST

START_TEST(a_message_comes_back_as_it_was)
{
	uint64_t number = put(mail, "{\"x\":\"\n\"}");
	struct outbox_head h;
	char *payload;
	size_t len;
	int64_t age;

	reopen();
	ck_assert(outbox_next(box, mail, 0, &h, &age));
	ck_assert_uint_eq(h.number, number);
	ck_assert_uint_eq(h.message, number);
	ck_assert_int_eq(h.content, 7);
	ck_assert_int_eq(h.to, 3);
	ck_assert_uint_eq(h.delay_s, 5);
	ck_assert_str_eq(h.topic, "t/\"1\"");
	ck_assert_int_gt(age, 1000000);
	ck_assert_int_eq(outbox_payload(box, number, &payload, &len), E_OK);
	ck_assert_uint_eq(len, 9);
	ck_assert_str_eq(payload, "{\"x\":\"\n\"}");
	free(payload);
}
END_TEST

START_TEST(the_oldest_goes_when_it_is_full)
{
	uint64_t numbers[6];

	outbox_limit(box, UINT64_C(4) * 4096);
	for (int i = 0; i < 6; i++)
		numbers[i] = put(i % 2 == 0 ? broker : mail, "small");
	ck_assert_uint_eq(n_lost, 2);
	ck_assert_uint_eq(lost[0], numbers[0]);
	ck_assert_uint_eq(lost[1], numbers[1]);
	ck_assert_uint_eq(count(), 4);
	ck_assert_uint_eq(next_of(broker, 0), numbers[2]);
	reopen();
	ck_assert_uint_eq(count(), 4);
}
END_TEST

START_TEST(what_fits_never_is_refused)
{
	struct outbox_head h = { .number = outbox_number(box), .place = broker };
	char *large = calloc(1, 20000);

	outbox_limit(box, 8192);
	ck_assert_int_eq(outbox_put(box, &h, large, 20000), E_FULL);
	free(large);
	ck_assert_uint_eq(count(), 0);
}
END_TEST

static const char *const damaged[] = { "", "{}", "{}\n", "\n", "nonsense\n{}",
	"{\"kind\":9,\"id\":1,\"message\":\"1\",\"topic\":\"\",\"len\":2}\n{}",
	"{\"kind\":0,\"id\":1,\"message\":\"1\",\"topic\":\"\",\"len\":9}\n{}",
	"{\"kind\":0,\"id\":1,\"message\":\"1\",\"topic\":\"\",\"len\":2}" };

START_TEST(what_is_no_whole_message_goes)
{
	uint64_t good = put(broker, "a");
	struct outbox_stats stats;

	write_file("0000000000000001", damaged[_i]);
	write_file("0000000000000002.part", "half");
	write_file("ca-1.pem", "kept");
	reopen();
	outbox_stats(box, &stats);
	ck_assert_uint_eq(stats.messages, 1);
	ck_assert_uint_eq(next_of(broker, 0), good);
}
END_TEST

START_TEST(a_file_that_vanished_is_passed_over)
{
	uint64_t a = put(broker, "a"), b = put(broker, "b");
	char path[128];

	snprintf(path, sizeof(path), "%s/%016llx", dir, (unsigned long long)a);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_uint_eq(next_of(broker, 0), b);
	ck_assert_uint_eq(count(), 1);
}
END_TEST

START_TEST(places_are_those_with_messages)
{
	struct outbox_place places[4];

	ck_assert_uint_eq(outbox_places(box, places, 4), 0);
	put(broker, "a");
	put(broker, "b");
	put(mail, "c");
	ck_assert_uint_eq(outbox_places(box, places, 4), 2);
	ck_assert_uint_eq(outbox_places(box, places, 1), 1);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("outbox");
	TCase *tc = tcase_create("outbox");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, order_is_kept_for_each_place_over_a_restart);
	tcase_add_test(tc, a_message_comes_back_as_it_was);
	tcase_add_test(tc, the_oldest_goes_when_it_is_full);
	tcase_add_test(tc, what_fits_never_is_refused);
	tcase_add_loop_test(tc, what_is_no_whole_message_goes, 0, sizeof(damaged) / sizeof(damaged[0]));
	tcase_add_test(tc, a_file_that_vanished_is_passed_over);
	tcase_add_test(tc, places_are_those_with_messages);
	suite_add_tcase(s, tc);
	return unit_main(s);
}
