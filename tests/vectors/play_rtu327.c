/* Vectors of RTU-327: requests and replies are decoded, shown under the names of the vectors,
 * encoded again from what was decoded and compared with the recorded bytes.  Vectors marked
 * tx_invalid are byte streams: they go through the receiver, and the replies it calls for are
 * compared with the recorded ones. */
#include "tests/vectors/play.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rtu327/codec.h"
#include "rtu327/receiver.h"
#include "src/model/settings.h"

enum { BYTES_MOST = RTU327_FRAME_MOST, STREAM_MOST = 1 << 20 };

struct bytes {
	uint8_t *data;
	size_t len;
};

static bool
from_hex(const char *hex, struct bytes *out)
{
	size_t digits = hex != NULL ? strlen(hex) : 1;

	out->data = NULL;
	out->len = digits / 2;
	if (digits % 2 != 0 || out->len > STREAM_MOST)
		return false;
	out->data = calloc(out->len + 1, 1);
	for (size_t i = 0; out->data != NULL && i < out->len; i++) {
		unsigned b;

		if (sscanf(hex + 2 * i, "%2x", &b) != 1)
			return false;
		out->data[i] = (uint8_t)b;
	}
	return out->data != NULL;
}

static json_t *
hex_json(const uint8_t *data, size_t len)
{
	char *text = calloc(len + 1, 2);
	json_t *made;

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", data[i]);
	made = json_string(text);
	free(text);
	return made;
}

static void
set_int(json_t *to, const char *name, json_int_t value)
{
	json_object_set_new(to, name, json_integer(value));
}

static void
set_real(json_t *to, const char *name, double value)
{
	json_object_set_new(to, name, json_real(value));
}

/* ---- requests ---- */

static void
request_fields(json_t *to, const struct rtu327_request *q)
{
	switch (q->frame.code) {
	case RTU327_GETPOK:
		set_int(to, "mask", q->mask);
		set_int(to, "time", q->time);
		break;
	case RTU327_GETSHORTLP:
		set_int(to, "interval", q->interval_min);
		/* fallthrough */
	case RTU327_GETLP:
		set_int(to, "mask", q->mask);
		/* fallthrough */
	case RTU327_GETTESTS:
	case RTU327_GETMTRLOG:
		set_int(to, "tstart", q->time);
		set_int(to, "count", q->count);
		break;
	case RTU327_GETAUTOREAD:
		set_int(to, "tday", q->time);
		set_int(to, "channel", q->channel);
		set_int(to, "count", q->count);
		break;
	case RTU327_SETTIME:
		set_int(to, "delta", q->delta_s);
		break;
	case RTU327_GETLOG:
		set_int(to, "id", q->id);
		set_int(to, "count", q->count);
		/* fallthrough */
	case RTU327_GETMAXLOGID:
		set_int(to, "section", q->section);
		break;
	}
}

static bool
has_serial(uint8_t command)
{
	switch (command) {
	case RTU327_GETVERSION: case RTU327_GETTIME: case RTU327_SETTIME:
	case RTU327_GETMAXLOGID: case RTU327_GETLOG:
		return false;
	}
	return strcmp(rtu327_command_name(command), "?") != 0;
}

static json_t *
show_request(const struct rtu327_request *q)
{
	const struct rtu327_frame *f = &q->frame;
	json_t *made = json_object();

	json_object_set_new(made, "number", hex_json(f->number, sizeof(f->number)));
	json_object_set_new(made, "password", hex_json(f->password, sizeof(f->password)));
	set_int(made, "command", f->code);
	/* The digits that are there, also of a request that is too short. */
	if (has_serial(f->code))
		json_object_set_new(made, "serial",
		    hex_json(f->data, f->len < RTU327_DIGITS / 2 ? f->len : RTU327_DIGITS / 2));
	request_fields(made, q);
	return made;
}

static bool
same(const uint8_t *made, size_t made_len, const struct bytes *recorded, const char *what, char *why,
    size_t why_size)
{
	if (made_len == recorded->len && memcmp(made, recorded->data, made_len) == 0)
		return true;
	snprintf(why, why_size, "%s encoded again differs (%zu bytes, recorded %zu)", what, made_len,
	    recorded->len);
	return false;
}

/* A frame with its data as it came, for what has no structure of its own. */
static void
encode_raw(struct wr *w, const struct rtu327_frame *frame)
{
	size_t at = rtu327_frame_begin(w, frame);

	wr_bytes(w, frame->data, frame->len);
	rtu327_frame_end(w, at, false);
}

