#include "src/system/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "src/base/clock.h"

extern char **environ;

static int
spawn(const char *const argv[], int out, pid_t *pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	int rc;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_adddup2(&files, out, 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	/* posix_spawn() takes what it does not change without const. */
	rc = posix_spawnp(pid, argv[0], &files, &attributes, (char *const *)(uintptr_t)argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return rc == 0 ? E_OK : rc == ENOENT ? E_NOTFOUND : E_IO;
}

/* Until the end of all who hold the other side.  What does not fit is read and dropped. */
static int
listen_to(int in, char *out, size_t size, int64_t until_us)
{
	char drop[1024] = "";
	size_t len = 0;

	for (;;) {
		struct pollfd p = { .fd = in, .events = POLLIN };
		int64_t left_ms = (until_us - clock_mono_us()) / 1000;
		bool fits = len + 1 < size;
		ssize_t n;

		if (left_ms <= 0)
			return E_TIMEOUT;
		if (poll(&p, 1, (int)left_ms) <= 0)
			continue;
		n = read(in, fits ? out + len : drop, fits ? size - 1 - len : sizeof(drop));
		if (n == 0 || (n < 0 && errno != EINTR))
			return E_OK;
		if (n > 0 && fits)
			out[len += (size_t)n] = '\0';
	}
}

int
command_run(const char *const argv[], char *out, size_t size, uint32_t limit_ms)
{
	int ends[2], status = 0, rc;
	pid_t pid;

	*out = '\0';
	if (pipe2(ends, O_CLOEXEC) < 0)
		return E_IO;
	rc = spawn(argv, ends[1], &pid);
	close(ends[1]);
	if (rc == E_OK) {
		rc = listen_to(ends[0], out, size, clock_mono_us() + (int64_t)limit_ms * 1000);
		if (rc < 0)
			kill(pid, SIGKILL);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			continue;
		if (rc == E_OK && status != 0)
			rc = WIFEXITED(status) && WEXITSTATUS(status) == 127 ? E_NOTFOUND : E_IO;
	}
	close(ends[0]);
	return rc;
}
