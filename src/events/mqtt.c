/* A connection lives once: when it is down it is thrown away, and what the broker has not taken is
 * published anew by the owner, from the disk.  So there is one memory of what is on the way. */
#include "src/events/mqtt.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/err.h"

enum { IN_FLIGHT_MOST = 1000, TOPIC_MOST = 512, PORT_TLS = 8883, QOS = 1, PACKETS = 100 };
#define CONNECT_US INT64_C(30000000)

struct flight { int mid; uint64_t number; };

struct mqtt {
	struct mosquitto *mosq;
	char base[160];			/* [prefix]/[deviceID]/out/ */
	unsigned version;
	bool tls;
	enum mqtt_state state;
	enum mqtt_result result;
	int64_t begun_us;
	struct flight flights[IN_FLIGHT_MOST];
	size_t n_flights;
	void (*taken)(void *arg, uint64_t number);
	void *arg;
};

static void
fall(struct mqtt *m, enum mqtt_result result)
{
	if (m->state != MQTT_DOWN)
		m->result = result;
	m->state = MQTT_DOWN;
}

/* ---- what the library tells; from within mqtt_pump() ---- */

static enum mqtt_result
result_of_answer(int code)
{
	switch (code) {
	case 1: case MQTT_RC_UNSUPPORTED_PROTOCOL_VERSION: return MQTT_WRONG_PROTOCOL;
	case 2: case MQTT_RC_CLIENTID_NOT_VALID: return MQTT_WRONG_ID;
	case 3: case MQTT_RC_SERVER_UNAVAILABLE: case MQTT_RC_SERVER_BUSY: return MQTT_UNAVAILABLE;
	case 4: case MQTT_RC_BAD_USERNAME_OR_PASSWORD: return MQTT_WRONG_LOGIN;
	case 5: case MQTT_RC_NOT_AUTHORIZED: case MQTT_RC_BANNED: return MQTT_NOT_AUTHORISED;
	default: return MQTT_UNEXPECTED;
	}
}

static void
say_state(struct mqtt *m, const char *state)
{
	char topic[TOPIC_MOST];

	snprintf(topic, sizeof(topic), "%sstate", m->base);
	if (mosquitto_publish(m->mosq, NULL, topic, (int)strlen(state), state, QOS, true) != 0)
		fall(m, MQTT_ENDED);
}

static void
on_connect(struct mosquitto *mosq, void *arg, int code)
{
	struct mqtt *m = arg;

	(void)mosq;
	if (code != 0) {
		fall(m, result_of_answer(code));
	} else {
		m->state = MQTT_UP;
		say_state(m, "online");
	}
}

static void
on_publish(struct mosquitto *mosq, void *arg, int mid)
{
	struct mqtt *m = arg;

	(void)mosq;
	for (size_t i = 0; i < m->n_flights; i++)
		if (m->flights[i].mid == mid) {
			uint64_t number = m->flights[i].number;

			m->n_flights--;
			memmove(&m->flights[i], &m->flights[i + 1],
			    (m->n_flights - i) * sizeof(m->flights[0]));
			m->taken(m->arg, number);
			return;
		}
}

/* ---- opening ---- */

static enum mqtt_result
result_of_error(const struct mqtt *m, int rc, int number)
{
	switch (rc) {
	case MOSQ_ERR_TLS:
	case MOSQ_ERR_TLS_HANDSHAKE:
		return MQTT_TLS;
	case MOSQ_ERR_PROTOCOL:
	case MOSQ_ERR_MALFORMED_PACKET:
		return MQTT_UNEXPECTED;
	case MOSQ_ERR_INVAL:
	case MOSQ_ERR_MALFORMED_UTF8:
		return MQTT_WRONG_DATA;
	case MOSQ_ERR_OVERSIZE_PACKET:
	case MOSQ_ERR_PAYLOAD_SIZE:
		return MQTT_LENGTH;
	case MOSQ_ERR_ERRNO:
		if (number == ENETUNREACH || number == ENETDOWN)
			return MQTT_NO_INTERFACE;
		return m->tls && number == EPROTO ? MQTT_TLS : MQTT_NO_BROKER;
	case MOSQ_ERR_CONN_LOST:
		return m->state == MQTT_UP ? MQTT_ENDED : MQTT_NO_BROKER;
	default:
		return MQTT_NO_BROKER;
	}
}

static void
on_disconnect(struct mosquitto *mosq, void *arg, int code)
{
	(void)mosq;
	fall(arg, code != 0 ? result_of_error(arg, code, errno) : MQTT_ENDED);
}

static int
write_ca(const struct account *a, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t len = strlen(a->ca);
	bool good = fd >= 0 && write(fd, a->ca, len) == (ssize_t)len;

	if (fd >= 0)
		close(fd);
	return good ? MOSQ_ERR_SUCCESS : MOSQ_ERR_INVAL;
}

