#include "smart-json/http_head.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

size_t
http_head_length(const char *data, size_t len)
{
	const char *p = data, *end = data + len;

	/* Empty lines in front of a request are no end of it. */
	while (p < end && (*p == '\r' || *p == '\n'))
		p++;
	while (p < end && (p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		if (p < end && *p == '\n')
			return (size_t)(p - data) + 1;
		if (end - p >= 2 && p[0] == '\r' && p[1] == '\n')
			return (size_t)(p - data) + 2;
	}
	return 0;
}

static enum http_method
method_by_name(const char *name)
{
	static const struct { const char *name; enum http_method method; } methods[] = {
		{ "GET", HTTP_GET }, { "POST", HTTP_POST }, { "PUT", HTTP_PUT },
		{ "DELETE", HTTP_DELETE }, { "HEAD", HTTP_HEAD }, { "OPTIONS", HTTP_OPTIONS },
	};

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (strcmp(name, methods[i].name) == 0)
			return methods[i].method;
	return HTTP_OTHER;
}

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	    c >= 'a' && c <= 'f'    ? c - 'a' + 10 :
	    c >= 'A' && c <= 'F'    ? c - 'A' + 10 :
				      -1;
}

/* Percent-decodes in place, once; false on a broken or forbidden escape. */
static bool
decode(char *s, bool plus_is_blank)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		char c = *s;

		if (c == '%') {
			int high = hex(s[1]), low = high < 0 ? -1 : hex(s[2]);

			if (low < 0 || high * 16 + low == 0)
				return false;
			c = (char)(high * 16 + low);
			s += 2;
		} else if (c == '+' && plus_is_blank) {
			c = ' ';
		}
		*to++ = c;
	}
	*to = '\0';
	return true;
}

static int
parse_path(struct http_head *head, char *path)
{
	char *from, *to;

	if (!decode(path, false))
		return 400;
	for (from = to = path; *from != '\0'; from++) {
		if (*from == '\\' || (unsigned char)*from < 0x20)
			return 404;
		if (*from == '/' && to > path && to[-1] == '/')
			continue;
		*to++ = *from;
	}
	if (to > path + 1 && to[-1] == '/')
		to--;
	*to = '\0';
	for (from = path; (from = strstr(from, "/..")) != NULL; from += 3)
		if (from[3] == '\0' || from[3] == '/')
			return 404;
	head->path = path;
	return 0;
}

static int
parse_query(struct http_head *head, char *query)
{
	char *next, *value;

	for (; query != NULL; query = next) {
		if ((next = strchr(query, '&')) != NULL)
			*next++ = '\0';
		if (*query == '\0')
			continue;
		if (head->n_args == HTTP_ARGS)
			return 400;
		if ((value = strchr(query, '=')) != NULL)
			*value++ = '\0';
		else
			value = query + strlen(query);
		if (!decode(query, true) || !decode(value, true))
			return 400;
		head->args[head->n_args++] = (struct http_pair){ query, value };
	}
	return 0;
}

static int
parse_request_line(struct http_head *head, char *line)
{
	char *target = strchr(line, ' '), *version, *query;
	int status;

	if (strlen(line) > HTTP_LINE_MAX)
		return 414;
	if (target == NULL || (version = strchr(target + 1, ' ')) == NULL)
		return 400;
	*target++ = '\0';
	*version++ = '\0';
	head->method = method_by_name(line);
	if (strncmp(version, "HTTP/", 5) != 0)
		return 400;
	if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
		return 505;
	head->minor = version[7] - '0';
	if (strncasecmp(target, "http://", 7) == 0) { /* as proxies get it */
		if ((target = strchr(target + 7, '/')) == NULL)
			return 400;
	}
	if (*target != '/')
		return 400;
	if ((query = strchr(target, '?')) != NULL)
		*query++ = '\0';
	status = parse_path(head, target);
	return status != 0 ? status : parse_query(head, query);
}

static bool
is_token(const char *s)
{
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && strchr("!#$%&'*+-.^_`|~", *s) == NULL)
			return false;
	return true;
}

static int
parse_field(struct http_head *head, char *line)
{
	char *colon = strchr(line, ':'), *value, *end;

	if (colon == NULL)
		return 400;
	*colon = '\0';
	if (!is_token(line)) /* also a blank in front: folded lines */
		return 400;
	for (value = colon + 1; *value == ' ' || *value == '\t'; value++)
		;
	for (end = value + strlen(value); end > value && (end[-1] == ' ' || end[-1] == '\t'); end--)
		end[-1] = '\0';
	for (const char *p = value; *p != '\0'; p++)
		if (((unsigned char)*p < 0x20 && *p != '\t') || *p == 0x7f)
			return 400;
	if (head->n_fields == HTTP_FIELDS)
		return 431;
	head->fields[head->n_fields++] = (struct http_pair){ line, value };
	return 0;
}

