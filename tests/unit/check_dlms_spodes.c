/* The СПОДЭС family over the scripted line: what is asked, and what becomes of the answers. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "meters/dlms/spodes.h"
#include "tests/unit/dlms_help.h"
#include "tests/unit/unit.h"

enum { RECORDS_MAX = 64, ZONE_S = 10800 };

static struct dlms_script script;
static struct meter_session session;
static struct line *line;
static struct record records[RECORDS_MAX];
static struct meter_config config;
static unsigned n_records;

static int
keep(struct sink *sink, const struct record *r)
{
	(void)sink;
	ck_assert_uint_lt(n_records, RECORDS_MAX);
	records[n_records++] = *r;
	return E_OK;
}

static struct sink sink = { keep };

/* ---- the conversation ---- */

/* Connects as a reader of a meter that knows lists. */
static void
begin(void)
{
	dlms_script_begin(&script);
	dlms_script_connect(&script, false);
	dlms_script_reader(&script, 0x001a1d, 0);
	n_records = 0;
}

static void
open_line(void)
{
	ck_assert_int_eq(line_open_script(&line, script.steps, script.n), E_OK);
	ck_assert_int_eq(
	    line_configure(line, &spodes_family.settings, &spodes_family.timing, SOFT_NONE), E_OK);
	session.line = line;
	session.type = 36;
	session.zone.offset_s = ZONE_S;
	snprintf(session.address_text, sizeof(session.address_text), "16");
	memcpy(session.password_read, "111111", 6);
	session.password_read_len = 6;
}

static void
start(void)
{
	open_line();
	ck_assert_int_eq(spodes_family.open(&session), E_OK);
	session.is_open = true;
}

static void
finish(void)
{
	dlms_client_finish(line, &script);
}

static void
new_meter(void)
{
	memset(&session, 0, sizeof(session));
}

#define DAY_COLUMNS_RX \
	"C401C100 0104" \
	"0204 120008 0906 0000010000FF 0F02 120000" \
	"0204 120003 0906 0100010801FF 0F02 120000" \
	"0204 120003 0906 0100010800FF 0F02 120000" \
	"0204 120003 0906 0100030800FF 0F02 120000"
#define LOAD_COLUMNS_RX \
	"C401C100 0103" \
	"0204 120008 0906 0000010000FF 0F02 120000" \
	"0204 120003 0906 0100011D00FF 0F02 120000" \
	"0204 120003 0906 0100031D00FF 0F02 120000"

static void
script_day_columns(void)
{
	dlms_script_apdu(&script, "C001C100070100620200FF0300", DAY_COLUMNS_RX);
	dlms_script_apdu(&script,
	    "C003C103 00030100010801FF0300 00030100010800FF0300 00030100030800FF0300",
	    "C403C103 00 02020F00161E 00 02020F00161E 00 02020FFF1620");
}

static void
script_load_columns(void)
{
	dlms_script_apdu(&script, "C001C100070100630100FF0300", LOAD_COLUMNS_RX);
	dlms_script_apdu(&script, "C003C102 000301 00011D00FF0300 00030100031D00FF0300",
	    "C403C102 00 02020F00161E 00 02020F001620");
	dlms_script_apdu(&script, "C001C100070100630100FF0400", "C401C1000600000708");
}

static int64_t
local(int year, int month, int day, int hour, int minute, int second)
{
	const struct civil t = { year, month, day, hour, minute, second };

	return civil_to_utc((struct zone){ ZONE_S, false }, &t, SEASON_UNKNOWN);
}

static int
read(enum record_type type, int64_t from, int64_t to)
{
	const struct query q = { .type = type, .from = from, .to = to };

	return spodes_family.read(&session, &q, &sink);
}

static int
read_journal(unsigned code)
{
	const struct query q = { .type = REC_EL_JOURNAL, .journal = (uint16_t)code };

	return spodes_family.read(&session, &q, &sink);
}

