#include "src/events/smtp.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/text.h"

enum { PORT_SMTPS = 465, PORT_PLAIN = 25, WORD_BYTES = 45, LINE_MOST = 998 };

/* ---- texts ---- */

static void
print_base64(struct text *t, const char *bytes, size_t len)
{
	static const char letters[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = 0;
		char four[4];

		for (size_t k = 0; k < 3; k++)
			v = v << 8 | (i + k < len ? (unsigned char)bytes[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			four[k] = i + k > len ? '=' : letters[v >> (18 - 6 * k) & 63];
		text_add(t, four, 4);
	}
}

void
smtp_print_words(struct text *t, const char *p)
{
	size_t len = strlen(p);
	bool plain = true, first = true;

	for (size_t i = 0; i < len; i++)
		plain &= p[i] >= ' ' && p[i] < 0x7f;
	if (plain)
		text_add(t, p, len);
	while (!plain && len > 0) {
		size_t n = len < WORD_BYTES ? len : WORD_BYTES;

		while (n < len && n > 1 && ((unsigned char)p[n] & 0xc0) == 0x80)
			n--;
		text_str(t, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
		print_base64(t, p, n);
		text_str(t, "?=");
		first = false;
		p += n;
		len -= n;
	}
}

static void
print_csv_device(struct text *t, const char *measure, const json_t *device)
{
	const char *serial = json_string_value(json_object_get(device, "serial"));
	json_t *entry, *tag;
	size_t i, k;

	json_array_foreach(json_object_get(device, "vals"), i, entry)
		json_array_foreach(json_object_get(entry, "tags"), k, tag) {
			char *value = json_dumps(json_object_get(tag, "val"),
			    JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));

			text_printf(t, "%s;%lld;%s;%lld;%s;%s\r\n", measure,
			    (long long)json_integer_value(json_object_get(device, "meterId")),
			    serial != NULL ? serial : "",
			    (long long)json_integer_value(json_object_get(entry, "ts")),
			    json_string_value(json_object_get(tag, "tag")), value != NULL ? value : "");
			free(value);
		}
}

int
smtp_print_csv(struct text *t, const char *payload, size_t len)
{
	json_t *root = json_loadb(payload, len, 0, NULL), *measure, *device;
	size_t i, k;
	int rc = root != NULL ? E_OK : E_FRAME;

	text_str(t, "measure;meterId;serial;ts;tag;val\r\n");
	json_array_foreach(json_object_get(root, "measures"), i, measure)
		json_array_foreach(json_object_get(measure, "devices"), k, device)
			print_csv_device(t, json_string_value(json_object_get(measure, "measure")),
			    device);
	json_decref(root);
	return t->failed ? E_NOMEM : rc;
}

/* ---- the letter ---- */

/* Enough to keep an address from becoming a second header or command. */
static bool
is_address(const char *p)
{
	size_t len = strlen(p);

	for (size_t i = 0; i < len; i++)
		if ((unsigned char)p[i] <= ' ' || strchr("<>\"\\,;:\x7f", p[i]) != NULL)
			return false;
	return len > 2 && len < LINE_MOST / 2 && strchr(p, '@') != NULL;
}

static void
print_date(struct text *t, struct zone zone, int64_t utc)
{
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
		"Sep", "Oct", "Nov", "Dec" };
	struct civil c = civil_from_utc(zone, utc);
	int offset = (int)(zone_offset_s(zone, utc) / 60), size = offset < 0 ? -offset : offset;

	text_printf(t, "%s, %02d %s %04d %02d:%02d:%02d %c%02d%02d",
	    days[civil_weekday(civil_days(c.year, c.month, c.day))], c.day, months[c.month - 1], c.year,
	    c.hour, c.minute, c.second, offset < 0 ? '-' : '+', size / 60, size % 60);
}

static bool
add_header(struct transfer *t, const struct text *line)
{
	struct curl_slist *longer = line->failed ? NULL : curl_slist_append(t->headers, line->p);

	t->headers = longer != NULL ? longer : t->headers;
	return longer != NULL;
}

static bool
add_headers(struct transfer *t, const struct account *a, const struct smtp_letter *l)
{
	char time[CIVIL_TEXT_SIZE];
	struct text line = { 0 }, subject = { 0 };
	bool good;

	text_str(&line, "Date: ");
	print_date(&line, l->zone, t->head.created);
	good = add_header(t, &line);
	text_clear(&line);
	text_printf(&line, "From: <%s>", a->email);
	good = good && add_header(t, &line);
	text_clear(&line);
	text_printf(&line, "To: <%s>", l->to);
	good = good && add_header(t, &line);
	text_clear(&line);
	text_printf(&line, "Message-ID: <%s.%016" PRIx64 ".%u%s>", l->serial, t->head.message,
	    t->head.part, strchr(a->email, '@'));
	good = good && add_header(t, &line);
	text_clear(&line);
	text_printf(&subject, "%s %016" PRIx64 " %s", l->name[0] != '\0' ? l->name : l->serial,
	    t->head.message, civil_print(l->zone, t->head.created, ' ', time));
	text_str(&line, "Subject: ");
	smtp_print_words(&line, subject.failed ? "" : subject.p);
	good = good && add_header(t, &line);
	text_free(&line);
	text_free(&subject);
	return good;
}

static bool
add_part(struct transfer *t, const char *data, size_t len, const char *type, const char *file)
{
	curl_mimepart *part = curl_mime_addpart(t->mime);

	return part != NULL && curl_mime_data(part, data, len) == CURLE_OK &&
	    curl_mime_type(part, type) == CURLE_OK && curl_mime_encoder(part, "base64") == CURLE_OK &&
	    (file == NULL || curl_mime_filename(part, file) == CURLE_OK);
}

static bool
add_parts(struct transfer *t, const struct smtp_letter *l)
{
	struct civil c = civil_from_utc(l->zone, t->head.created);
	struct text words = { 0 }, csv = { 0 };
	char file[96];
	int stem = snprintf(file, sizeof(file) - 8, "data_%s_%04d%02d%02d%02d%02d%02d", l->serial,
	    c.year, c.month, c.day, c.hour, c.minute, c.second);
	bool good;

	stem = stem < (int)sizeof(file) - 8 ? stem : (int)sizeof(file) - 9;
	text_printf(&words, "%s\r\n%s %s\r\nmsgId %016" PRIx64,
	    "Data of meters / Данные приборов учёта", l->name, l->serial, t->head.message);
	if (t->head.parts > 1)
		text_printf(&words, ", %u / %u", t->head.part, t->head.parts);
	text_str(&words, "\r\n");
	snprintf(file + stem, sizeof(file) - (size_t)stem, ".json");
	t->mime = curl_mime_init(t->easy);
	good = t->mime != NULL && !words.failed &&
	    add_part(t, words.p, words.len, "text/plain; charset=utf-8", NULL) &&
	    add_part(t, t->payload, t->len, "application/json", file);
	if (good && l->csv) {
		snprintf(file + stem, sizeof(file) - (size_t)stem, ".csv");
		good = smtp_print_csv(&csv, t->payload, t->len) == E_OK &&
		    add_part(t, csv.p, csv.len, "text/csv; charset=utf-8", file);
	}
	text_free(&words);
	text_free(&csv);
	return good;
}

/* 465 is TLS from the start, on 25 nothing is asked for, elsewhere TLS is taken when it is offered. */
static void
set_server(CURL *easy, const struct account *a, const char *url)
{
	long tls = CURLUSESSL_TRY;

	if (a->tls == TLS_UPGRADE)
		tls = CURLUSESSL_ALL;
	else if (a->tls == TLS_NONE || (a->tls == TLS_BY_PORT && a->port == PORT_PLAIN))
		tls = CURLUSESSL_NONE;
	curl_easy_setopt(easy, CURLOPT_USE_SSL, tls);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PORT, (long)a->port);
}

