#include "smart-json/http_guard.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "src/base/log.h"

enum { TOKEN_BYTES = (HTTP_TOKEN_SIZE - 1) / 2, TOKEN_LEAST = 16, HOST_MOST = 255 };

bool
http_peer_is_local(const struct sockaddr *sa)
{
	const struct sockaddr_in *v4 = (const void *)sa;
	const struct sockaddr_in6 *v6 = (const void *)sa;

	if (sa->sa_family == AF_INET)
		return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
	if (sa->sa_family != AF_INET6)
		return false;
	return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
	    (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
}

static bool
is_port(const char *p)
{
	if (*p == '\0')
		return true;
	return *p == ':' && strspn(p + 1, "0123456789") == strlen(p + 1) && strlen(p) <= 6;
}

bool
http_is_address(const char *text)
{
	unsigned char address[16];

	return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

bool
http_host_valid(const char *host)
{
	char name[64];
	size_t n;

	if (host == NULL) /* HTTP/1.0: no browser */
		return true;
	if (*host != '[') {
		n = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
		return n > 0 && n < HOST_MOST && is_port(host + n);
	}
	n = strcspn(++host, "]");
	if (host[n] != ']' || n >= sizeof(name) || !is_port(host + n + 1))
		return false;
	memcpy(name, host, n);
	name[n] = '\0';
	return strchr(name, ':') != NULL && http_is_address(name);
}

bool
http_origin_allowed(const char *origin, const char *host)
{
	if (origin == NULL)
		return true;
	if (host == NULL)
		return false;
	if (strncasecmp(origin, "http://", 7) == 0)
		return strcasecmp(origin + 7, host) == 0;
	return strncasecmp(origin, "https://", 8) == 0 && strcasecmp(origin + 8, host) == 0;
}

bool
http_token_matches(const char *authorization, const char *token)
{
	char given[HTTP_TOKEN_SIZE] = { 0 }, wanted[HTTP_TOKEN_SIZE] = { 0 };
	unsigned difference = 0;

	if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
		return false;
	if (strlen(token) < TOKEN_LEAST || strlen(authorization + 7) >= sizeof(given))
		return false;
	memcpy(given, authorization + 7, strlen(authorization + 7));
	memcpy(wanted, token, strnlen(token, sizeof(wanted) - 1));
	for (size_t i = 0; i < sizeof(given); i++)
		difference |= (unsigned char)(given[i] ^ wanted[i]);
	return difference == 0;
}

static int
token_read(const char *path, char token[static HTTP_TOKEN_SIZE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? E_NOTFOUND : E_IO;
	n = read(fd, token, HTTP_TOKEN_SIZE - 1);
	close(fd);
	if (n < 0)
		return E_IO;
	token[n] = '\0';
	token[strcspn(token, " \r\n")] = '\0';
	/* A file cut short by a lost supply is made anew. */
	return strlen(token) >= TOKEN_LEAST ? E_OK : E_NOTFOUND;
}

static int
token_draw(char token[static HTTP_TOKEN_SIZE])
{
	unsigned char bytes[TOKEN_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return E_IO;
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(token + 2 * i, 3, "%02x", bytes[i]);
	return E_OK;
}

static int
token_write(const char *path, const char *token)
{
	size_t len = strlen(token);
	int fd;

	if (unlink(path) != 0 && errno != ENOENT)
		return E_IO;
	if ((fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0)
		return E_IO;
	if (write(fd, token, len) != (ssize_t)len || write(fd, "\n", 1) != 1 || fsync(fd) != 0) {
		close(fd);
		return E_IO;
	}
	return close(fd) == 0 ? E_OK : E_IO;
}

int
http_token_load(const char *dir, char token[static HTTP_TOKEN_SIZE])
{
	char path[512];
	int rc, n = snprintf(path, sizeof(path), "%s/api.token", dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return E_IO;
	if (token_read(path, token) == E_OK)
		return E_OK;
	if ((rc = token_draw(token)) < 0)
		return rc;
	if (token_write(path, token) < 0)
		log_error("http", "path=%s: cannot be written: %s; only tickets open the interface",
		    path, strerror(errno));
	return E_OK;
}
