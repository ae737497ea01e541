#include "smart-json/http_gzip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* A cheap level: tables of numbers shrink to a tenth with it, and the processor is small. */
enum { LEVEL = 3, GZIP_WINDOW = 15 + 16, MEMORY = 8, PIECE = 16384 };

struct gzip { z_stream z; };

struct gzip *
gzip_open(void)
{
	struct gzip *gzip = calloc(1, sizeof(*gzip));

	if (gzip != NULL &&
	    deflateInit2(&gzip->z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) !=
		Z_OK) {
		free(gzip);
		return NULL;
	}
	return gzip;
}

void
gzip_close(struct gzip *gzip)
{
	if (gzip == NULL)
		return;
	deflateEnd(&gzip->z);
	free(gzip);
}

void
gzip_text(struct gzip *gzip, struct text *text, bool last)
{
	struct text in = *text;
	unsigned char piece[PIECE];
	int rc = Z_OK;

	memset(text, 0, sizeof(*text));
	text->failed = in.failed;
	gzip->z.next_in = (unsigned char *)in.p;
	gzip->z.avail_in = (unsigned)in.len;
	do {
		gzip->z.next_out = piece;
		gzip->z.avail_out = sizeof(piece);
		rc = deflate(&gzip->z, last ? Z_FINISH : Z_NO_FLUSH);
		text_add(text, piece, sizeof(piece) - gzip->z.avail_out);
	} while (gzip->z.avail_out == 0 && rc == Z_OK);
	text_free(&in);
}

bool
gzip_pays(const char *type)
{
	static const char *const plain[] = { "text/", "application/json", "application/javascript",
		"application/xml", "image/svg+xml" };

	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (strncmp(type, plain[i], strlen(plain[i])) == 0)
			return strncmp(type, "text/event-stream", 17) != 0;
	return false;
}
