#define _GNU_SOURCE 1
#include "sock.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 32
#define SOCKET_FLAGS (SOCK_CLOEXEC | SOCK_NONBLOCK)

static int fail(int fd, int error, const char *what, char *ret_text)
{
	if (fd >= 0)
		close(fd);
	snprintf(ret_text, SOCK_TEXT_MAX, "%s: %s", what, strerror(-error));
	return error;
}

/* 0 if somebody answers, -ECONNREFUSED if the file is a left-over, -ENOENT if there is none. */
static int try_connect(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);
	int error;

	if (fd < 0)
		return -errno;
	error = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;
	close(fd);
	/* A full backlog is a living listener too. */
	return error == -EAGAIN ? 0 : error;
}

static int remove_stale(const struct sockaddr_un *addr)
{
	struct stat stat;
	int error;

	if (lstat(addr->sun_path, &stat) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(stat.st_mode))
		return -EADDRINUSE;
	error = try_connect(addr);
	if (error != -ECONNREFUSED)
		return error == 0 ? -EADDRINUSE : error;
	return unlink(addr->sun_path) < 0 ? -errno : 0;
}

/* The mode comes from the mask, not from a chmod: by then the name could lead elsewhere. */
static int bind_unix(int fd, const struct sockaddr_un *addr, unsigned int mode)
{
	mode_t before = umask(0777 & ~mode);
	int error = bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 ? -errno : 0;

	umask(before);
	if (!error && listen(fd, BACKLOG) < 0)
		error = -errno;
	return error;
}

int sock_listen_unix(const char *path, unsigned int mode, char *ret_text)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int error;
	int fd;

	ret_text[0] = '\0';
	if (strlen(path) >= sizeof(addr.sun_path))
		return fail(-1, -ENAMETOOLONG, path, ret_text);
	memcpy(addr.sun_path, path, strlen(path));
	error = remove_stale(&addr);
	if (error)
		return fail(-1, error, path, ret_text);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);
	if (fd < 0)
		return fail(-1, -errno, path, ret_text);
	error = bind_unix(fd, &addr, mode);
	return error ? fail(fd, error, path, ret_text) : fd;
}

static void look_at_holder(const struct sockaddr_un *addr, socklen_t length,
			   struct sock_holder *ret_holder)
{
	struct ucred peer = { 0 };
	socklen_t size = sizeof(peer);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);

	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)addr, length) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		*ret_holder = (struct sock_holder){ true, peer.pid, peer.uid };
	close(fd);
}

/* Nobody is accepted: a connection is only a look at who listens. */
int sock_claim(const char *name, struct sock_holder *ret_holder)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t size = strlen(name);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + size);
	int error;
	int fd;

	if (size >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCKET_FLAGS, 0);
	error = fd < 0 ? -errno : 0;
	memcpy(addr.sun_path + 1, name, size);
	*ret_holder = (struct sock_holder){ 0 };
	if (!error && bind(fd, (struct sockaddr *)&addr, length) < 0)
		error = -errno;
	if (!error && listen(fd, BACKLOG) < 0)
		error = -errno;
	if (!error)
		return fd;
	if (fd >= 0)
		close(fd);
	if (error == -EADDRINUSE)
		look_at_holder(&addr, length, ret_holder);
	return error;
}

int sock_listen_tcp(const struct inet_ip *ip, uint16_t port, char *ret_text)
{
	static const int on = 1;
	struct sockaddr_storage addr;
	char text[INET_TEXT_MAX];
	socklen_t length = (socklen_t)inet_sockaddr(ip, port, &addr);
	int fd;

	ret_text[0] = '\0';
	inet_ip_text(ip, text);
	fd = socket(addr.ss_family, SOCK_STREAM | SOCKET_FLAGS, 0);
	if (fd < 0)
		return fail(-1, -errno, text, ret_text);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (ip->family == 6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&addr, length) < 0 || listen(fd, BACKLOG) < 0)
		return fail(fd, -errno, text, ret_text);
	return fd;
}

int sock_lead(int fd, const struct sock_way *way)
{
	if (way->mark &&
	    setsockopt(fd, SOL_SOCKET, SO_MARK, &way->mark, sizeof(way->mark)) < 0)
		return -errno;
	if (way->device && way->device[0] &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, way->device,
		       (socklen_t)strlen(way->device)) < 0)
		return -errno;
	return 0;
}

int sock_connect_udp(const struct inet_ip *ip, uint16_t port, const struct sock_way *way,
		     char *ret_text)
{
	struct sockaddr_storage addr;
	char text[INET_TEXT_MAX];
	socklen_t length = (socklen_t)inet_sockaddr(ip, port, &addr);
	int error;
	int fd;

	ret_text[0] = '\0';
	inet_ip_text(ip, text);
	fd = socket(addr.ss_family, SOCK_DGRAM | SOCKET_FLAGS, 0);
	if (fd < 0)
		return fail(-1, -errno, text, ret_text);
	error = sock_lead(fd, way);
	if (!error && connect(fd, (struct sockaddr *)&addr, length) < 0)
		error = -errno;
	return error ? fail(fd, error, text, ret_text) : fd;
}

int sock_tcp_segments(int fd, uint32_t *ret_out, uint32_t *ret_again)
{
	struct tcp_info info;
	socklen_t size = sizeof(info);

	*ret_out = *ret_again = 0;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
		return -errno;
	/* A kernel fills as much of the struct as it knows; total_retrans comes before segs_out. */
	if (size < offsetof(struct tcp_info, tcpi_segs_out) + sizeof(info.tcpi_segs_out))
		return -ENODATA;
	*ret_out = info.tcpi_segs_out;
	*ret_again = info.tcpi_total_retrans;
	return 0;
}

bool sock_tcp_repeats(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
	       info.tcpi_retransmits >= SOCK_REPEATS_MIN;
}

bool sock_tcp_hears(int fd, uint32_t within_ms)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
	       (info.tcpi_last_ack_recv < within_ms || info.tcpi_last_data_recv < within_ms);
}
