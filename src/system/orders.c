#include "src/system/orders.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/rtc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/base/civil.h"
#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/store/store.h"
#include "src/system/command.h"
#include "src/system/device_private.h"
#include "src/system/firmware.h"

enum { RESTART_AFTER_MS = 2000, COMMAND_MS = 60000, BOOT_ID = 40, PATH = 512 };
enum reason { REASON_UNKNOWN, REASON_POWER_ON, REASON_RESTART };	/* smart-json.md 14 */
/* 2000-01-01 and 2100-01-01 (smart-json.md 12). */
#define CLOCK_LEAST INT64_C(946684800)
#define CLOCK_END INT64_C(4102444800)

struct orders {
	struct orders_options options;
	struct device_orders device;
	struct loop_timer *restart;	/* loop only */
	pthread_mutex_t clock_lock;	/* reading and stepping belong together */
	char time_sync[256], reboot[256], dir[PATH];
};

static int
run_command(const char *command)
{
	const char *const argv[] = { "/bin/sh", "-c", command, NULL };
	char said[200];
	int rc = command_run(argv, said, sizeof(said), COMMAND_MS);

	said[strcspn(said, "\r\n")] = '\0';
	if (rc < 0)
		log_warn("system", "command=\"%s\": %s: %s", command, uspd_strerror(rc), said);
	return rc;
}

/* ---- clock ---- */

