#include "src/system/device.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

#include "src/system/device_private.h"

/* What the device is, and its clock (system.md 5, smart-json.md 13.1). */

/* A clock that reads less than this lost its battery (2020-01-01). */
#define CLOCK_SANE INT64_C(1577836800)

static char identity_file[256] = "/etc/uspd/device.json", root[128];
static atomic_bool clock_set_by_hand;

void
device_look_in(const struct device_paths *paths)
{
	if (paths->identity != NULL)
		snprintf(identity_file, sizeof(identity_file), "%s", paths->identity);
	if (paths->root != NULL)
		snprintf(root, sizeof(root), "%s", paths->root);
}

/* ---- files of the kernel ---- */

const char *
device_path(char buf[static DEVICE_PATH], const char *fmt, ...)
{
	int n = snprintf(buf, DEVICE_PATH, "%s", root);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + n, DEVICE_PATH - (size_t)n, fmt, ap);
	va_end(ap);
	return buf;
}

FILE *
device_file(const char *path)
{
	char buf[DEVICE_PATH];

	return fopen(device_path(buf, "%s", path), "re");
}

DIR *
device_dir(const char *path)
{
	char buf[DEVICE_PATH];

	return opendir(device_path(buf, "%s", path));
}

bool
device_line(const char *path, char *buf, size_t size)
{
	FILE *f = device_file(path);
	bool got = f != NULL && fgets(buf, (int)size, f) != NULL;

	if (f != NULL)
		fclose(f);
	if (!got)
		*buf = '\0';
	buf[strcspn(buf, "\r\n")] = '\0';
	return got;
}

int64_t
device_number(const char *path, int64_t other)
{
	char line[64], *end;
	long long value;

	if (!device_line(path, line, sizeof(line)))
		return other;
	value = strtoll(line, &end, 10);
	return end != line ? value : other;
}

/* ---- identity ---- */

static void
take_text(const json_t *from, const char *key, char *to, size_t size)
{
	const char *text = json_string_value(json_object_get(from, key));

	if (text != NULL)
		snprintf(to, size, "%s", text);
}

static void
take_count(const json_t *from, const char *key, unsigned *to)
{
	const json_t *value = json_object_get(from, key);

	if (json_is_integer(value) && json_integer_value(value) >= 0 && json_integer_value(value) <= 64)
		*to = (unsigned)json_integer_value(value);
}

static void
from_file(struct device_identity *id)
{
	json_t *file = json_load_file(identity_file, 0, NULL);
	const json_t *flash = json_object_get(file, "flash");

	take_text(file, "model", id->model, sizeof(id->model));
	take_text(file, "revision", id->revision, sizeof(id->revision));
	take_text(file, "serial", id->serial, sizeof(id->serial));
	take_text(file, "made", id->made, sizeof(id->made));
	take_text(file, "battery", id->battery, sizeof(id->battery));
	take_text(file, "mac", id->mac, sizeof(id->mac));
	take_text(file, "main_power", id->main_power, sizeof(id->main_power));
	take_text(file, "modem", id->modem, sizeof(id->modem));
	take_text(file, "loader", id->loader, sizeof(id->loader));
	take_text(file, "compatible", id->compatible, sizeof(id->compatible));
	take_text(file, "min_version", id->least_version, sizeof(id->least_version));
	take_text(file, "keys", id->keys, sizeof(id->keys));
	take_text(flash, "type", id->flash_type, sizeof(id->flash_type));
	take_count(flash, "count", &id->flash_count);
	take_count(file, "rs485", &id->rs485_count);
	take_count(file, "ethernet", &id->ethernet_count);
	json_decref(file);
}

/* Ports that are hardware; the first one's address is the device's. */
static void
from_ports(struct device_identity *id)
{
	DIR *dir = device_dir("/sys/class/net");
	struct dirent *entry;
	char path[DEVICE_PATH], first[64] = "";
	unsigned n = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		DIR *device;

		if (entry->d_name[0] == '.' || strncmp(entry->d_name, "wl", 2) == 0)
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%.64s/device", entry->d_name);
		if ((device = device_dir(path)) == NULL)
			continue;
		closedir(device);
		n++;
		if (*first == '\0' || strcmp(entry->d_name, first) < 0)
			snprintf(first, sizeof(first), "%.63s", entry->d_name);
	}
	if (dir != NULL)
		closedir(dir);
	if (id->ethernet_count == 0)
		id->ethernet_count = n;
	if (id->mac[0] == '\0' && *first != '\0') {
		snprintf(path, sizeof(path), "/sys/class/net/%s/address", first);
		device_line(path, id->mac, sizeof(id->mac));
	}
}

void
device_identity(struct device_identity *id)
{
	struct device_flash flashes[8];
	size_t n;

	*id = (struct device_identity){ .model = "" };
	from_file(id);
	from_ports(id);
	if (id->serial[0] == '\0')
		device_line("/proc/device-tree/serial-number", id->serial, sizeof(id->serial));
	n = device_flashes(flashes, sizeof(flashes) / sizeof(flashes[0]));
	if (id->flash_count == 0)
		id->flash_count = (unsigned)n;
	if (id->flash_type[0] == '\0' && n > 0)
		memcpy(id->flash_type, flashes[0].type, sizeof(id->flash_type));
	if (id->modem[0] == '\0')
		snprintf(id->modem, sizeof(id->modem), "none");
}

/* ---- clock ---- */

void
device_clock_was_set(void)
{
	atomic_store(&clock_set_by_hand, true);
}

void
device_clock(struct device_clock *clock)
{
	struct timex now = { 0 };
	int64_t rtc = device_number("/sys/class/rtc/rtc0/since_epoch", -1);
	char name[32];
	int rc = adjtimex(&now);

	*clock = (struct device_clock){ .rtc_present = device_line("/sys/class/rtc/rtc0/name", name,
					    sizeof(name)) || rtc >= 0 };
	clock->synchronised = atomic_load(&clock_set_by_hand) ||
	    (rc >= 0 && rc != TIME_ERROR && (now.status & STA_UNSYNC) == 0);
	/* The driver answers nothing when the chip says that its battery failed. */
	clock->rtc_healthy = rtc >= CLOCK_SANE;
	clock->rtc_utc = rtc >= 0 ? rtc : 0;
}
