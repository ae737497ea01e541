/* Rows of the event logs to journals (meter-spodes-dlms.md 11, 12).  Pure. */
#ifndef USPD_METERS_DLMS_SPODES_EVENTS_CODEC_H
#define USPD_METERS_DLMS_SPODES_EVENTS_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "src/model/model.h"

enum { SPODES_LOGS = 17, LOG_VOLTAGE = 0, LOG_CURRENT = 1, LOG_POWER = 2, LOG_PROGRAM = 3,
	LOG_EXTERNAL = 4,
	LOG_QUALITY = 9, LOG_TIME = 13, LOG_POWER_CONTROL = 16 };
enum { SPODES_EVENTS_MOST = 2, SPODES_ID_STEP = 1000 };

struct spodes_event { uint16_t journal, event, id; };
/* The journal rows of one log row: 0 to 2 of them.  `code` is the code, or the status word of logs 9
 * and
 * 16; `before` is the word of the row before (log 9).  Rows of log 13 are two rows at two times and
 * made
 * elsewhere. */
unsigned spodes_events(unsigned log, int64_t code, int64_t before, bool has_time_log,
    struct spodes_event out[SPODES_EVENTS_MOST]);
/* Logs a journal is made of, a bit each; of TimeCorr both 13 and 3. */
uint32_t spodes_logs_of(unsigned journal);

/* The journals there are: ROW(journal, log). */
#define SPODES_JOURNALS(ROW) \
	ROW(J_PWR, 2) ROW(J_TIME_CORR, 13) ROW(J_TIME_CORR, 3) ROW(J_RESET, 3) ROW(J_C1_INIT, 3) \
	ROW(J_C2_INIT, 3) ROW(J_TRF_CORR, 3) ROW(J_OPEN, 4) ROW(J_OPEN, 3) ROW(J_UNAUTH, 4) \
	ROW(J_PWR_A, 0) ROW(J_PWR_B, 0) ROW(J_PWR_C, 0) ROW(J_PROG, 3) ROW(J_RELAY, 2) \
	ROW(J_LIM_E_TRF, 2) ROW(J_LIM_UA_MAX, 0) ROW(J_LIM_UB_MAX, 0) ROW(J_LIM_UC_MAX, 0) \
	ROW(J_LIM_UA_MIN, 0) ROW(J_LIM_UB_MIN, 0) ROW(J_LIM_UC_MIN, 0) ROW(J_LIM_IA_MAX, 1) \
	ROW(J_LIM_IB_MAX, 1) ROW(J_LIM_IC_MAX, 1) ROW(J_LIM_F_MAX, 9) ROW(J_LIM_F_MIN, 9) \
	ROW(J_LIM_PWR, 2) ROW(J_LIM_PWR, 16) ROW(J_REVERSE, 1) ROW(J_MAGNET, 4) ROW(J_OTHER, 0) \
	ROW(J_OTHER, 1) ROW(J_OTHER, 2) ROW(J_OTHER, 4)
#define SPODES_ONE(journal, log) + 1
enum { SPODES_PAIRS = 0 SPODES_JOURNALS(SPODES_ONE) };
extern const struct spodes_pair { uint16_t journal; uint8_t log; } spodes_pairs[SPODES_PAIRS];

#endif
