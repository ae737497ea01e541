/* The description of everything served over HTTP, OpenAPI 3.1.  Paths, methods, levels and dialects
 * come from the tables of routes; what they are for stands in openapi_texts.c, a row for each. */
#ifndef USPD_SMART_JSON_OPENAPI_H
#define USPD_SMART_JSON_OPENAPI_H

#include <jansson.h>
#include <stddef.h>

#include "smart-json/http.h"

/* What an answer or a body looks like: its schema and media type are in openapi.c. */
enum openapi_form {
	FORM_NONE, FORM_OK, FORM_OBJECT, FORM_LIST, FORM_SETTINGS, FORM_METERS, FORM_STATE, FORM_JRNL,
	FORM_TEXT, FORM_CSV, FORM_XLSX, FORM_EVENTS, FORM_UPLOAD, FORM_BYTES, FORM_LOGIN, FORM_QUESTION,
	FORM_MEASURES, FORM_COUNT
};
struct openapi_text {
	const char *path;	/* whole, as in the routes: "/api/v1/meters/{}" */
	unsigned methods;	/* which it describes */
	const char *summary;
	const char *names;	/* of the path's arguments, then of the query: "id|from to limit" */
	enum openapi_form answer, body;
};
extern const struct openapi_text openapi_texts[];
extern const size_t openapi_n_texts;

/* The document.  *faults (NULL allowed) takes a list of texts: routes that no row describes, and
 * rows that no route serves. */
json_t *openapi_document(json_t **faults);

http_handler api_openapi;	/* GET openapi.json */

#endif
