/* The two halves of the Энергомера adapter. */
#ifndef USPD_TESTS_VECTORS_PLAY_ENERGOMERA_H
#define USPD_TESTS_VECTORS_PLAY_ENERGOMERA_H

#include "meters/energomera_codec.h"
#include "tests/vectors/play_iec61107.h"

enum { PLAY_DECIMALS = 9 };	/* vectors show more than the thousandths we store */

struct play {
	json_t *made;
	unsigned interval_min;		/* TAVER, as read in this vector */
	bool clock_is_set, date_is_set;
	struct energomera_clock set;
	char why[160];
};

bool play_fail(struct play *, const char *why);		/* false */
/* Puts one value (taken over) under all names of a "a|b|c" list. */
void play_put(struct play *, const char *names, json_t *value);
void play_put_text(struct play *, const char *names, const char *text);
/* Value i as a number or null; n values from there: one stands alone, several are a list. */
json_t *play_real(const struct energomera_values *, unsigned i);
json_t *play_reals(const struct energomera_values *, unsigned from, unsigned n);
bool play_is_ring(const char *name);
bool play_ring(struct play *, const char *name, struct iec_text body);
/* Is NAME an energy, and what period does its argument name?  -1: it is not. */
int play_energy_of(const char *name);
bool play_period(struct play *, int energy, const char *argument);
void play_clock(struct play *, const struct energomera_clock *, bool has_date, bool has_time);
/* An answer to NAME(argument) that is neither empty nor an error. */
bool play_values(struct play *, const char *name, const char *argument, struct iec_text body);
bool play_group(struct play *, struct iec_text request, struct iec_text body);

#endif
