/* What transit reads from outside: rows, headers, telnet; and who is admitted. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/transit/desk.h"
#include "src/transit/header.h"
#include "src/transit/rfc2217.h"
#include "src/transit/row.h"
#include "tests/unit/unit.h"

/* ---- rows ---- */

START_TEST(a_row_of_port_and_type_has_the_defaults)
{
	struct tcp_row row;
	char why[32];

	ck_assert_int_eq(tcp_row_parse(&row, "{\"port\":1111,\"type\":\"iface1\"}", why, sizeof(why)),
	    E_OK);
	ck_assert_uint_eq(row.port, 1111);
	ck_assert_uint_eq(row.bus, 1);
	ck_assert_int_eq(row.mode, MODE_REFUSE);
	ck_assert_int_eq(row.proto, PROTO_RAW);
	ck_assert_uint_eq(row.wait_s, 30);
	ck_assert_uint_eq(row.max_clients, 4);
	ck_assert_uint_eq(row.share_quiet_ms, 300);
	ck_assert_int_eq(row.idle_s, -1);
	ck_assert(!row.tls);
}
END_TEST

START_TEST(a_row_keeps_what_it_names)
{
	struct tcp_row row;
	char why[32];

	ck_assert_int_eq(
	    tcp_row_parse(&row,
		"{\"port\":\"4444\",\"type\":\"iface4\",\"mode\":\"shared\",\"proto\":\"rfc2217\","
		"\"iface\":\"modem\",\"frame_hold_ms\":50,\"wait_s\":5,\"max_clients\":2,"
		"\"share_quiet_ms\":100,\"idle_s\":0,\"tls\":true,\"allow\":[\"10.0.0.0/8\",\"::1\"],"
		"\"unknown\":1}",
		why, sizeof(why)),
	    E_OK);
	ck_assert_uint_eq(row.port, 4444);
	ck_assert_uint_eq(row.bus, 4);
	ck_assert_int_eq(row.mode, MODE_SHARED);
	ck_assert_int_eq(row.proto, PROTO_RFC2217);
	ck_assert_int_eq(row.iface, FROM_MODEM);
	ck_assert_uint_eq(row.frame_hold_ms, 50);
	ck_assert_int_eq(row.idle_s, 0);
	ck_assert_uint_eq(row.n_allow, 2);
	ck_assert(row.tls);
}
END_TEST

static const struct { const char *json, *why; } bad_rows[] = {
	{ "", "row" }, { "[]", "row" }, { "{}", "port" },
	{ "{\"port\":0,\"type\":\"iface1\"}", "port" },
	{ "{\"port\":65536,\"type\":\"iface1\"}", "port" },
	{ "{\"port\":\"x\",\"type\":\"iface1\"}", "port" },
	{ "{\"port\":1}", "type" }, { "{\"port\":1,\"type\":\"iface5\"}", "type" },
	{ "{\"port\":1,\"type\":\"iface12\"}", "type" },
	{ "{\"port\":1,\"type\":\"iface1\",\"mode\":\"fight\"}", "mode" },
	{ "{\"port\":1,\"type\":\"iface1\",\"proto\":3}", "proto" },
	{ "{\"port\":1,\"type\":\"iface1\",\"wait_s\":-1}", "wait_s" },
	{ "{\"port\":1,\"type\":\"iface1\",\"allow\":[\"10.0.0.0/33\"]}", "allow" },
	{ "{\"port\":1,\"type\":\"iface1\",\"allow\":\"10.0.0.0\"}", "allow" },
	{ "{\"port\":1,\"type\":\"iface1\",\"allow\":[1]}", "allow" },
};

START_TEST(a_row_that_makes_no_sense_is_refused)
{
	struct tcp_row row;
	char why[32] = "";

	ck_assert_int_eq(tcp_row_parse(&row, bad_rows[_i].json, why, sizeof(why)), E_INVALID);
	ck_assert_str_eq(why, bad_rows[_i].why);
}
END_TEST

static const struct { const char *network, *address; bool allowed; } networks[] = {
	{ "10.0.0.0/8", "10.255.0.1", true }, { "10.0.0.0/8", "11.0.0.1", false },
	{ "192.0.2.128/25", "192.0.2.129", true }, { "192.0.2.128/25", "192.0.2.127", false },
	{ "192.0.2.7", "192.0.2.7", true }, { "192.0.2.7", "192.0.2.6", false },
	{ "0.0.0.0/0", "203.0.113.1", true }, { "0.0.0.0/0", "2001:db8::1", false },
	{ "::/0", "203.0.113.1", true }, { "2001:db8::/33", "2001:db8:7fff::1", true },
	{ "2001:db8::/33", "2001:db8:8000::1", false },
};

