/* uspdctl: what the subcommands share.  Each group is a file tools/ctl_*.c; uspdctl.c is the table. */
#ifndef USPD_TOOLS_CTL_H
#define USPD_TOOLS_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum ctl_exit { CTL_OK, CTL_FAILED, CTL_USAGE, CTL_UNREACHABLE };

struct ctl {
	const char *url;	/* of the daemon, without a path */
	const char *token;	/* NULL: none */
	bool json;		/* print answers as they come */
};

/* Subcommands get their own arguments, argv[0] being their name, and return an enum ctl_exit. */
int ctl_status(const struct ctl *, int argc, char **argv);
int ctl_meter(const struct ctl *, int argc, char **argv);
int ctl_poll(const struct ctl *, int argc, char **argv);
int ctl_read(const struct ctl *, int argc, char **argv);
int ctl_journal(const struct ctl *, int argc, char **argv);
int ctl_settings(const struct ctl *, int argc, char **argv);
int ctl_sql(const struct ctl *, int argc, char **argv);
int ctl_rtu327(const struct ctl *, int argc, char **argv);

/* Says on stderr how the command is used; CTL_USAGE. */
int ctl_usage(const char *usage);
/* Takes the option `name` (and its value when `value` is not NULL) out of argv; true when it was
 * there.  A value that is missing counts as absent and leaves the option to ctl_no_options(). */
bool ctl_option(int *argc, char **argv, const char *name, const char **value);
/* False, and told on stderr, when something that looks like an option is left. */
bool ctl_no_options(int argc, char **argv);

/* Set by SIGINT: --watch ends. */
bool ctl_interrupted(void);
void ctl_catch_interrupt(void);
/* Waits so long or until interrupted. */
void ctl_pause_ms(unsigned ms);

/* Members of answers; what is not there is 0 or "". */
long long ctl_int(const json_t *object, const char *name);
double ctl_real(const json_t *object, const char *name);
const char *ctl_text(const json_t *object, const char *name);

#endif
