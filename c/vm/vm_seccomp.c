/* The decider's system call filter, as classic BPF over struct seccomp_data (linux/seccomp.h,
 * Documentation/userspace-api/seccomp_filter.rst). Written out here because libseccomp is not in
 * OpenWrt's base image. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../check.h"
#include "vm_internal.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__i386__)
#define ARCH AUDIT_ARCH_I386
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH AUDIT_ARCH_AARCH64
#elif defined(__arm__)
#define ARCH (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? AUDIT_ARCH_ARMEB : AUDIT_ARCH_ARM)
#elif defined(__mips__) && defined(_ABIO32)
#define ARCH (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? AUDIT_ARCH_MIPS : AUDIT_ARCH_MIPSEL)
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH AUDIT_ARCH_RISCV64
#else
#error "name this machine's AUDIT_ARCH_ here"
#endif

/* x32 calls share the architecture word with x86-64 and carry this bit. */
#define X32_BIT 0x40000000u

#define WORD_LOW (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0)
#define ARGUMENT(i) (offsetof(struct seccomp_data, args) + 8 * (i) + WORD_LOW)

#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offset))
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
#define SKIP_UNLESS(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (count))

/* Instructions: two for each call, more for each whose argument matters. */
#define FILTER_MAX 256

struct filter {
	struct sock_filter code[FILTER_MAX];
	unsigned short length;
};

static const int allowed[] = {
	/* reading, writing, waiting: on what was handed over */
	__NR_read, __NR_write, __NR_readv, __NR_writev, __NR_recvfrom, __NR_sendto, __NR_recvmsg,
	__NR_sendmsg, __NR_accept4, __NR_close, __NR_ppoll,
#ifdef __NR_recv
	__NR_recv, __NR_send,
#endif
#ifdef __NR_poll
	__NR_poll,
#endif
#ifdef __NR_ppoll_time64
	__NR_ppoll_time64,
#endif
	__NR_lseek, __NR_fstat,
	/* memory, never executable: mmap and mprotect are checked below */
	__NR_brk, __NR_munmap, __NR_mremap, __NR_madvise,
	/* clocks, chance, the backstop's timer */
	__NR_clock_gettime, __NR_nanosleep, __NR_setitimer, __NR_getrandom,
#ifdef __NR_clock_gettime64
	__NR_clock_gettime64,
#endif
#ifdef __NR_gettimeofday
	__NR_gettimeofday,
#endif
#ifdef __NR_time
	__NR_time,
#endif
	/* the C library's own business */
	__NR_futex, __NR_rt_sigreturn, __NR_rt_sigprocmask, __NR_rt_sigaction, __NR_sigaltstack,
	__NR_getpid, __NR_gettid, __NR_restart_syscall, __NR_exit, __NR_exit_group,
#ifdef __NR_sigreturn
	__NR_sigreturn,
#endif
#ifdef __NR_futex_time64
	__NR_futex_time64,
#endif
#ifdef __NR_rseq
	__NR_rseq,
#endif
};

static void emit(struct filter *filter, struct sock_filter instruction)
{
	CHECK(filter->length < FILTER_MAX);
	filter->code[filter->length++] = instruction;
}

static void allow(struct filter *filter, int number)
{
	emit(filter, (struct sock_filter)SKIP_UNLESS((uint32_t)number, 1));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
}

/* Memory that can be written or read, but never run. */
static void allow_without_exec(struct filter *filter, int number)
{
	emit(filter, (struct sock_filter)SKIP_UNLESS((uint32_t)number, 4));
	emit(filter, (struct sock_filter)LOAD(ARGUMENT(2)));
	emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
}

/* abort() signals its own process; the mover has the same user id and must be out of reach. */
static void allow_on_self(struct filter *filter, int number)
{
	emit(filter, (struct sock_filter)SKIP_UNLESS((uint32_t)number, 4));
	emit(filter, (struct sock_filter)LOAD(ARGUMENT(0)));
	emit(filter, (struct sock_filter)SKIP_UNLESS((uint32_t)getpid(), 1));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
}

/* F_SETOWN and F_SETSIG would have the kernel send any signal to any process of the same real user,
 * the mover too. */
static void allow_flags_only(struct filter *filter, int number)
{
	static const uint32_t commands[] = { F_GETFL, F_SETFL, F_GETFD, F_SETFD };

	emit(filter, (struct sock_filter)SKIP_UNLESS((uint32_t)number,
						     2 + 2 * ARRAY_SIZE(commands)));
	emit(filter, (struct sock_filter)LOAD(ARGUMENT(1)));
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		emit(filter, (struct sock_filter)SKIP_UNLESS(commands[i], 1));
		emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
	}
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
}

static void build(struct filter *filter)
{
	emit(filter, (struct sock_filter)LOAD(offsetof(struct seccomp_data, arch)));
	emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
	emit(filter, (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr)));
#if defined(__x86_64__)
	emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
#endif
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		allow(filter, allowed[i]);
#ifdef __NR_mmap
	allow_without_exec(filter, __NR_mmap);
#endif
#ifdef __NR_mmap2
	allow_without_exec(filter, __NR_mmap2);
#endif
	allow_without_exec(filter, __NR_mprotect);
#ifdef __NR_fcntl
	allow_flags_only(filter, __NR_fcntl);
#endif
#ifdef __NR_fcntl64
	allow_flags_only(filter, __NR_fcntl64);
#endif
	allow_on_self(filter, __NR_tgkill);
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
}

int vm_seccomp_install(void)
{
	struct filter filter = { .length = 0 };
	struct sock_fprog program = { .filter = filter.code };

	build(&filter);
	program.len = filter.length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}
