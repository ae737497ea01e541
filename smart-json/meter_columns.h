/* The columns of the meter table as people write them, in files, requests and on the command line
 * (web-ui.md 6): one list of names, and how each is read and printed.  Pure. */
#ifndef USPD_SMART_JSON_METER_COLUMNS_H
#define USPD_SMART_JSON_METER_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/err.h"
#include "src/model/meter.h"

/* ROW(enumerator, name, Russian name, kind); kinds: NUMBER, TEXT; SHOWN is given out, never taken;
 * HIDDEN is known to requests only, not to files. */
#define METER_COLUMNS(ROW) \
	ROW(COL_ID,         "id",         "ID",                   NUMBER) \
	ROW(COL_PARENT,     "parent",     "Родитель",             NUMBER) \
	ROW(COL_TYPE,       "type",       "Тип",                  TEXT) \
	ROW(COL_ADDR,       "addr",       "Адрес",                TEXT) \
	ROW(COL_IFACE,      "iface",      "Интерфейс",            TEXT) \
	ROW(COL_CFG,        "cfg",        "Настройки интерфейса", TEXT) \
	ROW(COL_PASS_RD,    "pass_rd",    "Пароль 1",             TEXT) \
	ROW(COL_PASS_WR,    "pass_wr",    "Пароль 2",             TEXT) \
	ROW(COL_RTU_TYPE,   "rtu_type",   "Тип объекта RTU",      NUMBER) \
	ROW(COL_RTU_NUM,    "rtu_num",    "Номер объекта RTU",    NUMBER) \
	ROW(COL_RTU_FEEDER, "rtu_feeder", "Номер фидера RTU",     NUMBER) \
	ROW(COL_SERIAL,     "serial",     "Серийный номер",       SHOWN) \
	ROW(COL_GROUP,      "group",      "Группа",               TEXT) \
	ROW(COL_NOTE,       "note",       "Примечание",           TEXT) \
	ROW(COL_RTU_SERIAL, "rtu_serial", "",                     HIDDEN)

enum meter_column {
#define ROW(id, name, russian, kind) id,
	METER_COLUMNS(ROW)
#undef ROW
	COL_COUNT
};
#define COL_BIT(column) (1u << (column))
enum { COL_FILE_COUNT = COL_RTU_SERIAL, COL_TEXT_SIZE = 128 };
enum { COL_PASSWORDS = COL_BIT(COL_PASS_RD) | COL_BIT(COL_PASS_WR) };

const char *meter_column_name(enum meter_column);
const char *meter_column_russian(enum meter_column);
bool meter_column_is_number(enum meter_column);
/* English or Russian, any case; COL_COUNT when unknown. */
enum meter_column meter_column_by_name(const char *);

/* Sets one column of a row from text, checked as far as a column alone can be.  E_INVALID: `why`
 * says what is wrong; the row is unchanged. */
int meter_column_set(struct meter_row *, enum meter_column, const char *text, char *why,
    size_t why_size)
    USPD_MUST_CHECK;
/* The column as text; COL_SERIAL is not in the row and gives "". */
const char *meter_column_print(const struct meter_row *, enum meter_column,
    char buf[static COL_TEXT_SIZE]);
void meter_column_copy(struct meter_row *to, const struct meter_row *from, enum meter_column);

#endif
