/* The whole configuration as a file, and back (web-ui.md 4.7, system.md 13). */
#include <string.h>

#include "smart-json/accounts.h"
#include "smart-json/api.h"
#include "smart-json/api_import.h"
#include "smart-json/backup.h"
#include "smart-json/edit.h"
#include "smart-json/seal.h"

static const char passphrase_field[] = "X-Passphrase";

static bool
passphrase_fits(struct http_call *call, const char *passphrase)
{
	size_t len = passphrase != NULL ? strlen(passphrase) : 0;

	if (len >= SEAL_PASSPHRASE_LEAST && len <= SEAL_PASSPHRASE_MOST)
		return true;
	http_fail(call, 422, "/passphrase", "secrets need a pass-phrase of %d to %d bytes, in %s",
	    SEAL_PASSPHRASE_LEAST, SEAL_PASSPHRASE_MOST,
	    call->head->method == HTTP_POST ? "the body" : passphrase_field);
	return false;
}

static void
give(struct http_call *call, const char *passphrase)
{
	json_t *document = backup_make(call->server->store, passphrase, false);

	call->disposition = "attachment; filename=\"uspd-backup.json\"";
	if (passphrase != NULL && document != NULL)
		edit_audit(call, "backup", "secrets", NULL, NULL);
	api_reply(call, document);
	import_trim();
}

void
api_backup_get(struct http_call *call)
{
	const char *passphrase = http_head_field(call->head, passphrase_field);

	if (!api_arg_flag(call, "secrets"))
		give(call, NULL);
	else if (passphrase_fits(call, passphrase))
		give(call, passphrase);
}

/* The same with the pass-phrase in the body, where it may have any letters. */
void
api_backup_post(struct http_call *call)
{
	json_t *body = api_body(call);
	const char *passphrase = json_string_value(json_object_get(body, "passphrase"));

	if (body != NULL && passphrase_fits(call, passphrase))
		give(call, passphrase);
	json_decref(body);
}

/* ---- the way back ---- */

static void
refuse(struct http_call *call, const struct restore *r, int rc)
{
	if (*r->why != '\0')
		http_fail(call, 422, *r->where != '\0' ? r->where : NULL, "%s; nothing was changed",
		    r->why);
	else
		http_fail_err(call, rc, NULL, "nothing was changed");
}

static int
apply(struct http_call *call, struct restore *r)
{
	size_t failed;
	int rc;

	if (r->edits.n == 0)
		return E_OK;
	rc = backup_keep(call->server);
	if (rc < 0)
		return rc;
	rc = store_edit(r->store, r->edits.list, r->edits.n, &failed, r->why, sizeof(r->why));
	if (rc < 0)
		return rc;
	if (r->accounts && call->server->accounts != NULL)
		accounts_changed(call->server->accounts);
	edit_audit(call, "restore", "*", NULL, r->report);
	return E_OK;
}

static void
restore(struct http_call *call, const json_t *document, const char *passphrase)
{
	bool dry = api_arg_flag(call, "dry");
	struct restore r;
	json_t *answer;
	int rc;

	edit_lock();
	rc = restore_plan(&r, call->server->store, document, passphrase);
	if (rc == E_OK && !dry)
		rc = apply(call, &r);
	edit_unlock();
	if (rc < 0) {
		refuse(call, &r, rc);
	} else {
		answer = json_pack("{s:i,s:b,s:I}", "res", 0, "applied", !dry, "edits",
		    (json_int_t)r.edits.n);
		json_object_update(answer, r.report);
		json_object_set(answer, "warnings", r.warnings);
		api_reply(call, answer);
	}
	restore_free(&r);
}

/* The file itself, or {"passphrase":…,"backup":file}. */
void
api_restore_post(struct http_call *call)
{
	const char *passphrase = http_head_field(call->head, passphrase_field);
	json_t *body = api_body(call), *document = body;

	if (body == NULL)
		return;
	if (json_object_get(body, "backup") != NULL) {
		document = json_object_get(body, "backup");
		if (json_object_get(body, "passphrase") != NULL)
			passphrase = json_string_value(json_object_get(body, "passphrase"));
	}
	restore(call, document, passphrase);
	json_decref(body);
	import_trim();
}
