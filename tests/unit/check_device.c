/* What the device tells of itself, orders to it, firmware packages. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/log.h"
#include "src/base/loop.h"
#include "src/store/store.h"
#include "src/system/command.h"
#include "src/system/device.h"
#include "src/system/firmware.h"
#include "src/system/multipart.h"
#include "src/system/orders.h"
#include "tests/unit/unit.h"

static char dir[UNIT_FOLDER];
static struct store *store;
static struct loop *loop;

static void
setup(void)
{
	char why[256];

	unit_folder_make(dir);
	ck_assert_int_eq(store_open(&store, dir, why, sizeof(why)), E_OK);
	ck_assert_int_eq(loop_open(&loop), E_OK);
}

static void
teardown(void)
{
	struct device_paths paths = { .identity = "/etc/uspd/device.json", .root = "" };

	device_look_in(&paths);
	loop_end_work(loop);
	loop_close(loop);
	store_close(store);
	unit_folder_remove(dir);
}

/* Makes the folders of a file too. */
static void
put_file(const char *name, const void *data, size_t len)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (char *p = strchr(path + strlen(dir) + 1, '/'); p != NULL; p = strchr(p + 1, '/')) {
		*p = '\0';
		ck_assert(mkdir(path, 0755) == 0 || errno == EEXIST);
		*p = '/';
	}
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, 1, len, f), len);
	fclose(f);
}

static void
put_text(const char *name, const char *text)
{
	put_file(name, text, strlen(text));
}

static void
look_in(const char *identity)
{
	struct device_paths paths = { .identity = identity, .root = unit_in(dir, "root") };

	device_look_in(&paths);
}

/* ---- what it is ---- */

START_TEST(identity_comes_from_the_board_and_from_the_kernel)
{
	struct device_identity id;

	put_text("device.json",
	    "{\"model\":\"31\",\"revision\":\"0003\",\"serial\":\"310324000417\",\"rs485\":4,"
	    "\"flash\":{\"type\":\"eMMC\",\"count\":1},\"compatible\":\"um31\",\"loader\":\"1.0.12\"}");
	put_text("root/sys/class/net/eth0/address", "02:00:00:31:04:17\n");
	put_text("root/sys/class/net/eth0/device/vendor", "1\n");
	put_text("root/sys/class/net/eth1/address", "02:00:00:31:04:18\n");
	put_text("root/sys/class/net/eth1/device/vendor", "1\n");
	put_text("root/sys/class/net/lo/address", "00:00:00:00:00:00\n");
	look_in(unit_in(dir, "device.json"));
	device_identity(&id);
	ck_assert_str_eq(id.model, "31");
	ck_assert_str_eq(id.serial, "310324000417");
	ck_assert_str_eq(id.mac, "02:00:00:31:04:17");
	ck_assert_str_eq(id.modem, "none");
	ck_assert_str_eq(id.flash_type, "eMMC");
	ck_assert_str_eq(id.compatible, "um31");
	ck_assert_uint_eq(id.ethernet_count, 2);
	ck_assert_uint_eq(id.rs485_count, 4);
}
END_TEST

START_TEST(a_board_that_tells_nothing_is_no_fault)
{
	struct device_identity id;

	look_in(unit_in(dir, "none.json"));
	device_identity(&id);
	ck_assert_str_eq(id.model, "");
	ck_assert_uint_eq(id.flash_count, 0);
	put_text("broken.json", "{\"model\":31,\"flash\":7,\"rs485\":-1,");
	look_in(unit_in(dir, "broken.json"));
	device_identity(&id);
	ck_assert_str_eq(id.model, "");
}
END_TEST

START_TEST(a_hardware_clock_without_battery_is_not_healthy)
{
	struct device_clock clock;

	look_in(NULL);
	device_clock(&clock);
	ck_assert(!clock.rtc_present && !clock.rtc_healthy);
	put_text("root/sys/class/rtc/rtc0/since_epoch", "86400\n");
	device_clock(&clock);
	ck_assert(clock.rtc_present && !clock.rtc_healthy);
	put_text("root/sys/class/rtc/rtc0/since_epoch", "1790000000\n");
	device_clock(&clock);
	ck_assert(clock.rtc_healthy);
	ck_assert_int_eq(clock.rtc_utc, 1790000000);
}
END_TEST

