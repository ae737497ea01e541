/* The board file: what is where on this box (system.md 1).  JSON, read once at start.
 *
 *   { "lines": { "Iface1": { "tty": "/dev/uspd/bus1", "kind": "rs485", "echo": "auto",
 *                            "direction": "auto", "gap_min_ms": 0 }, ... },
 *     "http":    { "bind": "127.0.0.1", "port": 8080 },
 *     "rtu327":  { "bind": "::", "port": 7777 },
 *     "transit": { "bind": "::", "ports": [1111, 2222, 3333, 4444] },
 *     "commands": { "time_sync": "chronyc burst 4/8", "reboot": "systemctl reboot",
 *                   "nginx": "nginx", "nginx_reload": "systemctl reload uspd-nginx" },
 *     "identity": "/etc/uspd/device.json", "web": "/usr/share/uspd/web", "clock": "system" }
 *
 * rtu327.port and transit.ports are the factory's rows of the table of TCP servers.  A command that
 * is not named does not exist on this board; nor do pages without "web".  identity is what
 * device_identity() reads.
 *
 * kind: rs485 | can.  echo: auto | on | off.  direction: auto | ioctl | rts | rts_inv.
 * clock: system (the device sets the system clock) | virtual (it keeps an offset of its own).
 * A line that is not named does not exist on this board.  A port of 0 is any free one. */
#ifndef USPD_SYSTEM_BOARD_H
#define USPD_SYSTEM_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/line.h"
#include "src/base/err.h"
#include "src/model/meter.h"

struct board_line {
	char tty[128];			/* "" = no such line on this board */
	struct line_options options;	/* name points to name[] */
	char name[16];
};

struct board {
	struct board_line lines[SERIAL_BUSES];
	char http_bind[64], rtu327_bind[64], transit_bind[64];
	uint16_t http_port, rtu327_port, transit_port[SERIAL_BUSES];	/* 0 = any free (tests) */
	/* Shell command lines and files; "" none. */
	char time_sync[128], reboot[128], nginx[128], nginx_reload[128], identity[128], web[128];
	bool clock_system;
};

/* Reads and checks the whole file.  E_NOTFOUND, E_INVALID; `why` says where and what. */
int board_load(struct board *, const char *path, char *why, size_t why_size) USPD_MUST_CHECK;

#endif
