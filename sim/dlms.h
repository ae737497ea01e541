/* Simulated СПОДЭС meters: DLMS/COSEM over HDLC or the TCP wrapper (meter-spodes-dlms.md).
 *
 * The first block is what the table of kinds takes; the rest is shared by the dlms_*.c files.  A
 * request goes down through the link (dlms_link.c, dlms_hdlc.c) or the wrapper, association and
 * ciphering (dlms_acse.c, dlms_cipher.c) and services (dlms_service.c) to the objects (dlms_objects.c,
 * dlms_values.c, dlms_profile.c, dlms_log.c, dlms_control.c). */
#ifndef USPD_SIM_DLMS_H
#define USPD_SIM_DLMS_H

#include "sim/dlms_axdr.h"
#include "sim/dlms_keys.h"
#include "sim/sim.h"

extern const char *const sim_dlms_keys[];
bool sim_dlms_configure(
    struct sim_meter *, const struct sim_type *, const json_t *, char *why, size_t);
void sim_dlms_release(struct sim_meter *);
size_t sim_dlms_answer(struct sim_meter *, int64_t now_us, const uint8_t *req, size_t n,
    uint8_t out[SIM_ANSWER_MAX]);
size_t sim_dlms_foreign(const struct sim_meter *, const uint8_t *answer, size_t n,
    uint8_t out[SIM_ANSWER_MAX]);
size_t sim_dlms_busy(const struct sim_meter *, const uint8_t *answer, size_t n,
    uint8_t out[SIM_ANSWER_MAX]);
void sim_dlms_table(const struct sim_meter *, char *addr, char *rd, char *wr, size_t size);
bool sim_dlms_whole(const uint8_t *req, size_t n);

/* ---- objects ---- */

enum { SIM_NAME_SIZE = 6, SIM_LOGS = 16, SIM_COLUMNS_MAX = 48 };

enum sim_dlms_what {
	SIM_DATA_LDN, SIM_DATA_SERIAL, SIM_DATA_MODEL, SIM_DATA_FIRMWARE, SIM_DATA_FIRMWARE2,
	SIM_DATA_MAKER, SIM_DATA_MADE, SIM_DATA_VERSION, SIM_DATA_WIRING, SIM_DATA_POINT,
	SIM_DATA_RATIO_I, SIM_DATA_RATIO_U, SIM_DATA_CONSTANT, SIM_DATA_PERIOD, SIM_DATA_COUNTER,
	SIM_DATA_CODE, SIM_DATA_CHANNEL, SIM_DATA_CLIENT, SIM_DATA_WORD, SIM_DATA_STATUS,
	SIM_DATA_DAY_STATUS,
	SIM_DATA_PUSH, SIM_DATA_TANGENT,
	SIM_ENERGY, SIM_INTERVAL_ENERGY, SIM_INSTANT, SIM_OPERATING, SIM_MAXIMUM,
	SIM_CLOCK, SIM_OLD_CLOCK,
	SIM_PROFILE, SIM_LOG, SIM_RELAY, SIM_LIMITER, SIM_CALENDAR, SIM_SPECIAL_DAYS,
	SIM_ASSOCIATION, SIM_SECURITY, SIM_HDLC, SIM_SAP,
};

enum sim_dlms_class {
	SIM_CLASS_DATA = 1, SIM_CLASS_REGISTER = 3, SIM_CLASS_EXTENDED = 4, SIM_CLASS_PROFILE = 7,
	SIM_CLASS_CLOCK = 8, SIM_CLASS_SPECIAL_DAYS = 11, SIM_CLASS_ASSOCIATION = 15,
	SIM_CLASS_SAP = 17,
	SIM_CLASS_CALENDAR = 20, SIM_CLASS_HDLC = 23, SIM_CLASS_SECURITY = 64, SIM_CLASS_RELAY = 70,
	SIM_CLASS_LIMITER = 71,
};

struct sim_dlms_object {
	uint8_t name[SIM_NAME_SIZE];	/* A.B.C.D.E.F */
	uint8_t class_id;
	uint8_t what, x;		/* enum sim_dlms_what and which of it */
	bool open;			/* the public client may read it */
};

struct sim_dlms_column {
	const struct sim_dlms_object *object, *value;	/* named so; holds that */
	uint8_t attribute;
};
struct sim_dlms_columns {
	unsigned n;
	struct sim_dlms_column at[SIM_COLUMNS_MAX];
};

/* What a row or a momentary reading speaks of; local seconds. */
struct sim_dlms_moment {
	int64_t t, from;	/* the moment, and the begin of its capture period */
	int64_t stamp, old_t;
	uint32_t code;
	uint8_t clock_status, status, channel, client;
};

