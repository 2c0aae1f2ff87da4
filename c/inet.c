#include "inet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void inet_ip_text(const struct inet_ip *ip, char ret_text[static INET_TEXT_MAX])
{
	int family = ip->family == 4 ? AF_INET : AF_INET6;

	if (ip->family != 4 && ip->family != 6)
		snprintf(ret_text, INET_TEXT_MAX, "none");
	else if (!inet_ntop(family, ip->bytes, ret_text, INET_TEXT_MAX))
		snprintf(ret_text, INET_TEXT_MAX, "none");
}

void inet_prefix_text(const struct inet_prefix *prefix, char ret_text[static INET_TEXT_MAX])
{
	size_t used;

	inet_ip_text(&prefix->ip, ret_text);
	if (prefix->ip.family != 4 && prefix->ip.family != 6)
		return;
	used = strlen(ret_text);
	snprintf(ret_text + used, INET_TEXT_MAX - used, "/%u", prefix->length);
}

bool inet_ip_equal(const struct inet_ip *a, const struct inet_ip *b)
{
	size_t length = a->family == 4 ? 4 : a->family == 6 ? 16 : 0;

	return a->family == b->family && memcmp(a->bytes, b->bytes, length) == 0;
}

bool inet_prefix_has(const struct inet_prefix *prefix, const struct inet_ip *ip)
{
	unsigned int whole = prefix->length / 8;
	unsigned int rest = prefix->length % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	if (!inet_prefix_valid(prefix) || prefix->ip.family != ip->family)
		return false;
	if (memcmp(prefix->ip.bytes, ip->bytes, whole) != 0)
		return false;
	return rest == 0 || ((prefix->ip.bytes[whole] ^ ip->bytes[whole]) & mask) == 0;
}

bool inet_prefix_valid(const struct inet_prefix *prefix)
{
	return (prefix->ip.family == 4 && prefix->length <= 32) ||
	       (prefix->ip.family == 6 && prefix->length <= 128);
}

bool inet_prefix_is_network(const struct inet_prefix *prefix)
{
	unsigned int bits = prefix->ip.family == 4 ? 32 : 128;

	if (!inet_prefix_valid(prefix))
		return false;
	for (unsigned int bit = prefix->length; bit < bits; bit++)
		if (prefix->ip.bytes[bit / 8] & (0x80u >> (bit % 8)))
			return false;
	return true;
}

size_t inet_sockaddr(const struct inet_ip *ip, uint16_t port, struct sockaddr_storage *ret_addr)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret_addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_addr;

	memset(ret_addr, 0, sizeof(*ret_addr));
	if (ip->family == 4) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, ip->bytes, 4);
		return sizeof(*v4);
	}
	if (ip->family == 6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, ip->bytes, 16);
		return sizeof(*v6);
	}
	return 0;
}

bool inet_from_sockaddr(const struct sockaddr_storage *addr, struct inet_ip *ret_ip,
			uint16_t *ret_port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)addr;

	memset(ret_ip, 0, sizeof(*ret_ip));
	if (addr->ss_family == AF_INET) {
		ret_ip->family = 4;
		memcpy(ret_ip->bytes, &v4->sin_addr, 4);
		*ret_port = ntohs(v4->sin_port);
		return true;
	}
	if (addr->ss_family != AF_INET6)
		return false;
	*ret_port = ntohs(v6->sin6_port);
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		ret_ip->family = 4;
		memcpy(ret_ip->bytes, v6->sin6_addr.s6_addr + 12, 4);
		return true;
	}
	ret_ip->family = 6;
	memcpy(ret_ip->bytes, &v6->sin6_addr, 16);
	return true;
}
