#include "rtu327/codec.h"

#include <string.h>

const char *
rtu327_quality_name(unsigned bit)
{
	switch (bit) {
#define ROW(number, name) case number: return name;
	RTU327_QUALITY(ROW)
#undef ROW
	}
	return NULL;
}

void
rtu327_put_shprm(struct wr *w, const struct rtu327_shprm *p)
{
	wr_u16_le(w, (uint16_t)p->version);
	wr_u8(w, p->type);
	wr_f64_le(w, p->ratio_i);
	wr_f64_le(w, p->ratio_u);
	wr_f64_le(w, p->multiplier);
	wr_u8(w, p->interval_min);
	wr_u32_le(w, (uint32_t)p->object_type);
	wr_u32_le(w, (uint32_t)p->object);
	wr_u32_le(w, (uint32_t)p->feeder);
}

void
rtu327_get_shprm(struct rd *r, struct rtu327_shprm *p)
{
	p->version = (int16_t)rd_u16_le(r);
	p->type = rd_u8(r);
	p->ratio_i = rd_f64_le(r);
	p->ratio_u = rd_f64_le(r);
	p->multiplier = rd_f64_le(r);
	p->interval_min = rd_u8(r);
	p->object_type = (int32_t)rd_u32_le(r);
	p->object = (int32_t)rd_u32_le(r);
	p->feeder = (int32_t)rd_u32_le(r);
}

void
rtu327_put_channels(struct wr *w, uint8_t mask, const double v[RTU327_CHANNELS])
{
	for (unsigned i = 0; i < RTU327_CHANNELS; i++)
		if ((mask >> i & 1) != 0)
			wr_f64_le(w, v[i]);
}

void
rtu327_get_channels(struct rd *r, uint8_t mask, double v[RTU327_CHANNELS])
{
	for (unsigned i = 0; i < RTU327_CHANNELS; i++)
		if ((mask >> i & 1) != 0)
			v[i] = rd_f64_le(r);
}

void
rtu327_put_lp(struct wr *w, const struct rtu327_lp *lp)
{
	wr_u16_le(w, (uint16_t)((lp->count & RTU327_LP_MOST) | (lp->bit15 ? 0x8000 : 0)));
	wr_u8(w, lp->status);
	wr_u32_le(w, lp->last);
}

void
rtu327_get_lp(struct rd *r, struct rtu327_lp *lp)
{
	uint16_t count = rd_u16_le(r);

	lp->count = count & RTU327_LP_MOST;
	lp->bit15 = (count & 0x8000) != 0;
	lp->status = rd_u8(r);
	lp->last = rd_u32_le(r);
}

void
rtu327_put_interval(struct wr *w, uint8_t mask, bool with_stat, const struct rtu327_interval *i)
{
	rtu327_put_channels(w, mask, i->energy);
	if (with_stat)
		wr_u8(w, i->stat);
}

void
rtu327_get_interval(struct rd *r, uint8_t mask, bool with_stat, struct rtu327_interval *i)
{
	rtu327_get_channels(r, mask, i->energy);
	i->stat = with_stat ? rd_u8(r) : 0;
}

void
rtu327_put_tests(struct wr *w, const struct rtu327_tests *t)
{
	wr_u32_le(w, t->bits);
	wr_u8(w, t->count);
	wr_u8(w, t->elements);
}

void
rtu327_get_tests(struct rd *r, struct rtu327_tests *t)
{
	t->bits = rd_u32_le(r);
	t->count = rd_u8(r);
	t->elements = rd_u8(r);
}

void
rtu327_put_slice(struct wr *w, uint32_t bits, const struct rtu327_slice *s)
{
	wr_u32_le(w, s->time);
	for (unsigned i = 0; i < RTU327_QUALITY_BITS; i++)
		if ((bits >> i & 1) != 0)
			wr_f64_le(w, s->v[i]);
}

void
rtu327_get_slice(struct rd *r, uint32_t bits, struct rtu327_slice *s)
{
	s->time = rd_u32_le(r);
	for (unsigned i = 0; i < RTU327_QUALITY_BITS; i++)
		if ((bits >> i & 1) != 0)
			s->v[i] = rd_f64_le(r);
}

void
rtu327_put_autoread(struct wr *w, const struct rtu327_autoread *a)
{
	wr_bytes(w, a->serial, RTU327_DIGITS);
	wr_u32_le(w, a->time);
	for (unsigned i = 0; i < RTU327_TARIFFS; i++) {
		const struct rtu327_tariff *t = &a->tariffs[i];

		wr_f64_le(w, t->energy);
		wr_f64_le(w, t->max);
		wr_u32_le(w, t->max_time);
		wr_f64_le(w, t->cumulative_max);
		wr_f64_le(w, t->coincident_max);
	}
	wr_f64_le(w, a->total);
	for (unsigned i = 0; i < 4; i++)
		wr_f64_le(w, a->quadrants[i]);
}

void
rtu327_get_autoread(struct rd *r, struct rtu327_autoread *a)
{
	rd_bytes(r, a->serial, RTU327_DIGITS);
	a->serial[RTU327_DIGITS] = '\0';
	a->time = rd_u32_le(r);
	for (unsigned i = 0; i < RTU327_TARIFFS; i++) {
		struct rtu327_tariff *t = &a->tariffs[i];

		t->energy = rd_f64_le(r);
		t->max = rd_f64_le(r);
		t->max_time = rd_u32_le(r);
		t->cumulative_max = rd_f64_le(r);
		t->coincident_max = rd_f64_le(r);
	}
	a->total = rd_f64_le(r);
	for (unsigned i = 0; i < 4; i++)
		a->quadrants[i] = rd_f64_le(r);
}

void
rtu327_put_event(struct wr *w, const struct rtu327_event *e)
{
	wr_u32_le(w, e->time);
	wr_u16_le(w, e->type);
}

void
rtu327_get_event(struct rd *r, struct rtu327_event *e)
{
	e->time = rd_u32_le(r);
	e->type = rd_u16_le(r);
}

void
rtu327_put_log(struct wr *w, const struct rtu327_log *l)
{
	wr_u32_le(w, l->id);
	wr_u16_le(w, l->code);
	wr_u8(w, l->device);
	wr_u32_le(w, l->time);
	wr_u16_le(w, l->param_len);
	wr_bytes(w, l->param, l->param_len);
}

void
rtu327_get_log(struct rd *r, struct rtu327_log *l)
{
	l->id = rd_u32_le(r);
	l->code = rd_u16_le(r);
	l->device = rd_u8(r);
	l->time = rd_u32_le(r);
	l->param_len = rd_u16_le(r);
	l->param = rd_take(r, l->param_len);
	if (l->param == NULL)
		l->param_len = 0;
}
