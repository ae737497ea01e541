/* The vocabulary: record types, tags, units, journals, meter types.  Tables, no behaviour.
 * Source: specs/data-model.md chapters 2..4, specs/smart-json.md 7.5, device-templates.md 5a.
 *
 * Every list is written once, as a row macro; enumerations, names and descriptions follow. */
#ifndef USPD_MODEL_MODEL_H
#define USPD_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Record types (data-model.md 2.1).  ROW(enumerator, name upstream, D31 measure, values, bucket)
 *   values: what the value slots of such a record mean (enum value_set)
 *   bucket: what one round of polling fills; the archive is clustered by it (storage.md 2) */
#define RECORD_TYPES(ROW) \
	ROW(REC_EL_CONFIG,         "ElConfig",         "aCfg",       CONFIG,   NONE) \
	ROW(REC_EL_MOMENT_ENERGY,  "ElMomentEnergy",   "mEng",       ENERGY,   HOUR) \
	ROW(REC_EL_MOMENT_QUALITY, "ElMomentQuality",  "mQual",      QUALITY,  HOUR) \
	ROW(REC_EL_DAY,            "ElDayEnergy",      "aDay",       ENERGY,   DAY) \
	ROW(REC_EL_DAY_CONS,       "ElDayConsEnergy",  "aDayCons",   ENERGY,   DAY) \
	ROW(REC_EL_MONTH,          "ElMonthEnergy",    "aMonth",     ENERGY,   MONTH) \
	ROW(REC_EL_MONTH_CONS,     "ElMonthConsEnergy","aMonthCons", ENERGY,   MONTH) \
	ROW(REC_EL_PROFILE,        "ElArr1ConsPower",  "aCons",      PROFILE,  DAY) \
	ROW(REC_EL_JOURNAL,        "ElJrnl",           "jrnl",       JOURNAL,  NONE) \
	ROW(REC_PLS_CONFIG,        "PlsConfig",        "aCfg",       CONFIG,   NONE) \
	ROW(REC_PLS_MOMENT,        "PlsMomentPulse",   "mEng",       CHANNELS, HOUR) \
	ROW(REC_PLS_HOUR,          "PlsHourPulse",     "aHour",      CHANNELS, HOUR) \
	ROW(REC_PLS_DAY,           "PlsDayPulse",      "aDay",       CHANNELS, DAY) \
	ROW(REC_PLS_MONTH,         "PlsMonthPulse",    "aMonth",     CHANNELS, MONTH) \
	ROW(REC_PLS_JOURNAL,       "PlsJrnlTimeCorr",  "jrnlTimeCorr", JOURNAL, NONE) \
	ROW(REC_DIG_CONFIG,        "DigConfig",        "aCfg",       CONFIG,   NONE) \
	ROW(REC_DIG_MOMENT,        "DigMomentState",   "mEng",       CHANNELS, HOUR) \
	ROW(REC_DIG_JOURNAL,       "DigJournalState",  "",           CHANNELS, HOUR) \
	ROW(REC_GEN_CONFIG,        "GenConfig",        "",           CONFIG,   NONE) \
	ROW(REC_GEN_MOMENT,        "GenMoment",        "",           QUANTITIES, HOUR) \
	ROW(REC_GEN_HOUR,          "GenHour",          "",           QUANTITIES, HOUR) \
	ROW(REC_GEN_DAY,           "GenDay",           "",           QUANTITIES, DAY) \
	ROW(REC_GEN_MONTH,         "GenMonth",         "",           QUANTITIES, MONTH)

enum record_type {
	REC_NONE,
#define ROW(id, name, d31, values, bucket) id,
	RECORD_TYPES(ROW)
#undef ROW
	REC_COUNT
};
#define REC_BIT(type) (1u << (type))

enum value_set { VALUES_CONFIG, VALUES_ENERGY, VALUES_QUALITY, VALUES_PROFILE, VALUES_JOURNAL,
	VALUES_CHANNELS, VALUES_QUANTITIES };
enum bucket { BUCKET_NONE, BUCKET_HOUR, BUCKET_DAY, BUCKET_MONTH };

struct record_type_info {
	const char *name, *d31;
	enum value_set values;
	enum bucket bucket;
};
const struct record_type_info *record_type_info(enum record_type);	/* NULL out of range */
enum record_type record_type_by_name(const char *);	/* exact upstream name; REC_NONE */

/* Value slots.  Every value is a signed 64-bit integer in thousandths of the base unit. */