/* Range request of a profile; from and to as 12 octets in hex. */
static const char *
range(const char *object, const char *from, const char *to)
{
	static char bufs[8][256];
	static unsigned next;
	char *buf = bufs[next++ % 8];

	snprintf(buf, 256,
	    "C001C10007%s0201010204 0204120008 09060000010000FF 0F02 120000 090C%s 090C%s 0100", object,
	    from, to);
	return buf;
}

/* ---- options ---- */

START_TEST(addresses_and_options_are_understood)
{
	static const struct { const char *text; uint8_t octets[4], len; } rows[] = {
		{ "16", { 0x02, 0x21 }, 2 }, { "1:16", { 0x02, 0x21 }, 2 }, { "1:16/4", { 0x00, 0x02,
		0x00, 0x21 }, 4 },
		{ "1388", { 0x00, 0x02, 0x14, 0xd9 }, 4 }, { "1", { 0x03 }, 1 }, { "1:1", { 0x02,
		0x03 }, 2 },
		{ "20;transport=wrapper;rows=10", { 0x02, 0x29 }, 2 }, { "16;model=mercury", { 0x02,
		0x21 }, 2 },
	};
	static const char *const bad[] = { "x", "1:", "1:2:3", "99999", "16;", "16;rows",
		"16;rows=0",
		"16;rows=999", "16;model=none", "16;title=00", "16/3", "16;auth_wr=hls", "200/2" };
	struct spodes_options o;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ck_assert_int_eq(spodes_options(&o, 36, rows[i].text), E_OK);
		ck_assert_uint_eq(o.server.len, rows[i].len);
		ck_assert_mem_eq(o.server.octets, rows[i].octets, rows[i].len);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ck_assert_msg(spodes_options(&o, 36, bad[i]) == E_INVALID, "%s", bad[i]);
	ck_assert_int_eq(spodes_options(&o, 36,
			     "5;transport=wrapper;auth_wr=gmac-enc;title=0102030405060708"
			     ";hdlc_info=128;day_stamp=end"),
	    E_OK);
	ck_assert_uint_eq(o.transport, DLMS_WRAPPER);
	ck_assert_uint_eq(o.auth_wr, AUTH_GMAC_ENC);
	ck_assert_uint_eq(o.title[7], 8);
	ck_assert_uint_eq(o.info, 128);
	ck_assert_uint_eq(o.day_stamp, STAMP_END);
	ck_assert_int_eq(spodes_options(&o, 36, ""), E_OK);
	ck_assert_uint_eq(o.transport, DLMS_WRAPPER);
	ck_assert_int_eq(spodes_options(&o, 36, ";auth=gmac"), E_OK);
	ck_assert_uint_eq(o.auth_rd, AUTH_GMAC);
	ck_assert_uint_eq(o.auth_wr, AUTH_GMAC);
	ck_assert_int_eq(spodes_family.check_address("16"), E_OK);
	ck_assert_int_eq(spodes_family.check_address("10.0.0.1:4059"), E_INVALID);
}
END_TEST

/* ---- opening ---- */

START_TEST(a_silent_meter_costs_one_exchange_and_the_ways_take_turns)
{
	new_meter();
	for (unsigned way = 0; way < 4; way++) {
		dlms_script_begin(&script);
		if (way & 1)
			dlms_script_silence(&script, HDLC_DISC, NULL);
		dlms_script_connect(&script, way >= 2);
		script.steps[script.n - 1].rx_len = 0;
		open_line();
		ck_assert_int_eq(spodes_family.open(&session), E_TIMEOUT);
		finish();
	}
	/* What worked is remembered. */
	dlms_script_begin(&script);
	dlms_script_connect(&script, false);
	dlms_script_reader(&script, 0x001a1d, 512);
	start();
	finish();
	ck_assert_uint_ne(spodes_memory(&session)->facts & FACT_PARAMETERS, 0);
	ck_assert_uint_eq(spodes_memory(&session)->try, 0);
}
END_TEST

START_TEST(writing_without_a_password_is_refused_before_the_wire)
{
	new_meter();
	dlms_script_begin(&script);
	open_line();
	session.writing = true;
	ck_assert_int_eq(spodes_family.open(&session), E_DENIED);
	finish();
}
END_TEST

