/* Privileges of the mover and of the decider that it starts. Raw system calls, no libcap. */
#ifndef ADIT_SYS_CAPS_H
#define ADIT_SYS_CAPS_H

/* User and group "adit": real ids of the mover, all ids of the decider. */
#define CAPS_UID 30473
#define CAPS_GID 30473

/* Keeps CAP_NET_ADMIN and CAP_NET_BIND_SERVICE in the effective, permitted and bounding sets and
 * nothing else; real ids become CAPS_UID and CAPS_GID while the effective user stays 0,
 * supplementary groups go, no_new_privs is set. Because the real user equals the decider's, the
 * mover can start and kill it without CAP_SETUID and CAP_KILL. 0 or -errno; on failure the process
 * must not go on. */
int caps_drop_mover(void);

/* All ids become CAPS_UID and CAPS_GID, every capability goes. Works with what caps_drop_mover
 * left. 0 or -errno; on failure the process must not go on. */
int caps_drop_decider(void);

#endif
