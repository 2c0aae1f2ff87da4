/* Says something on machines whose numbers are their own; elsewhere it keeps the table honest. */
#define _GNU_SOURCE 1
#include <errno.h>

#include "errno_generic.h"
#include "test.h"

int main(void)
{
	EXPECT_EQUAL(errno_generic(0), 0);
	EXPECT_EQUAL(errno_generic(-ENOENT), -2);
	EXPECT_EQUAL(errno_generic(-EAGAIN), -11);
	EXPECT_EQUAL(errno_generic(-ENOSPC), -28);
	EXPECT_EQUAL(errno_generic(-ENAMETOOLONG), -36);
	EXPECT_EQUAL(errno_generic(-ELOOP), -40);
	EXPECT_EQUAL(errno_generic(-EPROTO), -71);
	EXPECT_EQUAL(errno_generic(-EOPNOTSUPP), -95);
	EXPECT_EQUAL(errno_generic(-EADDRINUSE), -98);
	EXPECT_EQUAL(errno_generic(-ENOBUFS), -105);
	EXPECT_EQUAL(errno_generic(-ENOTCONN), -107);
	EXPECT_EQUAL(errno_generic(-ETIMEDOUT), -110);
	EXPECT_EQUAL(errno_generic(-ECONNREFUSED), -111);
	EXPECT_EQUAL(errno_generic(-4095), -4095);
#ifndef __mips__
	for (int error = 1; error < 134; error++)
		EXPECT_EQUAL(errno_generic(-error), -error);
#endif
	return test_summary();
}
