/* Orders to one meter: ping, clock, relay. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ctl_commands.h"
#include "tools/ctl_http.h"

enum { PINGS_MOST = 1000, PING_PAUSE_MS = 200 };

/* ---- which meter ---- */

static bool
is_meter(const json_t *row, const char *text, bool by_id)
{
	char id[24];

	snprintf(id, sizeof(id), "%lld", ctl_int(row, "id"));
	return strcmp(by_id ? id : ctl_text(row, "serial"), text) == 0;
}

/* A number is an id unless no meter has it; anything else, and leading zeros, a serial number. */
static int
find_meter(const struct ctl *ctl, const char *text, json_t **found)
{
	struct text path = { 0 };
	json_t *answer, *row;
	size_t i;
	int rc;

	*found = NULL;
	text_str(&path, "meters?limit=0");
	ctl_add_arg(&path, "q", text);
	rc = ctl_call(ctl, "GET", path.p, NULL, &answer, NULL);
	text_free(&path);
	for (int by_id = 1; by_id >= 0; by_id--)
		json_array_foreach(json_object_get(answer, "rows"), i, row)
			if (*found == NULL && is_meter(row, text, by_id != 0))
				*found = json_incref(row);
	json_decref(answer);
	if (rc == CTL_OK && *found == NULL) {
		fprintf(stderr,
		    "uspdctl: no meter has the id or the serial number %s; see uspdctl meter list\n",
		    text);
		rc = CTL_FAILED;
	}
	return rc;
}

/* ---- a question to the meter itself ---- */

/* The entry of `measure` in the answer, or NULL and told what the meter did not tell. */
static json_t *
first_entry(const json_t *answer, const json_t *meter)
{
	json_t *measure = json_array_get(json_object_get(answer, "measures"), 0);
	json_t *device = json_array_get(json_object_get(measure, "devices"), 0);
	json_t *entry = json_array_get(json_object_get(device, "vals"), 0);
	const char *error = ctl_text(device, "error");

	if (entry == NULL)
		fprintf(stderr, "uspdctl: meter %lld: %s\n", ctl_int(meter, "id"),
		    *error != '\0' ? error : "has nothing of the kind");
	return entry;
}

static int
ask_meter(const struct ctl *ctl, const json_t *meter, const char *measure, json_t **answer)
{
	return ctl_call(ctl, "POST", "/meter/data/moment",
	    json_pack("{s:[s], s:[I]}", "measures", measure, "ids", (json_int_t)ctl_int(meter, "id")),
	    answer, NULL);
}

/* ---- ping ---- */

static void
print_ping(const struct ctl *ctl, const json_t *answer)
{
	const json_t *ms = json_object_get(answer, "ms");

	if (ctl->json) {
		ctl_print_json(answer);
		return;
	}
	printf("meter %lld: %s", ctl_int(answer, "id"),
	    json_is_true(json_object_get(answer, "answer")) ? "answers" : "no answer");
	if (ms != NULL)
		printf(" in %lld ms", (long long)json_integer_value(ms));
	if (*ctl_text(answer, "error") != '\0')
		printf(": %s", ctl_text(answer, "error"));
	if (*ctl_text(answer, "serial") != '\0')
		printf("   serial %s  %s", ctl_text(answer, "serial"), ctl_text(answer, "model"));
	if (json_object_get(answer, "diff") != NULL)
		printf("   clock %+lld s", ctl_int(answer, "diff"));
	printf("\n");
	fflush(stdout);
}

/* Meters on Ethernet hang on no bus: they are asked for their time. */
static int
ping_ethernet(const struct ctl *ctl, const json_t *meter, json_t **answer)
{
	int64_t began_ms = ctl_now_ms();
	json_t *told, *entry;
	int rc = ask_meter(ctl, meter, "GetTime", &told);

	if (rc != CTL_OK)
		return rc;
	entry = first_entry(told, meter);
	*answer = json_pack("{s:I, s:b, s:s}", "id", (json_int_t)ctl_int(meter, "id"), "answer",
	    entry != NULL, "serial", ctl_text(meter, "serial"));
	if (entry != NULL)
		json_object_update_new(*answer,
		    json_pack("{s:I, s:I}", "ms", (json_int_t)(ctl_now_ms() - began_ms), "diff",
			(json_int_t)ctl_int(entry, "diff")));
	json_decref(told);
	return CTL_OK;
}

static int
ping_once(const struct ctl *ctl, const json_t *meter, bool *answers)
{
	const char *iface = ctl_text(meter, "iface");
	json_t *answer = NULL;
	char path[32];
	int rc;

	if (strncmp(iface, "Iface", 5) != 0) {
		rc = ping_ethernet(ctl, meter, &answer);
	} else {
		snprintf(path, sizeof(path), "bus/%.8s/ping", iface + 5);
		rc = ctl_call(ctl, "POST", path,
		    json_pack("{s:I}", "id", (json_int_t)ctl_int(meter, "id")), &answer, NULL);
	}
	if (rc == CTL_OK) {
		*answers = json_is_true(json_object_get(answer, "answer"));
		print_ping(ctl, answer);
	}
	json_decref(answer);
	return rc;
}

