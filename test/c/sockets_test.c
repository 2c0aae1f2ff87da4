/* Which Unix sockets may be removed: ours, and nobody else's at the same name. */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "mover/sockets.h"
#include "test.h"

static char dir[] = "/tmp/sockets-test-XXXXXX";
static struct sockets sockets;

static const char *at(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int bind_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	EXPECT_EQUAL(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static bool exists(const char *path)
{
	struct stat found;

	return lstat(path, &found) == 0;
}

static void ours_is_removed_once(void)
{
	int fd = bind_socket(at("a"));

	sockets_note(&sockets, at("a"));
	EXPECT(sockets_concern(&sockets, at("a")));
	EXPECT_EQUAL(sockets_remove(&sockets, at("a")), 0);
	EXPECT(!exists(at("a")));
	EXPECT_EQUAL(sockets_remove(&sockets, at("a")), 0);
	close(fd);
}

static void anothers_stays(void)
{
	int fd = bind_socket(at("b"));
	char kept[128];
	int other;

	EXPECT(sockets_concern(&sockets, at("b")));
	EXPECT_EQUAL(sockets_remove(&sockets, at("b")), -EPERM);
	sockets_note(&sockets, at("b"));
	/* The name is kept while the new one is made, so that it is another inode. */
	snprintf(kept, sizeof(kept), "%s", at("kept"));
	EXPECT_EQUAL(link(at("b"), kept), 0);
	unlink(at("b"));
	other = bind_socket(at("b"));
	EXPECT_EQUAL(sockets_remove(&sockets, at("b")), -EPERM);
	EXPECT(exists(at("b")));
	close(fd);
	close(other);
	unlink(at("b"));
	unlink(kept);
}

static void a_file_in_its_place_stays(void)
{
	int fd = bind_socket(at("c"));

	sockets_note(&sockets, at("c"));
	unlink(at("c"));
	close(open(at("c"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	EXPECT(sockets_concern(&sockets, at("c")));
	EXPECT_EQUAL(sockets_remove(&sockets, at("c")), -EPERM);
	EXPECT(exists(at("c")));
	close(fd);
	unlink(at("c"));
}

static void plain_files_are_no_concern(void)
{
	close(open(at("d"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	EXPECT(!sockets_concern(&sockets, at("d")));
	EXPECT(!sockets_concern(&sockets, at("nothing")));
	EXPECT(!sockets_concern(&sockets, ""));
	unlink(at("d"));
}

static void the_oldest_is_forgotten(void)
{
	char name[2] = "0";
	int fds[SOCKETS_MAX + 1];

	for (int i = 0; i <= SOCKETS_MAX; i++, name[0]++) {
		fds[i] = bind_socket(at(name));
		sockets_note(&sockets, at(name));
	}
	EXPECT_EQUAL(sockets_remove(&sockets, at("0")), -EPERM);
	name[0] = '1';
	for (int i = 1; i <= SOCKETS_MAX; i++, name[0]++)
		EXPECT_EQUAL(sockets_remove(&sockets, at(name)), 0);
	for (int i = 0; i <= SOCKETS_MAX; i++)
		close(fds[i]);
	unlink(at("0"));
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	ours_is_removed_once();
	anothers_stays();
	a_file_in_its_place_stays();
	plain_files_are_no_concern();
	the_oldest_is_forgotten();
	rmdir(dir);
	return test_summary();
}
