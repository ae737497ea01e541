/* What a table asks of its rows beyond kinds and ranges. */
#include "smart-json/view.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smart-json/accounts.h"
#include "smart-json/view_hooks.h"
#include "src/model/model.h"
#include "src/system/address.h"

/* ---- values ---- */

json_t *
view_refuse(json_t *value, enum fault_kind kind, const struct member *m, struct fault *fault)
{
	fault_value(fault, kind, m->name, value);
	json_decref(value);
	return NULL;
}

json_t *
check_ipv4(json_t *value, const struct member *m, struct fault *fault)
{
	struct in_addr address;

	if (*json_string_value(value) == '\0' ||
	    inet_pton(AF_INET, json_string_value(value), &address) == 1)
		return value;
	return view_refuse(value, FAULT_IPV4, m, fault);
}

json_t *
check_netmask(json_t *value, const struct member *m, struct fault *fault)
{
	struct in_addr address;
	uint32_t host;

	if (*json_string_value(value) == '\0')
		return value;
	if (inet_pton(AF_INET, json_string_value(value), &address) != 1)
		return view_refuse(value, FAULT_NETMASK, m, fault);
	host = ~ntohl(address.s_addr);
	/* Ones, then zeros; neither no network nor everything. */
	if ((host & (host + 1)) != 0 || host == UINT32_MAX)
		return view_refuse(value, FAULT_NETMASK, m, fault);
	return value;
}

json_t *
check_networks(json_t *value, const struct member *m, struct fault *fault)
{
	enum { NETWORKS = 16 }; /* src/transit/row.h */
	struct address_range range;
	json_t *item;
	size_t i;

	if (json_array_size(value) > NETWORKS)
		return view_refuse(value, FAULT_RANGE, m, fault);
	json_array_foreach(value, i, item) {
		if (address_range_parse(&range, json_string_value(item)) == E_OK)
			continue;
		fault_set(fault, FAULT_NETWORK, m->name, (int)i, json_string_value(item));
		json_decref(value);
		return NULL;
	}
	return value;
}

json_t *
check_pin(json_t *value, const struct member *m, struct fault *fault)
{
	const char *pin = json_string_value(value);

	if (*pin == '\0' || (strlen(pin) == 4 && strspn(pin, "0123456789") == 4))
		return value;
	fault_set(fault, FAULT_RANGE, m->name, -1, m->name); /* a secret is not repeated */
	json_decref(value);
	return NULL;
}

/* Record types and journals by the maker's names; one journal has two (event-model.md 9). */
json_t *
check_record_types(json_t *value, const struct member *m, struct fault *fault)
{
	json_t *item;
	size_t i;

	json_array_foreach(value, i, item) {
		const char *name = json_string_value(item);

		if (strcmp(name, "ElJrnlRvr") == 0) {
			json_array_set_new(value, i, json_string("ElJrnlReverce"));
			continue;
		}
		if (record_type_by_name(name) != REC_NONE ||
		    (strncmp(name, "ElJrnl", 6) == 0 && journal_by_name(name) != 0))
			continue;
		fault_set(fault, FAULT_UNKNOWN, m->name, (int)i, name);
		json_decref(value);
		return NULL;
	}
	return value;
}

/* 0 a schedule, 1 a discrete input; or the names of dialect 40, returned as they came. */
json_t *
check_event_type(json_t *value, const struct member *m, struct fault *fault)
{
	const char *text = json_string_value(value);
	int64_t number;

	if (view_integer(value, &number)) {
		json_decref(value);
		if (number == 0 || number == 1)
			return json_integer(number);
		fault_set(fault, FAULT_RANGE, m->name, -1, "0…1");
		return NULL;
	}
	if (text == NULL) {
		json_decref(value);
		fault_set(fault, FAULT_NO_INT, m->name, -1, m->name);
		return NULL;
	}
	if (strcmp(text, "Scheduler") == 0 || strcmp(text, "IntDigitalSensor") == 0)
		return value;
	return view_refuse(value, FAULT_UNKNOWN, m, fault);
}

json_t *
check_number(json_t *value, const struct member *m, struct fault *fault)
{
	return json_is_number(value) ? value : view_refuse(value, FAULT_NO_NUMBER, m, fault);
}

/* What a monitor reads: [{"meterId", "measure"}] (event-model.md 7.2). */
json_t *
check_readings(json_t *value, const struct member *m, struct fault *fault)
{
	const json_t *target;
	size_t i;

	if (json_array_size(value) == 0)
		return view_refuse(value, json_is_array(value) ? FAULT_RANGE : FAULT_NO_LIST, m, fault);
	json_array_foreach(value, i, target) {
		const char *name = json_string_value(json_object_get(target, "measure"));
		bool known = name != NULL && record_type_by_name(name) != REC_NONE;

		if (known && json_is_integer(json_object_get(target, "meterId")))
			continue;
		fault_set(fault, known ? FAULT_NO_INT : FAULT_UNKNOWN, m->name, (int)i,
		    known ? "meterId" : name);
		json_decref(value);
		return NULL;
	}
	return value;
}

