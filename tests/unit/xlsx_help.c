#include "tests/unit/xlsx_help.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "src/base/text.h"

#define RELS "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
const char xlsx_root_rels[] = "<Relationships><Relationship Id=\"rId1\" Type=\"" RELS
			      "/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>";
const char xlsx_book_rels[] = "<Relationships><Relationship Id=\"rId2\" Type=\"" RELS
			      "/sharedStrings\" Target=\"/xl/sharedStrings.xml\"/>"
			      "<Relationship Id=\"rId1\" Type=\"" RELS
			      "/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>";
const char xlsx_workbook[] = "<workbook xmlns:r=\"x\"><sheets><sheet name=\"a\" sheetId=\"1\""
			     " r:id=\"rId1\"/><sheet name=\"b\" sheetId=\"2\" r:id=\"rId9\"/>"
			     "</sheets></workbook>";

char *
xlsx_pack(const struct xlsx_part *parts, size_t n, size_t *len)
{
	zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *zip = zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	zip_stat_t st;
	char *file;

	ck_assert_ptr_nonnull(zip);
	zip_source_keep(source);
	for (size_t i = 0; i < n; i++) {
		zip_source_t *text = zip_source_buffer(zip, parts[i].text, strlen(parts[i].text), 0);

		ck_assert_int_ge(zip_file_add(zip, parts[i].name, text, 0), 0);
	}
	ck_assert_int_eq(zip_close(zip), 0);
	ck_assert_int_eq(zip_source_stat(source, &st), 0);
	*len = (size_t)st.size;
	file = malloc(*len);
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(zip_source_open(source), 0);
	ck_assert_int_eq(zip_source_read(source, file, *len), (zip_int64_t)*len);
	zip_source_close(source);
	zip_source_free(source);
	return file;
}

char *
xlsx_book(const char *rows, const char *strings, size_t *len)
{
	struct text sheet = { 0 }, shared = { 0 };
	struct xlsx_part parts[] = {
		{ "_rels/.rels", xlsx_root_rels },
		{ "xl/workbook.xml", xlsx_workbook },
		{ "xl/_rels/workbook.xml.rels", xlsx_book_rels },
		{ "xl/worksheets/sheet1.xml", NULL },
		{ "xl/sharedStrings.xml", NULL },
	};
	char *file;

	text_str(&sheet, "<worksheet><sheetData>");
	text_str(&sheet, rows);
	text_str(&sheet, "</sheetData></worksheet>");
	text_str(&shared, "<sst>");
	text_str(&shared, strings != NULL ? strings : "");
	text_str(&shared, "</sst>");
	parts[3].text = sheet.p;
	parts[4].text = shared.p;
	file = xlsx_pack(parts, 5, len);
	text_free(&sheet);
	text_free(&shared);
	return file;
}
