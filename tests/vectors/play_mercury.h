/* Parts of the mercury23x adapter: answers to fields under the names of the vectors.
 *
 * Where the vectors leave more than one name usual in their style, all of them are made: a field
 * nobody asks for costs nothing. */
#ifndef USPD_TESTS_VECTORS_PLAY_MERCURY_H
#define USPD_TESTS_VECTORS_PLAY_MERCURY_H

#include <jansson.h>

#include "meters/mercury230_codec.h"

struct play_mercury {
	json_t *out;			/* the object being made */
	const struct mercury230_request *q;
	uint32_t constant;		/* imp/kWh */
	bool by_bytes;			/* profile addresses are bytes (firmware before 7) */
};

/* Sets out[key] with the key printed; takes `value`. */
void play_mercury_set(json_t *out, json_t *value, const char *key, ...)
    __attribute__((format(printf, 3, 4)));
static inline void
play_int(json_t *out, const char *key, json_int_t value)
{
	json_object_set_new(out, key, json_integer(value));
}

static inline void
play_bool(json_t *out, const char *key, bool value)
{
	json_object_set_new(out, key, json_boolean(value));
}

static inline void
play_text(json_t *out, const char *key, const char *value)
{
	json_object_set_new(out, key, json_string(value));
}

json_t *play_mercury_time(const struct civil *, bool with_seconds);	/* "2008-02-27T16:14:43" */
json_t *play_mercury_date(const struct civil *);

void play_mercury_energy(struct play_mercury *, struct rd *);		/* 05, 15 */
void play_mercury_memory(struct play_mercury *, struct rd *);		/* 06, 16 */
void play_mercury_events(struct play_mercury *, struct rd *);		/* 04 */
void play_mercury_values(struct play_mercury *, struct rd *);		/* 08 11, 14, 16 */
void play_mercury_param(struct play_mercury *, struct rd *);		/* 08 */
void play_mercury_pointer(struct play_mercury *, struct rd *);		/* 08 13, 15 */
void play_mercury_write(struct play_mercury *);				/* 01, 03: what was sent */

#endif
