/* Answers from an archive, byte for byte, without sockets. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "rtu327/answer.h"
#include "tests/unit/rtu327_help.h"
#include "tests/unit/unit.h"

static struct rtu_store box;
static struct rtu327_context *ctx;
static uint8_t reply[RTU327_FRAME_MOST];
static size_t reply_len;

enum { T0 = 1616014800 };	/* 2021-03-18 00:00 in UTC+3: local midnight */

static void
setup(void)
{
	rtu_store_open(&box);
	ctx = NULL;
}

static void
teardown(void)
{
	rtu327_context_release(ctx);
	rtu_store_close(&box);
}

/* A new snapshot, after settings or meters were changed. */
static void
look_again(void)
{
	rtu_flush(&box);
	rtu327_context_release(ctx);
	ck_assert_int_eq(rtu327_context_make(&ctx, box.store), E_OK);
}

/* All that happens to a frame after its checksum was checked. */
static unsigned
ask_frame(const uint8_t *bytes, size_t n)
{
	struct rtu327_request request;
	struct rtu327_frame frame, back;
	size_t used;
	enum rtu327_result result;

	if (ctx == NULL)
		look_again();
	ck_assert_int_eq(rtu327_frame_read(bytes, n, false, &frame, &used), E_OK);
	result = rtu327_examine(ctx, &frame, &request);
	if (result == RTU327_OK)
		result = rtu327_answer(ctx, &request, reply, sizeof(reply), &reply_len);
	else
		reply_len = rtu327_refuse(ctx, frame.number, result, reply);
	ck_assert_int_eq(rtu327_frame_read(reply, reply_len, false, &back, &used), E_OK);
	ck_assert_uint_eq(used, reply_len);
	ck_assert_uint_eq(back.code, result);
	if (result != RTU327_OK)
		ck_assert_uint_eq(back.len, 0);
	return result;
}

static unsigned
ask(struct rtu327_request request)
{
	uint8_t bytes[64];
	size_t n = rtu_frame(bytes, sizeof(bytes), request, 0x1234);

	return ask_frame(bytes, n);
}

static unsigned
ask_hex(const char *hex)
{
	uint8_t bytes[64];
	size_t n = 0;
	unsigned b;

	for (; hex[0] != '\0'; hex += 2) {
		ck_assert_int_eq(sscanf(hex, "%2x", &b), 1);
		bytes[n++] = (uint8_t)b;
	}
	return ask_frame(bytes, n);
}

static void
assert_reply(const char *hex)
{
	static char text[2 * RTU327_FRAME_MOST + 1];

	for (size_t i = 0; i < reply_len; i++)
		snprintf(text + 2 * i, 3, "%02x", reply[i]);
	ck_assert_str_eq(text, hex);
}

/* Reads the data of the last reply. */
static struct rd
data(void)
{
	return rd_init(reply + 12, reply_len - RTU327_ERROR_REPLY);
}

static const struct rtu327_request lp = {
	.frame.code = RTU327_GETLP, .serial = RTU_SERIAL, .mask = 1, .time = T0, .count = 100,
};

/* ---- the order of checks ---- */

