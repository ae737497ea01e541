#include "smart-json/xlsx_package.h"

#include <expat.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zip.h>

enum { PIECE = 16384, END_SIZE = 22, END_COMMENT_MOST = 65535 };

void
package_stop(struct package *p, int rc, const char *fmt, ...)
{
	va_list ap;

	if (p->stopped)
		return;
	va_start(ap, fmt);
	vsnprintf(p->why, sizeof(p->why), fmt, ap);
	va_end(ap);
	p->stopped = true;
	p->rc = rc;
}

/* The number of parts as the end of the archive tells it, before the library makes a table of them. */
static bool
too_many_parts(const char *data, size_t len)
{
	const unsigned char *p = (const unsigned char *)data;

	for (size_t back = END_SIZE; back <= len && back <= END_SIZE + END_COMMENT_MOST; back++) {
		const unsigned char *end = p + len - back;

		if (memcmp(end, "PK\x05\x06", 4) == 0 && (end[10] | end[11] << 8) > PACKAGE_PARTS_MOST)
			return true;
	}
	return false;
}

int
package_open(struct package *p, const char *data, size_t len)
{
	zip_source_t *source;
	zip_error_t error;

	*p = (struct package){ .rc = E_OK };
	if (too_many_parts(data, len)) {
		package_stop(p, E_INVALID, "the file has too many parts");
		return E_INVALID;
	}
	zip_error_init(&error);
	source = zip_source_buffer_create(data, len, 0, &error);
	if (source != NULL)
		p->zip = zip_open_from_source(source, ZIP_RDONLY, &error);
	if (p->zip == NULL) {
		zip_source_free(source);
		package_stop(p, zip_error_code_zip(&error) == ZIP_ER_MEMORY ? E_NOMEM : E_INVALID,
		    "not an XLSX file: save it as \"Excel workbook (.xlsx)\", without a password");
	}
	zip_error_fini(&error);
	return p->rc;
}

void
package_close(struct package *p)
{
	if (p->zip != NULL)
		zip_discard(p->zip);
	p->zip = NULL;
}

/* ---- XML ---- */

struct parse {
	struct package *package;
	const struct package_reader *reader;
	XML_Parser parser;
	unsigned deep;
};

static const char *
local(const char *name)
{
	const char *colon = strchr(name, ':');

	return colon != NULL ? colon + 1 : name;
}

const char *
package_attribute(const char **attributes, const char *name)
{
	for (; attributes[0] != NULL; attributes += 2)
		if (strcmp(local(attributes[0]), name) == 0 && strncmp(attributes[0], "xmlns", 5) != 0)
			return attributes[1];
	return NULL;
}

static void
look_for_stop(struct parse *parse)
{
	if (parse->package->stopped)
		XML_StopParser(parse->parser, XML_FALSE);
}

static void XMLCALL
on_begin(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct parse *parse = arg;

	if (++parse->deep > PACKAGE_DEEPEST)
		package_stop(parse->package, E_INVALID, "the XML is nested too deep");
	else
		parse->reader->begin(parse->reader->arg, local(name), attributes);
	look_for_stop(parse);
}

static void XMLCALL
on_end(void *arg, const XML_Char *name)
{
	struct parse *parse = arg;

	parse->deep--;
	parse->reader->end(parse->reader->arg, local(name));
	look_for_stop(parse);
}

static void XMLCALL
on_text(void *arg, const XML_Char *text, int len)
{
	const struct parse *parse = arg;

	if (parse->reader->text != NULL && !parse->package->stopped)
		parse->reader->text(parse->reader->arg, text, (size_t)len);
}

/* Entities can only be declared in one. */
static void XMLCALL
on_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public,
    int internal)
{
	struct parse *parse = arg;

	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	package_stop(parse->package, E_INVALID, "XML with a document type is refused");
	look_for_stop(parse);
}

static void
feed(struct package *p, zip_file_t *file, XML_Parser parser, const char *part)
{
	zip_int64_t got;

	do {
		void *buffer = XML_GetBuffer(parser, PIECE);

		if (buffer == NULL) {
			package_stop(p, E_NOMEM, "out of memory");
			return;
		}
		got = zip_fread(file, buffer, PIECE);
		if (got < 0) {
			package_stop(p, E_INVALID, "%.40s in the file is damaged", part);
			return;
		}
		p->unpacked += (size_t)got;
		if (p->unpacked > PACKAGE_UNPACKED_MOST) {
			package_stop(p, E_INVALID, "unpacked, the file is larger than %d MiB",
			    PACKAGE_UNPACKED_MOST >> 20);
			return;
		}
		if (XML_ParseBuffer(parser, (int)got, got == 0) != XML_STATUS_OK) {
			package_stop(p,
			    XML_GetErrorCode(parser) == XML_ERROR_NO_MEMORY ? E_NOMEM : E_INVALID,
			    "%.40s, line %lu: %s", part,
			    (unsigned long)XML_GetCurrentLineNumber(parser),
			    XML_ErrorString(XML_GetErrorCode(parser)));
			return;
		}
	} while (got > 0);
}

static int
open_part(struct package *p, const char *part, zip_file_t **file)
{
	zip_stat_t st;

	if (zip_stat(p->zip, part, ZIP_FL_NOCASE, &st) < 0)
		return E_NOTFOUND;
	if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && st.encryption_method != ZIP_EM_NONE)
		package_stop(p, E_INVALID, "the file is encrypted");
	else if ((st.valid & ZIP_STAT_COMP_METHOD) != 0 && st.comp_method != ZIP_CM_STORE &&
	    st.comp_method != ZIP_CM_DEFLATE)
		package_stop(p, E_INVALID, "%.40s is packed in an unusual way", part);
	else if ((*file = zip_fopen_index(p->zip, st.index, 0)) == NULL)
		package_stop(p, E_INVALID, "%.40s in the file is damaged", part);
	return p->rc;
}

int
package_read(struct package *p, const char *part, const struct package_reader *reader)
{
	struct parse parse = { .package = p, .reader = reader };
	zip_file_t *file = NULL;
	int rc = open_part(p, part, &file);

	if (rc < 0)
		return rc;
	parse.parser = XML_ParserCreate(NULL);
	if (parse.parser == NULL) {
		package_stop(p, E_NOMEM, "out of memory");
	} else {
		XML_SetUserData(parse.parser, &parse);
		XML_SetElementHandler(parse.parser, on_begin, on_end);
		XML_SetCharacterDataHandler(parse.parser, on_text);
		XML_SetStartDoctypeDeclHandler(parse.parser, on_doctype);
		feed(p, file, parse.parser, part);
		XML_ParserFree(parse.parser);
	}
	zip_fclose(file);
	return p->rc;
}
