/* Short words for the descriptions of view_*.c: a member is one line. */
#ifndef USPD_SMART_JSON_VIEW_MEMBERS_H
#define USPD_SMART_JSON_VIEW_MEMBERS_H

#include "smart-json/view_hooks.h"
#include "src/model/model.h"

/* They stand inside braces, where further fields may follow: .stored = "addr", .preset = "0", ... */
#define INT(wire, has, low, high) \
	.name = (wire), .kind = MEMBER_INT, .flags = (has), .least = (low), .most = (high)
#define TEXT(wire, has, low, high) \
	.name = (wire), .kind = MEMBER_TEXT, .flags = (has), .least = (low), .most = (high)
#define INTS(wire, has, low, high) \
	.name = (wire), .kind = MEMBER_INTS, .flags = (has), .least = (low), .most = (high)
#define TEXTS(wire, has, low, high) \
	.name = (wire), .kind = MEMBER_TEXTS, .flags = (has), .least = (low), .most = (high)
#define BOOL(wire, has) .name = (wire), .kind = MEMBER_BOOL, .flags = (has)
#define CHOICE(wire, has, of) .name = (wire), .kind = MEMBER_CHOICE, .flags = (has), .choices = (of)
#define CODE(wire, has, of) .name = (wire), .kind = MEMBER_CODE, .flags = (has), .choices = (of)
#define ANY(wire, has) .name = (wire), .kind = MEMBER_ANY, .flags = (has)
#define END { .name = NULL }
/* The key of most rows; 1..2147483647 (smart-json.md 6). */
#define ID(low) INT("id", M_REQUIRED, low, INT32_MAX)

enum { CERTIFICATE_LETTERS = 65536 };	/* smart-json.md 19 */

/* Lists that views of both dialects use: view_40.c. */
extern const struct choice baud_rates[];
extern const struct member account_members[], uart_members[], sntp_action_members[],
    local_time_members[];

#endif
