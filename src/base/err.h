/* One list of error codes, used from the wire to the command line.
 *
 * Every fallible function returns 0 (E_OK) or one of these negative codes; results travel
 * through out-parameters.  What an error means to the poller: specs/style-models.md 4.1. */
#ifndef USPD_BASE_ERR_H
#define USPD_BASE_ERR_H

#define USPD_ERRORS(ROW) \
	ROW(E_TIMEOUT,     "no answer") \
	ROW(E_CHECKSUM,    "checksum does not match") \
	ROW(E_FRAME,       "malformed or incomplete frame") \
	ROW(E_FOREIGN,     "answer of another station") \
	ROW(E_DENIED,      "password or access level refused") \
	ROW(E_UNSUPPORTED, "not supported by this meter") \
	ROW(E_NODATA,      "the meter has no such record") \
	ROW(E_BUSY,        "the meter is busy") \
	ROW(E_REFUSED,     "refused now by the meter") \
	ROW(E_METER,       "the meter reports an internal error") \
	ROW(E_LOST,        "the line is lost") \
	ROW(E_PREEMPTED,   "interrupted by more urgent work") \
	ROW(E_STOPPED,     "stopping") \
	ROW(E_NODRIVER,    "no driver for this type") \
	ROW(E_INVALID,     "invalid value") \
	ROW(E_NOTFOUND,    "not found") \
	ROW(E_EXISTS,      "exists already") \
	ROW(E_LIMIT,       "limit exceeded") \
	ROW(E_NOMEM,       "out of memory") \
	ROW(E_IO,          "input or output error") \
	ROW(E_FULL,        "no space left") \
	ROW(E_READONLY,    "read-only") \
	ROW(E_CORRUPT,     "database is damaged") \
	ROW(E_VERSION,     "database was written by a newer version") \
	ROW(E_INTERNAL,    "internal error")

enum uspd_err_index {
	E_INDEX_OK,
#define ROW(name, text) E_INDEX_##name,
	USPD_ERRORS(ROW)
#undef ROW
	E_COUNT
};

enum uspd_err {
	E_OK = 0,
#define ROW(name, text) name = -E_INDEX_##name,
	USPD_ERRORS(ROW)
#undef ROW
};

#define USPD_MUST_CHECK __attribute__((warn_unused_result))

/* Text for people, never NULL, for any value. */
const char *uspd_strerror(int err);
/* The code's own name ("E_TIMEOUT"), for logs and tests, never NULL. */
const char *uspd_errname(int err);

#endif
