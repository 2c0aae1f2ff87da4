/* The kernel's limits of a process (getrlimit(2)), as the mover starts with them. */
#ifndef ADIT_MOVER_LIMITS_H
#define ADIT_MOVER_LIMITS_H

#define LIMITS_DESCRIPTORS 4096

/* Raises what can be raised. 0, or -EPERM with a line in the log: without what is missing then a
 * decider would be started, die and be started for ever. Before privileges go. */
int limits_raise(void);

#endif
