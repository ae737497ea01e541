/* Compression of answers; zlib stops here. */
#ifndef USPD_SMART_JSON_HTTP_GZIP_H
#define USPD_SMART_JSON_HTTP_GZIP_H

#include <stdbool.h>

#include "src/base/text.h"

struct gzip;

/* NULL when out of memory: a quarter of a MiB. */
struct gzip *gzip_open(void);
void gzip_close(struct gzip *);		/* NULL allowed */

/* Puts the compressed form of what the text holds in its place, which may be nothing yet; `last`
 * ends the stream.  Out of memory: text->failed. */
void gzip_text(struct gzip *, struct text *, bool last);

/* Is there something to gain with such a content? */
bool gzip_pays(const char *content_type);

#endif