/* ---- identity ---- */

START_TEST(the_passport_and_the_columns_describe_the_meter)
{
	new_meter();
	begin();
	dlms_script_apdu(&script,
	    "C003C10A 00010000600100FF0200 00010000600101FF0200 00010000600102FF0200 00010000600108F"
	    "F0200"
	    "000100002A0000FF0200 00010100000402FF0200 00010100000403FF0200 00030100000300FF0200"
	    "00080000010000FF0800 00460000 60030AFF0400",
	    "C403C10A 00 090C303030303030313233343536 00 0909D0E8CC3438392E3338 00 0A03312E32 0104"
	    "00 091053494D30303030303030313233343536 00 120028 00 120001 00 06000003E8 00 0300 00 16"
	    "04");
	script_load_columns();
	script_day_columns();
	dlms_script_apdu(&script,
	    "C003C103 00070100630100FF0800 00070100620200FF0800 00070100620100FF0800",
	    "C403C103 00 0600002240 00 060000007B 0104");
	start();
	ck_assert_int_eq(spodes_family.identify(&session, &config), E_OK);
	finish();
	ck_assert_str_eq(config.serial, "000000123456");
	ck_assert_str_eq(config.model, "РиМ489.38");
	ck_assert_str_eq(config.firmware, "1.2");
	ck_assert_uint_eq(config.ratio_i, 0x28);
	ck_assert_uint_eq(config.constant, 1000);
	ck_assert_uint_eq(config.period_min, 30);
	ck_assert_uint_eq(config.profile_depth, 0x2240);
	ck_assert_uint_eq(config.day_depth, 123);
	ck_assert_uint_eq(config.tariffs, 1);
	ck_assert_int_eq(config.is_r_plus, 1);
	ck_assert_int_eq(config.is_a_minus, 0);
	ck_assert_int_eq(config.is_dst, 0);
	ck_assert_uint_eq(config.relays, 1);
}
END_TEST

/* ---- archives ---- */

START_TEST(a_day_is_read_by_range_and_columns_are_asked_once)
{
	static const char from[] = "07EA0B14FF00000000800000", to[] = "07EA0B14FF003B3B00800000";
	int64_t day = local(2026, 11, 20, 0, 0, 0);

	new_meter();
	begin();
	script_day_columns();
	dlms_script_apdu(&script, range("0100620200FF", from, to),
	    "C401C100 0101 0204 090C07EA0B1405000000 00 FF4C 00 0600001F40 0600003039 0600001770");
	dlms_script_apdu(&script, range("0100620200FF", from, to), "C401C100 0100");
	start();
	ck_assert_int_eq(read(REC_EL_DAY, day, day), E_OK);
	ck_assert_uint_eq(n_records, 1);
	ck_assert_int_eq(records[0].ts, day);
	ck_assert_int_eq(records[0].v[energy_slot(1, A_PLUS)], 8000000);
	ck_assert_int_eq(records[0].v[energy_slot(0, A_PLUS)], 12345000);
	ck_assert_int_eq(records[0].v[energy_slot(0, R_PLUS)], 600000); /* scaler -1 */
	ck_assert(!record_has(&records[0], energy_slot(0, A_MINUS)));
	ck_assert_int_eq(read(REC_EL_DAY, day, day), E_OK);
	ck_assert_uint_eq(n_records, 1);
	finish();
}
END_TEST

