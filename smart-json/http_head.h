/* HTTP/1.1 on the wire, without sockets: the head of a request, and bodies sent in chunks
 * (smart-json.md 2 and 19).  Pure. */
#ifndef USPD_SMART_JSON_HTTP_HEAD_H
#define USPD_SMART_JSON_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_method {
	HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_DELETE = 8, HTTP_HEAD = 16, HTTP_OPTIONS = 32,
	HTTP_OTHER = 64
};

enum {
	HTTP_HEAD_MAX = 32768, HTTP_LINE_MAX = 8192, HTTP_FIELDS = 64, HTTP_ARGS = 32
};

struct http_pair { const char *name, *value; };

struct http_head {
	enum http_method method;
	int minor;			/* HTTP/1.minor */
	char *path;			/* decoded, starts with '/', no "//", no trailing '/' */
	struct http_pair args[HTTP_ARGS];	/* query, decoded */
	size_t n_args;
	struct http_pair fields[HTTP_FIELDS];
	size_t n_fields;
	uint64_t length;		/* of the body; 0 when chunked */
	bool has_body, chunked, expects_continue, keep_alive;
};

/* Length of the head at the beginning of data with its empty line, 0 when not all has come. */
size_t http_head_length(const char *data, size_t len);

/* Parses a whole head in place: pointers of *head point into text, which must be writable and
 * have a NUL at text[len].  Returns 0, or the status to refuse it with (400, 404, 414, 431, 501,
 * 505); *head is then complete enough for nothing but an answer. */
int http_head_parse(struct http_head *head, char *text, size_t len);

const char *http_head_field(const struct http_head *, const char *name);	/* NULL */
const char *http_head_arg(const struct http_head *, const char *name);		/* NULL */

/* A chunked body, fed as it arrives.  Start with a zeroed structure. */
struct http_chunks { int state; uint64_t left; unsigned digits, line; };
/* Takes up to n bytes: *used says how many; *data_len of them, ending the used ones, are body.
 * Returns 1 when the body is whole, 0 to go on, -1 when it is broken. */
int http_chunks_feed(struct http_chunks *, const char *in, size_t n, size_t *used, size_t *data_len);

#endif
