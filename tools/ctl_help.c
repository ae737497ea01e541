/* The table of commands looked up, checked and told. */
#include <stdarg.h>
#include <string.h>

#include "tools/ctl_commands.h"

enum { HELP_COLUMN = 24, COMMAND_COLUMN = 17 };

/* ---- look-up ---- */

/* Does argv begin with all words of the name?  How many; 0: no. */
static int
words_matched(const char *name, int argc, char **argv)
{
	int n = 0;

	for (; *name != '\0'; n++) {
		size_t len = strcspn(name, " ");

		if (n == argc || strlen(argv[n]) != len || strncmp(argv[n], name, len) != 0)
			return 0;
		name += len + (name[len] == ' ');
	}
	return n;
}

/* The longest name wins: "settings get" before "settings". */
const struct ctl_command *
ctl_find(int argc, char **argv, int *words)
{
	const struct ctl_command *found = NULL;

	*words = 0;
	for (const struct ctl_command *c = ctl_commands; c->name != NULL; c++) {
		int n = words_matched(c->name, argc, argv);

		if (n > *words) {
			*words = n;
			found = c;
		}
	}
	return found;
}

static bool
belongs_to(const struct ctl_command *c, const char *word)
{
	size_t len = strlen(word);

	return strncmp(c->name, word, len) == 0 && c->name[len] == ' ';
}

bool
ctl_is_group(const char *word)
{
	for (const struct ctl_command *c = ctl_commands; c->name != NULL; c++)
		if (belongs_to(c, word))
			return true;
	return false;
}

const struct ctl_option *
ctl_option_of(const struct ctl_option *list, const char *name, size_t len)
{
	for (; list->name != NULL; list++)
		if (strlen(list->name) == len && strncmp(list->name, name, len) == 0)
			return list;
	return NULL;
}

/* ---- checking ---- */

static bool __attribute__((format(printf, 2, 3)))
wrong(const struct ctl_command *c, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "uspdctl %s: ", c->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	ctl_synopsis(stderr, c);
	return false;
}

bool
ctl_check(const struct ctl_command *c, int argc, char **argv)
{
	int plain = 0;

	for (int i = 1; i < argc; i++) {
		size_t len = strcspn(argv[i], "=");
		const struct ctl_option *option;

		if (strncmp(argv[i], "--", 2) != 0) {
			plain++;
			continue;
		}
		option = ctl_option_of(c->options, argv[i], len);
		if (option == NULL)
			return wrong(c, "there is no option %s", argv[i]);
		if (option->value == NULL && argv[i][len] == '=')
			return wrong(c, "%s takes no value", option->name);
		if (option->value != NULL && argv[i][len] == '\0' && ++i == argc)
			return wrong(c, "%s needs a value, %s", option->name, option->value);
	}
	if (plain < c->least)
		return wrong(c, "something is missing");
	if (plain > c->most)
		return wrong(c, "that is too much");
	return true;
}

int
ctl_usage(const struct ctl *ctl)
{
	ctl_synopsis(stderr, ctl->command);
	return CTL_USAGE;
}

int
ctl_misuse(const struct ctl *ctl, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "uspdctl %s: ", ctl->command->name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	return CTL_USAGE;
}

/* ---- telling ---- */

void
ctl_synopsis(FILE *f, const struct ctl_command *c)
{
	size_t column = (size_t)fprintf(f, "usage: uspdctl %s%s%s", c->name,
	    *c->args != '\0' ? " " : "", c->args);

	for (const struct ctl_option *o = c->options; o->name != NULL; o++) {
		size_t len = strlen(o->name) + (o->value != NULL ? strlen(o->value) + 1 : 0) + 3;

		if (column + len > 96)
			column = (size_t)fprintf(f, "\n      ") - 1;
		column += (size_t)fprintf(f, " [%s%s%s]", o->name, o->value != NULL ? " " : "",
		    o->value != NULL ? o->value : "");
	}
	fprintf(f, "\n");
}

static void
print_options(FILE *f, const struct ctl_option *o)
{
	for (; o->name != NULL; o++) {
		int n = fprintf(f, "  %s%s%s", o->name, o->value != NULL ? " " : "",
		    o->value != NULL ? o->value : "");

		fprintf(f, "%*s  %s\n", n < HELP_COLUMN ? HELP_COLUMN - n : 0, "", o->help);
	}
}

void
ctl_help_command(FILE *f, const struct ctl_command *c)
{
	ctl_synopsis(f, c);
	fprintf(f, "\n  %s\n", c->help);
	if (c->more != NULL)
		fprintf(f, "\n%s\n", c->more);
	if (c->options[0].name != NULL)
		fprintf(f, "\n");
	print_options(f, c->options);
}

void
ctl_help_group(FILE *f, const char *word)
{
	for (const struct ctl_command *c = ctl_commands; c->name != NULL; c++)
		if (strcmp(c->name, word) == 0 || belongs_to(c, word))
			fprintf(f, "  %-*s %s\n", COMMAND_COLUMN, c->name, c->help);
}

void
ctl_help(FILE *f)
{
	fprintf(f,
	    "usage: uspdctl [--url URL] [--token T|--token-file FILE] [--json] COMMAND ...\n"
	    "       uspdctl COMMAND --help\n\n");
	for (const struct ctl_command *c = ctl_commands; c->name != NULL; c++)
		fprintf(f, "  %-*s %s\n", COMMAND_COLUMN, c->name, c->help);
	fprintf(f, "\n");
	print_options(f, ctl_globals);
	fprintf(f,
	    "\nExit: 0 done, 1 refused or failed, 2 wrong usage, 3 the daemon cannot be reached.\n");
}