START_TEST(slices_are_labelled_by_their_end_and_parts_are_joined)
{
	int64_t from = local(2026, 11, 19, 0, 30, 0), to = local(2026, 11, 19, 1, 30, 0);

	new_meter();
	begin();
	script_load_columns();
	dlms_script_apdu(&script,
	    range("0100630100FF", "07EA0B13FF00000100800000", "07EA0B13FF011E0000800000"),
	    "C401C100 0104"
	    "0203 090C07EA0B13FF001E0000800000 06000000C8 0600000064"
	    "0203 090C07EA0B13FF002D0000800000 0600000032 0600000000"
	    "0203 090C07EA0B13FF01000000800000 0600000032 0600000001"
	    "0203 090C07EA0B13FF011E0000800001 0600000001 00");
	start();
	ck_assert_int_eq(read(REC_EL_PROFILE, from, to), E_OK);
	finish();
	ck_assert_uint_eq(n_records, 3);
	ck_assert_int_eq(records[0].ts, from);
	ck_assert_int_eq(records[0].v[P_PLUS], 400000);
	ck_assert_int_eq(records[0].v[Q_PLUS], 200000);
	ck_assert_uint_eq(records[0].flags, PROFILE_MEASURED);
	ck_assert_int_eq(records[1].ts, local(2026, 11, 19, 1, 0, 0));
	ck_assert_int_eq(records[1].v[P_PLUS], 200000);
	ck_assert_uint_eq(records[1].flags, PROFILE_MEASURED | PROFILE_PARTIAL);
	ck_assert_uint_eq(records[2].flags, 0); /* the meter says the time is invalid */
	ck_assert_int_eq(records[2].v[Q_PLUS], 2000); /* null: as in the row before */
	ck_assert(!record_has(&records[0], P_MINUS));
}
END_TEST

START_TEST(a_meter_without_ranges_is_read_by_entries)
{
	int64_t from = local(2026, 11, 19, 0, 30, 0), to = local(2026, 11, 19, 1, 0, 0);

	new_meter();
	begin();
	script_load_columns();
	dlms_script_apdu(&script,
	    range("0100630100FF", "07EA0B13FF00000100800000", "07EA0B13FF01000000800000"),
	    "C401C10103");
	dlms_script_apdu(&script, "C001C100070100630100FF0700", "C401C1000600000064");
	dlms_script_apdu(&script, "C001C100070100630100FF0500", "C401C1001601");
	dlms_script_apdu(&script,
	    "C001C100070100630100FF0201020204 0600000064 0600000064 120001 120000",
	    "C401C100 0101 0203 090C07EA0B13FF011E0000800000 0600000001 0600000000");
	dlms_script_apdu(&script,
	    "C001C100070100630100FF0201020204 0600000060 0600000063 120001 120000",
	    "C401C100 0102"
	    "0203 090C07EA0B13FF001E0000800000 06000000C8 0600000064"
	    "0203 090C07EA0B13FF01000000800000 0600000032 0600000001");
	start();
	ck_assert_int_eq(read(REC_EL_PROFILE, from, to), E_OK);
	finish();
	ck_assert_uint_eq(n_records, 2);
	ck_assert_int_eq(records[1].v[P_PLUS], 100000);
	ck_assert_uint_eq(spodes_memory(&session)->load.by_entry, 1);
}
END_TEST

START_TEST(changed_columns_are_learned_anew)
{
	static const char from[] = "07EA0B14FF00000000800000", to[] = "07EA0B14FF003B3B00800000";
	int64_t day = local(2026, 11, 20, 0, 0, 0);

	new_meter();
	spodes_memory(&session)->day = (struct spodes_profile){ .known = SPODES_KNOWN,
		.n = 2,
		.period_s = 86400 };
	spodes_memory(&session)->day_what[0] = WHAT_CLOCK;
	begin();
	dlms_script_apdu(&script, range("0100620200FF", from, to),
	    "C401C100 0101 0204 090C07EA0B1405000000 00 FF4C 00 0600001F40 0600003039 0600001770");
	script_day_columns();
	dlms_script_apdu(&script, range("0100620200FF", from, to),
	    "C401C100 0101 0204 090C07EA0B1405000000 00 FF4C 00 0600001F40 0600003039 0600001770");
	start();
	ck_assert_int_eq(read(REC_EL_DAY, day, day), E_OK);
	finish();
	ck_assert_uint_eq(n_records, 1);
	ck_assert_int_eq(records[0].v[energy_slot(0, A_PLUS)], 12345000);
}
END_TEST

