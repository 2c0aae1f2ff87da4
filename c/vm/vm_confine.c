#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../check.h"
#include "../tls/tls.h"
#include "vm_internal.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif
#ifndef HAS_SANITIZER
#define HAS_SANITIZER 0
#endif

#define OPEN_FILES_MAX 128
/* Text, libraries and stack beside the engine's heap; a net under the engine's own limit. */
#define ADDRESS_SPACE_MAX (256u << 20)

static void limit(const struct vm *vm, int resource, rlim_t value)
{
	struct rlimit wanted = { value, value };

	if (setrlimit(resource, &wanted) < 0)
		vm_die(vm, VM_EXIT_SETUP, "resource limit %d: %s", resource, strerror(errno));
}

static void limit_resources(const struct vm *vm)
{
	limit(vm, RLIMIT_NOFILE, OPEN_FILES_MAX);
	limit(vm, RLIMIT_CORE, 0);
	limit(vm, RLIMIT_NPROC, 0);
	/* The sanitizer reserves terabytes of address space for its shadow. */
	if (!HAS_SANITIZER)
		limit(vm, RLIMIT_AS, ADDRESS_SPACE_MAX);
}

/* Descriptors that the parent forgot would be a way around the channel. */
static void close_inherited(const struct vm *vm)
{
	unsigned int first = VM_CHANNEL_FD + 1;
	struct rlimit open_files;

#ifdef SYS_close_range
	if (syscall(SYS_close_range, first, ~0u, 0) == 0)
		return;
#endif
	if (getrlimit(RLIMIT_NOFILE, &open_files) < 0)
		vm_die(vm, VM_EXIT_SETUP, "resource limit: %s", strerror(errno));
	for (rlim_t fd = first; fd < open_files.rlim_cur && fd < 65536; fd++)
		close((int)fd);
}

/* Ctrl-C reaches the whole foreground group; what it means is the mover's to say. */
static void reset_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	CHECK(sigprocmask(SIG_SETMASK, &none, NULL) == 0);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

/* Libraries open files and read the environment when they are first used: let that be over before
 * the filter forbids it. */
static void warm_up(void)
{
	uint8_t digest[32];

	tls_sha256((const uint8_t *)"", 0, digest);
}

void vm_confine(struct vm *vm)
{
	int r;

	reset_signals();
	close_inherited(vm);
	warm_up();
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		vm_die(vm, VM_EXIT_SETUP, "prctl: %s", strerror(errno));
	limit_resources(vm);
	if (HAS_SANITIZER)
		return; /* its reports need system calls that the filter forbids */
	r = vm_seccomp_install();
	if (r < 0)
		vm_warn(vm, "the kernel has no seccomp filters: system calls are not confined");
}
