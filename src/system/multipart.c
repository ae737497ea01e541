#include "src/system/multipart.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* ---- heads ---- */

/* Copies the parameter `name` of a header's value, quoted or not.  false: absent or too long. */
static bool
parameter(const char *value, const char *name, char *to, size_t size)
{
	size_t len = strlen(name), n = 0;

	for (const char *p = strchr(value, ';'); p != NULL; p = strchr(p, ';')) {
		bool quoted;

		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, name, len) != 0 || p[len] != '=')
			continue;
		p += len + 1;
		quoted = *p == '"';
		for (p += quoted; *p != '\0' && *p != (quoted ? '"' : ';'); p++) {
			if (quoted && *p == '\\' && p[1] != '\0')
				p++;
			if (n + 1 >= size)
				return false;
			to[n++] = *p;
		}
		while (!quoted && n > 0 && isspace((unsigned char)to[n - 1]))
			n--;
		to[n] = '\0';
		return true;
	}
	return false;
}

int
multipart_start(struct multipart *m, const char *content_type, const char *wanted)
{
	static const char type[] = "multipart/form-data";
	char boundary[MULTIPART_BOUNDARY + 1];

	*m = (struct multipart){ .wanted = wanted };
	if (content_type == NULL || strncasecmp(content_type, type, sizeof(type) - 1) != 0)
		return E_UNSUPPORTED;
	if (!parameter(content_type, "boundary", boundary, sizeof(boundary)) || boundary[0] == '\0')
		return E_INVALID;
	m->mark_len = (size_t)snprintf(m->mark, sizeof(m->mark), "\r\n--%s", boundary);
	m->matched = 2; /* the first mark needs no line before it */
	return E_OK;
}

/* The head of a part is whole: is it the one? */
static void
look_at_head(struct multipart *m)
{
	static const char field[] = "Content-Disposition:";
	char name[128];

	m->head[m->head_len] = '\0';
	m->is_wanted = false;
	for (char *line = m->head; line != NULL && *line != '\0';) {
		char *end = strstr(line, "\r\n");

		if (end != NULL)
			*end = '\0';
		if (strncasecmp(line, field, sizeof(field) - 1) == 0 &&
		    parameter(line, "name", name, sizeof(name)))
			m->is_wanted = strcmp(name, m->wanted) == 0;
		line = end != NULL ? end + 2 : NULL;
	}
	m->is_wanted = m->is_wanted && !m->found;
	if (m->is_wanted)
		m->start = m->at;
	m->state = MULTIPART_CONTENT;
	m->matched = 0;
}

/* ---- bytes ---- */

/* The longest beginning of the mark that ends with c, when `matched` of it stood before.  A mark
 * holds CR only at its start, so what failed can only begin anew. */
static void
match(struct multipart *m, char c)
{
	if (c != m->mark[m->matched])
		m->matched = 0;
	if (c == m->mark[m->matched])
		m->matched++;
}

static void
whole_mark(struct multipart *m)
{
	if (m->state == MULTIPART_CONTENT && m->is_wanted) {
		m->found = true;
		m->end = m->at - m->mark_len;
	}
	m->is_wanted = false;
	m->matched = 0;
	m->head_len = 0;
	m->state = ++m->parts > MULTIPART_PARTS ? MULTIPART_BROKEN : MULTIPART_MARK;
}

/* Behind a mark: "--" ends the body, a line's end begins the head of a part.  Blanks may stand
 * between. */
static void
behind_mark(struct multipart *m, char c)
{
	if (m->head_len == 0 && (c == ' ' || c == '\t'))
		return;
	m->head[m->head_len++] = c;
	if (m->head_len < 2)
		return;
	if (memcmp(m->head, "--", 2) == 0)
		m->state = MULTIPART_END;
	else if (memcmp(m->head, "\r\n", 2) == 0)
		m->state = MULTIPART_HEADS;
	else
		m->state = MULTIPART_BROKEN;
	m->head_len = 0;
}

static void
in_head(struct multipart *m, char c)
{
	if (m->head_len + 1 >= sizeof(m->head)) {
		m->state = MULTIPART_BROKEN;
		return;
	}
	m->head[m->head_len++] = c;
	if ((m->head_len == 2 && memcmp(m->head, "\r\n", 2) == 0) ||
	    (m->head_len >= 4 && memcmp(m->head + m->head_len - 4, "\r\n\r\n", 4) == 0))
		look_at_head(m);
}

void
multipart_feed(struct multipart *m, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = (char)data[i];

		m->at++;
		switch (m->state) {
		case MULTIPART_BEFORE:
		case MULTIPART_CONTENT:
			match(m, c);
			if (m->matched == m->mark_len)
				whole_mark(m);
			break;
		case MULTIPART_MARK:
			behind_mark(m, c);
			break;
		case MULTIPART_HEADS:
			in_head(m, c);
			break;
		case MULTIPART_END:
		case MULTIPART_BROKEN:
			break;
		}
	}
}

int
multipart_finish(const struct multipart *m)
{
	if (m->state != MULTIPART_END)
		return E_FRAME;
	return m->found ? E_OK : E_NOTFOUND;
}
