/* The configuration of the nginx in front of us (system.md 4, transit.md 2): HTTPS for the page and
 * SMART-JSON, TLS for RTU-327 and transit rows.  Pure: settings in, text out; front.h applies it. */
#ifndef USPD_SYSTEM_NGINX_H
#define USPD_SYSTEM_NGINX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/base/text.h"

enum { NGINX_ROWS = 32, NGINX_ALLOW = 16, NGINX_PATH = 256 };
enum { NGINX_HALF_CLOSE = 1021004 };	/* the first version that has proxy_half_close */

/* A row of the table of TCP servers with TLS.  It is served at run_dir/tls-PORT.sock, where the
 * PROXY protocol tells the client. */
struct nginx_row {
	uint16_t port;
	char certificate[NGINX_PATH], key[NGINX_PATH];	/* files; "" the device's own */
	char allow[NGINX_ALLOW][64];	/* networks; the first "" ends; none: all */
};

struct nginx_config {
	const char *dir;		/* nginx's own: pid file, temporary files */
	const char *run_dir;		/* of the sockets */
	const char *certificate, *key;	/* the device's own, files */
	const char *stream_module;	/* file to load, or NULL: it is built in */
	const char *upstream;		/* where we serve HTTP: "127.0.0.1:8080" */
	unsigned version;		/* 1022001 is 1.22.1 */
	bool ipv6;
	uint16_t https_port, http_port;	/* http_port 0: none */
	bool redirect;			/* plain HTTP only points to HTTPS */
	struct nginx_row rows[NGINX_ROWS];
	size_t n_rows;
};

/* Paths and addresses hold no quotes, backslashes, control characters or '$': see nginx_word(). */
void nginx_print(struct text *, const struct nginx_config *);
/* May a text stand in quotes in the configuration? */
bool nginx_word(const char *);

#endif
