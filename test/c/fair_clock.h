/* A clock that stands while this process could run and others have the processors, so that a time
 * limit of a test judges what is tested and not what runs beside. */
#ifndef ADIT_FAIR_CLOCK_H
#define ADIT_FAIR_CLOCK_H

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Microseconds for which this process waited for a processor; 0 where the kernel does not say. */
static inline uint64_t fair_clock_waited_us(void)
{
	char text[128], *end;
	int fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	ssize_t size = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (size <= 0)
		return 0;
	text[size] = '\0';
	(void)strtoull(text, &end, 10); /* the time that it ran */
	return strtoull(end, NULL, 10) / 1000;
}

/* It may wait between the two readings: the clock never goes back for that. */
static inline uint64_t fair_clock_us(void)
{
	static uint64_t latest_us;
	struct timespec now;
	uint64_t us, waited_us;

	if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
		abort();
	waited_us = fair_clock_waited_us();
	us = (uint64_t)now.tv_sec * 1000000 + (uint32_t)now.tv_nsec / 1000;
	us = us > waited_us ? us - waited_us : 0;
	if (us > latest_us)
		latest_us = us;
	return latest_us;
}

#endif
