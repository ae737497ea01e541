#include "src/transit/header.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of a line that begins with `begin` and ends with '\n': where the end is. */
static enum header_verdict
whole_line(const uint8_t *bytes, size_t n, const char *begin, size_t most, size_t *len)
{
	size_t known = strlen(begin);
	const uint8_t *end;

	if (memcmp(bytes, begin, n < known ? n : known) != 0)
		return HEADER_NONE;
	end = memchr(bytes, '\n', n < most ? n : most);
	if (end == NULL)
		return n < most ? HEADER_MORE : HEADER_NONE;
	*len = (size_t)(end - bytes) + 1;
	return HEADER_WHOLE;
}

static bool
read_port(const char *text, unsigned *port)
{
	size_t n = strspn(text, "0123456789");

	if (n == 0 || n > 5 || text[n] != '\0')
		return false;
	*port = (unsigned)strtoul(text, NULL, 10);
	return *port <= 65535;
}

static bool
read_end(struct header_end *end, int family, const char *host, const char *port_text)
{
	uint8_t *to = family == AF_INET6 ? end->address : end->address + 12;
	unsigned port;

	if (inet_pton(family, host, to) != 1 || !read_port(port_text, &port))
		return false;
	if (family == AF_INET)
		end->address[10] = end->address[11] = 0xff;
	end->port = (uint16_t)port;
	snprintf(end->text, sizeof(end->text), family == AF_INET6 ? "[%s]:%u" : "%s:%u", host, port);
	return true;
}

enum header_verdict
header_proxy(const uint8_t *bytes, size_t n, struct header_proxy *proxy, size_t *len)
{
	enum header_verdict verdict = whole_line(bytes, n, "PROXY ", HEADER_PROXY_MOST, len);
	char text[HEADER_PROXY_MOST + 1], *word[6] = { NULL }, *w, *rest = NULL;
	unsigned words = 0;
	int family;

	*proxy = (struct header_proxy){ 0 };
	if (verdict != HEADER_WHOLE)
		return verdict;
	if (bytes[*len - 2] != '\r' || memchr(bytes, '\0', *len) != NULL)
		return HEADER_NONE;
	memcpy(text, bytes, *len - 2);
	text[*len - 2] = '\0';
	for (w = strtok_r(text, " ", &rest); w != NULL && words < 6; w = strtok_r(NULL, " ", &rest))
		word[words++] = w;
	if (words >= 2 && strcmp(word[1], "UNKNOWN") == 0)
		return HEADER_WHOLE;
	if (words != 6 || w != NULL)
		return HEADER_NONE;
	family = strcmp(word[1], "TCP6") == 0 ? AF_INET6 : AF_INET;
	if ((family == AF_INET && strcmp(word[1], "TCP4") != 0) ||
	    !read_end(&proxy->client, family, word[2], word[4]) ||
	    !read_end(&proxy->server, family, word[3], word[5]))
		return HEADER_NONE;
	return HEADER_WHOLE;
}

enum header_verdict
header_set(const uint8_t *bytes, size_t n, struct line_settings *settings, size_t *len)
{
	enum header_verdict verdict = whole_line(bytes, n, "SET ", HEADER_SET_MOST, len);
	char text[HEADER_SET_MOST + 1];
	size_t end;

	if (verdict != HEADER_WHOLE)
		return verdict;
	end = *len - 1;
	if (bytes[end - 1] == '\r')
		end--;
	if (end < 4 || memchr(bytes, '\0', end) != NULL)
		return HEADER_NONE;
	memcpy(text, bytes + 4, end - 4);
	text[end - 4] = '\0';
	return line_settings_parse(settings, text) == E_OK ? HEADER_WHOLE : HEADER_NONE;
}
