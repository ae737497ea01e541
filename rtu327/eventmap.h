/* Which events are exported under which codes (rtu-327.md 6.10, 6.12).  Pure. */
#ifndef USPD_RTU327_EVENTMAP_H
#define USPD_RTU327_EVENTMAP_H

#include <stddef.h>
#include <stdint.h>

enum { RTU327_MAP_ROWS = 160, RTU327_NOT_EXPORTED = -1 };

struct rtu327_map {
	size_t n;
	struct rtu327_map_row {
		uint16_t journal;	/* code of the meter's journal; 0 for the device's own */
		uint16_t event;
		int32_t code;		/* on the wire, or RTU327_NOT_EXPORTED */
	} rows[RTU327_MAP_ROWS];
};

/* Events of meters: the seven journals of the real device and the rows of rtu.event_map,
 * "journal:event=type,..."; "-" as type takes a row out.  Returns the number of bad rows. */
size_t rtu327_event_map(struct rtu327_map *, const char *extra);
/* Events of the concentrator's own journal and rtu.log_map, "own code=code,...". */
size_t rtu327_log_map(struct rtu327_map *, const char *extra);
/* Code on the wire or RTU327_NOT_EXPORTED; the row given last wins. */
int32_t rtu327_map_find(const struct rtu327_map *, uint16_t journal, int64_t event);

#endif
