/* One connection to an MQTT broker (system.md 10.2): publishes with QoS 1, tells what the broker has
 * taken, and has a last will.  libmosquitto stops here.
 *
 * Nothing in here waits but the look-up of the broker's name: whoever owns it polls the socket and
 * calls mqtt_pump().  One thread at a time. */
#ifndef USPD_EVENTS_MQTT_H
#define USPD_EVENTS_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/events/message_account.h"

struct mqtt;
struct mqtt_options {
	const struct account *account;	/* copied as far as it is needed later */
	const char *id;			/* of the client, where the account names none */
	unsigned version;		/* 4: 3.1.1; 5 */
	unsigned keepalive_s;
	const char *ca_file;		/* the account's PEM text is written here */
	/* The broker has taken a message. */
	void (*taken)(void *arg, uint64_t number);
	void *arg;
};
/* smart-json.md 14 */
enum mqtt_result {
	MQTT_OK, MQTT_NO_INTERFACE, MQTT_NO_BROKER, MQTT_TLS, MQTT_WRONG_PROTOCOL, MQTT_WRONG_ID,
	MQTT_UNAVAILABLE, MQTT_WRONG_LOGIN, MQTT_NOT_AUTHORISED, MQTT_UNEXPECTED, MQTT_ENDED,
	MQTT_LENGTH, MQTT_WRONG_DATA
};
enum mqtt_state { MQTT_CONNECTING, MQTT_UP, MQTT_DOWN };

/* Begins to connect; *made is NULL when that failed at once, and the result says why. */
enum mqtt_result mqtt_open(struct mqtt **made, const struct mqtt_options *);
/* up: says goodbye properly.  NULL allowed. */
void mqtt_close(struct mqtt *);
int mqtt_socket(const struct mqtt *, bool *want_write);		/* -1: none */
enum mqtt_state mqtt_pump(struct mqtt *);
enum mqtt_result mqtt_result(const struct mqtt *);		/* why it is down */
/* [prefix]/[deviceID]/out/[topic].  E_INVALID: no topic that can be published to, or too long a
 * message; E_LOST, E_NOMEM. */
int mqtt_publish(struct mqtt *, uint64_t number, const char *topic, const char *payload, size_t len);
size_t mqtt_in_flight(const struct mqtt *);

#endif
