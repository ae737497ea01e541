/* What the files of the Энергомера classic family share: what is remembered of a meter, and
 * asking it inside a session (meter-iec61107.md 2.2..2.7, 3). */
#ifndef USPD_METERS_ENERGOMERA_H
#define USPD_METERS_ENERGOMERA_H

#include <stdbool.h>
#include <stdint.h>

#include "meters/energomera_codec.h"
#include "meters/iec61107.h"
#include "meters/meters.h"

/* Where the conversation stands; matters only between open and close. */
enum energomera_link {
	LINK_NONE,		/* no session in the meter */
	LINK_SESSION,		/* open, the last answer was clean */
	LINK_DOUBT,		/* an answer came only to a repeat: its twin may still arrive */
	LINK_BROKEN,		/* no clean last answer: the meter may still be in session */
};

enum energomera_group_form { GROUP_UNTRIED, GROUP_IN_SESSION, GROUP_SESSIONLESS, GROUP_NONE };
/* Forms of a profile request the meter did not understand. */
enum { NO_WHOLE_DAY = 1, NO_RANGE = 2 };

/* Models are rows: what is worth asking them at all (3.1, 9). */
struct energomera_model {
	const char *ident;		/* beginning of the identification */
	uint16_t type;			/* row used when the identification is another */
	uint8_t kinds;			/* bit per enum energy_kind */
	bool is_single_phase;
	bool has_group;
};

/* Lives in meter_session.memory, therefore bytes only. */
struct energomera_memory {
	uint8_t link;			/* enum energomera_link */
	uint8_t doubt_name;		/* LINK_DOUBT: name of the twin + 1; UINT8_MAX: any */
	uint8_t doubt_ms[2];		/* LINK_DOUBT: since when, low byte first, modulo 65 s */
	uint8_t model;			/* index of the model + 1; 0: not identified yet */
	uint8_t refused[8];		/* bit per enum energomera_name: error 11 or 12 */
	uint8_t answered[8];		/* bit per name: values came */
	uint8_t firmware[2];		/* CRC of IDENT, low byte first */
	uint8_t period_min;		/* TAVER; 0: not read yet */
	uint8_t period_is_fresh;	/* read in this conversation; 0 between them */
	uint8_t profile_forms;		/* NO_... */
	uint8_t group;			/* enum energomera_group_form */
	uint8_t group_silences;		/* first attempts that nobody answered */
	uint8_t group_energy;		/* 1: proved equal to ET0; 2: differs */
	uint8_t group_refused;		/* items of the quality request were not understood together */
	/* The ring read last in this conversation, kept behind the answers in meter_session.rx for the
	 * other journals that live in it: its name + 1 (0: none), pointer + 1, length. */
	uint8_t ring, ring_pointer, ring_len[2];
	/* Per row of energomera_journals: pointer + 1 when the ring was last read, and whether the
	 * pointer was seen to move with the newest record. */
	uint8_t pointer[ENERGOMERA_JOURNALS];
	uint8_t pointer_proved[ENERGOMERA_JOURNALS];
	uint8_t ring_empty[ENERGOMERA_JOURNALS];	/* nothing for this journal was in the ring */
};
_Static_assert(sizeof(struct energomera_memory) <= METER_MEMORY_SIZE, "memory of a meter is too small");
_Static_assert(_Alignof(struct energomera_memory) == 1, "memory of a meter has no alignment");
enum { ENERGOMERA_RING_AT = IEC_FRAME_MAX, ENERGOMERA_RING_TEXT = METER_RX_SIZE - IEC_FRAME_MAX };
_Static_assert(METER_RX_SIZE >= IEC_FRAME_MAX + 2048, "no room for a ring behind the answers");
_Static_assert(EN_COUNT <= 64, "the name masks are too small");

static inline struct energomera_memory *
energomera_memory(struct meter_session *s)
{
	return (struct energomera_memory *)s->memory;
}

const struct energomera_model *energomera_model(struct meter_session *);

/* ---- energomera_session.c ---- */

int energomera_open(struct meter_session *) USPD_MUST_CHECK;
void energomera_close(struct meter_session *);
/* Sends what was built; the telegram received lies in s->rx until the next exchange. */
int energomera_exchange(struct meter_session *, const struct wr *, framer *, const struct iec_expect *,
    struct iec_telegram *) USPD_MUST_CHECK;
/* A session in which `name` may be asked: as it is, or after waiting out what may still come. */
int energomera_ensure(struct meter_session *, unsigned name) USPD_MUST_CHECK;
/* Leaves the session in whatever state it is, best effort. */
void energomera_leave(struct meter_session *);
/* The answer to `name` came only to a repeat: until some time has passed its twin is expected. */
void energomera_doubt(struct meter_session *, unsigned name);

/* ---- energomera_dialogue.c ---- */

/* R1 NAME(argument) in the session, which is opened again when it was lost.  On success *body lies in
 * s->rx and carries values of that name; errors as energomera_answer() and the line say.  Learns
 * what the meter does not know. */
int energomera_ask(struct meter_session *, enum energomera_name, const char *argument,
    struct iec_text *body) USPD_MUST_CHECK;
/* W1 NAME(argument).  Never repeated: a clock text ages. */
int energomera_write(struct meter_session *, enum energomera_name, const char *argument)
    USPD_MUST_CHECK;
/* One-shot read; body without its meaning checked.  E_UNSUPPORTED once the meter is known not to. */
int energomera_group(struct meter_session *, const struct energomera_group_item *, size_t n,
    struct energomera_values *) USPD_MUST_CHECK;

bool energomera_refuses(struct meter_session *, enum energomera_name);
bool energomera_knows(struct meter_session *, enum energomera_name);
void energomera_refuse(struct meter_session *, enum energomera_name);
void energomera_forget_refusal(struct meter_session *, enum energomera_name);

/* The integration period in minutes (TAVER), asked once per conversation: an interval says only its
 * number, so a period changed meanwhile would give every value a wrong label. */
int energomera_period(struct meter_session *, unsigned *minutes) USPD_MUST_CHECK;
/* Errors that end a read; the others only say that this one value is not there. */
static inline bool
energomera_is_link_trouble(int rc)
{
	return rc < 0 && rc != E_UNSUPPORTED && rc != E_NODATA && rc != E_INVALID;
}

int energomera_read_energy(struct meter_session *, struct sink *) USPD_MUST_CHECK;
int energomera_read_quality(struct meter_session *, struct sink *) USPD_MUST_CHECK;
int energomera_read_archive(struct meter_session *, const struct query *, struct sink *)
    USPD_MUST_CHECK;
int energomera_read_profile(struct meter_session *, const struct query *, struct sink *)
    USPD_MUST_CHECK;
int energomera_read_journal(struct meter_session *, const struct query *, struct sink *)
    USPD_MUST_CHECK;

#endif
