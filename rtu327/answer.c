#include "rtu327/answer_private.h"

#include <jansson.h>
#include <string.h>

#include "src/base/clock.h"

/* ---- checks ---- */

static bool
in_range(const struct settings *s, int32_t delta_s)
{
	int64_t size = delta_s < 0 ? -(int64_t)delta_s : delta_s;

	return s->rtu_settime_max_s == 0 || size <= s->rtu_settime_max_s;
}

enum rtu327_result
rtu327_examine(const struct rtu327_context *ctx, const struct rtu327_frame *frame,
    struct rtu327_request *q)
{
	const struct settings *s = &ctx->settings;
	enum rtu327_rights rights = rtu327_auth_check(&ctx->auth, frame->password);
	int rc = rtu327_decode_request(frame, q);

	q->frame.data = NULL;
	q->frame.len = 0;
	if (rights == RTU327_REFUSED)
		return RTU327_WRONG_PASSWORD;
	if (rc == E_UNSUPPORTED || (frame->code == RTU327_GETSHORTLP && s->rtu_shortlp == 0))
		return RTU327_BAD_COMMAND;
	if (frame->code == RTU327_SETTIME && (rights != RTU327_WRITES || s->rtu_settime_enable == 0))
		return RTU327_NO_RIGHTS;
	if (rc < 0 || !rtu327_request_sound(q))
		return RTU327_BAD_PARAMETERS;
	if (frame->code == RTU327_SETTIME && !in_range(s, q->delta_s))
		return RTU327_BAD_PARAMETERS;
	return RTU327_OK;
}

size_t
rtu327_refuse(const struct rtu327_context *ctx, const uint8_t number[2], enum rtu327_result result,
    uint8_t *reply)
{
	struct rtu327_frame frame = { .code = (uint8_t)result };
	struct wr w = wr_init(reply, RTU327_ERROR_REPLY);
	size_t at;

	memcpy(frame.number, number, sizeof(frame.number));
	at = rtu327_frame_begin(&w, &frame);
	rtu327_frame_end(&w, at, ctx->settings.rtu_crc_unsigned != 0);
	return w.len;
}

bool
rtu327_asks_archive(const struct rtu327_request *q)
{
	switch (q->frame.code) {
	case RTU327_GETVERSION:
	case RTU327_GETTIME:
	case RTU327_SETTIME:
		return false;
	default:
		return true;
	}
}

/* ---- helpers ---- */

uint32_t
answer_ms_left(const struct answer *a)
{
	int64_t left_us = a->deadline_us - clock_mono_us();

	return left_us < 1000 ? 1 : (uint32_t)(left_us / 1000);
}

int
answer_read(const struct answer *a, const struct store_range *range, store_each *each, void *arg)
{
	struct store_range timed = *range;

	timed.deadline_ms = answer_ms_left(a);
	return store_read(a->ctx->store, a->meter->dev, &timed, each, arg);
}

double
answer_value(const struct record *r, unsigned slot, double divisor)
{
	return record_has(r, slot) ? (double)r->v[slot] / divisor : RTU327_MISSING;
}

static int
take_period(void *arg, uint16_t dev, const struct record *r)
{
	uint16_t *minutes = arg;

	(void)dev;
	*minutes = r->period_min;
	return r->period_min > 0;
}

int
answer_interval(const struct answer *a, uint8_t *minutes)
{
	struct store_range newest = {
		.type = REC_EL_PROFILE, .to = RTU327_TIME_MOST, .limit = 1, .newest_first = true,
	};
	struct meter_state state;
	uint16_t found = 0;
	int rc = answer_read(a, &newest, take_period, &found);

	if (rc == E_OK && found == 0) {
		rc = store_state_get(a->ctx->store, a->meter->dev, &state);
		if (rc == E_OK)
			found = state.config.period_min;
	}
	*minutes = found >= 1 && found <= INT8_MAX ? (uint8_t)found : 30;
	return rc;
}

/* ---- answers of one piece ---- */

static double
known_or_one(uint32_t value)
{
	return value > 0 ? value : 1.0;
}

static int
answer_shprm(struct answer *a)
{
	const struct meter_type *type = meter_type_by_id(a->meter->type);
	struct rtu327_shprm p = { .version = 1, .type = 100 };
	struct meter_state state;
	int rc = store_state_get(a->ctx->store, a->meter->dev, &state);

	if (rc == E_OK)
		rc = answer_interval(a, &p.interval_min);
	if (rc < 0)
		return rc;
	if (type != NULL && a->ctx->settings.rtu_no_type == 0)
		p.type = type->rtu327_code;
	p.ratio_i = known_or_one(state.config.ratio_i);
	p.ratio_u = known_or_one(state.config.ratio_u);
	p.multiplier = known_or_one(state.config.constant);
	p.object_type = a->meter->rtu_object_type;
	p.object = a->meter->rtu_object;
	p.feeder = a->meter->rtu_feeder;
	rtu327_put_shprm(a->w, &p);
	return E_OK;
}

