#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../check.h"
#include "../tls/ed25519.h"
#include "../tls/tls.h"
#include "vm_internal.h"

#define OPEN_FILES_MAX 128
/* Text, libraries and stack beside the engine's heap; a net under the engine's own limit. */
#define ADDRESS_SPACE_MAX (256u << 20)
#define CAGE_SPARE_BYTES (8u << 20)

static void limit(const struct vm *vm, int resource, rlim_t value)
{
	struct rlimit wanted = { value, value };

	if (setrlimit(resource, &wanted) < 0)
		vm_die(vm, VM_EXIT_SETUP, "resource limit %d: %s", resource, strerror(errno));
}

static void limit_resources(const struct vm *vm)
{
	limit(vm, RLIMIT_NOFILE, OPEN_FILES_MAX);
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
	/* Any key does: that of RFC 8032's first example. */
	static const uint8_t key[ED25519_KEY_SIZE] = {
		0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe,
		0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
		0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
	};
	static const uint8_t signature[ED25519_SIGNATURE_SIZE];
	uint8_t digest[32];

	tls_sha256((const uint8_t *)"", 0, digest);
	ed25519_verify(key, signature, "", 0);
}

/* Pages that are mapped, 0 if the kernel does not say. */
static size_t mapped_bytes(void)
{
	char text[32] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	ssize_t r = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return r <= 0 ? 0 : strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

/* What is mapped, what the engine may have, and frames on their way in and out. */
static void limit_address_space(const struct vm *vm, size_t stack_bytes)
{
	size_t mapped = mapped_bytes();
	size_t own = 2 * vm->memory_max + stack_bytes + CAGE_SPARE_BYTES;

	if (!HAS_SANITIZER)
		limit(vm, RLIMIT_AS, mapped > 0 ? mapped + own : ADDRESS_SPACE_MAX);
}

static void give_up_privileges(const struct vm *vm)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		vm_die(vm, VM_EXIT_SETUP, "prctl: %s", strerror(errno));
	limit(vm, RLIMIT_CORE, 0);
	limit(vm, RLIMIT_NPROC, 0);
}

/* `result` is what installing a filter gave. */
static void warn_without_filter(const struct vm *vm, int result)
{
	if (result < 0)
		vm_warn(vm, "the kernel has no seccomp filters: system calls are not confined");
}

void vm_confine(struct vm *vm)
{
	reset_signals();
	close_inherited(vm);
	warm_up();
	give_up_privileges(vm);
	limit_resources(vm);
	/* A sanitizer's reports need system calls that the filter forbids. */
	if (!HAS_SANITIZER)
		warn_without_filter(vm, vm_seccomp_install());
}

void vm_confine_cage(struct vm *vm, size_t stack_bytes)
{
	int flags = fcntl(VM_CHANNEL_FD, F_GETFL);

	reset_signals();
	vm_die_when_stuck();
	signal(SIGXFSZ, SIG_IGN); /* last words to a file are lost, but say no wrong cause */
	close_inherited(vm);
	if (flags < 0 || fcntl(VM_CHANNEL_FD, F_SETFL, flags & ~O_NONBLOCK) < 0)
		vm_die(vm, VM_EXIT_SETUP, "channel: %s", strerror(errno));
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	limit_address_space(vm, stack_bytes);
	give_up_privileges(vm);
	limit(vm, RLIMIT_FSIZE, 0);
	limit(vm, RLIMIT_NOFILE, HAS_SANITIZER ? OPEN_FILES_MAX : 0);
	if (!HAS_SANITIZER)
		warn_without_filter(vm, vm_seccomp_install_cage());
}
