/* What the members of a meter's row mean (smart-json.md 7.1, 7.2, 8.12, 9.1).  Pure. */
#ifndef USPD_SMART_JSON_SMART_METERS_H
#define USPD_SMART_JSON_SMART_METERS_H

#include <jansson.h>
#include <stdbool.h>

#include "src/model/meter.h"

enum { LINE_SIZE = sizeof(((struct meter_row *)0)->line) };
enum { PASSWORD_SIZE = sizeof(((struct meter_row *)0)->password_read) };
enum { ADDRESS_SIZE = sizeof(((struct meter_row *)0)->address) };
/* The fifth interface of the UM-31 is not in this device: a row on it is kept, never read. */
#define IFACE_5_NAME "Iface5"

/* Each is false when the words mean nothing.  IFACE_NONE stands for the fifth interface. */
bool iface_meant(const char *name, enum meter_iface *);
/* "9600,8n1"; or a speed alone, the rest is as meters of this type are delivered; null, "" and 0 say
 * nothing: "". */
bool line_meant(const json_t *cfg, unsigned type, char line[static LINE_SIZE]);
/* Of dialect 31: an object with "br" and perhaps "size", "parity", "stop". */
bool line_meant_31(const json_t *cfg, unsigned type, char line[static LINE_SIZE]);
/* What dialect 31 says of line settings when nobody has said it otherwise. */
json_t *plain_cfg_31(const char *line);
/* Hex digits of the raw bytes; a text that is none is the bytes itself. */
bool password_meant(const char *text, char hex[static PASSWORD_SIZE]);

#endif
