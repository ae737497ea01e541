/* The meter table as an XLSX file: what is read, what is refused, and there and back. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smart-json/csv.h"
#include "smart-json/meter_sheet.h"
#include "smart-json/xlsx.h"
#include "smart-json/xlsx_package.h"
#include "tests/unit/unit.h"
#include "tests/unit/xlsx_help.h"

static struct meter_import import;

static void setup(void) { memset(&import, 0, sizeof(import)); }
static void teardown(void) { import_free(&import); }

#define CELL(text) "<c t=\"inlineStr\"><is><t>" text "</t></is></c>"
#define HEAD "<row r=\"1\">" CELL("id") CELL("type") CELL("addr") CELL("iface") CELL("note") "</row>"

static void
read_rows(const char *rows, const char *strings)
{
	size_t len;
	char *file = xlsx_book(rows, strings, &len);

	import_free(&import);
	ck_assert_int_eq(xlsx_read(&import, file, len), E_OK);
	free(file);
}

static void
assert_error(unsigned line, enum meter_column column, const char *part)
{
	for (size_t i = 0; i < import.n_notes; i++)
		if (import.notes[i].error && import.notes[i].line == line &&
		    import.notes[i].column == column && strstr(import.notes[i].text, part) != NULL)
			return;
	ck_abort_msg("no error in row %u, column %d with \"%s\" but: %s", line, (int)column, part,
	    import.n_notes > 0 ? import.notes[0].text : "none");
}

/* Meter 6 in every way a cell can be written. */
static const struct { const char *what, *rows, *strings; } same_sheets[] = {
	{ "inline strings",
	    HEAD "<row r=\"2\"><c><v>6</v></c>" CELL("Mercury23x") CELL("72") CELL("Iface1")
		CELL("кв. 12") "</row>",
	    NULL },
	{ "shared strings",
	    "<row>" CELL("id") CELL("type") CELL("addr") CELL("iface") CELL("note") "</row>"
	    "<row><c t=\"s\"><v>0</v></c><c t=\"s\"><v>1</v></c><c t=\"s\"><v>2</v></c>"
	    "<c t=\"s\"><v>3</v></c><c t=\"s\"><v>4</v></c></row>",
	    "<si><t>6</t></si><si><t>Mercury23x</t></si><si><t xml:space=\"preserve\"> 72 </t></si>"
	    "<si><r><rPr><b/></rPr><t>Ifa</t></r><r><t>ce1</t></r><rPh sb=\"0\"><t>no</t></rPh></si>"
	    "<si><t>кв. 12</t></si>" },
	{ "numbers and formulas",
	    HEAD "<row r=\"2\"><c t=\"n\"><v>6.0</v></c><c><f>1+2</f><v>3</v></c>"
		 "<c><f>HYPERLINK(\"x\")</f><v>72</v></c><c t=\"str\"><f>A1</f><v>Iface1</v></c>"
		 CELL("кв. 12") "</row>",
	    NULL },
	{ "cells that are told their place",
	    "<row r=\"1\"><c r=\"C1\" t=\"inlineStr\"><is><t>addr</t></is></c>"
	    "<c r=\"A1\" t=\"inlineStr\"><is><t>id</t></is></c>"
	    "<c r=\"B1\" t=\"inlineStr\"><is><t>type</t></is></c>"
	    "<c r=\"AA1\" t=\"inlineStr\"><is><t>note</t></is></c>"
	    "<c r=\"E1\" t=\"inlineStr\"><is><t>iface</t></is></c></row>"
	    "<row r=\"2\"><c r=\"A2\"><v>6</v></c><c r=\"B2\"><v>3</v></c><c r=\"C2\"><v>72</v></c>"
	    "<c r=\"D2\"/><c r=\"E2\"><v>1</v></c>"
	    "<c r=\"AA2\" t=\"inlineStr\"><is><t>кв. 12</t></is></c></row>",
	    NULL },
	{ "prefixed names",
	    "<x:row xmlns:x=\"y\" r=\"1\"><x:c t=\"inlineStr\"><x:is><x:t>id</x:t></x:is></x:c>"
	    CELL("type") CELL("addr") CELL("iface") CELL("note") "</x:row>"
	    "<row r=\"2\"><c><v>6</v></c><c><v>3</v></c>" CELL("72") CELL("Iface1") CELL("кв. 12")
	    "</row>",
	    NULL },
	{ "empty rows around",
	    "<row r=\"1\"/><row r=\"2\"><c/></row>"
	    "<row r=\"3\">" CELL("id") CELL("type") CELL("addr") CELL("iface") CELL("note") "</row>"
	    "<row r=\"4\"><c t=\"inlineStr\"><is><t> </t></is></c></row>"
	    "<row r=\"9\"><c><v>6</v></c><c><v>3</v></c>" CELL("72") CELL("Iface1") CELL("кв. 12")
	    "</row>",
	    NULL },
};

