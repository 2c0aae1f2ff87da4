/* What every C test program shares: expectations that are counted, and the summary line. */
#ifndef ADIT_TEST_H
#define ADIT_TEST_H

#include <stdio.h>
#include <string.h>

static int test_passed;
static int test_failed;

/* Counts one expectation; a false one is printed with its place and the test goes on. */
#define EXPECT(cond)                                                                               \
	do {                                                                                       \
		if (cond) {                                                                        \
			test_passed++;                                                             \
		} else {                                                                           \
			test_failed++;                                                             \
			printf("FAIL %s:%d: %s\n", __FILE__, __LINE__, #cond);                     \
		}                                                                                  \
	} while (0)

#define EXPECT_EQUAL(got, want)                                                                    \
	do {                                                                                       \
		long long got_ = (long long)(got), want_ = (long long)(want);                      \
		if (got_ == want_) {                                                               \
			test_passed++;                                                             \
		} else {                                                                           \
			test_failed++;                                                             \
			printf("FAIL %s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__,      \
			       #got, got_, want_);                                                 \
		}                                                                                  \
	} while (0)

#define EXPECT_TEXT(got, want)                                                                     \
	do {                                                                                       \
		const char *got_ = (got), *want_ = (want);                                         \
		if (strcmp(got_, want_) == 0) {                                                    \
			test_passed++;                                                             \
		} else {                                                                           \
			test_failed++;                                                             \
			printf("FAIL %s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__,  \
			       #got, got_, want_);                                                 \
		}                                                                                  \
	} while (0)

/* Ends main: prints the summary, returns the exit status. */
static inline int test_summary(void)
{
	printf("%d passed, %d failed\n", test_passed, test_failed);
	return test_failed || !test_passed ? 1 : 0;
}

#endif
