/* Netlink sockets: requests answered at once, dumps, and subscriptions read by the loop. Only what
 * the kernel itself sent (port 0) is looked at. */
#ifndef ADIT_SYS_NL_SOCKET_H
#define ADIT_SYS_NL_SOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "nl.h"

struct nl_socket;

/* How long an answer may take before a request fails with -ETIMEDOUT. */
#define NL_SOCKET_ANSWER_MS_MAX 2000
#define NL_SOCKET_RECEIVE_BYTES (4 << 20)
#define NL_SOCKET_TEXT_MAX 160

/* Opens a non-blocking socket of `protocol` (NETLINK_ROUTE, NETLINK_NETFILTER). 0 or -errno. */
int nl_socket_open(int protocol, struct nl_socket **ret_socket);
void nl_socket_close(struct nl_socket *socket);
int nl_socket_fd(const struct nl_socket *socket);
/* Joins a multicast group (RTNLGRP_, NFNLGRP_). 0 or -errno. */
int nl_socket_join(struct nl_socket *socket, uint32_t group);

/* Sends `request` and returns its sequence number in `ret_sequence`. 0 or -errno. */
int nl_socket_send(struct nl_socket *socket, void *request, size_t length, uint32_t *ret_sequence);
/* Reads one datagram without waiting; the bytes are valid until the next call. 0, -EAGAIN if there
 * is none, -ENOBUFS if the kernel had to drop some. */
int nl_socket_receive(struct nl_socket *socket, struct nl_cursor *ret_cursor);

/* Sends a request that carries NLM_F_ACK and waits for its answer. 0 or the negative errno;
 * `ret_text`, NULL or NL_SOCKET_TEXT_MAX bytes, gets the kernel's explanation. */
int nl_socket_request(struct nl_socket *socket, void *request, size_t length, char *ret_text);
/* Sends a dump request and calls `each` for every message until it returns something other than 0,
 * which is then the result, after the rest was read. An interrupted dump is -EINTR. */
int nl_socket_dump(struct nl_socket *socket, void *request, size_t length,
		   int (*each)(void *arg, const struct nl_message *message), void *arg);

#endif
