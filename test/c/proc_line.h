/* What the kernel tells of a process, for tests of its limits. */
#ifndef ADIT_TEST_PROC_LINE_H
#define ADIT_TEST_PROC_LINE_H

#include <stdio.h>
#include <string.h>
#include <sys/types.h>

/* The line of /proc/PID/`file` that begins with `key`, "" if there is none. */
static void proc_line(pid_t pid, const char *file, const char *key, char *ret_line, int size)
{
	char path[64];
	FILE *lines;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	lines = fopen(path, "r");
	ret_line[0] = '\0';
	while (lines != NULL && fgets(ret_line, size, lines) != NULL) {
		if (strncmp(ret_line, key, strlen(key)) == 0)
			break;
		ret_line[0] = '\0';
	}
	if (lines != NULL)
		fclose(lines);
}

#endif
