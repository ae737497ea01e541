#include "smart-json/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/edit.h"
#include "smart-json/view.h"
#include "smart-json/when.h"

/* Settings of the device. */

enum { SETTING_TEXT = 512 };

void
api_settings_get(struct http_call *call)
{
	struct settings *now = malloc(sizeof(*now)), *factory = malloc(sizeof(*factory));
	json_t *list = json_array();
	char value[SETTING_TEXT], standard[SETTING_TEXT];
	const char *key;

	if (now == NULL || factory == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the settings cannot be listed");
		goto out;
	}
	store_settings(call->server->store, now);
	settings_defaults(factory);
	for (size_t i = 0; (key = settings_key(i)) != NULL; i++) {
		if (settings_get(now, key, value, sizeof(value)) < 0 ||
		    settings_get(factory, key, standard, sizeof(standard)) < 0)
			continue;
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:s, s:s}", "key", key, "value", value, "default", standard,
			"help", settings_help(i)));
	}
	api_reply(call, json_pack("{s:O}", "settings", list));
out:
	json_decref(list);
	free(now);
	free(factory);
}

/* Numbers and truths are taken as the text they are stored as. */
static const char *
value_text(const json_t *value, char *buf, size_t size)
{
	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "1" : "0";
	if (!json_is_integer(value))
		return NULL;
	snprintf(buf, size, "%lld", (long long)json_integer_value(value));
	return buf;
}

/* All are checked against a copy before the first is stored. */
static bool
check_settings(struct http_call *call, json_t *body)
{
	struct settings *trial = malloc(sizeof(*trial));
	char number[24], where[96];
	const char *key, *text;
	json_t *value;
	bool good = trial != NULL;

	if (good)
		store_settings(call->server->store, trial);
	else
		http_fail_err(call, E_NOMEM, NULL, "the settings cannot be checked");
	json_object_foreach(body, key, value) {
		int rc;

		if (!good)
			break;
		text = value_text(value, number, sizeof(number));
		rc = text != NULL ? settings_set(trial, key, text) : E_INVALID;
		good = rc == E_OK;
		snprintf(where, sizeof(where), "/%.90s", key);
		if (rc == E_NOTFOUND)
			http_fail(call, 422, where, "there is no setting \"%.64s\"", key);
		else if (!good)
			http_fail(call, 422, where, "%.64s: \"%.64s\" is no value for it", key,
			    text != NULL ? text : "");
	}
	free(trial);
	return good;
}

/* What is as it was is neither written nor journalled. */
static void
audit_setting(const struct http_call *call, const struct settings *was, const struct store_edit *edit)
{
	json_t *before = json_object(), *after = json_object();
	char value[SETTING_TEXT];

	if (settings_get(was, edit->key, value, sizeof(value)) == E_OK)
		json_object_set_new(before, edit->key, json_string(value));
	json_object_set_new(after, edit->key, json_string(edit->text));
	edit_audit(call, "settings", edit->key, before, after);
	json_decref(before);
	json_decref(after);
}

static int
plan_settings(const struct settings *was, json_t *body, struct edits *edits)
{
	char now[SETTING_TEXT], number[24];
	json_t *value;
	const char *key;
	int rc = E_OK;

	json_object_foreach(body, key, value) {
		const char *text = value_text(value, number, sizeof(number));

		if (rc == E_OK &&
		    (settings_get(was, key, now, sizeof(now)) < 0 || strcmp(now, text) != 0))
			rc = edits_setting(edits, key, text, -1);
	}
	return rc;
}

static void
put_settings(struct http_call *call, json_t *body)
{
	struct settings *was = malloc(sizeof(*was));
	struct edits edits = { 0 };
	size_t failed = 0;
	int rc = was != NULL ? E_OK : E_NOMEM;

	if (rc == E_OK) {
		store_settings(call->server->store, was);
		rc = plan_settings(was, body, &edits);
	}
	if (rc == E_OK && edits.n > 0)
		rc = store_edit(call->server->store, edits.list, edits.n, &failed, NULL, 0);
	if (rc < 0)
		http_fail_err(call, rc, failed < edits.n ? edits.list[failed].key : NULL,
		    "the settings were not changed");
	for (size_t i = 0; i < edits.n && rc == E_OK; i++)
		audit_setting(call, was, &edits.list[i]);
	edits_free(&edits);
	free(was);
}

void
api_settings_put(struct http_call *call)
{
	json_t *body = api_body(call);

	if (body == NULL)
		return;
	edit_lock();
	if (!json_is_object(body))
		http_fail(call, 422, "", "settings are an object: {\"key\": value}");
	else if (check_settings(call, body))
		put_settings(call, body);
	edit_unlock();
	json_decref(body);
}
