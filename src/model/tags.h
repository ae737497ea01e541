/* Tags: which values of a record go out, in the order of the vocabulary (smart-json.md 10.7), and
 * their JSON.  Pure. */
#ifndef USPD_MODEL_TAGS_H
#define USPD_MODEL_TAGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/text.h"
#include "src/model/record.h"

/* How a protocol is spoken: the older UM-31 and the newer УМ-40 (smart-json.md 1). */
enum { DIALECT_31 = 1, DIALECT_40 = 2, DIALECT_ANY = 3 };

enum tag_kind {
	TAG_VALUE,		/* thousandths */
	TAG_INTEGER, TAG_BOOL,	/* the slot as it is */
	TAG_PERIOD, TAG_FLAG,	/* profile: slot is the bit of the flag */
	TAG_CONFIG,		/* slot is the row of the table of configuration fields */
};
struct tag {
	const char *name;
	uint8_t kind, slot;
	bool if_known;		/* left out where the record has no value */
	uint8_t head_len;
	char head[40];		/* {"tag":"A+0","val": */
};
enum { TAGS_MOST = 64 };
struct tag_list { size_t n; struct tag tag[TAGS_MOST]; };

struct tag_choice {
	unsigned dialect;	/* DIALECT_31 or DIALECT_40 */
	bool with_measured;	/* isMeas though nobody asked */
	/* Strings; NULL or empty: every tag of the vocabulary.  Names of other record types do not
	 * matter, nor do letter case and blanks. */
	const json_t *names;
};
void tag_list_make(struct tag_list *, enum record_type, const struct tag_choice *);

/* The value alone: a number, a boolean, a string or null. */
void tag_print_value(struct text *, const struct tag *, const struct record *);
bool tag_has_value(const struct tag *, const struct record *);
/* {"tag":"A+0","val":1},...: without brackets. */
void tag_list_print(struct text *, const struct tag_list *, const struct record *);

#endif