START_TEST(flash_chips_are_told_without_their_parts)
{
	struct device_flash flash[4];

	put_text("root/sys/block/mmcblk0/size", "15269888\n");
	put_text("root/sys/block/mmcblk0/device/type", "MMC\n");
	put_text("root/sys/block/mmcblk0boot0/size", "8192\n");
	put_text("root/sys/block/sda/size", "100\n");
	put_text("root/sys/block/sda/removable", "1\n");
	put_text("root/sys/block/loop0/size", "100\n");
	look_in(NULL);
	ck_assert_uint_eq(device_flashes(flash, 4), 1);
	ck_assert_str_eq(flash[0].type, "eMMC");
	ck_assert_uint_eq(flash[0].sectors, 15269888);
}
END_TEST

START_TEST(load_and_threads_are_those_of_this_process)
{
	struct device_thread threads[32];
	struct device_load load;
	size_t n;

	look_in("/nowhere");
	device_look_in(&(struct device_paths){ .root = "" });
	device_load(&load);
	ck_assert_uint_gt(load.memory_total, load.memory_available);
	ck_assert_uint_gt(load.resident, 100000);
	ck_assert_str_ne(load.os, "");
	n = device_threads(threads, 32);
	ck_assert_uint_ge(n, 2); /* the store's writer */
	ck_assert_uint_ge(load.threads, 2);
	ck_assert_uint_gt(device_disks(dir, (struct device_disk[2]){ { .path = "" } }, 2), 0);
}
END_TEST

START_TEST(broken_files_of_the_kernel_are_no_fault)
{
	struct device_socket sockets[4];
	struct device_thread threads[4];
	struct device_load load;

	put_text("root/proc/self/net/tcp",
	    "  sl\n 0: zz:1 00000000:0000 0A x x x 0 0 1\n\n 1: 0100007F\n");
	put_text("root/proc/self/stat", "1 (a) b) R 1");
	put_text("root/proc/self/task/5/stat", "");
	put_text("root/proc/meminfo", "MemTotal: x\n");
	look_in(NULL);
	ck_assert_uint_eq(device_sockets(sockets, 4), 0);
	ck_assert_uint_eq(device_threads(threads, 4), 0);
	device_load(&load);
	ck_assert_uint_eq(load.memory_total, 0);
}
END_TEST

/* ---- orders ---- */

static int64_t stepped_from;

static void
stepped(void *arg, int64_t before)
{
	(void)arg;
	stepped_from = before;
}

static void
end(void *arg)
{
	(void)arg;
	loop_stop(loop);
}

static int
print_row(void *arg, uint64_t id, int64_t ts, const char *json)
{
	(void)id;
	(void)ts;
	snprintf(arg, 128, "%s", json);
	return 0;
}