START_TEST(replies_without_an_archive_equal_the_vectors)
{
	static const struct { const char *tx, *rx; } cases[] = {
		{ "0200090001000000000000035dd1", "02000f000100000000000000303230313032d94f" },
		{ "020009000511111111000003dc79", "02000900050000000000000a5b79" },
		{ "0200090008000000000000c8eaf8", "0200090008000000000000051535" },
		{ "020009000a0000000000007a9e0a", "020009000a000000000000059e75" },
		{ "02000d000b000000000000704124407211e9", "020009000b00000000000006dbd6" },
		{ "02000e000d0000000000007099999999986983", "020009000d000000000000045635" },
		{ "020013001400000000000071412440723200d06d526089c9",
		    "0200090014000000000000060451" },
		{ "02001500180000000000006f41244072320f00286bee0a004956",
		    "0200090018000000000000020fb6" },
		{ "02001500190000000000006f41244072320f00000000000054cf",
		    "0200090019000000000000064a12" },
		{ "020013001d0000000000006b412440723200286bee011b52",
		    "020009001d000000000000024cb7" },
		{ "02001400200000000000006d4124407232d06d52600501b8d8",
		    "0200090020000000000000062d7c" },
		{ "020014002300000000000074412440723200286bee0a00ff22",
		    "020009002300000000000002e398" },
		{ "020016002700000000000069412440723201000000000001007b35",
		    "020009002700000000000005e53e" },
		{ "02000d000400000000000073ffffff7f347d", "0200090004000000000000061ed5" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ask_hex(cases[i].tx);
		assert_reply(cases[i].rx);
	}
}
END_TEST

START_TEST(first_failing_check_decides)
{
	struct rtu327_request settime = { .frame.code = RTU327_SETTIME, .delta_s = 5000 };
	struct rtu327_request unknown = lp;

	rtu_set(&box, "rtu.auth", "user,look:r,0A0B0C0D");
	look_again();
	ck_assert_uint_eq(ask_hex("0200090008000000000000c8eaf8"), RTU327_WRONG_PASSWORD);
	memcpy(settime.frame.password, "look", 4);
	ck_assert_uint_eq(ask(settime), RTU327_NO_RIGHTS);
	memcpy(settime.frame.password, "user", 4);
	ck_assert_uint_eq(ask(settime), RTU327_BAD_PARAMETERS);
	memcpy(unknown.frame.password, "\x0A\x0B\x0C\x0D", 4);
	strcpy(unknown.serial, "1");
	unknown.mask = 0xF0;
	ck_assert_uint_eq(ask(unknown), RTU327_BAD_PARAMETERS);
	unknown.mask = 0xFF;
	ck_assert_uint_eq(ask(unknown), RTU327_NO_METER);
	strcpy(unknown.serial, RTU_SILENT);
	ck_assert_uint_eq(ask(unknown), RTU327_NO_MORE_DATA);
	rtu_set(&box, "rtu.settime_enable", "0");
	look_again();
	ck_assert_uint_eq(ask(settime), RTU327_NO_RIGHTS);
}
END_TEST

START_TEST(passwords_are_read_in_both_ways_of_writing)
{
	static const struct {
		const char *text, *bytes;
		enum rtu327_rights rights;
	} cases[] = {
		{ "00000000", "\0\0\0\0", RTU327_WRITES },
		{ "ffFFffFF", "\xff\xff\xff\xff", RTU327_WRITES },
		{ "0001", "0001", RTU327_WRITES },
		{ "u", "u\0\0\0", RTU327_WRITES },
		{ "00000000:r", "\0\0\0\0", RTU327_READS },
		{ "00000000:r,00000000", "\0\0\0\0", RTU327_WRITES },
		{ "12345", "12345", RTU327_REFUSED },
		{ "zzzzzzzz", "zzzz", RTU327_REFUSED },
		{ "", "\0\0\0\0", RTU327_REFUSED },
		{ ",,", "\0\0\0\0", RTU327_REFUSED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rtu327_auth auth;

		rtu327_auth_parse(&auth, cases[i].text, true);
		ck_assert_int_eq(rtu327_auth_check(&auth, (const uint8_t *)cases[i].bytes),
		    cases[i].rights);
	}
}
END_TEST

START_TEST(empty_password_list_lets_everybody_in_only_when_told_so)
{
	struct rtu327_auth auth;

	ck_assert_uint_eq(rtu327_auth_parse(&auth, "", false), 0);
	ck_assert_int_eq(rtu327_auth_check(&auth, (const uint8_t *)"abcd"), RTU327_WRITES);
	ck_assert_uint_eq(rtu327_auth_parse(&auth, "user,toolongone", false), 1);
	ck_assert_int_eq(rtu327_auth_check(&auth, (const uint8_t *)"abcd"), RTU327_REFUSED);
}
END_TEST

/* ---- meters ---- */

START_TEST(serial_numbers_become_keys)
{
	static const struct { const char *text; uint64_t key; } cases[] = {
		{ "0010184760", 10184760 }, { "301083021", 301083021 }, { "AB-12/3", 123 },
		{ "123456789012345", 6789012345 },
	};
	uint64_t key;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert(rtu327_serial_key(cases[i].text, &key));
		ck_assert_uint_eq(key, cases[i].key);
	}
	ck_assert(!rtu327_serial_key("", &key));
	ck_assert(!rtu327_serial_key("none", &key));
}
END_TEST

START_TEST(override_wins_and_of_equal_numbers_the_first_meter_is_served)
{
	struct meter_change twin = { .row = {
		.id = 99, .type = 3, .address = "9", .iface = IFACE_2, .rtu_serial = RTU_SERIAL,
	} };
	char why[256];
	size_t failed;

	look_again();
	ck_assert_uint_eq(rtu327_context_meter(ctx, RTU_SERIAL)->id, RTU_METER);
	ck_assert_uint_eq(rtu327_context_meter(ctx, RTU_SILENT)->id, RTU_METER_SILENT);
	ck_assert_ptr_null(rtu327_context_meter(ctx, "0000000001"));
	ck_assert_uint_eq(ctx->doubles, 0);
	ck_assert_int_eq(store_meters_change(box.store, &twin, 1, &failed, why, sizeof(why)), E_OK);
	look_again();
	ck_assert_uint_eq(rtu327_context_meter(ctx, RTU_SERIAL)->id, RTU_METER);
	ck_assert_uint_eq(ctx->doubles, 1);
	ck_assert_uint_eq(ctx->double_id, 99);
}
END_TEST

START_TEST(parameters_of_a_metering_point)
{
	struct rtu327_request q = { .frame.code = RTU327_GETSHPRM, .serial = RTU_SERIAL };
	struct meter_state state = {
		.config_ts = 1600000001,
		.config = { .serial = RTU_SERIAL, .ratio_i = 20, .constant = 1000 },
	};
	struct rtu327_shprm p;
	struct rd r;

	rtu_set(&box, "rtu.no_type", "1");
	look_again();
	ck_assert_uint_eq(ask(q), RTU327_OK);
	r = data();
	rtu327_get_shprm(&r, &p);
	ck_assert(rd_done(&r));
	ck_assert_int_eq(p.version, 1);
	ck_assert_uint_eq(p.type, 100);
	ck_assert(p.ratio_i == 1.0 && p.ratio_u == 1.0 && p.multiplier == 1.0);
	ck_assert_uint_eq(p.interval_min, 30);
	ck_assert_int_eq(p.object_type, 1);
	ck_assert_int_eq(p.object, 1);
	ck_assert_int_eq(p.feeder, 1);
	rtu_set(&box, "rtu.no_type", "0");
	ck_assert_int_eq(store_state_put(box.store, box.dev, &state), E_OK);
	rtu_put_profile(&box, T0, 15, (int64_t[]){ 1, 1, 1, 1 });
	look_again();
	ck_assert_uint_eq(ask(q), RTU327_OK);
	r = data();
	rtu327_get_shprm(&r, &p);
	ck_assert(rd_done(&r));
	ck_assert_uint_eq(p.type, 15);
	ck_assert(p.ratio_i == 20.0 && p.ratio_u == 1.0 && p.multiplier == 1000.0);
	ck_assert_uint_eq(p.interval_min, 15);
}
END_TEST

/* ---- readings ---- */

START_TEST(reading_equals_the_vector)
{
	rtu_put_energy(&box, REC_EL_DAY, T0, 0, (int64_t[]){ 12345678000, 0, 321500000, RTU_NONE });
	ck_assert_uint_eq(ask_hex("02001300120000000000007141244072320fd06d52606543"), RTU327_OK);
	assert_reply("0200290012000000000000005839b4c8d61cc84000000000000000000000000000187440"
		     "000000000000f0bff889");
}
END_TEST

START_TEST(reading_is_searched_in_days_then_months_then_slices_and_by_exact_time)
{
	struct rtu327_request q = {
		.frame.code = RTU327_GETPOK, .serial = RTU_SERIAL, .mask = 3, .time = T0,
	};
	static const int64_t ones[4] = { 1000000, 1000000, 0, 0 }, twos[4] = { 2000000, 2000000, 0, 0 };
	struct rd r;

	rtu_put_energy(&box, REC_EL_MOMENT_ENERGY, T0, 0, ones);
	rtu_put_energy(&box, REC_EL_MOMENT_ENERGY, T0 + 600, 0, ones);
	rtu_put_energy(&box, REC_EL_DAY, T0, 0, twos);
	rtu_flush(&box);
	ck_assert_uint_eq(ask(q), RTU327_OK);
	r = data();
	ck_assert(rd_f64_le(&r) == 2.0);
	q.time = T0 + 600;
	ck_assert_uint_eq(ask(q), RTU327_OK);
	r = data();
	ck_assert(rd_f64_le(&r) == 1.0);
	q.time = T0 + 900;
	ck_assert_uint_eq(ask(q), RTU327_OK);
	r = data();
	ck_assert(rd_f64_le(&r) == RTU327_MISSING);
	ck_assert(rd_f64_le(&r) == RTU327_MISSING);
	ck_assert(rd_done(&r));
	rtu_set(&box, "rtu.pok_tolerance_s", "1200");
	look_again();
	ck_assert_uint_eq(ask(q), RTU327_OK);
	r = data();
	ck_assert(rd_f64_le(&r) == 1.0);
}
END_TEST

/* ---- load profile ---- */

START_TEST(profile_equals_the_vectors)
{
	rtu_put_profile(&box, T0, 30, (int64_t[]){ 500, 0, 0, 0 });
	rtu_put_profile(&box, T0 + 1800, 30, (int64_t[]){ 1000, 0, 0, 0 });
	rtu_flush(&box);
	ck_assert_uint_eq(ask_hex("02001500070000000000006f412440723201d06d52600200b5fe"), RTU327_OK);
	assert_reply("020022000700000000000000028000d8745260000000000000d03f00000000000000e03f006984");
}
END_TEST

START_TEST(profile_of_four_channels_passes_negative_values_through)
{
	rtu_put_profile(&box, T0 - 1800, 30, (int64_t[]){ 3000, 0, 250, 0 });
	rtu_put_profile(&box, T0, 30, (int64_t[]){ 3500, 0, 500, 0 });
	rtu_put_profile(&box, T0 + 1800, 30, (int64_t[]){ 4000, -20, 1000, 0 });
	rtu_flush(&box);
	ck_assert_uint_eq(ask_hex("02001500150000000000006f41244072320ff86352600300d066"), RTU327_OK);
	assert_reply(
	    "020073001500000000000000038000d8745260000000000000f83f0000000000000000000000000000c03f"
	    "000000000000000000000000000000fc3f0000000000000000000000000000d03f000000000000000000"
	    "00000000000000407b14ae47e17a84bf000000000000e03f000000000000000000c578");
}
END_TEST

/* What a profile reply says: count, last stamp, and A+ of each interval in watt-hours. */
static void
assert_lp(const struct rtu327_request *q, uint32_t last, const char *wh)
{
	char text[256] = "";
	struct rtu327_lp head;
	struct rd r;

	ck_assert_uint_eq(ask(*q), RTU327_OK);
	r = data();
	rtu327_get_lp(&r, &head);
	ck_assert(head.bit15);
	ck_assert_uint_eq(head.last, last);
	for (unsigned i = 0; i < head.count; i++) {
		struct rtu327_interval one;

		rtu327_get_interval(&r, q->mask, q->frame.code == RTU327_GETLP, &one);
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    one.stat != 0 ? "%g/%u " : "%g ", one.energy[0] < 0 ? -1.0 : one.energy[0] * 1000,
		    one.stat);
	}
	ck_assert(rd_done(&r));
	ck_assert_str_eq(text, wh);
}

