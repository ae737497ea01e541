/* uspdctl: what the commands share.  Each group is a file tools/ctl_*.c; ctl_commands.c is the table,
 * from which help, checks of the command line and completion come; uspdctl.c runs them. */
#ifndef USPD_TOOLS_CTL_H
#define USPD_TOOLS_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/text.h"

enum ctl_exit { CTL_OK, CTL_FAILED, CTL_USAGE, CTL_UNREACHABLE };

struct ctl_command;
struct ctl {
	const char *url;	/* of the daemon, without a path */
	const char *token;	/* NULL: none */
	bool json;		/* print answers as they come */
	int dialect;		/* of requests to paths that begin with '/' */
	const struct ctl_command *command;	/* that runs */
};

/* Says on stderr how the command that runs is used; CTL_USAGE. */
int ctl_usage(const struct ctl *);
/* The same after a line that tells what is wrong. */
int ctl_misuse(const struct ctl *, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes the option `name` (and its value when `value` is not NULL) out of argv; true when it was
 * there.  The table has been checked before: a value is there. */
bool ctl_option(int *argc, char **argv, const char *name, const char **value);
/* The same for a whole number of least..most.  false, and told: it is none; absent: *value stays. */
bool ctl_option_number(int *argc, char **argv, const char *name, long long least, long long most,
    long long *value);
bool ctl_number(const char *text, long long least, long long most, long long *value);

/* Set by SIGINT: what watches, ends. */
bool ctl_interrupted(void);
void ctl_catch_interrupt(void);
/* Waits so long or until interrupted. */
void ctl_pause_ms(unsigned ms);
int64_t ctl_now_ms(void);	/* of the monotonic clock */

/* Members of answers; what is not there is 0 or "". */
long long ctl_int(const json_t *object, const char *name);
double ctl_real(const json_t *object, const char *name);
const char *ctl_text(const json_t *object, const char *name);
/* A value as people read it: texts without quotes, true and false as yes and no, null as "-". */
void ctl_value(struct text *, const json_t *value);
/* The whole answer as JSON. */
void ctl_print_json(const json_t *);

/* Whole files of at most 10 MiB; "-" (or NULL, for writing) is the standard input or output.  CTL_OK,
 * or CTL_FAILED and told.  A private file is readable by its owner only. */
int ctl_read_file(const char *name, struct text *to);
int ctl_write_file(const char *name, const struct text *, bool private);
enum { CTL_SECRET_SIZE = 512 };
/* Asks for a secret: unseen on a terminal (twice when `again`), else a line of the standard input.
 * CTL_OK, or CTL_FAILED and told. */
int ctl_ask_secret(const char *prompt, bool again, char secret[static CTL_SECRET_SIZE]);

#endif
