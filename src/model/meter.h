/* A row of the meter table (таблица приборов учёта, smart-json.md 8.12) and its checks. */
#ifndef USPD_MODEL_METER_H
#define USPD_MODEL_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum meter_iface { IFACE_NONE, IFACE_1, IFACE_2, IFACE_3, IFACE_4, IFACE_ETHERNET, IFACE_HUB };
enum { SERIAL_BUSES = 4 };

/* Laid out without padding, so that rows can be compared whole. */
struct meter_row {
	uint32_t id;		/* MeterId, chosen by the user, >= 1, unique */
	uint32_t parent;	/* id of the hub, 0 = none */
	uint16_t dev;		/* DeviceIdx: given by the store, key of the archive; 0 = not yet */
	uint16_t type;		/* meter type id */
	enum meter_iface iface;
	char address[64];
	char password_read[66], password_write[66];	/* hex digits of the raw bytes, or "" */
	char line[16];		/* "9600,8n1"; "" = as delivered by the type */
	int32_t rtu_object_type, rtu_object, rtu_feeder;
	char rtu_serial[16];	/* rtuNsh: wins over the serial number read; "" */
	char group[64], note[64];
	/* JSON of members as a SMART-JSON client wrote them, where this row alone would give them
	 * back in other words ("SPODES_M2XX", null for ""); "" for none.  Means nothing else. */
	char wire[256];
};

/* An immutable copy of the whole table, sorted by id; shared between threads. */
struct meter_table {
	_Atomic unsigned *refs;
	size_t n;
	uint64_t version;	/* grows with each change */
	struct meter_row rows[];
};

const char *meter_iface_name(enum meter_iface);		/* "Iface1", "Ethernet", "Hub"; "" */
enum meter_iface meter_iface_by_name(const char *);	/* case and spaces ignored; IFACE_NONE */
const struct meter_row *meter_table_find(const struct meter_table *, uint32_t id);
const struct meter_row *meter_table_find_dev(const struct meter_table *, uint16_t dev);

#endif