static bool
play_request(const struct bytes *tx, struct rtu327_request *q, json_t **shown,
    char *why, size_t why_size)
{
	static uint8_t again[BYTES_MOST];
	struct wr w = wr_init(again, sizeof(again));
	struct rtu327_frame frame;
	size_t used;
	int rc = rtu327_frame_read(tx->data, tx->len, false, &frame, &used);

	if (rc < 0 || used != tx->len) {
		snprintf(why, why_size, "request: %s", uspd_strerror(rc < 0 ? rc : E_FRAME));
		return false;
	}
	if (rtu327_decode_request(&frame, q) < 0) {
		encode_raw(&w, &frame);
	} else if ((rc = rtu327_encode_request(&w, q, false)) < 0) {
		snprintf(why, why_size, "request: %s", uspd_strerror(rc));
		return false;
	}
	*shown = show_request(q);
	return same(again, w.len, tx, "request", why, why_size);
}

/* ---- replies ---- */

static json_t *
show_channels(uint8_t mask, const double v[RTU327_CHANNELS])
{
	json_t *made = json_object();

	for (unsigned i = 0; i < RTU327_CHANNELS; i++)
		if ((mask >> i & 1) != 0)
			set_real(made, rtu327_channel_names[i], v[i]);
	return made;
}

static void
reply_shprm(struct rd *r, struct wr *w, json_t *to)
{
	struct rtu327_shprm p;

	rtu327_get_shprm(r, &p);
	rtu327_put_shprm(w, &p);
	set_int(to, "vers", p.version);
	set_int(to, "type", p.type);
	set_real(to, "kt", p.ratio_i);
	set_real(to, "kn", p.ratio_u);
	set_real(to, "m", p.multiplier);
	set_int(to, "interval", p.interval_min);
	set_int(to, "obj_type", p.object_type);
	set_int(to, "obj_num", p.object);
	set_int(to, "feeder", p.feeder);
}

static void
reply_lp(struct rd *r, struct wr *w, const struct rtu327_request *q, json_t *to)
{
	bool with_stat = q->frame.code == RTU327_GETLP;
	json_t *list = json_array();
	struct rtu327_lp lp;

	rtu327_get_lp(r, &lp);
	rtu327_put_lp(w, &lp);
	set_int(to, "count", lp.count);
	set_int(to, "bit15", lp.bit15);
	set_int(to, "status", lp.status);
	set_int(to, "tlast", lp.last);
	for (unsigned i = 0; i < lp.count && !rd_failed(r); i++) {
		struct rtu327_interval one = { 0 };
		json_t *item;

		rtu327_get_interval(r, q->mask, with_stat, &one);
		rtu327_put_interval(w, q->mask, with_stat, &one);
		item = show_channels(q->mask, one.energy);
		if (with_stat)
			set_int(item, "stat", one.stat);
		json_array_append_new(list, item);
	}
	json_object_set_new(to, "intervals", list);
}

static void
reply_tests(struct rd *r, struct wr *w, json_t *to)
{
	json_t *list = json_array();
	struct rtu327_tests t;

	rtu327_get_tests(r, &t);
	rtu327_put_tests(w, &t);
	set_int(to, "bitstats", t.bits);
	set_int(to, "count", t.count);
	set_int(to, "elements", t.elements);
	for (unsigned i = 0; i < t.count && !rd_failed(r); i++) {
		struct rtu327_slice s = { 0 };
		json_t *item = json_object();

		rtu327_get_slice(r, t.bits, &s);
		rtu327_put_slice(w, t.bits, &s);
		set_int(item, "time", s.time);
		for (unsigned bit = 0; bit < RTU327_QUALITY_BITS; bit++)
			if ((t.bits >> bit & 1) != 0 && rtu327_quality_name(bit) != NULL)
				set_real(item, rtu327_quality_name(bit), s.v[bit]);
		json_array_append_new(list, item);
	}
	json_object_set_new(to, "slices", list);
}

static json_t *
show_autoread(const struct rtu327_autoread *a)
{
	json_t *made = json_object(), *tariffs = json_array(), *quadrants = json_array();

	json_object_set_new(made, "serial", json_string(a->serial));
	set_int(made, "time", a->time);
	for (unsigned i = 0; i < RTU327_TARIFFS; i++) {
		const struct rtu327_tariff *t = &a->tariffs[i];
		json_t *item = json_object();

		set_real(item, "energy", t->energy);
		set_real(item, "max", t->max);
		set_int(item, "max_time", t->max_time);
		set_real(item, "cum_max", t->cumulative_max);
		set_real(item, "coinc_max", t->coincident_max);
		json_array_append_new(tariffs, item);
	}
	for (unsigned i = 0; i < 4; i++)
		json_array_append_new(quadrants, json_real(a->quadrants[i]));
	json_object_set_new(made, "tariffs", tariffs);
	set_real(made, "total", a->total);
	json_object_set_new(made, "quadrants", quadrants);
	return made;
}

