#define _GNU_SOURCE 1
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_SUFFIX ".adit-new"

static bool part_is_clean(const char *part, size_t length)
{
	if (length == 0 || length > NAME_MAX)
		return false;
	if (part[0] == '.' && (length == 1 || (length == 2 && part[1] == '.')))
		return false;
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)part[i] < 0x20 || part[i] == 0x7f)
			return false;
	return true;
}

bool file_path_is_clean(const char *path)
{
	const char *part = path + 1;

	if (path[0] != '/' || strlen(path) >= PATH_MAX)
		return false;
	for (;;) {
		size_t length = strcspn(part, "/");

		if (!part_is_clean(part, length))
			return false;
		if (part[length] == '\0')
			return true;
		part += length + 1;
	}
}

bool file_is_below(const char *path, const char *dir)
{
	size_t length = strlen(dir);

	while (length > 0 && dir[length - 1] == '/')
		length--;
	return file_path_is_clean(path) && strncmp(path, dir, length) == 0 && path[length] == '/';
}

/* Whether a line of UCI gives a value: `option` and `list`, or their first letters. */
static bool gives_value(const char *text, const char *at)
{
	const char *line = at;

	while (line > text && line[-1] != '\n')
		line--;
	line += strspn(line, " \t");
	return *line == 'o' || *line == 'l';
}

/* Delimited by quotes of one kind, or in UCI by blanks. Both ends of the text are line feeds. */
static bool is_value(const char *text, const char *at, size_t length)
{
	char before = at[-1];
	char after = at[length];

	if (before == '"' || before == '\'')
		return after == before;
	return (before == ' ' || before == '\t') && after != '\0' && strchr(" \t\n;", after) &&
	       gives_value(text, at);
}

static bool is_in_text(const char *text, size_t size, const char *path)
{
	size_t length = strlen(path);
	const char *end = text + size - 1;
	const char *at = text + 1;

	while ((at = memmem(at, (size_t)(end - at), path, length)) != NULL) {
		if (is_value(text, at, length))
			return true;
		at++;
	}
	return false;
}

static bool is_in_config(const struct file_rules *rules, const char *path)
{
	char *text;
	bool found;

	if (!rules->config_text)
		return false;
	text = calloc(1, rules->config_size + 2);
	if (!text)
		return false;
	memcpy(text + 1, rules->config_text, rules->config_size);
	text[0] = text[rules->config_size + 1] = '\n';
	found = is_in_text(text, rules->config_size + 2, path);
	free(text);
	return found;
}

static bool is_state_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t length = strlen(name);

	return length > 0 && length <= FILE_STATE_NAME_MAX && strchr(letters, name[0]) &&
	       strspn(name, others) == length;
}

bool file_is_state(const struct file_rules *rules, const char *path)
{
	const char *dir = rules->state_dir;

	return dir && dir[0] && file_is_below(path, dir) &&
	       is_state_name(path + strlen(dir) + 1);
}

bool file_may_read(const struct file_rules *rules, const char *path)
{
	return file_is_below(path, rules->run_dir) || file_is_state(rules, path) ||
	       (file_path_is_clean(path) &&
		(strcmp(path, rules->config_path) == 0 || is_in_config(rules, path)));
}

/* Also under another name, such as /run for /var/run. */
static bool is_same_file(const char *path, const char *other)
{
	struct stat one, two;

	if (strcmp(path, other) == 0)
		return true;
	return stat(path, &one) == 0 && stat(other, &two) == 0 && one.st_dev == two.st_dev &&
	       one.st_ino == two.st_ino;
}

static bool is_lock(const char *path)
{
	return strcmp(strrchr(path, '/') + 1, FILE_LOCK_NAME) == 0;
}

bool file_may_write(const struct file_rules *rules, const char *path)
{
	if (!file_is_below(path, rules->run_dir) && !file_is_state(rules, path))
		return false;
	return !is_lock(path) && !is_same_file(path, rules->config_path);
}

bool file_may_listen(const struct file_rules *rules, const char *path)
{
	if (file_is_below(path, rules->run_dir))
		return !is_lock(path);
	return file_path_is_clean(path) && !strstr(path, "/ubus") && is_in_config(rules, path);
}

bool file_may_connect(const struct file_rules *rules, const char *path)
{
	return file_is_below(path, rules->run_dir) ||
	       (file_path_is_clean(path) && is_in_config(rules, path));
}

/* Not blocking, so that a FIFO or a device in the way is refused instead of waited for. */
static int open_regular(const char *path, struct stat *ret_stat)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_stat) < 0)
		error = -errno;
	else if (!S_ISREG(ret_stat->st_mode))
		error = -EINVAL;
	else if (ret_stat->st_size > FILE_BYTES_MAX)
		error = -EFBIG;
	if (!error)
		return fd;
	close(fd);
	return error;
}

