/* What mover and decider agree on about the decider's process: where its channel is and what its
 * exit status says. */
#ifndef ADIT_DECIDER_EXIT_H
#define ADIT_DECIDER_EXIT_H

/* Where a decider finds its end of the socket pair. */
#define VM_CHANNEL_FD 3

/* How a decider ends; everything but an exit that the module asked for is a fault. */
enum vm_exit {
	VM_EXIT_EXCEPTION = 70, /* uncaught exception, unhandled rejection, unusable module */
	VM_EXIT_MEMORY = 71, /* the engine asked for more than its limit */
	VM_EXIT_LOOP = 72, /* a call ran for longer than call_ms */
	VM_EXIT_STUCK = 73, /* and was still running after twice that time */
	VM_EXIT_MOVER_GONE = 74, /* the other end of the channel was closed */
	VM_EXIT_SETUP = 75, /* the kernel refused what confines the process */
};

#endif
