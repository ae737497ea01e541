/* GET data.csv and data.xlsx (docs/api.md). */
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "smart-json/api.h"
#include "smart-json/data_export.h"
#include "smart-json/meter_sheet.h"
#include "src/base/clock.h"

enum { PIECE_BYTES = 64 * 1024, PIECE_US = 20000, RETRY_S = 5 };

/* ---- CSV ---- */

struct csv_job {
	struct export *x;
	struct text *out;
	int64_t piece_us;
};

static void
free_csv(void *arg)
{
	struct csv_job *job = arg;

	export_free(job->x);
	free(job);
}

/* Text from outside: quoted where it must be, and no spreadsheet may take it for a formula. */
static void
put_text(struct text *t, const char *s)
{
	bool quoted = strpbrk(s, ";\"\r\n") != NULL;

	text_str(t, quoted ? "\"" : "");
	if (sheet_is_guarded(*s))
		text_str(t, "'");
	for (; *s != '\0'; s++)
		text_add(t, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
	text_str(t, quoted ? "\"" : "");
}

static void
put_header(struct text *t, const struct export *x)
{
	text_str(t, "\xef\xbb\xbf");
	for (int c = 0; c < EXPORT_COLUMNS; c++) {
		const char *name = export_heading(x, (enum export_column)c);

		if (name == NULL)
			continue;
		text_str(t, c > 0 ? ";" : "");
		text_str(t, name);
	}
	for (size_t i = 0; i < x->tags.n; i++) {
		text_str(t, ";");
		text_str(t, x->tags.tag[i].name);
	}
	text_str(t, "\r\n");
}

/* A text printed as JSON from `at` on becomes a cell. */
static void
put_json_text(struct text *t, size_t at)
{
	json_t *json = json_loadb(t->p + at, t->len - at, JSON_DECODE_ANY, NULL);

	t->len = at;
	if (json != NULL)
		put_text(t, json_string_value(json));
	json_decref(json);
}

static void
put_value(struct text *t, const struct export *x, const struct tag *tag, const struct record *r)
{
	size_t at = t->len;
	char *point;

	if (!tag_has_value(tag, r))
		return;
	tag_print_value(t, tag, r);
	if (t->failed || t->len == at)
		return;
	if (t->p[at] == '"') {
		put_json_text(t, at);
	} else if (t->p[at] == 't' || t->p[at] == 'f') {
		t->p[at] = t->p[at] == 't' ? '1' : '0';
		t->len = at + 1;
		t->p[t->len] = '\0';
	} else if (!x->english && (point = memchr(t->p + at, '.', t->len - at)) != NULL) {
		*point = ',';
	}
}

static int
put_row(void *arg, const struct export_row *row)
{
	struct csv_job *job = arg;
	struct text *t = job->out;
	const struct record *r = row->record;
	char time[CIVIL_TEXT_SIZE];

	civil_print(job->x->zone, r->ts, ' ', time);
	text_printf(t, "%" PRIu32 ";", row->meter->id);
	put_text(t, row->serial);
	text_printf(t, ";%.19s;%" PRId64 ";%" PRId32, time, r->ts, r->diff_s);
	if (r->type == REC_EL_JOURNAL) {
		text_str(t, ";");
		text_str(t, journal_name(r->journal) != NULL ? journal_name(r->journal) : "");
	}
	for (size_t i = 0; i < job->x->tags.n; i++) {
		text_add(t, ";", 1);
		if (r->valid)
			put_value(t, job->x, &job->x->tags.tag[i], r);
	}
	text_str(t, "\r\n");
	if (t->failed)
		return E_NOMEM;
	return t->len >= PIECE_BYTES || clock_mono_us() - job->piece_us > PIECE_US;
}

static int
next_piece(struct http_call *call)
{
	struct csv_job *job = call->job;

	job->out = &call->out;
	job->piece_us = clock_mono_us();
	return export_step(job->x, put_row, job);
}

void
api_data_csv(struct http_call *call)
{
	struct csv_job *job = calloc(1, sizeof(*job));
	int rc;

	if (job == NULL) {
		http_fail_err(call, E_NOMEM, NULL, "the archive cannot be read");
		return;
	}
	call->job = job;
	call->job_free = free_csv;
	if ((job->x = export_make(call)) == NULL)
		return;
	call->type = "text/csv; charset=utf-8";
	call->disposition = "attachment; filename=\"data.csv\"";
	put_header(&call->out, job->x);
	rc = next_piece(call);
	if (rc < 0)
		http_fail_err(call, rc, NULL, "the archive cannot be read");
	else if (rc > 0)
		call->more = next_piece;
}

/* ---- XLSX ---- */

static atomic_flag making = ATOMIC_FLAG_INIT;	/* one at a time: a workbook is long work */

struct file_job { int fd; };

static void
free_file(void *arg)
{
	struct file_job *job = arg;

	close(job->fd);
	free(job);
}

static int
next_block(struct http_call *call)
{
	const struct file_job *job = call->job;
	char block[16384];
	ssize_t n = read(job->fd, block, sizeof(block));

	if (n > 0)
		text_add(&call->out, block, (size_t)n);
	return n > 0 ? 1 : n < 0 ? E_IO : 0;
}

/* The finished workbook as an open file without a name. */
static int
make_workbook(struct export *x, const char *dir, int *fd)
{
	char folder[256], path[272];
	int rc = E_IO;

	*fd = -1;
	snprintf(folder, sizeof(folder), "%s/data-xlsx-XXXXXX", dir != NULL ? dir : "/tmp");
	if (mkdtemp(folder) == NULL)
		return E_IO;
	snprintf(path, sizeof(path), "%s/data.xlsx", folder);
	rc = export_write_xlsx(x, path, folder);
	if (rc == E_OK && (*fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		rc = E_IO;
	unlink(path);
	rmdir(folder);
	return rc;
}

static void
give_workbook(struct http_call *call, struct export *x)
{
	struct file_job *job = calloc(1, sizeof(*job));
	int rc = job != NULL ? make_workbook(x, call->server->dir, &job->fd) : E_NOMEM;

	if (rc < 0) {
		free(job);
		http_fail_err(call, rc, NULL, "the workbook cannot be made");
		return;
	}
	call->type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
	call->disposition = "attachment; filename=\"data.xlsx\"";
	call->job = job;
	call->job_free = free_file;
	call->more = next_block;
}

void
api_data_xlsx(struct http_call *call)
{
	struct export *x = export_make(call);

	if (x == NULL)
		return;
	if (export_rows(x) > EXPORT_XLSX_ROWS ||
	    export_rows(x) * (EXPORT_COLUMNS + x->tags.n) > EXPORT_XLSX_CELLS) {
		http_fail(call, 422, "to", "more than %d cells: too many for a workbook, use data.csv",
		    EXPORT_XLSX_CELLS);
	} else if (atomic_flag_test_and_set(&making)) {
		call->retry_after_s = RETRY_S;
		http_fail(call, 503, NULL, "another workbook is being made");
	} else {
		give_workbook(call, x);
		atomic_flag_clear(&making);
	}
	export_free(x);
}