int
smtp_prepare(struct transfer *t, const struct account *a, const struct smtp_letter *l)
{
	bool from_start = a->tls == TLS_FROM_START || (a->tls == TLS_BY_PORT && a->port == PORT_SMTPS);
	struct text url = { 0 }, from = { 0 }, to = { 0 };
	int rc = E_NOMEM;

	if (!is_address(a->email) || !is_address(l->to))
		return E_INVALID;
	text_printf(&url, "%s://%s", from_start ? "smtps" : "smtp", a->addr);
	text_printf(&from, "<%s>", a->email);
	text_printf(&to, "<%s>", l->to);
	if (url.failed || from.failed || to.failed || !add_headers(t, a, l) || !add_parts(t, l) ||
	    (t->receivers = curl_slist_append(NULL, to.p)) == NULL)
		goto out;
	set_server(t->easy, a, url.p);
	curl_easy_setopt(t->easy, CURLOPT_MAIL_FROM, from.p);
	curl_easy_setopt(t->easy, CURLOPT_MAIL_RCPT, t->receivers);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(t->easy, CURLOPT_MIMEPOST, t->mime);
	rc = E_OK;
out:
	text_free(&url);
	text_free(&from);
	text_free(&to);
	return rc;
}

/* ---- results ---- */

static enum smtp_result
result_of(CURLcode code)
{
	switch (code) {
	case CURLE_OK: return SMTP_OK;
	case CURLE_COULDNT_CONNECT: return SMTP_CONNECT;
	case CURLE_COULDNT_RESOLVE_HOST: return SMTP_NAME;
	case CURLE_GOT_NOTHING: case CURLE_RECV_ERROR: return SMTP_RESET;
	case CURLE_OPERATION_TIMEDOUT: return SMTP_TIMEOUT;
	case CURLE_WEIRD_SERVER_REPLY: return SMTP_REPLY;
	case CURLE_READ_ERROR: return SMTP_FILE;
	case CURLE_SSL_ENGINE_INITFAILED: case CURLE_SSL_CACERT_BADFILE: return SMTP_TLS_INIT;
	case CURLE_SSL_CONNECT_ERROR: case CURLE_PEER_FAILED_VERIFICATION: case CURLE_USE_SSL_FAILED:
		return SMTP_TLS_HANDSHAKE;
	case CURLE_LOGIN_DENIED: return SMTP_SIGN_IN;
	case CURLE_URL_MALFORMAT: case CURLE_UNSUPPORTED_PROTOCOL: return SMTP_PARAMETERS;
	case CURLE_SEND_ERROR: case CURLE_UPLOAD_FAILED: return SMTP_BODY;
	default: return SMTP_UNKNOWN;
	}
}

enum verdict
smtp_judge(const struct transfer *t, CURLcode code, enum smtp_result *result)
{
	long reply = 0;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &reply);
	*result = result_of(code);
	if (code == CURLE_OK)
		return VERDICT_SENT;
	if (reply >= 400 && reply < 600 && *result != SMTP_SIGN_IN)
		*result = code == CURLE_WEIRD_SERVER_REPLY ?
		    SMTP_BODY :
		    SMTP_REPLY; /* the letter itself, or before */
	/* Refused for good is a letter; a login that is refused is a fault of the account. */
	return reply >= 500 && reply < 600 && *result != SMTP_SIGN_IN && *result != SMTP_TLS_HANDSHAKE ?
	    VERDICT_GIVE_UP :
	    VERDICT_RETRY;
}
