#include "tests/unit/failing_disk.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The default file stands behind ours in the same block of memory. */
struct file { sqlite3_file base; sqlite3_file *real; };

static sqlite3_vfs disk;
static sqlite3_vfs *real_disk;
static atomic_bool full;
static atomic_int countdown;

#define REAL(f) (((struct file *)(f))->real)

static int
disk_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	if (atomic_load(&full))
		return SQLITE_FULL;
	if (atomic_load(&countdown) > 0 && atomic_fetch_sub(&countdown, 1) == 1)
		return SQLITE_FULL;
	return REAL(f)->pMethods->xWrite(REAL(f), data, n, at);
}

static int
disk_close(sqlite3_file *f)
{
	return REAL(f)->pMethods->xClose(REAL(f));
}

#define PASS(name, parameters, arguments) \
	static int disk_##name parameters { return REAL(f)->pMethods->x##name arguments; }
PASS(Read, (sqlite3_file *f, void *to, int n, sqlite3_int64 at), (REAL(f), to, n, at))
PASS(Truncate, (sqlite3_file *f, sqlite3_int64 size), (REAL(f), size))
PASS(Sync, (sqlite3_file *f, int flags), (REAL(f), flags))
PASS(FileSize, (sqlite3_file *f, sqlite3_int64 *size), (REAL(f), size))
PASS(Lock, (sqlite3_file *f, int level), (REAL(f), level))
PASS(Unlock, (sqlite3_file *f, int level), (REAL(f), level))
PASS(CheckReservedLock, (sqlite3_file *f, int *held), (REAL(f), held))
PASS(FileControl, (sqlite3_file *f, int op, void *arg), (REAL(f), op, arg))
PASS(SectorSize, (sqlite3_file *f), (REAL(f)))
PASS(DeviceCharacteristics, (sqlite3_file *f), (REAL(f)))
PASS(ShmMap, (sqlite3_file *f, int region, int size, int extend, void volatile **to),
    (REAL(f), region, size, extend, to))
PASS(ShmLock, (sqlite3_file *f, int at, int n, int flags), (REAL(f), at, n, flags))
PASS(ShmUnmap, (sqlite3_file *f, int drop), (REAL(f), drop))

static void
disk_ShmBarrier(sqlite3_file *f)
{
	REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static const sqlite3_io_methods methods = {
	.iVersion = 2, .xClose = disk_close, .xRead = disk_Read, .xWrite = disk_write,
	.xTruncate = disk_Truncate, .xSync = disk_Sync, .xFileSize = disk_FileSize, .xLock = disk_Lock,
	.xUnlock = disk_Unlock, .xCheckReservedLock = disk_CheckReservedLock,
	.xFileControl = disk_FileControl, .xSectorSize = disk_SectorSize,
	.xDeviceCharacteristics = disk_DeviceCharacteristics, .xShmMap = disk_ShmMap,
	.xShmLock = disk_ShmLock, .xShmBarrier = disk_ShmBarrier, .xShmUnmap = disk_ShmUnmap,
};

static int
disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
	struct file *file = (struct file *)f;
	int rc;

	(void)vfs;
	file->real = (sqlite3_file *)(file + 1);
	rc = real_disk->xOpen(real_disk, name, file->real, flags, out_flags);
	file->base.pMethods = rc == SQLITE_OK ? &methods : NULL;
	return rc;
}

void
failing_disk_install(void)
{
	if (real_disk != NULL)
		return;
	real_disk = sqlite3_vfs_find(NULL);
	disk = *real_disk;
	disk.zName = "failing";
	disk.szOsFile = (int)sizeof(struct file) + real_disk->szOsFile;
	disk.xOpen = disk_open;
	sqlite3_vfs_register(&disk, 1);
}

void
failing_disk_fill(bool now)
{
	atomic_store(&full, now);
}

void
failing_disk_nth(int n)
{
	atomic_store(&countdown, n);
}
