/* Sockets of the servers: listening, addresses as text, and on which network a client came. */
#ifndef USPD_SYSTEM_ADDRESS_H
#define USPD_SYSTEM_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "src/base/err.h"

enum { ADDRESS_TEXT = 64 };

/* Listens on a numeric address ("" and "::": everywhere, IPv4 and IPv6); port 0: any free one.
 * E_INVALID: no address; E_EXISTS: in use; E_NOTFOUND: not an address of ours; E_DENIED; E_IO. */
int address_listen(const char *bind_to, uint16_t port, int *fd) USPD_MUST_CHECK;
int address_listen_unix(const char *path, int *fd) USPD_MUST_CHECK;
/* Binds without listening, so that others cannot take the port; address_listen() still can. */
int address_reserve(const char *bind_to, int *fd, uint16_t *port) USPD_MUST_CHECK;

uint16_t address_bound_port(int fd);	/* 0: not bound */

/* "192.0.2.7:50123", "[2001:db8::1]:50123"; IPv4 mapped into IPv6 as IPv4; "": neither. */
void address_text(const struct sockaddr_storage *, char text[static ADDRESS_TEXT]);
void address_host(const struct sockaddr_storage *, char text[static ADDRESS_TEXT]);	/* no port */
/* IPv6, or IPv4 mapped into it; false: neither. */
bool address_bytes(const struct sockaddr_storage *, uint8_t bytes[static 16]);

/* "192.0.2.0/24", "2001:db8::/32", or one address; IPv4 as ::ffff:a.b.c.d.  E_INVALID. */
struct address_range { uint8_t address[16]; uint8_t bits; };
int address_range_parse(struct address_range *, const char *text) USPD_MUST_CHECK;
bool address_range_has(const struct address_range *, const uint8_t address[static 16]);

/* By which kind of interface a client came to this address of ours (smart-json.md 14, srvconn): an
 * interface of ours that is no modem's counts as Ethernet. */
enum address_network { NETWORK_UNKNOWN, NETWORK_ETHERNET, NETWORK_MODEM };
enum address_network address_network(const uint8_t own[static 16]);
/* false: no interface has it any more. */
bool address_is_ours(const uint8_t bytes[static 16]);

/* What every client's socket gets (transit.md 2); over the modem twice the times. */
void address_keep_alive(int fd, bool modem);

#endif
