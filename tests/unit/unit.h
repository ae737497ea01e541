/* What the main() of every test program ends with. */
#ifndef USPD_TESTS_UNIT_UNIT_H
#define USPD_TESTS_UNIT_UNIT_H

#include <check.h>

/* Runs and frees the suite; the program's exit code.  CK_VERBOSITY and CK_FORK apply. */
int unit_main(Suite *);

enum { UNIT_FOLDER = 64 };
/* A folder of one's own, and its end with all that lies in it. */
void unit_folder_make(char dir[static UNIT_FOLDER]);
void unit_folder_remove(const char *dir);
/* The path of a file in it; good until the call after the next one. */
const char *unit_in(const char *dir, const char *name);

#endif
