/* The device itself: what it is, how it is, and orders to it (system.md; smart-json.md 12, 13).
 * Functions may be called from any thread; they may read /proc and /sys and take milliseconds. */
#ifndef USPD_SYSTEM_DEVICE_H
#define USPD_SYSTEM_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

struct store;

/* Where facts are looked for.  Before threads start; what is NULL stays as it is. */
struct device_paths {
	const char *identity;	/* JSON file of what the board tells, /etc/uspd/device.json at first */
	const char *root;	/* in front of /proc, /sys and /etc (tests); "" at first */
};
void device_look_in(const struct device_paths *);

/* ---- orders; main.c composes them ---- */

enum clock_setter { CLOCK_BY_SNTP, CLOCK_BY_RTU327, CLOCK_BY_HTTP, CLOCK_BY_TEXT };
struct device_orders {
	/* Sets the clock and journals it (DJ_TIME, DJ_AUDIT is the caller's).  E_INVALID outside
	 * 2000..2099, E_DENIED, E_IO. */
	int (*clock_set)(void *arg, int64_t utc, enum clock_setter);
	/* Asks the time servers now.  E_UNSUPPORTED: no time service on this board. */
	int (*clock_sync)(void *arg);
	/* In about two seconds, after what is stored is durable. */
	void (*restart)(void *arg);
	void *arg;
};

/* ---- what it is ---- */

struct device_identity {	/* /state/system; empty where the board does not tell */
	char model[16], revision[16], serial[24], made[32], battery[48], mac[24], main_power[48];
	char modem[48], loader[24], flash_type[16];
	unsigned flash_count, rs485_count, ethernet_count;
	char compatible[32];	/* which firmware fits; "" any */
	char least_version[24];	/* no firmware older than this; "" any */
	char keys[128];		/* directory of the firmware's public keys; "" the usual one */
};
/* From the file of identity, the rest as far as the kernel tells.  The file is an object with the
 * members model revision serial made battery mac main_power modem loader compatible min_version
 * keys (texts), flash {"type", "count"}, rs485 and ethernet (numbers); all may be missing. */
void device_identity(struct device_identity *);

struct device_clock { bool synchronised, rtc_present, rtc_healthy; int64_t rtc_utc; };
void device_clock(struct device_clock *);
/* A person or a head-end has set the clock: it counts as synchronised (system.md 5.1). */
void device_clock_was_set(void);

struct device_port { char name[16], address[64], netmask[64], gateway[64], hostname[64]; bool link; };
size_t device_ports(struct device_port *, size_t max);	/* how many were filled */

struct device_disk { char path[64]; uint64_t size, free; uint32_t block; };
size_t device_disks(const char *data_dir, struct device_disk *, size_t max);

struct device_flash { char type[16]; uint64_t sectors; uint32_t sector; };	/* whole chips */
size_t device_flashes(struct device_flash *, size_t max);

/* TCP sockets of this process; a listening one has no peer. */
struct device_socket { char local[56], peer[56]; };
size_t device_sockets(struct device_socket *, size_t max);

struct device_load {
	char os[64];
	uint64_t memory_total, memory_available, resident;
	int64_t uptime_s, daemon_uptime_s;
	uint32_t cpu_permille;		/* of the daemon since its start */
	unsigned threads;
};
void device_load(struct device_load *);

struct device_thread { int id; char name[16], state; int priority; uint64_t cpu_ms; };
size_t device_threads(struct device_thread *, size_t max);

#endif