/* True when the comma-separated list of a field holds the word. */
static bool
field_has(const struct http_head *head, const char *name, const char *word)
{
	const char *p = http_head_field(head, name);
	size_t n = strlen(word);

	for (; p != NULL && *p != '\0'; p += strcspn(p, ",")) {
		p += strspn(p, " \t,");
		if (strncasecmp(p, word, n) == 0 && strchr(", \t", p[n]) != NULL)
			return true;
	}
	return false;
}

static bool
parse_length(const char *text, uint64_t *length)
{
	*length = 0;
	if (*text == '\0' || strlen(text) > 18)
		return false;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return false;
		*length = *length * 10 + (unsigned)(*text - '0');
	}
	return true;
}

static int
parse_body_fields(struct http_head *head)
{
	const char *coding = http_head_field(head, "Transfer-Encoding");
	const char *length = http_head_field(head, "Content-Length");
	unsigned n = 0;

	for (size_t i = 0; i < head->n_fields; i++)
		n += strcasecmp(head->fields[i].name, "Content-Length") == 0 ||
		    strcasecmp(head->fields[i].name, "Transfer-Encoding") == 0;
	if (n > 1) /* two lengths: two readers would see two bodies */
		return 400;
	if (coding != NULL) {
		if (strcasecmp(coding, "chunked") != 0)
			return 501;
		head->chunked = head->has_body = true;
	} else if (length != NULL) {
		if (!parse_length(length, &head->length))
			return 400;
		head->has_body = head->length > 0;
	}
	head->expects_continue = head->minor == 1 && field_has(head, "Expect", "100-continue");
	return 0;
}

int
http_head_parse(struct http_head *head, char *text, size_t len)
{
	char *end = text + len, *next;
	bool first = true;
	int status = 0;

	memset(head, 0, sizeof(*head));
	head->method = HTTP_OTHER;
	head->minor = 1;
	if (memchr(text, '\0', len) != NULL)
		return 400;
	for (; text < end && status == 0; text = next) {
		if ((next = memchr(text, '\n', (size_t)(end - text))) == NULL)
			return 400;
		*next++ = '\0';
		if (next - text >= 2 && next[-2] == '\r')
			next[-2] = '\0';
		if (*text == '\0')
			continue;
		status = first ? parse_request_line(head, text) : parse_field(head, text);
		first = false;
	}
	if (status != 0)
		return status;
	if (first || (head->minor == 1 && http_head_field(head, "Host") == NULL))
		return 400;
	head->keep_alive = head->minor == 1 ? !field_has(head, "Connection", "close") :
					      field_has(head, "Connection", "keep-alive");
	return parse_body_fields(head);
}

const char *
http_head_field(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->n_fields; i++)
		if (strcasecmp(head->fields[i].name, name) == 0)
			return head->fields[i].value;
	return NULL;
}

const char *
http_head_arg(const struct http_head *head, const char *name)
{
	for (size_t i = 0; i < head->n_args; i++)
		if (strcmp(head->args[i].name, name) == 0)
			return head->args[i].value;
	return NULL;
}

enum chunk_state { CHUNK_SIZE, CHUNK_REST, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER, CHUNK_DONE };
enum { CHUNK_LINE_MAX = 4096 };	/* of extensions and trailers, which mean nothing here */

/* One byte outside of data: -1 broken. */
static int
chunk_byte(struct http_chunks *c, char byte)
{
	int digit = hex(byte);

	switch ((enum chunk_state)c->state) {
	case CHUNK_SIZE:
		if (digit >= 0 && c->digits < 12) {
			c->left = c->left * 16 + (unsigned)digit;
			c->digits++;
			return 0;
		}
		if (digit >= 0 || c->digits == 0)
			return -1;
		c->state = CHUNK_REST;
		c->line = 0;
		/* fall through */
	case CHUNK_REST:
		if (byte == '\n') {
			c->state = c->left > 0 ? CHUNK_DATA : CHUNK_TRAILER;
			c->line = 0;
			return 0;
		}
		return ++c->line > CHUNK_LINE_MAX ? -1 : 0;
	case CHUNK_END:
		if (byte == '\r')
			return 0;
		c->state = CHUNK_SIZE;
		c->digits = 0;
		return byte == '\n' ? 0 : -1;
	case CHUNK_TRAILER:
		if (byte == '\n' && c->line == 0)
			c->state = CHUNK_DONE;
		else if (byte == '\n')
			c->line = 0;
		else if (byte != '\r')
			c->line++;
		return ++c->digits > CHUNK_LINE_MAX ? -1 : 0;
	case CHUNK_DATA:
	case CHUNK_DONE:
		break;
	}
	return -1;
}

int
http_chunks_feed(struct http_chunks *c, const char *in, size_t n, size_t *used, size_t *data_len)
{
	*used = *data_len = 0;
	while (*used < n && c->state != CHUNK_DATA && c->state != CHUNK_DONE)
		if (chunk_byte(c, in[(*used)++]) < 0)
			return -1;
	if (c->state == CHUNK_DATA && *used < n) {
		*data_len = n - *used < c->left ? n - *used : (size_t)c->left;
		*used += *data_len;
		c->left -= *data_len;
		if (c->left == 0)
			c->state = CHUNK_END;
	}
	return c->state == CHUNK_DONE ? 1 : 0;
}
