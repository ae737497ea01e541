/* Parameters of the Energomera meters and the one-shot GROUP read (3.1, 3.6). */
#include "sim/energomera.h"

#include <stdio.h>
#include <string.h>

void
sim_iec_put_decimal(struct wr *w, int64_t v, int decimals)
{
	char text[40];
	int64_t unit = 1;
	int n;

	for (int i = 0; i < decimals; i++)
		unit *= 10;
	n = snprintf(text, sizeof(text), "%s%lld.%0*lld", v < 0 ? "-" : "",
	    (long long)((v < 0 ? -v : v) / unit), decimals, (long long)((v < 0 ? -v : v) % unit));
	/* At least one decimal stays. */
	while (n > 2 && text[n - 1] == '0' && text[n - 2] != '.')
		text[--n] = '\0';
	wr_text(w, text);
}

void
sim_iec_put_values(struct sim_iec_call *call, const struct sim_iec_values *values)
{
	for (int i = 0; i < values->n; i++) {
		sim_iec_put(call->w, "%s(", call->name);
		sim_iec_put_decimal(call->w, values->v[i], values->decimals);
		wr_text(call->w, ")\r\n");
	}
}

/* 0.5 Wh is 5 units of 0.0001 kWh. */
void
sim_iec_registers(const struct sim_meter *m, enum sim_kind kind, int64_t from, int64_t to,
    struct sim_iec_values *values)
{
	*values = (struct sim_iec_values){ .n = 6, .decimals = 4 };
	for (unsigned i = 0; i <= SIM_TARIFFS; i++)
		values->v[i] = 5 *
		    (int64_t)(sim_counter(&m->load, kind, i, to) -
			(from != 0 ? sim_counter(&m->load, kind, i, from) : 0));
}

static void
put_phases(struct sim_iec_values *values, const int32_t *v, int n, int decimals, bool reverse)
{
	values->n = n;
	values->decimals = decimals;
	for (int i = 0; i < n; i++)
		values->v[i] = reverse ? -v[i] : v[i];
}

/* The momentary parameters under their names and GROUP numbers. */
enum quantity { VOLTA, CURRE, POWEP, POWPP, POWEQ, POWPQ, COS_F, CORUU, CORIU, FREQU };
static const struct {
	const char *name;
	unsigned group;
	enum quantity what;
} quantities[] = {
	{ "VOLTA", 0x4001, VOLTA }, { "CURRE", 0x4002, CURRE }, { "POWPP", 0x4003, POWPP },
	{ "COS_f", 0x4007, COS_F }, { "CORUU", 0x400B, CORUU }, { "FREQU", 0x400D, FREQU },
	{ "POWEP", 0, POWEP }, { "POWEQ", 0, POWEQ }, { "POWPQ", 0, POWPQ }, { "CORIU", 0, CORIU },
};

static void
momentary(const struct sim_iec_call *call, enum quantity what, struct sim_iec_values *values)
{
	int phases = call->m->single_phase ? 1 : 3;
	int32_t angles[3], none[3] = { 0 };
	struct sim_instant now;

	sim_instant(call->m, call->t, &now);
	angles[0] = now.angle[0];
	angles[1] = now.angle[2];
	angles[2] = now.angle[1];
	switch (what) {
	case VOLTA:	put_phases(values, now.u, phases, 2, false); break;
	case CURRE:	put_phases(values, now.i, phases, 3, false); break;
	case POWEP:	put_phases(values, now.p, 1, 5, now.p_reverse); break;
	case POWPP:	put_phases(values, now.p + 1, phases, 5, now.p_reverse); break;
	case POWEQ:	put_phases(values, now.q, 1, 5, now.q_reverse); break;
	case POWPQ:	put_phases(values, now.q + 1, phases, 5, now.q_reverse); break;
	case COS_F:	put_phases(values, now.cosine, phases + 1, 3, now.p_reverse); break;
	case CORUU:	put_phases(values, angles, 3, 2, false); break;
	case CORIU:	put_phases(values, none, phases, 2, false); break;
	case FREQU:	put_phases(values, &now.frequency, 1, 2, false); break;
	}
}

static int
energy(struct sim_iec_call *call, enum sim_kind kind)
{
	struct sim_iec_values values;
	int64_t from = 0;

	if (strncmp(call->name, "ECD", 3) == 0)
		from = sim_day(call->t) * SIM_DAY_S;
	else if (strncmp(call->name, "ECM", 3) == 0)
		from = sim_month_start(call->t, 0);
	sim_iec_registers(call->m, kind, from, call->t, &values);
	sim_iec_put_values(call, &values);
	return SIM_IEC_DATA;
}

/* The tariff schedule of the model: sim_tariff() as switching times. */
static void
put_schedule(struct sim_iec_call *call)
{
	unsigned before = 0;
	int n = 0;

	for (int hour = 0; hour < 24; hour++) {
		unsigned tariff = sim_tariff(hour * 3600);

		if (tariff == before)
			continue;
		sim_iec_put(call->w, "%s(%02d:00:%02u)\r\n", call->name, hour, tariff);
		before = tariff;
		n++;
	}
	for (; n < 12; n++)
		sim_iec_put(call->w, "%s(00:00:00)\r\n", call->name);
}

static void
put_clock(struct sim_iec_call *call)
{
	struct civil c = sim_civil(call->t);
	int weekday = civil_weekday(sim_day(call->t));

	if (strcmp(call->name, "TIME_") == 0)
		sim_iec_put(call->w, "TIME_(%02d:%02d:%02d)\r\n", c.hour, c.minute, c.second);
	else if (strcmp(call->name, "DATE_") == 0)
		sim_iec_put(call->w, "DATE_(%02d.%02d.%02d.%02d)\r\n", weekday, c.day, c.month,
		    c.year % 100);
	else
		sim_iec_put(call->w, "WATCH(%02d:%02d:%02d,%02d.%02d.%02d.%02d,0)\r\n", c.hour,
		    c.minute, c.second, weekday, c.day, c.month, c.year % 100);
}

