/* Any bytes as an HTTP request: head, arguments, and a body in chunks, fed in two ways. */
#include <stdlib.h>
#include <string.h>

#include "smart-json/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads the body in pieces of n bytes; returns what it ends with. */
static int
feed(const char *p, size_t len, size_t n, size_t *total)
{
	struct http_chunks chunks = { 0 };
	size_t used, body;
	int rc = 0;

	*total = 0;
	for (; len > 0 && rc == 0; p += used, len -= used) {
		size_t piece = n < len ? n : len;

		rc = http_chunks_feed(&chunks, p, piece, &used, &body);
		if (rc >= 0 && (used > piece || body > used || used == 0))
			abort();
		*total += body;
	}
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t len = http_head_length((const char *)data, size), whole, pieces;
	char *text = malloc(size + 1);
	struct http_head head;

	if (text == NULL || len > size)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	if (feed(text + len, size - len, size, &whole) != feed(text + len, size - len, 1, &pieces) ||
	    whole != pieces)
		abort();
	text[len] = '\0';
	if (len > 0 && http_head_parse(&head, text, len) == 0) {
		if (head.path == NULL || head.path[0] != '/' || strstr(head.path, "/../") != NULL)
			abort();
		for (size_t i = 0; i < head.n_args; i++)
			if (http_head_arg(&head, head.args[i].name) == NULL)
				abort();
	}
	free(text);
	return 0;
}
