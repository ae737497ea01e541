/* The file around a spreadsheet: a ZIP archive of XML parts, read from memory with limits on all that
 * an attacker could let grow.  Document types (and with them entities) are refused; nothing outside
 * of the file is ever opened. */
#ifndef USPD_SMART_JSON_XLSX_PACKAGE_H
#define USPD_SMART_JSON_XLSX_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/err.h"

enum { PACKAGE_UNPACKED_MOST = 64 << 20, PACKAGE_PARTS_MOST = 4096, PACKAGE_DEEPEST = 32 };

struct package {
	struct zip *zip;
	size_t unpacked;	/* bytes so far, of all parts */
	char why[96];		/* what is wrong, after E_INVALID */
	bool stopped;
	int rc;
};

/* Called for the XML of a part; names come without their namespace prefix. */
struct package_reader {
	void (*begin)(void *arg, const char *name, const char **attributes);
	void (*end)(void *arg, const char *name);
	void (*text)(void *arg, const char *, size_t);	/* NULL allowed */
	void *arg;
};

/* Borrows the data until package_close().  E_INVALID, E_NOMEM. */
int package_open(struct package *, const char *data, size_t len) USPD_MUST_CHECK;
void package_close(struct package *);
/* E_NOTFOUND: no such part; E_INVALID; E_NOMEM; what the reader stopped with. */
int package_read(struct package *, const char *part, const struct package_reader *) USPD_MUST_CHECK;
/* For readers: ends package_read() with this error. */
void package_stop(struct package *, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* The value of an attribute, or NULL; for readers. */
const char *package_attribute(const char **attributes, const char *name);

#endif
