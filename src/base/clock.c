#include "src/base/clock.h"

#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "src/base/err.h"

enum { FAR_S = 10 * 366 * 86400 };

static _Atomic int64_t offset_us;
static atomic_bool step_system;
static const struct clock_source *_Atomic replaced;

static int64_t
read_clock_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
clock_utc_us(void)
{
	const struct clock_source *source = atomic_load(&replaced);

	return (source != NULL ? source->utc_us() : read_clock_us(CLOCK_REALTIME)) +
	    atomic_load(&offset_us);
}

int64_t
clock_utc(void)
{
	return clock_utc_us() / 1000000;
}

int64_t
clock_mono_us(void)
{
	const struct clock_source *source = atomic_load(&replaced);

	return source != NULL ? source->mono_us() : read_clock_us(CLOCK_MONOTONIC);
}

void
clock_sleep_until_us(int64_t mono_us)
{
	struct timespec ts = {
		.tv_sec = (time_t)(mono_us / 1000000),
		.tv_nsec = (long)(mono_us % 1000000) * 1000,
	};

	if (atomic_load(&replaced) != NULL)
		return;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

int
clock_step_us(int64_t delta_us)
{
	struct timespec ts;
	int64_t target;

	if (!atomic_load(&step_system)) {
		atomic_fetch_add(&offset_us, delta_us);
		return E_OK;
	}
	target = read_clock_us(CLOCK_REALTIME) + delta_us;
	ts.tv_sec = (time_t)(target / 1000000);
	ts.tv_nsec = (long)(target % 1000000) * 1000;
	return clock_settime(CLOCK_REALTIME, &ts) == 0 ? E_OK : E_DENIED;
}

/* A timer so far away that only being cancelled makes it readable. */
static int
arm_watch(int fd)
{
	struct itimerspec far = { .it_value.tv_sec = (time_t)(read_clock_us(CLOCK_REALTIME) / 1000000) +
		FAR_S };

	return timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL);
}

int
clock_watch(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd >= 0 && arm_watch(fd) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool
clock_watch_take(int fd)
{
	uint64_t expired;
	bool was_set = read(fd, &expired, sizeof(expired)) < 0 && errno == ECANCELED;

	return arm_watch(fd) == 0 && was_set;
}

void
clock_use_system(bool system)
{
	atomic_store(&step_system, system);
}

void
clock_replace(const struct clock_source *source)
{
	atomic_store(&replaced, source);
	atomic_store(&offset_us, 0);
}
