/* What one image of the program hands to the next: names, descriptors, and the two ways in. */
#ifndef ADIT_MOVER_ENTRY_H
#define ADIT_MOVER_ENTRY_H

/* argv[0] of a decider; a memory file with the module's text is its descriptor ENTRY_MODULE_FD, the
 * channel is VM_CHANNEL_FD. */
#define ENTRY_DECIDER_NAME "adit-decider"
#define ENTRY_MODULE_FD 4

/* argv[0] of a caged policy script; KiB of memory, KiB of stack and milliseconds of a call are its
 * arguments. A memory file with the prelude's text is its descriptor ENTRY_MODULE_FD, its socket to
 * the decider is VM_CHANNEL_FD. */
#define ENTRY_CAGE_NAME "adit-cage"

/* Runs the daemon until it is told to end; returns the exit status. */
int entry_daemon(int argc, char **argv);
/* Runs as the decider that the daemon started; returns the exit status. */
int entry_decider(void);
/* Runs as a cage that the daemon started; returns the exit status. */
int entry_cage(int argc, char **argv);
/* Runs as the command line client; returns the exit status. */
int entry_client(int argc, char **argv);
/* Chooses one of them by the name the program was called by. */
int entry_by_name(int argc, char **argv);

#endif
