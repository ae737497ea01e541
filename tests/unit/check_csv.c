/* The meter table as a file, its columns, the plan of an import, and the texts around them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/csv.h"
#include "smart-json/when.h"
#include "tests/unit/unit.h"

static struct meter_import import;

static void
setup(void)
{
	memset(&import, 0, sizeof(import));
}

static void
teardown(void)
{
	import_free(&import);
}

static void
read_text(const char *text)
{
	ck_assert_int_eq(csv_read(&import, text, strlen(text)), E_OK);
}

static void
assert_error(unsigned line, enum meter_column column, const char *part)
{
	for (size_t i = 0; i < import.n_notes; i++)
		if (import.notes[i].error && import.notes[i].line == line &&
		    import.notes[i].column == column && strstr(import.notes[i].text, part) != NULL)
			return;
	ck_abort_msg("no error in line %u, column %d with \"%s\"", line, (int)column, part);
}

/* ---- reading ---- */

static const struct { const char *what, *text; } same_files[] = {
	{ "semicolons", "id;type;addr;iface;note\n6;Mercury23x;72;Iface1;кв. 12\n" },
	{ "commas", "id,type,addr,iface,note\n6,Mercury23x,72,Iface1,кв. 12\n" },
	{ "tabs", "id\ttype\taddr\tiface\tnote\n6\tMercury23x\t72\tIface1\tкв. 12\n" },
	{ "a BOM and CRLF",
	    "\xef\xbb\xbfid;type;addr;iface;note\r\n6;Mercury23x;72;Iface1;кв. 12\r\n" },
	{ "old Mac line ends", "id;type;addr;iface;note\r6;Mercury23x;72;Iface1;кв. 12\r" },
	{ "no last line end", "id;type;addr;iface;note\n6;Mercury23x;72;Iface1;кв. 12" },
	{ "a told separator", "sep=,\nid,type,addr,iface,note\n6,Mercury23x,72,Iface1,кв. 12\n" },
	{ "Russian names", "ID;Тип;Адрес;Интерфейс;Примечание\n6;Mercury23x;72;Iface1;кв. 12\n" },
	{ "any case", "Id;ТИП;аДРЕС;интерфейс;NOTE\n6;mercury23X;72;iface1;кв. 12\n" },
	{ "another order", "note;iface;addr;type;id\nкв. 12;Iface1;72;Mercury23x;6\n" },
	{ "quotes",
	    "\"id\";\"type\";addr;iface;note\n\"6\";\"Mercury23x\";\"72\";Iface1;\"кв. 12\"\n" },
	{ "a number for the type", "id;type;addr;iface;note\n6;3;72;1;кв. 12\n" },
	{ "Windows-1251", "id;type;addr;iface;note\n6;Mercury23x;72;Iface1;\xea\xe2. 12\n" },
	{ "Russian names in 1251",
	    "ID;\xd2\xe8\xef;\xc0\xe4\xf0\xe5\xf1;\xc8\xed\xf2\xe5\xf0\xf4\xe5\xe9\xf1;"
	    "\xcf\xf0\xe8\xec\xe5\xf7\xe0\xed\xe8\xe5\n"
	    "6;Mercury23x;72;Iface1;\xea\xe2. 12\n" },
	{ "empty lines and cells behind",
	    "id;type;addr;iface;note;;\n\n6;Mercury23x;72;Iface1;кв. 12;;\n;;;;;;\n" },
	{ "blanks around", " id ; type;addr ;iface;note\n 6 ;Mercury23x; 72;Iface1 ;кв. 12 \n" },
};

START_TEST(one_table_in_many_dresses_is_read_the_same)
{
	const struct import_row *r;

	read_text(same_files[_i].text);
	ck_assert_msg(import.n_errors == 0 && import.n == 1, "%s: %zu errors, %zu rows, %s",
	    same_files[_i].what, import.n_errors, import.n,
	    import.n_notes > 0 ? import.notes[0].text : "");
	r = &import.rows[0];
	ck_assert_uint_eq(r->row.id, 6);
	ck_assert_uint_eq(r->row.type, 3);
	ck_assert_str_eq(r->row.address, "72");
	ck_assert_int_eq(r->row.iface, IFACE_1);
	ck_assert_str_eq(r->row.note, "кв. 12");
}
END_TEST