/* Energy: slot = tariff * 4 + kind; tariff 0 is the sum, 1..12 the zones.  mWh / mvarh. */
enum energy_kind { A_PLUS, A_MINUS, R_PLUS, R_MINUS, ENERGY_KINDS };
enum { TARIFFS = 12, ENERGY_SLOTS = (TARIFFS + 1) * ENERGY_KINDS };
static inline unsigned
energy_slot(unsigned tariff, enum energy_kind kind)
{
	return tariff * ENERGY_KINDS + (unsigned)kind;
}

/* Quality (data-model.md 3.2), in output order.  ROW(enumerator, tag, unit) */
#define QUALITY_TAGS(ROW) \
	ROW(Q_UA, "UA", "V") ROW(Q_UB, "UB", "V") ROW(Q_UC, "UC", "V") \
	ROW(Q_IA, "IA", "A") ROW(Q_IB, "IB", "A") ROW(Q_IC, "IC", "A") \
	ROW(Q_PS, "PS", "W") ROW(Q_PA, "PA", "W") ROW(Q_PB, "PB", "W") ROW(Q_PC, "PC", "W") \
	ROW(Q_QS, "QS", "var") ROW(Q_QA, "QA", "var") ROW(Q_QB, "QB", "var") ROW(Q_QC, "QC", "var") \
	ROW(Q_SS, "SS", "VA") ROW(Q_SA, "SA", "VA") ROW(Q_SB, "SB", "VA") ROW(Q_SC, "SC", "VA") \
	ROW(Q_ANG_AB, "AngAB", "deg") ROW(Q_ANG_BC, "AngBC", "deg") ROW(Q_ANG_AC, "AngAC", "deg") \
	ROW(Q_KPS, "kPS", "") ROW(Q_KPA, "kPA", "") ROW(Q_KPB, "kPB", "") ROW(Q_KPC, "kPC", "") \
	ROW(Q_FREQ, "Freq", "Hz")
enum quality_slot {
#define ROW(id, tag, unit) id,
	QUALITY_TAGS(ROW)
#undef ROW
	QUALITY_SLOTS
};

/* Load profile: mean power of the slice, mW / mvar.  Order of the energy kinds. */
enum profile_slot { P_PLUS, P_MINUS, Q_PLUS, Q_MINUS, PROFILE_SLOTS };
/* Flags of a profile slice (data-model.md 3.3). */
enum profile_flag {
	PROFILE_PARTIAL = 1, PROFILE_OVERFLOW = 2, PROFILE_SUMMER = 4, PROFILE_MEASURED = 8
};

/* Journals: slots of a journal record. */
enum journal_slot { J_EVENT, J_EVENT_ID, JOURNAL_SLOTS };
/* Pulse and digital: slot = channel - 1. */
enum { CHANNEL_SLOTS = 32 };

/* Heat, water, gas (device-templates.md 5a): slot = quantity.  ROW(enumerator, name, unit) */
#define QUANTITIES(ROW) \
	ROW(QT_HEAT, "heat", "Gcal") ROW(QT_COLD, "cold", "Gcal") \
	ROW(QT_HEAT_POWER, "heat_power", "Gcal/h") ROW(QT_VOLUME, "volume", "m3") \
	ROW(QT_VOLUME_STD, "volume_std", "m3") ROW(QT_VOLUME_WORK, "volume_work", "m3") \
	ROW(QT_MASS, "mass", "t") ROW(QT_MASS_FLOW, "mass_flow", "t/h") \
	ROW(QT_RUN_TIME, "run_time", "h") ROW(QT_ERROR_TIME, "error_time", "h") \
	ROW(QT_T_SUPPLY, "t_supply", "C") ROW(QT_T_RETURN, "t_return", "C") \
	ROW(QT_T_DIFF, "t_diff", "K") ROW(QT_T, "t", "C") ROW(QT_T_AMBIENT, "t_ambient", "C") \
	ROW(QT_P, "p", "kPa") ROW(QT_P_ABS, "p_abs", "kPa") ROW(QT_P_BARO, "p_baro", "kPa") \
	ROW(QT_DP, "dp", "kPa") ROW(QT_FLOW, "flow", "m3/h") ROW(QT_FLOW_STD, "flow_std", "m3/h") \
	ROW(QT_FLOW_WORK, "flow_work", "m3/h") ROW(QT_K_COMPR, "k_compr", "") \
	ROW(QT_K_CONV, "k_conv", "") ROW(QT_LEVEL, "level", "m") ROW(QT_HUMIDITY, "humidity", "%") \
	ROW(QT_DIMENSIONLESS, "dimensionless", "") ROW(QT_ENERGY_ACT, "energy_act", "kWh") \
	ROW(QT_ENERGY_REACT, "energy_react", "kvarh") ROW(QT_POWER_ACT, "power_act", "kW") \
	ROW(QT_U, "u", "V") ROW(QT_I, "i", "A") ROW(QT_FREQ, "freq", "Hz") \
	ROW(QT_U_SUPPLY, "u_supply", "V") ROW(QT_U_BATT, "u_batt", "V") \
	ROW(QT_BATTERY_PCT, "battery_pct", "%") ROW(QT_RSSI, "rssi", "dBm") ROW(QT_SNR, "snr", "dB") \
	ROW(QT_PULSES, "pulses", "") ROW(QT_STATE, "state", "") ROW(QT_STATUS, "status", "") \
	ROW(QT_EVENTS, "events", "")
