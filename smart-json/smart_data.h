/* Requests for meter data and their answers (smart-json.md 10), both dialects.
 *
 * A question is read whole and checked before anything is asked.  Its answer is made piece by
 * piece from the archive, measure by measure, meter by meter, so that an answer of any size takes
 * the memory of one piece.  What the meters themselves were asked is put in from outside. */
#ifndef USPD_SMART_JSON_SMART_DATA_H
#define USPD_SMART_JSON_SMART_DATA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smart-json/http.h"
#include "smart-json/smart_measure.h"
#include "src/model/settings.h"
#include "src/model/tags.h"
#include "src/store/store.h"

enum { DATA_MEASURES_MOST = 256, DATA_WINDOWS_MOST = 1000, DATA_NAMES_MOST = 1000 };

struct data_window { int64_t from, to; };	/* UTC seconds, inclusive */

/* What is asked. */
struct data_query {
	struct store *store;
	unsigned dialect;
	bool english;
	struct settings settings;
	struct zone zone;
	json_t *body;			/* holds the names of tags */
	struct tag_choice tags;
	struct measure *measures;
	size_t n_measures;
	struct data_window *windows;	/* ascending, apart from each other; none: nothing fits */
	size_t n_windows;
	bool all_time;			/* the one window is everything */
	bool last_time;			/* only the newest record in them */
	const struct meter_table *table;
	uint32_t *meters;		/* rows of the table, ascending by id */
	size_t n_meters;
};
/* NULL: the refusal is made. */
struct data_query *data_query_make(struct http_call *, enum measure_source);
void data_query_free(struct data_query *);	/* NULL allowed */

static inline const struct meter_row *
data_query_meter(const struct data_query *q, size_t i)
{
	return &q->table->rows[q->meters[i]];
}

/* {"ts":...,"diff":...,"tags":[ and its end; the entries of `vals` of one meter. */
void data_print_entry(struct text *, const struct data_query *, int64_t ts, int32_t diff_s);
void data_print_record(struct text *, const struct data_query *, const struct tag_list *,
    const struct record *);
#define DATA_ENTRY_END "]}"

/* What a meter answered when it was asked itself. */
struct data_told {
	const char *error;	/* for people; NULL: none */
	const char *vals;	/* entries, comma between, or NULL */
	size_t len;
	bool archived;		/* what it told is read from the archive now */
};
struct data_answer;
/* Takes the query.  told(arg, measure, meter) is asked for measures of which `now` is true; arg is
 * borrowed while the answer is made. */
int data_answer_make(struct data_answer **, struct data_query *,
    void (*told)(void *arg, size_t measure, size_t meter, struct data_told *), void *arg)
    USPD_MUST_CHECK;
void data_answer_free(struct data_answer *);	/* NULL allowed */
/* The next piece; as http_call.more: 1 more follows, 0 the last, negative: cannot be read. */
int data_answer_piece(struct data_answer *, struct text *) USPD_MUST_CHECK;

/* Makes it the call's answer: from its first piece on it leaves as it is made; what cannot be read
 * before that is a refusal.  call->job is, or begins with, the pointer to the answer. */
struct data_job { struct data_answer *answer; };

void data_answer_send(struct http_call *);

/* Asks the meters themselves what is asked of them `now`, then answers.  Takes the query. */
void data_ask_meters(struct http_call *, struct data_query *);

/* The journal of answering meters (jrnlAnsw): from smart_data_link.c. */
struct link_row { uint32_t meter; bool answer; int64_t ts; uint64_t id; };
struct link_rows { struct link_row *rows; size_t n, size; };
/* Ascending by meter, then number. */
int link_rows_read(struct link_rows *, struct store *) USPD_MUST_CHECK;
void link_rows_free(struct link_rows *);
/* The rows of one meter: the first of them and their number. */
const struct link_row *link_rows_of(const struct link_rows *, uint32_t meter, size_t *n);

#endif