static const struct { const char *cells; enum meter_column column; const char *part; } bad_rows[] = {
	{ "6;Mercury23x;1,41E+08;Iface1;;", COL_ADDR, "rounded" },
	{ "6;Mercury23x;1.41227E+14;Iface1;;", COL_ADDR, "rounded" },
	{ "6;Mercury23x;72;Iface1;1,01E+10;", COL_PASS_RD, "rounded" },
	{ "0;Mercury23x;72;Iface1;;", COL_ID, "outside" },
	{ "-1;Mercury23x;72;Iface1;;", COL_ID, "outside" },
	{ "2147483648;Mercury23x;72;Iface1;;", COL_ID, "outside" },
	{ "99999999999999999999;Mercury23x;72;Iface1;;", COL_ID, "outside" },
	{ "6.0;Mercury23x;72;Iface1;;", COL_ID, "whole number" },
	{ "6;Merkury;72;Iface1;;", COL_TYPE, "unknown type" },
	{ "6;;72;Iface1;;", COL_TYPE, "missing" },
	{ "6;Mercury23x;;Iface1;;", COL_ADDR, "missing" },
	{ "6;Mercury23x;72;Iface9;;", COL_IFACE, "none of" },
	{ "6;Mercury23x;72;Iface1;01010;", COL_PASS_RD, "odd" },
	{ "6;Mercury23x;72;Iface1;пароль;", COL_PASS_RD, "hex" },
	{ "6;Mercury23x;72;Iface1;;9600,8x1", COL_CFG, "9600,8n1" },
	{ "6;Mercury23x;72;Iface1;\"0101;", COL_COUNT, "quote" },
	{ "6;Mercury23x;72;Iface1;;;;7", COL_COUNT, "more cells" },
	{ "6;Mercury23x;1234567890123456789012345678901234567890123456789012345678901234;Iface1;;",
	    COL_ADDR, "longer" },
};

START_TEST(a_bad_cell_is_named_by_row_and_column)
{
	char text[512];

	snprintf(text, sizeof(text), "id;type;addr;iface;pass_rd;cfg\n7;SE303;1;Iface2;;\n%s",
	    bad_rows[_i].cells);
	read_text(text);
	assert_error(3, bad_rows[_i].column, bad_rows[_i].part);
}
END_TEST

START_TEST(hex_digits_with_an_e_are_no_ruined_number)
{
	read_text("id;type;addr;iface;pass_rd\n6;Mercury23x;1E5;Iface1;12E45678\n");
	ck_assert_uint_eq(import.n_errors, 0);
	ck_assert_str_eq(import.rows[0].row.password_read, "12E45678");
}
END_TEST

START_TEST(unknown_columns_are_ignored_with_a_warning_and_missing_ones_refused)
{
	read_text("id;type;addr;colour\n6;Mercury23x;72;red\n");
	ck_assert_uint_eq(import.n_warnings, 1);
	ck_assert_uint_eq(import.n_errors, 1);
	assert_error(1, COL_IFACE, "Интерфейс");
	ck_assert_uint_eq(import.n, 0);
}
END_TEST

START_TEST(a_column_twice_is_refused)
{
	read_text("id;type;addr;iface;Адрес\n6;Mercury23x;72;Iface1;73\n");
	assert_error(1, COL_ADDR, "twice");
}
END_TEST

START_TEST(a_line_end_inside_quotes_does_not_shift_row_numbers)
{
	read_text("id;type;addr;iface;note\n1;3;72;1;\"a\nb\"\n2;3;72;9;\n");
	assert_error(2, COL_NOTE, "control");
	assert_error(3, COL_IFACE, "none of");
}
END_TEST

static const struct { const char *data; size_t len; } odd_files[] = {
	{ "", 0 }, { "\xef\xbb\xbf", 3 }, { "\n", 1 }, { "\"", 1 }, { ";", 1 }, { "sep=;", 5 },
	    { "sep=;\n", 6 },
	{ "\xff\xfei\0d\0", 6 },
};

START_TEST(what_is_no_table_is_an_error)
{
	ck_assert_int_eq(csv_read(&import, odd_files[_i].data, odd_files[_i].len), E_OK);
	ck_assert_uint_gt(import.n_errors, 0);
	ck_assert_uint_eq(import.n, 0);
}
END_TEST

/* ---- writing ---- */

static const char *const notes[] = {
	"", "=1+1", "+7 900", "-5", "@cmd", "'quoted", "a;b", "say \"hi\"", "кв. 12", "a,b",
};

