/* A client that talks to one simulated СПОДЭС meter by hand-made frames.  Octets are hex digits. */
#ifndef USPD_TESTS_UNIT_SIM_DLMS_HELP_H
#define USPD_TESTS_UNIT_SIM_DLMS_HELP_H

#include "sim/street.h"

/* 20 November 2026 20:41:41 on a clock of UTC+3, as in the recorded sessions. */
#define SPODES_LOCAL INT64_C(1795207301)
#define SPODES_NOW_US ((SPODES_LOCAL - 10800) * 1000000)

/* One meter of serial number 000000123456 at address 16; `keys` go on after its own. */
struct sim_meter *simclient_make(const char *type, const char *keys);
void simclient_end(void);
/* When the frames that follow arrive. */
void simclient_at(int64_t now_us);

/* One frame, or anything, as it is; the answer ("" silence). */
const char *simclient_raw(const char *hex);
/* A frame of these parts with its checks: the server's address octets, client, control, information. */
const char *simclient_frame(const char *server, unsigned client, unsigned control, const char *info);
/* Connects (parameters of SNRM or "") with two octets of address; the answer. */
const char *simclient_connect(unsigned client, const char *parameters);
/* An APDU through the link, LLC octets added and taken off, segments joined. */
const char *simclient_apdu(const char *hex);
/* Connects as the reader with the password of as delivered meters. */
void simclient_read(void);
/* Connects as the configurator, mechanism 2. */
void simclient_write(void);
/* GET of class, name "1.0.1.8.0", attribute; `selector` "" or its octets with the leading number. */
const char *simclient_get(unsigned class_id, const char *name, unsigned attribute,
    const char *selector);
/* The same, blocks joined, the octet "data" taken off. */
const char *simclient_value(unsigned class_id, const char *name, unsigned attribute,
    const char *selector);
/* Selector 1 from..to, local seconds; all columns. */
const char *simclient_range(int64_t from, int64_t to);
/* The twelve octets of a local moment. */
const char *simclient_stamp(int64_t t, unsigned status);

/* Frames the last answer was made of, and their last control octet. */
extern unsigned simclient_frames, simclient_control;

#endif
