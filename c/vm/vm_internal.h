/* What the files of c/vm share. */
#ifndef ADIT_VM_INTERNAL_H
#define ADIT_VM_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <quickjs.h>

#include "vm.h"

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

#define VM_FDS_MAX 64
#define VM_REJECTIONS_MAX 16
/* Bytes that may wait for the mover. */
#define VM_QUEUE_BYTES_MAX (4u << 20)

struct vm_fd {
	int fd;
	short events; /* POLLIN, POLLOUT: what the module wants to hear of */
	uint32_t serial; /* tells a reused number from the descriptor it had before */
};

struct vm_packet {
	struct vm_packet *next;
	size_t size;
	uint8_t data[];
};

/* Calls into the module: its exports, in the order of vm_export_names. */
enum vm_export {
	VM_START,
	VM_ON_MESSAGE,
	VM_ON_DESCRIPTOR,
	VM_ON_TIMER,
	VM_NEXT_DEADLINE_MS,
	VM_EXPORTS,
};

struct vm {
	const char *role; /* "decider", "cli" or "policy" */
	bool is_cli;
	bool is_policy; /* speaks frames, not the contract */
	int argc; /* words of the command line after the program's name */
	char **argv;

	JSRuntime *runtime;
	JSContext *context;
	JSValue exports[VM_EXPORTS];
	size_t memory_used;
	size_t memory_peak; /* since it was last reset to memory_used */
	size_t memory_max;
	size_t memory_collected; /* memory_used after the last full collection */

	unsigned int call_ms;
	uint64_t call_due_us; /* 0 while no call is running */
	uint64_t call_cpu_us; /* processor time when it began */
	bool overran;
	JSValue rejected[VM_REJECTIONS_MAX]; /* promises nobody handles yet */
	JSValue reasons[VM_REJECTIONS_MAX];
	int rejections;

	struct vm_fd fds[VM_FDS_MAX];
	int fd_count;
	uint32_t fd_serial;
	double deadline_ms; /* of the module's earliest timer; infinite if none */
	bool deadline_known; /* false after a call, which may have set another */

	struct vm_packet *queue_first;
	struct vm_packet **queue_last;
	size_t queue_bytes;

	bool exiting;
	int exit_status;
};

/* ---- vm.c: the engine, its limits, calls */

/* The whole file, NUL-terminated; owned by the caller. Dies if it cannot be read. */
char *vm_read_module(struct vm *vm, const char *path, size_t *ret_size);
/* Evaluates the module's text, NUL-terminated, borrowed for the call. Dies if it cannot be run. */
void vm_load(struct vm *vm, const char *text, size_t size, const struct vm_options *options);
/* Calls an export, then all pending jobs. Consumes `args`. Dies of an exception, an unhandled
 * rejection, or a call that runs too long. */
void vm_call(struct vm *vm, enum vm_export which, int argc, JSValue *args);
/* The module's earliest deadline, asked for at most once after a call. Dies as vm_call. */
double vm_next_deadline_ms(struct vm *vm);
/* Makes the engine with its limits and a context with the intrinsics that all roles have, and
 * leaves the clock of a call running. memory_max and call_ms are set by then. */
void vm_create(struct vm *vm, size_t stack_bytes);
/* Keeps promises that are rejected while nobody handles them, and lets go of those it has. */
void vm_track_rejections(struct vm *vm);
void vm_forget_rejections(struct vm *vm);
/* Starts and stops the clock of a call. */
void vm_begin_call(struct vm *vm);
void vm_end_call(struct vm *vm);
/* To be called between calls: collects cycles if a large part of the memory is in use. */
void vm_collect(struct vm *vm);
struct vm *vm_of(JSContext *context);
uint64_t vm_monotonic_us(void);
uint64_t vm_cpu_us(void);
/* True if the running call is to be interrupted. */
bool vm_is_overdue(const struct vm *vm);
#ifdef ADIT_TEST
/* Called before each allocation of the engine: a test may have it fail. */
extern void (*vm_test_allocation)(struct vm *vm);
#endif

/* ---- c/lib/engine_where.c, compiled with the engine */

/* " at name (file:line:column)" for the innermost functions of the script, in order; their number.
 * Allocates nothing and may be called from a signal handler. */
int vm_engine_position(JSRuntime *runtime, char *ret_text, size_t size);

/* ---- vm_lockdown.c */

/* Removes what pure code must not reach (clock, chance, compiling text) and freezes everything that
 * all code shares, and what the array `values` holds. 0, or -1 with an exception pending. */
int vm_lockdown(JSContext *context, JSValueConst values);

/* ---- vm_die.c: last words */

/* Prepares the line that the backstop's signal handler writes. */
void vm_die_prepare(struct vm *vm);
/* Writes "<role>: <text>" to stderr and, as a decider, to the mover; ends the process. */
_Noreturn void vm_die(const struct vm *vm, enum vm_exit status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Ends the process for want of memory, naming where the script is. */
_Noreturn void vm_die_of_memory(const struct vm *vm, const char *why);
/* Ends the process with the pending exception's name, message and stack. */
_Noreturn void vm_die_exception(struct vm *vm);
/* One warning to stderr and, as a decider, to the mover. */
void vm_warn(const struct vm *vm, const char *text);
/* From here on SIGPROF, the backstop's signal, ends the process with last words. */
void vm_die_when_stuck(void);

/* ---- vm_host.c, vm_host_cli.c: the module adit:host */

int vm_host_register(JSContext *context);
/* Functions that only the command line client has, added to the export list of adit:host. */
int vm_host_cli_declare(JSContext *context, JSModuleDef *module);
int vm_host_cli_define(JSContext *context, JSModuleDef *module);
/* A Uint8Array with a copy of the bytes. */
JSValue vm_bytes_new(JSContext *context, const uint8_t *data, size_t size);
/* Borrowed bytes of a Uint8Array argument; false with a TypeError pending for anything else. */
bool vm_bytes_get(JSContext *context, JSValueConst value, const uint8_t **ret_data,
		  size_t *ret_size);

/* ---- vm_loop.c: descriptors, the channel, waiting */

/* Takes over a descriptor, unwatched. 0 or -EMFILE (then it is closed). */
int vm_fd_add(struct vm *vm, int fd);
struct vm_fd *vm_fd_find(struct vm *vm, int fd);
void vm_fd_close(struct vm *vm, struct vm_fd *entry);
/* 0, -ENOBUFS, or -errno of the socket. */
int vm_send(struct vm *vm, const uint8_t *data, size_t size);
/* Runs the module until it exits; returns its status. */
int vm_loop(struct vm *vm);

/* ---- vm_confine.c, vm_seccomp.c: no way back to privileges */

/* No new privileges, resource limits, no core, signals of a fresh process. Dies on failure. */
void vm_confine(struct vm *vm);
/* Allows what the engine and the loop need, for good; every other system call kills the process. 0,
 * or -errno if the kernel has no seccomp filters. */
int vm_seccomp_install(void);
/* The same two for a cage, which needs much less: it reads one descriptor and writes two. */
void vm_confine_cage(struct vm *vm, size_t stack_bytes);
int vm_seccomp_install_cage(void);

#endif
