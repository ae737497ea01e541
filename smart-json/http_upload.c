#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "smart-json/http_private.h"
#include "src/base/log.h"
#include "src/base/loop.h"

/* Bodies too large for the memory go to a file, piece by piece: the loop reads one while the
 * connection sends, then a worker writes it while the connection rests. */

enum { PATH_SIZE = 512 };
#define SPACE_LEFT (UINT64_C(32) << 20)		/* of the disk is for the archive */

struct upload {
	int fd;
	int status;			/* why it could not be written */
	char path[PATH_SIZE];
};

static int
folder(const char *dir, char path[static PATH_SIZE])
{
	int n = snprintf(path, PATH_SIZE, "%s/incoming", dir);

	return n > 0 && n < PATH_SIZE ? E_OK : E_IO;
}

void
upload_prepare(const char *dir)
{
	char path[PATH_SIZE];
	struct dirent *entry;
	DIR *d;

	if (folder(dir, path) < 0 || (mkdir(path, 0700) != 0 && errno != EEXIST) ||
	    (d = opendir(path)) == NULL) {
		log_error("http", "path=%s: cannot make the folder of uploads: %s", path,
		    strerror(errno));
		return;
	}
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.' && unlinkat(dirfd(d), entry->d_name, 0) != 0)
			log_warn("http", "path=%s/%s: cannot remove: %s", path, entry->d_name,
			    strerror(errno));
	closedir(d);
}

int
upload_open(struct exchange *ex)
{
	struct http *http = ex->http;
	struct upload *upload;
	char path[PATH_SIZE];

	if (http->options.dir == NULL || folder(http->options.dir, path) < 0)
		return 501;
	if (http->uploading)
		return 423;
	if ((upload = calloc(1, sizeof(*upload))) == NULL)
		return 503;
	snprintf(upload->path, sizeof(upload->path), "%.490s/%" PRIu64, path, ++http->uploads);
	upload->fd = open(upload->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (upload->fd < 0) {
		log_error("http", "path=%s: %s", upload->path, strerror(errno));
		free(upload);
		return 507;
	}
	http->uploading = true;
	ex->upload = upload;
	ex->call.body_file = upload->path;
	return 0;
}

void
upload_close(struct exchange *ex)
{
	struct upload *upload = ex->upload;

	if (upload == NULL)
		return;
	close(upload->fd);
	if (unlink(upload->path) != 0 && errno != ENOENT)
		log_warn("http", "path=%s: cannot remove: %s", upload->path, strerror(errno));
	free(upload);
	ex->upload = NULL;
	ex->http->uploading = false;
}

/* ---- writing ---- */

static bool
has_space(int fd, size_t n)
{
	struct statvfs disk;

	return fstatvfs(fd, &disk) != 0 || (uint64_t)disk.f_bavail * disk.f_frsize > SPACE_LEFT + n;
}

static void
write_piece(void *arg)
{
	struct exchange *ex = arg;
	const char *p = ex->body.p;
	size_t left = ex->body.len;
	ssize_t n;

	if (!has_space(ex->upload->fd, left))
		ex->upload->status = 507;
	while (left > 0 && ex->upload->status == 0) {
		n = write(ex->upload->fd, p, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			ex->upload->status = errno == ENOSPC || errno == EDQUOT ? 507 : 500;
			log_error("http", "path=%s: %s", ex->upload->path, strerror(errno));
			break;
		}
		p += n;
		left -= (size_t)n;
	}
}

static void
piece_written(void *arg)
{
	struct exchange *ex = arg;

	ex->working = false;
	ex->http->body_bytes -= ex->body.len;
	text_clear(&ex->body);
	if (ex->conn == NULL)
		exchange_free(ex);
	else
		conn_piece_stored(ex->conn, ex->upload->status);
}

int
upload_store(struct exchange *ex)
{
	if (loop_work(ex->http->options.loop, write_piece, piece_written, ex) < 0)
		return 503;
	ex->working = true;
	return 0;
}