START_TEST(networks_let_in_only_their_own)
{
	struct tcp_row row = { .n_allow = 1 };
	struct address_range one;

	ck_assert_int_eq(address_range_parse(&row.allow[0], networks[_i].network), E_OK);
	ck_assert_int_eq(address_range_parse(&one, networks[_i].address), E_OK);
	ck_assert_int_eq(tcp_row_allows(&row, one.address), networks[_i].allowed);
}
END_TEST

/* ---- headers ---- */

static const struct {
	const char *text;
	enum header_verdict verdict;
	const char *client, *server;
} proxies[] = {
	{ "PROXY TCP4 192.0.2.7 192.0.2.1 50123 4444\r\nabc", HEADER_WHOLE, "192.0.2.7:50123",
	    "192.0.2.1:4444" },
	{ "PROXY TCP6 2001:db8::7 2001:db8::1 50123 4444\r\n", HEADER_WHOLE, "[2001:db8::7]:50123",
	    "[2001:db8::1]:4444" },
	{ "PROXY UNKNOWN\r\n", HEADER_WHOLE, "", "" },
	{ "PROXY UNKNOWN what ever\r\n", HEADER_WHOLE, "", "" },
	{ "PRO", HEADER_MORE, "", "" },
	{ "PROXY TCP4 192.0.2.7", HEADER_MORE, "", "" },
	{ "proxy TCP4 192.0.2.7 192.0.2.1 1 2\r\n", HEADER_NONE, NULL, NULL },
	{ "PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n", HEADER_NONE, NULL, NULL },
	{ "PROXY TCP4 192.0.2.7 192.0.2.1 1 70000\r\n", HEADER_NONE, NULL, NULL },
	{ "PROXY TCP4 192.0.2.7 192.0.2.1 1 -2\r\n", HEADER_NONE, NULL, NULL },
	{ "PROXY TCP4 2001:db8::7 192.0.2.1 1 2\r\n", HEADER_NONE, NULL, NULL },
	{ "PROXY TCP5 192.0.2.7 192.0.2.1 1 2\r\n", HEADER_NONE, NULL, NULL },
	{ "PROXY TCP4 192.0.2.7 192.0.2.1 1\r\n", HEADER_NONE, NULL, NULL },
	{ "PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n", HEADER_NONE, NULL, NULL },
	{ "PROXY \r\n", HEADER_NONE, NULL, NULL },
	{ "\x16\x03\x01", HEADER_NONE, NULL, NULL },
	{ "PROXY TCP4 111111111111111111111111111111111111111111111111111111111111111111111111111111111"
	  "1111111111111111111111", HEADER_NONE, NULL, NULL },
};

START_TEST(the_proxy_tells_its_client)
{
	struct header_proxy proxy;
	size_t len = 0;

	ck_assert_int_eq(
	    header_proxy((const uint8_t *)proxies[_i].text, strlen(proxies[_i].text), &proxy, &len),
	    proxies[_i].verdict);
	if (proxies[_i].verdict != HEADER_WHOLE)
		return;
	ck_assert_str_eq(proxy.client.text, proxies[_i].client);
	ck_assert_str_eq(proxy.server.text, proxies[_i].server);
	ck_assert_uint_eq(len, (size_t)(strchr(proxies[_i].text, '\n') - proxies[_i].text) + 1);
}
END_TEST

static const struct { const char *text; enum header_verdict verdict; unsigned baud; } sets[] = {
	{ "SET 9600,8n1\n", HEADER_WHOLE, 9600 }, { "SET 300,7e1\r\nrest", HEADER_WHOLE, 300 },
	{ "S", HEADER_MORE, 0 }, { "SET 960", HEADER_MORE, 0 }, { "SEX", HEADER_NONE, 0 },
	{ "set 9600,8n1\n", HEADER_NONE, 0 }, { "SET 9600\n", HEADER_NONE, 0 },
	{ "SET \n", HEADER_NONE, 0 },
	{ "SET 9600,8n1                        ", HEADER_NONE, 0 }, { "\xc0\x01", HEADER_NONE, 0 },
};

START_TEST(a_first_line_may_set_the_line)
{
	struct line_settings s = { 0 };
	size_t len;

	ck_assert_int_eq(header_set((const uint8_t *)sets[_i].text, strlen(sets[_i].text), &s, &len),
	    sets[_i].verdict);
	ck_assert_uint_eq(s.baud, sets[_i].baud);
}
END_TEST

/* ---- telnet ---- */

struct heard {
	uint8_t data[256], reply[768];
	struct wr data_wr, reply_wr;
	struct rfc2217_ask ask[16];
	unsigned n_asks;
};

