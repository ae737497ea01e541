/* Accounts at servers that messages go through: rows of TABLE_MQTT and TABLE_SMTP, of both dialects.
 * A broker whose address is a URL (http://, https://) is a web server that messages are pushed to. */
#ifndef USPD_EVENTS_MESSAGE_ACCOUNT_H
#define USPD_EVENTS_MESSAGE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "src/events/outbox.h"
#include "src/model/settings.h"

enum account_kind { ACCOUNT_MQTT, ACCOUNT_HTTP, ACCOUNT_SMTP };
enum account_tls { TLS_BY_PORT, TLS_NONE, TLS_FROM_START, TLS_UPGRADE };	/* `cropt` */
struct account {
	enum account_kind kind;
	char addr[256], prefix[65], device[65], login[129], password[129], email[256];
	uint16_t port;
	enum account_tls tls;
	bool cert_check;
	char *ca;		/* PEM text of the row; NULL */
	char ca_path[256];	/* file or directory of the settings; "" the system's */
};
/* false: the row makes no account.  account_free() either way. */
bool account_parse(struct account *, enum outbox_kind, const char *json, const struct settings *);
void account_free(struct account *);

#endif
