#include "src/events/message_transfer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CONNECT_S = 30, TOTAL_S = 120 };	/* system.md 10.3 */

/* The answer of a server is of no interest. */
static size_t
swallow(char *data, size_t size, size_t n, void *arg)
{
	(void)data;
	(void)arg;
	return size * n;
}

static void
set_certificates(CURL *easy, const struct account *a)
{
	struct curl_blob ca = { .data = a->ca, .len = a->ca != NULL ? strlen(a->ca) : 0,
		.flags = CURL_BLOB_COPY };
	struct stat is;

	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, (long)a->cert_check);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, a->cert_check ? 2L : 0L);
	if (a->ca != NULL)
		curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &ca);
	else if (a->ca_path[0] != '\0' && stat(a->ca_path, &is) == 0)
		curl_easy_setopt(easy, S_ISDIR(is.st_mode) ? CURLOPT_CAPATH : CURLOPT_CAINFO,
		    a->ca_path);
}

int
transfer_open(struct transfer **made, const struct account *a, const struct outbox_head *head,
    char *payload, size_t len)
{
	struct transfer *t = calloc(1, sizeof(*t));

	*made = NULL;
	if (t == NULL) {
		free(payload);
		return E_NOMEM;
	}
	t->payload = payload;
	t->len = len;
	t->head = *head;
	t->easy = curl_easy_init();
	if (t->easy == NULL) {
		transfer_close(t);
		return E_NOMEM;
	}
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT, (long)TOTAL_S);
	curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, swallow);
	if (a->login[0] != '\0') {
		curl_easy_setopt(t->easy, CURLOPT_USERNAME, a->login);
		curl_easy_setopt(t->easy, CURLOPT_PASSWORD, a->password);
	}
	set_certificates(t->easy, a);
	*made = t;
	return E_OK;
}

void
transfer_close(struct transfer *t)
{
	if (t == NULL)
		return;
	if (t->easy != NULL)
		curl_easy_cleanup(t->easy);
	curl_mime_free(t->mime);
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->receivers);
	free(t->payload);
	free(t);
}
