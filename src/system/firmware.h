/* Firmware packages: taking them in, proving who made them, handing them over to the updater
 * (system.md 12, smart-json.md 15).  Nothing is installed here: the updater is another program with
 * other rights; it is started by the manifest that appears in the spool directory, and proves the
 * package once more.
 *
 * A package (all numbers little-endian):
 *
 *    0  8   "USPDFW01"
 *    8  4   n, length of the manifest, 2 .. 16384
 *   12  n   manifest, JSON: {"compatible": "um31", "version": "1.4.0", "size": S,
 *                            "sha256": "64 hex digits"}
 *   12+n 64 Ed25519 signature (RFC 8032) of all bytes before it
 *   76+n S  payload, whose SHA-256 the manifest tells; nothing follows
 *
 * Public keys are PEM files *.pem of the key directory; the private one never is on a device.
 *
 * Below DATA/firmware: incoming.bin while a package is taken in; update.bin, the last one accepted;
 * previous.bin, the one before; upload.log and update-status.log (the updater's) of the last
 * update; spool/update.json, the manifest that the updater removes when it is done. */
#ifndef USPD_SYSTEM_FIRMWARE_H
#define USPD_SYSTEM_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"
#include "src/base/text.h"

struct store;

enum { FIRMWARE_HEAD = 12, FIRMWARE_SIGNATURE = 64, FIRMWARE_MANIFEST_MOST = 16384 };
#define FIRMWARE_MAGIC "USPDFW01"
#define FIRMWARE_KEYS "/etc/uspd/keys"

struct firmware_manifest {
	char compatible[32], version[24];
	uint64_t size;
	uint8_t sha256[32];
};
/* From the JSON text of a manifest.  E_INVALID. */
int firmware_manifest_parse(struct firmware_manifest *, const char *json, size_t len) USPD_MUST_CHECK;
/* "1.4.10" against "1.4.9": < 0, 0, > 0 as strcmp; what is no number counts as 0. */
int firmware_version_compare(const char *, const char *);

/* Where keys are, FIRMWARE_KEYS at first; before threads start. */
void firmware_look_in(const char *keys);

/* Proves a package: form, signature by one of the keys, whole payload.  E_FRAME no package or
 * incomplete; E_DENIED signed by nobody known; E_CHECKSUM the payload is damaged; E_NOTFOUND there
 * are no keys; E_IO.  `why` tells a person. */
int firmware_verify(const char *path, struct firmware_manifest *, char *why, size_t why_size)
    USPD_MUST_CHECK;

struct firmware_upload {
	const char *data_dir;
	const char *file;		/* the body as it came; renamed or left */
	const char *content_type;
	const char *login;
	bool force;			/* also an older version than the device allows */
};
/* Takes a package in, proves it and hands it over.  One at a time: E_BUSY while another is taken in
 * or the last one is not installed yet.  Besides the errors of firmware_verify(): E_UNSUPPORTED
 * another device's; E_VERSION older than allowed; E_NOTFOUND also: no field fw_update; E_FULL.
 * Takes seconds; any thread. */
int firmware_take(struct store *, const struct firmware_upload *, struct firmware_manifest *,
    char *why, size_t why_size) USPD_MUST_CHECK;
/* Text for people: what became of the last update. */
void firmware_log(const char *data_dir, struct text *);

/* At start: journals the running version (DJ_UPDATE) when it is not the one of the last row. */
void firmware_started(struct store *);

#endif
