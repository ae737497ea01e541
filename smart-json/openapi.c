#include "smart-json/openapi.h"

#include <stdio.h>
#include <string.h>

#include "smart-json/api.h"
#include "smart-json/smart.h"
#include "src/base/version.h"

static const struct http_space *const spaces[] = { &api_space, &smart_space };
static const char *const method_names[] = { "get", "post", "put", "delete" };	/* in order of bits */
enum { METHODS = 4, PATH = 160 };

/* ---- forms ---- */

static const struct { const char *type, *schema; } forms[FORM_COUNT] = {
	[FORM_OK] = { "application/json",
	    "{\"type\":\"object\",\"required\":[\"res\"],\"properties\":{\"res\":{\"const\":0}}}" },
	[FORM_OBJECT] = { "application/json", "{\"type\":\"object\"}" },
	[FORM_LIST] = { "application/json",
	    "{\"anyOf\":[{\"type\":\"object\"},"
	    "{\"type\":\"array\",\"items\":{\"type\":\"object\"}}]}" },
	[FORM_SETTINGS] = { "application/json",
	    "{\"type\":\"object\",\"properties\":{\"Settings\":{\"type\":"
	    "[\"array\",\"object\",\"null\"],\"items\":{\"type\":\"object\"}}}}" },
	[FORM_METERS] = { "application/json",
	    "{\"type\":\"object\",\"required\":[\"Meters\"],\"properties\":{\"Meters\":{\"type\":"
	    "[\"array\",\"object\",\"null\"],\"items\":{\"type\":\"object\"}}}}" },
	[FORM_STATE] = { "application/json",
	    "{\"type\":\"object\",\"required\":[\"State\"],\"properties\":{\"State\":{\"type\":"
	    "[\"array\",\"null\"],\"items\":{\"type\":\"object\"}}}}" },
	[FORM_JRNL] = { "application/json",
	    "{\"type\":\"object\",\"required\":[\"Jrnl\"],\"properties\":{\"Jrnl\":{\"type\":"
	    "[\"array\",\"null\"],\"items\":{\"type\":\"object\"}}}}" },
	[FORM_TEXT] = { "text/plain", "{\"type\":\"string\"}" },
	[FORM_CSV] = { "text/csv", "{\"type\":\"string\"}" },
	[FORM_XLSX] = { "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "{}" },
	[FORM_EVENTS] = { "text/event-stream", "{\"type\":\"string\"}" },
	[FORM_UPLOAD] = { "multipart/form-data",
	    "{\"type\":\"object\",\"properties\":{\"fw_update\":{\"type\":\"string\","
	    "\"contentMediaType\":\"application/octet-stream\"}}}" },
	[FORM_BYTES] = { "application/octet-stream", "{}" },
	[FORM_LOGIN] = { "application/json",
	    "{\"type\":\"object\",\"required\":[\"login\",\"password\"],\"properties\":{\"login\":"
	    "{\"type\":\"string\"},\"password\":{\"type\":\"string\"}}}" },
	[FORM_QUESTION] = { "application/json",
	    "{\"type\":\"object\",\"properties\":{\"ids\":{\"type\":\"array\"},\"measures\":{},"
	    "\"tags\":{},\"time\":{}}}" },
	[FORM_MEASURES] = { "application/json",
	    "{\"type\":\"object\",\"required\":[\"measures\"],\"properties\":{\"measures\":{\"type\":"
	    "\"array\"}}}" },
};

static json_t *
content_of(enum openapi_form form)
{
	return json_pack("{s:{s:o}}", forms[form].type, "schema",
	    json_loads(forms[form].schema, 0, NULL));
}

/* ---- texts ---- */

static const struct openapi_text *
text_of(const char *path, unsigned method)
{
	for (size_t i = 0; i < openapi_n_texts; i++)
		if (strcmp(openapi_texts[i].path, path) == 0 &&
		    (openapi_texts[i].methods & method) != 0)
			return &openapi_texts[i];
	return NULL;
}

/* Copies the next word of a list and returns what follows it; NULL: there is none. */
static const char *
next_word(const char *list, char *word, size_t size)
{
	size_t len;

	list += strspn(list, " ");
	if ((len = strcspn(list, " |")) == 0)
		return NULL;
	snprintf(word, size, "%.*s", (int)len, list);
	return list + len;
}

/* "/api/v1/meters/{}" with "id|..." is "/api/v1/meters/{id}"; its arguments go to `parameters`. */
static void
print_path(const struct openapi_text *text, char *to, size_t size, json_t *parameters)
{
	const char *names = text->names, *p = text->path;
	char name[32];
	size_t n = 0;

	while (*p != '\0' && n + sizeof(name) + 3 < size) {
		if (*p != '{') {
			to[n++] = *p++;
			continue;
		}
		p = strchr(p, '}') + 1;
		if (names == NULL || (names = next_word(names, name, sizeof(name))) == NULL)
			snprintf(name, sizeof(name), "name");
		n += (size_t)snprintf(to + n, size - n, "{%s}", name);
		json_array_append_new(parameters,
		    json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", "path", "required", 1,
			"schema", "type", "string"));
	}
	to[n] = '\0';
}

