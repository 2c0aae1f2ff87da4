#define _GNU_SOURCE 1
#include "limits.h"

#include <errno.h>
#include <stddef.h>
#include <sys/resource.h>

#include "../check.h"
#include "../log.h"

#define MIB (1ull << 20)

/* What a shell's `ulimit`, a unit file or a container may have taken away: what we ask for, and
 * what mover and decider together do not live without. */
static const struct {
	int resource;
	const char *name;
	rlim_t wanted, least;
} rows[] = {
	{ RLIMIT_NOFILE, "open files (ulimit -n)", LIMITS_DESCRIPTORS, 256 },
	{ RLIMIT_NPROC, "processes (ulimit -u)", 1024, 16 },
	{ RLIMIT_AS, "address space (ulimit -v)", RLIM_INFINITY, 256 * MIB },
	{ RLIMIT_DATA, "data (ulimit -d)", RLIM_INFINITY, 128 * MIB },
	{ RLIMIT_FSIZE, "size of files (ulimit -f)", RLIM_INFINITY, 16 * MIB },
	{ RLIMIT_CPU, "processor time (ulimit -t)", RLIM_INFINITY, RLIM_INFINITY },
};

/* Who may raise the hard limit does; the others take what there is. */
static rlim_t raise_limit(int resource, rlim_t wanted)
{
	struct rlimit have = { 0, 0 };
	struct rlimit all = { wanted, wanted };

	getrlimit(resource, &have);
	if (have.rlim_cur >= wanted)
		return have.rlim_cur;
	if (have.rlim_max > wanted)
		all.rlim_max = have.rlim_max;
	if (setrlimit(resource, &all) == 0)
		return wanted;
	have.rlim_cur = have.rlim_max < wanted ? have.rlim_max : wanted;
	setrlimit(resource, &have);
	return have.rlim_cur;
}

int limits_raise(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		rlim_t have = raise_limit(rows[i].resource, rows[i].wanted);

		if (have >= rows[i].least)
			continue;
		log_error("the limit of %s is %llu, and no more can be had: expected at least %llu",
			  rows[i].name, (unsigned long long)have,
			  (unsigned long long)rows[i].least);
		return -EPERM;
	}
	return 0;
}