START_TEST(same_meter_in_any_form_of_cells)
{
	const struct meter_row *row;

	read_rows(same_sheets[_i].rows, same_sheets[_i].strings);
	ck_assert_msg(import.n_errors == 0, "%s: %s", same_sheets[_i].what,
	    import.n_errors > 0 ? import.notes[0].text : "");
	ck_assert_uint_eq(import.n, 1);
	row = &import.rows[0].row;
	ck_assert_uint_eq(row->id, 6);
	ck_assert_uint_eq(row->type, 3);
	ck_assert_str_eq(row->address, "72");
	ck_assert_int_eq(row->iface, IFACE_1);
	ck_assert_str_eq(row->note, "кв. 12");
}
END_TEST

static const struct { const char *cell; enum meter_column column; const char *error; } bad_cells[] = {
	{ "<c r=\"C2\"><v>1.41E+08</v></c>", COL_ADDR, "rounded" },
	{ "<c r=\"C2\"><v>1.41e8</v></c>", COL_ADDR, "rounded" },
	{ "<c r=\"C2\"><v>1234567890123456</v></c>", COL_ADDR, "rounded" },
	{ "<c r=\"C2\" t=\"inlineStr\"><is><t>1,41E+08</t></is></c>", COL_ADDR, "rounded" },
	{ "<c r=\"C2\" t=\"e\"><v>#REF!</v></c>", COL_ADDR, "shows an error" },
	{ "<c r=\"C2\" t=\"s\"><v>7</v></c>", COL_ADDR, "missing in the file" },
	{ "<c r=\"A2\"><v>1.5</v></c>", COL_ID, "not a whole number" },
	{ "<c r=\"A2\" t=\"b\"><v>1</v></c>", COL_ID, "not a whole number" },
	{ "<c r=\"E2\" t=\"inlineStr\"><is><t>a_x0007_b</t></is></c>", COL_NOTE, "control" },
	{ "<c r=\"ZZ2\"><v>1</v></c>", COL_COUNT, "too many cells" },
	{ "<c r=\"G2\"><v>1</v></c>", COL_COUNT, "more cells than columns" },
};

START_TEST(bad_cell_names_its_row_and_column)
{
	char rows[2000];

	snprintf(rows, sizeof(rows), HEAD "<row r=\"7\">%s</row>", bad_cells[_i].cell);
	read_rows(rows, NULL);
	assert_error(7, bad_cells[_i].column, bad_cells[_i].error);
}
END_TEST

