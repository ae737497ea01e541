#include "src/events/push.h"

#include <inttypes.h>
#include <string.h>

#include "src/base/text.h"

enum { REDIRECTS_MOST = 3 };

/* Slashes of a topic are slashes of the path. */
static void
print_url(struct text *url, CURL *easy, const struct account *a, const char *topic)
{
	size_t len = strlen(a->addr);

	text_add(url, a->addr, len - (topic[0] != '\0' && a->addr[len - 1] == '/'));
	while (*topic != '\0') {
		size_t n = strcspn(topic, "/");
		char *part = curl_easy_escape(easy, topic, (int)n);

		text_str(url, "/");
		if (n > 0 && part != NULL)
			text_str(url, part);
		url->failed |= part == NULL;
		curl_free(part);
		topic += n + (topic[n] == '/');
	}
}

static bool
add_header(struct transfer *t, const char *line)
{
	struct curl_slist *longer = curl_slist_append(t->headers, line);

	t->headers = longer != NULL ? longer : t->headers;
	return longer != NULL;
}

int
push_prepare(struct transfer *t, const struct account *a)
{
	struct text url = { 0 }, id = { 0 };
	int rc = E_NOMEM;

	print_url(&url, t->easy, a, t->head.topic);
	text_printf(&id, "X-Message-Id: %016" PRIx64 "-%u", t->head.message, t->head.part);
	if (url.failed || id.failed || !add_header(t, "Content-Type: application/json") ||
	    !add_header(t, "Expect:") || !add_header(t, id.p))
		goto out;
	curl_easy_setopt(t->easy, CURLOPT_URL, url.p);
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(t->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->payload);
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->len);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(t->easy, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
	curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(t->easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MOST);
	rc = E_OK;
out:
	text_free(&url);
	text_free(&id);
	return rc;
}

enum verdict
push_judge(const struct transfer *t, CURLcode code, long *status)
{
	*status = 0;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, status);
	if (code == CURLE_OK && *status >= 200 && *status < 300)
		return VERDICT_SENT;
	if (code == CURLE_OK && (*status == 400 || *status == 413 || *status == 415 || *status == 422))
		return VERDICT_GIVE_UP;
	return VERDICT_RETRY;
}
