#include "smart-json/smart.h"

#include <string.h>

#include "smart-json/api.h"
#include "smart-json/edit.h"
#include "smart-json/http_words.h"
#include "src/system/firmware.h"

/* /upload/firmware, /download/fwupdatelog (smart-json.md 15). */

static void
refuse(struct http_call *call, int rc, const char *why)
{
	static const struct { int rc, status, res; const char *where; } refusals[] = {
		{ E_BUSY, 423, RES_BUSY, NULL }, { E_FULL, 507, RES_FULL, NULL },
		{ E_IO, 500, RES_INTERNAL, NULL }, { E_NOMEM, 500, RES_INTERNAL, NULL },
		{ E_INTERNAL, 500, RES_INTERNAL, NULL },
		{ E_FRAME, 400, RES_NOT_UNDERSTOOD, "/fw_update" },
		{ E_OK, 422, RES_RANGE, "/fw_update" },	/* all others */
	};
	size_t i = 0;

	while (refusals[i].rc != E_OK && refusals[i].rc != rc)
		i++;
	http_fail_res(call, refusals[i].status, refusals[i].res, refusals[i].where,
	    "the firmware is refused: %s", http_word(call->english, why));
}

void
smart_firmware_post(struct http_call *call)
{
	struct firmware_upload upload = {
		.data_dir = call->server->dir,
		.file = call->body_file,
		.content_type = http_head_field(call->head, "Content-Type"),
		.login = call->login != NULL ? call->login : "",
		.force = api_arg_flag(call, "force"),
	};
	struct firmware_manifest manifest;
	char why[256];
	json_t *after;
	int rc;

	if (upload.data_dir == NULL) {
		http_fail_res(call, 501, RES_NO_HARDWARE, NULL, "there is no place for firmware");
		return;
	}
	if (upload.file == NULL) {
		http_fail_res(call, 400, RES_MISSING, "", "the request has no body");
		return;
	}
	rc = firmware_take(call->server->store, &upload, &manifest, why, sizeof(why));
	if (rc < 0) {
		refuse(call, rc, why);
		return;
	}
	after = json_string(manifest.version);
	edit_audit(call, "firmware", "", NULL, after);
	json_decref(after);
	smart_ok(call);
}

void
smart_firmware_get(struct http_call *call)
{
	call->type = "text/plain; charset=utf-8";
	firmware_log(call->server->dir, &call->out);
}

/* The page shows what comes as a link: to the log, as there is no archive of logs. */
void
smart_firmware_log(struct http_call *call)
{
	call->type = "text/plain; charset=utf-8";
	text_str(&call->out, "/upload/firmware\n");
}
