/* The system call filters of decider and cage, as classic BPF over struct seccomp_data
 * (linux/seccomp.h, Documentation/userspace-api/seccomp_filter.rst). Written out here because
 * libseccomp is not in OpenWrt's base image. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

/* Where musl keeps 64 bits of time in a 32-bit process, it gives the former calls other names. */
#ifndef __NR_clock_gettime
#define __NR_clock_gettime __NR_clock_gettime32
#endif
#if !defined(__NR_gettimeofday) && defined(__NR_gettimeofday_time32)
#define __NR_gettimeofday __NR_gettimeofday_time32
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

static const int decider_calls[] = {
	/* reading, writing, waiting: on what was handed over */
	__NR_read, __NR_write, __NR_readv, __NR_writev, __NR_recvfrom, __NR_recvmsg, __NR_accept4,
	__NR_close, __NR_ppoll,
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
#ifdef __NR__llseek
	__NR__llseek, __NR_fstat64,
#endif
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

/* What remains for a cage beside its two descriptors and its memory. */
static const int cage_calls[] = {
	__NR_clock_gettime, __NR_setitimer,
#ifdef __NR_clock_gettime64
	__NR_clock_gettime64,
#endif
	__NR_rt_sigreturn, __NR_rt_sigprocmask, __NR_getpid, __NR_gettid, __NR_restart_syscall,
	__NR_exit, __NR_exit_group,
	__NR_getrandom, /* the C library's heap wants a seed */
#ifdef __NR_sigreturn
	__NR_sigreturn,
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

/* A socket that was handed over is connected to whom the mover let it be: none sends to others. */
static void allow_without_address(struct filter *filter)
{
	emit(filter, (struct sock_filter)SKIP_UNLESS(__NR_sendto, 6));
	for (size_t word = 0; word <= 4; word += 4) {
		emit(filter, (struct sock_filter)LOAD(offsetof(struct seccomp_data, args[4]) +
						      word));
		emit(filter, (struct sock_filter)SKIP_UNLESS(0, word ? 1 : 3));
	}
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
}

/* `number` with its first argument among `count` ones. */
static void allow_first(struct filter *filter, int number, const uint32_t *values, size_t count)
{
	emit(filter, (struct sock_filter)SKIP_UNLESS((uint32_t)number, (uint8_t)(2 + 2 * count)));
	emit(filter, (struct sock_filter)LOAD(ARGUMENT(0)));
	for (size_t i = 0; i < count; i++) {
		emit(filter, (struct sock_filter)SKIP_UNLESS(values[i], 1));
		emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
	}
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
}

/* The cage moves its own limit of processor time from call to call, and no other limit. */
static void allow_cpu_limit(struct filter *filter)
{
	emit(filter, (struct sock_filter)SKIP_UNLESS(__NR_prlimit64, 6));
	emit(filter, (struct sock_filter)LOAD(ARGUMENT(0)));
	emit(filter, (struct sock_filter)SKIP_UNLESS(0, 3));
	emit(filter, (struct sock_filter)LOAD(ARGUMENT(1)));
	emit(filter, (struct sock_filter)SKIP_UNLESS(RLIMIT_CPU, 1));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_ALLOW));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
}

/* Refuses foreign calling conventions and leaves the call's number loaded. */
static void begin(struct filter *filter)
{
	emit(filter, (struct sock_filter)LOAD(offsetof(struct seccomp_data, arch)));
	emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
	emit(filter, (struct sock_filter)LOAD(offsetof(struct seccomp_data, nr)));
#if defined(__x86_64__)
	emit(filter, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32_BIT, 0, 1));
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
#endif
}

static void allow_memory(struct filter *filter)
{
	allow(filter, __NR_brk);
	allow(filter, __NR_munmap);
	allow(filter, __NR_mremap);
	allow(filter, __NR_madvise);
#ifdef __NR_mmap
	allow_without_exec(filter, __NR_mmap);
#endif
#ifdef __NR_mmap2
	allow_without_exec(filter, __NR_mmap2);
#endif
	allow_without_exec(filter, __NR_mprotect);
}

/* The rest is fatal, so this comes last. */
static int install(struct filter *filter)
{
	struct sock_fprog program = { .filter = filter->code };

	allow_on_self(filter, __NR_tgkill);
	emit(filter, (struct sock_filter)RETURN(SECCOMP_RET_KILL_PROCESS));
	program.len = filter->length;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

int vm_seccomp_install(void)
{
	struct filter filter = { .length = 0 };

	begin(&filter);
	for (size_t i = 0; i < ARRAY_SIZE(decider_calls); i++)
		allow(&filter, decider_calls[i]);
	allow_memory(&filter);
	allow_without_address(&filter);
#ifdef __NR_fcntl
	allow_flags_only(&filter, __NR_fcntl);
#endif
#ifdef __NR_fcntl64
	allow_flags_only(&filter, __NR_fcntl64);
#endif
	return install(&filter);
}

int vm_seccomp_install_cage(void)
{
	static const uint32_t readable[] = { VM_CHANNEL_FD };
	static const uint32_t writable[] = { VM_CHANNEL_FD, STDERR_FILENO };
	struct filter filter = { .length = 0 };

	begin(&filter);
	for (size_t i = 0; i < ARRAY_SIZE(cage_calls); i++)
		allow(&filter, cage_calls[i]);
	allow_memory(&filter);
	allow_first(&filter, __NR_read, readable, ARRAY_SIZE(readable));
	allow_first(&filter, __NR_write, writable, ARRAY_SIZE(writable));
	allow_cpu_limit(&filter);
	return install(&filter);
}
