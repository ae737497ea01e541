#include "smart-json/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/smart.h"

static const struct { int status, res; const char *russian, *english; } faults[FAULT_COUNT] = {
#define ROW(id, status, res, russian, english) [id] = { status, res, russian, english },
	FAULTS(ROW)
#undef ROW
};

/* Cuts a text between letters. */
static void
cut(char *text)
{
	size_t n = strlen(text);

	while (n > 0 && !utf8_valid(text, n))
		n--;
	text[n] = '\0';
}

int
fault_set(struct fault *fault, enum fault_kind kind, const char *member, int item, const char *detail)
{
	if (fault->kind != FAULT_NONE)
		return E_INVALID;
	fault->kind = kind;
	if (item >= 0)
		snprintf(fault->where, sizeof(fault->where), "/%s/%d", member, item);
	else
		snprintf(fault->where, sizeof(fault->where), "%s%s", *member != '\0' ? "/" : "",
		    member);
	snprintf(fault->detail, sizeof(fault->detail), "%s", detail);
	cut(fault->detail);
	return E_INVALID;
}

int
fault_value(struct fault *fault, enum fault_kind kind, const char *member, const json_t *value)
{
	char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

	fault_set(fault, kind, member, -1, text != NULL ? text : member);
	free(text);
	return E_INVALID;
}

void
fault_answer(struct http_call *call, const struct fault *fault, const char *base)
{
	enum fault_kind kind = fault->kind != FAULT_NONE ? fault->kind : FAULT_MEMORY;
	char where[192];

	snprintf(where, sizeof(where), "%s%s", base, fault->where);
	http_fail_res(call, faults[kind].status, faults[kind].res, where, "%s%s%s",
	    call->english ? faults[kind].english : faults[kind].russian,
	    *fault->detail != '\0' ? ": " : "", fault->detail);
}
