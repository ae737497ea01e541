/* The simulated wire: pace, latency, collisions, faults; and the street file. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "sim/street.h"
#include "src/base/checksum.h"
#include "tests/unit/sim_help.h"
#include "tests/unit/unit.h"

#define NOW_US (INT64_C(1715670900) * 1000000)
#define MS INT64_C(1000000)

static struct sim_street *street;
static uint8_t got[2000];
static size_t n_got;
static int64_t clock_ns, last_ns;

static void
take(struct sim_bus *bus, const uint8_t *bytes, size_t n)
{
	(void)bus;
	ck_assert(n_got + n <= sizeof(got));
	memcpy(got + n_got, bytes, n);
	n_got += n;
	last_ns = clock_ns;
}

static struct sim_bus *
make(const char *keys, const char *meters)
{
	char text[2000];

	snprintf(text, sizeof(text), "{\"buses\":[{\"name\":\"b\",\"pty\":true%s,\"meters\":[%s]}]}",
	    keys, meters);
	sim_help_street(&street, text, false, NOW_US);
	street->buses[0].send = take;
	n_got = 0;
	clock_ns = 1000 * MS;
	return &street->buses[0];
}

/* Runs the bus from deadline to deadline until nothing is due before `until_ns`. */
static void
run_until(struct sim_bus *bus, int64_t until_ns)
{
	sim_bus_run(bus, clock_ns, NOW_US);
	while (bus->due_ns <= until_ns) {
		ck_assert(bus->due_ns >= clock_ns);
		clock_ns = bus->due_ns;
		sim_bus_run(bus, clock_ns, NOW_US);
	}
	clock_ns = until_ns;
}

static void
ask(struct sim_bus *bus, const char *hex)
{
	uint8_t req[32];
	size_t n = sim_help_frame(hex, req, sizeof(req));

	sim_bus_receive(bus, clock_ns, req, n);
}

#define ONE "{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345678\"}"

START_TEST(the_last_character_comes_at_its_moment)
{
	struct sim_bus *bus = make(",\"speed\":9600,\"latency_ms\":7", ONE);
	int64_t start = clock_ns;

	ask(bus, "050101010101010101");
	run_until(bus, start + 100 * MS);
	ck_assert_uint_eq(n_got, 4);
	ck_assert_int_eq(last_ns, start + (11 + 4) * bus->char_ns + 7 * MS);
	n_got = 0;
	start = clock_ns;
	ask(bus, "05050006");
	run_until(bus, start + 500 * MS);
	ck_assert_uint_eq(n_got, 83);
	ck_assert_int_eq(last_ns, start + (6 + 83) * bus->char_ns + 7 * MS);
	ck_assert_uint_eq(crc16_modbus(got, 83), 0);
	ck_assert_int_eq(bus->stats.busy_ns, (11 + 4 + 6 + 83) * bus->char_ns);
}
END_TEST

START_TEST(an_unpaced_bus_answers_at_once)
{
	struct sim_bus *bus = make(",\"paced\":false", ONE);

	ask(bus, "0500");
	sim_bus_run(bus, clock_ns, NOW_US);
	ck_assert_uint_eq(n_got, 4);
	ck_assert_int_eq(bus->due_ns, SIM_NEVER);
}
END_TEST

START_TEST(a_request_in_pieces_is_one_and_garbage_is_forgotten_after_a_gap)
{
	struct sim_bus *bus = make("", ONE);

	sim_bus_receive(bus, clock_ns, (const uint8_t *)"\x05\x00", 2);
	run_until(bus, clock_ns + 3 * MS);
	sim_bus_receive(bus, clock_ns, (const uint8_t *)"\x02\xE0", 2);
	ck_assert_uint_eq(crc16_modbus(bus->rx, 4), 0);
	run_until(bus, clock_ns + 50 * MS);
	ck_assert_uint_eq(n_got, 4);
	sim_bus_receive(bus, clock_ns, (const uint8_t *)"\x05\x00\x01", 3);
	run_until(bus, clock_ns + 50 * MS);
	ck_assert_uint_eq(n_got, 4);
	ck_assert_uint_eq(bus->rx_n, 0);
	ck_assert_uint_eq(bus->stats.unanswered, 1);
}
END_TEST

