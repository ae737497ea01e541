/* Sockets of the RTU-327 server: listening, and addresses as text. */
#ifndef USPD_RTU327_ADDRESS_H
#define USPD_RTU327_ADDRESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "src/base/err.h"

enum { RTU327_ADDRESS_TEXT = 64 };
/* /jrnl/srvconn (smart-json.md 14) */
enum rtu327_iface { RTU327_IFACE_UNKNOWN, RTU327_IFACE_ETHERNET, RTU327_IFACE_MODEM };

/* A listening, non-blocking socket on a numeric address; "" and "::" take IPv4 and IPv6 at once
 * where the system has IPv6.  E_INVALID: not an address; E_EXISTS: the port is taken; E_DENIED;
 * E_IO. */
int rtu327_listen(const char *bind, uint16_t port, int *fd) USPD_MUST_CHECK;
uint16_t rtu327_bound_port(int fd);
/* "192.0.2.1:7777", "[2001:db8::1]:7777"; an IPv4 peer of a dual-stack socket as IPv4. */
void rtu327_address_text(const struct sockaddr_storage *, char text[RTU327_ADDRESS_TEXT]);
/* By which kind of interface a local address is reached. */
enum rtu327_iface rtu327_address_iface(const struct sockaddr_storage *local);

#endif
