/* A server over a fresh store, in its loop in a thread, and clients for it. */
#ifndef USPD_TESTS_UNIT_HTTP_HELP_H
#define USPD_TESTS_UNIT_HTTP_HELP_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "smart-json/http.h"
#include "src/base/text.h"
#include "src/poll/poll.h"
#include "src/store/store.h"

/* The rest of a request line and the one field that must be there. */
#define H11 "HTTP/1.1\r\nHost: localhost\r\n"
#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

extern char http_dir[64];
/* Of the guarded server; NULL at first. */
extern const char *http_web;		/* pages */
extern const struct http_space *const *http_own_spaces;
extern struct store *http_store;
extern struct poll *http_poller;	/* NULL without */
extern uint16_t http_server_port;

/* Fixtures: everybody is an administrator, but for the guarded server, which wants tickets or the
 * token and has a data directory; the impatient one waits 200 ms for a request. */
void http_setup(void);
void http_setup_with_poller(void);	/* on a board without lines */
void http_setup_impatient(void);
void http_setup_guarded(void);
void http_teardown(void);

struct http_answer {
	long status;
	struct text body, fields;
	char allow[64];
};
/* "Authorization: Bearer ..." with the token of the guarded server. */
const char *http_token_field(void);
struct http_answer http_ask(const char *method, const char *path, const char *body);
/* field: one more header line, or NULL. */
struct http_answer http_ask_with(const char *method, const char *path, const char *body, size_t len,
    const char *field);
void http_forget(struct http_answer *);
/* Asks and checks the status; *json takes the answer when it is wanted. */
void http_expect(long status, const char *method, const char *path, const char *body, json_t **json);
json_int_t json_number_of(const json_t *, const char *name);
const char *json_string_of(const json_t *, const char *name);

int http_connect_raw(void);
/* Sends bytes and reads until the server closes. */
void http_talk(const char *bytes, size_t len, struct text *answer);
/* Reads until the text has come. */
void http_await(int fd, struct text *got, const char *wanted);

/* Meters 6 (Mercury23x on Iface1) and 7 (SE303 on Iface2). */
void http_add_meters(void);

#endif
