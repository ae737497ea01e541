/* A disk that fills up on request: a layer over SQLite's own file functions. */
#ifndef USPD_TESTS_UNIT_FAILING_DISK_H
#define USPD_TESTS_UNIT_FAILING_DISK_H

#include <stdbool.h>

void failing_disk_install(void);	/* before a store is opened; stays for the process */
void failing_disk_fill(bool full);	/* every write fails while full */
void failing_disk_nth(int n);		/* the n-th write from now fails, once; 0: none */

#endif