static void
add_query(const struct openapi_text *text, json_t *parameters)
{
	const char *names = text->names != NULL ? strchr(text->names, '|') : NULL;
	char name[32];

	for (names = names != NULL ? names + 1 : "";
	     (names = next_word(names, name, sizeof(name))) != NULL;)
		json_array_append_new(parameters,
		    json_pack("{s:s, s:s, s:{s:s}}", "name", name, "in", "query", "schema", "type",
			"string"));
}

/* ---- operations ---- */

static void
add_dialects(const struct http_space *space, const struct http_route *route, json_t *operation,
    json_t *parameters)
{
	json_t *list = json_array();

	if (*space->prefix == '\0') {
		if ((route->dialects & DIALECT_31) != 0 || route->dialects == 0)
			json_array_append_new(list, json_integer(31));
		if ((route->dialects & DIALECT_40) != 0 || route->dialects == 0)
			json_array_append_new(list, json_integer(40));
		json_array_append_new(parameters,
		    json_pack("{s:s, s:s, s:{s:s, s:O}}", "name", "X-Protocol-USPD", "in", "header",
			"schema", "type", "integer", "enum", list));
		json_object_set(operation, "x-dialects", list);
	}
	json_decref(list);
}

/* Of a table the verb tells what is done with its rows. */
static void
print_summary(const struct openapi_text *text, unsigned method, char *to, size_t size)
{
	static const char *const verbs[] = { "Read: ", "Add rows: ", "Rewrite rows: ",
		"Remove rows: " };
	unsigned i = 0;

	while (i < METHODS - 1 && (method >> i & 1) == 0)
		i++;
	snprintf(to, size, "%s%s",
	    text->answer == FORM_SETTINGS || text->answer == FORM_METERS ? verbs[i] : "",
	    text->summary);
}

static json_t *
operation_of(const struct http_space *space, const struct http_route *route, unsigned method,
    const struct openapi_text *text, char *path, size_t size)
{
	json_t *parameters = json_array(), *operation, *good;
	bool table = text->answer == FORM_SETTINGS || text->answer == FORM_METERS;
	enum openapi_form answer = table && method != HTTP_GET ? FORM_OK : text->answer;
	enum openapi_form body = table && method != HTTP_GET ? text->answer : text->body;
	char summary[160];

	print_path(text, path, size, parameters);
	print_summary(text, method, summary, sizeof(summary));
	good = json_pack("{s:s}", "description", "done");
	if (answer != FORM_NONE)
		json_object_set_new(good, "content", content_of(answer));
	operation = json_pack("{s:s, s:i, s:{s:o, s:{s:s}}}", "summary", summary, "x-level",
	    (int)route->level, "responses", "200", good, "default", "$ref",
	    "#/components/responses/Error");
	if (route->level == LEVEL_ANYBODY)
		json_object_set_new(operation, "security", json_array());
	add_query(text, parameters);
	add_dialects(space, route, operation, parameters);
	if (json_array_size(parameters) > 0)
		json_object_set(operation, "parameters", parameters);
	json_decref(parameters);
	if (body != FORM_NONE && method != HTTP_GET)
		json_object_set_new(operation, "requestBody",
		    json_pack("{s:o}", "content", content_of(body)));
	return operation;
}

