#include "smart-json/edit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/store/store.h"

/* Bytes of "before" and of "after" in a row of the journal; when cut, quotes may double them. */
enum { SIDE_MOST = 1500, SIDE_CUT = 700, KEY_MOST = 100 };

static pthread_mutex_t editing = PTHREAD_MUTEX_INITIALIZER;

void
edit_lock(void)
{
	pthread_mutex_lock(&editing);
}

void
edit_unlock(void)
{
	pthread_mutex_unlock(&editing);
}

void
edit_blank_secrets(json_t *json)
{
	static const char *const secrets[] = { "password", "userPassword", "passRd", "passWr",
		"pass_rd", "pass_wr", "pin", "key", "hash", "rtu.auth" };
	json_t *value;
	const char *name;
	size_t i;
	void *next;

	json_array_foreach(json, i, value)
		edit_blank_secrets(value);
	json_object_foreach_safe(json, next, name, value) {
		bool secret = false;

		for (size_t j = 0; j < sizeof(secrets) / sizeof(secrets[0]); j++)
			secret |= strcmp(name, secrets[j]) == 0;
		if (secret && !json_is_null(value))
			json_object_set_new(json, name, json_string(""));
		else
			edit_blank_secrets(value);
	}
}

/* A side that is too long is told by its beginning, as text. */
static void
add_side(struct text *row, const char *name, const json_t *json)
{
	json_t *copy = json_deep_copy(json);
	char *dump;

	edit_blank_secrets(copy);
	dump = copy != NULL ? json_dumps(copy, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
	text_printf(row, ",\"%s\":", name);
	if (dump != NULL && strlen(dump) > SIDE_MOST) {
		size_t cut = SIDE_CUT;

		while (cut > 0 && (dump[cut] & 0xc0) == 0x80)
			cut--;
		dump[cut] = '\0';
		text_json(row, dump);
	} else {
		text_str(row, dump != NULL ? dump : "null");
	}
	free(dump);
	json_decref(copy);
}

void
edit_audit(const struct http_call *call, const char *what, const char *key, const json_t *before,
    const json_t *after)
{
	char name[KEY_MOST];
	struct text row = { 0 };

	snprintf(name, sizeof(name), "%s", key != NULL ? key : "");
	text_str(&row, "{\"login\":");
	text_json(&row, call->login != NULL ? call->login : "");
	text_str(&row, ",\"peer\":");
	text_json(&row, call->peer);
	text_str(&row, ",\"what\":");
	text_json(&row, what);
	text_str(&row, ",\"key\":");
	text_json(&row, name);
	add_side(&row, "before", before);
	add_side(&row, "after", after);
	text_str(&row, "}");
	if (row.failed || store_journal_add(call->server->store, DJ_AUDIT, clock_utc(), row.p) < 0)
		log_warn("http", "what=%s login=%s: a change is not journalled", what, call->login);
	text_free(&row);
}
