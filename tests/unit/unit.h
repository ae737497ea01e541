/* What the main() of every test program ends with. */
#ifndef USPD_TESTS_UNIT_UNIT_H
#define USPD_TESTS_UNIT_UNIT_H

#include <check.h>

/* Runs and frees the suite; the program's exit code.  CK_VERBOSITY and CK_FORK apply. */
int unit_main(Suite *);

#endif
