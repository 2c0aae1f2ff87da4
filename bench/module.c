/* Loads a module as the decider does and prints "HEAP_BYTES CPU_US": what engine and module occupy
 * once it is evaluated, and the processor time that took, the least of some runs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "vm/vm_internal.h"

#define RUNS 9

struct figures {
	size_t heap_bytes;
	long cpu_us;
};

static long cpu_us(void)
{
	struct timespec now;

	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
	return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

/* In a process of its own, because the engine's heap is opened once for a process. */
static void load_in_child(const char *path, int out)
{
	struct vm_options options = { .module_path = path };
	struct vm vm = { .role = "decider" };
	struct figures figures;
	long begin_us = cpu_us();
	size_t size;
	char *text;

	text = vm_read_module(&vm, path, &size);
	vm_load(&vm, text, size, &options);
	figures.cpu_us = cpu_us() - begin_us;
	JS_RunGC(vm.runtime);
	figures.heap_bytes = vm.memory_used;
	CHECK(write(out, &figures, sizeof(figures)) == (ssize_t)sizeof(figures));
	_exit(0);
}

static struct figures measure(const char *path)
{
	struct figures figures;
	int ends[2], status;
	pid_t pid;

	CHECK(pipe(ends) == 0);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		load_in_child(path, ends[1]);
	close(ends[1]);
	if (read(ends[0], &figures, sizeof(figures)) != (ssize_t)sizeof(figures)) {
		fprintf(stderr, "module: %s does not load\n", path);
		exit(1);
	}
	close(ends[0]);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	return figures;
}

int main(int argc, char **argv)
{
	struct figures least;

	if (argc != 2) {
		fprintf(stderr, "usage: module FILE\n");
		return 2;
	}
	least = measure(argv[1]);
	for (int i = 1; i < RUNS; i++) {
		struct figures figures = measure(argv[1]);

		if (figures.cpu_us < least.cpu_us)
			least = figures;
	}
	printf("%zu %ld\n", least.heap_bytes, least.cpu_us);
	return 0;
}
