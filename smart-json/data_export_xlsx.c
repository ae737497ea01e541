/* Records as a workbook, row by row in memory that does not grow with their number. */
#include <string.h>
#include <xlsxwriter.h>

#include "smart-json/data_export.h"
#include "smart-json/meter_sheet.h"

enum { TIME_WIDTH = 20, SERIAL_WIDTH = 16 };

struct workbook {
	struct export *x;
	lxw_workbook *book;
	lxw_worksheet *sheet;
	lxw_format *head, *text, *time;
	lxw_row_t row;
	lxw_error error;
};

static void
keep(struct workbook *w, lxw_error error)
{
	if (w->error == LXW_NO_ERROR)
		w->error = error;
}

static int
result_of(lxw_error error)
{
	return error == LXW_NO_ERROR ? E_OK : error == LXW_ERROR_MEMORY_MALLOC_FAILED ? E_NOMEM : E_IO;
}

static void
write_header(struct workbook *w)
{
	lxw_col_t column = 0;

	keep(w, worksheet_set_column(w->sheet, EXPORT_SERIAL, EXPORT_SERIAL, SERIAL_WIDTH, NULL));
	keep(w, worksheet_set_column(w->sheet, EXPORT_TIME, EXPORT_TIME, TIME_WIDTH, NULL));
	for (int c = 0; c < EXPORT_COLUMNS; c++) {
		const char *name = export_heading(w->x, (enum export_column)c);

		if (name != NULL)
			keep(w, worksheet_write_string(w->sheet, 0, column++, name, w->head));
	}
	for (size_t i = 0; i < w->x->tags.n; i++)
		keep(w, worksheet_write_string(w->sheet, 0, column++, w->x->tags.tag[i].name, w->head));
	worksheet_freeze_panes(w->sheet, 1, EXPORT_TIME + 1);
	w->row = 1;
}

static void
write_text(struct workbook *w, lxw_col_t column, const char *text)
{
	char guarded[80];

	snprintf(guarded, sizeof(guarded), "%s%s", sheet_is_guarded(*text) ? "'" : "", text);
	if (*text != '\0')
		keep(w, worksheet_write_string(w->sheet, w->row, column, guarded, w->text));
}

static void
write_time(struct workbook *w, int64_t ts)
{
	struct civil c = civil_from_utc(w->x->zone, ts);
	lxw_datetime time = { c.year, c.month, c.day, c.hour, c.minute, c.second };

	keep(w, worksheet_write_datetime(w->sheet, w->row, EXPORT_TIME, &time, w->time));
}

static void
write_value(struct workbook *w, lxw_col_t column, const struct tag *tag, const struct record *r)
{
	switch ((enum tag_kind)tag->kind) {
	case TAG_VALUE:
		keep(w,
		    worksheet_write_number(w->sheet, w->row, column, (double)r->v[tag->slot] / 1000,
			NULL));
		break;
	case TAG_INTEGER:
		keep(w,
		    worksheet_write_number(w->sheet, w->row, column, (double)r->v[tag->slot], NULL));
		break;
	case TAG_BOOL:
		keep(w, worksheet_write_boolean(w->sheet, w->row, column, r->v[tag->slot] != 0, NULL));
		break;
	case TAG_PERIOD:
		keep(w, worksheet_write_number(w->sheet, w->row, column, r->period_min, NULL));
		break;
	case TAG_FLAG:
		keep(w,
		    worksheet_write_boolean(w->sheet, w->row, column, (r->flags & tag->slot) != 0,
			NULL));
		break;
	case TAG_CONFIG:
		break;
	}
}

/* A field of a configuration as its JSON value is. */
static void
write_config(struct workbook *w, lxw_col_t column, const struct tag *tag, const struct record *r)
{
	struct text printed = { 0 };
	json_t *value;

	tag_print_value(&printed, tag, r);
	value = printed.p != NULL ? json_loadb(printed.p, printed.len, JSON_DECODE_ANY, NULL) : NULL;
	if (json_is_string(value))
		write_text(w, column, json_string_value(value));
	else if (json_is_boolean(value))
		keep(w, worksheet_write_boolean(w->sheet, w->row, column, json_is_true(value), NULL));
	else if (json_is_number(value))
		keep(w,
		    worksheet_write_number(w->sheet, w->row, column, json_number_value(value), NULL));
	json_decref(value);
	text_free(&printed);
}

static int
write_row(void *arg, const struct export_row *row)
{
	struct workbook *w = arg;
	const struct record *r = row->record;
	lxw_col_t column = EXPORT_JOURNAL;

	if (w->row > EXPORT_XLSX_ROWS + EXPORT_XLSX_ROWS / 10)
		return E_LIMIT;
	keep(w, worksheet_write_number(w->sheet, w->row, EXPORT_METER, row->meter->id, NULL));
	write_text(w, EXPORT_SERIAL, row->serial);
	write_time(w, r->ts);
	keep(w, worksheet_write_number(w->sheet, w->row, EXPORT_TS, (double)r->ts, NULL));
	keep(w, worksheet_write_number(w->sheet, w->row, EXPORT_DIFF, r->diff_s, NULL));
	if (r->type == REC_EL_JOURNAL)
		write_text(w, column++,
		    journal_name(r->journal) != NULL ? journal_name(r->journal) : "");
	for (size_t i = 0; i < w->x->tags.n && r->valid; i++) {
		const struct tag *tag = &w->x->tags.tag[i];

		if (!tag_has_value(tag, r))
			continue;
		if (tag->kind == TAG_CONFIG)
			write_config(w, (lxw_col_t)(column + i), tag, r);
		else
			write_value(w, (lxw_col_t)(column + i), tag, r);
	}
	w->row++;
	return result_of(w->error);
}

int
export_write_xlsx(struct export *x, const char *path, const char *folder)
{
	struct workbook w = { .x = x };
	char tmpdir[256];
	lxw_workbook_options options = { .constant_memory = LXW_TRUE, .tmpdir = tmpdir };
	lxw_error closed;
	int rc = E_NOMEM;

	snprintf(tmpdir, sizeof(tmpdir), "%s", folder);
	if ((w.book = workbook_new_opt(path, &options)) == NULL)
		return E_NOMEM;
	w.sheet = workbook_add_worksheet(w.book, NULL);
	w.head = workbook_add_format(w.book);
	w.text = workbook_add_format(w.book);
	w.time = workbook_add_format(w.book);
	if (w.sheet != NULL && w.head != NULL && w.text != NULL && w.time != NULL) {
		format_set_bold(w.head);
		format_set_num_format_index(w.text, 49); /* "@" */
		format_set_num_format(w.time, "yyyy-mm-dd hh:mm:ss");
		write_header(&w);
		rc = export_step(x, write_row, &w);
	}
	closed = workbook_close(w.book);
	if (rc == E_OK)
		rc = result_of(w.error != LXW_NO_ERROR ? w.error : closed);
	return rc;
}