START_TEST(a_profile_the_meter_lacks_is_unsupported)
{
	new_meter();
	begin();
	dlms_script_apdu(&script, "C001C100070100620100FF0300", "C401C10104");
	start();
	ck_assert_int_eq(read(REC_EL_MONTH, local(2026, 11, 1, 0, 0, 0), local(2026, 11, 1, 0, 0, 0)),
	    E_UNSUPPORTED);
	ck_assert_int_eq(read(REC_EL_MONTH, local(2026, 11, 1, 0, 0, 0), local(2026, 11, 1, 0, 0, 0)),
	    E_UNSUPPORTED);
	finish();
}
END_TEST

START_TEST(the_registers_of_the_day_profile_are_read_now)
{
	new_meter();
	begin();
	script_day_columns();
	dlms_script_apdu(&script,
	    "C003C103 00030100010801FF0200 00030100010800FF0200 00030100030800FF0200",
	    "C403C103 00 0600001F40 00 1500000000 00003039 0104");
	start();
	ck_assert_int_eq(read(REC_EL_MOMENT_ENERGY, 0, 0), E_OK);
	finish();
	ck_assert_uint_eq(n_records, 1);
	ck_assert_int_eq(records[0].v[energy_slot(0, A_PLUS)], 12345000);
	ck_assert(!record_has(&records[0], energy_slot(0, R_PLUS)));
}
END_TEST

START_TEST(current_values_are_captured_and_read)
{
	new_meter();
	begin();
	dlms_script_apdu(&script, "C001C1000701005E0700FF0300",
	    "C401C100 0103 0204 120008 0906 0000010000FF 0F02 120000"
	    "0204 120003 0906 01000C0700FF 0F02 120000 0204 120003 0906 0100010700FF 0F02 120000");
	dlms_script_apdu(&script, "C003C102 0003 01000C0700FF0300 00030100010700FF0300",
	    "C403C102 00 02020FFF1623 00 02020F00161B");
	dlms_script_apdu(&script, "C301C1000701005E0700FF02010F00", "C701C10000");
	dlms_script_apdu(&script, "C001C1000701005E0700FF0200",
	    "C401C100 0101 0203 090C07EA0B14050C000000FF4C00 1208FD 05FFFFFF38");
	start();
	ck_assert_int_eq(read(REC_EL_MOMENT_QUALITY, 0, 0), E_OK);
	finish();
	ck_assert_uint_eq(n_records, 1);
	ck_assert_int_eq(records[0].v[Q_UA], 230100);
	ck_assert_int_eq(records[0].v[Q_PS], -200000);
	ck_assert_int_eq(records[0].v[Q_PA], -200000); /* the only phase there is */
}
END_TEST

/* ---- journals ---- */

#define LOG_COLUMNS_RX \
	"C401C100 0103 0204 120008 0906 0000010000FF 0F02 120000" \
	"0204 120001 0906 0000600B00FF 0F02 120000 0204 120003 0906 0000600800FF 0F02 120000"

START_TEST(one_log_serves_several_journals)
{
	new_meter();
	begin();
	dlms_script_apdu(&script, "C001C100070000636202FF0300", LOG_COLUMNS_RX);
	dlms_script_apdu(&script, "C001C100070000636202FF0700", "C401C1000600000003");
	/* The end of the range follows the clock of this machine: any request will do. */
	dlms_script_apdu(&script, "C0", "C401C100 0103"
	    "0203 090C07EA0B0B030A000000FF4C00 1101 060000000A"
	    "0203 090C07EA0B0B030A280000FF4C00 1102 060000000A"
	    "0203 090C07EA0B0F0701280000FF4C00 1103 060000000B");
	script.steps[script.n - 1].tx = NULL;
	start();
	ck_assert_int_eq(read_journal(J_PWR), E_OK);
	ck_assert_uint_eq(n_records, 3);
	ck_assert_int_eq(records[0].ts, local(2026, 11, 11, 10, 0, 0));
	ck_assert_int_eq(records[0].v[J_EVENT], 0);
	ck_assert_int_eq(records[0].v[J_EVENT_ID], 2001);
	ck_assert_uint_eq(records[0].journal, J_PWR);
	ck_assert_uint_eq(records[2].journal, J_RELAY);
	ck_assert_int_eq(read_journal(J_PWR), E_OK);	/* nothing new: nothing is asked */
	ck_assert_int_eq(read_journal(J_RELAY), E_OK);
	ck_assert_uint_eq(n_records, 3);
	finish();
}
END_TEST

