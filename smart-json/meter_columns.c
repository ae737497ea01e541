#include "smart-json/meter_columns.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/line.h"
#include "src/base/text.h"
#include "src/model/model.h"

enum { PASSWORD_SIZE = sizeof(((struct meter_row *)NULL)->password_read) };

enum column_kind { NUMBER, TEXT, SHOWN, HIDDEN };
static const struct column { const char *name, *russian; enum column_kind kind; } columns[COL_COUNT] = {
#define ROW(id, name, russian, kind) [id] = { name, russian, kind },
	METER_COLUMNS(ROW)
#undef ROW
};

const char *
meter_column_name(enum meter_column column)
{
	return columns[column].name;
}

const char *
meter_column_russian(enum meter_column column)
{
	return columns[column].russian;
}

bool
meter_column_is_number(enum meter_column column)
{
	return columns[column].kind == NUMBER;
}

enum meter_column
meter_column_by_name(const char *name)
{
	char wanted[COL_TEXT_SIZE], own[COL_TEXT_SIZE];

	utf8_fold(wanted, sizeof(wanted), name);
	for (int i = 0; i < COL_COUNT; i++) {
		if (strcmp(wanted, columns[i].name) == 0)
			return (enum meter_column)i;
		utf8_fold(own, sizeof(own), columns[i].russian);
		if (*own != '\0' && strcmp(wanted, own) == 0)
			return (enum meter_column)i;
	}
	return COL_COUNT;
}

static int
parse_number(const char *text, long long least, long long most, long long *value, char *why,
    size_t size)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	if (isspace((unsigned char)*text) || end == text || *end != '\0')
		snprintf(why, size, "\"%.32s\" is not a whole number", text);
	else if (errno != 0 || *value < least || *value > most)
		snprintf(why, size, "%.32s is outside of %lld..%lld", text, least, most);
	else
		return E_OK;
	return E_INVALID;
}

static int
set_id(uint32_t *field, const char *text, long long least, char *why, size_t size)
{
	long long value;
	int rc = parse_number(text, least, INT32_MAX, &value, why, size);

	if (rc == E_OK)
		*field = (uint32_t)value;
	return rc;
}

static int
set_rtu(int32_t *field, const char *text, char *why, size_t size)
{
	long long value = 0;
	int rc = *text == '\0' ? E_OK : parse_number(text, INT32_MIN, INT32_MAX, &value, why, size);

	if (rc == E_OK)
		*field = (int32_t)value;
	return rc;
}

static int
set_text(char *field, size_t field_size, const char *text, char *why, size_t size)
{
	size_t len = strlen(text);

	if (len >= field_size) {
		snprintf(why, size, "longer than %zu bytes", field_size - 1);
		return E_INVALID;
	}
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
			snprintf(why, size, "control characters are not allowed");
			return E_INVALID;
		}
	}
	memset(field, 0, field_size);
	memcpy(field, text, len);
	return E_OK;
}

static int
set_password(char field[static PASSWORD_SIZE], const char *text, char *why, size_t size)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (!isxdigit((unsigned char)*p)) {
			snprintf(why, size, "a password is written as the hex digits of its bytes");
			return E_INVALID;
		}
	}
	if (strlen(text) % 2 != 0) {
		snprintf(why, size, "odd number of hex digits");
		return E_INVALID;
	}
	return set_text(field, PASSWORD_SIZE, text, why, size);
}

static int
set_cfg(struct meter_row *row, const char *text, char *why, size_t size)
{
	struct line_settings settings;

	if (*text != '\0' && line_settings_parse(&settings, text) < 0) {
		snprintf(why, size, "\"%.24s\" is not like 9600,8n1", text);
		return E_INVALID;
	}
	return set_text(row->line, sizeof(row->line), text, why, size);
}

static int
set_type(struct meter_row *row, const char *text, char *why, size_t size)
{
	const struct meter_type *type = meter_type_by_name(text);

	if (*text == '\0' || type == NULL) {
		snprintf(why, size,
		    *text == '\0' ? "the type is missing" : "unknown type of meter \"%.32s\"", text);
		return E_INVALID;
	}
	row->type = type->id;
	return E_OK;
}

static int
set_iface(struct meter_row *row, const char *text, char *why, size_t size)
{
	enum meter_iface iface = *text >= '1' && *text <= '4' && text[1] == '\0' ?
	    (enum meter_iface)(*text - '0') :
	    meter_iface_by_name(text);

	if (iface == IFACE_NONE) {
		snprintf(why, size, "\"%.24s\" is none of Iface1..Iface4, Ethernet, Hub", text);
		return E_INVALID;
	}
	row->iface = iface;
	return E_OK;
}

