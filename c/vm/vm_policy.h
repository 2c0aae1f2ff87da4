/* What the files of the policy cage share. */
#ifndef ADIT_VM_POLICY_H
#define ADIT_VM_POLICY_H

#include "vm_internal.h"

#define CAGE_ERROR_KINDS 8

struct cage {
	struct vm vm;
	JSValue prelude; /* namespace of adit:cage */
	JSValue handle, adopt; /* its functions */
	JSValue errors[CAGE_ERROR_KINDS]; /* prototypes, in the order of cage_error_names */
	bool import_refused; /* in the running request */
	bool has_script; /* whether it was good or not */
	bool is_ready; /* to answer calls */
	uint64_t cpu_us; /* at the request's begin, then of the request */
};

/* ---- vm_policy.c */

/* What vm_policy_main does after confining the process; in tests, without that. All options are
 * set, none is left to its default. */
int vm_policy_serve(const struct vm_policy_options *options);

/* ---- vm_policy_realm.c: what a script finds */

extern const char *const cage_error_names[CAGE_ERROR_KINDS];

/* Makes the engine, evaluates the prelude, freezes the world. Dies if any of it fails. */
void policy_start(struct cage *cage, const struct vm_policy_options *options);

/* ---- vm_policy_answer.c */

/* Sends a result's text or the pending exception, with `kind` as its meaning. Consumes `result`.
 * `done` is called when nothing of the script will run any more and before waiting for the reader.
 */
void policy_answer(struct cage *cage, JSValue result, const char *kind,
		   void (*done)(struct cage *cage));

#endif
