#include "smart-json/view.h"

#include <string.h>

const struct view *const view_lists[] = { views_40, views_31, views_iec, NULL };

const struct view *
view_find(const char *path, unsigned dialect)
{
	path += *path == '/';
	for (size_t i = 0; view_lists[i] != NULL; i++)
		for (const struct view *v = view_lists[i]; v->path != NULL; v++)
			if ((v->dialects & dialect) != 0 && strcmp(v->path, path) == 0)
				return v;
	return NULL;
}