/* ---- rows ---- */

static const char *
text_of(const json_t *row, const char *name)
{
	const char *text = json_string_value(json_object_get(row, name));

	return text != NULL ? text : "";
}

int
take_ip(const struct view_set *set, json_t *row, const json_t *old, struct fault *fault)
{
	(void)old;
	if (set->view->only != NULL)
		json_object_set_new(row, "iface", json_string(set->view->only));
	if (json_is_true(json_object_get(row, "dhcp")))
		return E_OK;
	if (*text_of(row, "ip") == '\0')
		return fault_set(fault, FAULT_IPV4, "ip", -1, "\"\"");
	if (*text_of(row, "netmask") == '\0')
		return fault_set(fault, FAULT_NETMASK, "netmask", -1, "\"\"");
	return E_OK;
}

int
take_tcp(const struct view_set *set, json_t *row, const json_t *old, struct fault *fault)
{
	json_int_t port = json_integer_value(json_object_get(row, "port"));
	const char *type = text_of(row, "type");
	char detail[24];

	(void)set;
	(void)old;
	snprintf(detail, sizeof(detail), "%lld", (long long)port);
	if (strcmp(type, "none") == 0 || strcmp(type, "http") == 0)
		return E_OK;
	if (port == 0)
		return fault_set(fault, FAULT_RANGE, "port", -1, detail);
	if (port == 80 || port == 443 || port == 22)
		return fault_set(fault, FAULT_PORT, "port", -1, detail);
	return E_OK;
}

bool
show_tcp(const struct view_set *set, json_t *wire, const struct view_row *row)
{
	char port[24];

	(void)row;
	if (!set->settings.http_port_text)
		return true;
	snprintf(port, sizeof(port), "%lld",
	    (long long)json_integer_value(json_object_get(wire, "port")));
	return json_object_set_new(wire, "port", json_string(port)) == 0;
}

/* "host:port" of dialect 40 is two members in dialect 31; an IPv6 address has more colons. */
static const char *
port_of(const char *addr)
{
	const char *colon = strrchr(addr, ':');

	if (colon == NULL || (strchr(addr, ':') != colon && colon != addr && colon[-1] != ']'))
		return NULL;
	return colon[1] != '\0' && strspn(colon + 1, "0123456789") == strlen(colon + 1) ? colon + 1 :
											  NULL;
}

int
take_sntp_31(const struct view_set *set, json_t *row, const json_t *old, struct fault *fault)
{
	json_int_t port = json_integer_value(json_object_get(row, "port31"));
	const char *addr = text_of(row, "addr");
	char both[1100];

	(void)set;
	(void)old;
	if (port_of(addr) != NULL)
		return fault_set(fault, FAULT_RANGE, "addr", -1, addr);
	json_object_del(row, "port31");
	if (port == 123)
		return E_OK;
	snprintf(both, sizeof(both), "%s:%lld", addr, (long long)port);
	return json_object_set_new(row, "addr", json_string(both)) < 0 ? E_NOMEM : E_OK;
}

bool
show_sntp_31(const struct view_set *set, json_t *wire, const struct view_row *row)
{
	const char *addr = text_of(row->next, "addr"), *port = port_of(addr);

	(void)set;
	json_object_set_new(wire, "port", json_integer(port != NULL ? atoi(port) : 123));
	if (port == NULL)
		return true;
	return json_object_set_new(wire, "addr", json_stringn(addr, (size_t)(port - addr) - 1)) == 0;
}

int
take_subset(const struct view_set *set, json_t *row, const json_t *old, struct fault *fault)
{
	(void)old;
	(void)fault;
	return json_object_set_new(row, "action", json_string(set->view->subset)) < 0 ? E_NOMEM : E_OK;
}

/* ---- accounts (8.1) ---- */

int
take_account(const struct view_set *set, json_t *row, const json_t *old, struct fault *fault)
{
	(void)set;
	json_object_del(row, "hash");
	json_object_del(row, "factory");
	if (accounts_seal(row, old) == E_OK)
		return E_OK;
	return fault_set(fault, FAULT_LENGTH, "password", -1, "");
}

int
settle_accounts(struct view_set *set)
{
	size_t administrators = 0;

	for (size_t i = 0; i < set->n; i++)
		administrators += set->rows[i].next != NULL &&
		    json_integer_value(json_object_get(set->rows[i].next, "lvl")) >= LEVEL_ADMIN;
	if (administrators > 0 || set->factory)
		return E_OK;
	for (size_t i = 0; i < set->n && set->fault_row < 0; i++)
		set->fault_row = set->rows[i].asked;
	return fault_set(&set->fault, FAULT_LAST_ADMIN, "", -1, "");
}