START_TEST(what_is_written_is_read_back_and_is_no_formula)
{
	struct meter_row row = { .id = 6, .parent = 4, .type = 36, .address = "0001",
	    .iface = IFACE_HUB,
		.password_read = "3132", .password_write = "33", .line = "9600,7e1",
		    .rtu_object_type = -3,
		.rtu_object = 2, .rtu_feeder = 1, .group = "house7;house8" };
	struct text file = { 0 };
	const char *cell;

	snprintf(row.note, sizeof(row.note), "%s", notes[_i]);
	csv_write_header(&file, _i % 2 == 0);
	csv_write_row(&file, &row, "08873213", true);
	cell = strrchr(file.p, ';') + 1;
	ck_assert_ptr_null(strchr("=+-@", *cell));
	ck_assert_int_eq(csv_read(&import, file.p, file.len), E_OK);
	ck_assert_msg(import.n_errors == 0, "%s", import.n_notes > 0 ? import.notes[0].text : "");
	ck_assert_uint_eq(import.n, 1);
	for (int c = 0; c < COL_FILE_COUNT; c++) {
		char a[COL_TEXT_SIZE], b[COL_TEXT_SIZE];

		ck_assert_str_eq(meter_column_print(&import.rows[0].row, (enum meter_column)c, a),
		    meter_column_print(&row, (enum meter_column)c, b));
	}
	text_free(&file);
}
END_TEST

START_TEST(passwords_are_left_out_unless_asked)
{
	struct meter_row row = { .id = 6, .type = 3, .address = "72", .iface = IFACE_1,
		.password_read = "010101010101", .password_write = "020202020202" };
	struct text file = { 0 };

	csv_write_row(&file, &row, "", false);
	ck_assert_str_eq(file.p, "6;0;Mercury23x;72;Iface1;;;;0;0;0;;;\r\n");
	text_free(&file);
}
END_TEST

/* ---- planning ---- */

static struct meter_table *
make_table(void)
{
	static const struct meter_row rows[] = {
		{ .dev = 11, .id = 1, .type = 3, .address = "72", .iface = IFACE_1,
		    .password_read = "aa",
		    .rtu_serial = "77" },
		{ .dev = 12, .id = 4, .type = 91, .address = "1", .iface = IFACE_2 },
		{ .dev = 13, .id = 9, .type = 3, .address = "73", .iface = IFACE_1, .parent = 0 },
	};
	struct meter_table *table = calloc(1, sizeof(*table) + sizeof(rows));

	ck_assert_ptr_nonnull(table);
	table->n = 3;
	memcpy(table->rows, rows, sizeof(rows));
	return table;
}

static struct import_plan
plan(const char *text, bool replace, int expected)
{
	struct meter_table *table = make_table();
	struct import_plan p;

	read_text(text);
	ck_assert_int_eq(import_plan(&p, &import, table, replace), expected);
	free(table);
	return p;
}

START_TEST(merging_changes_adds_and_keeps)
{
	struct import_plan p = plan(
	    "id;type;addr;iface;pass_rd\n1;Mercury23x;75;Iface1;\n9;3;73;1;\n;SE303;5;Iface3;\n", false,
	    E_OK);

	ck_assert_uint_eq(p.changed, 1);
	ck_assert_uint_eq(p.unchanged, 1);
	ck_assert_uint_eq(p.added, 1);
	ck_assert_uint_eq(p.removed, 0);
	ck_assert_uint_eq(p.n, 2);
	ck_assert_uint_eq(p.changes[0].row.id, 1);
	ck_assert_uint_eq(p.changes[0].row.dev, 11);
	ck_assert_str_eq(p.changes[0].row.address, "75");
	ck_assert_str_eq(p.changes[0].row.password_read, "aa"); /* an empty cell keeps it */
	ck_assert_str_eq(p.changes[0].row.rtu_serial, "77"); /* not a column of files */
	ck_assert_uint_eq(p.changes[1].row.id, 10); /* the next free one */
	ck_assert_str_eq(p.changes[1].row.password_read, "373737373737"); /* of the type */
	import_plan_free(&p);
}
END_TEST

