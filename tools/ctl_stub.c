#include "tools/ctl_commands.h"
int
ctl_completion_bash(const struct ctl *ctl, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return ctl_usage(ctl);
}
int
ctl_completion_words(const struct ctl *ctl, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return ctl_usage(ctl);
}
