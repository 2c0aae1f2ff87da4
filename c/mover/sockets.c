#include "sockets.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct socket_made *find(const struct sockets *sockets, const char *path)
{
	for (size_t i = 0; i < SOCKETS_MAX; i++)
		if (path[0] && strcmp(sockets->made[i].path, path) == 0)
			return (struct socket_made *)&sockets->made[i];
	return NULL;
}

void sockets_note(struct sockets *sockets, const char *path)
{
	struct socket_made *made = find(sockets, path);
	struct stat stat;

	if (lstat(path, &stat) < 0 || strlen(path) >= sizeof(made->path))
		return;
	if (!made) {
		made = &sockets->made[sockets->next];
		sockets->next = (sockets->next + 1) % SOCKETS_MAX;
	}
	snprintf(made->path, sizeof(made->path), "%s", path);
	made->device = stat.st_dev;
	made->inode = stat.st_ino;
}

bool sockets_concern(const struct sockets *sockets, const char *path)
{
	struct stat stat;

	return find(sockets, path) || (lstat(path, &stat) == 0 && S_ISSOCK(stat.st_mode));
}

int sockets_remove(struct sockets *sockets, const char *path)
{
	struct socket_made *made = find(sockets, path);
	struct stat stat;

	if (lstat(path, &stat) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!made || made->device != stat.st_dev || made->inode != stat.st_ino)
		return -EPERM;
	made->path[0] = '\0';
	return unlink(path) < 0 ? -errno : 0;
}
