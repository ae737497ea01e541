/* The board file: what is good is taken, what is wrong is named. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/system/board.h"
#include "tests/unit/unit.h"

static char path[64], why[256];
static struct board board;

static void
setup(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/check_board.XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void
teardown(void)
{
	unlink(path);
}

static int
load(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	why[0] = '\0';
	return board_load(&board, path, why, sizeof(why));
}

START_TEST(a_whole_board_is_taken_over)
{
	ck_assert_msg(
	    load("{\"lines\":{\"Iface1\":{\"tty\":\"/dev/uspd/bus1\"},\"iface3\":{\"tty\":\"/dev/x\","
		 "\"kind\":\"can\",\"echo\":\"on\",\"direction\":\"rts\",\"gap_min_ms\":7}},"
		 "\"http\":{\"bind\":\"127.0.0.1\",\"port\":0},\"rtu327\":{\"port\":7000},"
		 "\"transit\":{\"ports\":[1,2]},\"web\":\"/usr/share/uspd/web\","
		 "\"commands\":{\"reboot\":\"systemctl reboot\"},\"clock\":\"virtual\"}") == E_OK,
	    "%s", why);
	ck_assert_str_eq(board.lines[0].tty, "/dev/uspd/bus1");
	ck_assert_str_eq(board.lines[1].tty, "");
	ck_assert_int_eq(board.lines[2].options.kind, LINE_CAN);
	ck_assert_int_eq(board.lines[2].options.echo, ECHO_ON);
	ck_assert_int_eq(board.lines[2].options.direction, DIRECTION_RTS);
	ck_assert_uint_eq(board.lines[2].options.gap_min_ms, 7);
	ck_assert_str_eq(board.lines[2].options.name, "Iface3");
	ck_assert_uint_eq(board.http_port, 0);
	ck_assert_uint_eq(board.rtu327_port, 7000);
	ck_assert_uint_eq(board.transit_port[1], 2);
	ck_assert_uint_eq(board.transit_port[2], 3333);
	ck_assert_str_eq(board.reboot, "systemctl reboot");
	ck_assert_str_eq(board.time_sync, "");
	ck_assert_str_eq(board.web, "/usr/share/uspd/web");
	ck_assert(!board.clock_system);
}
END_TEST

START_TEST(an_empty_board_runs_anywhere)
{
	ck_assert_int_eq(load("{}"), E_OK);
	ck_assert_uint_eq(board.http_port, 8080);
	ck_assert_uint_eq(board.rtu327_port, 7777);
	ck_assert_str_eq(board.http_bind, "127.0.0.1");
}
END_TEST

static const struct { const char *text, *names; } bad[] = {
	{ "{\"lines\":{\"Iface1\":{\"tty\":\"/dev/a\",}}", "line 1" },
	{ "[]", "the board must be an object" },
	{ "{\"line\":{}}", "\"line\"" },
	{ "{\"lines\":[]}", "\"lines\"" },
	{ "{\"lines\":{\"Iface5\":{\"tty\":\"/dev/a\"}}}", "Iface5" },
	{ "{\"lines\":{\"Iface1\":{}}}", "names no device" },
	{ "{\"lines\":{\"Iface1\":{\"tty\":5}}}", "Iface1.tty" },
	{ "{\"lines\":{\"Iface1\":{\"tty\":\"/dev/a\",\"kind\":\"rs232\"}}}", "Iface1.kind" },
	{ "{\"lines\":{\"Iface1\":{\"tty\":\"/dev/a\",\"line\":\"9600\"}}}", "\"line\"" },
	{ "{\"lines\":{\"Iface1\":{\"tty\":\"/dev/a\",\"gap_min_ms\":-1}}}", "gap_min_ms" },
	{ "{\"http\":{\"port\":65536}}", "http" },
	{ "{\"transit\":{\"ports\":[1,2,3,4,5]}}", "transit.ports" },
	{ "{\"commands\":{\"shutdown\":\"now\"}}", "\"shutdown\"" },
	{ "{\"web\":1}", "web" },
	{ "{\"clock\":\"sundial\"}", "clock" },
	{ "{\"clock\":\"system\",\"clock\":\"system\"}", "line 1" },
};

START_TEST(a_wrong_board_is_refused_with_the_place)
{
	ck_assert_int_eq(load(bad[_i].text), E_INVALID);
	ck_assert_msg(strstr(why, bad[_i].names) != NULL, "%s: %s", bad[_i].text, why);
	ck_assert_ptr_nonnull(strstr(why, path));
}
END_TEST

START_TEST(a_missing_board_is_named)
{
	ck_assert_int_eq(board_load(&board, "/nonexistent/board.json", why, sizeof(why)), E_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(why, "/nonexistent/board.json"));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("board");
	TCase *t = tcase_create("board");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_whole_board_is_taken_over);
	tcase_add_test(t, an_empty_board_runs_anywhere);
	tcase_add_loop_test(t, a_wrong_board_is_refused_with_the_place, 0,
	    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(t, a_missing_board_is_named);
	suite_add_tcase(suite, t);
	return unit_main(suite);
}
