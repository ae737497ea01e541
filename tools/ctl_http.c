#include "tools/ctl_http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECT_MS = 5000, STALL_S = 150, ANSWER_MOST = 512 << 20 };

/* ---- the token ---- */

static bool
read_token(const char *path, char buf[static CTL_TOKEN_SIZE])
{
	FILE *f = fopen(path, "re");
	size_t n;

	if (f == NULL)
		return false;
	n = fread(buf, 1, CTL_TOKEN_SIZE - 1, f);
	fclose(f);
	buf[n] = '\0';
	buf[strcspn(buf, " \r\n")] = '\0';
	return true;
}

/* The token of this machine is told to no other. */
static bool
is_this_machine(const char *url)
{
	static const char *const names[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(url, names[i], n) == 0 && strchr(":/", url[n]) != NULL)
			return true;
	}
	return false;
}

bool
ctl_find_token(struct ctl *ctl, const char *given, const char *file, char buf[static CTL_TOKEN_SIZE])
{
	ctl->token = NULL;
	if (file == NULL && given != NULL && *given == '@')
		file = given + 1;
	if (file != NULL && !read_token(file, buf)) {
		fprintf(stderr, "uspdctl: %s: %s\n", file, strerror(errno));
		return false;
	}
	if (file != NULL ||
	    (given == NULL && is_this_machine(ctl->url) && read_token(CTL_TOKEN_FILE, buf)))
		ctl->token = buf;
	else
		ctl->token = given;
	return true;
}

/* ---- requests ---- */

static size_t
take(char *data, size_t size, size_t n, void *arg)
{
	struct text *answer = arg;

	if (answer->len + size * n > ANSWER_MOST)
		return 0;
	text_add(answer, data, size * n);
	return answer->failed ? 0 : size * n;
}

static int
unreachable(const struct ctl *ctl, CURLcode rc, const char *detail)
{
	fprintf(stderr, "uspdctl: cannot reach the daemon at %s: %s\n", ctl->url,
	    *detail != '\0' ? detail : curl_easy_strerror(rc));
	fprintf(stderr, "  Is it running (systemctl status uspdd)?  Another address: --url URL\n");
	return CTL_UNREACHABLE;
}

static struct curl_slist *
make_fields(const struct ctl *ctl, const char *path, const struct ctl_body *body)
{
	struct curl_slist *fields = curl_slist_append(NULL, "Expect:");
	char line[512];

	fields = curl_slist_append(fields, "Accept-Language: en");
	if (*path == '/') {
		snprintf(line, sizeof(line), "X-Protocol-USPD: %d", ctl->dialect);
		fields = curl_slist_append(fields, line);
	}
	if (body != NULL) {
		snprintf(line, sizeof(line), "Content-Type: %s", body->type);
		fields = curl_slist_append(fields, line);
	}
	if (ctl->token != NULL) {
		snprintf(line, sizeof(line), "Authorization: Bearer %s", ctl->token);
		fields = curl_slist_append(fields, line);
	}
	return fields;
}

/* One transfer; what it needs lives as long. */
struct transfer {
	CURL *curl;
	struct curl_slist *fields;
	struct text url;
	char detail[CURL_ERROR_SIZE];
};

static bool
transfer_open(struct transfer *t, const struct ctl *ctl, const char *path, const struct ctl_body *body)
{
	*t = (struct transfer){ .curl = curl_easy_init(), .fields = make_fields(ctl, path, body) };
	text_printf(&t->url, "%s%s%s", ctl->url, *path == '/' ? "" : "/api/v1/", path);
	if (t->curl == NULL || t->url.failed)
		return false;
	curl_easy_setopt(t->curl, CURLOPT_URL, t->url.p);
	curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->fields);
	curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, t->detail);
	curl_easy_setopt(t->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(t->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t->curl, CURLOPT_PROXY, "");
	if (body != NULL) {
		curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS, body->data);
		curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
	}
	return true;
}

