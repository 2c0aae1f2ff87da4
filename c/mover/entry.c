#define _GNU_SOURCE 1
#include "entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../vm/vm.h"
#include "options.h"

#define CLIENT_NAME "adit"

/* NUL-terminated, as the engine wants it. NULL if it cannot be read. */
static char *read_module(size_t *ret_size)
{
	struct stat stat;
	size_t used = 0;
	char *text;

	if (fstat(ENTRY_MODULE_FD, &stat) < 0)
		return NULL;
	text = calloc(1, (size_t)stat.st_size + 1);
	while (text && used < (size_t)stat.st_size) {
		ssize_t length = pread(ENTRY_MODULE_FD, text + used, (size_t)stat.st_size - used,
				       (off_t)used);

		if (length <= 0) {
			free(text);
			return NULL;
		}
		used += (size_t)length;
	}
	*ret_size = used;
	return text;
}

int entry_decider(void)
{
	struct vm_options options = { 0 };
	char *text = read_module(&options.module_size);

	prctl(PR_SET_NAME, ENTRY_DECIDER_NAME);
	if (!text) {
		fprintf(stderr, "%s: only the daemon can start this\n", ENTRY_DECIDER_NAME);
		return VM_EXIT_SETUP;
	}
	options.module_text = text;
	return vm_decider_main(&options);
}

/* 0 for what is no number, which the host takes for its default. */
static size_t read_number(const char *text)
{
	return strtoul(text, NULL, 10);
}

int entry_cage(int argc, char **argv)
{
	struct vm_policy_options options = { 0 };
	char *text = read_module(&options.prelude_size);

	prctl(PR_SET_NAME, ENTRY_CAGE_NAME);
	if (!text || argc != 4) {
		fprintf(stderr, "%s: only the daemon can start this\n", ENTRY_CAGE_NAME);
		return VM_EXIT_SETUP;
	}
	options.prelude_text = text;
	options.memory_bytes = read_number(argv[1]) << 10;
	options.stack_bytes = read_number(argv[2]) << 10;
	options.call_ms = (unsigned int)read_number(argv[3]);
	return vm_policy_main(&options);
}

int entry_client(int argc, char **argv)
{
	char path[OPTIONS_PATH_MAX + 1];
	struct vm_options options = { .module_path = path };

	if (options_find_module(OPTIONS_MODULE_CLIENT, path, sizeof(path)) < 0) {
		fprintf(stderr, "%s: %s is neither beside the program nor at %s\n", CLIENT_NAME,
			OPTIONS_MODULE_CLIENT, path);
		return 1;
	}
	return vm_cli_main(argc, argv, &options);
}

int entry_by_name(int argc, char **argv)
{
	const char *name = argc > 0 ? argv[0] : "";
	const char *slash = strrchr(name, '/');

	if (slash)
		name = slash + 1;
	if (strcmp(name, ENTRY_DECIDER_NAME) == 0)
		return entry_decider();
	if (strcmp(name, ENTRY_CAGE_NAME) == 0)
		return entry_cage(argc, argv);
	if (strcmp(name, CLIENT_NAME) == 0)
		return entry_client(argc, argv);
	return entry_daemon(argc, argv);
}