START_TEST(long_cell_is_refused_and_a_whole_one_taken)
{
	char *rows = malloc(60000), *at = rows;

	at += sprintf(at, HEAD "<row r=\"2\">");
	at += sprintf(at, "<c r=\"E2\" t=\"inlineStr\"><is><t>");
	for (int i = 0; i < 1025; i++)
		at += sprintf(at, "x");
	sprintf(at, "</t></is></c></row>");
	read_rows(rows, NULL);
	assert_error(2, COL_NOTE, "too long");
	/* Cut in the file, it would look short enough. */
	at = rows + sprintf(rows, HEAD "<row r=\"2\"><c r=\"E2\" t=\"inlineStr\"><is><t>");
	for (int i = 0; i < 2000; i++)
		at += sprintf(at, "_x0041_");
	sprintf(at, "</t></is></c></row>");
	read_rows(rows, NULL);
	assert_error(2, COL_NOTE, "too long");
	at = rows + sprintf(rows, HEAD "<row r=\"2\"><c r=\"E2\" t=\"inlineStr\"><is><t>");
	for (int i = 0; i < 63; i++)
		at += sprintf(at, "_x0041_");
	sprintf(at, "</t></is></c></row>");
	read_rows(rows, NULL);
	ck_assert_uint_eq(strlen(import.rows[0].row.note), 63);
	free(rows);
}
END_TEST

#define DTD "<!DOCTYPE x [<!ENTITY a \"b\">]>"
#define EXTERNAL "Type=\"x/hyperlink\" TargetMode=\"External\" Target=\"http://evil/\""
static const struct { const char *what; struct xlsx_part part; const char *error; } hostile[] = {
	{ "a document type", { "xl/workbook.xml", DTD "<workbook/>" }, "document type" },
	{ "one in the strings", { "xl/sharedStrings.xml", DTD "<sst>&a;</sst>" }, "document type" },
	{ "one in the sheet",
	    { "xl/worksheets/sheet1.xml", "<!DOCTYPE x SYSTEM \"file:///etc/passwd\"><worksheet/>" },
	    "document type" },
	{ "an external relation",
	    { "xl/_rels/workbook.xml.rels", "<a><Relationship Id=\"r\" " EXTERNAL "/></a>" },
	    "other files" },
	{ "an external workbook",
	    { "xl/_rels/workbook.xml.rels",
		"<a><Relationship Id=\"r\" Type=\"x/externalLink\" Target=\"a.xml\"/></a>" },
	    "other files" },
	{ "a reference to one",
	    { "xl/workbook.xml", "<workbook><externalReferences><externalReference/>"
				 "</externalReferences></workbook>" },
	    "other files" },
	{ "a path upwards",
	    { "xl/_rels/workbook.xml.rels",
		"<a><Relationship Id=\"rId1\" Type=\"x\" Target=\"../../etc/passwd\"/></a>" },
	    "other files" },
	{ "an address as part",
	    { "xl/_rels/workbook.xml.rels",
		"<a><Relationship Id=\"rId1\" Type=\"x\" Target=\"file:///etc/passwd\"/></a>" },
	    "other files" },
	{ "broken XML", { "xl/worksheets/sheet1.xml", "<worksheet><sheetData></worksheet>" },
	    "mismatched" },
	{ "an unknown entity", { "xl/worksheets/sheet1.xml", "<worksheet>&a;</worksheet>" },
	    "entity" },
	{ "an empty part", { "xl/worksheets/sheet1.xml", "" }, "no element" },
	{ "rows going back",
	    { "xl/worksheets/sheet1.xml", "<w><row r=\"5\"/><row r=\"5\"/></w>" }, "out of order" },
	{ "rows without end",
	    { "xl/worksheets/sheet1.xml", "<w><row r=\"99999999999999999999\"/></w>" },
	    "out of order" },
	{ "deep XML",
	    { "xl/worksheets/sheet1.xml",
		"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>"
		"<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>" },
	    "too deep" },
	{ "no sheet", { "xl/worksheets/sheet1.xml", NULL }, "part is missing" },
	{ "no workbook", { "xl/workbook.xml", NULL }, "part is missing" },
	{ "an empty sheet", { "xl/worksheets/sheet1.xml", "<worksheet/>" }, "empty" },
	{ "stray cells", { "xl/worksheets/sheet1.xml", "<w><c r=\"A1\"><v>1</v></c></w>" }, "empty" },
};