static void
transfer_close(struct transfer *t)
{
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->fields);
	text_free(&t->url);
}

int
ctl_request(const struct ctl *ctl, const char *method, const char *path, const struct ctl_body *body,
    struct text *answer, long *status)
{
	CURLcode rc = CURLE_FAILED_INIT;
	struct transfer t;

	if (transfer_open(&t, ctl, path, body)) {
		curl_easy_setopt(t.curl, CURLOPT_CUSTOMREQUEST, method);
		curl_easy_setopt(t.curl, CURLOPT_WRITEFUNCTION, take);
		curl_easy_setopt(t.curl, CURLOPT_WRITEDATA, answer);
		curl_easy_setopt(t.curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
		curl_easy_setopt(t.curl, CURLOPT_LOW_SPEED_TIME, (long)STALL_S);
		rc = curl_easy_perform(t.curl);
		curl_easy_getinfo(t.curl, CURLINFO_RESPONSE_CODE, status);
	}
	transfer_close(&t);
	return rc == CURLE_OK ? CTL_OK : unreachable(ctl, rc, t.detail);
}

/* ---- JSON both ways ---- */

void
ctl_tell_refusal(const struct text *answer, long status)
{
	json_t *json = answer->len > 0 ? json_loadb(answer->p, answer->len, 0, NULL) : NULL;
	json_t *faults = json_object_get(json, "errors"), *fault;
	const char *where = ctl_text(json, "where");
	size_t i;

	if (!json_is_object(json))
		fprintf(stderr, "uspdctl: the daemon answered with status %ld\n", status);
	else if (json_array_size(faults) == 0)
		fprintf(stderr, "uspdctl: %s%s%s%s\n", ctl_text(json, "error"),
		    *where != '\0' ? " (" : "", where, *where != '\0' ? ")" : "");
	json_array_foreach(faults, i, fault)
		fprintf(stderr, "uspdctl: %s: %s\n", ctl_text(fault, "where"), ctl_text(fault, "text"));
	if (json_array_size(faults) > 0)
		fprintf(stderr, "uspdctl: faults: %lld; nothing was changed\n",
		    ctl_int(json, "n_errors"));
	if (status == 401)
		fprintf(stderr,
		    "  The token is in api.token of the data directory: --token-file FILE\n");
	json_decref(json);
}

int
ctl_call(const struct ctl *ctl, const char *method, const char *path, json_t *body, json_t **answer,
    bool *missing)
{
	char *dump = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
	struct ctl_body sent = { "application/json", dump, dump != NULL ? strlen(dump) : 0 };
	struct text text = { 0 };
	long status = 0;
	int rc;

	*answer = NULL;
	rc = ctl_request(ctl, method, path, dump != NULL ? &sent : NULL, &text, &status);
	if (rc == CTL_OK && status == 404 && missing != NULL) {
		*missing = true;
		rc = CTL_FAILED;
	} else if (rc == CTL_OK && status >= 400) {
		ctl_tell_refusal(&text, status);
		rc = CTL_FAILED;
	} else if (rc == CTL_OK && text.len > 0 &&
	    (*answer = json_loadb(text.p, text.len, 0, NULL)) == NULL) {
		fprintf(stderr, "uspdctl: the answer of %s is no JSON: is that the daemon?\n",
		    ctl->url);
		rc = CTL_FAILED;
	}
	text_free(&text);
	free(dump);
	json_decref(body);
	return rc;
}

void
ctl_add_arg(struct text *path, const char *name, const char *value)
{
	char *escaped;

	if (value == NULL)
		return;
	escaped = curl_easy_escape(NULL, value, 0);
	text_printf(path, "%c%s=%s", path->len > 0 && strchr(path->p, '?') != NULL ? '&' : '?', name,
	    escaped != NULL ? escaped : "");
	curl_free(escaped);
}