START_TEST(a_log_the_meter_lacks_is_unsupported_once_and_for_all)
{
	new_meter();
	begin();
	dlms_script_apdu(&script, "C001C100070000636209FF0300", "C401C10104");
	start();
	ck_assert_int_eq(read_journal(J_LIM_F_MAX), E_UNSUPPORTED);
	ck_assert_int_eq(read_journal(J_LIM_F_MIN), E_UNSUPPORTED);
	finish();
}
END_TEST

START_TEST(status_words_begin_and_end_limits)
{
	struct spodes_event e[SPODES_EVENTS_MOST];

	ck_assert_uint_eq(spodes_events(LOG_QUALITY, 0x40, 0, false, e), 1);
	ck_assert_uint_eq(e[0].journal, J_LIM_F_MAX);
	ck_assert_uint_eq(e[0].event, 1);
	ck_assert_uint_eq(e[0].id, 9064);
	ck_assert_uint_eq(spodes_events(LOG_QUALITY, 0x40, 0x40, false, e), 0);
	ck_assert_uint_eq(spodes_events(LOG_QUALITY, 0x01, 0x40, false, e), 1);
	ck_assert_uint_eq(e[0].event, 0);
	ck_assert_uint_eq(spodes_events(LOG_QUALITY, 0x10, 0x40, false, e), 2);
	ck_assert_uint_eq(spodes_events(LOG_PROGRAM, 3, 0, true, e), 0);
	ck_assert_uint_eq(spodes_events(LOG_PROGRAM, 120, 0, true, e), 0);
}
END_TEST

/* ---- orders ---- */

START_TEST(the_clock_is_read_and_shifted)
{
	int64_t utc;

	new_meter();
	begin();
	dlms_script_apdu(&script, "C001C100080000010000FF0200", "C401C100090C07EA0B140514292900FF4C00");
	start();
	ck_assert_int_eq(spodes_family.clock_get(&session, &utc), E_OK);
	ck_assert_int_eq(utc, local(2026, 11, 20, 20, 41, 41));
	ck_assert_int_eq(spodes_memory(&session)->deviation, -180);
	finish();
	/* Far away: a shift is not even tried. */
	begin();
	dlms_script_apdu(&script, "C001C100080000010000FF0200", "C401C100090C07EA0B140514292900FF4C00");
	start();
	ck_assert_int_eq(spodes_family.clock_correct(&session, 0), E_REFUSED);
	finish();
}
END_TEST

START_TEST(the_relay_follows_or_waits_for_its_button)
{
	bool on;

	new_meter();
	begin();
	dlms_script_apdu(&script, "C001C10046000060030AFF0400", "C401C1001601");
	dlms_script_apdu(&script, "C301C10046000060030AFF02010F00", "C701C10000");
	dlms_script_apdu(&script, "C001C10046000060030AFF0300", "C401C1001602");
	dlms_script_apdu(&script, "C001C10046000060030AFF0300", "C401C1001602");
	dlms_script_apdu(&script, "C001C10046000060030AFF0400", "C401C1001600");
	start();
	ck_assert_int_eq(spodes_family.relay_set(&session, 1, true), E_REFUSED);
	ck_assert_int_eq(spodes_family.relay_get(&session, 1, &on), E_OK);
	ck_assert(!on);
	ck_assert_int_eq(spodes_family.relay_set(&session, 1, true), E_UNSUPPORTED);
	ck_assert_int_eq(spodes_family.relay_get(&session, 2, &on), E_UNSUPPORTED);
	finish();
}
END_TEST

