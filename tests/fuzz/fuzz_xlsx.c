/* Any bytes as a workbook with meters.  A file that begins with PK is read as it is; else the bytes are
 * the XML of its parts, parted by NUL: sheet, shared strings, workbook, its relations; so that the
 * fuzzer need not find out how to pack. */
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#include "smart-json/xlsx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RELS "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
static const struct { const char *name, *text; } parts[] = {
	{ "xl/worksheets/sheet1.xml", "<worksheet/>" },
	{ "xl/sharedStrings.xml", "<sst/>" },
	{ "xl/workbook.xml", "<workbook><sheets><sheet r:id=\"rId1\"/></sheets></workbook>" },
	{ "xl/_rels/workbook.xml.rels", "<r><Relationship Id=\"rId2\" Type=\"" RELS
		"/sharedStrings\" Target=\"sharedStrings.xml\"/><Relationship Id=\"rId1\" Type=\"" RELS
		"/worksheet\" Target=\"worksheets/sheet1.xml\"/></r>" },
	{ "_rels/.rels", "<r><Relationship Id=\"rId1\" Type=\"" RELS
		"/officeDocument\" Target=\"xl/workbook.xml\"/></r>" },
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

static char *
pack(const uint8_t *data, size_t size, size_t *len)
{
	zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
	zip_t *zip = zip_open_from_source(source, ZIP_CREATE | ZIP_TRUNCATE, NULL);
	const uint8_t *end = data + size;
	zip_stat_t st;
	char *file;

	zip_source_keep(source);
	for (size_t i = 0; i < PARTS; i++) {
		const uint8_t *stop = data < end ? memchr(data, 0, (size_t)(end - data)) : NULL;
		size_t n = (size_t)((stop != NULL ? stop : end) - data);
		zip_int64_t at = n > 0 && i + 1 < PARTS ?
		    zip_file_add(zip, parts[i].name, zip_source_buffer(zip, data, n, 0), 0) :
		    zip_file_add(zip, parts[i].name,
			zip_source_buffer(zip, parts[i].text, strlen(parts[i].text), 0), 0);

		zip_set_file_compression(zip, (zip_uint64_t)at, ZIP_CM_STORE, 0);
		data = stop != NULL ? stop + 1 : end;
	}
	if (zip_close(zip) < 0)
		abort();
	zip_source_stat(source, &st);
	*len = (size_t)st.size;
	file = malloc(*len);
	if (file == NULL || zip_source_open(source) < 0 ||
	    zip_source_read(source, file, *len) != (zip_int64_t)*len)
		abort();
	zip_source_close(source);
	zip_source_free(source);
	return file;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct meter_import import = { 0 };
	struct meter_table *now = calloc(1, sizeof(*now));
	struct import_plan plan = { 0 };
	char *file = NULL;
	size_t len = size;

	if (size < 2 || memcmp(data, "PK", 2) != 0)
		file = pack(data, size, &len);
	if (now != NULL && xlsx_read(&import, file != NULL ? file : (const char *)data, len) == E_OK &&
	    import_plan(&plan, &import, now, size % 2 == 0) < 0)
		plan = (struct import_plan){ 0 };
	import_plan_free(&plan);
	import_free(&import);
	free(file);
	free(now);
	return 0;
}
