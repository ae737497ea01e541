#include "src/base/text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
reserve(struct text *t, size_t more)
{
	size_t size = t->size != 0 ? t->size : 256;
	char *p;

	if (t->failed || more > SIZE_MAX / 4 || t->len > SIZE_MAX / 4) {
		t->failed = true;
		return false;
	}
	while (size < t->len + more + 1)
		size *= 2;
	if (size == t->size)
		return true;
	if ((p = realloc(t->p, size)) == NULL) {
		t->failed = true;
		return false;
	}
	t->p = p;
	t->size = size;
	return true;
}

void
text_add(struct text *t, const void *data, size_t n)
{
	if (n == 0 || !reserve(t, n))
		return;
	memcpy(t->p + t->len, data, n);
	t->len += n;
	t->p[t->len] = '\0';
}

void
text_str(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void
text_printf(struct text *t, const char *fmt, ...)
{
	char small[256];
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n < 0) {
		t->failed = true;
	} else if ((size_t)n < sizeof(small)) {
		text_add(t, small, (size_t)n);
	} else if (reserve(t, (size_t)n)) {
		vsnprintf(t->p + t->len, (size_t)n + 1, fmt, again);
		t->len += (size_t)n;
	}
	va_end(again);
}

void
text_milli(struct text *t, int64_t thousandths)
{
	uint64_t u = thousandths < 0 ? 0 - (uint64_t)thousandths : (uint64_t)thousandths;
	unsigned rest = (unsigned)(u % 1000);
	int digits = 3;

	text_printf(t, "%s%" PRIu64, thousandths < 0 ? "-" : "", u / 1000);
	if (rest == 0)
		return;
	for (; rest % 10 == 0; rest /= 10)
		digits--;
	text_printf(t, ".%0*u", digits, rest);
}

void
text_clear(struct text *t)
{
	t->len = 0;
	t->failed = false;
}

void
text_free(struct text *t)
{
	free(t->p);
	memset(t, 0, sizeof(*t));
}

/* Length of the well-formed sequence at s, 0 when there is none. */
static size_t
sequence(const unsigned char *s, size_t left)
{
	size_t n = *s < 0x80	    ? 1 :
	    *s >= 0xc2 && *s < 0xe0 ? 2 :
	    *s >= 0xe0 && *s < 0xf0 ? 3 :
	    *s >= 0xf0 && *s < 0xf5 ? 4 :
				      0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
		return 0;
	return n;
}

void
text_json(struct text *t, const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n;

	if (s == NULL) {
		text_str(t, "null");
		return;
	}
	text_str(t, "\"");
	for (size_t left = strlen(s); left > 0; p += n, left -= n) {
		if ((n = sequence(p, left)) == 0) {
			n = 1;
			text_str(t, "\\ufffd");
		} else if (*p == '"' || *p == '\\') {
			text_printf(t, "\\%c", *p);
		} else if (*p < 0x20 || *p == 0x7f) {
			text_printf(t, "\\u%04x", *p);
		} else {
			text_add(t, p, n);
		}
	}
	text_str(t, "\"");
}

bool
utf8_valid(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n;

	for (; len > 0; p += n, len -= n)
		if ((n = sequence(p, len)) == 0)
			return false;
	return true;
}

void
utf8_fold(char *to, size_t size, const char *from)
{
	const unsigned char *p = (const unsigned char *)from;
	size_t left = strlen(from), at = 0, n;

	for (; left > 0; p += n, left -= n) {
		unsigned char c[4];

		if ((n = sequence(p, left)) == 0)
			n = 1;
		memcpy(c, p, n);
		if (n == 1 && *p >= 'A' && *p <= 'Z') {
			c[0] = (unsigned char)(*p + 32);
		} else if (n == 2 && p[0] == 0xd0 && p[1] >= 0x90 && p[1] < 0xb0) {
			/* U+0410..U+042F become U+0430..U+044F, which straddle two lead bytes. */
			c[0] = p[1] < 0xa0 ? 0xd0 : 0xd1;
			c[1] = (unsigned char)(p[1] < 0xa0 ? p[1] + 0x20 : p[1] - 0x20);
		} else if (n == 2 && p[0] == 0xd0 && p[1] == 0x81) {
			c[0] = 0xd1; /* the letter yo */
			c[1] = 0x91;
		}
		if (at + n >= size)
			break;
		memcpy(to + at, c, n);
		at += n;
	}
	to[at] = '\0';
}

bool
utf8_contains(const char *hay, const char *needle)
{
	char folded[256];

	utf8_fold(folded, sizeof(folded), hay);
	return strstr(folded, needle) != NULL;
}
