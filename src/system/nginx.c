#include "src/system/nginx.h"

#include <string.h>

/* Locations that differ from the rest. */
static const struct { const char *path, *lines; } locations[] = {
	{ "/api/v1/events",	/* each event at once, for as long as somebody listens */
	    "\t\t\tproxy_buffering off;\n"
	    "\t\t\tproxy_read_timeout 1h;\n"
	    "\t\t\tgzip off;\n" },
	{ "/upload/firmware",	/* straight to the daemon, which keeps it off the memory */
	    "\t\t\tclient_max_body_size 256m;\n"
	    "\t\t\tclient_body_timeout 300s;\n"
	    "\t\t\tproxy_request_buffering off;\n" },
};

/* TLS 1.2 and 1.3, forward secrecy, authenticated ciphers (system.md 4). */
static const char tls[] =
    "ssl_protocols TLSv1.2 TLSv1.3;\n"
    "\tssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;\n"
    "\tssl_prefer_server_ciphers off;\n"
    "\tssl_session_tickets off;\n";

bool
nginx_word(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || strchr("\"'\\$;{}", *text) != NULL)
			return false;
	return true;
}

static void
print_listen(struct text *t, const struct nginx_config *c, uint16_t port, const char *options)
{
	text_printf(t, "\t\tlisten %u%s;\n", port, options);
	if (c->ipv6)
		text_printf(t, "\t\tlisten [::]:%u%s;\n", port, options);
}

static void
print_locations(struct text *t)
{
	text_str(t, "\t\tlocation / {\n\t\t\tproxy_pass http://uspdd;\n\t\t}\n");
	for (size_t i = 0; i < sizeof(locations) / sizeof(locations[0]); i++)
		text_printf(t, "\t\tlocation = %s {\n%s\t\t\tproxy_pass http://uspdd;\n\t\t}\n",
		    locations[i].path, locations[i].lines);
}

static void
print_http(struct text *t, const struct nginx_config *c)
{
	static const char *const temporary[] = { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" };

	text_str(t, "http {\n");
	for (size_t i = 0; i < sizeof(temporary) / sizeof(temporary[0]); i++)
		text_printf(t, "\t%s_temp_path \"%s/tmp-%s\";\n", temporary[i], c->dir, temporary[i]);
	/* Answers wait in memory of both ends, never on the flash. */
	text_str(t,
	    "\taccess_log off;\n"
	    "\tserver_tokens off;\n"
	    "\tabsolute_redirect off;\n"
	    "\tkeepalive_timeout 65s;\n"
	    "\tclient_header_timeout 30s;\n"
	    "\tclient_body_timeout 30s;\n"
	    "\tclient_max_body_size 10m;\n"
	    "\tclient_body_buffer_size 64k;\n"
	    "\tlarge_client_header_buffers 4 8k;\n"
	    "\tproxy_http_version 1.1;\n"
	    "\tproxy_connect_timeout 5s;\n"
	    "\tproxy_read_timeout 300s;\n"
	    "\tproxy_send_timeout 300s;\n"
	    "\tproxy_max_temp_file_size 0;\n"
	    "\tproxy_set_header Host $http_host;\n"
	    "\tproxy_set_header Connection \"\";\n"
	    "\tproxy_set_header X-Real-IP $remote_addr;\n"
	    "\tproxy_set_header X-Forwarded-For $remote_addr;\n"
	    "\tproxy_set_header X-Forwarded-Proto $scheme;\n\t");
	text_str(t, tls);
	text_printf(t,
	    "\tssl_session_cache shared:https:1m;\n"
	    "\tupstream uspdd {\n\t\tserver %s;\n\t\tkeepalive 8;\n\t}\n",
	    c->upstream);
	text_str(t, "\tserver {\n");
	print_listen(t, c, c->https_port, " ssl");
	text_printf(t, "\t\tssl_certificate \"%s\";\n\t\tssl_certificate_key \"%s\";\n", c->certificate,
	    c->key);
	print_locations(t);
	text_str(t, "\t}\n");
	if (c->http_port != 0) {
		text_str(t, "\tserver {\n");
		print_listen(t, c, c->http_port, "");
		if (!c->redirect)
			print_locations(t);
		else if (c->https_port == 443)
			text_str(t, "\t\treturn 308 https://$host$request_uri;\n");
		else
			text_printf(t, "\t\treturn 308 https://$host:%u$request_uri;\n", c->https_port);
		text_str(t, "\t}\n");
	}
	text_str(t, "}\n");
}

static void
print_row(struct text *t, const struct nginx_config *c, const struct nginx_row *row)
{
	bool own = row->certificate[0] == '\0' || row->key[0] == '\0';

	text_str(t, "\tserver {\n");
	print_listen(t, c, row->port, " ssl so_keepalive=30s:10s:3");
	text_printf(t, "\t\tssl_certificate \"%s\";\n\t\tssl_certificate_key \"%s\";\n",
	    own ? c->certificate : row->certificate, own ? c->key : row->key);
	for (size_t i = 0; i < NGINX_ALLOW && row->allow[i][0] != '\0'; i++)
		text_printf(t, "\t\tallow %s;\n", row->allow[i]);
	if (row->allow[0][0] != '\0')
		text_str(t, "\t\tdeny all;\n");
	text_printf(t, "\t\tproxy_pass \"unix:%s/tls-%u.sock\";\n\t}\n", c->run_dir, row->port);
}

/* Sessions end when we end them: nginx waits longer than any of our limits (transit.md 2). */
static void
print_stream(struct text *t, const struct nginx_config *c)
{
	text_str(t,
	    "stream {\n"
	    "\tproxy_protocol on;\n"
	    "\tproxy_connect_timeout 5s;\n"
	    "\tproxy_timeout 24h;\n"
	    "\tproxy_socket_keepalive on;\n"
	    "\tproxy_buffer_size 4k;\n"
	    "\ttcp_nodelay on;\n");
	if (c->version >= NGINX_HALF_CLOSE)
		text_str(t, "\tproxy_half_close on;\n");
	text_str(t, "\tssl_handshake_timeout 15s;\n\t");
	text_str(t, tls);
	text_str(t, "\tssl_session_cache shared:stream:1m;\n");
	for (size_t i = 0; i < c->n_rows; i++)
		print_row(t, c, &c->rows[i]);
	text_str(t, "}\n");
}

void
nginx_print(struct text *t, const struct nginx_config *c)
{
	text_str(t, "# Made by uspdd from its settings; what is changed here is lost.\n");
	if (c->stream_module != NULL && c->n_rows > 0)
		text_printf(t, "load_module \"%s\";\n", c->stream_module);
	text_printf(t,
	    "worker_processes 1;\n"
	    "pid \"%s/nginx.pid\";\n"
	    "error_log stderr warn;\n"
	    "events {\n\tworker_connections 1024;\n}\n",
	    c->dir);
	print_http(t, c);
	if (c->n_rows > 0)
		print_stream(t, c);
}