/* So that the time survives a power cut; failing is no reason to refuse. */
static void
write_rtc(int64_t utc)
{
	struct civil c = civil_from_utc((struct zone){ 0, false }, utc);
	struct rtc_time rtc = { .tm_sec = c.second, .tm_min = c.minute, .tm_hour = c.hour,
		.tm_mday = c.day, .tm_mon = c.month - 1, .tm_year = c.year - 1900 };
	char path[DEVICE_PATH];
	int fd = open(device_path(path, "/dev/rtc0"), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (ioctl(fd, RTC_SET_TIME, &rtc) < 0)
		log_warn("system", "the hardware clock was not set: %s", strerror(errno));
	close(fd);
}

static void
journal_clock(struct store *store, int64_t before, int64_t after, enum clock_setter by)
{
	char json[120];

	snprintf(json, sizeof(json), "{\"oldTime\":%" PRId64 ",\"newTime\":%" PRId64 ",\"source\":%d}",
	    before, after, (int)by);
	if (store_journal_add(store, DJ_TIME, after, json) < 0)
		log_warn("system", "the setting of the clock was not journalled");
}

/* To `utc_us`, or by `utc_us` from what it shows. */
static int
move_clock(struct orders *orders, int64_t utc_us, bool by, enum clock_setter setter)
{
	int64_t before_us, after_us;
	int rc;

	pthread_mutex_lock(&orders->clock_lock);
	before_us = clock_utc_us();
	after_us = by ? before_us + utc_us : utc_us;
	rc = after_us >= CLOCK_LEAST * 1000000 && after_us < CLOCK_END * 1000000 ?
	    clock_step_us(after_us - before_us) :
	    E_INVALID;
	pthread_mutex_unlock(&orders->clock_lock);
	if (rc < 0)
		return rc;
	if (orders->options.clock_system)
		write_rtc(after_us / 1000000);
	device_clock_was_set();
	journal_clock(orders->options.store, before_us / 1000000, after_us / 1000000, setter);
	log_info("system", "clock set from %" PRId64 " to %" PRId64, before_us / 1000000,
	    after_us / 1000000);
	if (orders->options.stepped != NULL)
		orders->options.stepped(orders->options.arg, before_us / 1000000);
	return E_OK;
}

static int
clock_set(void *arg, int64_t utc, enum clock_setter setter)
{
	return utc >= CLOCK_LEAST && utc < CLOCK_END ? move_clock(arg, utc * 1000000, false, setter) :
						       E_INVALID;
}

int
orders_clock_step(struct orders *orders, int64_t delta_us, enum clock_setter setter)
{
	if (delta_us <= -CLOCK_END * 1000000 || delta_us >= CLOCK_END * 1000000)
		return E_INVALID;
	return move_clock(orders, delta_us, true, setter);
}

static int
clock_sync(void *arg)
{
	const struct orders *orders = arg;

	return orders->time_sync[0] == '\0' ? E_UNSUPPORTED : run_command(orders->time_sync);
}

/* ---- restart ---- */

static const char *
mark_path(const char *dir, char buf[static PATH])
{
	snprintf(buf, PATH, "%s/start.mark", dir);
	return buf;
}

/* "BOOT-ID running" or "BOOT-ID restart". */
static void
write_mark(const char *dir, const char *what)
{
	char path[PATH], boot[BOOT_ID];
	FILE *f;

	device_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
	f = fopen(mark_path(dir, path), "we");
	if (f == NULL || fprintf(f, "%s %s\n", boot, what) < 0)
		log_warn("system", "%s cannot be written: %s", path, strerror(errno));
	if (f != NULL)
		fclose(f);
}

static void
reboot_now(void *arg)
{
	if (run_command(((struct orders *)arg)->reboot) < 0)
		log_error("system", "the device was not restarted");
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
end_now(void *arg)
{
	struct orders *orders = arg;

	loop_timer_free(orders->restart);
	orders->restart = NULL;
	write_mark(orders->dir, "restart");
	/* The supervisor of a whole system ends us with everything else. */
	if (orders->reboot[0] != '\0' &&
	    loop_work(orders->options.loop, reboot_now, nothing, orders) == E_OK)
		return;
	orders->options.end(orders->options.arg);
}

static void
begin_restart(void *arg)
{
	struct orders *orders = arg;

	if (orders->restart == NULL)
		orders->restart = loop_timer(orders->options.loop, RESTART_AFTER_MS, false, end_now,
		    orders);
}

static void
restart(void *arg)
{
	struct orders *orders = arg;

	log_info("system", "restart ordered");
	if (store_sync(orders->options.store) < 0)
		log_warn("system", "restarting though not all is on the disk");
	if (loop_post(orders->options.loop, begin_restart, orders) < 0)
		log_error("system", "the restart was not begun: out of memory");
}

int
orders_start_reason(const char *dir)
{
	char path[PATH], boot[BOOT_ID] = "", old[BOOT_ID] = "", what[12] = "";
	FILE *f = fopen(mark_path(dir, path), "re");
	enum reason reason = REASON_POWER_ON;

	device_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
	if (f != NULL) {
		if (fscanf(f, "%39s %11s", old, what) != 2)
			reason = REASON_UNKNOWN;
		else if (strcmp(what, "restart") == 0 || strcmp(old, boot) == 0)
			reason = REASON_RESTART;
		fclose(f);
	}
	write_mark(dir, "running");
	return (int)reason;
}

/* ---- opening ---- */

int
orders_open(struct orders **to, const struct orders_options *options)
{
	struct orders *orders = calloc(1, sizeof(*orders));
	struct device_identity id;

	if (orders == NULL)
		return E_NOMEM;
	device_identity(&id);
	firmware_look_in(id.keys[0] != '\0' ? id.keys : FIRMWARE_KEYS);
	firmware_started(options->store);
	orders->options = *options;
	snprintf(orders->dir, sizeof(orders->dir), "%s", options->dir);
	if (options->time_sync != NULL)
		snprintf(orders->time_sync, sizeof(orders->time_sync), "%s", options->time_sync);
	if (options->reboot != NULL)
		snprintf(orders->reboot, sizeof(orders->reboot), "%s", options->reboot);
	pthread_mutex_init(&orders->clock_lock, NULL);
	orders->device = (struct device_orders){ .clock_set = clock_set, .clock_sync = clock_sync,
		.restart = restart, .arg = orders };
	*to = orders;
	return E_OK;
}

void
orders_close(struct orders *orders)
{
	if (orders == NULL)
		return;
	loop_timer_free(orders->restart);
	pthread_mutex_destroy(&orders->clock_lock);
	free(orders);
}

const struct device_orders *
orders_device(const struct orders *orders)
{
	return &orders->device;
}
