/* The family of СПОДЭС meters: what its files share.  The family itself is spodes_family
 * (meters/meters.h); the client is dlms.h, the tables of objects are in the codecs. */
#ifndef USPD_METERS_DLMS_SPODES_H
#define USPD_METERS_DLMS_SPODES_H

#include "meters/dlms/dlms.h"
#include "meters/dlms/spodes_codec.h"
#include "meters/dlms/spodes_events_codec.h"
#include "meters/meters.h"

/* ---- options of a row (19.1) ---- */

enum spodes_auth { AUTH_LLS, AUTH_HLS2, AUTH_GMAC, AUTH_GMAC_ENC, AUTH_NONE };
enum spodes_range_dev { RANGE_DEV_AUTO, RANGE_DEV_NONE, RANGE_DEV_COPY };
struct spodes_options {
	struct hdlc_address server;
	uint16_t logical;
	uint16_t info, max_pdu;		/* hdlc_info, max_pdu */
	uint8_t window;			/* hdlc_window */
	uint8_t transport;		/* enum dlms_transport */
	uint8_t client_rd, client_wr;
	uint8_t auth_rd, auth_wr;	/* enum spodes_auth */
	uint8_t rows;			/* rows_per_request */
	uint8_t range_dev;		/* enum spodes_range_dev */
	uint8_t lp_stamp, day_stamp;	/* enum spodes_stamp: end|start of the interval, of the day */
	uint8_t billing_day;
	bool disc_first, null_is_missing, pw_pad16, magnet_as_unauth, no_list, release;
	uint8_t title[ACSE_TITLE_LEN];	/* ours */
};
/* "[logical:]physical[/octets][;option=value...]" over the row of the type; an empty address is the
 * only meter at the end of a network, behind the wrapper.  E_INVALID. */
int spodes_options(struct spodes_options *, unsigned type, const char *text) USPD_MUST_CHECK;
int spodes_digit(char);		/* of hexadecimal; negative: none */

/* ---- what is remembered of a meter ---- */

enum { SPODES_MEMORY_VERSION = 1, LOAD_COLUMNS = 32, DAY_COLUMNS = 56, MOMENT_COLUMNS = 48 };
enum spodes_known { SPODES_UNKNOWN, SPODES_KNOWN, SPODES_ABSENT };
enum spodes_fact {
	FACT_PARAMETERS = 1,	/* SNRM with parameters was answered */
	FACT_DISC_FIRST = 2,	/* the meter wants DISC first */
	FACT_PLAIN = 4,		/* SNRM with parameters is not answered */
	FACT_NO_LIST = 8, FACT_LESS = 16,
	FACT_RANGE_GOOD = 32,	/* a range has given rows with the deviation as it is asked now */
	FACT_COPY_DEV = 64,	/* ranges want the meter's own deviation */
	FACT_CLOCK = 128	/* deviation and status below are the meter's */
};

/* Columns of a profile; of `room` octets each in the two arrays behind it. */
struct spodes_profile {
	uint8_t known;		/* enum spodes_known */
	uint8_t n;
	uint8_t by_entry;	/* ranges are not served */
	uint32_t period_s;
} __attribute__((packed));

struct spodes_memory {
	uint32_t firmware;	/* digest of what the columns belong to; 0 nothing yet */
	uint8_t facts;		/* enum spodes_fact */
	uint8_t try;		/* which way of connecting is next when the meter is silent */
	uint8_t status;
	int16_t deviation;
	uint32_t counter;	/* of ciphering: this and higher ones were never used */
	struct spodes_profile load, day, month, moment;
	uint8_t load_what[LOAD_COLUMNS], day_what[DAY_COLUMNS], month_what[DAY_COLUMNS],
	    moment_what[MOMENT_COLUMNS];
	int8_t load_scaler[LOAD_COLUMNS], day_scaler[DAY_COLUMNS], month_scaler[DAY_COLUMNS],
	    moment_scaler[MOMENT_COLUMNS];
	struct { uint8_t n, code; } logs[SPODES_LOGS];	/* columns, the code's place; n 255: no log */
	uint32_t upto[SPODES_PAIRS];	/* a journal is read from its log up to here, seconds UTC */
	uint16_t word[SPODES_PAIRS];	/* log 9: the last status word */
} __attribute__((packed, may_alias));
_Static_assert(sizeof(struct spodes_memory) <= METER_MEMORY_SIZE, "must fit the session");

