/* Messages by mail (system.md 10.3): a short text and the data as an attachment.  Sending thread. */
#ifndef USPD_EVENTS_SMTP_H
#define USPD_EVENTS_SMTP_H

#include "src/base/civil.h"
#include "src/base/text.h"
#include "src/events/message_transfer.h"

/* smart-json.md 14 */
enum smtp_result {
	SMTP_OK, SMTP_UNKNOWN, SMTP_CONNECT, SMTP_NAME, SMTP_RESET, SMTP_TIMEOUT, SMTP_REPLY, SMTP_FILE,
	SMTP_TLS_INIT, SMTP_TLS_HANDSHAKE, SMTP_SIGN_IN, SMTP_PARAMETERS, SMTP_BODY
};

struct smtp_letter {
	const char *to;			/* address */
	const char *name, *serial;	/* of the device */
	struct zone zone;
	bool csv;			/* the data as CSV too */
};
/* E_NOMEM; E_INVALID: an address that is none. */
int smtp_prepare(struct transfer *, const struct account *, const struct smtp_letter *) USPD_MUST_CHECK;
enum verdict smtp_judge(const struct transfer *, CURLcode, enum smtp_result *);

/* A header's text as RFC 2047 wants it: in ASCII, folded into words of 75 letters at most. */
void smtp_print_words(struct text *, const char *);
/* The payload as lines measure;meterId;serial;ts;tag;val.  E_NOMEM, E_FRAME. */
int smtp_print_csv(struct text *, const char *payload, size_t len) USPD_MUST_CHECK;

#endif
