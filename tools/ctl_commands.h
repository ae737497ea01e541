/* The commands of uspdctl as data: names, arguments, options, help.  What runs them, the help and the
 * completion of shells come from this one table; tests compare the man page with it. */
#ifndef USPD_TOOLS_CTL_COMMANDS_H
#define USPD_TOOLS_CTL_COMMANDS_H

#include <stdbool.h>
#include <stdio.h>

#include "tools/ctl.h"

/* What completion offers for an argument. */
enum ctl_words {
	WORDS_NONE, WORDS_FILE, WORDS_BUS, WORDS_TYPE, WORDS_IFACE, WORDS_STATE, WORDS_MEASURE,
	WORDS_JOURNAL, WORDS_SETTING, WORDS_TABLE, WORDS_NAMED,	/* a setting or a table */
	WORDS_SWITCH, WORDS_LEVEL, WORDS_LANGUAGE, WORDS_CHECKSUM, WORDS_QUESTION,
};

enum { CTL_OPTIONS = 9, CTL_WORDS = 3, CTL_ANY = 100000 };
struct ctl_option {
	const char *name;	/* "--limit"; NULL ends the list */
	const char *value;	/* what it takes; NULL: nothing */
	enum ctl_words words;
	const char *help;
};
struct ctl_command {
	const char *name;	/* one word or two; NULL ends the table */
	const char *args;
	int least, most;	/* so many arguments, without options */
	enum ctl_words words[CTL_WORDS];	/* of the arguments; the last that is named repeats */
	const char *help;
	int (*run)(const struct ctl *, int argc, char **argv);	/* argv[0]: the last word of the name */
	struct ctl_option options[CTL_OPTIONS];
	const char *more;	/* lines below the options, or NULL */
};
extern const struct ctl_command ctl_commands[];
extern const struct ctl_option ctl_globals[];	/* before the command; --json also behind it */

/* The command that argv begins with, and how many words name it; NULL: none. */
const struct ctl_command *ctl_find(int argc, char **argv, int *words);
/* Is it the first word of commands of two? */
bool ctl_is_group(const char *word);
const struct ctl_option *ctl_option_of(const struct ctl_option *list, const char *name, size_t len);
/* Do arguments and options fit the table?  Otherwise what is wrong is told on stderr. */
bool ctl_check(const struct ctl_command *, int argc, char **argv);

void ctl_help(FILE *);				/* of everything */
void ctl_help_group(FILE *, const char *word);
void ctl_help_command(FILE *, const struct ctl_command *);
void ctl_synopsis(FILE *, const struct ctl_command *);

int ctl_status(const struct ctl *, int argc, char **argv);
int ctl_meter_list(const struct ctl *, int argc, char **argv);
int ctl_meter_add(const struct ctl *, int argc, char **argv);
int ctl_meter_remove(const struct ctl *, int argc, char **argv);
int ctl_meter_import(const struct ctl *, int argc, char **argv);
int ctl_meter_export(const struct ctl *, int argc, char **argv);
int ctl_poll(const struct ctl *, int argc, char **argv);
int ctl_read(const struct ctl *, int argc, char **argv);
int ctl_ping(const struct ctl *, int argc, char **argv);
int ctl_clock(const struct ctl *, int argc, char **argv);
int ctl_relay(const struct ctl *, int argc, char **argv);
int ctl_trace(const struct ctl *, int argc, char **argv);
int ctl_scan(const struct ctl *, int argc, char **argv);
int ctl_raw(const struct ctl *, int argc, char **argv);
int ctl_journal(const struct ctl *, int argc, char **argv);
int ctl_settings(const struct ctl *, int argc, char **argv);
int ctl_settings_get(const struct ctl *, int argc, char **argv);
int ctl_settings_put(const struct ctl *, int argc, char **argv);
int ctl_settings_add(const struct ctl *, int argc, char **argv);
int ctl_settings_delete(const struct ctl *, int argc, char **argv);
int ctl_settings_tables(const struct ctl *, int argc, char **argv);
int ctl_backup(const struct ctl *, int argc, char **argv);
int ctl_restore(const struct ctl *, int argc, char **argv);
int ctl_user_list(const struct ctl *, int argc, char **argv);
int ctl_user_add(const struct ctl *, int argc, char **argv);
int ctl_user_password(const struct ctl *, int argc, char **argv);
int ctl_user_level(const struct ctl *, int argc, char **argv);
int ctl_user_remove(const struct ctl *, int argc, char **argv);
int ctl_tickets_list(const struct ctl *, int argc, char **argv);
int ctl_tickets_end(const struct ctl *, int argc, char **argv);
int ctl_audit(const struct ctl *, int argc, char **argv);
int ctl_sql(const struct ctl *, int argc, char **argv);
int ctl_rtu327(const struct ctl *, int argc, char **argv);
int ctl_completion_bash(const struct ctl *, int argc, char **argv);
int ctl_completion_words(const struct ctl *, int argc, char **argv);

#endif
