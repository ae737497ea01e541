/* The meter table as a file for spreadsheets, both ways (web-ui.md 6). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smart-json/api.h"
#include "smart-json/api_import.h"
#include "smart-json/csv.h"
#include "smart-json/xlsx.h"

enum { PIECE = 65536 };

typedef int reader(struct meter_import *, const char *data, size_t len);

static void
take_file(struct http_call *call, reader *read_file, const char *what)
{
	struct import_source source = { .form = FROM_FILE, .backup = true, .what = what };
	struct meter_import import = { 0 };
	int rc;

	if (!import_source_args(call, &source))
		return;
	rc = read_file(&import, call->body, call->body_len);
	if (rc == E_OK)
		import_finish(call, &import, &source);
	else
		http_fail_err(call, rc, NULL, "the file cannot be read");
	import_free(&import);
	import_trim();
}

void
api_csv_post(struct http_call *call)
{
	take_file(call, csv_read, "meters.csv");
}

void
api_xlsx_post(struct http_call *call)
{
	take_file(call, xlsx_read, "meters.xlsx");
}

/* ---- giving ---- */

static void
serial_of(struct http_call *call, const struct meter_row *row, char *buf, size_t size)
{
	struct poll_meter_status status;
	struct meter_state state;

	*buf = '\0';
	if (call->server->poll != NULL && poll_meter(call->server->poll, row->id, &status) == E_OK)
		snprintf(buf, size, "%s", status.serial);
	else if (store_state_get(call->server->store, row->dev, &state) == E_OK)
		snprintf(buf, size, "%s", state.config.serial);
}

static bool
in_russian(const struct http_call *call)
{
	const char *language = http_arg(call, "lang");

	return language == NULL || strcmp(language, "en") != 0;
}

/* Passwords are an administrator's to see (web-ui.md 6). */
static bool
with_passwords(const struct http_call *call)
{
	return call->level >= LEVEL_ADMIN && api_arg_flag(call, "passwords");
}

void
api_csv_get(struct http_call *call)
{
	const struct meter_table *table = store_meters(call->server->store);
	char serial[32];

	call->type = "text/csv; charset=utf-8";
	call->disposition = "attachment; filename=\"meters.csv\"";
	csv_write_header(&call->out, in_russian(call));
	for (size_t i = 0; i < table->n; i++) {
		serial_of(call, &table->rows[i], serial, sizeof(serial));
		csv_write_row(&call->out, &table->rows[i], serial, with_passwords(call));
	}
	meter_table_release(table);
}

static int
write_xlsx(struct http_call *call, const char *path)
{
	const struct meter_table *table = store_meters(call->server->store);
	struct xlsx_writer *writer;
	char serial[32];
	int rc = xlsx_begin(&writer, path, in_russian(call)), end;

	for (size_t i = 0; rc == E_OK && i < table->n; i++) {
		serial_of(call, &table->rows[i], serial, sizeof(serial));
		rc = xlsx_row(writer, &table->rows[i], serial, with_passwords(call));
	}
	end = writer != NULL ? xlsx_end(writer) : E_OK;
	meter_table_release(table);
	return rc == E_OK ? end : rc;
}

struct download { int fd; };

static void
free_download(void *job)
{
	struct download *download = job;

	close(download->fd);
	free(download);
}

static int
send_piece(struct http_call *call)
{
	const struct download *download = call->job;
	char *piece = malloc(PIECE);
	ssize_t got = piece != NULL ? read(download->fd, piece, PIECE) : -1;

	if (got > 0)
		text_add(&call->out, piece, (size_t)got);
	free(piece);
	return got > 0 ? 1 : got < 0 ? E_IO : 0;
}

void
api_xlsx_get(struct http_call *call)
{
	char folder[] = "/tmp/uspd-xlsx-XXXXXX", path[64];
	struct download *download = calloc(1, sizeof(*download));
	int rc = download == NULL ? E_NOMEM : mkdtemp(folder) == NULL ? E_IO : E_OK;

	if (rc < 0) {
		free(download);
		http_fail_err(call, rc, NULL, "the file cannot be made");
		return;
	}
	snprintf(path, sizeof(path), "%s/meters.xlsx", folder);
	rc = write_xlsx(call, path);
	download->fd = rc == E_OK ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	unlink(path);
	rmdir(folder);
	if (download->fd < 0) {
		free(download);
		http_fail_err(call, rc < 0 ? rc : E_IO, NULL, "the file cannot be made");
		return;
	}
	call->type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
	call->disposition = "attachment; filename=\"meters.xlsx\"";
	call->job = download;
	call->job_free = free_download;
	call->more = send_piece;
}
