/* Finds one part of a multipart/form-data body (RFC 7578) that comes piece by piece: says where in
 * the body the content of the wanted part lies, so that a file of any size needs no memory.  Pure. */
#ifndef USPD_SYSTEM_MULTIPART_H
#define USPD_SYSTEM_MULTIPART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

enum { MULTIPART_BOUNDARY = 70, MULTIPART_HEAD = 2048, MULTIPART_PARTS = 64 };	/* RFC 2046 5.1.1 */

struct multipart {
	const char *wanted;		/* name of the field; borrowed */
	char mark[MULTIPART_BOUNDARY + 5];	/* CR LF - - boundary */
	size_t mark_len, matched;	/* so much of the mark stands at the end of what was fed */
	uint64_t at;			/* bytes fed */
	enum { MULTIPART_BEFORE, MULTIPART_MARK, MULTIPART_HEADS, MULTIPART_CONTENT, MULTIPART_END,
		MULTIPART_BROKEN } state;
	char head[MULTIPART_HEAD];	/* of the present part */
	size_t head_len;
	unsigned parts;
	bool is_wanted, found;
	uint64_t start, end;		/* of the content, once found */
};

/* From the value of Content-Type.  E_UNSUPPORTED: it is not multipart/form-data; E_INVALID: its
 * boundary is missing or too long. */
int multipart_start(struct multipart *, const char *content_type, const char *wanted) USPD_MUST_CHECK;
void multipart_feed(struct multipart *, const uint8_t *, size_t);
/* After the last byte.  E_OK: start and end are set; E_NOTFOUND: no such field; E_FRAME: broken, or
 * it ends too early. */
int multipart_finish(const struct multipart *) USPD_MUST_CHECK;

#endif