START_TEST(two_meters_of_one_address_make_garbage)
{
	struct sim_bus *bus = make("",
	    ONE ",{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345679\"}");

	ask(bus, "0500");
	run_until(bus, clock_ns + 100 * MS);
	ck_assert_uint_eq(n_got, 4);
	ck_assert_uint_ne(crc16_modbus(got, 4), 0);
	ck_assert_uint_eq(bus->stats.collisions, 1);
}
END_TEST

START_TEST(an_answer_collides_with_a_request_sent_over_it)
{
	struct sim_bus *bus = make("", ONE);

	ask(bus, "050101010101010101");
	run_until(bus, clock_ns + 100 * MS);
	n_got = 0;
	ask(bus, "05050006");
	run_until(bus, clock_ns + 40 * MS);
	ask(bus, "0500");
	run_until(bus, clock_ns + 500 * MS);
	ck_assert_uint_eq(n_got, 83);
	ck_assert_uint_ne(crc16_modbus(got, 83), 0);
}
END_TEST

START_TEST(an_echoing_bus_returns_the_request_first)
{
	struct sim_bus *bus = make(",\"echo\":true", ONE);

	ask(bus, "05000000");
	run_until(bus, clock_ns + 100 * MS);
	ck_assert_uint_eq(n_got, 6);
	n_got = 0;
	ask(bus, "050101010101010101");
	run_until(bus, clock_ns + 100 * MS);
	ck_assert_uint_eq(n_got, 15);
}
END_TEST

/* Bytes of one answer to "open channel" under a fault of 100 %. */
static struct sim_bus *
faulty(const char *fault)
{
	char keys[100];
	struct sim_bus *bus;

	snprintf(keys, sizeof(keys), ",\"faults\":{\"%s\":100}", fault);
	bus = make(keys, ONE);
	ask(bus, "050101010101010101");
	run_until(bus, clock_ns + 1000 * MS);
	return bus;
}

START_TEST(each_fault_does_what_its_name_says)
{
	struct sim_bus *bus = faulty("lost");

	ck_assert_uint_eq(n_got, 0);
	ck_assert_uint_eq(bus->meters[0].counters.faults[SIM_FAULT_lost], 1);
	faulty("damaged");
	ck_assert_uint_eq(n_got, 4);
	ck_assert_uint_ne(crc16_modbus(got, 4), 0);
	faulty("partial");
	ck_assert(n_got > 0 && n_got < 4);
	faulty("foreign");
	ck_assert_uint_eq(n_got, 8);
	ck_assert_uint_eq(crc16_modbus(got, 4), 0);
	ck_assert_uint_eq(got[0], 6);
	ck_assert_uint_eq(got[4], 5);
	ck_assert_uint_eq(crc16_modbus(got + 4, 4), 0);
	faulty("noise");
	ck_assert(n_got > 4 && n_got <= 7);
	faulty("busy");
	ck_assert_uint_eq(got[1], 8);
	bus = faulty("late");
	ck_assert_uint_eq(n_got, 0);
	run_until(bus, clock_ns + 5000 * MS);
	ck_assert_uint_eq(n_got, 4);
	ck_assert_uint_eq(crc16_modbus(got, 4), 0);
}
END_TEST

START_TEST(faults_come_in_the_configured_share_and_by_the_seed)
{
	struct sim_bus *bus = make(",\"faults\":{\"lost\":10,\"damaged\":5.5}", ONE);
	struct sim_meter *m = &bus->meters[0];
	unsigned lost = 0, damaged = 0, differ = 0;

	for (m->counters.answers = 0; m->counters.answers < 20000; m->counters.answers++) {
		enum sim_fault one = sim_fault_draw(m);

		lost += one == SIM_FAULT_lost;
		damaged += one == SIM_FAULT_damaged;
		m->seed = 99;
		differ += sim_fault_draw(m) != one;
		m->seed = 1;
		ck_assert_int_eq(sim_fault_draw(m), one);
	}
	ck_assert(lost > 1850 && lost < 2150);
	ck_assert(damaged > 1000 && damaged < 1200);
	ck_assert_uint_gt(differ, 1000);
}
END_TEST

