/* Replies of RTU-327 for people and programs: as JSON, or as a table. */
#ifndef USPD_TOOLS_CTL_RTU327_SHOW_H
#define USPD_TOOLS_CTL_RTU327_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "rtu327/codec.h"

/* The data of a good reply that is no list, as a new object; NULL when malformed. */
json_t *rtu327_show(const struct rtu327_request *, const struct rtu327_frame *reply);

struct rtu327_page {
	unsigned interval_min;	/* of the load profile: only the last stamp is on the wire */
	int64_t to;		/* rows after this moment are left out */
	json_t *rows;		/* array, appended to */
	int64_t last;		/* stamp, or id of the journal, of the last row of the reply */
};
/* The same for lists; false when malformed. */
bool rtu327_show_page(const struct rtu327_request *, const struct rtu327_frame *reply,
    struct rtu327_page *);

/* An object or an array of equal objects. */
void rtu327_print(json_t *, bool as_json);

#endif