static int
set_address(struct meter_row *row, const char *text, char *why, size_t size)
{
	if (*text == '\0') {
		snprintf(why, size, "the address is missing");
		return E_INVALID;
	}
	return set_text(row->address, sizeof(row->address), text, why, size);
}

int
meter_column_set(struct meter_row *row, enum meter_column column, const char *text, char *why,
    size_t size)
{
	switch (column) {
	case COL_ID:         return set_id(&row->id, text, 1, why, size);
	case COL_PARENT:     return set_id(&row->parent, *text == '\0' ? "0" : text, 0, why, size);
	case COL_TYPE:       return set_type(row, text, why, size);
	case COL_ADDR:       return set_address(row, text, why, size);
	case COL_IFACE:      return set_iface(row, text, why, size);
	case COL_CFG:        return set_cfg(row, text, why, size);
	case COL_PASS_RD:    return set_password(row->password_read, text, why, size);
	case COL_PASS_WR:    return set_password(row->password_write, text, why, size);
	case COL_RTU_TYPE:   return set_rtu(&row->rtu_object_type, text, why, size);
	case COL_RTU_NUM:    return set_rtu(&row->rtu_object, text, why, size);
	case COL_RTU_FEEDER: return set_rtu(&row->rtu_feeder, text, why, size);
	case COL_GROUP:      return set_text(row->group, sizeof(row->group), text, why, size);
	case COL_NOTE:       return set_text(row->note, sizeof(row->note), text, why, size);
	case COL_RTU_SERIAL: return set_text(row->rtu_serial, sizeof(row->rtu_serial), text, why, size);
	case COL_SERIAL:
	case COL_COUNT:
		break;
	}
	return E_OK; /* what is only shown is ignored */
}

const char *
meter_column_print(const struct meter_row *row, enum meter_column column,
    char buf[static COL_TEXT_SIZE])
{
	const struct meter_type *type;

	switch (column) {
	case COL_ID:         snprintf(buf, COL_TEXT_SIZE, "%u", (unsigned)row->id); return buf;
	case COL_PARENT:     snprintf(buf, COL_TEXT_SIZE, "%u", (unsigned)row->parent); return buf;
	case COL_RTU_TYPE:   snprintf(buf, COL_TEXT_SIZE, "%d", (int)row->rtu_object_type); return buf;
	case COL_RTU_NUM:    snprintf(buf, COL_TEXT_SIZE, "%d", (int)row->rtu_object); return buf;
	case COL_RTU_FEEDER: snprintf(buf, COL_TEXT_SIZE, "%d", (int)row->rtu_feeder); return buf;
	case COL_TYPE:
		if ((type = meter_type_by_id(row->type)) != NULL)
			return type->name;
		snprintf(buf, COL_TEXT_SIZE, "%u", row->type);
		return buf;
	case COL_ADDR:       return row->address;
	case COL_IFACE:      return meter_iface_name(row->iface);
	case COL_CFG:        return row->line;
	case COL_PASS_RD:    return row->password_read;
	case COL_PASS_WR:    return row->password_write;
	case COL_GROUP:      return row->group;
	case COL_NOTE:       return row->note;
	case COL_RTU_SERIAL: return row->rtu_serial;
	case COL_SERIAL:
	case COL_COUNT:
		break;
	}
	return "";
}

void
meter_column_copy(struct meter_row *to, const struct meter_row *from, enum meter_column column)
{
	switch (column) {
	case COL_ID:         to->id = from->id; break;
	case COL_PARENT:     to->parent = from->parent; break;
	case COL_TYPE:       to->type = from->type; break;
	case COL_ADDR:       memcpy(to->address, from->address, sizeof(to->address)); break;
	case COL_IFACE:      to->iface = from->iface; break;
	case COL_CFG:        memcpy(to->line, from->line, sizeof(to->line)); break;
	case COL_PASS_RD:
		memcpy(to->password_read, from->password_read, sizeof(to->password_read));
		break;
	case COL_PASS_WR:
		memcpy(to->password_write, from->password_write, sizeof(to->password_write));
		break;
	case COL_RTU_TYPE:   to->rtu_object_type = from->rtu_object_type; break;
	case COL_RTU_NUM:    to->rtu_object = from->rtu_object; break;
	case COL_RTU_FEEDER: to->rtu_feeder = from->rtu_feeder; break;
	case COL_GROUP:      memcpy(to->group, from->group, sizeof(to->group)); break;
	case COL_NOTE:       memcpy(to->note, from->note, sizeof(to->note)); break;
	case COL_RTU_SERIAL: memcpy(to->rtu_serial, from->rtu_serial, sizeof(to->rtu_serial)); break;
	case COL_SERIAL:
	case COL_COUNT:
		break;
	}
}
