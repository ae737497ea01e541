#include "src/events/message_account.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Control characters would end a header line. */
static bool
take_text(const json_t *row, const char *name, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(row, name));

	if (text == NULL || strlen(text) >= size)
		return text == NULL;
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	snprintf(to, size, "%s", text);
	return true;
}

static bool
take(struct account *a, const json_t *row, bool mail)
{
	int64_t port = json_integer_value(json_object_get(row, "port"));
	int64_t tls = json_integer_value(json_object_get(row, mail ? "crypto" : "cropt"));
	const char *ca = json_string_value(json_object_get(row, "cert"));

	if (!take_text(row, mail ? "server" : "addr", a->addr, sizeof(a->addr)) ||
	    !take_text(row, "prefix", a->prefix, sizeof(a->prefix)) ||
	    !take_text(row, "deviceID", a->device, sizeof(a->device)) ||
	    !take_text(row, mail ? "userName" : "login", a->login, sizeof(a->login)) ||
	    !take_text(row, mail ? "userPassword" : "password", a->password, sizeof(a->password)) ||
	    !take_text(row, "email", a->email, sizeof(a->email)) || a->addr[0] == '\0' || port < 0 ||
	    port > UINT16_MAX || tls < 0 || tls > TLS_UPGRADE)
		return false;
	a->port = (uint16_t)port;
	a->tls = (enum account_tls)tls;
	if (ca != NULL && strncmp(ca, "-----BEGIN", 10) == 0 && (a->ca = strdup(ca)) == NULL)
		return false;
	return true;
}

bool
account_parse(struct account *a, enum outbox_kind kind, const char *json, const struct settings *s)
{
	json_t *row = json_loads(json, 0, NULL);
	const json_t *check = json_object_get(row, "certCheck");
	bool good;

	memset(a, 0, sizeof(*a));
	good = row != NULL && take(a, row, kind == OUTBOX_MAIL);
	a->kind = kind == OUTBOX_MAIL ? ACCOUNT_SMTP : ACCOUNT_MQTT;
	if (a->kind == ACCOUNT_MQTT &&
	    (strncmp(a->addr, "http://", 7) == 0 || strncmp(a->addr, "https://", 8) == 0))
		a->kind = ACCOUNT_HTTP;
	a->cert_check = check != NULL ? json_is_true(check) : s->message_cert_check != 0;
	snprintf(a->ca_path, sizeof(a->ca_path), "%s", s->message_ca);
	json_decref(row);
	return good;
}

void
account_free(struct account *a)
{
	free(a->ca);
	a->ca = NULL;
}
