#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "src/system/device.h"
#include "src/system/device_private.h"

/* File systems and flash chips. */

size_t
device_disks(const char *data_dir, struct device_disk *disks, size_t max)
{
	const char *const paths[] = { data_dir, "/" };
	unsigned long seen[2];
	size_t n = 0;

	for (size_t i = 0; i < 2 && n < max; i++) {
		struct statvfs fs;

		if (paths[i] == NULL || statvfs(paths[i], &fs) < 0)
			continue;
		if (n > 0 && seen[0] == fs.f_fsid)
			continue;
		disks[n] = (struct device_disk){ .size = (uint64_t)fs.f_blocks * fs.f_frsize,
			.free = (uint64_t)fs.f_bavail * fs.f_frsize, .block = (uint32_t)fs.f_bsize };
		snprintf(disks[n].path, sizeof(disks[n].path), "%.63s", paths[i]);
		seen[n++] = fs.f_fsid;
	}
	return n;
}

/* Whole disks that stay in the box; what is made in memory, and parts of chips, are not. */
static bool
is_flash(const char *name)
{
	static const char *const kinds[] = { "mmcblk", "sd", "vd", "nvme" };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(name, kinds[i], strlen(kinds[i])) == 0)
			return strstr(name, "boot") == NULL && strstr(name, "rpmb") == NULL;
	return false;
}

size_t
device_flashes(struct device_flash *flashes, size_t max)
{
	DIR *dir = device_dir("/sys/block");
	struct dirent *entry;
	size_t n = 0;

	while (dir != NULL && n < max && (entry = readdir(dir)) != NULL) {
		struct device_flash *flash = &flashes[n];
		char path[DEVICE_PATH];
		int64_t sectors;

		if (!is_flash(entry->d_name))
			continue;
		snprintf(path, sizeof(path), "/sys/block/%.32s/removable", entry->d_name);
		if (device_number(path, 0) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/block/%.32s/size", entry->d_name);
		if ((sectors = device_number(path, 0)) <= 0)
			continue;
		/* The kernel counts in 512 bytes, whatever the chip does. */
		*flash = (struct device_flash){ .sectors = (uint64_t)sectors, .sector = 512 };
		snprintf(path, sizeof(path), "/sys/block/%.32s/device/type", entry->d_name);
		if (!device_line(path, flash->type, sizeof(flash->type)) ||
		    (flash->type[0] >= '0' && flash->type[0] <= '9'))
			snprintf(flash->type, sizeof(flash->type), "%.15s", entry->d_name);
		else if (strcmp(flash->type, "MMC") == 0)
			snprintf(flash->type, sizeof(flash->type), "eMMC");
		n++;
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}