int
ctl_ping(const struct ctl *ctl, int argc, char **argv)
{
	long long count = 1;
	bool answers = true;
	json_t *meter;
	int rc;

	if (!ctl_option_number(&argc, argv, "--count", 1, PINGS_MOST, &count))
		return CTL_USAGE;
	rc = find_meter(ctl, argv[1], &meter);
	ctl_catch_interrupt();
	for (long long i = 0; i < count && rc == CTL_OK && !ctl_interrupted(); i++) {
		bool this_one = false;

		if (i > 0)
			ctl_pause_ms(PING_PAUSE_MS);
		rc = ping_once(ctl, meter, &this_one);
		answers = answers && this_one;
	}
	json_decref(meter);
	return rc == CTL_OK && !answers ? CTL_FAILED : rc;
}

/* ---- clock ---- */

static void
print_clock(const struct ctl *ctl, const json_t *meter, const json_t *entry)
{
	long long diff = ctl_int(entry, "diff");
	json_t *json;

	if (ctl->json) {
		json = json_pack("{s:I, s:I, s:I}", "id", (json_int_t)ctl_int(meter, "id"), "ts",
		    (json_int_t)ctl_int(entry, "ts"), "diff", (json_int_t)diff);
		ctl_print_json(json);
		json_decref(json);
	} else if (diff == 0) {
		printf("meter %lld: its clock is right to the second\n", ctl_int(meter, "id"));
	} else {
		printf("meter %lld: its clock is %lld s %s that of the device\n", ctl_int(meter, "id"),
		    diff < 0 ? -diff : diff, diff < 0 ? "behind" : "ahead of");
	}
}

int
ctl_clock(const struct ctl *ctl, int argc, char **argv)
{
	bool sync = ctl_option(&argc, argv, "--sync", NULL);
	json_t *meter, *answer = NULL, *entry;
	int rc = find_meter(ctl, argv[1], &meter);

	if (rc == CTL_OK && sync)
		rc = ctl_call(ctl, "PUT", "/meter/settings/time",
		    json_pack("{s:I}", "id", (json_int_t)ctl_int(meter, "id")), &answer, NULL);
	json_decref(answer);
	answer = NULL;
	if (rc == CTL_OK)
		rc = ask_meter(ctl, meter, "GetTime", &answer);
	if (rc == CTL_OK && (entry = first_entry(answer, meter)) != NULL)
		print_clock(ctl, meter, entry);
	else if (rc == CTL_OK)
		rc = CTL_FAILED;
	json_decref(answer);
	json_decref(meter);
	return rc;
}

/* ---- relay ---- */

/* Tags come in pairs, relayId and relayState; -1: the meter tells nothing of this relay. */
static int
relay_state(const json_t *entry, long long relay)
{
	const json_t *tags = json_object_get(entry, "tags"), *tag;
	long long id = 0;
	size_t i;

	json_array_foreach(tags, i, tag) {
		if (strcmp(ctl_text(tag, "tag"), "relayId") == 0)
			id = ctl_int(tag, "val");
		else if (id == relay)
			return ctl_int(tag, "val") != 0;
	}
	return -1;
}

static int
print_relay(const struct ctl *ctl, const json_t *meter, long long relay)
{
	json_t *answer, *entry;
	int state, rc = ask_meter(ctl, meter, "GetRelay", &answer);

	if (rc != CTL_OK)
		return rc;
	entry = first_entry(answer, meter);
	state = relay_state(entry, relay);
	if (entry != NULL && state < 0)
		fprintf(stderr, "uspdctl: meter %lld tells nothing of a relay %lld\n",
		    ctl_int(meter, "id"), relay);
	else if (entry != NULL && ctl->json)
		printf("{\"id\":%lld,\"relay\":%lld,\"on\":%s}\n", ctl_int(meter, "id"), relay,
		    state > 0 ? "true" : "false");
	else if (entry != NULL)
		printf("meter %lld: relay %lld is %s\n", ctl_int(meter, "id"), relay,
		    state > 0 ? "on" : "off");
	json_decref(answer);
	return state < 0 ? CTL_FAILED : CTL_OK;
}

int
ctl_relay(const struct ctl *ctl, int argc, char **argv)
{
	bool ask = strcmp(argv[3], "?") == 0, on = strcmp(argv[3], "on") == 0;
	json_t *meter, *answer = NULL;
	long long relay;
	int rc;

	(void)argc;
	if (!ctl_number(argv[2], 1, 255, &relay))
		return ctl_misuse(ctl, "%s is not the number of a relay", argv[2]);
	if (!ask && !on && strcmp(argv[3], "off") != 0)
		return ctl_misuse(ctl, "%s: on, off or ?", argv[3]);
	rc = find_meter(ctl, argv[1], &meter);
	if (rc == CTL_OK && !ask)
		rc = ctl_call(ctl, "PUT", "/meter/settings/relay",
		    json_pack("{s:I, s:I, s:i}", "id", (json_int_t)ctl_int(meter, "id"), "relayId",
			(json_int_t)relay, "relayState", (int)on),
		    &answer, NULL);
	if (rc == CTL_OK && ask)
		rc = print_relay(ctl, meter, relay);
	else if (rc == CTL_OK && ctl->json)
		printf("{\"id\":%lld,\"relay\":%lld,\"on\":%s}\n", ctl_int(meter, "id"), relay,
		    on ? "true" : "false");
	else if (rc == CTL_OK)
		printf("meter %lld: relay %lld is %s now\n", ctl_int(meter, "id"), relay,
		    on ? "on" : "off");
	json_decref(answer);
	json_decref(meter);
	return rc;
}