static void
reply_autoread(struct rd *r, struct wr *w, json_t *to)
{
	json_t *list = json_array();

	while (rd_left(r) > 0 && !rd_failed(r)) {
		struct rtu327_autoread a;

		rtu327_get_autoread(r, &a);
		rtu327_put_autoread(w, &a);
		json_array_append_new(list, show_autoread(&a));
	}
	json_object_set_new(to, "records", list);
}

static void
reply_events(struct rd *r, struct wr *w, json_t *to)
{
	json_t *list = json_array();

	while (rd_left(r) > 0 && !rd_failed(r)) {
		struct rtu327_event e;
		json_t *item = json_object();

		rtu327_get_event(r, &e);
		rtu327_put_event(w, &e);
		set_int(item, "time", e.time);
		set_int(item, "type", e.type);
		json_array_append_new(list, item);
	}
	json_object_set_new(to, "events", list);
}

static void
reply_log(struct rd *r, struct wr *w, json_t *to)
{
	json_t *list = json_array();

	while (rd_left(r) > 0 && !rd_failed(r)) {
		struct rtu327_log l;
		json_t *item = json_object();

		rtu327_get_log(r, &l);
		rtu327_put_log(w, &l);
		set_int(item, "id", l.id);
		set_int(item, "code", l.code);
		set_int(item, "dev", l.device);
		set_int(item, "time", l.time);
		json_object_set_new(item, "param", hex_json(l.param, l.param_len));
		json_array_append_new(list, item);
	}
	json_object_set_new(to, "events", list);
}

static void
reply_fields(struct rd *r, struct wr *w, const struct rtu327_request *q, json_t *to)
{
	double v[RTU327_CHANNELS] = { 0 };
	char version[RTU327_VERSION_DIGITS + 1] = "";
	uint32_t number;

	switch (q->frame.code) {
	case RTU327_GETVERSION:
		rd_bytes(r, version, RTU327_VERSION_DIGITS);
		wr_text(w, version);
		json_object_set_new(to, "version", json_string(version));
		break;
	case RTU327_GETTIME:
	case RTU327_GETMAXLOGID:
		number = rd_u32_le(r);
		wr_u32_le(w, number);
		set_int(to, q->frame.code == RTU327_GETTIME ? "time" : "max_id", number);
		break;
	case RTU327_GETPOK:
		rtu327_get_channels(r, q->mask, v);
		rtu327_put_channels(w, q->mask, v);
		json_object_set_new(to, "values", show_channels(q->mask, v));
		break;
	case RTU327_GETSHPRM: reply_shprm(r, w, to); break;
	case RTU327_GETLP:
	case RTU327_GETSHORTLP: reply_lp(r, w, q, to); break;
	case RTU327_GETTESTS: reply_tests(r, w, to); break;
	case RTU327_GETAUTOREAD: reply_autoread(r, w, to); break;
	case RTU327_GETMTRLOG: reply_events(r, w, to); break;
	case RTU327_GETLOG: reply_log(r, w, to); break;
	}
}

static bool
play_reply(const struct bytes *rx, const struct rtu327_request *q, json_t **shown,
    char *why, size_t why_size)
{
	static uint8_t again[BYTES_MOST];
	struct wr w = wr_init(again, sizeof(again));
	struct rtu327_frame frame;
	struct rd r;
	size_t used, at;
	int rc = rtu327_frame_read(rx->data, rx->len, false, &frame, &used);

	if (rc < 0 || used != rx->len) {
		snprintf(why, why_size, "reply: %s", uspd_strerror(rc < 0 ? rc : E_FRAME));
		return false;
	}
	*shown = json_object();
	set_int(*shown, "result", frame.code);
	r = rd_init(frame.data, frame.len);
	at = rtu327_frame_begin(&w, &frame);
	if (frame.code == RTU327_OK)
		reply_fields(&r, &w, q, *shown);
	rtu327_frame_end(&w, at, false);
	if (!rd_done(&r)) {
		snprintf(why, why_size, "reply: %zu bytes of data left over or missing", rd_left(&r));
		return false;
	}
	return same(again, w.len, rx, "reply", why, why_size);
}

/* ---- streams ---- */

/* The reply our server gives by default; other questions than GETVERSION depend on an archive and
 * are taken from the recorded replies when number and place agree. */