/* ---- the concentrator's own journal ---- */

static int
answer_max_log_id(struct answer *a)
{
	uint64_t last = store_journal_last(a->ctx->store, DJ_RTU);

	wr_u32_le(a->w, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
	return E_OK;
}

struct log_walk {
	struct answer *a;
	size_t n, most;
};

static int
put_log_row(void *arg, uint64_t id, int64_t ts, const char *text)
{
	struct log_walk *walk = arg;
	json_t *json = json_loads(text, 0, NULL);
	json_t *own = json_object_get(json, "code");
	int32_t code = RTU327_NOT_EXPORTED;

	if (json_is_integer(own))
		code = rtu327_map_find(&walk->a->ctx->log, 0, json_integer_value(own));
	json_decref(json);
	if (code == RTU327_NOT_EXPORTED || id > UINT32_MAX || ts < 0 || ts > RTU327_TIME_MOST)
		return 0;
	rtu327_put_log(walk->a->w, &(struct rtu327_log){
		.id = (uint32_t)id, .code = (uint16_t)code, .time = (uint32_t)ts,
	});
	return ++walk->n >= walk->most;
}

static int
answer_log(struct answer *a)
{
	struct log_walk walk = { .a = a, .most = a->room / RTU327_LOG_SIZE };
	int rc;

	if (walk.most > a->q->count)
		walk.most = a->q->count;
	rc = store_journal_read(a->ctx->store, DJ_RTU, a->q->id, 0, false, put_log_row, &walk);
	if (rc < 0)
		return rc;
	return walk.n > 0 ? E_OK : E_NODATA;
}

/* ---- */

static int
answer_version(struct answer *a)
{
	const char *version = a->ctx->settings.rtu_version;

	/* Exactly six digits go out, whatever a person has set. */
	if (strlen(version) != RTU327_VERSION_DIGITS)
		version = "020102";
	wr_bytes(a->w, version, RTU327_VERSION_DIGITS);
	return E_OK;
}

static int
answer_time(struct answer *a)
{
	wr_u32_le(a->w, (uint32_t)clock_utc());
	return E_OK;
}

static int
dispatch(struct answer *a)
{
	switch (a->q->frame.code) {
	case RTU327_GETVERSION:
		return answer_version(a);
	case RTU327_GETTIME:
		return answer_time(a);
	case RTU327_GETMAXLOGID:
		return answer_max_log_id(a);
	case RTU327_GETLOG:
		return answer_log(a);
	}
	a->meter = rtu327_context_meter(a->ctx, a->q->serial);
	if (a->meter == NULL)
		return E_NOTFOUND;
	switch (a->q->frame.code) {
	case RTU327_GETSHPRM:
		return answer_shprm(a);
	case RTU327_GETPOK:
		return answer_readings(a);
	case RTU327_GETLP:
	case RTU327_GETSHORTLP:
		return answer_lp(a);
	case RTU327_GETTESTS:
		return answer_tests(a);
	case RTU327_GETAUTOREAD:
		return answer_autoread(a);
	case RTU327_GETMTRLOG:
		return answer_meter_log(a);
	}
	return E_UNSUPPORTED;
}

static enum rtu327_result
result_of(const struct answer *a, int rc)
{
	const struct settings *s = &a->ctx->settings;

	if (rc == E_NOTFOUND && a->meter == NULL)
		return (enum rtu327_result)s->rtu_unknown_meter_code;
	if (rc == E_NODATA)
		return (enum rtu327_result)s->rtu_nodata_code;
	if (rc == E_INVALID && a->q->frame.code == RTU327_GETSHORTLP)
		return RTU327_WRONG_INTERVAL;
	return rtu327_result_of((enum uspd_err)rc);
}

enum rtu327_result
rtu327_answer(const struct rtu327_context *ctx, const struct rtu327_request *q,
    uint8_t *reply, size_t size, size_t *len)
{
	const struct settings *s = &ctx->settings;
	struct rtu327_frame frame = { .code = RTU327_OK };
	struct wr w = wr_init(reply, size);
	struct answer a = {
		.ctx = ctx, .q = q, .w = &w,
		.room = (size_t)s->rtu_max_reply_body - RTU327_HEADER,
		.deadline_us = clock_mono_us() + s->rtu_db_timeout_s * 1000000,
	};
	enum rtu327_result result;
	size_t at;
	int rc;

	if (size < a.room + RTU327_ERROR_REPLY)
		a.room = size > RTU327_ERROR_REPLY ? size - RTU327_ERROR_REPLY : 0;
	memcpy(frame.number, q->frame.number, sizeof(frame.number));
	at = rtu327_frame_begin(&w, &frame);
	rc = dispatch(&a);
	rtu327_frame_end(&w, at, s->rtu_crc_unsigned != 0);
	result = rc < 0 ? result_of(&a, rc) : wr_ok(&w) ? RTU327_OK : RTU327_SERVER_ERROR;
	*len = result == RTU327_OK ? w.len : rtu327_refuse(ctx, q->frame.number, result, reply);
	return result;
}