static int
set_tls(struct mqtt *m, const struct mqtt_options *o)
{
	const struct account *a = o->account;
	const char *path = a->ca_path[0] != '\0' ? a->ca_path : "/etc/ssl/certs";
	bool is_dir = a->ca_path[0] == '\0' || path[strlen(path) - 1] == '/';
	int rc = MOSQ_ERR_SUCCESS;

	m->tls = a->tls == TLS_FROM_START || a->tls == TLS_UPGRADE ||
	    (a->tls == TLS_BY_PORT && a->port == PORT_TLS);
	if (!m->tls)
		return rc;
	if (a->ca != NULL) {
		rc = write_ca(a, o->ca_file);
		path = o->ca_file;
		is_dir = false;
	}
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_tls_set(m->mosq, is_dir ? NULL : path, is_dir ? path : NULL, NULL, NULL,
		    NULL);
	if (rc == MOSQ_ERR_SUCCESS && !a->cert_check) {
		rc = mosquitto_tls_opts_set(m->mosq, 0 /* SSL_VERIFY_NONE */, NULL, NULL);
		if (rc == MOSQ_ERR_SUCCESS)
			rc = mosquitto_tls_insecure_set(m->mosq, true);
	}
	return rc;
}

static int
connect_to(struct mqtt *m, const struct mqtt_options *o)
{
	const struct account *a = o->account;
	char topic[TOPIC_MOST];
	int rc;

	mosquitto_connect_callback_set(m->mosq, on_connect);
	mosquitto_publish_callback_set(m->mosq, on_publish);
	mosquitto_disconnect_callback_set(m->mosq, on_disconnect);
	mosquitto_max_inflight_messages_set(m->mosq, 0); /* the owner counts */
	snprintf(topic, sizeof(topic), "%sstate", m->base);
	rc = mosquitto_int_option(m->mosq, MOSQ_OPT_PROTOCOL_VERSION,
	    o->version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_will_set(m->mosq, topic, 7, "offline", QOS, true);
	if (rc == MOSQ_ERR_SUCCESS && a->login[0] != '\0')
		rc = mosquitto_username_pw_set(m->mosq, a->login,
		    a->password[0] != '\0' ? a->password : NULL);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = set_tls(m, o);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_connect_async(m->mosq, a->addr, a->port, (int)o->keepalive_s);
	return rc;
}

enum mqtt_result
mqtt_open(struct mqtt **made, const struct mqtt_options *o)
{
	const struct account *a = o->account;
	const char *id = a->device[0] != '\0' ? a->device : o->id;
	struct mqtt *m = calloc(1, sizeof(*m));
	enum mqtt_result result = MQTT_WRONG_DATA;
	int rc;

	*made = NULL;
	if (m == NULL)
		return result;
	m->begun_us = clock_mono_us();
	m->version = o->version;
	m->taken = o->taken;
	m->arg = o->arg;
	snprintf(m->base, sizeof(m->base), "%s%s%s/out/", a->prefix, a->prefix[0] != '\0' ? "/" : "",
	    id);
	m->mosq = mosquitto_new(id, false, m);
	if (m->mosq != NULL) {
		errno = 0;
		rc = connect_to(m, o);
		result = rc == MOSQ_ERR_SUCCESS ? MQTT_OK : result_of_error(m, rc, errno);
	}
	if (result != MQTT_OK)
		mqtt_close(m);
	else
		*made = m;
	return result;
}

void
mqtt_close(struct mqtt *m)
{
	if (m == NULL)
		return;
	if (m->state == MQTT_UP) {
		say_state(m, "offline");
		mosquitto_disconnect(m->mosq);
		mosquitto_loop(m->mosq, 0, PACKETS);
	}
	if (m->mosq != NULL)
		mosquitto_destroy(m->mosq);
	free(m);
}

/* ---- use ---- */

int
mqtt_socket(const struct mqtt *m, bool *want_write)
{
	/* As long as it connects, also the end of that shows in being writable. */
	*want_write = m->state == MQTT_CONNECTING || mosquitto_want_write(m->mosq);
	return mosquitto_socket(m->mosq);
}

enum mqtt_state
mqtt_pump(struct mqtt *m)
{
	int fd = mosquitto_socket(m->mosq), rc;

	if (m->state == MQTT_CONNECTING && clock_mono_us() - m->begun_us > CONNECT_US)
		fall(m, MQTT_NO_BROKER);
	if (fd < 0 || fd >= FD_SETSIZE) /* the library selects */
		fall(m, m->state == MQTT_UP ? MQTT_ENDED : MQTT_NO_BROKER);
	if (m->state == MQTT_DOWN)
		return m->state;
	errno = 0;
	rc = mosquitto_loop(m->mosq, 0, PACKETS);
	if (rc != MOSQ_ERR_SUCCESS)
		fall(m, result_of_error(m, rc, errno));
	return m->state;
}

enum mqtt_result
mqtt_result(const struct mqtt *m)
{
	return m->result;
}

int
mqtt_publish(struct mqtt *m, uint64_t number, const char *topic, const char *payload, size_t len)
{
	char whole[TOPIC_MOST];
	struct flight *flight = &m->flights[m->n_flights];

	if (len > INT32_MAX)
		return E_INVALID;
	if (m->n_flights == IN_FLIGHT_MOST)
		return E_LIMIT;
	snprintf(whole, sizeof(whole), "%s%s", m->base, topic);
	switch (mosquitto_publish(m->mosq, &flight->mid, whole, (int)len, payload, QOS, false)) {
	case MOSQ_ERR_SUCCESS:
		flight->number = number;
		m->n_flights++;
		return E_OK;
	case MOSQ_ERR_NOMEM:
		return E_NOMEM;
	case MOSQ_ERR_NO_CONN:
	case MOSQ_ERR_ERRNO:
	case MOSQ_ERR_CONN_LOST:
		return E_LOST;
	default:
		return E_INVALID;
	}
}

size_t
mqtt_in_flight(const struct mqtt *m)
{
	return m->n_flights;
}
