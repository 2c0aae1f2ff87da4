/* Files that the decider may ask for: which paths are allowed, reading in parts, atomic writing. */
#ifndef ADIT_SYS_FILE_H
#define ADIT_SYS_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILE_BYTES_MAX (1 << 20)
/* Files that a directory may hold before a new one is refused, and bytes before any is: what is
 * written is memory or scarce flash. */
#define FILE_COUNT_MAX 64
#define FILE_TOTAL_BYTES_MAX (8 << 20)
/* What the decider may write into one file. */
#define FILE_WRITE_BYTES_MAX (512 << 10)
#define FILE_STATE_NAME_MAX 64
/* Held by the daemon, below run_dir. */
#define FILE_LOCK_NAME "aditd.lock"

/* Where files may be. Texts are borrowed. */
struct file_rules {
	const char *config_path; /* absolute */
	const char *run_dir; /* absolute */
	const char *state_dir; /* absolute, without a slash at its end; NULL or empty: none */
	const uint8_t *config_text; /* last read configuration, NULL before */
	size_t config_size;
};

/* Absolute, without empty, "." and ".." parts and control characters, and not the root. Pure. */
bool file_path_is_clean(const char *path);
/* Clean and strictly below `dir`. Pure. */
bool file_is_below(const char *path, const char *dir);
/* Directly in state_dir, with a name of a-z, 0-9, ".", "_", "-", at most FILE_STATE_NAME_MAX bytes,
 * the first one a letter or digit. Pure. */
bool file_is_state(const struct file_rules *rules, const char *path);
/* Below run_dir, a file of state_dir, the configuration itself, or a path that stands in the
 * configuration's text as a whole: quoted, or in UCI as the unquoted value of an option. Pure. */
bool file_may_read(const struct file_rules *rules, const char *path);
/* Below run_dir or a file of state_dir, but never the configuration, whose text decides what else
 * may be read, so that who asks must not be its author; nor the lock, without which a second
 * daemon would start. */
bool file_may_write(const struct file_rules *rules, const char *path);

/* Where a socket may be made: below run_dir, but not the lock, or where the configuration's text
 * says so. It also says where ubusd listens: whoever took that place while ubusd starts again would
 * be obeyed by all of the system, so no name of ours begins with "ubus". Pure. */
bool file_may_listen(const struct file_rules *rules, const char *path);
/* Which socket of others may be connected to: one below run_dir, or that stands in the
 * configuration. Pure. */
bool file_may_connect(const struct file_rules *rules, const char *path);

/* What is known of a file that could be opened, else zeros. */
struct file_facts {
	uint32_t total; /* bytes */
	uint16_t mode; /* permission bits */
	uint32_t owner;
};

/* Reads at most `size` bytes from `offset` on. Regular files only, a symbolic link in the last part
 * is refused with -ELOOP. The bytes read or -errno (-EFBIG above FILE_BYTES_MAX). */
int file_read(const char *path, uint32_t offset, uint8_t *ret_data, size_t size,
	      struct file_facts *ret_facts);
/* Reads a whole file; the caller frees `ret_data`. 0 or -errno. */
int file_read_all(const char *path, uint8_t **ret_data, size_t *ret_size);
/* The same, but -EPERM unless the file is ours (effective user) and nobody else may write it. */
int file_read_own(const char *path, uint8_t **ret_data, size_t *ret_size);
/* 0 if the directory has room for the file, or to replace it, with `size` bytes; -ENOSPC or another
 * -errno. */
int file_check_room(const char *path, size_t size);
/* Replaces the file: temporary file beside it, fsync, rename, fsync of the directory. 0 or -errno;
 * -ENOSPC by file_check_room. */
int file_write(const char *path, unsigned int mode, const uint8_t *data, size_t size);
/* Makes the last part of the path, durably: files in it are no more so than their directory. One
 * that is there already is success. 0 or -errno. */
int file_make_directory(const char *path, unsigned int mode);
/* A missing file is success. 0 or -errno. */
int file_remove(const char *path);

#endif
