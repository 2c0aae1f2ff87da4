/* Which control module the decider runs: the installed one ("rom") or one of two slots of the state
 * directory. A module is on trial until it is kept; if its decider dies before, or is not kept in
 * time, what ran before comes back. */
#ifndef ADIT_MOVER_CONTROL_H
#define ADIT_MOVER_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../loop.h"

struct mover;

#define CONTROL_TRIAL_MS_MIN 1000
#define CONTROL_TRIAL_MS_MAX 600000
/* A kept module whose deciders die so often in a row gives way to the installed one. */
#define CONTROL_FAILURES_MAX 5
#define CONTROL_PATH_MAX 320

struct control_module {
	const char *slot; /* "rom", "a" or "b" */
	char *text; /* as it was when it was chosen; NULL for rom */
	size_t size;
};

struct control {
	struct control_module running;
	struct control_module former; /* while on trial: what comes back */
	bool trial;
	struct loop_timer deadline; /* of the trial */
};

/* Chooses the module at the start of the mover: what the state directory says was confirmed and
 * is that still, else the installed one. Every doubt is logged. */
void control_init(struct mover *mover);
void control_free(struct mover *mover);
/* What the next decider is to run. An installed module is read again; one that cannot be read any
 * more is replaced by its last good text: the router must go on without its disk. Borrowed. */
const char *control_text(struct mover *mover, size_t *ret_size);
/* Puts a slot on trial; the caller replaces the decider. 0, or -errno with a sentence of
 * COMMAND_TEXT_MAX bytes. */
int control_try(struct mover *mover, const char *slot, uint32_t trial_ms, char *ret_text);
/* Ends the trial, if there is one, in favour of what runs. */
void control_keep(struct mover *mover);
/* A decider is gone that was not replaced on purpose, or could not be started. True if another
 * module is to be started now. */
bool control_fell(struct mover *mover);

#endif
