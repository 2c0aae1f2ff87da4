/* Changes to links, addresses, routes and rules as the contract promises them: adding what exists
 * and removing what is gone succeed, what is foreign is never replaced and never deleted. Each
 * returns 0 or a negative errno and, in NL_SET_TEXT_MAX bytes, a sentence for people. `index` is
 * that of the interface which the message names, 0 if there is none: names are the caller's to
 * resolve. */
#ifndef ADIT_SYS_NL_SET_H
#define ADIT_SYS_NL_SET_H

#include "../contract.gen.h"
#include "nl_socket.h"

#define NL_SET_TEXT_MAX 512

int nl_set_link(struct nl_socket *socket, const struct msg_link_set *set, uint32_t index,
		 char *ret_text);
int nl_set_address(struct nl_socket *socket, const struct msg_address_set *set, uint32_t index,
		    char *ret_text);
int nl_set_route(struct nl_socket *socket, const struct msg_route_set *set, uint32_t index,
		  char *ret_text);
int nl_set_rule(struct nl_socket *socket, const struct msg_rule_set *set, char *ret_text);

#endif