static void
put_run(int64_t first, unsigned n, uint16_t period_min, int64_t watts)
{
	for (unsigned i = 0; i < n; i++)
		rtu_put_profile(&box, first + i * period_min * 60, period_min,
		    (int64_t[]){ watts, 0, 0, 0 });
	rtu_flush(&box);
}

START_TEST(profile_stops_before_a_gap_and_goes_on_after_it)
{
	struct rtu327_request q = lp;

	put_run(T0, 2, 30, 1000);
	put_run(T0 + 4 * 1800, 1, 30, 2000);
	assert_lp(&q, T0 + 1800, "500 500 ");
	q.time = T0 + 1800 + 1;
	assert_lp(&q, T0 + 4 * 1800, "1000 ");
	q.time = 0;
	q.count = 1;
	assert_lp(&q, T0, "500 ");
}
END_TEST

START_TEST(profile_fills_a_gap_only_when_told_so)
{
	struct rtu327_request q = lp;

	put_run(T0, 2, 30, 1000);
	put_run(T0 + 4 * 1800, 1, 30, 2000);
	rtu_set(&box, "rtu.lp_fill", "1");
	rtu_set(&box, "rtu.lp_gap_stat", "7");
	look_again();
	assert_lp(&q, T0 + 4 * 1800, "500 500 -1/7 -1/7 1000 ");
	q.count = 3;
	assert_lp(&q, T0 + 2 * 1800, "500 500 -1/7 ");
	q.count = 4;
	assert_lp(&q, T0 + 3 * 1800, "500 500 -1/7 -1/7 ");
}
END_TEST

