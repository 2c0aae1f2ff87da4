/* Addresses as they travel in the contract: network byte order, family first. */
#ifndef ADIT_INET_H
#define ADIT_INET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inet_ip {
	uint8_t family; /* 0 none, 4, 6 */
	uint8_t bytes[16]; /* 4 or 16 are used, the rest is zero */
};

struct inet_prefix {
	struct inet_ip ip;
	uint8_t length; /* bits; host bits below may be set (interface addresses) */
};

struct inet_mac {
	uint8_t bytes[6];
};

#define INET_TEXT_MAX 64

/* Writes "1.2.3.4", "2001:db8::1" or "none"; NUL-terminated, at most INET_TEXT_MAX bytes. */
void inet_ip_text(const struct inet_ip *ip, char ret_text[static INET_TEXT_MAX]);
void inet_prefix_text(const struct inet_prefix *prefix, char ret_text[static INET_TEXT_MAX]);
bool inet_ip_equal(const struct inet_ip *a, const struct inet_ip *b);
/* True if `ip` has the prefix's family and lies in it. */
bool inet_prefix_has(const struct inet_prefix *prefix, const struct inet_ip *ip);
/* True if the family is 4 or 6 and the length fits it. */
bool inet_prefix_valid(const struct inet_prefix *prefix);
/* True if it is valid and no host bit is set. */
bool inet_prefix_is_network(const struct inet_prefix *prefix);
/* Fills a sockaddr_storage for `port` (host order); returns its length, 0 for family 0. */
struct sockaddr_storage;
size_t inet_sockaddr(const struct inet_ip *ip, uint16_t port, struct sockaddr_storage *ret_addr);
/* The reverse; IPv4-mapped IPv6 becomes IPv4. False for other families. */
bool inet_from_sockaddr(const struct sockaddr_storage *addr, struct inet_ip *ret_ip,
			uint16_t *ret_port);

#endif
