/* Functions of their own that some views have, beside the descriptions.  What each does is told at
 * its place; their forms are those of struct view. */
#ifndef USPD_SMART_JSON_VIEW_HOOKS_H
#define USPD_SMART_JSON_VIEW_HOOKS_H

#include "smart-json/view.h"

typedef int view_taker(const struct view_set *, json_t *row, const json_t *old, struct fault *);
typedef bool view_shower(const struct view_set *, json_t *wire, const struct view_row *);
typedef json_t *view_checker(json_t *, const struct member *, struct fault *);
/* The end of a check: the value goes, NULL. */
json_t *view_refuse(json_t *, enum fault_kind, const struct member *, struct fault *);

view_checker check_ipv4, check_netmask, check_networks, check_record_types, check_event_type, check_pin,
    check_number, check_readings,
    check_time_zone, check_storages, check_rtu_password, check_line_text, check_type_name,
    check_iface_name, check_address, check_meter_password;
view_taker take_ip, take_tcp, take_sntp_31, take_subset, take_account,
    take_schedule_31, take_meter_31;
view_shower show_tcp, show_sntp_31, show_schedule_40, show_schedule_31, show_action_31, show_meter_31;
int settle_accounts(struct view_set *);
int settle_meters(struct view_set *);

/* Where the rows of some views live. */
extern const struct view_source view_meters;		/* smart_meters.c */
extern const struct view_source view_local_time, view_depths, view_archives,
    view_rtu_passwords;					/* view_settings.c */
extern const struct view_source view_actions_31;	/* view_actions.c */
extern const struct view_source view_words;		/* view_iec.c */

#endif