START_TEST(profile_stops_where_the_interval_length_changes)
{
	struct rtu327_request q = lp;

	put_run(T0, 2, 30, 1000);
	put_run(T0 + 1800 + 900, 2, 15, 1000);
	assert_lp(&q, T0 + 1800, "500 500 ");
	q.time = T0 + 1801;
	assert_lp(&q, T0 + 1800 + 1800, "250 250 ");
}
END_TEST

START_TEST(profile_may_be_stamped_by_the_start_of_intervals)
{
	struct rtu327_request q = lp;

	put_run(T0, 3, 30, 1000);
	rtu_set(&box, "rtu.lp_start", "1");
	look_again();
	assert_lp(&q, T0 + 1800, "500 500 ");
	q.time = T0 - 1800;
	assert_lp(&q, T0 + 1800, "500 500 500 ");
}
END_TEST

START_TEST(profile_is_cut_to_what_fits)
{
	struct rtu327_request q = lp;

	put_run(T0, 60, 30, 1000);
	rtu_set(&box, "rtu.max_reply_body", "256");
	look_again();
	/* (256 - 9 - 7) / 9 = 26 intervals */
	ck_assert_uint_eq(ask(q), RTU327_OK);
	ck_assert_uint_eq(data().p[0], 26);
	q.mask = 15;
	ck_assert_uint_eq(ask(q), RTU327_OK);
	ck_assert_uint_eq(data().p[0], 7);
	ck_assert_uint_le(reply_len, 256 + RTU327_OVERHEAD);
}
END_TEST