static inline struct spodes_memory *
spodes_memory(struct meter_session *s)
{
	return (struct spodes_memory *)(void *)s->memory;
}

/* From visit to visit: after a restart counters go on at the mark that was kept. */
struct spodes_fleeting {
	uint32_t counter;	/* the next; 0 not known */
};
_Static_assert(sizeof(struct spodes_fleeting) <= METER_FLEETING_SIZE, "must fit the session");

static inline struct spodes_fleeting *
spodes_fleeting(struct meter_session *s)
{
	return (struct spodes_fleeting *)(void *)s->fleeting;
}

/* ---- while the session is open ---- */

struct spodes {
	struct dlms dlms;
	struct spodes_options options;
	uint32_t empty[SPODES_LOGS];	/* nothing newer than this second is in the log; 0 not asked */
};
_Static_assert(sizeof(struct spodes) <= METER_SCRATCH_SIZE, "must fit the session");

static inline struct spodes *
spodes_of(struct meter_session *s)
{
	return (struct spodes *)(void *)s->scratch;
}

/* The same as dlms_get() and others, with what the family keeps of it: counters, facts. */
int spodes_get(struct meter_session *, const struct cosem *, struct octets selection, struct octets *)
    USPD_MUST_CHECK;
int spodes_get_many(struct meter_session *, const struct cosem *, size_t n, dlms_taker *, void *arg)
    USPD_MUST_CHECK;
int spodes_action(struct meter_session *, const struct cosem *, struct octets) USPD_MUST_CHECK;
int spodes_set(struct meter_session *, const struct cosem *, struct octets) USPD_MUST_CHECK;
/* An attribute that is one number. */
int spodes_number(struct meter_session *, const struct cosem *, int64_t *) USPD_MUST_CHECK;

/* ---- profiles ---- */

enum spodes_profile_id { PROFILE_LOAD, PROFILE_DAY, PROFILE_MONTH, PROFILE_MOMENT };
/* Columns, scalers and period, asked once.  E_UNSUPPORTED: the meter has no such profile. */
int spodes_columns(struct meter_session *, enum spodes_profile_id,
    struct spodes_columns *) USPD_MUST_CHECK;
struct spodes_profile *spodes_profile(struct meter_session *, enum spodes_profile_id);
struct cosem spodes_profile_object(enum spodes_profile_id, int attribute);

/* Each row of [from, to] (stamps of the meter, UTC, inclusive), oldest first where the meter keeps them
 * so.  A negative return of the taker ends it and is passed on. */
typedef int spodes_row_taker(void *arg, const struct spodes_columns *, const struct spodes_row *);
int spodes_rows(struct meter_session *, enum spodes_profile_id, int64_t from, int64_t to,
    spodes_row_taker *, void *arg) USPD_MUST_CHECK;
/* Selection by range on the clock, as this meter wants it; buf of 64. */
struct octets spodes_range(struct meter_session *, uint8_t *buf, size_t size, int64_t from, int64_t to);

/* ---- the members of the family ---- */

int spodes_open(struct meter_session *) USPD_MUST_CHECK;
void spodes_close(struct meter_session *);
int spodes_identify(struct meter_session *, struct meter_config *) USPD_MUST_CHECK;
int spodes_clock_get(struct meter_session *, int64_t *utc) USPD_MUST_CHECK;
int spodes_clock_correct(struct meter_session *, int64_t utc) USPD_MUST_CHECK;
int spodes_clock_set(struct meter_session *, int64_t utc) USPD_MUST_CHECK;
int spodes_relay_get(struct meter_session *, unsigned number, bool *on) USPD_MUST_CHECK;
int spodes_relay_set(struct meter_session *, unsigned number, bool on) USPD_MUST_CHECK;
int spodes_calendar_get(struct meter_session *, enum calendar_part, bool passive, struct calendar *)
    USPD_MUST_CHECK;
int spodes_calendar_set(struct meter_session *, enum calendar_part, const struct calendar *)
    USPD_MUST_CHECK;
typedef int spodes_reader(struct meter_session *, const struct query *, struct sink *);
spodes_reader spodes_read_energy, spodes_read_quality, spodes_read_profile, spodes_read_journal;
spodes_reader spodes_read_archive;

#endif