/* Takes `fd`. */
static int read_and_close(int fd, uint32_t offset, uint8_t *ret_data, size_t size)
{
	ssize_t length = pread(fd, ret_data, size, offset);

	if (length < 0)
		length = -errno;
	close(fd);
	return (int)length;
}

int file_read(const char *path, uint32_t offset, uint8_t *ret_data, size_t size,
	      struct file_facts *ret_facts)
{
	struct stat stat;
	int fd = open_regular(path, &stat);

	*ret_facts = (struct file_facts){ 0 };
	if (fd < 0)
		return fd;
	ret_facts->total = (uint32_t)stat.st_size;
	ret_facts->mode = stat.st_mode & 07777;
	ret_facts->owner = stat.st_uid;
	return read_and_close(fd, offset, ret_data, size);
}

/* Gives back what of `data` is not used. */
static uint8_t *shrink(uint8_t *data, size_t size)
{
	uint8_t *smaller = realloc(data, size > 0 ? size : 1);

	return smaller ? smaller : data;
}

/* Takes `fd`, or passes its error on. */
static int read_all(int fd, uint8_t **ret_data, size_t *ret_size)
{
	uint8_t *data = fd < 0 ? NULL : malloc(FILE_BYTES_MAX);
	int length;

	if (fd < 0)
		return fd;
	if (!data) {
		close(fd);
		return -ENOMEM;
	}
	length = read_and_close(fd, 0, data, FILE_BYTES_MAX);
	if (length < 0) {
		free(data);
		return length;
	}
	*ret_size = (size_t)length;
	*ret_data = shrink(data, *ret_size);
	return 0;
}

int file_read_all(const char *path, uint8_t **ret_data, size_t *ret_size)
{
	struct stat stat;

	return read_all(open_regular(path, &stat), ret_data, ret_size);
}

int file_read_own(const char *path, uint8_t **ret_data, size_t *ret_size)
{
	struct stat stat;
	int fd = open_regular(path, &stat);

	if (fd >= 0 && (stat.st_uid != geteuid() || (stat.st_mode & (S_IWGRP | S_IWOTH)))) {
		close(fd);
		return -EPERM;
	}
	return read_all(fd, ret_data, ret_size);
}

static int write_and_sync(int fd, unsigned int mode, const uint8_t *data, size_t size)
{
	if (fchmod(fd, mode) < 0)
		return -errno;
	while (size > 0) {
		ssize_t written = write(fd, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		data += written;
		size -= (size_t)written;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

static int open_directory_of(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(dir, sizeof(dir), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* True if a file of that name and size may stand in the directory. One that stands there already
 * does not count again. */
static bool has_room(DIR *dir, const char *name, uint64_t size)
{
	struct dirent *entry;
	bool is_new = true;
	int count = -2; /* "." and ".." */

	while ((entry = readdir(dir)) != NULL) {
		struct stat stat;

		count++;
		if (strcmp(entry->d_name, name) == 0)
			is_new = false;
		else if (fstatat(dirfd(dir), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
			 S_ISREG(stat.st_mode))
			size += (uint64_t)stat.st_size;
	}
	return size <= FILE_TOTAL_BYTES_MAX && !(is_new && count >= FILE_COUNT_MAX);
}

int file_check_room(const char *path, size_t size)
{
	int fd = open_directory_of(path);
	bool room;
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	room = has_room(dir, strrchr(path, '/') + 1, size);
	closedir(dir);
	return room ? 0 : -ENOSPC;
}

static int sync_directory_of(const char *path)
{
	int error = 0;
	int fd = open_directory_of(path);

	if (fd < 0)
		return fd;
	if (fsync(fd) < 0)
		error = -errno;
	close(fd);
	return error;
}

int file_write(const char *path, unsigned int mode, const uint8_t *data, size_t size)
{
	char temporary[PATH_MAX];
	int length = snprintf(temporary, sizeof(temporary), "%s" TEMPORARY_SUFFIX, path);
	int error;
	int fd;

	if (length < 0 || (size_t)length >= sizeof(temporary))
		return -ENAMETOOLONG;
	error = file_check_room(path, size);
	if (error)
		return error;
	/* What a crash left under that name is of no use to anybody. */
	unlink(temporary);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	error = write_and_sync(fd, mode & 0777, data, size);
	close(fd);
	if (!error && rename(temporary, path) < 0)
		error = -errno;
	if (error)
		unlink(temporary);
	return error ? error : sync_directory_of(path);
}

int file_make_directory(const char *path, unsigned int mode)
{
	if (mkdir(path, mode) == 0)
		return sync_directory_of(path);
	return errno == EEXIST ? 0 : -errno;
}

int file_remove(const char *path)
{
	if (unlink(path) == 0)
		return sync_directory_of(path);
	return errno == ENOENT ? 0 : -errno;
}