enum quantity {
#define ROW(id, name, unit) id,
	QUANTITIES(ROW)
#undef ROW
	QUANTITY_SLOTS
};

enum { VALUE_SLOTS = 64 };	/* room in a record; every set above fits */

/* Tag of a value slot of a record type ("A+0", "UA", "P+", "Pls1", ...), NULL when none. */
const char *value_tag(enum record_type, unsigned slot);
const char *value_unit(enum record_type, unsigned slot);
/* Slots a record type has, in output order 0..n-1. */
unsigned value_slots(enum record_type);

/* Journals of meters (data-model.md 4; own kinds from 101, README decision 4).
 * ROW(code, enumerator, name) */
#define JOURNALS(ROW) \
	ROW(1, J_PWR, "Pwr") ROW(2, J_TIME_CORR, "TimeCorr") ROW(3, J_RESET, "Reset") \
	ROW(4, J_C1_INIT, "C1Init") ROW(5, J_C2_INIT, "C2Init") ROW(6, J_TRF_CORR, "TrfCorr") \
	ROW(7, J_OPEN, "Open") ROW(8, J_UNAUTH, "UnAyth") ROW(9, J_PWR_A, "PwrA") \
	ROW(10, J_PWR_B, "PwrB") ROW(11, J_PWR_C, "PwrC") ROW(12, J_PROG, "Prog") \
	ROW(13, J_RELAY, "Relay") ROW(14, J_LIM_E_SUM, "LimESumm") ROW(15, J_LIM_E_TRF, "LimETrf") \
	ROW(16, J_LIM_E_TRF1, "LimETrf1") ROW(17, J_LIM_E_TRF2, "LimETrf2") \
	ROW(18, J_LIM_E_TRF3, "LimETrf3") ROW(19, J_LIM_E_TRF4, "LimETrf4") \
	ROW(20, J_LIM_UA_MAX, "LimUAMax") ROW(21, J_LIM_UA_MIN, "LimUAMin") \
	ROW(22, J_LIM_UB_MAX, "LimUBMax") ROW(23, J_LIM_UB_MIN, "LimUBMin") \
	ROW(24, J_LIM_UC_MAX, "LimUCMax") ROW(25, J_LIM_UC_MIN, "LimUCMin") \
	ROW(26, J_LIM_UAB_MAX, "LimUABMax") ROW(27, J_LIM_UAB_MIN, "LimUABMin") \
	ROW(28, J_LIM_UBC_MAX, "LimUBCMax") ROW(29, J_LIM_UBC_MIN, "LimUBCMin") \
	ROW(30, J_LIM_UCA_MAX, "LimUCAMax") ROW(31, J_LIM_UCA_MIN, "LimUCAMin") \
	ROW(32, J_LIM_IA_MAX, "LimIAMax") ROW(33, J_LIM_IB_MAX, "LimIBMax") \
	ROW(34, J_LIM_IC_MAX, "LimICMax") ROW(35, J_LIM_F_MAX, "LimFreqMax") \
	ROW(36, J_LIM_F_MIN, "LimFreqMin") ROW(37, J_LIM_PWR, "LimPwr") \
	ROW(38, J_LIM_PWR_PP, "LimPwrPP") ROW(39, J_LIM_PWR_PM, "LimPwrPM") \
	ROW(40, J_LIM_PWR_QP, "LimPwrQP") ROW(41, J_LIM_PWR_QM, "LimPwrQM") \
	ROW(42, J_REVERSE, "Reverce") \
	ROW(101, J_MAGNET, "Magnet") ROW(102, J_COMM, "Comm") ROW(103, J_SELF_DIAG, "SelfDiag") \
	ROW(199, J_OTHER, "Other")