START_TEST(hostile_or_broken_workbook_is_refused)
{
	struct xlsx_part parts[] = {
		{ "_rels/.rels", xlsx_root_rels },
		{ "xl/workbook.xml", xlsx_workbook },
		{ "xl/_rels/workbook.xml.rels", xlsx_book_rels },
		{ "xl/worksheets/sheet1.xml", "<w><row>" CELL("id") "</row></w>" },
		{ "xl/sharedStrings.xml", "<sst/>" },
	};
	size_t n = 0, len;
	char *file;

	for (size_t i = 0; i < 5; i++) {
		parts[n] = parts[i];
		if (strcmp(parts[i].name, hostile[_i].part.name) == 0)
			parts[n].text = hostile[_i].part.text;
		n += parts[n].text != NULL;
	}
	file = xlsx_pack(parts, n, &len);
	ck_assert_int_eq(xlsx_read(&import, file, len), E_OK);
	free(file);
	ck_assert_msg(import.n_errors > 0, "%s", hostile[_i].what);
	assert_error(0, COL_COUNT, hostile[_i].error);
	ck_assert_uint_eq(import.n, 0);
}
END_TEST

START_TEST(bomb_is_left_unpacked)
{
	size_t size = (size_t)PACKAGE_UNPACKED_MOST + 4096, len;
	struct xlsx_part parts[] = {
		{ "_rels/.rels", xlsx_root_rels },
		{ "xl/workbook.xml", xlsx_workbook },
		{ "xl/_rels/workbook.xml.rels", xlsx_book_rels },
		{ "xl/sharedStrings.xml", NULL },
	};
	char *bomb = malloc(size + 1), *file;

	memset(bomb, ' ', size);
	bomb[size] = '\0';
	memcpy(bomb, "<sst>", 5);
	parts[3].text = bomb;
	file = xlsx_pack(parts, 4, &len);
	ck_assert_uint_lt(len, 1 << 20);
	ck_assert_int_eq(xlsx_read(&import, file, len), E_OK);
	assert_error(0, COL_COUNT, "larger than 64 MiB");
	free(file);
	free(bomb);
}
END_TEST