START_TEST(the_clock_is_set_within_its_limits_and_journalled)
{
	struct orders_options options = { .store = store, .loop = loop, .dir = dir, .stepped = stepped,
		.end = end };	/* the hardware clock is not ours */
	const struct device_orders *device;
	struct orders *orders;
	char row[128] = "", wanted[128];

	clock_use_system(false);
	ck_assert_int_eq(orders_open(&orders, &options), E_OK);
	device = orders_device(orders);
	ck_assert_int_eq(device->clock_set(device->arg, 946684799, CLOCK_BY_HTTP), E_INVALID);
	ck_assert_int_eq(device->clock_set(device->arg, 4102444800, CLOCK_BY_HTTP), E_INVALID);
	ck_assert_int_eq(device->clock_set(device->arg, 1717200000, CLOCK_BY_HTTP), E_OK);
	ck_assert_int_le(clock_utc() - 1717200000, 5);
	ck_assert_int_eq(store_sync(store), E_OK);
	ck_assert_int_eq(store_journal_read(store, DJ_TIME, 0, 0, false, print_row, row), E_OK);
	snprintf(wanted, sizeof(wanted), "{\"oldTime\":%lld,\"newTime\":1717200000,\"source\":2}",
	    (long long)stepped_from);
	ck_assert_str_eq(row, wanted);
	ck_assert_int_eq(device->clock_sync(device->arg), E_UNSUPPORTED);
	ck_assert_int_eq(orders_clock_step(orders, INT64_MAX, CLOCK_BY_RTU327), E_INVALID);
	ck_assert_int_eq(orders_clock_step(orders, -INT64_C(86400000000), CLOCK_BY_RTU327), E_OK);
	ck_assert_int_le(clock_utc() - (1717200000 - 86400), 5);
	orders_close(orders);
}
END_TEST

START_TEST(a_restart_is_told_from_a_power_cut)
{
	struct orders_options options = { .store = store, .loop = loop, .dir = dir, .end = end };
	const struct device_orders *device;
	struct orders *orders;

	put_text("root/proc/sys/kernel/random/boot_id", "one\n");
	look_in(NULL);
	ck_assert_int_eq(orders_start_reason(dir), 1);
	ck_assert_int_eq(orders_start_reason(dir), 2); /* the daemon alone */
	put_text("root/proc/sys/kernel/random/boot_id", "two\n");
	ck_assert_int_eq(orders_start_reason(dir), 1);
	ck_assert_int_eq(orders_open(&orders, &options), E_OK);
	device = orders_device(orders);
	device->restart(device->arg);
	ck_assert_int_eq(loop_run(loop), E_OK);
	orders_close(orders);
	put_text("root/proc/sys/kernel/random/boot_id", "three\n");
	ck_assert_int_eq(orders_start_reason(dir), 2);
	put_text("start.mark", "\n");
	ck_assert_int_eq(orders_start_reason(dir), 0);
}
END_TEST

START_TEST(commands_are_heard_and_limited)
{
	char out[8];

	ck_assert_int_eq(
	    command_run((const char *const[]){ "echo", "0123456789", NULL }, out, sizeof(out), 5000),
	    E_OK);
	ck_assert_str_eq(out, "0123456");
	ck_assert_int_eq(command_run((const char *const[]){ "false", NULL }, out, sizeof(out), 5000),
	    E_IO);
	ck_assert_int_eq(
	    command_run((const char *const[]){ "no-such-program-here", NULL }, out, sizeof(out), 5000),
	    E_NOTFOUND);
	ck_assert_int_eq(
	    command_run((const char *const[]){ "sleep", "60", NULL }, out, sizeof(out), 50), E_TIMEOUT);
}
END_TEST

START_TEST(the_last_lines_of_the_log_are_whole)
{
	static char buf[LOG_RECENT_SIZE + 1];
	int saved = dup(2);
	size_t len;

	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	for (int i = 0; i < 2000; i++)
		log_info("test", "line number %d of many that run around the ring", i);
	dup2(saved, 2);
	close(saved);
	len = log_recent(buf, sizeof(buf));
	ck_assert_uint_gt(len, LOG_RECENT_SIZE / 2);
	ck_assert_ptr_nonnull(strstr(buf, "info: test: line number 1999 of"));
	ck_assert_int_eq(buf[len - 1], '\n');
	ck_assert(buf[0] >= '0' && buf[0] <= '9');
	ck_assert_ptr_nonnull(strstr(buf, "\n"));
	len = log_recent(buf, 100);
	ck_assert_uint_lt(len, 100);
	ck_assert(len == 0 || (buf[0] >= '0' && buf[0] <= '9'));
}
END_TEST

/* ---- firmware ---- */

static EVP_PKEY *key;