enum sim_dlms_profile {
	SIM_PROFILE_LOAD, SIM_PROFILE_DAY, SIM_PROFILE_MONTH, SIM_PROFILE_NOW,
	SIM_PROFILES,
	SIM_SCALE_MONTH = SIM_PROFILES, SIM_SCALE_DAY, SIM_SCALE_NOW, SIM_SCALE_LOAD,
};

/* ---- the state of one meter ---- */

enum sim_dlms_role { SIM_PUBLIC, SIM_READER, SIM_CONFIGURATOR, SIM_ROLES, SIM_NOBODY = SIM_ROLES };

struct sim_dlms_link {
	bool open, rejected;
	uint8_t client;
	uint8_t vr;			/* N(S) expected next */
	uint8_t base;			/* N(S) of the answer's first segment */
	unsigned sent, acked;		/* segments of the answer */
	uint16_t info_tx, info_rx;	/* agreed */
	uint8_t window_tx;
	uint32_t frames;		/* I frames ever, for drop_every */
};

struct sim_dlms_association {
	enum sim_dlms_role role;
	uint8_t mechanism;
	bool pending;			/* pass 3 has still to come */
	bool ciphered;
	uint32_t conformance;
	uint16_t pdu;			/* of our answers */
	uint8_t title[8];		/* the client's */
	struct sim_octets to_server, to_client;		/* challenges CtoS, StoC */
};

/* A value being read or written in blocks. */
struct sim_dlms_blocks {
	bool active;
	uint32_t number;
	size_t done;
	struct text data;
	uint8_t target[9];		/* class, name, attribute of a SET */
};

struct sim_dlms_event {
	int64_t t, old_t;
	uint16_t code;
	uint8_t log, channel, client;
};
enum { SIM_EVENTS = 64, SIM_LIMITERS = 6, SIM_CALENDAR_PARTS = 4 };

struct sim_dlms {
	struct sim_dlms_keys k;
	uint64_t serial;		/* whose state this is */
	struct sim_dlms_columns columns[SIM_PROFILES];
	uint32_t logs;			/* bit N: log N is kept */

	int64_t heard_us;
	struct sim_dlms_link link;
	struct sim_dlms_association as;
	struct text request, answer;	/* the APDU being received; the last answer in full */
	struct sim_dlms_blocks get, set;
	uint32_t counter_seen, counter_own, associations;
	unsigned wrong;			/* passwords in a row */
	int64_t locked_day, shift_day;
	uint64_t pushes;

	bool relay_off, relay_ready;
	int64_t captured_t;		/* of 1.0.94.7.0, 0 never */
	int64_t cleared_t[SIM_PROFILES];
	uint32_t limits[SIM_LIMITERS][4];
	char point[65];
	struct text calendar[2][SIM_CALENDAR_PARTS];	/* active, passive: name, seasons, weeks,
	    days */
	struct text special_days;
	uint8_t activation[AX_STAMP_SIZE];
	struct sim_dlms_event events[SIM_EVENTS];
	unsigned n_events;
};

/* One request on its way down. */
struct sim_dlms_call {
	struct sim_meter *m;
	struct sim_dlms *d;
	int64_t now_us, t;
	uint8_t client;
	bool bare;			/* the answer goes without LLC octets */
};

/* Data-access-result and action-result (7.3). */
enum {
	SIM_DAR_DONE = 0, SIM_DAR_HARDWARE = 1, SIM_DAR_TEMPORARY = 2, SIM_DAR_DENIED = 3,
	SIM_DAR_UNDEFINED = 4,
	SIM_DAR_CLASS_WRONG = 9, SIM_DAR_UNAVAILABLE = 11, SIM_DAR_TYPE_WRONG = 12, SIM_DAR_SCOPE = 13,
	SIM_DAR_NO_LONG_GET = 16, SIM_DAR_NO_LONG_SET = 18, SIM_DAR_BLOCK_WRONG = 19,
	SIM_DAR_OTHER = 250,
};

/* ---- dlms_objects.c, dlms_values.c ---- */

const struct sim_dlms_object *sim_dlms_object_at(size_t i);		/* NULL ends */
bool sim_dlms_keeps(const struct sim_meter *, const struct sim_dlms_object *);
/* NULL: this meter has no such object. */
const struct sim_dlms_object *sim_dlms_find(const struct sim_meter *,
    const uint8_t name[SIM_NAME_SIZE]);
/* Attributes 2 and up of classes 1, 3, 4 and the time of the clock; false: there is no such
 * attribute. */
