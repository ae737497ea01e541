/* Settings of the device: one list, from which the structure, defaults, limits, storage and help
 * come.  Stored in config.db as text by key; absent = default.
 *
 * ROW(kind, field, key, default, least, most, help); kind is INT (int64_t) or TEXT (most = length) */
#ifndef USPD_MODEL_SETTINGS_H
#define USPD_MODEL_SETTINGS_H

#include <stddef.h>
#include <stdint.h>

#include "src/base/err.h"

#define SETTINGS(INT, TEXT) \
	INT(tz_min, "time.tz_min", 180, -720, 840, "offset of local time from UTC, minutes") \
	INT(dst, "time.dst", 0, 0, 1, "season change by the EU rule") \
	INT(depth_moment, "depth.moment", 1440, 1, 20000, "momentary slices kept per meter and kind") \
	INT(depth_day, "depth.day", 190, 1, 4000, "start-of-day records kept per meter") \
	INT(depth_month, "depth.month", 40, 1, 400, "start-of-month records kept per meter") \
	INT(depth_profile, "depth.profile", 4320, 48, 100000, "load-profile slices kept per meter") \
	INT(depth_hour, "depth.hour", 1440, 1, 100000, "hourly records kept per meter") \
	INT(depth_journal, "depth.journal", 1000, 20, 20000, "records kept per meter and journal") \
	INT(depth_device_journal, "depth.device_journal", 2000, 1000, 100000, "rows kept per device journal") \
	INT(poll_enabled, "poll.enabled", 1, 0, 1, "poll meters") \
	INT(poll_moment_min, "poll.moment_min", 0, 0, 1440, "momentary slices every so many minutes, 0 = off") \
	INT(poll_quality_min, "poll.quality_min", 0, 0, 1440, "quality slices every so many minutes, 0 = off") \
	INT(poll_journal_min, "poll.journal_min", 60, 0, 1440, "journals every so many minutes, 0 = off") \
	INT(poll_profile_delay_s, "poll.profile_delay_s", 20, 0, 3600, "profile is readable so long after the boundary") \
	INT(poll_day_delay_s, "poll.day_delay_s", 60, 0, 3600, "day and month readings are readable so long after midnight") \
	INT(poll_attempts, "poll.attempts", 3, 1, 10, "attempts per exchange") \
	INT(poll_conversation_s, "poll.conversation_s", 10, 1, 600, "longest conversation of scheduled work") \
	INT(poll_backfill_days, "poll.backfill_days", 0, 0, 4000, "how far back gaps are filled, 0 = full depth") \
	INT(poll_probe_share, "poll.probe_share", 10, 1, 100, "bus time for silent meters at most, percent") \
	INT(poll_eth_workers, "poll.eth_workers", 16, 1, 64, "TCP endpoints talked to at once") \
	INT(poll_adaptive_wait, "poll.adaptive_wait", 1, 0, 1, "shorten the wait of meters that answer fast") \
	INT(clock_correct, "clock.correct", 1, 0, 1, "correct the clocks of meters") \
	INT(clock_check_min, "clock.check_min", 30, 1, 1440, "check clocks every so many minutes") \
	INT(clock_limit_ms, "clock.limit_ms", 2000, 500, 60000, "dead band of the clock check") \
	INT(clock_soft_max_s, "clock.soft_max_s", 120, 1, 3600, "largest soft correction") \
	INT(clock_partial, "clock.partial", 0, 0, 1, "correct by soft_max when the difference is larger") \
	INT(clock_guard_s, "clock.guard_s", 60, 0, 600, "distance from a slice boundary") \
	INT(clock_day_guard_s, "clock.day_guard_s", 300, 0, 3600, "distance from midnight") \
	INT(clock_once_per_day, "clock.once_per_day", 1, 0, 1, "one correction per meter and day") \
	INT(serial_hold, "serial.hold", 0, 0, 1, "stop reading a meter whose serial number changed") \
	INT(rtu_enabled, "rtu.enabled", 1, 0, 1, "serve RTU-327") \
	TEXT(rtu_auth, "rtu.auth", "00000000", 255, "passwords, comma-separated; \":r\" after one = read only") \
	INT(rtu_auth_required, "rtu.auth_required", 1, 0, 1, "an empty list refuses everybody") \
	INT(rtu_auth_fail_limit, "rtu.auth_fail_limit", 10, 1, 1000, "wrong passwords until the connection is closed") \
	INT(rtu_crc_unsigned, "rtu.crc_unsigned", 0, 0, 1, "checksum variant of odd clients") \
	TEXT(rtu_version, "rtu.version", "020102", 6, "six digits answered by GETVERSION") \
	INT(rtu_unknown_meter_code, "rtu.unknown_meter_code", 4, 2, 6, "result for a serial number nobody has") \
	INT(rtu_nodata_code, "rtu.nodata_code", 2, 2, 8, "result when a list is empty") \
	INT(rtu_settime_enable, "rtu.settime_enable", 1, 0, 1, "SETTIME allowed") \
	INT(rtu_settime_max_s, "rtu.settime_max_s", 3600, 0, 86400000, "largest SETTIME, 0 = unlimited") \
	INT(rtu_settime_dedup, "rtu.settime_dedup", 1, 0, 1, "a repeated SETTIME is applied once") \
	INT(rtu_lp_start, "rtu.lp_start", 0, 0, 1, "GETLP stamps intervals by their start") \
	INT(rtu_lp_fill, "rtu.lp_fill", 0, 0, 1, "GETLP fills gaps with -1.0 instead of stopping") \
	INT(rtu_lp_gap_stat, "rtu.lp_gap_stat", 1, 0, 255, "Stat of filled intervals") \
	INT(rtu_pok_tolerance_s, "rtu.pok_tolerance_s", 0, 0, 86400, "GETPOK takes an earlier reading within this") \
	INT(rtu_autoread_inclusive, "rtu.autoread_inclusive", 0, 0, 1, "GETAUTOREAD includes Tday itself") \
	INT(rtu_autoread_no_total, "rtu.autoread_no_total", 0, 0, 1, "GETAUTOREAD sends -1.0 as total") \
	INT(rtu_autoread_reversed, "rtu.autoread_reversed", 0, 0, 1, "GETAUTOREAD serial number reversed") \
	INT(rtu_mtrlog_by_journal, "rtu.mtrlog_by_journal", 0, 0, 1, "GETMTRLOG grouped by journal") \
	TEXT(rtu_event_map, "rtu.event_map", "", 255, "extra rows journal:event=type,...") \
	TEXT(rtu_log_map, "rtu.log_map", "", 255, "extra rows journal=code,...") \
	INT(rtu_no_type, "rtu.no_type", 0, 0, 1, "GETSHPRM answers type 100 for every meter") \
	INT(rtu_tests_elm, "rtu.tests_elm", 2, 0, 255, "Elm of GETTESTS") \
	INT(rtu_shortlp, "rtu.shortlp", 0, 0, 1, "serve GETSHORTLP") \
	INT(rtu_max_request_body, "rtu.max_request_body", 256, 9, 4000, "longest request body") \
	INT(rtu_max_reply_body, "rtu.max_reply_body", 65535, 256, 65535, "longest reply body") \
	INT(rtu_frame_timeout_s, "rtu.frame_timeout_s", 5, 1, 60, "incomplete frame dropped after") \
	INT(rtu_idle_timeout_s, "rtu.idle_timeout_s", 300, 0, 86400, "idle connection closed after, 0 = never") \
	INT(rtu_write_timeout_s, "rtu.write_timeout_s", 60, 1, 3600, "client that does not read closed after") \
	INT(rtu_db_timeout_s, "rtu.db_timeout_s", 5, 1, 60, "longest database query") \
	INT(rtu_max_clients, "rtu.max_clients", 64, 8, 256, "connections at once") \
	INT(rtu_garbage_limit, "rtu.garbage_limit", 4096, 64, 1048576, "garbage bytes until closed") \
	INT(http_ticket_min, "http.ticket_min", 30, 1, 1440, "life of a ticket, minutes") \
	INT(http_ticket_sliding, "http.ticket_sliding", 1, 0, 1, "use prolongs a ticket; 0: counted from login") \
	INT(http_cookie_flags, "http.cookie_flags", 1, 0, 1, "cookie with Path, HttpOnly, SameSite") \
	INT(http_force_change, "http.force_change", 1, 0, 2, "factory password must be changed before writing: 1 by pages and /api/v1, 2 by all") \
	INT(http_unauth_31, "http.unauth_31", 401, 401, 403, "status without a ticket in dialect 31: 401 or 403") \
	INT(http_empty_null, "http.empty_null", 1, 0, 1, "an empty table is null; 0: []") \
	INT(http_post_upsert, "http.post_upsert", 0, 0, 1, "POST of an existing id overwrites it") \
	INT(http_strict_refs, "http.strict_refs", 0, 0, 1, "references to rows that do not exist are refused") \
	INT(http_return_secrets, "http.return_secrets", 0, 0, 1, "passwords in answers to administrators") \
	INT(http_port_text, "http.port_text", 0, 0, 1, "ports of TCP servers as text") \
	INT(http_ts31_unix, "http.ts31_unix", 0, 0, 1, "unix time in data of dialect 31; 0: ISO") \
	INT(http_dout_inverted, "http.dout_inverted", 1, 0, 1, "state/dout: 0 is on, 1 is off") \
	INT(http_meas_40, "http.meas_40", 0, 0, 1, "isMeas in profiles of dialect 40 though not asked") \
	INT(http_profile_start, "http.profile_start", 0, 0, 1, "load-profile slices of SMART-JSON carry the start of the interval") \
	INT(http_own_journals, "http.own_journals", 0, 0, 1, "journals 101 and up in answers of SMART-JSON") \
	INT(http_moment_s, "http.moment_s", 120, 5, 600, "answer to momentary requests at the latest after") \
	INT(http_metrics_open, "http.metrics_open", 0, 0, 1, "/metrics without a ticket") \
	INT(transit_idle_s, "transit.idle_s", 120, 0, 86400, "silent transit session ends after, 0 = never") \
	INT(transit_idle_client, "transit.idle_client", 0, 0, 1, "only bytes of the client count as traffic") \
	INT(transit_max_session_s, "transit.max_session_s", 0, 0, 8640000, "longest transit session, 0 = no limit") \
	INT(transit_take_ms, "transit.take_ms", 6000, 100, 60000, "bus is taken from the poller within") \
	INT(transit_gather_ms, "transit.gather_ms", 0, 0, 20, "answers are gathered while pauses are shorter, 0 = sent at once") \
	INT(transit_drain_quiet_s, "transit.drain_quiet_s", 3, 1, 60, "after the client's FIN: silence that ends the session") \
	INT(transit_drain_max_s, "transit.drain_max_s", 15, 1, 300, "after the client's FIN: end at the latest") \
	INT(transit_release_ms, "transit.release_ms", 3000, 0, 60000, "bus stays reserved after a session") \
	INT(transit_share_h, "transit.share_h", 0, 0, 1000, "warn of sessions longer than, hours; 0 = off") \
	INT(transit_apply_live, "transit.apply_live", 1, 0, 1, "new line settings reach a running session") \
	INT(tls_enabled, "tls.enabled", 0, 0, 1, "HTTPS and TLS servers through nginx") \
	INT(tls_https_port, "tls.https_port", 443, 1, 65535, "port of HTTPS") \
	INT(tls_http_port, "tls.http_port", 80, 0, 65535, "port of plain HTTP at nginx, 0 = none") \
	INT(tls_http_redirect, "tls.http_redirect", 0, 0, 1, "plain HTTP only points to HTTPS") \
	INT(events_poll_offset_s, "events.poll_offset_s", 20, 0, 600, "polls of a schedule start so long after its minute") \
	INT(events_settle_s, "events.settle_s", 30, 0, 3600, "after a start: pause before what was missed is caught up") \
	INT(events_relay_grace_s, "events.relay_grace_s", 60, 0, 3600, "relays act on a command missed by no more than this") \
	INT(events_hold_s, "events.hold_s", 600, 0, 86400, "schedules wait so long for a clock that is right") \
	INT(events_message_wait_s, "events.message_wait_s", 900, 0, 86400, "messages wait so long for polls of the same event") \
	INT(events_age_s, "events.age_s", 900, 0, 86400, "changes read later than this raise no event") \
	INT(message_spread_s, "message.spread_s", 0, 0, 7200, "messages leave spread over so many seconds, by the serial number of the device") \
	INT(message_ttl_h, "message.ttl_h", 168, 1, 8760, "messages not delivered within so many hours are given up") \
	INT(message_retry_most_s, "message.retry_most_s", 900, 1, 86400, "longest pause before a message is tried again") \
	INT(message_outbox_mb, "message.outbox_mb", 64, 1, 1024, "messages kept on the disk until delivered, MiB; the oldest go first") \
	INT(message_mqtt_kb, "message.mqtt_kb", 256, 1, 65536, "larger messages by MQTT or HTTP are split by meters, KiB") \
	INT(message_mail_kb, "message.mail_kb", 2048, 1, 65536, "larger mails are split by meters, KiB") \
	INT(message_mail_csv, "message.mail_csv", 0, 0, 1, "mails carry the data as CSV too") \
	TEXT(message_ca, "message.ca", "", 255, "file or directory with the certificates that servers of messages are checked with; empty: those of the system") \
	INT(message_cert_check, "message.cert_check", 1, 0, 1, "certificates of servers of messages are checked, unless their row says otherwise") \
	INT(mqtt_version, "mqtt.version", 4, 4, 5, "MQTT: 4 is 3.1.1, 5 is 5.0") \
	INT(mqtt_keepalive_s, "mqtt.keepalive_s", 60, 5, 3600, "MQTT: keep-alive") \
	INT(mqtt_inflight, "mqtt.inflight", 20, 1, 1000, "MQTT: messages on the way, not answered yet")

struct settings {
#define INT(field, key, def, least, most, help) int64_t field;
#define TEXT(field, key, def, most, help) char field[(most) + 1];
	SETTINGS(INT, TEXT)
#undef INT
#undef TEXT
};

void settings_defaults(struct settings *);
/* Sets one by key from text.  E_NOTFOUND, E_INVALID (not a number, out of range, too long). */
int settings_set(struct settings *, const char *key, const char *text) USPD_MUST_CHECK;
/* Text of one; E_NOTFOUND, E_LIMIT. */
int settings_get(const struct settings *, const char *key, char *buf, size_t size) USPD_MUST_CHECK;
/* Walks the list: key and help of setting i; NULL past the end. */
const char *settings_key(size_t i);
const char *settings_help(size_t i);

#endif