enum journal {
#define ROW(code, id, name) id = code,
	JOURNALS(ROW)
#undef ROW
};
enum { JOURNAL_COUNT = 46 };
extern const uint16_t journal_codes[JOURNAL_COUNT];	/* all codes, ascending */
const char *journal_name(unsigned code);		/* "Pwr"; NULL when unknown */
unsigned journal_by_name(const char *);			/* with or without "ElJrnl"/"jrnl"; 0 */
/* One bit per journal for masks: index in journal_codes; 64-bit masks hold all. */
uint64_t journal_bit(unsigned code);			/* 0 when unknown */

/* Meter types of the maker (smart-json.md 7.5) and RTU-327 codes (rtu-327.md 7).
 * ROW(id, name, class, rtu327 code, default read password, default write password) */
#define METER_TYPES(ROW) \
	ROW(1,   "Mercury200",   ELECTRIC, 17,  "", "") \
	ROW(2,   "SEB2a",        ELECTRIC, 100, "", "") \
	ROW(3,   "Mercury23x",   ELECTRIC, 15,  "010101010101", "020202020202") \
	ROW(4,   "SETxTM",       ELECTRIC, 7,   "303030303030", "303030303030") \
	ROW(5,   "SE303",        ELECTRIC, 13,  "373737373737", "373737373737") \
	ROW(6,   "SE301",        ELECTRIC, 100, "373737373737", "373737373737") \
	ROW(8,   "SE102",        ELECTRIC, 100, "", "") \
	ROW(9,   "UMTV10",       PULSE,    100, "", "") \
	ROW(10,  "PSCHxTM",      ELECTRIC, 6,   "303030303030", "303030303030") \
	ROW(11,  "SE102M",       ELECTRIC, 100, "373737373737", "373737373737") \
	ROW(17,  "PSCH3TA",      ELECTRIC, 100, "", "") \
	ROW(22,  "SOE55_217",    ELECTRIC, 100, "", "") \
	ROW(23,  "STE561",       ELECTRIC, 100, "", "") \
	ROW(24,  "SOE55_215",    ELECTRIC, 100, "", "") \
	ROW(25,  "A1140",        ELECTRIC, 11,  "", "") \
	ROW(26,  "NEVA1xx",      ELECTRIC, 100, "", "") \
	ROW(27,  "NEVA3xx",      ELECTRIC, 100, "", "") \
	ROW(28,  "MILUR10x",     ELECTRIC, 100, "", "") \
	ROW(29,  "MILUR30x",     ELECTRIC, 100, "", "") \
	ROW(30,  "SOE55_415",    ELECTRIC, 100, "", "") \
	ROW(31,  "Mercury203",   ELECTRIC, 100, "", "") \
	ROW(32,  "Mercury206",   ELECTRIC, 100, "", "") \
	ROW(33,  "TOPAZ",        ELECTRIC, 100, "", "") \
	ROW(34,  "CASCAD",       ELECTRIC, 100, "", "") \
	ROW(35,  "INTEGRA10x",   ELECTRIC, 100, "", "") \
	ROW(36,  "SPODES",       ELECTRIC, 100, "", "") \
	ROW(91,  "Mercury225.2", HUB,      100, "", "") \
	ROW(92,  "FX868",        HUB,      100, "", "") \
	ROW(93,  "Pulsar",       PULSE,    100, "", "") \
	ROW(94,  "MILUR IC",     HUB,      100, "", "") \
	ROW(192, "ST410",        DIGITAL,  100, "", "")
enum meter_class { CLASS_ELECTRIC, CLASS_PULSE, CLASS_DIGITAL, CLASS_HUB, CLASS_GENERIC };
struct meter_type {
	uint16_t id;
	const char *name;
	enum meter_class class;
	uint8_t rtu327_code;
	const char *password_read, *password_write;	/* factory, as in the meter table */
};
extern const struct meter_type meter_types[];		/* ends with id 0 */
const struct meter_type *meter_type_by_id(unsigned id);	/* NULL when unknown */
/* Case and spaces do not matter; aliases M23x, MILURIC, SPODES*; a number is an id. */
const struct meter_type *meter_type_by_name(const char *);

#endif