bool sim_dlms_value(const struct sim_meter *, const struct sim_dlms_object *, unsigned attribute,
    const struct sim_dlms_moment *, struct text *);
struct sim_dlms_moment sim_dlms_now(const struct sim_meter *, int64_t t);
uint64_t sim_dlms_register(const struct sim_meter *, enum sim_kind, unsigned tariff, int64_t t,
    int scaler);
/* Any attribute, with selective access; SIM_DAR_DONE or why not. */
int sim_dlms_get(struct sim_dlms_call *, const struct sim_dlms_object *, unsigned attribute,
    unsigned selector, struct rd *, struct text *);
void sim_dlms_put_object_list(struct sim_dlms_call *, struct text *);

/* ---- dlms_profile.c, dlms_rows.c, dlms_log.c ---- */

int sim_dlms_get_profile(struct sim_dlms_call *, const struct sim_dlms_object *, unsigned attribute,
    unsigned selector, struct rd *, struct text *);
/* false with the reason when a name is unknown. */
bool sim_dlms_parse_columns(struct sim_meter *, enum sim_dlms_profile, const json_t *);
void sim_dlms_columns_of(const struct sim_meter *, const struct sim_dlms_object *,
    struct sim_dlms_columns *);
/* The rows kept at t and not older than `from`, oldest first; the caller frees.  NULL: none. */
struct sim_dlms_moment *sim_dlms_rows(const struct sim_meter *, const struct sim_dlms_object *,
    int64_t from, int64_t t, size_t *n);
struct sim_dlms_moment *sim_dlms_log_rows(const struct sim_meter *, unsigned log, int64_t t, size_t *n);
void sim_dlms_log_columns(const struct sim_meter *, unsigned log, struct sim_dlms_columns *);
size_t sim_dlms_depth(const struct sim_meter *, const struct sim_dlms_object *);
void sim_dlms_note(struct sim_dlms_call *, unsigned log, unsigned code, int64_t old_t);

/* ---- dlms_control.c, dlms_calendar.c ---- */

int sim_dlms_set(struct sim_dlms_call *, const struct sim_dlms_object *, unsigned attribute,
    struct rd *);
int sim_dlms_action(struct sim_dlms_call *, const struct sim_dlms_object *, unsigned method,
    struct rd *,
    struct text *);
int sim_dlms_get_calendar(struct sim_dlms_call *, unsigned attribute, struct text *);
int sim_dlms_set_calendar(struct sim_dlms_call *, unsigned attribute, struct rd *);
int sim_dlms_set_special_days(struct sim_dlms_call *, struct rd *);
void sim_dlms_activate_calendar(struct sim_dlms_call *);
void sim_dlms_fill_calendar(struct sim_dlms *);		/* as delivered */

/* ---- dlms_service.c, dlms_acse.c, dlms_cipher.c ---- */

/* The answer to one APDU, without LLC octets; empty: silence. */
void sim_dlms_apdu(struct sim_dlms_call *, const uint8_t *, size_t n, struct text *);
void sim_dlms_service(struct sim_dlms_call *, const uint8_t *, size_t n, struct text *);
void sim_dlms_exception(struct sim_dlms_call *, unsigned state, unsigned service, struct text *);
void sim_dlms_associate(struct sim_dlms_call *, const uint8_t *, size_t n, struct text *);
void sim_dlms_release_association(struct sim_dlms_call *, const uint8_t *, size_t n, struct text *);
void sim_dlms_forget(struct sim_dlms *);		/* link, association, transfers */
void sim_dlms_forget_association(struct sim_dlms *);
/* Pass 3 in, pass 4 out. */
int sim_dlms_prove(struct sim_dlms_call *, const uint8_t *, size_t n, struct text *);
/* Takes a protected APDU apart; SC in *control.  0, or the service error of an exception: 5, 6. */
unsigned sim_dlms_unprotect(struct sim_dlms_call *, const uint8_t title[8], struct rd, struct text *,
    uint8_t *control);
/* SC, counter, text and tag of `plain`, behind its length. */
void sim_dlms_protect(struct sim_dlms_call *, uint8_t control, const uint8_t *plain, size_t n,
    struct text *);
/* The twelve octets that prove the key over a challenge. */
bool sim_dlms_gmac(const struct sim_dlms *, const uint8_t title[8], uint32_t counter,
    const struct sim_octets *challenge, uint8_t tag[12]);
void sim_dlms_own_title(const struct sim_meter *, uint8_t title[8]);

/* ---- dlms_link.c ---- */

size_t sim_dlms_link(struct sim_dlms_call *, const uint8_t *req, size_t n, struct wr *);

#endif
