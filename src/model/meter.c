#include "src/model/meter.h"

#include <ctype.h>
#include <string.h>

static const char *const iface_names[] = {
	"", "Iface1", "Iface2", "Iface3", "Iface4", "Ethernet", "Hub"
};
enum { IFACES = sizeof(iface_names) / sizeof(iface_names[0]) };

const char *
meter_iface_name(enum meter_iface iface)
{
	return (unsigned)iface < IFACES ? iface_names[iface] : "";
}

static bool
equal_folded(const char *a, const char *b)
{
	for (;; a++, b++) {
		while (isspace((unsigned char)*a))
			a++;
		if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
			return false;
		if (*a == '\0')
			return true;
	}
}

enum meter_iface
meter_iface_by_name(const char *name)
{
	for (int i = 1; i < IFACES; i++)
		if (equal_folded(name, iface_names[i]))
			return (enum meter_iface)i;
	return IFACE_NONE;
}

const struct meter_row *
meter_table_find(const struct meter_table *table, uint32_t id)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->rows[middle].id == id)
			return &table->rows[middle];
		if (table->rows[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct meter_row *
meter_table_find_dev(const struct meter_table *table, uint16_t dev)
{
	for (size_t i = 0; i < table->n; i++)
		if (table->rows[i].dev == dev)
			return &table->rows[i];
	return NULL;
}
