/* Assertions that stay on in every build: a broken invariant ends the process at once, with the
 * kernel's block in place, and the supervisor starts it again. */
#ifndef ADIT_CHECK_H
#define ADIT_CHECK_H

/* Dies with a message if `cond` is false. Never used on bytes from outside. */
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			check_failed(#cond, __FILE__, __LINE__);                                   \
	} while (0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

_Noreturn void check_failed(const char *cond, const char *file, int line);

#endif