static void
fault(json_t *faults, unsigned method, const char *path, const char *what)
{
	char text[PATH + 64];
	unsigned i = 0;

	while (i < METHODS - 1 && (method >> i & 1) == 0)
		i++;
	snprintf(text, sizeof(text), "%s %s: %s", method_names[i], path, what);
	json_array_append_new(faults, json_string(text));
}

static void
add_route(json_t *paths, const struct http_space *space, const struct http_route *route,
    json_t *faults)
{
	char pattern[PATH], path[PATH];

	snprintf(pattern, sizeof(pattern), "%s/%s", space->prefix, route->path);
	for (unsigned i = 0; i < METHODS; i++) {
		const struct openapi_text *text;
		json_t *item, *operation;

		if ((route->methods >> i & 1) == 0)
			continue;
		if ((text = text_of(pattern, 1U << i)) == NULL) {
			fault(faults, 1U << i, pattern, "served, not described");
			continue;
		}
		operation = operation_of(space, route, 1U << i, text, path, sizeof(path));
		if ((item = json_object_get(paths, path)) == NULL) {
			item = json_object();
			json_object_set_new(paths, path, item);
		}
		json_object_set_new(item, method_names[i], operation);
	}
}

static bool
is_served(const char *path, unsigned method)
{
	char pattern[PATH];

	for (size_t s = 0; s < sizeof(spaces) / sizeof(spaces[0]); s++)
		for (size_t i = 0; i < spaces[s]->n_routes; i++) {
			const struct http_route *route = &spaces[s]->routes[i];

			snprintf(pattern, sizeof(pattern), "%s/%s", spaces[s]->prefix, route->path);
			if ((route->methods & method) != 0 && strcmp(pattern, path) == 0)
				return true;
		}
	return false;
}

static void
find_idle_texts(json_t *faults)
{
	for (size_t i = 0; i < openapi_n_texts; i++)
		for (unsigned m = 0; m < METHODS; m++)
			if ((openapi_texts[i].methods >> m & 1) != 0 &&
			    !is_served(openapi_texts[i].path, 1U << m))
				fault(faults, 1U << m, openapi_texts[i].path, "described, not served");
}

/* ---- the document ---- */

static const char components[] =
    "{\"securitySchemes\":{"
    "\"ticket\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"sessionid\"},"
    "\"token\":{\"type\":\"http\",\"scheme\":\"bearer\"}},"
    "\"schemas\":{\"Error\":{\"type\":\"object\",\"required\":[\"res\",\"error\"],\"properties\":{"
    "\"res\":{\"type\":\"integer\"},\"error\":{\"type\":\"string\"},\"where\":{\"type\":\"string\"}}}},"
    "\"responses\":{\"Error\":{\"description\":\"refused; nothing was changed\",\"content\":{"
    "\"application/json\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}}}}}";

json_t *
openapi_document(json_t **faults)
{
	json_t *paths = json_object(), *found = json_array(), *document;

	for (size_t s = 0; s < sizeof(spaces) / sizeof(spaces[0]); s++)
		for (size_t i = 0; i < spaces[s]->n_routes; i++)
			add_route(paths, spaces[s], &spaces[s]->routes[i], found);
	find_idle_texts(found);
	document = json_pack("{s:s, s:{s:s, s:s}, s:[{s:[]}, {s:[]}], s:o, s:o}", "openapi", "3.1.0",
	    "info", "title", "uspdd", "version", USPD_VERSION, "security", "ticket", "token", "paths",
	    paths, "components", json_loads(components, 0, NULL));
	if (faults != NULL)
		*faults = found;
	else
		json_decref(found);
	return document;
}

void
api_openapi(struct http_call *call)
{
	api_reply(call, openapi_document(NULL));
}
