#include "src/model/tables.h"

#include <stddef.h>
#include <string.h>

static const struct { const char *name, *factory; } tables[TABLE_COUNT] = {
#define ROW(id, name, factory) [id] = { name, factory },
	TABLES(ROW)
#undef ROW
};

const char *
table_name(enum table table)
{
	return (unsigned)table < TABLE_COUNT ? tables[table].name : NULL;
}

const char *
table_factory(enum table table)
{
	return (unsigned)table < TABLE_COUNT ? tables[table].factory : NULL;
}

enum table
table_by_name(const char *name)
{
	unsigned i = 0;

	while (i < TABLE_COUNT && strcmp(tables[i].name, name) != 0)
		i++;
	return (enum table)i;
}