START_TEST(dead_and_dark_meters_are_silent)
{
	struct sim_bus *bus = make("",
	    "{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345678\","
	    "\"dark_s\":[[10,20]]},{\"type\":\"mercury236\",\"address\":6,\"serial\":\"12345679\","
	    "\"dead\":true}");
	const uint8_t five[4] = { 5, 0, 0x02, 0xE0 };
	uint8_t out[SIM_ANSWER_MAX];

	ask(bus, "0600");
	run_until(bus, clock_ns + 100 * MS);
	ck_assert_uint_eq(n_got, 0);
	ck_assert_uint_eq(sim_meter_answer(&bus->meters[0], NOW_US, five, 4, out), 4);
	ck_assert_uint_eq(sim_meter_answer(&bus->meters[0], NOW_US + 10000000, five, 4, out), 0);
	ck_assert_uint_eq(sim_meter_answer(&bus->meters[0], NOW_US + 20000000, five, 4, out), 4);
}
END_TEST

/* Good checksums around random contents reach deep into the models. */
START_TEST(any_request_is_survived)
{
	struct sim_bus *bus = make("",
	    ONE ",{\"type\":\"mercury230-old\",\"address\":6,\"serial\":\"00000001\"},"
		"{\"type\":\"ce303\",\"serial\":\"1\",\"parity\":\"none\",\"lock_after\":0}");
	static const char *const heads[] = {
		"/?1!\r\n", "\x06" "051\r\n", "\x01R1\x02GRAPE(", "\x01R1\x02" "ENDQI(",
		"\x01R1\x02GROUP(", "\x01W1\x02TIME_(", "\x01R1\x02" "ENMPE(",
		"\x01P1\x02(777777", "\x01R1\x02PHASE(",
	};
	uint8_t req[64], out[SIM_ANSWER_MAX];

	for (uint64_t i = 0; i < 60000; i++) {
		uint64_t dice = sim_hash(3, i, 0), more = sim_hash(4, i, 0);
		size_t n = 2 + dice % 12;
		uint16_t crc;

		for (size_t k = 0; k < n; k++)
			req[k] = (uint8_t)(sim_hash(5, i, k) >> (8 * (k % 3)));
		req[0] = (uint8_t)(5 + more % 2);
		req[1] = (uint8_t)(more >> 8) % 0x18;
		crc = crc16_modbus(req, n);
		req[n] = (uint8_t)crc;
		req[n + 1] = (uint8_t)(crc >> 8);
		(void)sim_meter_answer(&bus->meters[more % 2], NOW_US + (int64_t)i, req, n + 2, out);
		n = strlen(heads[dice % 9]);
		memcpy(req, heads[dice % 9], n);
		if (dice % 9 > 1) {
			for (size_t k = 0; k < more % 14; k++)
				req[n++] = (uint8_t) "0123456789..:)("[sim_hash(6, i, k) % 15];
			req[n++] = ')';
			req[n++] = 3;
			req[n] = sum7(req + 1, n - 1);
			n++;
		}
		(void)sim_meter_answer(&bus->meters[2], NOW_US + (int64_t)i, req, n, out);
	}
	ck_assert_uint_gt(bus->meters[2].counters.heard, 1000);
}
END_TEST

START_TEST(an_exchanged_meter_has_another_number)
{
	struct sim_bus *bus = make("",
	    "{\"type\":\"mercury236\",\"address\":5,\"serial\":\"12345678\","
	    "\"replace\":{\"after_s\":60,\"serial\":\"23456789\"}}");
	const uint8_t request[4] = { 5, 0, 0x02, 0xE0 };
	uint8_t out[SIM_ANSWER_MAX];

	ck_assert_uint_eq(sim_meter_answer(&bus->meters[0], NOW_US + 59000000, request, 4, out), 4);
	ck_assert_str_eq(bus->meters[0].serial, "12345678");
	ck_assert_uint_eq(sim_meter_answer(&bus->meters[0], NOW_US + 60000000, request, 4, out), 4);
	ck_assert_str_eq(bus->meters[0].serial, "23456789");
}
END_TEST

