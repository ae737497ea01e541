/* Fields of requests that are lists: cookies, codings, languages.  Pure. */
#ifndef USPD_SMART_JSON_HTTP_FIELDS_H
#define USPD_SMART_JSON_HTTP_FIELDS_H

#include <stdbool.h>

enum { TICKET_DIGITS = 20 };	/* smart-json.md 3.1 */

/* The next ticket of a Cookie field: points to its 20 digits, and *at moves behind it.  NULL: no
 * more.  A value of any other form is no ticket. */
const char *http_cookie_ticket(const char **at);

/* Accept-Encoding: the client takes this coding.  NULL: it does not. */
bool http_coding_taken(const char *accept, const char *coding);

/* Accept-Language: English is preferred to Russian.  NULL, and neither named: no. */
bool http_english_preferred(const char *accept);

#endif
