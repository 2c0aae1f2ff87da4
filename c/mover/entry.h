/* What one image of the program hands to the next: names, descriptors, and the two ways in. */
#ifndef ADIT_MOVER_ENTRY_H
#define ADIT_MOVER_ENTRY_H

/* argv[0] of a decider; a memory file with the module's text is its descriptor ENTRY_MODULE_FD, the
 * channel is VM_CHANNEL_FD. */
#define ENTRY_DECIDER_NAME "adit-decider"
#define ENTRY_MODULE_FD 4

/* Runs the daemon until it is told to end; returns the exit status. */
int entry_daemon(int argc, char **argv);
/* Runs as the decider that the daemon started; returns the exit status. */
int entry_decider(void);
/* Runs as the command line client; returns the exit status. */
int entry_client(int argc, char **argv);
/* Chooses one of them by the name the program was called by. */
int entry_by_name(int argc, char **argv);

#endif
