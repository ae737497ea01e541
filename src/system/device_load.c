#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "src/system/device.h"
#include "src/system/device_private.h"

/* How busy the device and the daemon are. */

static void
take_os(char *to, size_t size)
{
	FILE *f = device_file("/etc/os-release");
	struct utsname u;
	char line[128];

	*to = '\0';
	while (f != NULL && *to == '\0' && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, "PRETTY_NAME=\"", 13) != 0)
			continue;
		line[13 + strcspn(line + 13, "\"\n")] = '\0';
		snprintf(to, size, "%.63s", line + 13);
	}
	if (f != NULL)
		fclose(f);
	if (*to == '\0' && uname(&u) == 0)
		snprintf(to, size, "%.30s %.30s", u.sysname, u.release);
}

static void
take_memory(struct device_load *load)
{
	FILE *f = device_file("/proc/meminfo");
	unsigned long long kib;
	char line[128];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "MemTotal: %llu", &kib) == 1)
			load->memory_total = kib * 1024;
		else if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			load->memory_available = kib * 1024;
	}
	if (f != NULL)
		fclose(f);
	if ((f = device_file("/proc/self/status")) == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned threads;

		if (sscanf(line, "VmRSS: %llu", &kib) == 1)
			load->resident = kib * 1024;
		else if (sscanf(line, "Threads: %u", &threads) == 1)
			load->threads = threads;
	}
	fclose(f);
}

/* What /proc tells of a process or thread, behind its name, which may hold anything. */
struct task_stat { char state; long priority; unsigned long long user, system, started; };

static bool
take_stat(const char *path, struct task_stat *stat)
{
	char line[512];
	const char *after;

	if (!device_line(path, line, sizeof(line)) || (after = strrchr(line, ')')) == NULL)
		return false;
	return sscanf(after + 1,
		   " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %ld %*d %*d %*d %llu",
		   &stat->state, &stat->user, &stat->system, &stat->priority, &stat->started) == 5;
}

void
device_load(struct device_load *load)
{
	struct task_stat stat;
	struct rusage used;
	double up = 0;
	char line[64];

	*load = (struct device_load){ .os = "" };
	take_os(load->os, sizeof(load->os));
	take_memory(load);
	if (device_line("/proc/uptime", line, sizeof(line)))
		up = strtod(line, NULL);
	load->uptime_s = (int64_t)up;
	if (take_stat("/proc/self/stat", &stat) && getrusage(RUSAGE_SELF, &used) == 0) {
		double ran = up - (double)stat.started / (double)sysconf(_SC_CLK_TCK);
		double cpu = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		    (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;

		if (ran > 0) {
			load->daemon_uptime_s = (int64_t)ran;
			load->cpu_permille = (uint32_t)(cpu * 1000 / ran);
		}
	}
}

size_t
device_threads(struct device_thread *threads, size_t max)
{
	DIR *dir = device_dir("/proc/self/task");
	unsigned long ticks = (unsigned long)sysconf(_SC_CLK_TCK);
	struct dirent *entry;
	size_t n = 0;

	while (dir != NULL && n < max && (entry = readdir(dir)) != NULL) {
		struct device_thread *t = &threads[n];
		struct task_stat stat;
		char path[DEVICE_PATH];

		if (atoi(entry->d_name) <= 0)
			continue;
		snprintf(path, sizeof(path), "/proc/self/task/%.16s/stat", entry->d_name);
		if (!take_stat(path, &stat))
			continue;
		*t = (struct device_thread){ .id = atoi(entry->d_name), .state = stat.state,
			.priority = (int)stat.priority,
			.cpu_ms = (stat.user + stat.system) * 1000 / ticks };
		snprintf(path, sizeof(path), "/proc/self/task/%.16s/comm", entry->d_name);
		device_line(path, t->name, sizeof(t->name));
		n++;
	}
	if (dir != NULL)
		closedir(dir);
	return n;
}
