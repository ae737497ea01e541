#include "tests/unit/smart_help.h"

#include <check.h>
#include <stdio.h>

#include "tests/unit/http_help.h"

#define DAY1 SMART_DAY
#define DAY2 (SMART_DAY + 86400)

static void
put(uint16_t dev, const struct record *r)
{
	ck_assert_int_eq(store_put(http_store, dev, r, 1), E_OK);
}

static void
put_energy(uint16_t dev, enum record_type type, int64_t ts, int32_t diff, int64_t sum, int64_t first)
{
	struct record r = { .type = type, .valid = true, .ts = ts, .diff_s = diff };

	record_set(&r, energy_slot(0, A_PLUS), sum);
	if (first >= 0)
		record_set(&r, energy_slot(1, A_PLUS), first);
	put(dev, &r);
}

void
smart_put_slice(uint16_t dev, int64_t ts, int32_t diff, int64_t p, int64_t q)
{
	struct record r = { .type = REC_EL_PROFILE, .valid = true, .ts = ts, .diff_s = diff,
		.period_min = 30, .flags = PROFILE_MEASURED };

	record_set(&r, P_PLUS, p);
	record_set(&r, P_MINUS, 0);
	record_set(&r, Q_PLUS, q);
	record_set(&r, Q_MINUS, 0);
	put(dev, &r);
}

static void
put_event(uint16_t dev, uint16_t journal, int64_t ts, int event, int number)
{
	struct record r = { .type = REC_EL_JOURNAL, .journal = journal, .valid = true, .ts = ts,
		.diff_s = -2 };

	record_set(&r, J_EVENT, event);
	record_set(&r, J_EVENT_ID, number);
	put(dev, &r);
}

static void
put_config(uint16_t dev, enum record_type type, const char *serial, const char *model)
{
	struct meter_config c = { .is_dst = 0, .is_clock = 1, .is_tariff = 1, .is_a_minus = 0,
		.is_r_plus = 1, .is_r_minus = 0, .profile_arrays = 1, .ratio_i = 1, .ratio_u = 1,
		.constant = 1000 };
	struct record r = { .type = type, .valid = true, .ts = 1717150000, .config = &c };

	snprintf(c.serial, sizeof(c.serial), "%s", serial);
	snprintf(c.model, sizeof(c.model), "%s", model);
	put(dev, &r);
}

static void
put_rest(void)
{
	struct record marker = { .type = REC_EL_DAY, .ts = DAY2 + 86400 };
	struct record channels = { .type = REC_DIG_MOMENT, .valid = true, .ts = DAY1 + 36000 };
	struct record quality = { .type = REC_EL_MOMENT_QUALITY, .valid = true, .ts = DAY1 + 5 };

	record_set(&marker, 0, DAY2 + 90000);
	put(2, &marker);
	record_set(&channels, 0, 1000);
	record_set(&channels, 1, 0);
	record_set(&channels, 2, 0);
	put(5, &channels);
	record_set(&quality, Q_UA, 230125);
	record_set(&quality, Q_KPS, -500);
	record_set(&quality, Q_FREQ, 50000);
	put(2, &quality);
}

void
smart_setup(void)
{
	http_setup();
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":6,\"type\":3,\"addr\":\"72\",\"iface\":\"Iface1\"}]", NULL);
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":7,\"type\":5,\"addr\":\"141227285\",\"iface\":\"Iface2\"}]", NULL);
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":1,\"type\":3,\"addr\":\"15\",\"iface\":\"Iface1\"}]", NULL);
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":8,\"type\":93,\"addr\":\"8\",\"iface\":\"Iface1\"}]", NULL);
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":9,\"type\":192,\"addr\":\"9\",\"iface\":\"Iface1\"}]", NULL);
	http_expect(200, "POST", "/api/v1/meters",
	    "[{\"id\":10,\"type\":91,\"addr\":\"10\",\"iface\":\"Iface1\"}]", NULL);
	put_config(1, REC_EL_CONFIG, "08873213", "Mercury 230ART-01");
	put_config(3, REC_EL_CONFIG, "02553417", "");
	put_config(5, REC_DIG_CONFIG, "1", "");
	put_energy(1, REC_EL_DAY, DAY1, -2, 1415644000, 1002511000);
	put_energy(1, REC_EL_DAY, DAY2, -2, 1421090000, 1006380000);
	put_energy(3, REC_EL_DAY, DAY1, 1, 2204510000, -1);
	smart_put_slice(1, DAY1, -2, 412500, 96200);
	smart_put_slice(1, DAY1 + 1800, -2, 300000, 0);
	smart_put_slice(3, DAY1, 1, 180000, 0);
	put_event(1, J_PWR, 1717243215, 0, 4);
	put_event(1, J_PWR, 1717243377, 1, 5);
	put_rest();
	ck_assert_int_eq(store_sync(http_store), E_OK);
}
