/* The vector player: plays recorded exchanges (*.jsonl) through our codecs.
 *
 * An adapter per protocol looks at one vector's `exchange` (requests and answers in hex), has our
 * codecs build or recognise every request and decode every answer, and returns a JSON object with
 * everything the codec knows about it, under the field names of the vectors.  The player then
 * compares every field of the vector's `decoded` with it: a field that is missing or differs makes
 * the vector differ.  An adapter must not read `decoded` for values (only for stimuli that are not
 * on the wire, such as a meter constant or the content of an archive). */
#ifndef USPD_TESTS_VECTORS_PLAY_H
#define USPD_TESTS_VECTORS_PLAY_H

#include <jansson.h>
#include <stddef.h>

enum play_result { PLAY_DECODED, PLAY_SKIPPED, PLAY_DIFFERED };

/* On PLAY_DECODED *made is a new object (the player frees it); otherwise `why` says the reason. */
typedef enum play_result play_adapter(const json_t *vector, json_t **made, char *why, size_t why_size);

play_adapter play_mercury23x, play_energomera_iec, play_iec61107_base, play_rtu327;
play_adapter play_timecorr, play_gaps, play_consumption, play_schedule, play_schedule_jump;
play_adapter play_dlms_hdlc, play_dlms_wrapper, play_dlms_frame, play_dlms_axdr, play_dlms_apdu;
play_adapter play_dlms_crypto, play_spodes_journal, play_spodes_profile, play_spodes_energy;

#endif
