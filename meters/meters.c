#include "meters/meters.h"

#include <string.h>

const struct meter_family *const meter_families[] = {
#define ROW(name) &name##_family,
	METER_FAMILIES(ROW)
#undef ROW
	NULL
};

const struct meter_family *
meter_family_of(unsigned type)
{
	for (const struct meter_family *const *f = meter_families; *f != NULL; f++)
		for (const uint16_t *t = (*f)->types; *t != 0; t++)
			if (*t == type)
				return *f;
	return NULL;
}

const struct meter_family *
meter_family_by_name(const char *name)
{
	for (const struct meter_family *const *f = meter_families; *f != NULL; f++)
		if (strcmp((*f)->name, name) == 0)
			return *f;
	return NULL;
}
