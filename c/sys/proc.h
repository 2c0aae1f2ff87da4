/* What a fresh child needs, whether it goes on to run a program or not. */
#ifndef ADIT_SYS_PROC_H
#define ADIT_SYS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A descriptor that becomes readable when the child ends, close-on-exec. -errno on failure. */
int proc_pidfd(pid_t pid);
/* Closes every descriptor from `first` on. Async-signal-safe. */
void proc_close_from(int first);
/* Default actions and an empty mask. Async-signal-safe. */
void proc_reset_signals(void);
/* Opens /dev/null where standard input, output or error is closed, so that no descriptor of ours
 * becomes what a log line or a child takes for one of them. 0 or -errno. */
int proc_fill_standard_files(void);
/* The child's wait status; -1 while it runs. A child that somebody else reaped counts as killed. */
int proc_reap(pid_t pid);
/* Writes /proc/self/oom_score_adj; a refusal is ignored. */
void proc_set_oom_score(int score);
/* Processor time of a process so far; 0 if it is gone. */
uint64_t proc_cpu_us(pid_t pid);
/* True for a process that waits for its turn on a processor or for a disk, or has its turn. */
bool proc_wants_cpu(pid_t pid);
/* Describes a wait status: "exit status 3", "killed by signal 9 (Killed)". */
void proc_status_text(int status, char *ret_text, size_t size);

#endif
