/* Shared by the files of device*.c; nobody else. */
#ifndef USPD_SYSTEM_DEVICE_PRIVATE_H
#define USPD_SYSTEM_DEVICE_PRIVATE_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { DEVICE_PATH = 320 };

/* `path` below the root of device_look_in(). */
const char *device_path(char buf[static DEVICE_PATH], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
FILE *device_file(const char *path);		/* below the root; NULL */
DIR *device_dir(const char *path);		/* below the root; NULL */
/* The first line of a file below the root, without its end; false: there is none. */
bool device_line(const char *path, char *buf, size_t size);
/* The same as a number; `other` when it is none. */
int64_t device_number(const char *path, int64_t other);

#endif
