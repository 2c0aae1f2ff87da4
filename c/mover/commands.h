/* What the decider may ask for, grouped by subject. Every argument is checked here again: the
 * decider is not trusted with more than the contract says. */
#ifndef ADIT_MOVER_COMMANDS_H
#define ADIT_MOVER_COMMANDS_H

#include "mover.h"

/* Each runs one decoded message and answers it with the same sequence number. */
#define COMMAND(name)                                                                              \
	void command_##name(struct mover *mover, uint32_t seq, const struct msg_##name *message)

/* commands_core.c */
COMMAND(hello);
COMMAND(log);
COMMAND(ready);
COMMAND(pong);
COMMAND(exit);

/* commands_file.c */
COMMAND(file_read);
COMMAND(file_write);
COMMAND(file_remove);
COMMAND(listen_unix);
COMMAND(listen_tcp);
COMMAND(connect_udp);

/* commands_policy.c */
COMMAND(control_try);
COMMAND(control_keep);
COMMAND(policy_open);
COMMAND(policy_kill);

/* commands_bus.c */
COMMAND(bus_open);
COMMAND(bus_reply);
COMMAND(bus_notify);
/* Forgets the parts of a reply. */
void command_bus_forget(struct mover *mover);

/* commands_kernel.c */
COMMAND(watch);
COMMAND(link_set);
COMMAND(address_set);
COMMAND(route_set);
COMMAND(rule_set);
COMMAND(sysctl_get);
COMMAND(sysctl_set);
COMMAND(nft_apply);
COMMAND(nft_list);

/* commands_flows.c */
COMMAND(conntrack_delete);
/* Forgets the parts of a law. */
void command_flows_forget(struct mover *mover);

/* commands_path.c */
COMMAND(tun_open);
COMMAND(tun_close);
COMMAND(forward_set);
COMMAND(session_open);
COMMAND(session_close);
COMMAND(session_start);
COMMAND(session_send);
COMMAND(listen);
COMMAND(unlisten);
COMMAND(stats_get);

#define COMMAND_TEXT_MAX 256

/* Answers with `result`; without a text a failure is explained by its errno. Takes `fd`. */
void command_reply(struct mover *mover, uint32_t seq, int error, const char *text, int fd);
/* Writes "field: got: expected ..." into `ret_text` (COMMAND_TEXT_MAX); returns -EINVAL. */
int command_refuse(char *ret_text, const char *field, const char *got, const char *expected);
/* Where the decider's files may be. */
struct file_rules command_file_rules(const struct mover *mover);

/* arguments.c: pure checks of what the kernel is asked for. 0, or -EINVAL or -EPERM with a sentence
 * of COMMAND_TEXT_MAX bytes. `tun` is the name of the open TUN, "" if none. */
int check_link_set(const struct msg_link_set *message, const char *tun, char *ret_text);
int check_address_set(const struct msg_address_set *message, const char *tun, char *ret_text);
int check_route_set(const struct msg_route_set *message, char *ret_text);
int check_rule_set(const struct msg_rule_set *message, char *ret_text);
int check_bus_open(const struct msg_bus_open *message, char *ret_text);
int check_policy_open(const struct msg_policy_open *message, char *ret_text);
int check_session_open(const struct msg_session_open *message, char *ret_text);

#endif