START_TEST(markers_are_gaps_and_missing_channels_are_minus_one)
{
	struct record marker = { .type = REC_EL_PROFILE, .ts = T0 + 1800, .period_min = 30 };
	struct rtu327_request q = lp;

	rtu_put_profile(&box, T0, 30, (int64_t[]){ RTU_NONE, 2000, 0, 0 });
	rtu_put_record(&box, &marker);
	rtu_put_profile(&box, T0 + 3600, 30, (int64_t[]){ 1000, 0, 0, 0 });
	rtu_flush(&box);
	assert_lp(&q, T0, "-1 ");
}
END_TEST

START_TEST(short_profile_is_served_when_enabled_and_knows_its_interval)
{
	struct rtu327_request q = lp;

	q.frame.code = RTU327_GETSHORTLP;
	put_run(T0, 2, 30, 1000);
	ck_assert_uint_eq(ask(q), RTU327_BAD_COMMAND);
	rtu_set(&box, "rtu.shortlp", "1");
	look_again();
	assert_lp(&q, T0 + 1800, "500 500 ");
	q.count = 1;
	ck_assert_uint_eq(ask(q), RTU327_OK);
	ck_assert_uint_eq(data().end - data().p, 15);
	q.interval_min = 30;
	ck_assert_uint_eq(ask(q), RTU327_OK);
	q.interval_min = 5;
	ck_assert_uint_eq(ask(q), RTU327_WRONG_INTERVAL);
}
END_TEST