/* Feeds in pieces of `piece` bytes. */
static void
feed(struct heard *h, const void *bytes, size_t n, size_t piece)
{
	struct rfc2217 telnet = { 0 };
	const uint8_t *in = bytes;

	*h = (struct heard){ 0 };
	h->data_wr = wr_init(h->data, sizeof(h->data));
	h->reply_wr = wr_init(h->reply, sizeof(h->reply));
	for (size_t at = 0; at < n;) {
		struct rfc2217_ask ask;
		size_t now = n - at < piece ? n - at : piece;

		at += rfc2217_take(&telnet, in + at, now, &h->data_wr, &ask, &h->reply_wr);
		if (ask.command != COM_NONE)
			h->ask[h->n_asks++] = ask;
	}
	ck_assert(wr_ok(&h->data_wr) && wr_ok(&h->reply_wr));
}

#define SAME(wr, text) do { \
	ck_assert_uint_eq((wr).len, sizeof(text) - 1); \
	ck_assert_mem_eq((wr).buf, text, sizeof(text) - 1); \
} while (0)

START_TEST(data_passes_and_ff_is_doubled)
{
	struct heard h;
	uint8_t out[16];
	struct wr w = wr_init(out, sizeof(out));

	feed(&h, "a\xff\xff" "b\0\r\n", 7, 1);
	SAME(h.data_wr, "a\xff" "b\0\r\n");
	ck_assert_uint_eq(h.n_asks, 0);
	rfc2217_put(&w, (const uint8_t *)"\xff" "a\xff", 3);
	SAME(w, "\xff\xff" "a\xff\xff");
}
END_TEST

START_TEST(options_are_answered_once_per_change)
{
	struct heard h;

	/* WILL BINARY, WILL BINARY, DO BINARY, WILL COM, WONT COM, DO ECHO, WILL 31, DONT SGA */
	feed(&h,
	    "\xff\xfb\0\xff\xfb\0\xff\xfd\0\xff\xfb\x2c\xff\xfc\x2c\xff\xfd\x01\xff\xfb\x1f"
	    "\xff\xfe\x03",
	    24, 5);
	SAME(h.reply_wr, "\xff\xfd\0\xff\xfb\0\xff\xfd\x2c\xff\xfe\x2c\xff\xfc\x01\xff\xfe\x1f");
	ck_assert_uint_eq(h.data_wr.len, 0);
}
END_TEST

START_TEST(the_port_is_asked_in_order_with_the_data)
{
	/* "x", SET-BAUDRATE 0x000025ff, "y", SET-PARITY even, PURGE both, SIGNATURE empty */
	static const char in[] =
	    "x\xff\xfa\x2c\x01\0\0\x25\xff\xff\xff\xf0y\xff\xfa\x2c\x03\x03\xff\xf0"
	    "\xff\xfa\x2c\x0c\x03\xff\xf0\xff\xfa\x2c\0\xff\xf0";

	for (size_t piece = 1; piece < sizeof(in); piece++) {
		struct heard h;

		feed(&h, in, sizeof(in) - 1, piece);
		SAME(h.data_wr, "xy");
		ck_assert_uint_eq(h.n_asks, 4);
		ck_assert_int_eq(h.ask[0].command, COM_BAUDRATE);
		ck_assert_uint_eq(h.ask[0].value, 0x25ff);
		ck_assert_int_eq(h.ask[1].command, COM_PARITY);
		ck_assert_uint_eq(h.ask[1].value, 3);
		ck_assert_int_eq(h.ask[2].command, COM_PURGE);
		ck_assert_int_eq(h.ask[3].command, COM_SIGNATURE);
		ck_assert_uint_eq(h.ask[3].value, 0);
	}
}
END_TEST

START_TEST(nonsense_in_telnet_is_dropped)
{
	struct heard h;
	char longest[300];

	/* NOP, a baud rate of 3 bytes, another option's sub-negotiation, a command nobody knows */
	feed(&h,
	    "a\xff\xf1"
	    "b\xff\xfa\x2c\x01\0\0\0\xff\xf0\xff\xfa\x18\x01\xff\xf0\xff\xfa\x2c\x4d\x01\xff\xf0"
	    "c",
	    27, 3);
	ck_assert_uint_eq(h.n_asks, 0);
	SAME(h.data_wr, "abc");
	memset(longest, 'z', sizeof(longest));
	memcpy(longest, "\xff\xfa\x2c\x01", 4);
	memcpy(longest + sizeof(longest) - 3,
	    "\xff\xf0"
	    "d",
	    3);
	feed(&h, longest, sizeof(longest), 7);
	ck_assert_uint_eq(h.n_asks, 0);
	SAME(h.data_wr, "d");
}
END_TEST

