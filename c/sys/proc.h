/* What a fresh child needs, whether it goes on to run a program or not. */
#ifndef ADIT_SYS_PROC_H
#define ADIT_SYS_PROC_H

#include <stddef.h>
#include <sys/types.h>

/* A descriptor that becomes readable when the child ends, close-on-exec. -errno on failure. */
int proc_pidfd(pid_t pid);
/* Closes every descriptor from `first` on. Async-signal-safe. */
void proc_close_from(int first);
/* Default actions and an empty mask. Async-signal-safe. */
void proc_reset_signals(void);
/* Writes /proc/self/oom_score_adj; a refusal is ignored. */
void proc_set_oom_score(int score);
/* Describes a wait status: "exit status 3", "killed by signal 9 (Killed)". */
void proc_status_text(int status, char *ret_text, size_t size);

#endif