START_TEST(no_data_code_is_a_setting)
{
	rtu_set(&box, "rtu.nodata_code", "8");
	rtu_set(&box, "rtu.unknown_meter_code", "6");
	look_again();
	ck_assert_uint_eq(ask(lp), RTU327_NO_DATA);
	ck_assert_uint_eq(ask_hex("02000e000d0000000000007099999999986983"), RTU327_BAD_PARAMETERS);
}
END_TEST

/* ---- quality ---- */

START_TEST(quality_slice_equals_the_vector)
{
	static const struct { unsigned slot; int64_t milli; } values[] = {
		{ Q_PA, 1100000 }, { Q_PB, 1200000 }, { Q_PC, 1300000 }, { Q_SA, 1150000 },
		{ Q_SB, 1250000 }, { Q_SC, 1350000 }, { Q_FREQ, 50010 }, { Q_IA, 5000 }, { Q_IB, 5100 },
		{ Q_IC, 5200 }, { Q_UA, 230100 }, { Q_UB, 231200 }, { Q_UC, 229900 },
		{ Q_ANG_AB, 120000 }, { Q_ANG_AC, 240000 },
	};
	struct record r = { .type = REC_EL_MOMENT_QUALITY, .valid = true, .ts = T0 };

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		record_set(&r, values[i].slot, values[i].milli);
	rtu_put_record(&box, &r);
	r.ts += 60;
	rtu_put_record(&box, &r);
	rtu_flush(&box);
	ck_assert_uint_eq(ask_hex("020013001b0000000000006b4124407232d06d526001306d"), RTU327_OK);
	assert_reply("02008b001b00000000000000fe3f06000102d06d52609a9999999999f13f333333333333f33f"
		     "cdccccccccccf43f666666666666f23f000000000000f43f9a9999999999f53fe17a14ae47014940"
		     "00000000000014406666666666661440cdcccccccccc14403333333333c36c406666666666e66c40"
		     "cdccccccccbc6c400000000000005e400000000000006e40a655");
}
END_TEST

/* ---- fixed readings ---- */

START_TEST(fixed_reading_equals_the_vector)
{
	struct record r = { .type = REC_EL_DAY, .valid = true, .ts = T0 };

	record_set(&r, energy_slot(0, A_PLUS), 150750000);
	record_set(&r, energy_slot(1, A_PLUS), 100500000);
	record_set(&r, energy_slot(2, A_PLUS), 50250000);
	rtu_put_record(&box, &r);
	rtu_flush(&box);
	ck_assert_uint_eq(ask_hex("020014001e0000000000006d4124407232cf6d52600101b4ce"), RTU327_OK);
	assert_reply("0200cf001e0000000000000034313234343037323332d06d5260000000000020594000000000"
		     "0000f0bf00000000000000000000f0bf000000000000f0bf0000000000204940000000000000f0bf"
		     "00000000000000000000f0bf000000000000f0bf000000000000f0bf000000000000f0bf00000000"
		     "000000000000f0bf000000000000f0bf000000000000f0bf000000000000f0bf0000000000000000"
		     "0000f0bf000000000000f0bf0000000000d86240000000000000f0bf000000000000f0bf00000000"
		     "0000f0bf000000000000f0bff012");
}
END_TEST