static const struct calendar_switch switches[] = {
	{ 1, 0, 0, 0, { 0, 0, 10, 0, 100, 255 }, 2 },
	{ 1, 7, 0, 0, { 0, 0, 10, 0, 100, 255 }, 1 },
	{ 2, 0, 0, 0, { 0, 0, 10, 0, 100, 255 }, 2 },
};
#define DAYS_DATA \
	"0102 0202 1101 0102 0203 090400000000 090600000A0064FF 120002" \
	"0203 090407000000 090600000A0064FF 120001" \
	"0202 1102 0101 0203 090400000000 090600000A0064FF 120002"

START_TEST(the_calendar_is_written_read_back_and_activated)
{
	struct calendar c = { .n_switches = 3 }, back = { 0 };

	memcpy(c.switches, switches, sizeof(switches));
	c.n_seasons = 1;
	c.seasons[0] = (struct calendar_season){ { 1, { 1 } }, { 1, { 1 } }, local(2026, 1, 1, 0, 0, 0),
	    0 };
	new_meter();
	begin();
	dlms_script_apdu(&script, "C101C1001400000D0000FF0900" DAYS_DATA, "C501C100");
	dlms_script_apdu(&script, "C001C1001400000D0000FF0900", "C401C100" DAYS_DATA);
	dlms_script_apdu(&script,
	    "C101C1001400000D0000FF070001010203090101 090CFFFF0101FF00000000800000 090101", "C501C100");
	dlms_script_apdu(&script, "C001C1001400000D0000FF0700",
	    "C401C10001010203090101 090CFFFF0101FF00000000800000 090101");
	dlms_script_apdu(&script, "C001C1001400000D0000FF0500", "C401C100" DAYS_DATA);
	dlms_script_apdu(&script, "C301C1001400000D0000FF01010F00", "C701C10000");
	start();
	ck_assert_int_eq(spodes_family.calendar_set(&session, CALENDAR_DAYS, &c), E_OK);
	ck_assert_int_eq(spodes_family.calendar_set(&session, CALENDAR_SEASONS, &c), E_OK);
	ck_assert_int_eq(spodes_family.calendar_get(&session, CALENDAR_DAYS, false, &back), E_OK);
	ck_assert_uint_eq(back.n_switches, 3);
	ck_assert_mem_eq(back.switches, switches, sizeof(switches));
	ck_assert_int_eq(spodes_family.calendar_set(&session, CALENDAR_ACTIVATE, &c), E_OK);
	c.switches[1].hour = 0;		/* two at midnight */
	ck_assert_int_eq(spodes_family.calendar_set(&session, CALENDAR_DAYS, &c), E_INVALID);
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("spodes");
	TCase *tc = tcase_create("spodes");

	tcase_add_test(tc, addresses_and_options_are_understood);
	tcase_add_test(tc, a_silent_meter_costs_one_exchange_and_the_ways_take_turns);
	tcase_add_test(tc, writing_without_a_password_is_refused_before_the_wire);
	tcase_add_test(tc, the_passport_and_the_columns_describe_the_meter);
	tcase_add_test(tc, a_day_is_read_by_range_and_columns_are_asked_once);
	tcase_add_test(tc, slices_are_labelled_by_their_end_and_parts_are_joined);
	tcase_add_test(tc, a_meter_without_ranges_is_read_by_entries);
	tcase_add_test(tc, changed_columns_are_learned_anew);
	tcase_add_test(tc, a_profile_the_meter_lacks_is_unsupported);
	tcase_add_test(tc, the_registers_of_the_day_profile_are_read_now);
	tcase_add_test(tc, current_values_are_captured_and_read);
	tcase_add_test(tc, one_log_serves_several_journals);
	tcase_add_test(tc, a_log_the_meter_lacks_is_unsupported_once_and_for_all);
	tcase_add_test(tc, status_words_begin_and_end_limits);
	tcase_add_test(tc, the_clock_is_read_and_shifted);
	tcase_add_test(tc, the_relay_follows_or_waits_for_its_button);
	tcase_add_test(tc, the_calendar_is_written_read_back_and_activated);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