START_TEST(a_street_file_with_a_mistake_is_refused_with_its_reason)
{
	static const struct {
		const char *text, *reason;
	} rows[] = {
		{ "{\"buses\":[]}", "1..4000 buses" },
		{ "{\"busses\":[]}", "unknown key \"busses\"" },
		{ "{\"buses\":[{\"pty\":true}]}", "name" },
		{ "{\"buses\":[{\"name\":\"a\",\"meters\":[{\"type\":\"x\"}]}]}",
		    "unknown meter type" },
		{ "{\"buses\":[{\"name\":\"a\",\"meters\":[{\"type\":\"ce303\",\"fw\":\"1.2.3\","
		  "\"serial\":\"1\"}]}]}",
		    "unknown key \"fw\"" },
		{ "{\"buses\":[{\"name\":\"a\",\"meters\":[{\"type\":\"mercury230\",\"address\":254,"
		  "\"serial\":\"12345678\"}]}]}",
		    "address" },
		{ "{\"buses\":[{\"name\":\"a\",\"speed\":\"fast\"}]}", "wrong value" },
		{ "[]", "object" },
	};
	struct sim_options options = { .unpaced = false };

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		json_t *root = json_loads(rows[i].text, 0, NULL);
		char why[200] = "";

		ck_assert_ptr_nonnull(root);
		ck_assert_ptr_null(sim_street_parse(root, &options, NOW_US, why, sizeof(why)));
		ck_assert_msg(strstr(why, rows[i].reason) != NULL, "%s: %s", rows[i].text, why);
		json_decref(root);
	}
}
END_TEST

START_TEST(copies_of_a_bus_go_on_with_the_serial_numbers)
{
	struct sim_options options = { .quick_history = true };
	char why[200];
	json_t *root = json_loads(
	    "{\"buses\":[{\"name\":\"e\",\"count\":3,\"tcp\":\"127.0.0.1:0\",\"meters\":"
	    "[{\"type\":\"mercury236\",\"count\":2,\"address\":72,\"first_serial\":\"00000010\"}]}]}",
	    0, NULL);

	sim_street_free(street);
	street = sim_street_parse(root, &options, NOW_US, why, sizeof(why));
	json_decref(root);
	ck_assert_ptr_nonnull(street);
	ck_assert_uint_eq(street->n_buses, 3);
	ck_assert_str_eq(street->buses[2].name, "e3");
	ck_assert_str_eq(street->buses[2].meters[1].serial, "00000015");
	ck_assert_uint_eq(street->buses[2].meters[1].address, 73);
	ck_assert_int_eq(street->buses[0].meters[0].load.history_from,
	    (NOW_US / 1000000 + 10800) / 86400 * 86400 - 2 * 86400);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("sim bus");
	TCase *c = tcase_create("all");
	int failed;

	tcase_add_test(c, the_last_character_comes_at_its_moment);
	tcase_add_test(c, an_unpaced_bus_answers_at_once);
	tcase_add_test(c, a_request_in_pieces_is_one_and_garbage_is_forgotten_after_a_gap);
	tcase_add_test(c, two_meters_of_one_address_make_garbage);
	tcase_add_test(c, an_answer_collides_with_a_request_sent_over_it);
	tcase_add_test(c, an_echoing_bus_returns_the_request_first);
	tcase_add_test(c, each_fault_does_what_its_name_says);
	tcase_add_test(c, faults_come_in_the_configured_share_and_by_the_seed);
	tcase_add_test(c, dead_and_dark_meters_are_silent);
	tcase_add_test(c, any_request_is_survived);
	tcase_add_test(c, an_exchanged_meter_has_another_number);
	tcase_add_test(c, a_street_file_with_a_mistake_is_refused_with_its_reason);
	tcase_add_test(c, copies_of_a_bus_go_on_with_the_serial_numbers);
	suite_add_tcase(suite, c);
	failed = unit_main(suite);
	sim_street_free(street);
	return failed;
}