START_TEST(days_and_months_are_merged_without_doubles)
{
	enum { DAY = 86400, MONTH = 1614546000 }; /* 2021-03-01 local midnight */
	struct rtu327_request q = {
		.frame.code = RTU327_GETAUTOREAD, .serial = RTU_SERIAL, .channel = 1, .count = 10,
		.time = MONTH - DAY,
	};
	static const int64_t v[4] = { 1000000, 0, 0, 0 };
	static const uint32_t expected[] = { MONTH, MONTH + DAY, T0 };
	struct rtu327_autoread a;
	struct rd r;

	rtu_put_energy(&box, REC_EL_MONTH, MONTH, 0, v);
	rtu_put_energy(&box, REC_EL_DAY, MONTH - DAY, 0, v);
	rtu_put_energy(&box, REC_EL_DAY, MONTH, 0, v);
	rtu_put_energy(&box, REC_EL_DAY, MONTH + DAY, 0, v);
	rtu_put_energy(&box, REC_EL_DAY, T0, 0, v);
	rtu_flush(&box);
	ck_assert_uint_eq(ask(q), RTU327_OK);
	r = data();
	for (size_t i = 0; i < 3; i++) {
		rtu327_get_autoread(&r, &a);
		ck_assert_uint_eq(a.time, expected[i]);
		ck_assert(a.total == 1.0);
		ck_assert(a.tariffs[0].energy == RTU327_MISSING);
	}
	ck_assert(rd_done(&r));
	rtu_set(&box, "rtu.autoread_inclusive", "1");
	rtu_set(&box, "rtu.autoread_reversed", "1");
	rtu_set(&box, "rtu.autoread_no_total", "1");
	look_again();
	q.count = 1;
	ck_assert_uint_eq(ask(q), RTU327_OK);
	r = data();
	rtu327_get_autoread(&r, &a);
	ck_assert_uint_eq(a.time, MONTH - DAY);
	ck_assert_str_eq(a.serial, "2327044214");
	ck_assert(a.total == RTU327_MISSING);
}
END_TEST

/* ---- events ---- */

static void
put_events(void)
{
	rtu_put_event(&box, J_PWR, T0, 0, 1);
	rtu_put_event(&box, J_PWR, T0 + 60, 1, 2);
	rtu_put_event(&box, J_TIME_CORR, T0 + 100, 0, 1);
	rtu_put_event(&box, J_TIME_CORR, T0 + 160, 1, 2);
	rtu_put_event(&box, J_RESET, T0 + 500, 0, 1);
	rtu_put_event(&box, J_RESET, T0 + 510, 1, 2);
	rtu_put_event(&box, J_PROG, T0 + 520, 0, 1);
	rtu_flush(&box);
}

START_TEST(meter_events_equal_the_vector)
{
	put_events();
	ck_assert_uint_eq(ask_hex("0200140021000000000000744124407232d06d52600a0016a3"), RTU327_OK);
	assert_reply(
	    "020027002100000000000000d06d526000000c6e52600100346e52600200706e52600300c46f52600600"
	    "e35f");
}
END_TEST

START_TEST(meter_events_may_be_grouped_and_mapped_otherwise)
{
	struct rtu327_request q = {
		.frame.code = RTU327_GETMTRLOG, .serial = RTU_SERIAL, .time = T0, .count = 6,
	};
	struct rd r;

	put_events();
	rtu_put_event(&box, J_PWR_A, T0 + 50, 0, 1);
	rtu_set(&box, "rtu.event_map", "12:0=255,2:1=-,3:0=-,nonsense");
	look_again();
	ck_assert_uint_eq(ctx->bad_map_rows, 1);
	q.count = 3;
	ck_assert_uint_eq(ask(q), RTU327_OK);
	r = data();
	for (size_t i = 0; i < 3; i++) {
		struct rtu327_event e;
		static const uint16_t by_time[] = { 0, 209, 1 };

		rtu327_get_event(&r, &e);
		ck_assert_uint_eq(e.type, by_time[i]);
	}
	rtu_set(&box, "rtu.mtrlog_by_journal", "1");
	look_again();
	q.count = 100;
	ck_assert_uint_eq(ask(q), RTU327_OK);
	r = data();
	for (size_t i = 0; i < 5; i++) {
		struct rtu327_event e;
		static const uint16_t grouped[] = { 0, 1, 2, 209, 255 };

		rtu327_get_event(&r, &e);
		ck_assert_uint_eq(e.type, grouped[i]);
	}
	ck_assert(rd_done(&r));
}
END_TEST