START_TEST(file_that_is_no_workbook_is_told_so)
{
	static const struct { const char *data; size_t len; } files[] = {
		{ "", 0 },
		{ "id;type\n", 8 },
		{ "PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 22 },
		{ "PK\x05\x06\0\0\0\0\xff\xff\xff\xff\0\0\0\0\0\0\0\0\0\0", 22 },
		{ "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8 },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		import_free(&import);
		ck_assert_int_eq(xlsx_read(&import, files[i].data, files[i].len), E_OK);
		ck_assert_uint_eq(import.n_errors, 1);
		ck_assert_uint_eq(import.n, 0);
	}
}
END_TEST

START_TEST(cut_or_changed_file_never_harms)
{
	size_t len;
	char *file = xlsx_book(same_sheets[1].rows, same_sheets[1].strings, &len);

	for (size_t cut = 0; cut < len; cut += 3) {
		char *copy = malloc(cut + 1);

		memcpy(copy, file, cut);
		import_free(&import);
		ck_assert_int_eq(xlsx_read(&import, copy, cut), E_OK);
		ck_assert_uint_gt(import.n_errors, 0);
		free(copy);
	}
	for (size_t at = 0; at < len; at += 2) {
		file[at] ^= 0x10;
		import_free(&import);
		ck_assert_int_eq(xlsx_read(&import, file, len), E_OK);
		file[at] ^= 0x10;
	}
	free(file);
}
END_TEST

/* ---- there and back ---- */

static char *
read_back(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	char *data;

	ck_assert_ptr_nonnull(f);
	fseek(f, 0, SEEK_END);
	*len = (size_t)ftell(f);
	rewind(f);
	data = malloc(*len);
	ck_assert_uint_eq(fread(data, 1, *len, f), *len);
	fclose(f);
	return data;
}

static struct meter_row
full_row(uint32_t id)
{
	struct meter_row r = { .id = id, .parent = 4, .type = 3, .iface = IFACE_1,
		.rtu_object_type = 3, .rtu_object = -2, .rtu_feeder = 1 };

	snprintf(r.address, sizeof(r.address), "000000000000000012345678901234567890");
	snprintf(r.password_read, sizeof(r.password_read), "010101010101");
	snprintf(r.password_write, sizeof(r.password_write), "1E10");
	snprintf(r.line, sizeof(r.line), "9600,8n1");
	snprintf(r.group, sizeof(r.group), "дом 7;=1+2");
	snprintf(r.note, sizeof(r.note), "%s",
	    id % 2 != 0 ? "=HYPERLINK(\"x\") <&> _x0041_" : "'quoted");
	return r;
}

START_TEST(written_table_is_read_back_as_from_csv)
{
	char folder[] = "/tmp/check-xlsx-XXXXXX", path[64];
	struct xlsx_writer *writer;
	struct meter_import other = { 0 };
	struct text csv = { 0 };
	char *data;
	size_t len;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/meters.xlsx", folder);
	ck_assert_int_eq(xlsx_begin(&writer, path, _i == 0), E_OK);
	csv_write_header(&csv, _i == 0);
	for (uint32_t id = 1; id <= 50; id++) {
		struct meter_row row = full_row(id);

		ck_assert_int_eq(xlsx_row(writer, &row, "00012345", _i == 0), E_OK);
		csv_write_row(&csv, &row, "00012345", _i == 0);
	}
	ck_assert_int_eq(xlsx_end(writer), E_OK);
	data = read_back(path, &len);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0); /* nothing else was left there */
	ck_assert_int_eq(xlsx_read(&import, data, len), E_OK);
	ck_assert_int_eq(csv_read(&other, csv.p, csv.len), E_OK);
	ck_assert_msg(import.n_errors == 0, "%s", import.n_errors > 0 ? import.notes[0].text : "");
	ck_assert_uint_eq(import.n, 50);
	ck_assert_uint_eq(other.n, 50);
	ck_assert_uint_eq(import.n_notes, other.n_notes);
	for (size_t i = 0; i < 50; i++) {
		struct meter_row wanted = full_row((uint32_t)i + 1);

		ck_assert_uint_eq(import.rows[i].given, other.rows[i].given);
		ck_assert_uint_eq(import.rows[i].line, other.rows[i].line);
		ck_assert_mem_eq(&import.rows[i].row, &other.rows[i].row, sizeof(wanted));
		if (_i == 0)
			ck_assert_mem_eq(&import.rows[i].row, &wanted, sizeof(wanted));
	}
	import_free(&other);
	text_free(&csv);
	free(data);
}
END_TEST

START_TEST(place_that_cannot_be_written_is_an_error)
{
	struct xlsx_writer *writer;
	int rc = xlsx_begin(&writer, "/nonexistent/meters.xlsx", true);

	if (rc == E_OK)
		rc = xlsx_end(writer);
	ck_assert_int_eq(rc, E_IO);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("xlsx");
	TCase *tc = tcase_create("xlsx");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, same_meter_in_any_form_of_cells, 0,
	    (int)(sizeof(same_sheets) / sizeof(same_sheets[0])));
	tcase_add_loop_test(tc, bad_cell_names_its_row_and_column, 0,
	    (int)(sizeof(bad_cells) / sizeof(bad_cells[0])));
	tcase_add_test(tc, long_cell_is_refused_and_a_whole_one_taken);
	tcase_add_loop_test(tc, hostile_or_broken_workbook_is_refused, 0,
	    (int)(sizeof(hostile) / sizeof(hostile[0])));
	tcase_add_test(tc, bomb_is_left_unpacked);
	tcase_add_test(tc, file_that_is_no_workbook_is_told_so);
	tcase_add_test(tc, cut_or_changed_file_never_harms);
	tcase_add_loop_test(tc, written_table_is_read_back_as_from_csv, 0, 2);
	tcase_add_test(tc, place_that_cannot_be_written_is_an_error);
	suite_add_tcase(suite, tc);
	return unit_main(suite);
}
