#include "src/system/firmware.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/version.h"
#include "src/store/store.h"
#include "src/system/device.h"
#include "src/system/multipart.h"

/* Taking packages in and handing them over. */

enum { PIECE = 65536, PATH = 512, LOG_MOST = 65536 };

/* One upload at a time in a process; the spool tells of installations. */
static atomic_flag taking = ATOMIC_FLAG_INIT;

struct take {
	const struct firmware_upload *upload;
	struct store *store;
	char dir[PATH - 32];
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 3, 4))) static int
refuse(struct take *t, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(t->why, t->why_size, fmt, ap);
	va_end(ap);
	return rc;
}

static const char *
path_of(const struct take *t, const char *name, char buf[static PATH])
{
	snprintf(buf, PATH, "%s/%s", t->dir, name);
	return buf;
}

static int
disk_error(struct take *t, const char *what)
{
	int rc = errno == ENOSPC ? E_FULL : E_IO;

	return refuse(t, rc, "%s: %s", what, strerror(errno));
}

/* ---- log of the last update ---- */

__attribute__((format(printf, 3, 4))) static void
note(const struct take *t, bool first, const char *fmt, ...)
{
	struct zone zone = store_zone(t->store);
	char path[PATH], time[CIVIL_TEXT_SIZE];
	FILE *f = fopen(path_of(t, "upload.log", path), first ? "we" : "ae");
	va_list ap;

	if (f == NULL)
		return;
	fprintf(f, "%s ", civil_print(zone, clock_utc(), ' ', time));
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fputc('\n', f);
	fclose(f);
}

static void
add_file(struct text *to, const char *data_dir, const char *name)
{
	char path[PATH], buf[4096];
	size_t n, left = LOG_MOST;
	FILE *f;

	snprintf(path, sizeof(path), "%s/firmware/%s", data_dir, name);
	if ((f = fopen(path, "re")) == NULL)
		return;
	while (left > 0 && (n = fread(buf, 1, left < sizeof(buf) ? left : sizeof(buf), f)) > 0) {
		text_add(to, buf, n);
		left -= n;
	}
	fclose(f);
}

void
firmware_log(const char *data_dir, struct text *to)
{
	size_t before = to->len;

	if (data_dir != NULL) {
		add_file(to, data_dir, "upload.log");
		add_file(to, data_dir, "update-status.log");
	}
	if (to->len == before)
		text_str(to, "no update yet\n");
}

static void
journal(struct store *store, const char *level, const char *text)
{
	struct text json = { 0 };

	text_printf(&json, "{\"level\":\"%s\",\"unit\":\"update\",\"text\":", level);
	text_json(&json, text);
	text_str(&json, "}");
	if (json.failed || store_journal_add(store, DJ_SYSTEM, clock_utc(), json.p) < 0)
		log_warn("system", "not journalled: %s", text);
	text_free(&json);
}

/* ---- the package out of the body ---- */

static int
find_part(struct take *t, FILE *in, struct multipart *m)
{
	uint8_t *piece = malloc(PIECE);
	size_t n;
	int rc;

	if (piece == NULL)
		return refuse(t, E_NOMEM, "out of memory");
	while ((n = fread(piece, 1, PIECE, in)) > 0)
		multipart_feed(m, piece, n);
	free(piece);
	rc = multipart_finish(m);
	return rc == E_OK    ? E_OK :
	    rc == E_NOTFOUND ? refuse(t, rc, "the form has no field \"fw_update\"") :
			       refuse(t, rc, "the form is broken or incomplete");
}

static int
copy_bytes(struct take *t, FILE *in, FILE *out, uint64_t left)
{
	uint8_t *piece = malloc(PIECE);
	int rc = piece != NULL ? E_OK : E_NOMEM;

	while (rc == E_OK && left > 0) {
		size_t n = fread(piece, 1, left < PIECE ? (size_t)left : PIECE, in);

		if (n == 0 || fwrite(piece, 1, n, out) != n)
			rc = disk_error(t, "the package cannot be copied");
		left -= n;
	}
	free(piece);
	return rc;
}

static int
extract(struct take *t, const struct multipart *m, FILE *in, const char *to)
{
	struct statvfs fs;
	FILE *out;
	int rc;

	if (statvfs(t->dir, &fs) == 0 &&
	    (uint64_t)fs.f_bavail * fs.f_frsize < m->end - m->start + PIECE)
		return refuse(t, E_FULL, "no space for the package");
	if (fseeko(in, (off_t)m->start, SEEK_SET) < 0 || (out = fopen(to, "we")) == NULL)
		return disk_error(t, "the package cannot be copied");
	rc = copy_bytes(t, in, out, m->end - m->start);
	if (rc == E_OK && (fflush(out) != 0 || fsync(fileno(out)) < 0))
		rc = disk_error(t, "the package cannot be copied");
	fclose(out);
	return rc;
}

/* A form, or the bare package. */
static int
take_body(struct take *t, const char *to)
{
	const char *type = t->upload->content_type;
	struct multipart m;
	FILE *in;
	int rc = multipart_start(&m, type, "fw_update");

	if (rc == E_INVALID)
		return refuse(t, E_FRAME, "the form tells no boundary");
	if (rc == E_UNSUPPORTED)
		return rename(t->upload->file, to) == 0 ? E_OK :
							  disk_error(t, "the package cannot be moved");
	if ((in = fopen(t->upload->file, "re")) == NULL)
		return disk_error(t, "the upload cannot be read");
	if ((rc = find_part(t, in, &m)) == E_OK)
		rc = extract(t, &m, in, to);
	fclose(in);
	return rc;
}