START_TEST(replacing_removes_what_is_not_named)
{
	struct import_plan p = plan("id;type;addr;iface\n4;91;1;Iface2\n20;3;1;Iface1\n", true, E_OK);

	ck_assert_uint_eq(p.removed, 2);
	ck_assert_uint_eq(p.added, 1);
	ck_assert_uint_eq(p.unchanged, 1);
	ck_assert(p.changes[0].remove);
	ck_assert_uint_eq(p.changes[0].row.id, 1);
	ck_assert_uint_eq(p.changes[1].row.id, 9);
	ck_assert(!p.changes[2].remove);
	ck_assert_uint_eq(p.lines[2], 3);
	import_plan_free(&p);
}
END_TEST

static const struct {
	const char *text;
	bool replace;
	unsigned line;
	enum meter_column column;
	const char *part;
} bad_tables[] = {
	{ "id;type;addr;iface\n6;3;1;1\n6;3;2;1\n", false, 3, COL_ID, "row 2" },
	{ "id;type;addr;iface;parent\n6;91;1;1;7\n7;91;2;1;6\n", false, 2, COL_PARENT, "circle" },
	{ "id;type;addr;iface;parent\n6;91;1;1;6\n", false, 2, COL_PARENT, "circle" },
	{ "id;type;addr;iface\n6;94;10.0.0.1;Ethernet\n", false, 2, COL_ADDR, "host:port" },
	{ "id;type;addr;iface\n6;94;10.0.0.1:99999;Ethernet\n", false, 2, COL_ADDR, "host:port" },
	{ "id;type;addr;iface\n", true, 0, COL_COUNT, "every meter" },
	{ "id;type;addr;iface\n2147483647;3;1;1\n;3;2;1\n", false, 3, COL_ID, "no free id" },
};

START_TEST(a_table_that_contradicts_itself_is_refused_whole)
{
	struct import_plan p = plan(bad_tables[_i].text, bad_tables[_i].replace, E_INVALID);

	assert_error(bad_tables[_i].line, bad_tables[_i].column, bad_tables[_i].part);
	ck_assert_uint_eq(p.n, 0);
}
END_TEST

START_TEST(doubtful_rows_get_a_warning_and_pass)
{
	struct import_plan p = plan("id;type;addr;iface;parent\n6;3;72;1;0\n7;3;8;Hub;77\n", false,
	    E_OK);

	ck_assert_uint_eq(p.added, 2);
	ck_assert_uint_eq(import.n_warnings, 2); /* the address of meter 1; no meter 77 */
	import_plan_free(&p);
}
END_TEST

START_TEST(ten_thousand_rows_are_planned)
{
	struct text file = { 0 };
	struct import_plan p;

	text_str(&file, "id;type;addr;iface\n");
	for (int i = 10000; i > 0; i--)
		text_printf(&file, "%d;Mercury23x;%d;Iface%d\n", i, i / 4 % 240, i % 4 + 1);
	p = plan(file.p, true, E_OK);
	ck_assert_uint_eq(p.added + p.changed + p.unchanged, 10000);
	ck_assert_uint_eq(p.removed, 0);
	import_plan_free(&p);
	text_free(&file);
}
END_TEST

/* ---- texts ---- */

static const struct { int64_t milli; const char *text; } decimals[] = {
	{ 0, "0" }, { 1234567, "1234.567" }, { 1000, "1" }, { 1500, "1.5" }, { 50, "0.05" }, { 5,
	    "0.005" },
	{ -5, "-0.005" }, { -1234500, "-1234.5" }, { INT64_MAX, "9223372036854775.807" },
	{ INT64_MIN, "-9223372036854775.808" },
};

START_TEST(thousandths_are_printed_exactly)
{
	struct text t = { 0 };

	text_milli(&t, decimals[_i].milli);
	ck_assert_str_eq(t.p, decimals[_i].text);
	text_free(&t);
}
END_TEST

START_TEST(json_texts_are_escaped_and_mended)
{
	struct text t = { 0 };

	text_json(&t, "a\"b\\c\n\x7f кв \xff.");
	ck_assert_str_eq(t.p, "\"a\\\"b\\\\c\\u000a\\u007f кв \\ufffd.\"");
	text_clear(&t);
	text_json(&t, NULL);
	ck_assert_str_eq(t.p, "null");
	text_free(&t);
}
END_TEST

START_TEST(letters_are_folded_without_being_split)
{
	char buf[16];

	utf8_fold(buf, sizeof(buf), "АяЁXz");
	ck_assert_str_eq(buf, "аяёxz");
	utf8_fold(buf, 4, "АЯ");
	ck_assert_str_eq(buf, "а");
	ck_assert(utf8_contains("Дом 7, КВ. 12", "кв. 1"));
	ck_assert(!utf8_valid("\xed\xa0\x80", 3));
	ck_assert(!utf8_valid("\xc0\x80", 2));
	ck_assert(utf8_valid("\xf0\x9f\x98\x80", 4));
}
END_TEST

