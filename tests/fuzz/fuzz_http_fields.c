/* Any text as a field that is a list: cookies, codings, languages, hosts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/http_fields.h"
#include "smart-json/http_guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const char *at = text, *before = text, *digits;

	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	while ((digits = http_cookie_ticket(&at)) != NULL) {
		if (strspn(digits, "0123456789") < TICKET_DIGITS || at <= before || digits < text)
			abort();
		before = at;
	}
	if (http_coding_taken(text, "gzip") && strlen(text) == 0)
		abort();
	(void)http_english_preferred(text);
	(void)http_host_valid(text);
	(void)http_origin_allowed(text, text);
	free(text);
	return 0;
}