static void
firmware_setup(void)
{
	FILE *f;

	setup();
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	ck_assert_ptr_nonnull(key);
	put_text("keys/readme", "keys");
	f = fopen(unit_in(dir, "keys/maker.pem"), "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(PEM_write_PUBKEY(f, key), 1);
	fclose(f);
	firmware_look_in(unit_in(dir, "keys"));
	put_text("device.json", "{\"compatible\":\"um31\",\"min_version\":\"1.3.9\"}");
	look_in(unit_in(dir, "device.json"));
}

static void
firmware_teardown(void)
{
	EVP_PKEY_free(key);
	teardown();
}

enum { PACKAGE_MOST = 4096 };
struct package { uint8_t bytes[PACKAGE_MOST]; size_t len; };

static struct package
make_package(const char *compatible, const char *version)
{
	static const char payload[] = "\r\n--b\r\nthis is the new firmware";
	uint8_t digest[SHA256_DIGEST_LENGTH];
	struct package p = { .len = FIRMWARE_HEAD };
	char hex[65];
	size_t size = FIRMWARE_SIGNATURE;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	SHA256((const uint8_t *)payload, sizeof(payload), digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(hex + i * 2, 3, "%02x", digest[i]);
	p.len += (size_t)snprintf((char *)p.bytes + p.len, 1024,
	    "{\"compatible\":\"%s\",\"version\":\"%s\",\"size\":%zu,\"sha256\":\"%s\"}", compatible,
	    version, sizeof(payload), hex);
	memcpy(p.bytes, FIRMWARE_MAGIC, 8);
	p.bytes[8] = (uint8_t)(p.len - FIRMWARE_HEAD);
	p.bytes[9] = (uint8_t)((p.len - FIRMWARE_HEAD) >> 8);
	ck_assert_int_eq(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
	ck_assert_int_eq(EVP_DigestSign(ctx, p.bytes + p.len, &size, p.bytes, p.len), 1);
	EVP_MD_CTX_free(ctx);
	p.len += size;
	memcpy(p.bytes + p.len, payload, sizeof(payload));
	p.len += sizeof(payload);
	return p;
}

static int
verify(const struct package *p)
{
	struct firmware_manifest m;
	char why[256];

	put_file("package", p->bytes, p->len);
	return firmware_verify(unit_in(dir, "package"), &m, why, sizeof(why));
}

START_TEST(a_package_is_good_only_whole_and_unchanged)
{
	struct package p = make_package("um31", "1.4.0"), bad;

	ck_assert_int_eq(verify(&p), E_OK);
	for (size_t len = 0; len < p.len; len++) {
		bad = p;
		bad.len = len;
		ck_assert_int_ne(verify(&bad), E_OK);
	}
	for (size_t i = 0; i < p.len; i++) {
		bad = p;
		bad.bytes[i] ^= 0x10;
		ck_assert_msg(verify(&bad) != E_OK, "byte %zu", i);
	}
	bad = p;
	bad.bytes[bad.len++] = 0;
	ck_assert_int_eq(verify(&bad), E_FRAME);
}
END_TEST

START_TEST(a_package_of_somebody_else_is_refused)
{
	EVP_PKEY *ours = key;
	struct package p;

	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	p = make_package("um31", "1.4.0");
	ck_assert_int_eq(verify(&p), E_DENIED);
	EVP_PKEY_free(key);
	key = ours;
	unlink(unit_in(dir, "keys/maker.pem"));
	ck_assert_int_eq(verify(&p), E_NOTFOUND);
}
END_TEST

static int
take(const struct package *p, bool form, bool force, char why[static 256])
{
	struct firmware_upload upload = { .data_dir = dir, .login = "admin", .force = force };
	struct firmware_manifest m;
	char body[PACKAGE_MOST + 512];
	size_t len = 0;

	if (form) {
		len = (size_t)snprintf(body, sizeof(body),
		    "--b\r\nContent-Disposition: form-data; name=\"fw_update\"; filename=\"x.bin\"\r\n"
		    "Content-Type: application/octet-stream\r\n\r\n");
		upload.content_type = "multipart/form-data; boundary=b";
	}
	/* The payload holds what looks like the boundary, so another one stands in for it. */
	memcpy(body + len, p->bytes, p->len);
	len += p->len;
	if (form)
		len += (size_t)snprintf(body + len, 16, "\r\n--b--\r\n");
	put_file("body", body, len);
	upload.file = unit_in(dir, "body");
	return firmware_take(store, &upload, &m, why, 256);
}

START_TEST(a_good_package_is_handed_over_and_the_last_one_kept)
{
	struct package p = make_package("um31", "1.4.0");
	struct text log = { 0 };
	json_t *manifest;
	char why[256];

	ck_assert_msg(take(&p, false, false, why) == E_OK, "%s", why);
	manifest = json_load_file(unit_in(dir, "firmware/spool/update.json"), 0, NULL);
	ck_assert_str_eq(json_string_value(json_object_get(manifest, "version")), "1.4.0");
	ck_assert_int_eq(access(json_string_value(json_object_get(manifest, "file")), R_OK), 0);
	json_decref(manifest);
	ck_assert_int_eq(take(&p, false, false, why), E_BUSY);
	unlink(unit_in(dir, "firmware/spool/update.json"));
	ck_assert_int_eq(take(&p, false, false, why), E_OK);
	ck_assert_int_eq(access(unit_in(dir, "firmware/previous.bin"), R_OK), 0);
	ck_assert_int_lt(access(unit_in(dir, "firmware/incoming.bin"), R_OK), 0);
	firmware_log(dir, &log);
	ck_assert_ptr_nonnull(strstr(log.p, "version 1.4.0 for um31"));
	text_free(&log);
}
END_TEST

START_TEST(what_does_not_fit_the_device_is_refused)
{
	struct package other = make_package("um40", "1.4.0"), old = make_package("um31", "1.3.8");
	struct package junk = { .bytes = "junk", .len = 4 };
	char why[256];

	ck_assert_int_eq(take(&other, false, false, why), E_UNSUPPORTED);
	ck_assert_int_eq(take(&other, false, true, why), E_UNSUPPORTED);
	ck_assert_int_eq(take(&junk, false, false, why), E_FRAME);
	ck_assert_int_eq(take(&old, false, false, why), E_VERSION);
	ck_assert_int_lt(access(unit_in(dir, "firmware/spool/update.json"), F_OK), 0);
	ck_assert_int_lt(access(unit_in(dir, "firmware/incoming.bin"), F_OK), 0);
	ck_assert_int_eq(take(&old, false, true, why), E_OK);
}
END_TEST

START_TEST(a_form_with_a_boundary_inside_is_cut_and_refused)
{
	struct package p = make_package("um31", "1.4.0");
	char why[256];

	ck_assert_int_eq(take(&p, true, false, why), E_FRAME);
}
END_TEST

START_TEST(the_running_version_is_journalled_once)
{
	firmware_started(store);
	ck_assert_int_eq(store_sync(store), E_OK);
	firmware_started(store);
	ck_assert_int_eq(store_sync(store), E_OK);
	ck_assert_uint_eq(store_journal_last(store, DJ_UPDATE), 1);
}
END_TEST

START_TEST(versions_are_compared_by_number)
{
	ck_assert_int_lt(firmware_version_compare("1.4.9", "1.4.10"), 0);
	ck_assert_int_gt(firmware_version_compare("2", "1.99.99"), 0);
	ck_assert_int_eq(firmware_version_compare("1.4", "1.4.0"), 0);
	ck_assert_int_eq(firmware_version_compare("1.4.0-rc1", "1.4.0"), 0);
}
END_TEST

/* ---- forms ---- */

static const struct { const char *type, *body; int rc; const char *content; } forms[] = {
	{ "multipart/form-data; boundary=b",
	    "--b\r\nContent-Disposition: form-data; name=\"fw_update\"\r\n\r\nabc\r\n--b--\r\n", E_OK,
	    "abc" },
	{ "Multipart/Form-Data; charset=utf-8; boundary=\"b c\"",
	    "x\r\n--b c \t\r\ncontent-disposition: form-data; filename=a;name=fw_update\r\n"
	    "\r\n\r\n--b c--",
	    E_OK, "" },
	{ "multipart/form-data; boundary=b",
	    "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno\r\n--b\r\n"
	    "Content-Disposition: form-data; name=\"fw_update\"\r\n\r\nyes\r\n--\r\n--bx",
	    E_FRAME, "" },
	{ "multipart/form-data; boundary=b",
	    "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nno\r\n--b\r\n"
	    "Content-Disposition: form-data; name=\"fw_update\"\r\n\r\n\r\r\n-\r\n--\r\n\r\n--b--",
	    E_OK, "\r\r\n-\r\n--\r\n" },
	{ "multipart/form-data; boundary=b", "--b\r\n\r\nabc\r\n--b--", E_NOTFOUND, "" },
	{ "multipart/form-data; boundary=b", "--b--", E_NOTFOUND, "" },
	{ "multipart/form-data; boundary=b", "", E_FRAME, "" },
	{ "multipart/form-data", "", E_INVALID, "" },
	{ "multipart/form-data; boundary=", "", E_INVALID, "" },
	{ "application/json", "", E_UNSUPPORTED, "" },
	{ NULL, "", E_UNSUPPORTED, "" },
};

START_TEST(the_part_of_a_form_is_found)
{
	struct multipart m;
	int rc = multipart_start(&m, forms[_i].type, "fw_update");

	if (rc == E_OK) {
		multipart_feed(&m, (const uint8_t *)forms[_i].body, strlen(forms[_i].body));
		rc = multipart_finish(&m);
	}
	ck_assert_int_eq(rc, forms[_i].rc);
	if (rc < 0)
		return;
	ck_assert_uint_eq(m.end - m.start, strlen(forms[_i].content));
	ck_assert_int_eq(memcmp(forms[_i].body + m.start, forms[_i].content, m.end - m.start), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("device");
	TCase *tc = tcase_create("device"), *fw = tcase_create("firmware"),
	      *form = tcase_create("forms");

	tcase_set_timeout(tc, 30);
	tcase_set_timeout(fw, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, identity_comes_from_the_board_and_from_the_kernel);
	tcase_add_test(tc, a_board_that_tells_nothing_is_no_fault);
	tcase_add_test(tc, a_hardware_clock_without_battery_is_not_healthy);
	tcase_add_test(tc, flash_chips_are_told_without_their_parts);
	tcase_add_test(tc, load_and_threads_are_those_of_this_process);
	tcase_add_test(tc, broken_files_of_the_kernel_are_no_fault);
	tcase_add_test(tc, the_clock_is_set_within_its_limits_and_journalled);
	tcase_add_test(tc, a_restart_is_told_from_a_power_cut);
	tcase_add_test(tc, commands_are_heard_and_limited);
	tcase_add_test(tc, the_last_lines_of_the_log_are_whole);
	tcase_add_checked_fixture(fw, firmware_setup, firmware_teardown);
	tcase_add_test(fw, a_package_is_good_only_whole_and_unchanged);
	tcase_add_test(fw, a_package_of_somebody_else_is_refused);
	tcase_add_test(fw, a_good_package_is_handed_over_and_the_last_one_kept);
	tcase_add_test(fw, what_does_not_fit_the_device_is_refused);
	tcase_add_test(fw, a_form_with_a_boundary_inside_is_cut_and_refused);
	tcase_add_test(fw, the_running_version_is_journalled_once);
	tcase_add_test(fw, versions_are_compared_by_number);
	tcase_add_loop_test(form, the_part_of_a_form_is_found, 0, sizeof(forms) / sizeof(forms[0]));
	suite_add_tcase(suite, tc);
	suite_add_tcase(suite, fw);
	suite_add_tcase(suite, form);
	return unit_main(suite);
}