/* ---- handing over ---- */

static int
check_fit(struct take *t, const struct firmware_manifest *m)
{
	struct device_identity id;

	device_identity(&id);
	if (id.compatible[0] != '\0' && strcmp(id.compatible, m->compatible) != 0)
		return refuse(t, E_UNSUPPORTED, "this firmware is for \"%s\", the device is a \"%s\"",
		    m->compatible, id.compatible);
	if (!t->upload->force && id.least_version[0] != '\0' &&
	    firmware_version_compare(m->version, id.least_version) < 0)
		return refuse(t, E_VERSION, "version %s is older than %s, the oldest for this device",
		    m->version, id.least_version);
	return E_OK;
}

static int
sync_dir(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd >= 0 ? fsync(fd) : -1;

	if (fd >= 0)
		close(fd);
	return rc;
}

/* The manifest appears whole and last: it is what wakes the updater. */
static int
write_manifest(struct take *t, const struct firmware_manifest *m)
{
	char path[PATH], part[PATH], hex[65];
	json_t *json;
	int rc;

	for (size_t i = 0; i < sizeof(m->sha256); i++)
		snprintf(hex + i * 2, 3, "%02x", m->sha256[i]);
	json = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:I, s:b, s:s}", "file",
	    path_of(t, "update.bin", path), "version", m->version, "compatible", m->compatible, "size",
	    (json_int_t)m->size, "sha256", hex, "from", USPD_VERSION, "accepted",
	    (json_int_t)clock_utc(), "force", (int)t->upload->force, "login", t->upload->login);
	path_of(t, "spool/update.part", part);
	rc = json == NULL ? E_NOMEM : json_dump_file(json, part, JSON_INDENT(1)) == 0 ? E_OK : E_IO;
	json_decref(json);
	if (rc < 0 || rename(part, path_of(t, "spool/update.json", path)) < 0 || sync_dir(t->dir) < 0 ||
	    sync_dir(path_of(t, "spool", path)) < 0)
		return disk_error(t, "the package cannot be handed over");
	return E_OK;
}

static int
hand_over(struct take *t, const struct firmware_manifest *m, const char *incoming)
{
	char update[PATH], previous[PATH];

	path_of(t, "update.bin", update);
	path_of(t, "previous.bin", previous);
	if (rename(update, previous) < 0 && errno != ENOENT)
		return disk_error(t, "the previous package cannot be kept");
	if (rename(incoming, update) < 0)
		return disk_error(t, "the package cannot be handed over");
	return write_manifest(t, m);
}

static int
make_dirs(struct take *t)
{
	char path[PATH];

	if ((mkdir(t->dir, 0750) < 0 && errno != EEXIST) ||
	    (mkdir(path_of(t, "spool", path), 0750) < 0 && errno != EEXIST))
		return disk_error(t, t->dir);
	return E_OK;
}

static int
take_one(struct take *t, struct firmware_manifest *m)
{
	char incoming[PATH], path[PATH];
	int rc;

	if ((rc = make_dirs(t)) < 0)
		return rc;
	if (access(path_of(t, "spool/update.json", path), F_OK) == 0)
		return refuse(t, E_BUSY, "the update accepted before is not installed yet");
	path_of(t, "incoming.bin", incoming);
	note(t, true, "upload by %s", t->upload->login);
	unlink(path_of(t, "update-status.log", path));
	if ((rc = take_body(t, incoming)) == E_OK &&
	    (rc = firmware_verify(incoming, m, t->why, t->why_size)) == E_OK &&
	    (rc = check_fit(t, m)) == E_OK)
		rc = hand_over(t, m, incoming);
	if (rc < 0) {
		unlink(incoming);
		note(t, false, "refused: %s", t->why);
	} else
		note(t, false, "version %s for %s, %" PRIu64 " bytes: signature good, handed over",
		    m->version, m->compatible, m->size);
	return rc;
}

int
firmware_take(struct store *store, const struct firmware_upload *upload, struct firmware_manifest *m,
    char *why, size_t why_size)
{
	struct take t = { .upload = upload, .store = store, .why = why, .why_size = why_size };
	char text[320];
	int rc;

	snprintf(why, why_size, "%s", "internal error");
	snprintf(t.dir, sizeof(t.dir), "%s/firmware", upload->data_dir);
	if (atomic_flag_test_and_set(&taking))
		return refuse(&t, E_BUSY, "another package is being taken in");
	rc = take_one(&t, m);
	atomic_flag_clear(&taking);
	if (rc == E_BUSY)
		return rc;
	if (rc == E_OK)
		snprintf(text, sizeof(text), "firmware %s handed over by %.64s", m->version,
		    upload->login);
	else
		snprintf(text, sizeof(text), "firmware refused: %.200s", why);
	journal(store, rc == E_OK ? "info" : "warn", text);
	log_info("system", "%s", text);
	return rc;
}

/* ---- at start ---- */

static int
same_version(void *same, uint64_t id, int64_t ts, const char *json)
{
	json_t *row = json_loads(json, 0, NULL);
	const char *version = json_string_value(json_object_get(row, "version"));

	(void)id;
	(void)ts;
	*(bool *)same = version != NULL && strcmp(version, USPD_VERSION) == 0;
	json_decref(row);
	return 1;
}

void
firmware_started(struct store *store)
{
	bool same = false;

	if (store_journal_read(store, DJ_UPDATE, 0, 1, true, same_version, &same) < 0 || same)
		return;
	if (store_journal_add(store, DJ_UPDATE, clock_utc(), "{\"version\":\"" USPD_VERSION "\"}") < 0)
		log_warn("system", "the running version was not journalled");
}
