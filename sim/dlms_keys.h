/* What a street file may say about a simulated СПОДЭС meter: each list gives the keys of the file,
 * the members they fill and their defaults (docs/simulator.md 6). */
#ifndef USPD_SIM_DLMS_KEYS_H
#define USPD_SIM_DLMS_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_DLMS_NUMBERS(ROW)	/* key, least, most, default */ \
	ROW(client_public, 1, 127, 16) \
	ROW(client_reader, 1, 127, 32) \
	ROW(client_configurator, 1, 127, 48) \
	ROW(logical, 1, 127, 1) \
	ROW(address_size, 0, 4, 0)		/* octets; 0: 2 and 4 */ \
	ROW(serial_digits, 0, 4, 0)		/* address = so many last digits + 16 */ \
	ROW(info_tx, 32, 2030, 128) \
	ROW(info_rx, 32, 2030, 128) \
	ROW(window_tx, 1, 7, 1) \
	ROW(window_rx, 1, 7, 1) \
	ROW(max_pdu, 64, 8192, 512) \
	ROW(inactivity_s, 0, 100000, 120)	/* 0: never */ \
	ROW(lock_after, 0, 100, 0)		/* wrong passwords; 0: never */ \
	ROW(counter_seen, 0, INT32_MAX, 0)	/* highest counter of the client */ \
	ROW(counter_own, 0, INT32_MAX, 0) \
	ROW(period_s, 60, 86400, 1800) \
	ROW(load_depth, 1, 20000, 8784) \
	ROW(day_depth, 1, 1000, 123) \
	ROW(month_depth, 1, 200, 36) \
	ROW(log_depth, 1, 1024, 100) \
	ROW(billing_day, 1, 28, 1) \
	ROW(energy_scaler, -4, 3, 0) \
	ROW(load_scaler, -4, 3, -1) \
	ROW(deviation_min, -32768, 840, -180)	/* -32768: not used */ \
	ROW(clock_status, 0, 255, 0)		/* 255: not used */ \
	ROW(code_octets, 1, 4, 1) \
	ROW(invoke_id, -1, 255, -1)		/* -1: as asked */ \
	ROW(relay_mode, 0, 6, 4) \
	ROW(ratio_u, 1, 65535, 1) \
	ROW(ratio_i, 1, 65535, 1) \
	ROW(surplus, 0, 64, 0)			/* octets after the value of an answer */ \
	ROW(gap_every, 0, 1000000, 0)		/* load rows missing */ \
	ROW(invalid_every, 0, 1000000, 0)	/* load rows whose stamp is invalid */ \
	ROW(push_every, 0, 1000000, 0)		/* answers with an unsolicited frame before */ \
	ROW(drop_every, 0, 1000000, 0)		/* I frames answered DM, the link lost */

#define SIM_DLMS_FLAGS(ROW)	/* key, default */ \
	ROW(disc_first, false)		/* SNRM is not heard while a link is open */ \
	ROW(one_client, false)		/* another client's SNRM is answered DM while one is open */ \
	ROW(bare_exceptions, false)	/* exception-response without the LLC octets */ \
	ROW(set_exception, false)	/* a denied SET is answered so */ \
	ROW(password_pad16, false)	/* zeros up to 16 octets are part of the password */ \
	ROW(no_release, false)		/* RLRQ is not known */ \
	ROW(strict_conformance, false)	/* AARQ may propose bits of 00101D only */ \
	ROW(general_protection, false) \
	ROW(counter_restarts, false)	/* the meter's counter begins anew in each association */ \
	ROW(reuse_counter, false)	/* pass 4 and its protection have one counter */ \
	ROW(with_list, true) \
	ROW(list_cut, false)		/* a list ends at the first missing object */ \
	ROW(column_select, true) \
	ROW(newest_first, false)	/* sort method LIFO */ \
	ROW(scale_profiles, true) \
	ROW(scale_reversed, false) \
	ROW(null_rows, false) \
	ROW(compact_rows, false) \
	ROW(doubtful_rows, true)	/* status bit 1 after a supply failure */ \
	ROW(powerup_rows, false) \
	ROW(day_end, false)		/* day and month rows are stamped 23:59:59 */ \
	ROW(wrong_log_names, false)	/* logs 1 to 4 name the code column 0.0.96.11.0 */ \
	ROW(log_extra, false)		/* log 0 has six columns */ \
	ROW(short_angles, false)	/* 1.0.81.7.1, .12, .2 */ \
	ROW(model_cp1251, false) \
	ROW(relay, true) \
	ROW(shift_daily, false)		/* the clock is shifted once a day */

#define SIM_DLMS_CHOICES(ROW)	/* key, default, all */ \
	ROW(transport, "hdlc", "hdlc wrapper both") \
	ROW(ua, "auto", "auto two empty") \
	ROW(auth_reader, "lls", "none lls hls2 gmac") \
	ROW(auth_configurator, "hls2", "none lls hls2 gmac") \
	ROW(security, "plain", "plain both ciphered") \
	ROW(range, "yes", "yes own ignored refused") \
	ROW(entry, "yes", "yes refused")

#define SIM_DLMS_OCTETS(ROW)	/* key, default; text, or "hex:" and digits */ \
	ROW(password, "111111") \
	ROW(secret, "1234567890ABCDEF") \
	ROW(ek, "hex:000102030405060708090A0B0C0D0E0F") \
	ROW(ak, "hex:D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF") \
	ROW(title, "")			/* by serial number */ \
	ROW(challenge, "")		/* another each time */

#define SIM_DLMS_TEXTS(ROW)	/* key, default */ \
	ROW(model, "SIM SPODES 3F") \
	ROW(maker, "SIM") \
	ROW(firmware, "1.0") \
	ROW(firmware2, "2.1")

enum { SIM_DLMS_OCTETS_MAX = 64, SIM_DLMS_TEXT_MAX = 48 };
struct sim_octets {
	uint8_t n, v[SIM_DLMS_OCTETS_MAX];
};

/* What each choice's words are numbered by. */
enum { SIM_TRANSPORT_HDLC, SIM_TRANSPORT_WRAPPER, SIM_TRANSPORT_BOTH };
enum { SIM_UA_AUTO, SIM_UA_TWO, SIM_UA_EMPTY };
enum { SIM_AUTH_NONE, SIM_AUTH_LLS, SIM_AUTH_HLS2, SIM_AUTH_GMAC };
enum { SIM_SECURITY_PLAIN, SIM_SECURITY_BOTH, SIM_SECURITY_CIPHERED };
enum { SIM_RANGE_YES, SIM_RANGE_OWN, SIM_RANGE_IGNORED, SIM_RANGE_REFUSED };
enum { SIM_ENTRY_YES, SIM_ENTRY_REFUSED };

struct sim_dlms_keys {
#define ROW(name, ...) int32_t name;
	SIM_DLMS_NUMBERS(ROW)
#undef ROW
#define ROW(name, ...) bool name;
	SIM_DLMS_FLAGS(ROW)
#undef ROW
#define ROW(name, ...) uint8_t name;
	SIM_DLMS_CHOICES(ROW)
#undef ROW
#define ROW(name, ...) struct sim_octets name;
	SIM_DLMS_OCTETS(ROW)
#undef ROW
#define ROW(name, ...) char name[SIM_DLMS_TEXT_MAX];
	SIM_DLMS_TEXTS(ROW)
#undef ROW
};

#endif
