/* The device clock and the monotonic clock, both replaceable in tests.
 *
 * Device time is what records, journals and head-ends see.  It is the system clock plus an
 * offset that only clock_step() changes; on a real board the offset stays 0 and the system
 * clock itself is set (board key `clock = system`), on a developer's machine the offset keeps
 * the host's clock untouched (`clock = virtual`).  Any thread may call. */
#ifndef USPD_BASE_CLOCK_H
#define USPD_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

int64_t clock_utc_us(void);	/* device time, microseconds since 1970 UTC */
int64_t clock_utc(void);	/* device time, whole seconds since 1970 UTC */
int64_t clock_mono_us(void);	/* monotonic, microseconds; unaffected by steps */

/* Sleeps until clock_mono_us() reaches `mono_us`; returns at once if it has. */
void clock_sleep_until_us(int64_t mono_us);

/* Moves device time by `delta_us`.  E_DENIED when the system refuses. */
int clock_step_us(int64_t delta_us);

/* true: clock_step_us() sets the system clock; false (initially): it keeps an offset. */
void clock_use_system(bool system);

/* A descriptor that becomes readable when somebody sets the system clock; -1: the system has none. */
int clock_watch(void);
/* It has become readable: was the clock set?  It watches on. */
bool clock_watch_take(int fd);

/* Replaces the source of both clocks (tests); NULL restores the real one. */
struct clock_source {
	int64_t (*utc_us)(void);
	int64_t (*mono_us)(void);
};
void clock_replace(const struct clock_source *source);

#endif