START_TEST(answers_carry_the_value_in_force)
{
	uint8_t out[64];
	struct wr w = wr_init(out, sizeof(out));

	rfc2217_answer(&w, COM_BAUDRATE, 9600);
	SAME(w, "\xff\xfa\x2c\x65\0\0\x25\x80\xff\xf0");
	w = wr_init(out, sizeof(out));
	rfc2217_answer(&w, COM_MODEM_MASK, 255);
	SAME(w, "\xff\xfa\x2c\x6f\xff\xff\xff\xf0");
	w = wr_init(out, sizeof(out));
	rfc2217_answer_signature(&w, "uspd");
	SAME(w, "\xff\xfa\x2c\x64uspd\xff\xf0");
}
END_TEST

START_TEST(data_stops_at_a_full_buffer)
{
	struct rfc2217 telnet = { 0 };
	struct rfc2217_ask ask;
	uint8_t data[4], reply[16];
	struct wr d = wr_init(data, sizeof(data)), r = wr_init(reply, sizeof(reply));

	ck_assert_uint_eq(rfc2217_take(&telnet, (const uint8_t *)"abcdef", 6, &d, &ask, &r), 4);
	ck_assert(wr_ok(&d));
}
END_TEST

/* ---- admission ---- */

#define LONG_AGO INT64_MAX
static const struct {
	struct desk_view view;
	struct tcp_row row;
	enum desk_verdict verdict;
} arrivals[] = {
	{ { 0, 0, 0, true, LONG_AGO }, { .mode = MODE_REFUSE }, DESK_ADMIT },
	{ { 1, 0, 0, false, LONG_AGO }, { .mode = MODE_REFUSE }, DESK_TURN_AWAY },
	{ { 1, 1, 0, false, LONG_AGO }, { .mode = MODE_REFUSE }, DESK_ADMIT_ALONE },
	{ { 1, 1, 1, false, LONG_AGO }, { .mode = MODE_REFUSE }, DESK_TURN_AWAY },
	{ { 1, 0, 0, false, LONG_AGO }, { .mode = MODE_KICK }, DESK_ADMIT_ALONE },
	{ { 1, 0, 0, false, 4000000 }, { .mode = MODE_KICK }, DESK_TURN_AWAY },
	{ { 1, 0, 0, false, 5000000 }, { .mode = MODE_KICK }, DESK_ADMIT_ALONE },
	{ { 1, 0, 0, false, LONG_AGO }, { .mode = MODE_WAIT }, DESK_QUEUE },
	{ { 1, 0, 3, false, LONG_AGO }, { .mode = MODE_WAIT }, DESK_QUEUE },
	{ { 1, 0, 4, false, LONG_AGO }, { .mode = MODE_WAIT }, DESK_TURN_AWAY },
	{ { 1, 0, 0, true, LONG_AGO }, { .mode = MODE_SHARED, .max_clients = 2 }, DESK_ADMIT },
	{ { 2, 0, 0, true, LONG_AGO }, { .mode = MODE_SHARED, .max_clients = 2 }, DESK_TURN_AWAY },
	{ { 1, 0, 0, false, LONG_AGO }, { .mode = MODE_SHARED, .max_clients = 2 }, DESK_TURN_AWAY },
};

START_TEST(a_bus_has_one_owner_at_a_time)
{
	ck_assert_int_eq(desk_admit(&arrivals[_i].view, &arrivals[_i].row), arrivals[_i].verdict);
}
END_TEST

#define LOOP(t, name, table) tcase_add_loop_test(t, name, 0, sizeof(table) / sizeof((table)[0]))

int
main(void)
{
	Suite *suite = suite_create("transit codec");
	TCase *t = tcase_create("rows");

	tcase_add_test(t, a_row_of_port_and_type_has_the_defaults);
	tcase_add_test(t, a_row_keeps_what_it_names);
	LOOP(t, a_row_that_makes_no_sense_is_refused, bad_rows);
	LOOP(t, networks_let_in_only_their_own, networks);
	LOOP(t, the_proxy_tells_its_client, proxies);
	LOOP(t, a_first_line_may_set_the_line, sets);
	suite_add_tcase(suite, t);
	t = tcase_create("telnet");
	tcase_add_test(t, data_passes_and_ff_is_doubled);
	tcase_add_test(t, options_are_answered_once_per_change);
	tcase_add_test(t, the_port_is_asked_in_order_with_the_data);
	tcase_add_test(t, nonsense_in_telnet_is_dropped);
	tcase_add_test(t, answers_carry_the_value_in_force);
	tcase_add_test(t, data_stops_at_a_full_buffer);
	suite_add_tcase(suite, t);
	t = tcase_create("admission");
	LOOP(t, a_bus_has_one_owner_at_a_time, arrivals);
	suite_add_tcase(suite, t);
	return unit_main(suite);
}
