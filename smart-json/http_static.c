#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "smart-json/http_fields.h"
#include "smart-json/http_private.h"

/* Pages: files of one directory, with their compressed neighbours (web-ui.md 7).  A path is one of
 * them when its last name has a dot; no address of SMART-JSON has.  What is in that directory is
 * ours, so links in it are followed. */

enum { PATH_SIZE = 512, PIECE = 65536, HASH_LEAST = 8 };

static const struct { const char *ending, *type; bool stored_small; } types[] = {
	{ ".html", "text/html; charset=utf-8", true },
	{ ".js", "text/javascript; charset=utf-8", true },
	{ ".mjs", "text/javascript; charset=utf-8", true },
	{ ".css", "text/css; charset=utf-8", true },
	{ ".json", "application/json", true },
	{ ".svg", "image/svg+xml", true },
	{ ".txt", "text/plain; charset=utf-8", true },
	{ ".map", "application/json", true },
	{ ".webmanifest", "application/manifest+json", true },
	{ ".png", "image/png", false },
	{ ".jpg", "image/jpeg", false },
	{ ".ico", "image/x-icon", false },
	{ ".woff2", "font/woff2", false },
	{ ".pdf", "application/pdf", false },
};

/* Bookmarks of the old page. */
static const char *const moved[] = { "/main.html", "/login.html" };

bool
http_is_page(const char *path)
{
	return strcmp(path, "/") == 0 || strchr(strrchr(path, '/'), '.') != NULL;
}

struct page {
	int fd;
	uint64_t left;
};

static void
page_close(void *arg)
{
	struct page *page = arg;

	if (page->fd >= 0)
		close(page->fd);
	free(page);
}

static const char *
type_of(const char *path, bool *small)
{
	const char *dot = strrchr(path, '.');

	*small = false;
	for (size_t i = 0; dot != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(dot, types[i].ending) != 0)
			continue;
		*small = types[i].stored_small;
		return types[i].type;
	}
	return "application/octet-stream";
}

/* "app.3f2a9c1b.js": the name changes with the content. */
static bool
has_hash(const char *path)
{
	const char *name = strrchr(path, '/') + 1, *p;
	size_t n;

	for (p = strpbrk(name, ".-"); p != NULL; p = strpbrk(p + 1, ".-")) {
		n = strspn(p + 1, "0123456789abcdef");
		if (n >= HASH_LEAST && p[1 + n] == '.')
			return true;
	}
	return false;
}

/* Hidden files and folders are not served. */
static bool
is_hidden(const char *path)
{
	return strstr(path, "/.") != NULL;
}

static int
open_file(const char *dir, const char *path, const char *ending, struct stat *st)
{
	char full[PATH_SIZE];
	int fd, n = snprintf(full, sizeof(full), "%s%s%s", dir, path, ending);

	if (n < 0 || (size_t)n >= sizeof(full))
		return -1;
	if ((fd = open(full, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0)
		return -1;
	if (fstat(fd, st) == 0 && S_ISREG(st->st_mode))
		return fd;
	close(fd);
	return -1;
}

static int
next_piece(struct http_call *call)
{
	struct page *page = call->job;
	char *piece = malloc(PIECE);
	ssize_t n = -1;

	if (piece != NULL)
		n = read(page->fd, piece, page->left < PIECE ? (size_t)page->left : PIECE);
	if (n > 0) {
		text_add(&call->out, piece, (size_t)n);
		page->left -= (uint64_t)n;
	}
	free(piece);
	if (n <= 0 && page->left > 0) /* unreadable, or shorter than it was */
		return E_IO;
	return page->left > 0;
}

static bool
is_fresh(const struct exchange *ex)
{
	const char *known = http_head_field(&ex->head, "If-None-Match");

	return known != NULL && (strstr(known, ex->etag) != NULL || strcmp(known, "*") == 0);
}

static void
send_file(struct exchange *ex, const char *path, struct page *page)
{
	const char *accept = http_head_field(&ex->head, "Accept-Encoding");
	struct http_call *call = &ex->call;
	struct stat st = { 0 };
	bool small;

	call->type = type_of(path, &small);
	if (small && http_coding_taken(accept, "gzip"))
		page->fd = open_file(ex->http->options.web, path, ".gz", &st);
	ex->gzipped = page->fd >= 0;
	if (page->fd < 0)
		page->fd = open_file(ex->http->options.web, path, "", &st);
	if (page->fd < 0) {
		http_fail(call, 404, NULL, "no such path: %s", path);
		return;
	}
	snprintf(ex->etag, sizeof(ex->etag), "\"%" PRIx64 "-%" PRIx64 "%s\"",
	    (uint64_t)st.st_mtim.tv_sec * 1000 + (uint64_t)st.st_mtim.tv_nsec / 1000000,
	    (uint64_t)st.st_size, ex->gzipped ? "z" : "");
	ex->cache = has_hash(path) ? "max-age=31536000, immutable" : "no-cache";
	page->left = (uint64_t)st.st_size;
	if (is_fresh(ex)) {
		call->status = 304;
		ex->gzipped = false;
	} else if (next_piece(call) > 0) {
		call->more = next_piece;
	} else if (page->left > 0) {
		ex->gzipped = false;
		http_fail(call, 500, NULL, "the page cannot be read");
	}
}

static void
static_get(struct http_call *call)
{
	struct exchange *ex = (struct exchange *)call;
	const char *path = strcmp(ex->head.path, "/") == 0 ? "/index.html" : ex->head.path;
	struct page *page;

	for (size_t i = 0; i < sizeof(moved) / sizeof(moved[0]); i++) {
		if (strcmp(path, moved[i]) != 0)
			continue;
		call->status = 302;
		call->type = "text/html";
		ex->location = "/";
		return;
	}
	if (ex->http->options.web == NULL || is_hidden(path)) {
		http_fail(call, 404, NULL, "no such path: %s", path);
		return;
	}
	if ((page = calloc(1, sizeof(*page))) == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the page cannot be read");
		return;
	}
	page->fd = -1;
	call->job = page;
	call->job_free = page_close;
	send_file(ex, path, page);
}

const struct http_route http_static_route = {
	.path = "", .methods = HTTP_GET, .level = LEVEL_ANYBODY, .place = IN_WORKER,
	.handler = static_get,
};
