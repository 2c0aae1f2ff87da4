/* Which Unix sockets are ours: a name may by then be another program's socket, or a file. */
#ifndef ADIT_MOVER_SOCKETS_H
#define ADIT_MOVER_SOCKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "options.h"

/* The oldest is forgotten, and stays where it is. */
#define SOCKETS_MAX 4

struct sockets {
	struct socket_made {
		char path[OPTIONS_PATH_MAX + 1]; /* "" for none */
		dev_t device;
		ino_t inode;
	} made[SOCKETS_MAX];
	size_t next;
};

/* Remembers the socket that was just bound there. */
void sockets_note(struct sockets *sockets, const char *path);
/* Whether the path is, or was, that of a socket of ours, or has any socket now. */
bool sockets_concern(const struct sockets *sockets, const char *path);
/* Removes our socket; 0 also if it is gone, -EPERM if what is there is somebody else's, or another
 * -errno. */
int sockets_remove(struct sockets *sockets, const char *path);

#endif