static bool
fixed_text(const struct sim_iec_call *call, char text[80])
{
	const struct sim_energomera *me = &call->m->u.iec;
	const char *model = me->model == 3 ? "CE301" : "CE303";
	const struct {
		const char *name, *text;
	} fixed[] = {
		{ "SNUMB", call->m->serial },
		{ "IDPAS", me->address },
		{ "TRSUM", "0" },
		{ "FCVOL", "1" },
		{ "FCCUR", "1" },
		{ "TAVER", "30" },
		{ "NGRAP", "99" },
		{ "DAT25", "00.00.00" },
		{ "STAT_", "00000000" },
	};

	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (strcmp(fixed[i].name, call->name) == 0) {
			snprintf(text, 80, "%s", fixed[i].text);
			return true;
		}
	}
	if (strcmp(call->name, "MODEL") == 0)
		snprintf(text, 80, "%u", me->model);
	else if (strcmp(call->name, "IDENT") == 0)
		snprintf(text, 80, "%sv11.7s4", model);
	else if (strcmp(call->name, "HELLO") == 0)
		snprintf(text, 80, "2,%s,11,%s,%s", model, call->m->serial, me->address);
	else
		return false;
	return true;
}

static int
letters(struct sim_iec_call *call, enum sim_kind kind)
{
	static const char archives[][4] = { "END", "EAD", "ENM", "EAM", "GRA" };
	static const char registers[][4] = { "ET0", "ECD", "ECM" };

	if (!call->m->kinds[kind])
		return SIM_IEC_ERR_PARAMETER;
	for (size_t i = 0; i < 3; i++)
		if (strncmp(call->name, registers[i], 3) == 0)
			return energy(call, kind);
	for (size_t i = 0; i < 5; i++)
		if (strncmp(call->name, archives[i], 3) == 0)
			return sim_iec_archive(call, kind);
	return SIM_IEC_ERR_PARAMETER;
}

int
sim_iec_read(struct sim_iec_call *call)
{
	char text[80];
	enum sim_kind kind;
	struct sim_iec_values values;
	unsigned number;

	if (strlen(call->name) != 5 || strstr(call->m->u.iec.refuse, call->name) != NULL)
		return SIM_IEC_ERR_PARAMETER;
	if (sim_iec_kind(call->name + 3, &kind))
		return letters(call, kind);
	if (strcmp(call->name, "TIME_") == 0 || strcmp(call->name, "DATE_") == 0 ||
	    strcmp(call->name, "WATCH") == 0) {
		put_clock(call);
		return SIM_IEC_DATA;
	}
	for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++) {
		if (strcmp(quantities[i].name, call->name) == 0) {
			momentary(call, quantities[i].what, &values);
			sim_iec_put_values(call, &values);
			return SIM_IEC_DATA;
		}
	}
	if (sscanf(call->name, "GRF%2u", &number) == 1 && number >= 1 && number <= 36) {
		put_schedule(call);
		return SIM_IEC_DATA;
	}
	if (!fixed_text(call, text))
		return SIM_IEC_ERR_PARAMETER;
	sim_iec_put(call->w, "%s(%s)\r\n", call->name, text);
	return SIM_IEC_DATA;
}

/* One id(mask) of GROUP: bit i of the mask asks for value i. */
static void
group_item(struct sim_iec_call *call, unsigned id, unsigned mask)
{
	static const unsigned energies[SIM_KINDS] = { 0x1001, 0x1002, 0x1004, 0x1008 };
	struct sim_iec_values values = { .n = 0 };

	sim_iec_put(call->w, "%04X", id);
	if (id == 0x5003) {
		sim_iec_put(call->w, "(%s)", call->m->serial);
		return;
	}
	for (size_t i = 0; i < sizeof(quantities) / sizeof(quantities[0]); i++)
		if (quantities[i].group == id)
			momentary(call, quantities[i].what, &values);
	if (id == 0x4003 && values.n == 3) { /* the sum is the fourth value here */
		values.v[3] = values.v[0] + values.v[1] + values.v[2];
		values.n = 4;
	}
	for (int kind = 0; kind < SIM_KINDS; kind++)
		if (energies[kind] == id && call->m->kinds[kind])
			sim_iec_registers(call->m, (enum sim_kind)kind, 0, call->t, &values);
	if (values.n == 0)
		wr_text(call->w, "(E12)");
	for (int i = 0; i < 8 && values.n > 0; i++) {
		if ((mask >> i & 1) == 0)
			continue;
		if (i >= values.n) {
			wr_text(call->w, "(E12)");
			continue;
		}
		wr_text(call->w, "(");
		sim_iec_put_decimal(call->w, values.v[i], values.decimals);
		wr_text(call->w, ")");
	}
}

int
sim_iec_group(struct sim_iec_call *call)
{
	const char *p = call->argument;
	unsigned id, mask;
	int used;

	if (*p == '\0')
		return SIM_IEC_ERR_STRUCTURE;
	while (*p != '\0') {
		used = 0;
		if (sscanf(p, "%4x(%2x)%n", &id, &mask, &used) != 2 || used == 0)
			return SIM_IEC_ERR_STRUCTURE;
		group_item(call, id, mask);
		p += used;
	}
	return SIM_IEC_DATA;
}
