#include "check.h"

#include <stdlib.h>

#include "log.h"

void check_failed(const char *cond, const char *file, int line)
{
	log_error("broken invariant: %s (%s:%d)", cond, file, line);
	abort();
}
