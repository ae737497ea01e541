/* Completion of shells: the shell asks us for words, so that it can never be out of step. */
#include <stdio.h>
#include <string.h>

#include "src/model/model.h"
#include "src/model/settings.h"
#include "tools/ctl_commands.h"
#include "tools/ctl_journals.h"
#include "tools/ctl_tables.h"

/* Also installed as a file; a test compares. */
static const char bash[] =
    "# Completion of uspdctl for bash; uspdctl itself knows the words.\n"
    "_uspdctl() {\n"
    "\tmapfile -t COMPREPLY < <(\n"
    "\t\t\"$1\" completion words \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
    "}\n"
    "complete -o default -F _uspdctl uspdctl\n";

int
ctl_completion_bash(const struct ctl *ctl, int argc, char **argv)
{
	(void)ctl;
	(void)argc;
	(void)argv;
	fputs(bash, stdout);
	return CTL_OK;
}

/* ---- words of a kind ---- */

static void
offer(const char *word, const char *prefix)
{
	if (strncmp(word, prefix, strlen(prefix)) == 0)
		printf("%s\n", word);
}

static void
offer_list(const char *const *list, const char *prefix)
{
	for (; *list != NULL; list++)
		offer(*list, prefix);
}

static void
offer_keys(const char *prefix)
{
	const char *key;

	for (size_t i = 0; (key = settings_key(i)) != NULL; i++)
		offer(key, prefix);
}

static void
offer_tables(const char *prefix)
{
	for (const struct ctl_table_row *t = ctl_tables; t->name != NULL; t++)
		offer(t->name, prefix);
}

static void
offer_types(const char *prefix)
{
#define ROW(id, name, ...) offer(name, prefix);
	METER_TYPES(ROW)
#undef ROW
}

static void
offer_measures(const char *prefix)
{
	static const char *const aliases[] = { "day", "month", "profile", "daycons", "monthcons",
		"energy", "quality", "config", "journal", NULL };

	offer_list(aliases, prefix);
#define ROW(id, name, ...) offer(name, prefix);
	RECORD_TYPES(ROW)
#undef ROW
}

static void
offer_words(enum ctl_words words, const char *prefix)
{
	static const char *const journals[] = {
#define ROW(name, what) name,
		CTL_JOURNALS(ROW)
#undef ROW
		NULL
	};
	static const char *const fixed[][14] = {
		[WORDS_BUS] = { "Iface1", "Iface2", "Iface3", "Iface4" },
		[WORDS_IFACE] = { "Iface1", "Iface2", "Iface3", "Iface4", "Ethernet" },
		[WORDS_STATE] = { "new", "ok", "doubt", "silent", "password", "hold", "blocked" },
		[WORDS_SWITCH] = { "on", "off", "?" },
		[WORDS_LEVEL] = { "0", "1", "2" },
		[WORDS_CHECKSUM] = { "none", "crc16-modbus", "mercury" },
		[WORDS_QUESTION] = { "version", "time", "settime", "shprm", "pok", "lp", "tests",
		    "autoread", "mtrlog", "maxlogid", "log" },
	};

	switch (words) {
	case WORDS_TYPE:    offer_types(prefix); break;
	case WORDS_MEASURE: offer_measures(prefix); break;
	case WORDS_JOURNAL: offer_list(journals, prefix); break;
	case WORDS_SETTING: offer_keys(prefix); break;
	case WORDS_TABLE:   offer_tables(prefix); break;
	case WORDS_NAMED:   offer_tables(prefix); offer_keys(prefix); break;
	case WORDS_NONE: case WORDS_FILE: break;
	default:            offer_list(fixed[words], prefix);
	}
}

/* ---- where the word stands ---- */

static void
offer_options(const struct ctl_option *o, const char *prefix)
{
	for (; o->name != NULL; o++)
		offer(o->name, prefix);
}

/* The first words of names, or, behind a group, the second ones.  A group stands together. */
static void
offer_commands(const char *group, const char *prefix)
{
	size_t skip = group != NULL ? strlen(group) : 0, last_len = 0;
	const char *last = "";
	char word[32];

	for (const struct ctl_command *c = ctl_commands; c->name != NULL; c++) {
		size_t len = strcspn(c->name, " ");

		if (group != NULL && len == skip && strncmp(c->name, group, len) == 0 &&
		    c->name[len] != '\0')
			offer(c->name + skip + 1, prefix);
		if (group != NULL || (len == last_len && strncmp(c->name, last, len) == 0))
			continue;
		snprintf(word, sizeof(word), "%.*s", (int)len, c->name);
		offer(word, prefix);
		last = c->name;
		last_len = len;
	}
}

/* Words of `argv` behind the name of the command, the last one is to be completed. */
static void
offer_arguments(const struct ctl_command *c, int argc, char **argv)
{
	const char *prefix = argv[argc - 1];
	int plain = 0, kind;

	for (int i = 0; i + 1 < argc; i++) {
		const struct ctl_option *o = ctl_option_of(c->options, argv[i], strlen(argv[i]));

		if (strncmp(argv[i], "--", 2) != 0)
			plain++;
		else if (o != NULL && o->value != NULL && i + 2 == argc) {
			offer_words(o->words, prefix);
			return;
		} else if (o != NULL && o->value != NULL)
			i++;
	}
	if (prefix[0] == '-') {
		offer_options(c->options, prefix);
		offer("--json", prefix);
		offer("--help", prefix);
		return;
	}
	kind = plain < CTL_WORDS ? plain : CTL_WORDS - 1;
	if (plain < c->most)
		offer_words(c->words[kind], prefix);
}

/* Behind the options before the command. */
static int
skip_globals(int argc, char **argv)
{
	int at = 0;

	while (at + 1 < argc && argv[at][0] == '-') {
		const struct ctl_option *o = ctl_option_of(ctl_globals, argv[at], strlen(argv[at]));

		at += o != NULL && o->value != NULL && at + 2 < argc ? 2 : 1;
	}
	return at;
}

int
ctl_completion_words(const struct ctl *ctl, int argc, char **argv)
{
	const struct ctl_command *c;
	int words, at;

	(void)ctl;
	argc--;
	argv++;
	if (argc == 0)
		return CTL_OK;
	at = skip_globals(argc, argv);
	argc -= at;
	argv += at;
	if (argc == 1) {
		offer_commands(NULL, argv[0]);
		if (argv[0][0] == '-')
			offer_options(ctl_globals, argv[0]);
		return CTL_OK;
	}
	/* "settings" is a command and a group; the word to be completed may be either's. */
	c = ctl_find(argc - 1, argv, &words);
	if (argc == 2 && ctl_is_group(argv[0]))
		offer_commands(argv[0], argv[1]);
	if (c != NULL)
		offer_arguments(c, argc - words, argv + words);
	return CTL_OK;
}