static void
answer(struct wr *w, const struct bytes *rx, const uint8_t *body, size_t len, bool corrupt)
{
	struct rtu327_frame request, recorded, reply = { 0 };
	struct settings settings;
	size_t at, used;

	if (rtu327_frame_open(body, len, &request) < 0)
		return;
	memcpy(reply.number, request.number, sizeof(reply.number));
	if (corrupt)
		reply.code = RTU327_BAD_CRC;
	else if (strcmp(rtu327_command_name(request.code), "?") == 0)
		reply.code = RTU327_BAD_COMMAND;
	else if (request.code == RTU327_GETVERSION && request.len > 0)
		reply.code = RTU327_BAD_PARAMETERS;
	settings_defaults(&settings);
	if (reply.code == RTU327_OK && request.code == RTU327_GETVERSION) {
		reply.data = (const uint8_t *)settings.rtu_version;
		reply.len = strlen(settings.rtu_version);
	} else if (reply.code == RTU327_OK && w->len < rx->len &&
	    rtu327_frame_read(rx->data + w->len, rx->len - w->len, false, &recorded, &used) == E_OK &&
	    memcmp(recorded.number, request.number, sizeof(request.number)) == 0) {
		reply = recorded;
	}
	at = rtu327_frame_begin(w, &reply);
	wr_bytes(w, reply.data, reply.len);
	rtu327_frame_end(w, at, false);
}

static void
receive(const struct bytes *tx, const struct bytes *rx, struct wr *replies)
{
	static const struct rtu327_limits limits = {
		.max_body = 256, .frame_timeout_ms = 5000, .frame_age_ms = 30000, .garbage = 4096,
	};
	struct rtu327_receiver r;
	const uint8_t *body;
	size_t len, fed = 0;
	int64_t now = 0;

	rtu327_receiver_init(&r, &limits);
	for (unsigned quiet = 0; quiet < 4;) {
		enum rtu327_received got;
		size_t room;
		uint8_t *to = rtu327_receiver_room(&r, &room);

		if (room > tx->len - fed)
			room = tx->len - fed;
		memcpy(to, tx->data + fed, room);
		rtu327_receiver_fed(&r, room, now);
		fed += room;
		while ((got = rtu327_receiver_next(&r, now, &body, &len)) != RTU327_MORE) {
			if (got == RTU327_GARBAGE)
				return;
			answer(replies, rx, body, len, got == RTU327_CORRUPT);
		}
		if (fed == tx->len) {
			now += limits.frame_timeout_ms;
			quiet++;
		}
	}
}

static bool
play_stream(const struct bytes *tx, const struct bytes *rx, json_t *made, char *why, size_t why_size)
{
	static uint8_t buf[BYTES_MOST];
	struct wr replies = wr_init(buf, sizeof(buf));
	json_t *list = json_array();
	struct rtu327_frame frame;
	size_t used;

	receive(tx, rx, &replies);
	for (size_t at = 0; at < replies.len; at += used) {
		json_t *item = json_object();

		if (rtu327_frame_read(buf + at, replies.len - at, false, &frame, &used) < 0)
			break;
		set_int(item, "result", frame.code);
		if (at == 0)
			json_object_set(made, "reply", item);
		json_array_append_new(list, item);
	}
	json_object_set_new(made, "replies", list);
	return same(buf, replies.len, rx, "stream of replies", why, why_size);
}

/* ---- */

static bool
play_exchange(const json_t *exchange, json_t *made, char *why, size_t why_size)
{
	const char *tx_hex = json_string_value(json_object_get(exchange, "tx"));
	const char *rx_hex = json_string_value(json_object_get(exchange, "rx"));
	struct rtu327_request request = { 0 };
	struct bytes tx = { 0 }, rx = { 0 };
	json_t *shown = NULL;
	bool good = false;

	if (!from_hex(tx_hex, &tx) || !from_hex(rx_hex != NULL ? rx_hex : "", &rx)) {
		snprintf(why, why_size, "not hexadecimal");
		goto out;
	}
	if (json_is_true(json_object_get(exchange, "tx_invalid"))) {
		good = play_stream(&tx, &rx, made, why, why_size);
		goto out;
	}
	good = play_request(&tx, &request, &shown, why, why_size);
	if (shown != NULL)
		json_object_set_new(made, "request", shown);
	if (!good || rx.len == 0)
		goto out;
	shown = NULL;
	good = play_reply(&rx, &request, &shown, why, why_size);
	if (shown != NULL)
		json_object_set_new(made, "reply", shown);
out:
	free(tx.data);
	free(rx.data);
	return good;
}

enum play_result
play_rtu327(const json_t *vector, json_t **out, char *why, size_t why_size)
{
	const json_t *exchanges = json_object_get(vector, "exchange");
	size_t n = json_array_size(exchanges);
	json_t *made = json_object();

	for (size_t i = 0; i < n; i++)
		if (!play_exchange(json_array_get(exchanges, i), made, why, why_size)) {
			json_decref(made);
			return PLAY_DIFFERED;
		}
	if (n == 0) {
		snprintf(why, why_size, "no exchange");
		json_decref(made);
		return PLAY_SKIPPED;
	}
	*out = made;
	return PLAY_DECODED;
}
