/* Inside the rules: rows of triggers. */
#ifndef USPD_EVENTS_RULES_TRIGGERS_H
#define USPD_EVENTS_RULES_TRIGGERS_H

#include "src/events/rules.h"

/* Of TABLE_DIN_EVENTS and TABLE_ANALOG_EVENTS; what is the same in `old` goes on. */
int load_triggers(struct rules *, const struct rules *old) USPD_MUST_CHECK;
/* Two rows of TABLE_ACTION_RELAY that order one relay on and off; NULL allowed. */
bool relays_contradict(const char *a, const char *b);

#endif