static const struct { const char *text; int64_t utc; } moments[] = {
	{ "1717189200", 1717189200 }, { "1717189200000", 1717189200 }, { "0", 0 },
	{ "2024-06-01", 1717189200 }, { "2024-06-01T00:00", 1717189200 }, { "2024-06-01 00:00:00",
	    1717189200 },
	{ "2024-06-01T00:00:00+03:00", 1717189200 }, { "2024-06-01T00:00:00 03:00", 1717189200 },
	{ "2024-05-31T21:00:00Z", 1717189200 }, { "2024-06-01T00:00:00+0300", 1717189200 },
	{ "2024-05-31T19:00:00-02", 1717189200 }, { "2024-05-31T21:00:00.000Z", 1717189200 },
	{ "2024-06-01T00:00:00.999999", 1717189200 }, { "2024-06-01T00:00:00.Z", -1 },
	{ "2024-06-01T00:00.5", -1 },
	{ "", -1 }, { "-5", -1 }, { "yesterday", -1 }, { "2024-02-30", -1 }, { "2024-06-01T24:00", -1 },
	{ "2024-06-01T00:00x", -1 }, { "2024-06-01T00:00+99", -1 }, { "2024-6-1", -1 },
	    { "99999999999999999999", -1 },
	{ "2024-", -1 }, { "2024-06-01T", -1 }, { "2024-06-01T00:00:0", -1 }, { "12a", -1 },
};

START_TEST(moments_are_understood_or_refused)
{
	int64_t utc = -1;
	int rc = when_parse((struct zone){ 10800, false }, moments[_i].text, &utc);

	ck_assert_msg(rc == (moments[_i].utc < 0 ? E_INVALID : E_OK), "%s", moments[_i].text);
	ck_assert_int_eq(utc, moments[_i].utc);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int
main(void)
{
	Suite *suite = suite_create("csv");
	TCase *reading = tcase_create("reading"), *writing = tcase_create("writing");
	TCase *planning = tcase_create("planning"), *texts = tcase_create("texts");

	tcase_add_checked_fixture(reading, setup, teardown);
	tcase_add_loop_test(reading, one_table_in_many_dresses_is_read_the_same, 0, COUNT(same_files));
	tcase_add_loop_test(reading, a_bad_cell_is_named_by_row_and_column, 0, COUNT(bad_rows));
	tcase_add_test(reading, hex_digits_with_an_e_are_no_ruined_number);
	tcase_add_test(reading, unknown_columns_are_ignored_with_a_warning_and_missing_ones_refused);
	tcase_add_test(reading, a_column_twice_is_refused);
	tcase_add_test(reading, a_line_end_inside_quotes_does_not_shift_row_numbers);
	tcase_add_loop_test(reading, what_is_no_table_is_an_error, 0, COUNT(odd_files));
	tcase_add_checked_fixture(writing, setup, teardown);
	tcase_add_loop_test(writing, what_is_written_is_read_back_and_is_no_formula, 0, COUNT(notes));
	tcase_add_test(writing, passwords_are_left_out_unless_asked);
	tcase_add_checked_fixture(planning, setup, teardown);
	tcase_add_test(planning, merging_changes_adds_and_keeps);
	tcase_add_test(planning, replacing_removes_what_is_not_named);
	tcase_add_loop_test(planning, a_table_that_contradicts_itself_is_refused_whole, 0,
	    COUNT(bad_tables));
	tcase_add_test(planning, doubtful_rows_get_a_warning_and_pass);
	tcase_add_test(planning, ten_thousand_rows_are_planned);
	tcase_add_loop_test(texts, thousandths_are_printed_exactly, 0, COUNT(decimals));
	tcase_add_test(texts, json_texts_are_escaped_and_mended);
	tcase_add_test(texts, letters_are_folded_without_being_split);
	tcase_add_loop_test(texts, moments_are_understood_or_refused, 0, COUNT(moments));
	suite_add_tcase(suite, reading);
	suite_add_tcase(suite, writing);
	suite_add_tcase(suite, planning);
	suite_add_tcase(suite, texts);
	return unit_main(suite);
}