START_TEST(own_journal_is_paged_by_id_and_mapped)
{
	struct rtu327_request max = { .frame.code = RTU327_GETMAXLOGID, .section = 1 };
	struct rtu327_request log = { .frame.code = RTU327_GETLOG, .section = 1, .count = 2 };
	static const char *const rows[] = {
		"{\"code\":1}", "{\"code\":77}", "{\"code\":2}", "{\"code\":3}", "{\"code\":5}",
	};
	struct rtu327_log l;
	struct rd r;

	ck_assert_uint_eq(ask(max), RTU327_OK);
	ck_assert_uint_eq(data().p[0], 0);
	ck_assert_uint_eq(ask(log), RTU327_NO_MORE_DATA);
	for (size_t i = 0; i < 5; i++)
		ck_assert_int_eq(store_journal_add(box.store, DJ_RTU, T0 + (int64_t)i, rows[i]), E_OK);
	rtu_flush(&box);
	ck_assert_uint_eq(ask(max), RTU327_OK);
	ck_assert_uint_eq(data().p[0], 5);
	ck_assert_uint_eq(ask(log), RTU327_OK);
	r = data();
	rtu327_get_log(&r, &l);
	ck_assert_uint_eq(l.id, 1);
	ck_assert_uint_eq(l.code, 1);
	ck_assert_uint_eq(l.time, T0);
	rtu327_get_log(&r, &l);
	ck_assert_uint_eq(l.id, 3);
	ck_assert_uint_eq(l.code, 2);
	ck_assert(rd_done(&r));
	rtu_set(&box, "rtu.log_map", "5=300,3=-");
	look_again();
	log.id = 3;
	ck_assert_uint_eq(ask(log), RTU327_OK);
	r = data();
	rtu327_get_log(&r, &l);
	ck_assert_uint_eq(l.id, 5);
	ck_assert_uint_eq(l.code, 300);
	ck_assert(rd_done(&r));
	log.id = 5;
	ck_assert_uint_eq(ask(log), RTU327_NO_MORE_DATA);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rtu327_answer");
	TCase *tcase = tcase_create("answer");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, replies_without_an_archive_equal_the_vectors);
	tcase_add_test(tcase, first_failing_check_decides);
	tcase_add_test(tcase, passwords_are_read_in_both_ways_of_writing);
	tcase_add_test(tcase, empty_password_list_lets_everybody_in_only_when_told_so);
	tcase_add_test(tcase, serial_numbers_become_keys);
	tcase_add_test(tcase, override_wins_and_of_equal_numbers_the_first_meter_is_served);
	tcase_add_test(tcase, parameters_of_a_metering_point);
	tcase_add_test(tcase, reading_equals_the_vector);
	tcase_add_test(tcase, reading_is_searched_in_days_then_months_then_slices_and_by_exact_time);
	tcase_add_test(tcase, profile_equals_the_vectors);
	tcase_add_test(tcase, profile_of_four_channels_passes_negative_values_through);
	tcase_add_test(tcase, profile_stops_before_a_gap_and_goes_on_after_it);
	tcase_add_test(tcase, profile_fills_a_gap_only_when_told_so);
	tcase_add_test(tcase, profile_stops_where_the_interval_length_changes);
	tcase_add_test(tcase, profile_may_be_stamped_by_the_start_of_intervals);
	tcase_add_test(tcase, profile_is_cut_to_what_fits);
	tcase_add_test(tcase, markers_are_gaps_and_missing_channels_are_minus_one);
	tcase_add_test(tcase, short_profile_is_served_when_enabled_and_knows_its_interval);
	tcase_add_test(tcase, no_data_code_is_a_setting);
	tcase_add_test(tcase, quality_slice_equals_the_vector);
	tcase_add_test(tcase, fixed_reading_equals_the_vector);
	tcase_add_test(tcase, days_and_months_are_merged_without_doubles);
	tcase_add_test(tcase, meter_events_equal_the_vector);
	tcase_add_test(tcase, meter_events_may_be_grouped_and_mapped_otherwise);
	tcase_add_test(tcase, own_journal_is_paged_by_id_and_mapped);
	suite_add_tcase(suite, tcase);
	return unit_main(suite);
}
